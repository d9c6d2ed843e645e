//! What a template sees: the configuration in the order and in the words of a bird.conf, with
//! everything decided that is not a matter of layout. `docs/templates.md` lists it for users.

mod family_lists;
mod services;
mod sessions;

use serde::Serialize;

use self::family_lists::{importable, prefixes, prefixes_of, protocols};
pub(crate) use self::services::state_file_pattern;
use self::services::{FULL_PREFERENCE, ServiceFacts};
use self::sessions::SessionFacts;
use super::{Passwords, RenderError, Templates};
use crate::bird::version::BirdVersion;
use crate::config::Config;
use crate::config::model;
use crate::config::model::{Family, Role, ServiceConfig};
use crate::config::names;

/// The root of what a template sees.
#[derive(Serialize)]
pub(crate) struct Context {
    template: TemplateFacts,
    site: SiteFacts,
    bird: BirdFacts,
    router: RouterFacts,
    full_preference: u32,
    bfd: bool,
    graceful_restart: bool,
    families: Vec<FamilyFacts>,
    services: Vec<ServiceFacts>,
    upstreams: Vec<SessionFacts>,
    peers: Vec<SessionFacts>,
    vars: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct TemplateFacts {
    name: String,
    origin: String,
}

#[derive(Serialize)]
struct SiteFacts {
    name: String,
}

#[derive(Serialize)]
struct BirdFacts {
    version: String,
    major: u16,
    minor: u16,
    knows_authentication: bool,
}

#[derive(Serialize)]
struct RouterFacts {
    id: String,
    local_as: u32,
}

/// A family that some service has prefixes of.
#[derive(Serialize)]
struct FamilyFacts {
    channel: &'static str,
    kernel: &'static str,
    kernel_filter: &'static str,
    rehearsal_table: &'static str,
    import_filter: Option<&'static str>,
    prefixes: Vec<String>,
    import_prefixes: Vec<String>,
    protocols: Vec<String>,
    own_marks: Vec<AnnouncementMark>,
}

/// The large community that says: this is an announcement of ours.
#[derive(Serialize)]
struct AnnouncementMark {
    rank: u32,
    prefixes: Vec<String>,
}

/// Gathers the context.
///
/// # Errors
/// Where `run_dir` cannot be made a pattern for BIRD's `include`.
pub(crate) fn of(
    config: &Config,
    render: &model::RenderConfig,
    router: &model::RouterConfig,
    version: &BirdVersion,
    templates: &Templates,
    passwords: &Passwords,
) -> Result<Context, RenderError> {
    let upstreams = sessions::sessions(config, &config.upstreams, "upstream", router, passwords);
    let peers = sessions::sessions(config, &config.peers, "peer", router, passwords);
    let all = || upstreams.iter().chain(&peers);
    Ok(Context {
        template: TemplateFacts {
            name: render.template.clone(),
            origin: templates.origin(&render.template),
        },
        site: SiteFacts {
            name: config.site.name.clone(),
        },
        bird: BirdFacts {
            version: version.text.clone(),
            major: version.major,
            minor: version.minor,
            knows_authentication: knows_authentication(version),
        },
        router: RouterFacts {
            id: router.id.to_string(),
            local_as: router.local_as,
        },
        full_preference: FULL_PREFERENCE,
        bfd: all().any(|session| session.bfd.is_some()),
        graceful_restart: all().any(|session| session.graceful_restart == "on"),
        families: families(config, all().any(|session| session.import == "services")),
        services: services::services(config)?,
        upstreams,
        peers,
        vars: render.vars.clone(),
    })
}

/// From 2.17 and 3.1 on BIRD wants to be told that a password is one of TCP-MD5, and warns else.
fn knows_authentication(version: &BirdVersion) -> bool {
    match version.major {
        0..=2 => (version.major, version.minor) >= (2, 17),
        3.. => (version.major, version.minor) >= (3, 1),
    }
}

fn families(config: &Config, imported: bool) -> Vec<FamilyFacts> {
    [Family::V4, Family::V6]
        .into_iter()
        .map(|family| FamilyFacts {
            channel: family.channel(),
            kernel: names::kernel(family),
            kernel_filter: names::kernel_filter(family),
            rehearsal_table: names::rehearsal_table(family),
            import_filter: imported.then(|| names::import_filter(family)),
            prefixes: prefixes_of(config, family),
            import_prefixes: importable(config, family),
            protocols: protocols(config.services.iter().flat_map(ServiceConfig::statics), family),
            own_marks: own_marks(config, family),
        })
        .filter(|family| !family.prefixes.is_empty())
        .collect()
}

fn own_marks(config: &Config, family: Family) -> Vec<AnnouncementMark> {
    config
        .services
        .iter()
        .filter(|service| service.role == Role::Standby)
        .map(|service| AnnouncementMark {
            rank: service.rank,
            prefixes: prefixes(&service.announced_prefixes().collect::<Vec<_>>(), family),
        })
        .filter(|mark| !mark.prefixes.is_empty())
        .collect()
}
