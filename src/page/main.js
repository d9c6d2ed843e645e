// The page: what the daemon says goes where it belongs. It decides nothing, and changes nothing.

import { look, put, set } from "./dom.js";
import { standing } from "./facts.js";
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

// A snapshot is composed every second at least; so much older than a silence may be, in
// milliseconds, and it is stuck.
const STUCK_LATER = 2000;
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
const feed = new Feed({
  status: (snapshot) => { attempt("status", () => taken(snapshot)); beat(); },
  events: (entries, whole) => { attempt("events", () => told(entries, whole)); },
  beat,
});

// What could not be drawn, and since when: there the page shows what was before.
const broken = new Map();
function attempt(what, draw) {
  try {
    draw();
    broken.delete(what);
  } catch (error) {
    if (!broken.has(what)) {
      console.error(`cannot draw: ${what}`, error);
      broken.set(what, performance.now());
    }
  }
}

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
  show();
}

function told(entries, whole) {
  now.entries = whole ? join([], entries) : join(now.entries, entries);
  story();
}

function show() {
  attempt("page", draw);
}

function draw() {
  const { snapshot } = now;
  if (snapshot === null) {
    return;
  }
  look.now = daemonTime();
  first(snapshot, now.lost);
  put(byId("site"), snapshot.site);
  parts.alarms.show(snapshot.alarms);
  parts.overrides.show(snapshot.services);
  parts.upstreams.show(snapshot);
  parts.witnesses.show(snapshot.witnesses);
  parts.others.show(snapshot);
  byId("witnesses-none").hidden = snapshot.witnesses.length > 0;
  strip(snapshot, standing(now.readiness, look.now));
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
  const limit = feed.limit();
  const lost = (silence ?? performance.now()) > limit;
  const isStuck = stuck > limit + STUCK_LATER;
  const undrawn = broken.size === 0 ? 0 : performance.now() - Math.min(...broken.values());
  const stale = lost || isStuck || broken.size > 0;
  byId("lost").hidden = !stale;
  byId("main").classList.toggle("stale", stale);
  const age = t("last_seen", span(Math.max(silence, stuck, undrawn)));
  if (stale) {
    put(byId("lost-what"), lost ? t("lost") : isStuck ? t("stuck", span(limit + STUCK_LATER)) : t("undrawn"));
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

let askAgain = null;
async function askReadiness() {
  clearTimeout(askAgain);
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
  showReadiness();
  show();
  clearTimeout(askAgain);
  askAgain = setTimeout(askReadiness, again);
}

function showReadiness() {
  attempt("readiness", () => ready(byId("readiness-body"), byId("readiness-at"), now.readiness, daemonTime()));
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
  showReadiness();
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
document.addEventListener("visibilitychange", () => { if (!document.hidden) { askReadiness(); } });
askReadiness();
