// What stands beside the services: the first line, the alarms, BIRD, upstreams, overrides, and what
// there is of tunnels and lease.

import { el, fill, remark, Rows, state, when } from "./dom.js";
import { carried, count, headline } from "./facts.js";
import { drill } from "./services.js";
import { at } from "./times.js";
import { t } from "./words.js";

const byId = (id) => document.getElementById(id);

// The first line, and the page's title: a tab in the background says how it stands, too.
export function first(snapshot, lost) {
  const head = headline(snapshot);
  const { level, key, of, announced, alarms } = head;
  const element = byId("headline");
  element.className = `headline ${level}`;
  fill(element, head, () => [
    el("p", { class: "say" }, state(level, t(key)), of.length > 0 ? `: ${few(of)}` : "",
      el("span", { class: "alarm-count" }, ` · ${alarms === 0 ? t("no_alarm") : t("alarms_n", alarms)}`)),
    el("p", { class: "muted" }, announced.length > 0 ? `${t("announced_here")}: ${few(announced)}` : t("nothing_announced")),
  ]);
  const sign = lost ? "✕ " : { good: "", here: "■ ", look: "◆ ", bad: "▲ " }[level];
  document.title = `${sign}${snapshot.site} · Falconer`;
}

// Names, as many as a line takes.
function few(names) {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} … (${names.length})`;
}

// What is wrong, a line each.
export class Alarms {
  constructor() {
    this.rows = new Rows(byId("alarms-list"), () => {
      const line = el("li", {});
      return { el: line, update: (alarm) => fill(line, alarm, () => [
        state(alarm.code === "override" ? "look" : "bad", t(`x_${alarm.code}`), { "data-code": alarm.code }),
        alarm.service === null ? null : el("b", { class: "name" }, alarm.service),
        remark("detail", alarm.text, alarm.message),
        el("span", { class: "muted" }, `${t("since")} `, when(at(alarm.since)))]) };
    });
  }

  show(alarms) {
    byId("alarms").hidden = alarms.length === 0;
    byId("alarms-count").textContent = alarms.length;
    // Alarms have no names: one of the same kind, service and beginning is the same.
    const seen = new Map();
    const named = alarms.map((alarm) => {
      const name = `${alarm.code} ${alarm.service} ${alarm.since}`;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      return { name: `${name} ${seen.get(name)}`, ...alarm };
    });
    this.rows.show(named, (alarm) => alarm.name);
  }
}

export class Overrides {
  constructor() {
    this.rows = new Rows(byId("overrides-list"), () => {
      const line = el("li", {});
      return { el: line, update: ({ name, override: over }) => fill(line, [name, over], () => [
        state("look", t(`a_${over.action}`)), el("b", { class: "name" }, name),
        el("span", {}, over.actor), over.reason ? el("q", { class: "detail" }, over.reason) : null,
        over.until ? el("span", { class: "muted" }, `${t("until")} `, when(at(over.until))) : null]) };
    });
  }

  show(services) {
    const overridden = services.filter((service) => service.override !== null).map(({ name, override }) => ({ name, override }));
    byId("overrides").hidden = overridden.length === 0;
    this.rows.show(overridden, ({ name }) => name);
  }
}

export class Upstreams {
  constructor() {
    this.rows = new Rows(byId("upstreams-list"), () => {
      const line = el("li", {});
      return { el: line, update: ({ upstream, meant, done }) => fill(line, [upstream, meant, done], () => [
        state(upstream.state === "Established" ? "good" : "bad", upstream.state, { lang: "en" }),
        el("b", { class: "name" }, upstream.name),
        meant > 0 ? el("span", { class: done < meant ? "bad" : "" }, `${t("carries")} ${t("of", done, meant)}`) : null,
        upstream.error ? el("span", { class: "detail", lang: "en" }, upstream.error) : null,
        el("span", { class: "muted" }, `${t("since")} `, when(at(upstream.since)))]) };
    });
  }

  show(snapshot) {
    byId("upstreams-none").hidden = snapshot.upstreams.length > 0;
    const shown = snapshot.upstreams.map((upstream) => ({ upstream, ...carried(snapshot, upstream.name) }));
    this.rows.show(shown, ({ upstream }) => upstream.name);
  }
}

// One look at everything that is not a service.
export function strip(snapshot, level) {
  const { bird, upstreams, witnesses } = snapshot;
  const established = upstreams.filter((upstream) => upstream.state === "Established").length;
  const up = count(witnesses).up;
  const drills = snapshot.services.map((service) => service.last_drill).filter(Boolean).sort((a, b) => at(b.at) - at(a.at));
  const known = snapshot.services.some((service) => "last_drill" in service);
  const tone = (good, all) => (good === all ? "good" : good === 0 ? "bad" : "look");
  const from = [bird, established, upstreams.length, up, witnesses.length, snapshot.isolated, snapshot.cut_off, level, drills[0], known];
  fill(byId("strip"), from, () => [
    ["bird", "bird", [state(bird.state === "up" ? "good" : "bad", t(`b_${bird.state}`)), ` ${bird.version ?? ""} `, el("span", { class: "muted" }, `${t("since")} `, when(at(bird.since)))]],
    ["upstreams", "upstreams", upstreams.length === 0 ? [t("none")] : [state(tone(established, upstreams.length), t("established_n", established, upstreams.length))]],
    ["witnesses", "witnesses", witnesses.length === 0 ? [state("look", t("none"))] : [state(tone(up, witnesses.length), t("up_n", up, witnesses.length))]],
    ["isolation", "isolation", [state(snapshot.isolated || snapshot.cut_off ? "bad" : "good", t(snapshot.isolated ? "isolated_word" : snapshot.cut_off ? "cut_off_word" : "connected"))]],
    ["ready", "ready", [level ? state({ ok: "good", warning: "look" }[level] ?? "bad", t(`k_${level}`)) : el("span", { class: "muted" }, t("not_available"))]],
    ["drill", "last_drill", [known ? drill(drills[0]) : el("span", { class: "muted" }, t("not_available"))]],
  ].map(([name, word, told]) => el("div", { "data-tile": name }, el("dt", {}, t(word)), el("dd", {}, ...told))));
}

// Tunnels and lease, as far as there are any: their names and what they say of themselves.
export class Others {
  constructor() {
    this.rows = new Rows(byId("others-list"), () => {
      const line = el("li", {});
      return { el: line, update: ({ what, value }) => fill(line, value, () => [
        el("b", {}, what), el("span", { class: "detail" }, Object.entries(value)
          .filter(([, part]) => part !== null && typeof part !== "object").map(([name, part]) => `${name} ${part}`).join(" · "))]) };
    });
  }

  show({ tunnels, lease }) {
    const shown = [...tunnels.map((value) => ({ what: t("tunnels"), value })), ...(lease ? [{ what: t("lease"), value: lease }] : [])];
    byId("others").hidden = shown.length === 0;
    byId("others-title").textContent = [tunnels.length > 0 ? t("tunnels") : "", lease ? t("lease") : ""].filter(Boolean).join(" · ");
    this.rows.show(shown.map((item, place) => ({ ...item, place })), ({ place }) => place);
  }
}
