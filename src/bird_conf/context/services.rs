//! The services and their static protocols, as a template sees them.

use std::path::Path;

use serde::Serialize;

use crate::bird_conf::RenderError;
use crate::config::Config;
use crate::config::model::{Role, StaticProtocolConfig};
use crate::config::names;

/// BIRD's preference of a static protocol at strength full, above anything imported (D8).
pub(crate) const FULL_PREFERENCE: u32 = 200;

/// BIRD's preference of a static protocol at strength drain: below full's, so that both may be up
/// at once, and above anything imported (D8).
const DRAIN_PREFERENCE: u32 = 190;

/// BIRD's preference of a standing static protocol: below drain's, and above anything imported (D14).
const STANDING_PREFERENCE: u32 = 180;

#[derive(Serialize)]
pub(crate) struct ServiceFacts {
    name: String,
    role: &'static str,
    rank: u32,
    statics: Vec<StaticFacts>,
}

#[derive(Serialize)]
struct StaticFacts {
    name: String,
    strength: &'static str,
    full: Option<String>,
    shadow: Option<String>,
    channel: &'static str,
    preference: u32,
    prefixes: Vec<String>,
    state_file: String,
}

pub(crate) fn services(config: &Config) -> Result<Vec<ServiceFacts>, RenderError> {
    let run_dir = &config.site.run_dir;
    config
        .services
        .iter()
        .map(|service| {
            let mut statics = Vec::new();
            for full in &service.full {
                statics.push(full_facts(full, run_dir)?);
                for drain in service.drain.iter().filter(|drain| drain.family == full.family) {
                    statics.push(drain_facts(drain, full, run_dir)?);
                }
            }
            for standing in &service.standing {
                statics.push(standing_facts(standing, run_dir)?);
            }
            Ok(ServiceFacts {
                name: service.name.clone(),
                role: role(service.role),
                rank: service.rank,
                statics,
            })
        })
        .collect()
}

fn full_facts(full: &StaticProtocolConfig, run_dir: &Path) -> Result<StaticFacts, RenderError> {
    Ok(StaticFacts {
        name: full.name.clone(),
        strength: "full",
        full: None,
        shadow: Some(names::shadow(&full.name)),
        channel: full.family.channel(),
        preference: FULL_PREFERENCE,
        prefixes: full.prefixes.iter().map(ToString::to_string).collect(),
        state_file: state_file_pattern(run_dir, &full.name)?,
    })
}

fn drain_facts(
    drain: &StaticProtocolConfig,
    full: &StaticProtocolConfig,
    run_dir: &Path,
) -> Result<StaticFacts, RenderError> {
    Ok(StaticFacts {
        name: drain.name.clone(),
        strength: "drain",
        full: Some(full.name.clone()),
        shadow: None,
        channel: drain.family.channel(),
        preference: DRAIN_PREFERENCE,
        prefixes: drain.prefixes.iter().map(ToString::to_string).collect(),
        state_file: state_file_pattern(run_dir, &drain.name)?,
    })
}

fn standing_facts(standing: &StaticProtocolConfig, run_dir: &Path) -> Result<StaticFacts, RenderError> {
    Ok(StaticFacts {
        strength: "standing",
        preference: STANDING_PREFERENCE,
        ..full_facts(standing, run_dir)?
    })
}

/// `include` with a pattern, which may match nothing: the last letter or digit of `run_dir`'s last
/// part stands in brackets. Only a pattern without a match is harmless to BIRD, and only where the
/// directory in front of the bracket can be read; a plain name of a missing file is fatal.
pub(crate) fn state_file_pattern(run_dir: &Path, protocol: &str) -> Result<String, RenderError> {
    let unfit = |why: &str| {
        RenderError::new(format!(
            "BIRD's `include` cannot name run_dir {}: {why}",
            run_dir.display()
        ))
        .help("an absolute path of letters, digits, and . _ - is fine")
    };
    let path = run_dir.to_str().ok_or_else(|| unfit("it is not UTF-8"))?;
    let path = path.trim_end_matches('/');
    if !path.starts_with('/') {
        return Err(unfit("it is not absolute"));
    }
    if path
        .chars()
        .any(|c| c.is_control() || matches!(c, '"' | '*' | '?' | '[' | ']'))
    {
        return Err(unfit(
            "it has a quote, a control character or one of * ? [ ] in it",
        ));
    }
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    let at = path[last..]
        .rfind(|c: char| c.is_ascii_alphanumeric())
        .ok_or_else(|| unfit("its last part has no letter and no digit"))?
        + last;
    Ok(format!(
        "{}[{}]{}/bird/{protocol}.conf",
        &path[..at],
        &path[at..=at],
        &path[at + 1..]
    ))
}

pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Standby => "standby",
        Role::Primary => "primary",
    }
}
