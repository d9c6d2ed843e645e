// A probe or a witness: its state, its last result in words, and its plot.

import { el, fill, Rows, state, when } from "./dom.js";
import { Plot } from "./plots.js";
import { answer, at } from "./times.js";
import { t } from "./words.js";

const TONES = { up: "good", down: "bad", unknown: "look" };

// The probes of a service, or the witnesses (""), in `parent`.
export class Probes {
  constructor(parent, service, plots) {
    this.plots = plots;
    this.rows = new Rows(parent, (probe) => this.make(service, probe));
  }

  show(probes) {
    this.rows.show(probes, (probe) => probe.name);
  }

  // Nothing is drawn any more.
  end() {
    this.rows.rows.forEach((row) => this.plots.drop(row.plot));
  }

  make(service, probe) {
    const head = el("p", { class: "what" });
    const plot = this.plots.add(new Plot(service, probe.name));
    const made = el("div", { class: "probe", "data-probe": probe.name }, head, plot.el);
    return { el: made, plot, update: (now) => fill(head, now, () => describe(now)) };
  }
}

function describe(probe) {
  const { last } = probe;
  const start = [state(TONES[probe.state] ?? "look", t(probe.never_passed ? "p_never_passed" : `p_${probe.state}`), { "data-field": "state" }),
    el("b", { class: "name" }, probe.name), el("span", { class: "kind" }, probe.type)];
  if (last === null) {
    return [...start, el("span", { class: "muted" }, t("not_asked"))];
  }
  return [...start,
    el("span", { class: "rtt" }, answer(last.rtt_ms)),
    el("span", { class: "detail", lang: "en" }, last.detail),
    el("span", { class: "muted when" }, `${t(`r_${last.result}`)} · ${t("in_a_row", probe.streak)} · `, when(at(last.at)))];
}
