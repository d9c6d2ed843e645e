//! `[[service]]`: prefixes announced and withdrawn together, and what decides it.

mod prefixes;
mod statics;

use std::time::Duration;

use self::prefixes::ServicePrefixes;
pub(crate) use self::prefixes::{LONGEST_V4, LONGEST_V6};
use super::probe;
use crate::config::key_docs::TableForm;
use crate::config::model::{
    DailyWindow, FailbackMode, OnLoss, OnNotServing, ProbeConfig, Quorum, Role, ServiceConfig,
};
use crate::config::reader::TableReader;

use crate::config::value::duration::span;
use crate::config::value::text::{PROTOCOL, SERVICE_NAME};
use crate::config::value::window::{HowMany, WINDOW};
use crate::config::value::{Choice, integer, list_of};

/// Reads one service. `upstreams` are the names of all upstreams.
pub(crate) fn service(t: &mut TableReader<'_, '_>, rendering: bool, upstreams: &[String]) -> ServiceConfig {
    let name = t
        .key("name", SERVICE_NAME)
        .doc("Also names the static protocols: `web_v4`, `web_v6`, and `web_v4_drain`, `web_v6_drain`.")
        .example("\"web\"")
        .required();
    let role = t
        .key("role", Choice(&ROLES))
        .doc("What the verdict of the probes means for the announcement (D4).")
        .example("\"standby\"")
        .required();
    let ServicePrefixes {
        prefixes,
        primary: primary_prefixes,
        standing: standing_prefixes,
    } = prefixes::service_prefixes(t);
    let (upstreams, min_upstreams) = carriers(t, upstreams);
    let (down_when, up_when) = quorums(t, role);
    let takeover_delay = t
        .key("takeover_delay", span())
        .doc("How long the verdict must stay down before a standby announces.")
        .default("0s");
    let failback = failback(t);
    let (flap_limit, flap_window) = flapping(t);
    let on_isolated = t
        .key("on_isolated", Choice(&ON_LOSS))
        .doc("What happens to the announcement while the site is isolated (D5).")
        .default("keep");
    let rank = t
        .key("rank", integer(1..=100))
        .doc("Among several standbys: 1 is best. Templates turn it into communities, MED or prepends.")
        .default(1);
    let on_not_serving = on_not_serving(t);
    let statics = statics::service_statics(t, &name, &prefixes, &standing_prefixes, rendering);
    let probes = t.tables(
        "probe",
        TableForm::ManyAtLeastOne,
        "One repeated check.",
        probe::probe,
    );
    let serves = serves(t);
    ServiceConfig {
        name,
        role,
        prefixes,
        primary_prefixes,
        standing_prefixes,
        upstreams,
        min_upstreams,
        down_when,
        up_when,
        takeover_delay,
        failback: failback.mode,
        failback_delay: failback.delay,
        failback_window: failback.window,
        failback_drain: failback.drain,
        failback_confirm: failback.confirm,
        flap_limit,
        flap_window,
        on_isolated,
        rank,
        full: statics.full,
        drain: statics.drain,
        standing: statics.standing,
        probes,
        serves,
        on_not_serving,
    }
}

/// Who announces it, and how many of them must.
fn carriers(t: &mut TableReader<'_, '_>, all: &[String]) -> (Vec<String>, usize) {
    let upstreams = t
        .key("upstreams", list_of(PROTOCOL).not_empty())
        .doc("The upstreams that announce the prefixes.")
        .default_by("all", all.to_vec());
    let min_upstreams = t
        .key("min_upstreams", integer(1..=1000))
        .doc("If fewer upstreams are established and carry the prefixes, the service stays announced, with an alarm (A5).")
        .default(1);
    (upstreams, min_upstreams)
}

/// Whether this site can serve, and what becomes of a takeover if it cannot (D16).
fn on_not_serving(t: &mut TableReader<'_, '_>) -> OnNotServing {
    t
        .key("on_not_serving", Choice(&ON_NOT_SERVING))
        .doc("What becomes of a takeover while a check of `[[service.serves]]` is down, or the kernel would not deliver what it asks (D16).")
        .default("announce")
}

fn serves(t: &mut TableReader<'_, '_>) -> Vec<ProbeConfig> {
    t.tables(
        "serves",
        TableForm::Many,
        "A check of whether this site itself can serve (D16): inside the prefixes, at this host or behind its tunnel. It votes in no verdict.",
        probe::serves,
    )
}

const ON_NOT_SERVING: [(&str, OnNotServing, &str); 2] = [
    ("announce", OnNotServing::Announce, "it goes on"),
    (
        "hold",
        OnNotServing::Hold,
        "nothing is taken over; what is announced is kept",
    ),
];

const ROLES: [(&str, Role, &str); 2] = [
    ("standby", Role::Standby, "announce while the target is down"),
    (
        "primary",
        Role::Primary,
        "announce while the target, usually the local service, is up",
    ),
];

const FAILBACKS: [(&str, FailbackMode, &str); 2] = [
    ("auto", FailbackMode::Auto, "by itself"),
    (
        "manual",
        FailbackMode::Manual,
        "after `falconer failback SERVICE`",
    ),
];

/// How a standby falls silent again: by whom, after how long, when, with how long a drain, and how
/// long that waits for a confirmation.
struct Failback {
    mode: FailbackMode,
    delay: Duration,
    window: Option<DailyWindow>,
    drain: Duration,
    confirm: Duration,
}

fn failback(t: &mut TableReader<'_, '_>) -> Failback {
    let mode = t
        .key("failback", Choice(&FAILBACKS))
        .doc("Whether a standby withdraws by itself once the target is back.")
        .default("auto");
    let delay = t
        .key("failback_delay", span())
        .doc("How long the verdict must stay up before that.")
        .default("30s");
    let window = t
        .key("failback_window", WINDOW)
        .doc("Fail back only within this time of day; may cross midnight.")
        .optional();
    let drain = t
        .key("failback_drain", span())
        .doc("How long to stay announced at strength drain before the withdrawal (D8).")
        .default("0s");
    let confirm = t
        .key("failback_confirm", span().at_least(Duration::from_secs(1)))
        .doc("How long strength drain waits for the probes with `votes = \"failback\"` to be up; after that the service returns to strength full, and tries again later (D8).")
        .default("30s");
    Failback {
        mode,
        delay,
        window,
        drain,
        confirm,
    }
}

/// When it has flapped too often.
fn flapping(t: &mut TableReader<'_, '_>) -> (u32, Duration) {
    let flap_limit = t
        .key("flap_limit", integer(1..=1000))
        .doc("After this many takeovers (of a primary: withdrawals) within `flap_window` the service is latched, until an operator releases it (D9).")
        .default(3);
    let flap_window = t
        .key("flap_window", span().at_least(Duration::from_secs(1)))
        .doc("See `flap_limit`.")
        .default("1h");
    (flap_limit, flap_window)
}

fn quorums(t: &mut TableReader<'_, '_>, role: Role) -> (Quorum, Quorum) {
    let down = match role {
        Role::Standby => Quorum::All,
        Role::Primary => Quorum::Any,
    };
    let down_when = t
        .key("down_when", HowMany)
        .doc("How many of the probes that vote `down` must be down for the verdict down (D3).")
        .default_by("`\"all\"` for a standby, `\"any\"` for a primary", down);
    let up_when = t
        .key("up_when", HowMany)
        .doc("How many of the probes that vote `up` must be up for the verdict up (D3).")
        .default_by("`\"all\"`", Quorum::All);
    (down_when, up_when)
}

pub(crate) const ON_LOSS: [(&str, OnLoss, &str); 2] = [
    ("keep", OnLoss::Keep, "leave it as it is"),
    ("withdraw", OnLoss::Withdraw, "withdraw it"),
];
