// The page's own words, in English and Chinese, and the daemon's texts in the reader's language.
//
// The daemon's texts (reasons, alarms, readiness) come in English, with a code and arguments beside
// them; messages.js has their Chinese. A text without a code, such as BIRD's own, is shown as it came.

import { messages } from "./messages.js";
import { roughly } from "./times.js";

export const words = {
  en: {
    u_s: "{0} s", u_min: "{0} min", u_h: "{0} h", u_d: "{0} d",
    live: "live", connecting: "connecting",
    lost: "No connection to Falconer",
    lost_advice: "What is below is old. Do not trust it; look at the site itself.",
    last_seen: "last seen {0} ago", never_seen: "not seen yet",
    undrawn: "The page cannot draw what Falconer says",
    stuck: "Falconer answers, but its picture is {0} old",
    all_well: "All as wanted", taken_over: "Taken over", no_alarm: "no alarm",
    bird_down: "BIRD does not answer", isolated: "This site is isolated", cut_off: "This site is cut off from where the primary is",
    differs: "BIRD is not as wanted", unheard: "Announced, but not exported",
    alarms_n: "alarms: {0}",
    announced_here: "Announced from here", nothing_announced: "Nothing is announced from here",
    bird: "BIRD", since: "since", since_head: "Since", running: "Running since",
    connected: "connected", isolation: "Isolation", isolated_word: "isolated", cut_off_word: "cut off",
    upstreams: "Upstreams", witnesses: "Witnesses", ready: "Ready", last_drill: "Last drill", good_drill: "Last good drill",
    never: "never", none: "none", of: "{0} of {1}", up_n: "{0}/{1} up", established_n: "{0}/{1} established",
    alarms: "Alarms", overrides: "Overrides", services: "Services", timeline: "Takeovers, failbacks and drills", drill: "drill",
    events: "Events", readiness: "If the primary died now", tunnels: "Tunnels", lease: "Lease",
    service: "Service", verdict: "Verdict", want: "Wanted", actual: "BIRD does", exported: "Exported to",
    probes: "Probes", why: "Why", alarm: "Alarm", what: "What", state: "State", error: "Error",     carries: "Carries", event: "Event",     until: "until", prefixes: "Prefixes", protocols: "Static protocols", verified: "Seen exported",     filter: "Filter by name, prefix, upstream", only_wrong: "Only what needs a look",
    shown_n: "{0} of {1} shown", nothing_matches: "No service matches.", no_service: "No service is configured.",
    no_transition: "No takeover, failback or drill yet.", no_event: "Nothing has happened yet.", no_upstream: "No upstream is configured.", no_witness: "No witness is configured: this site cannot tell a dead primary from its own lost uplink.",
    all_events: "Probes and verdicts too", more: "Show more", under_way: "under way",
    total: "{0} from the first fail to the end", total_decided: "{0} from the decision to the end",
    not_available: "not available", checks_ok: "{0} checks are well",     in_a_row: "{0} in a row", not_asked: "not asked yet",
    standing: "All the time", st_on: "announced", st_off: "not announced", st_unknown: "unknown",
    latched: "latched", standby: "standby", primary: "primary",
    v_up: "up", v_down: "down", v_unclear: "unclear",
    s_off: "off", s_drain: "drain", s_full: "full", s_unknown: "unknown",
    p_up: "up", p_down: "down", p_unknown: "unknown", p_never_passed: "never passed",
    r_pass: "pass", r_fail: "fail", r_error: "error",
    b_up: "up", b_busy: "busy", b_down: "down",
    k_ok: "yes", k_warning: "with reservations", k_no: "no", k_old: "nobody knows",
    l_ok: "It would be taken over", l_warning: "It would be taken over, with reservations", l_no: "It would not be taken over", l_old: "Not looked at lately: nobody knows whether it would be taken over", as_of: "as of {0}",
    lw_ok: "ok", lw_warning: "warning", lw_no: "no",
    a_announce: "announce", a_withdraw: "withdraw", a_freeze: "freeze", m_enabled: "enabled", m_disabled: "disabled",
    o_passed: "passed", o_failed: "failed", o_refused: "refused", o_aborted: "aborted",
    plot: "{0}: {1} results in {2}, {3} failed, {4} errors", plot_none: "no result yet",
    median: "median {0}", worst: "worst {0}", fails: "{0} failed", errors: "{0} errors", results: "{0} results in {1}",     first_fail: "first fail", decided: "decided", enable_sent: "enable sent", enable_answered: "enable answered", up: "up",
    disable_sent: "disable sent", disable_answered: "disable answered", down: "down", gone: "gone from every upstream", exported_stage: "exported", followed: "followed", verdict_stage: "verdict",
    language: "Language", theme: "Colours", zone: "Times", auto: "auto", light: "light", dark: "dark", local: "local", utc: "UTC",
    times_in: "Times: {0}", read_only: "Read-only. Changes are made with the falconer command on the host.",
    skip: "Skip to the services", equals: "as wanted", unequal: "not as wanted", carried: "carries it", not_carried: "does not carry it",
        x_not_exported: "not exported", x_drift: "drift", x_foreign_routes: "foreign routes", x_foreign_announcement: "foreign announcement", x_isolated: "isolated", x_cut_off: "cut off", x_latched: "latched",
    x_override: "override", x_bird_down: "BIRD down", x_upstream_down: "upstream down", x_state_dir: "state directory",
    x_render_drift: "bird.conf drift", x_lease: "lease", x_tunnel: "tunnel", x_probe: "probe", x_drill: "drill", x_rival: "rival",
    rivals: "Others' routes", f_follows: "prefers our route", f_prefers_another: "still prefers another way", f_cannot_be_heard: "cannot be heard",
    e_started: "started", e_stopped: "stopped", e_reloaded: "reloaded", e_applied: "bird.conf applied", e_not_applied: "bird.conf not applied",
    e_transition: "transition", e_done: "done", e_followed: "followed", e_verdict: "verdict", e_probe: "probe", e_isolated: "isolated", e_cut_off: "cut off", e_connected: "connected", e_witnesses_open: "witnesses unknown",
    e_latched: "latched", e_released: "released", e_override: "override", e_override_ended: "override ended", e_failback_allowed: "failback allowed", e_consent_ended: "failback to be allowed again", e_clock_stepped: "clock stepped",
    e_drift: "drift", e_mended: "drift mended", e_failed: "failed", e_bird: "BIRD", e_alarm: "alarm", e_cleared: "alarm cleared", e_stalled: "stalled", e_drill_started: "drill began", e_drill_ended: "drill ended", e_readiness: "readiness",
    d_recording: "being recorded", d_rising: "rising", d_holding: "announced", d_ending: "ending", d_unverified: "not seen to end",
    c_bird: "BIRD", c_protocols: "protocols", c_state: "state", c_upstreams: "upstreams", c_export_filter: "export filter", c_export_limit: "export limit",
    c_probes: "probes", c_witnesses: "witnesses", c_override: "override", c_latch: "latch", c_state_dir: "state directory",
    c_state_files: "state files", c_rendered_file: "rendered file", c_ghost: "ghost", c_winner: "winner", c_last_drill: "last drill", c_route: "route", c_standing: "standing", c_alarms: "alarms", c_tunnels: "tunnels", c_lease: "lease",
  },
  zh: {
    u_s: "{0} 秒", u_min: "{0} 分钟", u_h: "{0} 小时", u_d: "{0} 天",
    live: "实时", connecting: "正在连接",
    lost: "与 Falconer 的连接已中断",
    lost_advice: "下方内容已经过时，不可信；请直接查看站点本身。",
    last_seen: "最后一次收到：{0}前", never_seen: "尚未收到",
    undrawn: "页面无法显示 Falconer 的数据",
    stuck: "Falconer 有应答，但其状态是 {0}前的",
    all_well: "一切符合预期", taken_over: "已接管", no_alarm: "无告警",
    bird_down: "BIRD 没有应答", isolated: "本站点已被隔离", cut_off: "本站点与主站点一侧的连接已中断",
    differs: "BIRD 与期望不符", unheard: "已启用，但未导出",
    alarms_n: "告警：{0}",
    announced_here: "由本站宣告", nothing_announced: "本站没有宣告任何前缀",
    bird: "BIRD", since: "始于", since_head: "始于", running: "启动于",
    connected: "已连通", isolation: "隔离", isolated_word: "已隔离", cut_off_word: "与主站点一侧断开",
    upstreams: "上游", witnesses: "见证者", ready: "就绪", last_drill: "最近演练", good_drill: "最近成功演练",
    never: "从未", none: "无", of: "{0}/{1}", up_n: "{0}/{1} 正常", established_n: "{0}/{1} 已建立",
    alarms: "告警", overrides: "人工干预", services: "业务", timeline: "接管、回切与演练", drill: "演练",
    events: "事件", readiness: "如果主站点此刻宕机", tunnels: "隧道", lease: "租约",
    service: "业务", verdict: "判定", want: "期望", actual: "BIRD 实际", exported: "导出到",
    probes: "探测", why: "原因", alarm: "告警", what: "内容", state: "状态", error: "错误",     carries: "承载", event: "事件",     until: "直到", prefixes: "前缀", protocols: "静态协议", verified: "最近确认导出",     filter: "按名称、前缀、上游筛选", only_wrong: "只看需要关注的",
    shown_n: "显示 {0}/{1}", nothing_matches: "没有匹配的业务。", no_service: "没有配置业务。",
    no_transition: "尚无接管、回切或演练。", no_event: "尚无事件。", no_upstream: "没有配置上游。", no_witness: "没有配置见证者：本站无法区分主站点宕机与自己的上联中断。",
    all_events: "包括探测与判定", more: "显示更多", under_way: "进行中",
    total: "从首次失败到完成 {0}", total_decided: "从决定到完成 {0}",
    not_available: "不可用", checks_ok: "{0} 项检查正常",     in_a_row: "连续 {0} 次", not_asked: "尚未探测",
    standing: "常驻宣告", st_on: "已宣告", st_off: "未宣告", st_unknown: "未知",
    latched: "已锁定", standby: "备用", primary: "主用",
    v_up: "正常", v_down: "宕机", v_unclear: "不明",
    s_off: "静默", s_drain: "排空", s_full: "全量", s_unknown: "未知",
    p_up: "正常", p_down: "失败", p_unknown: "未知", p_never_passed: "从未成功",
    r_pass: "通过", r_fail: "失败", r_error: "无法执行",
    b_up: "正常", b_busy: "繁忙", b_down: "无应答",
    k_ok: "能接管", k_warning: "有疑问", k_no: "不能接管", k_old: "未知（已过时）",
    l_ok: "能接管", l_warning: "能接管，但有疑问", l_old: "最近没有检查，无法判断能否接管", as_of: "截至 {0}", l_no: "不能接管",
    lw_ok: "正常", lw_warning: "警告", lw_no: "不行",
    a_announce: "宣告", a_withdraw: "撤销", a_freeze: "冻结", m_enabled: "已启用", m_disabled: "已停用",
    o_passed: "通过", o_failed: "失败", o_refused: "被拒绝", o_aborted: "已中止",
    plot: "{0}：{2}内 {1} 个结果，{3} 次失败，{4} 次无法执行", plot_none: "尚无结果",
    median: "中位数 {0}", worst: "最长 {0}", fails: "{0} 次失败", errors: "{0} 次无法执行", results: "{1}内 {0} 个结果",     first_fail: "首次失败", decided: "决定", enable_sent: "发出 enable", enable_answered: "enable 应答", up: "协议启用",
    disable_sent: "发出 disable", disable_answered: "disable 应答", down: "协议停用", gone: "各上游均已撤销", exported_stage: "已导出", followed: "上游已跟随", verdict_stage: "判定",
    language: "语言", theme: "配色", zone: "时间", auto: "自动", light: "浅色", dark: "深色", local: "本地", utc: "UTC",
    times_in: "时间：{0}", read_only: "只读页面。更改请在主机上使用 falconer 命令。",
    skip: "跳到业务列表", equals: "符合期望", unequal: "与期望不符", carried: "已承载", not_carried: "未承载",
    x_not_exported: "未导出", x_drift: "漂移", x_foreign_routes: "外来路由", x_foreign_announcement: "外来宣告", x_isolated: "隔离", x_cut_off: "与主站点一侧断开", x_latched: "锁定",
    x_override: "人工干预", x_bird_down: "BIRD 无应答", x_upstream_down: "上游中断", x_state_dir: "状态目录",
    x_render_drift: "bird.conf 不一致", x_lease: "租约", x_tunnel: "隧道", x_probe: "探测", x_drill: "演练", x_rival: "竞争路由",
    rivals: "他站路由", f_follows: "优选本站路由", f_prefers_another: "仍优选其他路径", f_cannot_be_heard: "无法得知",
    e_started: "启动", e_stopped: "停止", e_reloaded: "重新读取配置", e_applied: "已应用 bird.conf", e_not_applied: "未应用 bird.conf",
    e_transition: "切换", e_done: "完成", e_followed: "上游跟随", e_verdict: "判定", e_probe: "探测", e_isolated: "隔离", e_cut_off: "与主站点一侧断开", e_connected: "恢复连通", e_witnesses_open: "见证点状态未知",
    e_latched: "锁定", e_released: "解除锁定", e_override: "人工干预", e_override_ended: "干预结束", e_failback_allowed: "允许回切", e_consent_ended: "需重新允许回切", e_clock_stepped: "时钟跳变",
    e_drift: "漂移", e_mended: "漂移已修复", e_failed: "失败", e_bird: "BIRD", e_alarm: "告警", e_cleared: "告警解除", e_stalled: "停顿", e_drill_started: "演练开始", e_drill_ended: "演练结束", e_readiness: "就绪状态",
    d_recording: "记录中", d_rising: "启用中", d_holding: "已宣告", d_ending: "结束中", d_unverified: "未确认结束",
    c_bird: "BIRD", c_protocols: "协议", c_state: "状态", c_upstreams: "上游", c_export_filter: "导出过滤器", c_export_limit: "导出上限",
    c_probes: "探测", c_witnesses: "见证者", c_override: "人工干预", c_latch: "锁定", c_state_dir: "状态目录",
    c_state_files: "状态文件", c_rendered_file: "渲染文件", c_ghost: "残留路由", c_winner: "路由胜出", c_last_drill: "最近演练", c_route: "路由", c_standing: "常驻宣告", c_alarms: "告警", c_tunnels: "隧道", c_lease: "租约",
  },
};

let language = "en";

// How long, roughly, such as "12 s".
export function span(ms) {
  const [number, unit] = roughly(ms);
  return t(`u_${unit}`, number);
}

// The language of a browser that prefers these, best first.
export function choose(preferred) {
  const known = preferred.map((name) => name.toLowerCase().split("-")[0]).find((name) => name in words);
  return known ?? "en";
}

export function speak(name) {
  language = name in words ? name : "en";
}

export function spoken() {
  return language;
}

// A word, with what belongs into it; an unknown one as it is called.
export function t(key, ...parts) {
  const text = words[language][key] ?? words.en[key];
  if (text === undefined) {
    return key.replace(/^[a-z]{1,2}_/, "").replaceAll("_", " ");
  }
  return text.replace(/\{(\d)\}/g, (_, at) => String(parts[at] ?? ""));
}

// A text of the daemon in the reader's language: its message where that is known, else the English text.
export function said(text, message) {
  return tell(message) ?? text ?? "";
}

// A message in the reader's language; null where that is English, or has no words for it.
export function tell(message) {
  return message && language in messages ? part(message) : null;
}

// A part of a message: a text as it is, or words for a code, filled with their own parts.
function part(given) {
  if (typeof given === "string") {
    return given;
  }
  const { code, args } = given;
  const parts = args.map(part);
  if (parts.includes(null)) {
    return null;
  }
  if (code === "list") {
    return parts.join("，");
  }
  const filled = code === "list_and_more" ? [parts.slice(0, -1).join("，"), parts.at(-1)] : parts;
  return messages[language][code]?.replace(/\{(\d)(?:\|([a-z]+))?\}/g, (_, at, kind) =>
    (kind ? t(`${kind}_${filled[at]}`) : filled[at] ?? "")) ?? null;
}
