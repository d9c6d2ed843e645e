// The services: our verdict, what we want and what BIRD does, side by side; and, unfolded, everything
// else about one.

import { el, fill, put, Rows, set, state, when } from "./dom.js";
import { count, judge, matches } from "./facts.js";
import { Probes } from "./probes.js";
import { at } from "./times.js";
import { said, t } from "./words.js";

// Up to so many services are unfolded from the beginning, on a screen and on a phone.
const UNFOLDED = { wide: 3, narrow: 1 };
// More than so many scroll in a frame of their own, those that need a look first.
export const MANY = 25;
const WORST_FIRST = ["bad", "look", "here", "good"];
const COLUMNS = ["verdict", "want", "actual", "exported", "probes", "since", "why"];

export class Services {
  constructor(body, plots) {
    this.plots = plots;
    this.unfolded = null;
    this.rows = new Rows(body, ({ service }) => this.make(service));
  }

  // Shows those that the reader looks for; how many they are.
  show(snapshot, text, onlyWrong) {
    const most = matchMedia("(max-width: 820px)").matches ? UNFOLDED.narrow : UNFOLDED.wide;
    this.unfolded ??= new Set(snapshot.services.length <= most ? snapshot.services.map(({ name }) => name) : []);
    const items = snapshot.services.map((service) => ({ service, facts: judge(service, snapshot.alarms) }));
    const shown = items.filter(({ service, facts }) => matches(service, text) && (!onlyWrong || facts.level !== "good"));
    if (items.length > MANY) {
      shown.sort((a, b) => WORST_FIRST.indexOf(a.facts.level) - WORST_FIRST.indexOf(b.facts.level));
    }
    this.rows.show(shown.map((item) => ({ ...item, open: this.unfolded.has(item.service.name) })), ({ service }) => service.name);
    return shown.length;
  }

  make(service) {
    const id = `service-${service.name}`;
    const title = el("span", { class: "name" }, service.name);
    const button = el("button", { type: "button", class: "fold", "aria-controls": id },
      el("span", { class: "arrow", "aria-hidden": "true" }), title);
    const badges = el("span", { class: "badges" });
    const cells = Object.fromEntries(COLUMNS.map((name) => [name, el("span", { "data-field": name })]));
    const columns = COLUMNS.map((name) => el("td", { class: `col-${name}`, role: "cell" }, cells[name]));
    // The roles are said, because a phone shows rows and cells as boxes.
    const row = el("tr", { "data-service": service.name, role: "row" }, el("th", { scope: "row", role: "rowheader" }, button, badges), ...columns);
    const detail = el("tr", { class: "more-of", id, hidden: "", role: "row" },
      el("td", { colspan: COLUMNS.length + 1, role: "cell" }));
    const made = { el: [row, detail], button, badges, cells, inside: null, latest: null };
    made.update = (item) => this.update(made, item);
    button.addEventListener("click", () => this.fold(made));
    return made;
  }

  fold(row) {
    const name = row.latest.service.name;
    if (!this.unfolded.delete(name)) {
      this.unfolded.add(name);
    }
    this.update(row, { ...row.latest, open: this.unfolded.has(name) });
  }

  update(row, item) {
    row.latest = item;
    const { service, facts, open } = item;
    const [main, detail] = row.el;
    main.className = facts.level;
    for (const [name, cell] of Object.entries(row.cells)) {
      set(cell.parentElement, "data-label", t(name === "since" ? "since_head" : name));
    }
    badges(row.badges, service);
    cells(row.cells, service, facts);
    set(row.button, "aria-expanded", open ? "true" : "false");
    detail.hidden = !open;
    if (open) {
      row.inside ??= new Inside(detail.firstElementChild, service.name, this.plots);
      row.inside.show(service);
    } else if (row.inside !== null) {
      row.inside.end();
      row.inside = null;
    }
  }
}

function badges(element, { role, latched, override: over, drill: under }) {
  fill(element, [role, latched, over, under], () => [
    el("span", { class: "badge" }, t(role)),
    latched ? el("span", { class: "badge loud" }, t("latched")) : null,
    under ? el("span", { class: "badge loud" }, `${t("drill")} · ${t(`d_${under.phase}`)} · ${under.actor}`) : null,
    over ? el("span", { class: "badge loud" }, `${t(`a_${over.action}`)} · ${over.actor}`) : null,
  ]);
}

function cells(of, service, facts) {
  fill(of.verdict, service.verdict, () =>
    state({ up: "good", down: "bad", unclear: "look" }[service.verdict] ?? "look", t(`v_${service.verdict}`)));
  fill(of.want, service.want, () => strength(service.want));
  fill(of.actual, [service.want, service.actual], () => [
    el("span", { class: facts.differs ? "relation bad" : "relation", title: t(facts.differs ? "unequal" : "equals") },
      facts.differs ? "≠" : "="),
    strength(service.actual), el("span", { class: "hidden" }, t(facts.differs ? "unequal" : "equals"))]);
  fill(of.exported, [service.exported_to, service.upstreams, facts], () => {
    const told = `${service.exported_to.length}/${service.upstreams.length}`;
    return facts.unheard ? state("bad", told) : el("span", { class: facts.announced ? null : "muted" }, told);
  });
  const states = count(service.probes);
  fill(of.probes, [states, service.probes.length], () => {
    const told = t("up_n", states.up, service.probes.length);
    return states.down > 0 ? state("bad", told) : states.unknown > 0 ? state("look", told) : state("good", told);
  });
  fill(of.since, service.since, () => when(at(service.since)));
  fill(of.why, [service.rule, service.reason, service.reason_message, service.deadline], () => [
    el("span", { class: "rule" }, service.rule), " ", said(service.reason, service.reason_message),
    ...(service.deadline ? [` · ${t("until")} `, when(at(service.deadline))] : [])]);
}

// How strongly it is announced.
export function strength(word) {
  return el("span", { class: `strength ${word}` }, t(`s_${word}`));
}

// What is seen of an unfolded service.
class Inside {
  constructor(cell, name, plots) {
    this.facts = el("dl", { class: "facts" });
    const probes = el("div", { class: "probes" });
    this.probes = new Probes(probes, name, plots);
    cell.replaceChildren(this.facts, probes);
  }

  show(service) {
    const { prefixes, protocols, upstreams, exported_to, verified_at, override, last_drill, last_good_drill, standing, followed, rivals } = service;
    const from = { prefixes, protocols, upstreams, exported_to, verified_at, override, last_drill, last_good_drill, standing, followed, rivals };
    fill(this.facts, from, () => facts(service));
    this.probes.show(service.probes);
  }

  end() {
    this.probes.end();
  }
}

// How good the way is that an upstream prefers.
const WAYS = { follows: "good", prefers_another: "bad" };

function facts(service) {
  const announced = service.actual === "full" || service.actual === "drain";
  const upstreams = service.upstreams.map((name) => {
    const done = service.exported_to.includes(name);
    return state(done ? "good" : announced ? "bad" : "calm", name, { title: t(done ? "carried" : "not_carried") });
  });
  const told = [
    ["prefixes", service.prefixes.map((prefix) => el("code", {}, prefix))],
    ["protocols", service.protocols.map((protocol) => el("code", {}, protocol))],
    ["exported", upstreams],
    ["verified", [when(at(service.verified_at))]],
  ];
  if (service.standing) {
    const { prefixes, want, actual } = service.standing;
    const good = want === actual;
    told.push(["standing", [state(good ? (actual === "on" ? "good" : "calm") : "bad", t(`st_${actual}`), { title: t(good ? "equals" : "unequal") }),
      ...prefixes.map((prefix) => el("code", {}, prefix))]]);
  }
  if (service.followed?.length > 0) {
    told.push(["followed", service.followed.map((way) => state(WAYS[way.state] ?? "calm", `${way.upstream}: ${t(`f_${way.state}`)}`))]);
  }
  if (service.rivals?.length > 0) {
    told.push(["rivals", service.rivals.map((rival) => el("code", { title: rival.upstream }, `${rival.prefix} ${rival.as_path ?? ""}`))]);
  }
  if (service.override !== null) {
    const { action, actor, reason, until } = service.override;
    told.push(["overrides", [`${t(`a_${action}`)} · ${actor}`, ...(reason ? [el("q", {}, reason)] : []),
      ...(until ? [el("span", {}, `${t("until")} `, when(at(until)))] : [])]]);
  }
  if ("last_drill" in service) {
    told.push(["last_drill", [drill(service.last_drill)]]);
    if (service.last_drill && service.last_drill.outcome !== "passed") {
      told.push(["good_drill", [service.last_good_drill ? when(at(service.last_good_drill)) : t("never")]]);
    }
  }
  return told.map(([name, values]) => el("div", {}, el("dt", {}, t(name)),
    el("dd", {}, ...values.flatMap((value, place) => (place === 0 ? [value] : [" ", value])))));
}

// What came of a drill.
export function drill(last) {
  if (!last) {
    return t("never");
  }
  return el("span", { title: last.text ?? "" }, state(last.outcome === "passed" ? "good" : "bad", t(`o_${last.outcome}`)), " ", when(at(last.at)));
}

// Says how many are shown, where not all are.
export function counted(element, shown, all) {
  put(element, shown === all ? String(all) : t("shown_n", shown, all));
}
