// The page's parts that only decide, tried out inside the browser. Returns what is not as it should be.

const load = (name) => import(`/page/${name}.js`);
const [{ choose, said, speak, t, words }, { messages }, { at, clock, exact, answer, roughly }, { judge, headline, matches, carried, standing },
  { join, transitions, events, steps, total, line }, { shape, summary, nice, median, HEIGHT }, { merge }] =
  await Promise.all(["words", "messages", "times", "facts", "story", "plot", "feed"].map(load));

const failed = [];
function same(what, got, expected) {
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    failed.push(`${what}: ${JSON.stringify(got)} and not ${JSON.stringify(expected)}`);
  }
}

// Words.
same("both languages have the same words", Object.keys(words.en).sort(), Object.keys(words.zh).sort());
for (const key of Object.keys(words.en)) {
  const holes = (text) => (text.match(/\{\d\}/g) ?? []).sort();
  same(`holes of ${key}`, holes(words.zh[key]), holes(words.en[key]));
}
same("Chinese is chosen", choose(["zh-TW", "en"]), "zh");
same("the first known language is chosen", choose(["fr-FR", "zh-CN", "en"]), "zh");
same("without a known one it is English", choose(["fr"]), "en");
same("a hole is filled as it is", t("last_seen", "$& {0}"), "last seen $& {0} ago");
same("an unknown word is shown as it is called", t("x_brand_new"), "brand new");
speak("zh");
const message = (code, ...args) => ({ code, args });
const down = message("list", message("probe_down", "ping"), message("probe_up", "site"));
same("a list is told in Chinese", said("ping down, site up", down), "ping 失败，site 正常");
same("a message in a message, too", said("", message("takeover_delay_runs", down)), "ping 失败，site 正常；takeover_delay 计时中");
same("an operator's words stay as they are", said("", message("withdraw_by_because", "ann", "$& {0} up")), "ann 要求撤销：$& {0} up");
same("an argument can be a word of the page", said("", message("adopted_after_freeze", "full")), "冻结结束，沿用 BIRD 的状态：全量");
same("a long list says how many more", said("", message("filters_accept", message("list_and_more", "a", "b", "3"))), "导出过滤器接受 a，b 等，另有 3 项");
same("a text without a message stays as it is", said("something new", null), "something new");
same("so does one with an unknown code", said("a new text", message("brand_new", "x")), "a new text");
same("and one with an unknown code inside", said("a new text", message("takeover_delay_runs", message("brand_new"))), "a new text");
for (const [code, text] of Object.entries(messages.zh)) {
  same(`words of ${code}`, [...text.matchAll(/\{\d\|([a-z]+)\}/g)].filter(([, kind]) => !Object.keys(words.zh).some((key) => key.startsWith(`${kind}_`))), []);
}
speak("en");
same("English is what the daemon wrote", said("ping down", down), "ping down");

// Times.
const noon = at("2026-11-22T12:00:00.250Z");
same("a time of day", clock(noon, noon, true), "12:00:00");
same("with milliseconds", clock(noon, noon, true, true), "12:00:00.250");
same("with its date from afar", clock(noon, noon + 2 * 86400e3, true), "2026-11-22 12:00:00");
same("no time", clock(NaN, noon, true), "—");
same("rough spans", [0, 99e3, 100e3, 3 * 3600e3, 3 * 86400e3].map((ms) => roughly(ms).join(" ")), ["0 s", "99 s", "1 min", "3 h", "3 d"]);
same("exact spans", [3, 1512, 125e3].map(exact), ["3 ms", "1.512 s", "2 min 5 s"]);
same("answers", [0.412, 31.25, null].map(answer), ["0.41 ms", "31 ms", ""]);

// Facts.
const service = (changes) => ({ name: "web", role: "standby", prefixes: ["198.51.100.0/24"], protocols: ["web_v4"], upstreams: ["isp"],
  exported_to: [], verdict: "up", want: "off", actual: "off", override: null, latched: false, probes: [], transition: null, ...changes });
const snapshot = (services, alarms = [], more = {}) => ({ services, alarms, isolated: false, bird: { state: "up" }, ...more });
const full = { verdict: "down", want: "full", actual: "full", exported_to: ["isp"] };
const level = (changes, alarms = []) => judge(service(changes), alarms).level;
same("standing by is good", level({}), "good");
same("a takeover is here", level(full), "here");
same("a primary that announces is good", level({ ...full, verdict: "up", role: "primary" }), "good");
same("BIRD not as wanted is bad", level({ ...full, actual: "off" }), "bad");
same("exported to nobody is bad", level({ ...full, exported_to: [] }), "bad");
same("alarmed as not exported is bad", level(full, [{ code: "not_exported", service: "web" }]), "bad");
same("another's alarm is not its own", level({}, [{ code: "not_exported", service: "mail" }]), "good");
same("held back by a rule needs a look", level({ verdict: "down" }), "look");
const drill = { want: "off", actual: "drain", exported_to: ["isp"], drill: { phase: "holding" } };
same("a drill needs a look, and nothing is wrong", level(drill), "look");
same("a drill that nobody saw end is wrong", level({ ...drill, drill: { phase: "unverified" } }), "bad");
same("what nobody knows yet is not wrong", judge(service({ want: "unknown", actual: "off" }), []).differs, false);
same("first: BIRD", headline(snapshot([service({ actual: "full" })], [], { bird: { state: "busy" } })).key, "bird_down");
same("then what differs", headline(snapshot([service({}), service({ ...full, actual: "off" })])).key, "differs");
same("then isolation", headline(snapshot([service({})], [], { isolated: true })).key, "isolated");
same("then the takeover", headline(snapshot([service(full)])), { level: "here", key: "taken_over", of: ["web"], announced: ["web"], alarms: 0 });
same("else all is well", headline(snapshot([service({})])).level, "good");
same("found by a prefix", matches(service({}), "198.51"), true);
same("not found", matches(service({}), "mail"), false);
same("an upstream carries what is announced", carried(snapshot([service(full), service({})]), "isp"), { meant: 1, done: 1 });

const decided = (level) => ({ level, at: "2026-11-22T12:00:00.250Z" });
same("readiness of a minute ago still counts", standing(decided("ok"), noon + 60e3), "ok");
same("an older one does not", standing(decided("ok"), noon + 60001), "old");
same("nor one without a time", standing({ level: "ok" }, noon), "old");
same("none is none", standing(null, noon), undefined);

// The story.
const time = (ms) => new Date(noon + ms).toISOString();
const stages = { first_fail: time(0), verdict: time(3000), decided: time(3000), enable_sent: time(3001), enable_answered: time(3002), up: time(3004), exported: time(3030) };
const change = { seq: 2, at: time(3000), service: "web", event: "transition", from: "off", to: "full", rule: "D4", reason: "", stages: { decided: time(3000) } };
const done = { seq: 3, at: time(3030), service: "web", event: "done", of: 2, stages };
same("entries are joined by their number", join([change], [done, change]).map((entry) => entry.seq), [2, 3]);
same("a transition gets its last stages", transitions([change, done], [])[0].stages, stages);
const live = service({ want: "full", actual: "full", transition: { stages: { ...stages, exported: null } } });
same("one under way is seen so", transitions([change], [live])[0].underway, true);
same("what was found at a start is no takeover", transitions([{ ...change, from: "unknown" }], []).length, 0);
same("but an event", events([{ ...change, from: "unknown" }, done], false).length, 1);
const drilled = { seq: 4, at: time(9000), service: "web", event: "drill_ended", report: { outcome: "passed", dry_run: false, strength: "drain", text: "", stages: {} } };
same("a drill is in the timeline", transitions([drilled], []).map((entry) => entry.to), ["drain"]);
same("and not among the events", events([drilled], true).length, 0);
same("one that was refused is no more than an event", [transitions, events].map((list) => list([{ ...drilled, report: { ...drilled.report, outcome: "refused" } }], []).length), [0, 1]);
same("what each stage took", steps(stages).map((step) => `${step.name} ${step.after}`),
  ["first_fail null", "verdict 3000", "decided 0", "enable_sent 1", "enable_answered 1", "up 2", "exported 26"]);
same("what a takeover took", total("full", stages), { ms: 3030, from: "total" });
same("nothing while it goes on", total("off", stages), null);
same("an event of a later version", line({ seq: 1, at: "", event: "brand_new", text: "x", deep: {} }), ["brand_new", "text x"]);

// Plots.
const result = (ms, kind, rtt_ms = null) => ({ at: time(ms), result: kind, rtt_ms });
const passes = [0, 1000, 2000].map((ms) => result(ms, "pass", 1));
same("the highest answer fits below a round number", [0.03, 1, 1.1, 49, 51, 999].map(nice), [0.05, 1, 2, 50, 100, 1000]);
same("a median", median([5, 1, 3]), 3);
same("answers are one line", shape(passes, noon, noon + 2000).line.match(/M/g).length, 1);
same("a fail breaks it, and has a mark", (({ line, fails }) => [line.match(/M/g).length, fails])(
  shape([...passes, result(3000, "fail"), result(4000, "pass", 1)], noon, noon + 4000)), [2, `M450 0V${HEIGHT}`]);
same("a long silence breaks it", shape([...passes, result(60e3, "pass", 1)], noon, noon + 60e3).line.match(/M/g).length, 2);
same("an error has a mark of its own", shape([result(0, "error")], noon, noon + 1).errors !== "", true);
same("a pass without a time has one too", shape([result(0, "pass")], noon, noon + 1).quiet !== "", true);
same("in numbers", summary([...passes, result(3000, "fail"), result(4000, "error")]), { count: 5, lasted: 4000, fails: 1, errors: 1, median: 1, worst: 1 });
same("of nothing", summary([]).count, 0);

// What came since.
const news = (seq, results) => ({ seq, probes: [{ name: "ping", results }] });
const first = merge({ seq: 0, probes: new Map() }, news(2, [1, 2]));
same("what came since is added", merge(first, news(3, [3])).probes.get("ping"), [1, 2, 3]);
same("but never too much", merge(first, news(3, [3]), 2).probes.get("ping"), [2, 3]);
same("a daemon that began anew is believed", merge(first, news(1, [9])).probes.get("ping"), [9]);

return failed;
