//! The kernel protocols, and which tables they bring into the kernel whole.

use std::collections::BTreeSet;

use super::routes::ACCEPT;
use crate::bird::parse::{Channel, ProtocolDetail, ProtocolRow};

/// What BIRD calls a protocol that brings routes into the kernel.
const KERNEL: &str = "Kernel";
/// What BIRD calls the protocol of the interfaces' own prefixes, which the kernel prefers to any of BIRD's.
const DIRECT: &str = "Direct";

/// What is known of the protocols that bring routes into the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KernelExports {
    /// The kernel protocols, by name.
    pub(crate) names: Vec<String>,
    /// Whose routes the kernel has by itself.
    pub(crate) own_protocols: BTreeSet<String>,
    /// The channels that bring every route of a table into the kernel.
    pub(crate) whole_tables: Vec<ExportedTable>,
}

/// A channel with `export all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportedTable {
    pub(crate) protocol: String,
    pub(crate) family: String,
    pub(crate) table: String,
}

/// The kernel protocols of `show protocols`, of which nothing more was asked yet.
pub(crate) fn kernel_protocols(protocols: &[ProtocolRow]) -> KernelExports {
    let of_kind = |kinds: &'static [&'static str]| {
        let all = protocols
            .iter()
            .filter(move |protocol| kinds.contains(&protocol.proto.as_str()));
        all.map(|protocol| protocol.name.clone())
    };
    KernelExports {
        names: of_kind(&[KERNEL]).collect(),
        own_protocols: of_kind(&[KERNEL, DIRECT]).collect(),
        whole_tables: Vec::new(),
    }
}

impl KernelExports {
    /// What `show protocols all` says of one.
    pub(crate) fn add(&mut self, detail: &ProtocolDetail) {
        let exports_all = |channel: &&Channel| channel.output_filter == ACCEPT;
        let open = detail
            .channels
            .iter()
            .filter(exports_all)
            .map(|channel| ExportedTable {
                protocol: detail.protocol.name.clone(),
                family: channel.name.clone(),
                table: channel.table.clone(),
            });
        self.whole_tables.extend(open);
    }
}

#[cfg(test)]
mod tests;
