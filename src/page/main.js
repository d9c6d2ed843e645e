// The page: what the daemon says goes where it belongs. It decides nothing, and changes nothing.

import { look, put, set } from "./dom.js";
import { Feed, get, Latencies } from "./feed.js";
import { Plots } from "./plots.js";
import { Probes } from "./probes.js";
import { ready } from "./ready.js";
import { counted, MANY, Services } from "./services.js";
import { Alarms, first, Others, Overrides, strip, Upstreams } from "./sides.js";
import { join } from "./story.js";
import { Timeline } from "./timeline.js";
import { at, clock } from "./times.js";
import { choose, span, speak, spoken, t } from "./words.js";

// Silence for so long, in milliseconds, and nobody may trust the page any more; a large status
// comes every two seconds.
const LOST_AFTER = 4000;
// A snapshot is composed every second at least.
const STUCK_AFTER = 6000;
const READINESS_EVERY = 5000;
const READINESS_MISSING = 60e3;

const byId = (id) => document.getElementById(id);
const now = { snapshot: null, received: 0, moved: 0, entries: [], readiness: null, lost: false };

const latencies = new Latencies();
const plots = new Plots(latencies, daemonTime);
const parts = {
  services: new Services(byId("services-rows"), plots),
  witnesses: new Probes(byId("witnesses-list"), "", plots),
  alarms: new Alarms(), overrides: new Overrides(), upstreams: new Upstreams(), others: new Others(),
  timeline: new Timeline(() => story()),
};
const feed = new Feed({ status: taken, events: told, beat });

// What time it is at the daemon, whatever the clock here says.
function daemonTime() {
  return now.snapshot === null ? Date.now() : at(now.snapshot.at) + performance.now() - now.received;
}

function taken(snapshot) {
  const before = now.snapshot;
  if (before !== null && before.version !== snapshot.version) {
    // The page belongs to the daemon that served it.
    location.reload();
    return;
  }
  if (before?.since !== snapshot.since) {
    latencies.forget();
  }
  if (before?.at !== snapshot.at) {
    now.moved = performance.now();
  }
  now.received = performance.now();
  now.snapshot = snapshot;
  beat();
  show();
}

function told(entries, whole) {
  now.entries = whole ? join([], entries) : join(now.entries, entries);
  story();
}

function show() {
  const { snapshot } = now;
  if (snapshot === null) {
    return;
  }
  look.now = daemonTime();
  put(byId("site"), snapshot.site);
  first(snapshot, now.lost);
  parts.alarms.show(snapshot.alarms);
  parts.overrides.show(snapshot.services);
  parts.upstreams.show(snapshot);
  parts.witnesses.show(snapshot.witnesses);
  parts.others.show(snapshot);
  byId("witnesses-none").hidden = snapshot.witnesses.length > 0;
  strip(snapshot, now.readiness);
  services();
  story();
  put(byId("about"), `Falconer ${snapshot.version} · ${t("running")} ${clock(at(snapshot.since), look.now, look.utc)} ·`);
}

function services() {
  const { snapshot } = now;
  if (snapshot === null) {
    return;
  }
  const all = snapshot.services.length;
  byId("search").hidden = all < 2;
  const shown = parts.services.show(snapshot, byId("filter").value.trim().toLowerCase(), byId("only-wrong").checked);
  const table = byId("services-table");
  table.classList.toggle("long", all > MANY);
  set(table, "tabindex", all > MANY ? 0 : null);
  counted(byId("services-count"), shown, all);
  byId("services-none").hidden = shown > 0;
  put(byId("services-none"), t(all === 0 ? "no_service" : "nothing_matches"));
}

function story() {
  if (now.snapshot !== null) {
    parts.timeline.show(now.entries, now.snapshot.services, byId("all-events").checked);
  }
}

// Every second, and with every answer: whether the daemon is heard, and how old its picture is.
function beat() {
  const silence = feed.silence();
  const stuck = now.snapshot === null ? 0 : performance.now() - now.moved;
  const lost = silence === null ? performance.now() > LOST_AFTER : silence > LOST_AFTER;
  const stale = lost || stuck > STUCK_AFTER;
  byId("lost").hidden = !stale;
  byId("main").classList.toggle("stale", stale);
  const age = t("last_seen", span(Math.max(silence, stuck)));
  if (stale) {
    put(byId("lost-what"), lost ? t("lost") : t("stuck", span(STUCK_AFTER)));
    put(byId("lost-since"), `${silence === null ? t("never_seen") : age} ·`);
    put(byId("lost-advice"), t("lost_advice"));
  }
  const pulse = byId("pulse");
  pulse.className = stale ? "pulse bad" : "pulse";
  const seen = now.snapshot === null ? "" : clock(at(now.snapshot.at), daemonTime(), look.utc);
  put(pulse, now.snapshot === null ? t("connecting") : stale ? `▲ ${age}` : `● ${t("live")} ${seen}`);
  if (now.lost !== stale) {
    now.lost = stale;
    show();
  }
}

async function askReadiness() {
  let again = READINESS_EVERY;
  try {
    const answer = document.hidden ? undefined : await get("/v1/ready");
    if (answer === null) {
      again = READINESS_MISSING;
    }
    now.readiness = answer === undefined ? now.readiness : answer?.json ?? null;
  } catch {
    // Whether the daemon is heard, the status tells.
  }
  ready(byId("readiness-body"), now.readiness);
  show();
  setTimeout(askReadiness, again);
}

// A choice of the reader's, kept where the browser lets us.
function choice(name, preset, chosen) {
  const select = byId(name);
  try {
    select.value = localStorage.getItem(`falconer-${name}`) ?? preset;
  } catch {
    select.value = preset;
  }
  if (select.value === "") {
    select.value = preset;
  }
  select.addEventListener("change", () => {
    try {
      localStorage.setItem(`falconer-${name}`, select.value);
    } catch {
      // It holds for this page, then.
    }
    chosen(select.value);
    anew();
  });
  chosen(select.value);
}

// In another language or zone everything is said anew.
function anew() {
  look.turn += 1;
  document.documentElement.lang = spoken() === "zh" ? "zh-CN" : "en";
  document.querySelectorAll("[data-t]").forEach((element) => put(element, t(element.dataset.t)));
  byId("filter").placeholder = t("filter");
  byId("filter").setAttribute("aria-label", t("filter"));
  const zone = look.utc ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
  put(byId("zone-name"), `${t("times_in", zone)} ·`);
  ready(byId("readiness-body"), now.readiness);
  beat();
  show();
  plots.refresh();
}

choice("language", choose(navigator.languages ?? [navigator.language]), speak);
choice("theme", "auto", (theme) => { document.documentElement.dataset.theme = theme; });
choice("zone", "local", (zone) => { look.utc = zone === "utc"; });
byId("filter").addEventListener("input", services);
byId("only-wrong").addEventListener("change", services);
byId("all-events").addEventListener("change", story);
anew();
feed.start();
askReadiness();
