//! The facts that readiness is decided from. Where something could not be seen, the fact says so: not
//! seen is never taken for well.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::bird::guard::GuardFacts;
use crate::bird::parse::{BfdSession, BirdStatus, ProtocolDetail, ProtocolRow};
use crate::bird_conf::statics::StateFile;
use crate::config::Config;
use crate::config::model::Family;
use crate::model::Snapshot;

/// All of them.
#[derive(Clone, Copy, Debug)]
pub struct ReadinessFacts<'a> {
    /// The configuration in force.
    pub config: &'a Config,
    /// What Falconer shows of itself.
    pub snapshot: &'a Snapshot,
    /// What BIRD was asked for readiness' sake.
    pub bird: &'a BirdFactsSeen,
    /// What the disk was asked.
    pub disk: &'a DiskFacts,
}

/// What BIRD said; what is missing was not asked, or not answered.
#[derive(Clone, Debug, Default)]
pub struct BirdFactsSeen {
    /// `show status`.
    pub status: Option<BirdStatus>,
    /// `show protocols`, by name.
    pub protocols: Option<BTreeMap<String, ProtocolRow>>,
    /// `show protocols all NAME` of every upstream that BIRD has.
    pub sessions: BTreeMap<String, ProtocolDetail>,
    /// `show bfd sessions`, asked only at a primary.
    pub bfd: Vec<BfdSession>,
    /// What the guard would be told (A7), of those static protocols of which it was asked.
    pub found: BTreeMap<String, GuardFacts>,
    /// The rehearsals of the export filters.
    pub rehearsals: BTreeMap<Family, FilterTest>,
}

/// A family's rehearsal table.
#[derive(Clone, Debug)]
pub enum FilterTest {
    /// BIRD has no such table.
    NoTable,
    /// It holds so many routes that it is no rehearsal table.
    Crowded(u64),
    /// BIRD's answer makes no sense; in words.
    Failed(String),
    /// What stands in it.
    Held {
        /// The routes: prefix, and the protocol that brings it.
        routes: Vec<TestRoute>,
        /// Which of them pass a filter, by its name; or why that cannot be told.
        passes: BTreeMap<String, Result<Vec<TestRoute>, String>>,
    },
}

/// A route of a rehearsal table, and the protocol that brings it.
pub type TestRoute = (IpNet, String);

/// What the disk was asked.
#[derive(Clone, Debug)]
pub struct DiskFacts {
    /// Whether `state_dir` can be written, or why not.
    pub state_dir: Result<(), String>,
    /// bird.conf, as BIRD reads it.
    pub bird_conf: BirdConfFacts,
}

/// bird.conf, as BIRD reads it.
#[derive(Clone, Debug)]
pub struct BirdConfFacts {
    /// Which file was looked at.
    pub path: PathBuf,
    /// The file that the running BIRD was told on its command line, where that can be seen.
    pub told: Option<PathBuf>,
    /// What it does with each static protocol's state file, by the protocol's name; or why that cannot
    /// be seen.
    pub state_files: Result<BTreeMap<String, StateFile>, String>,
}
