// Readiness: what would keep this site from a takeover, and what to do about it.

import { el, fill, look, put, remark, state } from "./dom.js";
import { standing } from "./facts.js";
import { at, clock } from "./times.js";
import { span, t } from "./words.js";

const TONES = { ok: "good", warning: "look", no: "bad" };

// `readiness` is null where the daemon sends none; `time` is the element for its time.
export function ready(element, time, readiness, now) {
  const level = standing(readiness, now);
  const age = level === "old" ? ` · ${t("last_seen", span(now - at(readiness.at)))}` : "";
  put(time, readiness === null ? "" : `${t("as_of", clock(at(readiness.at), now, look.utc))}${age}`);
  const unfolded = element.querySelector("details")?.open ?? false;
  fill(element, readiness && [{ ...readiness, at: null }, level], () => {
    if (readiness === null) {
      return el("p", { class: "none" }, t("not_available"));
    }
    const amiss = readiness.checks.filter((check) => check.level !== "ok");
    const well = readiness.checks.filter((check) => check.level === "ok");
    return [
      el("p", { class: "say" }, state(TONES[level] ?? "bad", t(`l_${level}`), { "data-field": "level" })),
      amiss.length > 0 ? el("ul", { class: "list" }, ...amiss.map(check)) : null,
      well.length > 0 ? el("details", unfolded ? { open: "" } : {}, el("summary", {}, t("checks_ok", well.length)),
        el("ul", { class: "list" }, ...well.map(check))) : null,
    ];
  });
}

function check({ code, service, subject, level, text, message, advice, advice_message }) {
  return el("li", {}, state(TONES[level] ?? "bad", t(`c_${code}`)),
    [service, subject].some(Boolean) ? el("b", { class: "name" }, [service, subject].filter(Boolean).join(" · ")) : null,
    remark("detail", text, message),
    advice ? remark("advice", advice, advice_message) : null);
}
