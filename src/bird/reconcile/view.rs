//! What `show protocols` says at one moment: every protocol's state, and the pipes between tables.

use std::collections::HashMap;

use super::kernel::{KernelExports, kernel_protocols};
use crate::bird::parse::{ProtocolRow, ProtocolState};

/// A pipe, by the tables at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipe {
    pub(crate) name: String,
    pub(crate) ends: (String, String),
}

/// What BIRD calls a protocol between two tables.
const PIPE: &str = "Pipe";

/// The states of all protocols at one moment; without any, BIRD was not seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProtocolView {
    states: Option<HashMap<String, ProtocolState>>,
    /// `None`: BIRD shows one that is not understood.
    pipes: Option<Vec<Pipe>>,
    /// The protocols that bring routes into the kernel.
    pub(crate) kernels: KernelExports,
}

/// How many pipes a route is followed through; whoever has more knows what they do.
const PIPES_IN_A_ROW: usize = 4;

impl ProtocolView {
    /// What `show protocols` said.
    pub(crate) fn new(protocols: &[ProtocolRow]) -> Self {
        let states = protocols
            .iter()
            .map(|protocol| (protocol.name.clone(), protocol.state));
        let pipes = protocols.iter().filter(|protocol| protocol.proto == PIPE);
        Self {
            states: Some(states.collect()),
            pipes: pipes
                .map(|protocol| pipe(&protocol.name, &protocol.info))
                .collect(),
            kernels: kernel_protocols(protocols),
        }
    }

    /// The pipes that a route takes from one table into another, the shortest way; empty: none leads there.
    /// `None`: it cannot be told.
    pub(crate) fn pipes_between(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let pipes = self.pipes.as_ref()?;
        let mut reached: Vec<(String, Vec<String>)> = vec![(from.to_owned(), Vec::new())];
        for _ in 0..PIPES_IN_A_ROW {
            let mut further = Vec::new();
            for (table, by) in &reached {
                for pipe in pipes.iter().filter(|pipe| !by.contains(&pipe.name)) {
                    let next = match &pipe.ends {
                        (one, other) if one == table => other,
                        (one, other) if other == table => one,
                        _ => continue,
                    };
                    let by: Vec<String> = by.iter().chain([&pipe.name]).cloned().collect();
                    if next == to {
                        return Some(by);
                    }
                    let new = |(table, _): &(String, Vec<String>)| table != next;
                    if reached.iter().chain(&further).all(new) {
                        further.push((next.clone(), by));
                    }
                }
            }
            reached = further;
        }
        Some(Vec::new())
    }

    /// The state of a protocol.
    pub(crate) fn state(&self, name: &str) -> ProtocolState {
        match &self.states {
            None => ProtocolState::Unknown,
            Some(states) => states.get(name).copied().unwrap_or(ProtocolState::Missing),
        }
    }
}

/// "master4 <=> t4", as `show protocols` has it of a pipe (proto/pipe/pipe.c:pipe_get_status).
fn pipe(name: &str, info: &str) -> Option<Pipe> {
    match info.split_whitespace().collect::<Vec<_>>()[..] {
        [one, "<=>" | "=>" | "<=", other] => Some(Pipe {
            name: name.to_owned(),
            ends: (one.to_owned(), other.to_owned()),
        }),
        _ => None,
    }
}
