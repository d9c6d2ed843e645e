//! Recorded traces: every input of a daemon's core, to be played to the same decisions.

use serde::{Deserialize, Serialize};

use super::line::{TraceError, TraceLine};
use crate::config::model::Config;
use crate::core::event::{CoreEvent, Input};
use crate::core::persistent::PersistentState;
use crate::core::site::Site;
use crate::model::time::{Moment, Now};

/// The format's number: raised when an old reader would misread it.
pub const SCHEMA: u32 = 1;

/// The first line of a recorded trace: all that the core knew before its first input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceHeader {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Falconer's version.
    pub version: String,
    /// The site's name.
    pub site: String,
    /// What time it was, by both clocks, when the core began.
    pub origin: Now,
    /// What it remembered.
    pub memory: PersistentState,
    /// The probes and witnesses by name, in the configuration's order: inputs name them by number.
    pub probes: Vec<String>,
}

impl TraceHeader {
    /// The header of a recording that begins now.
    pub fn new(config: &Config, memory: &PersistentState, now: Now) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            site: config.site.name.clone(),
            origin: now,
            memory: memory.clone(),
            probes: probe_names(config),
        }
    }
}

/// `web/ping`, `witness/resolver` and so on, in the configuration's order.
pub(crate) fn probe_names(config: &Config) -> Vec<String> {
    let of_services = config.services.iter().flat_map(|service| {
        let probes = service.probes.iter().chain(&service.serves);
        probes.map(move |probe| format!("{}/{}", service.name, probe.name))
    });
    let witnesses = config
        .witnesses
        .iter()
        .map(|witness| format!("witness/{}", witness.name));
    of_services.chain(witnesses).collect()
}

pub(crate) fn parse<'a>(
    mut lines: impl Iterator<Item = TraceLine<'a>>,
    config: &Config,
) -> Result<(TraceHeader, Vec<Input>), Vec<TraceError>> {
    let Some(first) = lines.next() else {
        return Err(Vec::new());
    };
    let header = header(&first, config).map_err(|error| vec![error])?;
    let mut inputs: Vec<Input> = Vec::new();
    let mut errors = Vec::new();
    for line in lines {
        match line.parse::<Input>() {
            Ok(input) if inputs.last().is_some_and(|last| input.now.mono < last.now.mono) => {
                errors.push(line.bad("its time lies before that of the line above: two recordings in one?"));
            }
            Ok(input) => inputs.push(input),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok((header, inputs))
    } else {
        Err(errors)
    }
}

fn header(line: &TraceLine<'_>, config: &Config) -> Result<TraceHeader, TraceError> {
    #[derive(Deserialize)]
    struct Schema {
        schema: u32,
    }
    let Schema { schema } = line.parse()?;
    if schema != SCHEMA {
        let text = format!("it has schema {schema}; this Falconer reads schema {SCHEMA}");
        return Err(line.bad(&text));
    }
    let header: TraceHeader = line.parse()?;
    let ours = probe_names(config);
    if header.probes != ours {
        let text = format!(
            "it was recorded with the probes {}; this configuration has {}",
            header.probes.join(", "),
            ours.join(", ")
        );
        return Err(line.bad(&text));
    }
    Ok(header)
}

pub(crate) fn play(config: &Config, header: &TraceHeader, inputs: &[Input]) -> Vec<(Moment, CoreEvent)> {
    let mut site = Site::new(config, &header.memory, header.origin);
    let mut notes = Vec::new();
    for input in inputs {
        site.handle(input);
        notes.extend(site.take_notes().into_iter().map(|note| (input.now.mono, note)));
    }
    notes
}
