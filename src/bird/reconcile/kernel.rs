//! What a takeover would do to the kernel's routes: a kernel protocol that exports everything puts our blackhole
//! in place of a route that leads somewhere.

use std::collections::BTreeSet;

use crate::bird::parse::{Channel, ProtocolDetail, ProtocolRow};
use crate::config::model::StaticProtocolConfig;
use crate::model::snapshot::Obstacle;

use super::service::ProtocolView;
use super::task::{PassAbort, ReconcilerTask, only_the_question};
use super::way::{ACCEPT, Others, SURE, Shape, obstacle};

/// What BIRD calls a protocol that brings routes into the kernel.
const KERNEL: &str = "Kernel";
/// What BIRD calls the protocol of the interfaces' own prefixes, which the kernel prefers to any of BIRD's.
const DIRECT: &str = "Direct";

/// What is known of the way into the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kernels {
    /// The kernel protocols, by name.
    names: Vec<String>,
    /// Whose routes the kernel has by itself.
    its_own: BTreeSet<String>,
    /// The channels that bring every route of a table into the kernel.
    open: Vec<Open>,
}

/// A channel with `export all`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    protocol: String,
    family: String,
    table: String,
}

/// The kernel protocols of `show protocols`, of which nothing more was asked yet.
pub(crate) fn named(protocols: &[ProtocolRow]) -> Kernels {
    let of_kind = |kinds: &'static [&'static str]| {
        let all = protocols
            .iter()
            .filter(move |protocol| kinds.contains(&protocol.proto.as_str()));
        all.map(|protocol| protocol.name.clone())
    };
    Kernels {
        names: of_kind(&[KERNEL]).collect(),
        its_own: of_kind(&[KERNEL, DIRECT]).collect(),
        open: Vec::new(),
    }
}

impl Kernels {
    /// What `show protocols all` says of one.
    fn learn(&mut self, detail: &ProtocolDetail) {
        let exports_all = |channel: &&Channel| channel.output_filter == ACCEPT;
        let open = detail.channels.iter().filter(exports_all).map(|channel| Open {
            protocol: detail.protocol.name.clone(),
            family: channel.name.clone(),
            table: channel.table.clone(),
        });
        self.open.extend(open);
    }
}

/// The first prefix that leads somewhere now, and nowhere while the protocol is up.
pub(crate) fn blackholed(
    protocol: &StaticProtocolConfig,
    shape: &Shape,
    others: &Others,
    kernels: &Kernels,
) -> Option<Obstacle> {
    let open = kernels
        .open
        .iter()
        .find(|open| open.table == shape.table && open.family == protocol.family.channel())?;
    let (prefix, rival, target) = shape.targets.iter().find_map(|(prefix, words)| {
        let [target] = words.as_slice() else { return None };
        let useful = others.routes.get(prefix)?.iter().find(|rival| {
            rival.table == shape.table
                && !kernels.its_own.contains(&rival.protocol)
                && rival.preference < shape.preference
        })?;
        SURE.contains(&target.as_str())
            .then_some((prefix, useful, target))
    })?;
    let (name, kernel) = (&protocol.name, &open.protocol);
    let text = format!(
        "{kernel} exports all of table {} to the kernel: while {name} is up, {prefix} is {target} there, in place of the \
         route of {}, and this host reaches nothing in it that has no more specific route",
        open.table, rival.protocol
    );
    let advice = format!(
        "let the {} channel of {kernel} `export where source != RTS_STATIC`, or `export where proto != \"{name}\"` and \
         whatever else it took (docs/attach.md)",
        open.family
    );
    Some(obstacle(false, protocol, text, advice))
}

impl ReconcilerTask {
    /// Asks the kernel protocols what they export, where anything depends on it.
    pub(crate) async fn look_at_kernels(&self, view: &mut ProtocolView) -> Result<(), PassAbort> {
        let mut routes = self
            .courses
            .iter()
            .flat_map(|course| course.others.routes.values());
        if routes.all(Vec::is_empty) {
            return Ok(());
        }
        for name in view.kernels.names.clone() {
            self.heed_wishes()?;
            let asked = self.unless_wished(async { Ok(self.patient.show_protocol(&name).await) });
            match asked.await? {
                Ok(detail) => view.kernels.learn(&detail),
                Err(error) => drop(only_the_question(error)?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
