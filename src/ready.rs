//! Readiness: if the primary died now, would this site take over?
//!
//! A list of checks, each with what was found and what to do about it. They are decided from facts that
//! `daemon::readiness` gathers; nothing is asked here, and nothing is announced to find out.

mod alarms;
mod bird;
mod drills;
mod exports;
mod facts;
mod files;
mod ghost;
mod protocols;
mod route;
mod services;
mod serving;
mod standing;
mod upstreams;
mod winner;
mod witnesses;
mod wording;

use crate::model::readiness::Readiness;

pub use exports::filter_name;

pub use facts::{BirdConfFacts, BirdFactsSeen, DiskFacts, FilterTest, ReadinessFacts, TestRoute};

/// Decides every check, in the order in which a takeover needs what they look at.
pub fn decide(facts: &ReadinessFacts<'_>) -> Readiness {
    let mut checks = Vec::new();
    checks.extend(bird::check(facts));
    checks.extend(services::check(facts));
    checks.extend(witnesses::check(facts));
    checks.extend(protocols::check(facts));
    checks.extend(upstreams::check(facts));
    checks.extend(route::check(facts));
    checks.extend(exports::check(facts));
    checks.extend(standing::check(facts));
    checks.extend(serving::check(facts));
    checks.extend(files::check(facts));
    checks.extend(ghost::check(facts));
    checks.extend(winner::check(facts));
    checks.extend(drills::check(facts));
    checks.extend(alarms::check(facts, &checks));
    Readiness::of(facts.snapshot.at, checks)
}

#[cfg(test)]
mod tests;
