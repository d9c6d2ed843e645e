//! The ghost: how long would each upstream keep a primary's routes if this site lost power now (D14)? Nobody
//! tells the neighbour then. It finds out by BFD, or when the hold time has passed.

use super::facts::ReadinessFacts;
use crate::bird::parse::{BfdState, BgpDetail, HOLD_TIME_REFUSED};
use crate::config::model::Role;
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};

/// Up to this many seconds a hold time is as short as many neighbours accept.
const SHORT_ENOUGH: u32 = 30;

/// One check for each upstream of a primary's services that BIRD tells enough of.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let primaries = || {
        facts
            .config
            .services
            .iter()
            .filter(|service| service.role == Role::Primary)
    };
    let used = |name: &str| primaries().any(|service| service.upstreams.iter().any(|used| used == name));
    let sessions = facts.bird.sessions.iter().filter(|(name, _)| used(name));
    sessions
        .filter_map(|(name, session)| of_upstream(facts, name, session.bgp.as_ref()?))
        .collect()
}

fn of_upstream(facts: &ReadinessFacts<'_>, name: &str, bgp: &BgpDetail) -> Option<ReadinessCheck> {
    if let Some(error) = bgp
        .last_error
        .as_ref()
        .filter(|error| error.contains(HOLD_TIME_REFUSED))
    {
        return Some(refused(name, error));
    }
    let hold = bgp.hold_time?;
    let with_bfd = bgp.neighbor_address.is_some_and(|neighbor| {
        let mut sessions = facts.bird.bfd.iter();
        sessions.any(|session| session.address == neighbor && session.state == BfdState::Up)
    });
    let kept = kept_longer(bgp);
    if with_bfd && kept.is_none() {
        let text = coded!(
            "ghost_ends_by_bfd",
            "if this site lost power now, {name} would notice by BFD and drop our routes",
            name
        );
        return Some(ReadinessCheck::ok(ReadinessCode::Ghost, text).subject(name));
    }
    let text = would_keep(name, hold, with_bfd);
    let (text, is_short) = match kept {
        Some(kept) => (coded!("ghost_and_longer", "{text}; {kept}", text, kept), false),
        None => (text, hold > 0 && hold <= SHORT_ENOUGH),
    };
    if is_short {
        return Some(ReadinessCheck::ok(ReadinessCode::Ghost, text).subject(name));
    }
    let advice = coded!(
        "shorten_ghost",
        "agree on BFD with {name}, or set a shorter `hold_time` for it, such as 20s: both sides use the smaller one",
        name
    );
    Some(ReadinessCheck::amiss(ReadinessCode::Ghost, ReadinessLevel::Warning, text, advice).subject(name))
}

fn would_keep(name: &str, hold: u32, with_bfd: bool) -> CodedText {
    match (hold, with_bfd) {
        (_, true) => coded!(
            "ghost_seen_by_bfd",
            "if this site lost power now, {name} would notice by BFD",
            name
        ),
        (0, false) => coded!(
            "ghost_for_ever",
            "if this site lost power now, {name} would keep our routes for ever: no hold time, no BFD",
            name
        ),
        (hold, false) => coded!(
            "ghost_until_hold_time",
            "if this site lost power now, {name} would keep our routes for up to {hold} s: hold time {hold} s, no BFD",
            name,
            hold
        ),
    }
}

/// What graceful restart adds, where both sides agreed on it.
fn kept_longer(bgp: &BgpDetail) -> Option<CodedText> {
    let restart = bgp.restart_time.filter(|_| bgp.neighbor_knows_restart);
    let stale = bgp.stale_time.filter(|_| bgp.neighbor_knows_stale);
    let restart = restart.map(|time| {
        coded!(
            "ghost_restart",
            "graceful restart may keep them {time} s longer",
            time
        )
    });
    let stale = stale.map(|time| {
        coded!(
            "ghost_stale",
            "long-lived graceful restart may keep them {time} s after that as a last choice, unless they carry the \
             community NO_LLGR (65535:7)",
            time
        )
    });
    let all: Vec<CodedText> = restart.into_iter().chain(stale).collect();
    (!all.is_empty()).then(|| list(&all))
}

fn refused(name: &str, error: &str) -> ReadinessCheck {
    let text = coded!(
        "hold_time_refused",
        "the session with {name} fails because of the hold time ({error}): nothing is announced there",
        name,
        error
    );
    let advice = coded!(
        "try_longer_hold_time",
        "set `hold_time = \"90s\"` and `keepalive_time = \"30s\"` for {name} (`hold time 90; keepalive time 30;` in \
         bird.conf), else ask for its minimum; and agree on BFD, which then finds a dead router",
        name
    );
    ReadinessCheck::amiss(ReadinessCode::Ghost, ReadinessLevel::Warning, text, advice).subject(name)
}
