// Times as people read them. Pure: what time it is, is an argument.

const DAY = 86400e3;

// Milliseconds since 1970 of a time of the API, or NaN.
export function at(text) {
  return text ? Date.parse(text) : NaN;
}

const two = (number) => String(number).padStart(2, "0");

// A time of day; with its date where that is not today's by far, as BIRD does. `utc`: not the
// browser's own zone.
export function clock(ms, now, utc, withMillis = false) {
  if (!Number.isFinite(ms)) {
    return "—";
  }
  const time = new Date(ms);
  const part = (name) => (utc ? time[`getUTC${name}`]() : time[`get${name}`]());
  const ofDay = `${two(part("Hours"))}:${two(part("Minutes"))}:${two(part("Seconds"))}`;
  const date = `${part("FullYear")}-${two(part("Month") + 1)}-${two(part("Date"))}`;
  const millis = withMillis ? `.${String(time.getUTCMilliseconds()).padStart(3, "0")}` : "";
  return Math.abs(now - ms) < 20 * 3600e3 ? ofDay + millis : `${date} ${ofDay}${millis}`;
}

// How long, roughly: a number and the name of its unit, "s", "min", "h" or "d".
export function roughly(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 100) {
    return [seconds, "s"];
  }
  if (seconds < 6000) {
    return [Math.floor(seconds / 60), "min"];
  }
  return ms < 2 * DAY ? [Math.floor(seconds / 3600), "h"] : [Math.floor(ms / DAY), "d"];
}

// How long a stage took: "3 ms", "1.512 s", "2 min 5 s", "30 h".
export function exact(ms) {
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 60e3) {
    return `${(ms / 1000).toFixed(3)} s`;
  }
  return ms < 3600e3 ? `${Math.floor(ms / 60e3)} min ${Math.floor((ms % 60e3) / 1000)} s` : roughly(ms).join(" ");
}

// An answer's time: three digits are enough.
export function answer(ms) {
  if (ms === null || ms === undefined) {
    return "";
  }
  return ms < 10 ? `${Number(ms.toPrecision(2))} ms` : `${Math.round(ms)} ms`;
}
