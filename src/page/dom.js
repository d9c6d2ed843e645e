// Making and changing elements. Text goes in as text, never as markup; what did not change is not
// touched, so that two hundred services cost no more than what happened to them.

import { clock } from "./times.js";
import { spoken, tell } from "./words.js";

// How times are shown, and what time it is at the daemon. `turn` counts the changes of language and
// zone: whatever is shown has to be shown anew after one.
export const look = { utc: false, now: Date.now(), turn: 0 };

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes and children; a child is an element or a text.
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    set(made, attribute, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

export function svg(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([attribute, value]) => set(made, attribute, value));
  return made;
}

// Sets an attribute, or takes it away where the value is null or false.
export function set(element, attribute, value) {
  if (value === null || value === false || value === undefined) {
    if (element.hasAttribute(attribute)) {
      element.removeAttribute(attribute);
    }
  } else if (element.getAttribute(attribute) !== String(value)) {
    element.setAttribute(attribute, String(value));
  }
}

// Sets a text, if it is another one.
export function put(element, text) {
  if (element.textContent !== String(text)) {
    element.textContent = String(text);
  }
}

// Fills an element anew, if what it is made from has changed.
const filled = new WeakMap();
export function fill(element, from, make) {
  const signature = `${look.turn} ${JSON.stringify(from)}`;
  if (filled.get(element) !== signature) {
    filled.set(element, signature);
    element.replaceChildren(...[make()].flat().filter((child) => child !== null && child !== ""));
  }
}

// A text of the daemon, in the reader's language where it has a message, else marked as English.
export function remark(kind, text, message = null) {
  const told = tell(message);
  return el("span", { class: kind, lang: told === null && spoken() !== "en" ? "en" : null }, told ?? text);
}

// A time, to be read by people and machines.
export function when(ms, withMillis = false) {
  if (!Number.isFinite(ms)) {
    return el("span", {}, "—");
  }
  const iso = new Date(ms).toISOString();
  return el("time", { datetime: iso, title: iso }, clock(ms, look.now, look.utc, withMillis));
}

// A state: a sign that is not colour alone, and a word. `tone`: one of SIGNS.
const SIGNS = { good: "●", bad: "▲", look: "◆", here: "■", calm: "○" };
export function state(tone, word, of = {}) {
  return el("span", { class: `state ${tone}`, ...of }, el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[tone]), word);
}

// A list of elements, one an item, kept by a key. `make` returns { el, update(item) }.
export class Rows {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.rows = new Map();
  }

  show(items, key) {
    const gone = new Set(this.rows.keys());
    let next = this.parent.firstElementChild;
    for (const item of items) {
      const name = key(item);
      gone.delete(name);
      const row = this.rows.get(name) ?? this.add(name, item);
      this.update(row, item);
      for (const part of [row.el].flat()) {
        if (part === next) {
          next = next.nextElementSibling;
        } else {
          this.parent.insertBefore(part, next);
        }
      }
    }
    gone.forEach((name) => this.remove(name));
  }

  add(name, item) {
    const row = this.make(item);
    this.rows.set(name, row);
    return row;
  }

  update(row, item) {
    const signature = `${look.turn} ${JSON.stringify(item)}`;
    if (row.signature !== signature) {
      row.update(item);
      // Only now: what could not be shown is tried again.
      row.signature = signature;
    }
  }

  remove(name) {
    [this.rows.get(name).el].flat().forEach((part) => part.remove());
    this.rows.delete(name);
  }
}
