// The history as a story: each transition with its stages, and everything else a line each. Pure.

import { at } from "./times.js";
import { said } from "./words.js";

// In the order in which they are reached.
const STAGES = ["first_fail", "verdict", "decided", "enable_sent", "enable_answered", "up", "exported",
  "disable_sent", "disable_answered", "down", "gone", "followed"];

// How many entries are kept, as many as the daemon shows.
export const KEPT = 1000;

// Old and new entries together, oldest first, each once.
export function join(old, more) {
  const known = new Map(old.map((entry) => [entry.seq, entry]));
  more.forEach((entry) => known.set(entry.seq, entry));
  return [...known.values()].sort((a, b) => a.seq - b.seq).slice(-KEPT);
}

// The transitions and drills, latest first, with the latest stages that anybody told of. A snapshot knows the
// last transition of each service while it is under way. What was merely found at a start is none.
export function transitions(entries, services) {
  const done = new Map(entries.filter((entry) => ["done", "followed"].includes(entry.event) && entry.stages)
    .map((entry) => [entry.of, entry.stages]));
  const live = new Map(services.filter((service) => service.transition)
    .map((service) => [`${service.name} ${service.transition.stages.decided}`, service]));
  const told = entries.filter((entry) => entry.event === "transition" || isDrill(entry)).map((entry) => {
    if (isDrill(entry)) {
      const { strength, text, stages, outcome } = entry.report;
      return { ...entry, outcome, stages, from: "off", to: strength, reason: text, underway: false };
    }
    const service = live.get(`${entry.service} ${entry.stages.decided}`);
    const stages = done.get(entry.seq) ?? service?.transition.stages ?? entry.stages;
    const underway = service !== undefined && !done.has(entry.seq) && !isThrough(entry.to, stages)
      && service.want === entry.to && (service.actual !== entry.to || entry.to !== "off");
    return { ...entry, stages, underway };
  });
  return told.filter((entry) => !isFound(entry)).reverse();
}

// Whether it is a drill that announced something.
export function isDrill(entry) {
  return entry.event === "drill_ended" && !entry.report.dry_run && entry.report.outcome !== "refused";
}

// Whether BIRD was found like this, and nothing was to be done.
export function isFound(entry) {
  return entry.event === "transition" && entry.from === "unknown"
    && !entry.stages.enable_sent && !entry.stages.disable_sent;
}

function isThrough(to, stages) {
  return Boolean(to === "off" ? stages.down : stages.exported);
}

// The stages reached, each with the time since the one before it, in milliseconds.
export function steps(stages) {
  const reached = STAGES.filter((name) => stages[name]).map((name) => ({ name, at: at(stages[name]) }));
  // Stable: stages of one instant stay in their order.
  reached.sort((a, b) => a.at - b.at);
  return reached.map((stage, place) => ({ ...stage, after: place === 0 ? null : stage.at - reached[place - 1].at }));
}

// From the first fail, or else the decision, to the end; null while there is no end.
export function total(to, stages) {
  const end = at(to === "off" ? stages.down : stages.exported);
  const start = at(to === "off" ? stages.decided : stages.first_fail ?? stages.decided);
  const from = to !== "off" && stages.first_fail ? "total" : "total_decided";
  return Number.isFinite(end) && Number.isFinite(start) ? { ms: end - start, from } : null;
}

// What a line of the event list says: its word, and the rest in the daemon's own words. Stages,
// verdicts and states are names that the page has words for.
export function line(entry) {
  switch (entry.event) {
    case "started": return ["started", entry.version];
    case "stopped": return ["stopped", entry.why];
    case "reloaded": return ["reloaded", entry.error ?? ""];
    case "applied": return [entry.applied ? "applied" : "not_applied", entry.text];
    case "transition": return ["transition", `${entry.rule} ${said(entry.reason, entry.reason_message)}`, `s_${entry.from}`, `s_${entry.to}`];
    case "followed": return ["followed", entry.upstream, null, `f_${entry.state}`];
    case "verdict": return ["verdict", "", `v_${entry.from}`, `v_${entry.to}`];
    case "probe": return ["probe", `${entry.name}: ${entry.detail}`, `p_${entry.from}`, `p_${entry.to}`];
    case "isolated": return [entry.isolated ? "isolated" : entry.state === "cut_off" ? "cut_off" : entry.state === "open" ? "witnesses_open" : "connected", ""];
    case "released": return ["released", [entry.actor, entry.reason].filter(Boolean).join(": ")];
    case "override": return ["override", [entry.actor, entry.reason].filter(Boolean).join(": "), null, `a_${entry.action}`];
    case "override_ended": return ["override_ended", [entry.actor, entry.reason].filter(Boolean).join(": "), null, `a_${entry.action}`];
    case "failback_allowed": return ["failback_allowed", [entry.actor, entry.reason].filter(Boolean).join(": ")];
    case "consent_ended": return ["consent_ended", entry.text];
    case "drill_started": return ["drill_started", [entry.actor, entry.reason].filter(Boolean).join(": "), null, `s_${entry.strength}`];
    case "drill_ended": return ["drill_ended", entry.report.text, null, `o_${entry.report.outcome}`];
    case "readiness": return ["readiness", entry.problems.join("; "), entry.from && `lw_${entry.from}`, `lw_${entry.to}`];
    case "bird": return ["bird", entry.error ?? "", `b_${entry.from}`, `b_${entry.to}`];
    case "alarm": return entry.text === null ? ["cleared", "", null, `x_${entry.code}`] : ["alarm", said(entry.text, entry.message), null, `x_${entry.code}`];
    case "drift":
    case "failed": return [entry.event, entry.text];
    case "mended": return ["mended", entry.times === null ? entry.protocol : `${entry.protocol} (times ${entry.times}, next wait ${entry.next_wait_ms / 1000} s)`, null, entry.enabled ? "m_enabled" : "m_disabled"];
    case "clock_stepped": return ["clock_stepped", `${entry.by_ms} ms`];
    case "stalled": return ["stalled", `${entry.late_ms} ms`];
    default: return [entry.event, plain(entry)];
  }
}

// An entry that this page does not know: what it holds of text.
function plain(entry) {
  const known = ["seq", "at", "service", "event"];
  return Object.entries(entry).filter(([name, value]) => !known.includes(name) && ["string", "number"].includes(typeof value))
    .map(([name, value]) => `${name} ${value}`).join(", ");
}

// What the timeline does not tell already, latest first; with or without what happens often.
export function events(entries, everything) {
  const often = ["probe", "verdict", "stalled"];
  return entries.filter((entry) => entry.event !== "done" && !isDrill(entry) && (entry.event !== "transition" || isFound(entry))
    && (everything || !often.includes(entry.event))).reverse();
}
