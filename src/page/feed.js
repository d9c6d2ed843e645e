// The connection to the daemon: the status by asking, the events as they happen, and how long ago
// anything was heard. It shows nothing.

// From one answer to the next question; and where answers are large, or nobody looks.
const EVERY = 1000;
const EVERY_LARGE = 2000;
const EVERY_HIDDEN = 5000;
const LARGE = 200e3;
// How long an answer may take.
const PATIENCE = 5000;
// Silence for so long, in milliseconds, and nobody may trust the page any more; a large status
// comes every two seconds. A browser lets a page that nobody looks at ask once a minute only.
const LOST_AFTER = 4000;
const LOST_AFTER_HIDDEN = 60e3 + EVERY_HIDDEN + PATIENCE;
// An event is worth asking at once, but the daemon composes a snapshot ten times a second at most.
const AT_ONCE = 110;
// Where the feed is full or gone, events are asked for, and the feed is tried again.
const EVENTS_EVERY = 3000;
const FEED_AGAIN = 60e3;

// What a GET answers: its JSON, or null where there is no such path.
export async function get(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
  if (answer.status === 404) {
    return null;
  }
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status}`);
  }
  const text = await answer.text();
  return { json: JSON.parse(text), size: text.length };
}

export class Feed {
  // `on`: { status(snapshot), events(entries, whole), beat() }; `whole`: all that there are, and not
  // only new ones; `beat` comes also when nothing does. None of them throws.
  constructor(on) {
    this.on = on;
    this.heard = null;
    this.size = 0;
    this.asking = false;
    // Hidden, or shown again and not asked since.
    this.away = false;
    this.timer = null;
    this.source = null;
    this.fed = false;
  }

  start() {
    document.addEventListener("visibilitychange", () => this.look());
    setInterval(() => this.on.beat(), 1000);
    this.ask();
    this.look();
  }

  // How long ago the daemon was heard, in milliseconds; null: never. A clock that stands still while
  // the machine sleeps must not make an old picture young, so both are asked.
  silence() {
    return this.heard === null ? null : Math.max(performance.now() - this.heard.steady, Date.now() - this.heard.wall);
  }

  // How long a silence may be before the daemon is lost, in milliseconds.
  limit() {
    return this.away || document.hidden ? LOST_AFTER_HIDDEN : LOST_AFTER;
  }

  async ask() {
    if (this.asking) {
      return;
    }
    this.asking = true;
    clearTimeout(this.timer);
    let answer = null;
    try {
      answer = await get("/v1/status");
    } catch {
      // The silence tells.
    }
    this.asking = false;
    this.away = document.hidden;
    if (answer === null) {
      this.on.beat();
    } else {
      this.size = answer.size;
      this.heard = { steady: performance.now(), wall: Date.now() };
      this.on.status(answer.json);
    }
    this.later(document.hidden ? EVERY_HIDDEN : this.size > LARGE ? EVERY_LARGE : EVERY);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), wait);
  }

  // A page that nobody looks at gives its feed back: there are few, and a browser has six
  // connections for all pages of a site.
  look() {
    if (document.hidden) {
      this.away = true;
      this.close();
    } else {
      this.later(0);
      this.open();
    }
  }

  async allEvents() {
    try {
      const answer = await get("/v1/events");
      this.on.events(answer.json.events, true);
    } catch {
      // Whether the daemon is heard, the status tells.
    }
  }

  open() {
    this.close();
    const source = new EventSource("/v1/events");
    this.source = source;
    source.onopen = () => { this.fed = true; this.allEvents(); };
    source.onmessage = (event) => {
      this.on.events([JSON.parse(event.data)], false);
      this.later(AT_ONCE);
    };
    source.addEventListener("resync", () => this.allEvents());
    source.onerror = () => {
      this.fed = false;
      this.allEvents();
      // Turned away for good: the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(this.again);
        this.again = setTimeout(() => this.open(), FEED_AGAIN);
      }
    };
    this.polling = setInterval(() => { if (!this.fed) { this.allEvents(); } }, EVENTS_EVERY);
  }

  close() {
    this.source?.close();
    this.source = null;
    this.fed = false;
    clearInterval(this.polling);
    clearTimeout(this.again);
  }
}

// The latest results of the probes that are looked at: of a service, or of the witnesses ("").
export class Latencies {
  constructor() {
    this.known = new Map();
  }

  // The results of a probe, oldest first.
  of(service, probe) {
    return this.known.get(service)?.probes.get(probe) ?? [];
  }

  forget() {
    this.known.clear();
  }

  async ask(service) {
    const known = this.known.get(service) ?? { seq: 0, probes: new Map() };
    const path = service === "" ? "/v1/witnesses/latency" : `/v1/services/${encodeURIComponent(service)}/latency`;
    const answer = await get(known.seq > 0 ? `${path}?after=${known.seq}` : path);
    if (answer !== null) {
      this.known.set(service, merge(known, answer.json));
    }
  }
}

// What was known, and what came since. Pure.
export function merge(known, latency, kept = 300) {
  const anew = latency.seq < known.seq;
  const probes = new Map(latency.probes.map((probe) => {
    const before = anew ? [] : known.probes.get(probe.name) ?? [];
    return [probe.name, [...before, ...probe.results].slice(-kept)];
  }));
  return { seq: latency.seq, probes };
}
