// The plots on the page: each is drawn only while it is in sight, from results asked for meanwhile.

import { el, put, set, svg } from "./dom.js";
import { HEIGHT, WIDTH, shape, summary } from "./plot.js";
import { answer } from "./times.js";
import { span, t } from "./words.js";

const EVERY = 2000;
// A young series is not stretched over the whole width.
const AT_LEAST = 60e3;

// One probe's plot.
export class Plot {
  constructor(service, probe) {
    this.service = service;
    this.probe = probe;
    this.svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this.paths = {};
    for (const name of ["quiet", "line", "errors", "fails"]) {
      this.paths[name] = svg("path", { class: name });
      this.svg.append(this.paths[name]);
    }
    this.top = el("span", { class: "top", "aria-hidden": "true" });
    this.said = el("figcaption", {});
    this.el = el("figure", { class: "plot" }, el("div", { class: "area" }, this.svg, this.top), this.said);
    this.el.plot = this;
  }

  draw(results, now) {
    const told = summary(results);
    const from = results.length > 0 ? Math.min(Date.parse(results[0].at), now - AT_LEAST) : now - AT_LEAST;
    const drawn = shape(results, from, now);
    for (const [name, path] of Object.entries(this.paths)) {
      set(path, "d", drawn[name]);
    }
    put(this.top, told.median === null ? "" : answer(drawn.top));
    set(this.svg, "aria-label", t("plot", this.probe, told.count, span(told.lasted), told.fails, told.errors));
    const text = told.count === 0 ? [t("plot_none")] : [t("results", told.count, span(told.lasted)),
      ...(told.median === null ? [] : [t("median", answer(told.median)), t("worst", answer(told.worst))])];
    const marks = [["fails", told.fails], ["errors", told.errors]].filter(([, number]) => number > 0);
    const signature = JSON.stringify([text, marks, t("fails")]);
    if (this.signature !== signature) {
      this.signature = signature;
      this.said.replaceChildren(text.join(" · "), ...marks.flatMap(([name, number]) =>
        [" · ", el("span", { class: `key ${name}` }, t(name, number))]));
    }
  }
}

// Those in sight.
export class Plots {
  // `now`: what time it is at the daemon.
  constructor(latencies, now) {
    this.latencies = latencies;
    this.now = now;
    this.inSight = new Set();
    this.watch = new IntersectionObserver((seen) => {
      seen.forEach((one) => (one.isIntersecting ? this.inSight.add(one.target.plot) : this.inSight.delete(one.target.plot)));
      this.soon();
    }, { rootMargin: "100px" });
    this.asking = false;
    setInterval(() => this.refresh(), EVERY);
  }

  add(plot) {
    this.watch.observe(plot.el);
    return plot;
  }

  drop(plot) {
    this.watch.unobserve(plot.el);
    this.inSight.delete(plot);
  }

  // Many come into sight together.
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), 50);
  }

  async refresh() {
    if (this.asking || document.hidden) {
      return;
    }
    this.asking = true;
    for (const service of new Set([...this.inSight].map((plot) => plot.service))) {
      try {
        await this.latencies.ask(service);
      } catch {
        // Whether the daemon is heard, the status tells; an old plot stands still.
        continue;
      }
      this.draw(service);
    }
    this.asking = false;
  }

  draw(service) {
    for (const plot of this.inSight) {
      if (plot.service === service) {
        plot.draw(this.latencies.of(service, plot.probe), this.now());
      }
    }
  }
}
