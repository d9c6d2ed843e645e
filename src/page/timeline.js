// The timeline: each takeover and failback with the time of its stages; and the events, a line each.

import { el, fill, Rows, state, when } from "./dom.js";
import { strength } from "./services.js";
import { events, line, steps, total, transitions } from "./story.js";
import { at, exact } from "./times.js";
import { said, t } from "./words.js";

const byId = (id) => document.getElementById(id);
const STAGE_WORDS = { verdict: "verdict_stage", exported: "exported_stage" };
// How many are shown at first, and how many more at a time.
const TRANSITIONS = 5;
const EVENTS = 15;
const MORE = 50;

export class Timeline {
  constructor(again) {
    this.limits = { timeline: TRANSITIONS, events: EVENTS };
    this.transitions = new Rows(byId("timeline-list"), makeTransition);
    this.events = new Rows(byId("events-list"), makeEvent);
    for (const name of ["timeline", "events"]) {
      byId(`${name}-more`).addEventListener("click", () => {
        this.limits[name] += MORE;
        again();
      });
    }
  }

  show(entries, services, everything) {
    this.list("timeline", this.transitions, transitions(entries, services));
    this.list("events", this.events, events(entries, everything));
  }

  list(name, rows, all) {
    rows.show(all.slice(0, this.limits[name]), (entry) => entry.seq);
    byId(`${name}-none`).hidden = all.length > 0;
    byId(`${name}-more`).hidden = all.length <= this.limits[name];
  }
}

function makeTransition({ service }) {
  const head = el("p", { class: "what" });
  const list = el("ol", { class: "steps" });
  const made = el("li", { "data-transition": service ?? "" }, head, list);
  return { el: made, update: (entry) => {
    fill(head, entry, () => describe(entry));
    fill(list, entry.stages, () => stages(entry.stages));
  } };
}

function describe(entry) {
  const took = total(entry.to, entry.stages);
  return [when(at(entry.at)), el("b", { class: "name" }, entry.service ?? ""),
    el("span", { class: "change" }, strength(entry.from), el("span", { "aria-hidden": "true" }, "→"), strength(entry.to)),
    entry.outcome ? el("span", { class: "badge loud" }, t("drill")) : null,
    entry.outcome ? state(entry.outcome === "passed" ? "good" : "bad", t(`o_${entry.outcome}`)) : null,
    el("span", { class: "detail" }, entry.rule ? el("span", { class: "rule" }, entry.rule) : null, " ", said(entry.reason, entry.reason_message)),
    entry.underway ? state("look", t("under_way")) : null,
    took === null ? null : el("span", { class: "total", "data-field": "total" }, t(took.from, exact(took.ms)))];
}

function stages(reached) {
  const all = steps(reached);
  const longest = Math.max(...all.map((step) => step.after ?? 0));
  return all.map((step) => el("li", { "data-stage": step.name, class: step.after !== null && step.after === longest && longest > 0 ? "longest" : null },
    el("span", { class: "stage" }, t(STAGE_WORDS[step.name] ?? step.name)),
    step.after === null ? when(step.at, true) : el("span", { class: "after", title: new Date(step.at).toISOString() }, `+${exact(step.after)}`)));
}

function makeEvent() {
  const made = el("li", {});
  return { el: made, update: (entry) => fill(made, entry, () => {
    const [word, text, from, to] = line(entry);
    const change = [from, to].filter(Boolean).map((key) => t(key)).join(" → ");
    return [when(at(entry.at)), el("span", { class: "event" }, t(`e_${word}`)),
      el("b", { class: "name" }, entry.service ?? ""),
      el("span", { class: "detail" }, [change, text].filter(Boolean).join(" · "))];
  }) };
}
