//! A service with fewer probes and the same verdicts. To play a service takes time by the square of the
//! number of its probes, and of hundreds that are alike a few tell as much.

use std::collections::HashMap;

use super::scene::{Scene, shown};
use crate::config::model::{self, CheckConfig, Config, Decides, Quorum, ServiceConfig, Votes};
use crate::model::snapshot::CheckOutcome;

/// What a verdict depends on of one probe.
pub(crate) type Kind = (Vec<CheckOutcome>, u8, u8, u32, u32);

/// The kind of one of a service's probes.
pub(crate) fn kind(config: &Config, service: &ServiceConfig, probe: &model::ProbeConfig) -> Kind {
    let scenes = Scene::all();
    let shown = scenes
        .iter()
        .map(|scene| shown(config, service, &probe.check, scene));
    let decides = match probe.decides {
        None => 0,
        Some(Decides::Down) => 1,
        Some(Decides::Up) => 2,
    };
    let votes = match probe.votes {
        Votes::Both => 0,
        Votes::Down => 1,
        Votes::Up => 2,
        Votes::None => 3,
        Votes::Failback => 4,
    };
    (shown.collect(), votes, decides, probe.fall, probe.rise)
}

/// The service with no more probes of each kind than its thresholds can tell apart; and for each of its
/// probes the one that is played in its place.
pub(crate) fn thinned(config: &Config, service: &ServiceConfig) -> (ServiceConfig, Vec<usize>) {
    let needed = [service.down_when, service.up_when].map(|quorum| match quorum {
        // Whether there is one, or whether there is one that is not: further ones of a kind change neither.
        Quorum::Any | Quorum::All => 1,
        Quorum::AtLeast(number) => number.max(1),
    });
    let most = needed.into_iter().max().unwrap_or(1);
    let mut kept: HashMap<(Kind, Option<usize>), (usize, usize)> = HashMap::new();
    let mut probes = Vec::new();
    let mut in_place = Vec::new();
    for (index, probe) in service.probes.iter().enumerate() {
        // Where another Falconer is, the other probes learn from the one that asks it.
        let itself = asks_a_falconer(&probe.check).then_some(index);
        let kind = (kind(config, service, probe), itself);
        let (count, last) = kept.entry(kind).or_default();
        if *count < most {
            (*count, *last) = (*count + 1, probes.len());
            probes.push(probe.clone());
        }
        in_place.push(*last);
    }
    let service = ServiceConfig {
        probes,
        // They have no say in a verdict, and what is played is the verdict.
        serves: Vec::new(),
        ..service.clone()
    };
    (service, in_place)
}

fn asks_a_falconer(check: &CheckConfig) -> bool {
    match check {
        CheckConfig::Http(http) => http.asks_announced(),
        CheckConfig::Icmp(_)
        | CheckConfig::Tcp(_)
        | CheckConfig::Dns(_)
        | CheckConfig::Exec(_)
        | CheckConfig::BirdRoute(_)
        | CheckConfig::BirdProtocol(_) => false,
    }
}
