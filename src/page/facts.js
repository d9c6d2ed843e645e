// What a snapshot says, put together: what needs a look, and what the page says first. Pure.

import { at } from "./times.js";

// How a service stands. `level`: "bad": BIRD does not do what is wanted, or too few carry it; "look":
// somebody should know; "here": a standby that announces; "good".
export function judge(service, alarms) {
  // A drill announces what is not wanted, and says so, unless it is lost.
  const drilling = Boolean(service.drill) && service.drill.phase !== "unverified";
  const differs = service.want !== service.actual && service.want !== "unknown" && !drilling;
  const announced = service.actual === "full" || service.actual === "drain";
  const alarmed = alarms.filter((alarm) => alarm.service === service.name);
  const unexported = alarmed.some((alarm) => alarm.code === "not_exported");
  const unheard = announced && !drilling && (unexported || service.exported_to.length === 0);
  const held = service.verdict !== "unclear" && service.want !== "unknown" && byVerdict(service) !== service.want;
  const look = alarmed.length > 0 || drilling || held || service.latched || service.override !== null || service.verdict === "unclear"
    || service.actual === "unknown" || service.probes.some((probe) => probe.state === "unknown");
  const here = announced && !drilling && service.role === "standby";
  const level = differs || unheard ? "bad" : look ? "look" : here ? "here" : "good";
  return { differs, unheard, announced, here, level };
}

// What the verdict alone would make us want.
function byVerdict(service) {
  return (service.role === "standby") === (service.verdict === "down") ? "full" : "off";
}

// The first line of the page: the worst thing, or that we stand in for a primary; and what is
// announced from here.
export function headline(snapshot) {
  const judged = snapshot.services.map((service) => [service, judge(service, snapshot.alarms)]);
  const names = (wanted) => judged.filter(([, facts]) => wanted(facts)).map(([service]) => service.name);
  const announced = names((facts) => facts.announced);
  const here = names((facts) => facts.here);
  const alarms = snapshot.alarms.length;
  const said = (level, key, of = []) => ({ level, key, of, announced, alarms });
  const worst = [
    ["bird_down", snapshot.bird.state !== "up" ? [""] : []],
    ["differs", names((facts) => facts.differs)],
    ["unheard", names((facts) => facts.unheard)],
    ["isolated", snapshot.isolated ? [""] : []],
    ["cut_off", snapshot.cut_off ? [""] : []],
  ].find(([, of]) => of.length > 0);
  if (worst) {
    return said("bad", worst[0], worst[1].filter(Boolean));
  }
  const level = alarms > 0 || judged.some(([, facts]) => facts.level === "look") ? "look" : here.length > 0 ? "here" : "good";
  return here.length > 0 ? said(level, "taken_over", here) : said(level, "all_well");
}

// Whether a service is what the reader looks for; `text` is in lower case.
export function matches(service, text) {
  const places = [service.name, service.role, ...service.prefixes, ...service.upstreams, ...service.protocols];
  return text === "" || places.some((place) => place.toLowerCase().includes(text));
}

// Which services an upstream is to carry, and which it does.
export function carried(snapshot, upstream) {
  const announced = snapshot.services.filter((service) =>
    service.upstreams.includes(upstream) && (service.actual === "full" || service.actual === "drain"));
  return { meant: announced.length, done: announced.filter((service) => service.exported_to.includes(upstream)).length };
}

// Readiness that was decided longer ago, in milliseconds, tells nothing of now.
const FRESH = 60e3;

// How a takeover stands: the level, or "old"; undefined where the daemon does not tell.
export function standing(readiness, now) {
  return readiness && !(now - at(readiness.at) <= FRESH) ? "old" : readiness?.level;
}

// How many of a service's probes are in which state.
export function count(probes) {
  const states = { up: 0, down: 0, unknown: 0 };
  for (const probe of probes) {
    states[probe.state] = (states[probe.state] ?? 0) + 1;
  }
  return states;
}
