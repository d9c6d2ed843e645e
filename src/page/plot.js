// A plot of one probe's results: answer times as a line, fails and errors as marks of their own. The
// geometry is pure; drawing it sets four attributes.

import { at } from "./times.js";

export const WIDTH = 600;
export const HEIGHT = 60;
// The line keeps clear of the marks above it.
const TOP = 8;
// A break in the line: nothing came for this many times the usual distance.
const BREAK = 4;

// Where everything goes. `from` and `to` are the times at the left and right edge.
export function shape(results, from, to) {
  const width = Math.max(1, to - from);
  const x = (result) => Math.round(((at(result.at) - from) / width) * WIDTH * 10) / 10;
  const seen = results.filter((result) => at(result.at) >= from);
  const timed = seen.filter((result) => result.result === "pass" && result.rtt_ms !== null);
  const top = nice(Math.max(0.1, ...timed.map((result) => result.rtt_ms)));
  const y = (rtt) => Math.round((HEIGHT - 1 - (rtt / top) * (HEIGHT - 1 - TOP)) * 10) / 10;
  const mark = (wanted, from_y, to_y) => seen.filter(wanted).map((result) => `M${x(result)} ${from_y}V${to_y}`).join("");
  return {
    top,
    line: path(seen, x, y),
    quiet: mark((result) => result.result === "pass" && result.rtt_ms === null, HEIGHT - 7, HEIGHT),
    fails: mark((result) => result.result === "fail", 0, HEIGHT),
    errors: mark((result) => result.result === "error", HEIGHT - 16, HEIGHT),
  };
}

// The answer times; a fail, an error or a long silence breaks the line.
function path(results, x, y) {
  const usual = median(results.slice(1).map((result, place) => at(result.at) - at(results[place].at)));
  let drawn = "";
  let before = null;
  for (const result of results) {
    if (result.result !== "pass" || result.rtt_ms === null) {
      before = null;
      continue;
    }
    const joined = before !== null && at(result.at) - before <= BREAK * usual;
    // A point that stands alone is drawn too: a line of no length with round ends.
    drawn += joined ? `L${x(result)} ${y(result.rtt_ms)}` : `M${x(result)} ${y(result.rtt_ms)}h0`;
    before = at(result.at);
  }
  return drawn;
}

// What the results say in numbers.
export function summary(results) {
  const times = results.filter((result) => result.result === "pass" && result.rtt_ms !== null).map((result) => result.rtt_ms);
  const number = (wanted) => results.filter((result) => result.result === wanted).length;
  const lasted = results.length > 1 ? at(results.at(-1).at) - at(results[0].at) : 0;
  return { count: results.length, lasted, fails: number("fail"), errors: number("error"),
    median: times.length > 0 ? median(times) : null, worst: times.length > 0 ? Math.max(...times) : null };
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.floor((sorted.length - 1) / 2)];
}

// The next of 1, 2, 5, 10, ... that holds everything.
export function nice(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].find((step) => step * power >= most * 0.999);
  return Number((step * power).toPrecision(1));
}
