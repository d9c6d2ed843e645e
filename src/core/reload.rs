//! Whether a new configuration can be gone over to now, or would leave something in BIRD that nobody
//! looks after any more. Nothing is changed here.

use super::service::ServiceState;
use super::site::Site;
use crate::config::model::{Config, StaticProtocolConfig};
use crate::model::strength::Strength;

impl Site {
    /// Why this configuration cannot be gone over to now, in words, with what to do about it.
    /// `announces`: what BIRD does for each service; `None`: that is not known.
    pub fn against_reload(&self, new: &Config, announces: &[Option<Strength>]) -> Option<String> {
        if let Some(drilled) = self.drilled() {
            let name = &drilled.policy().name;
            return Some(format!(
                "a drill of {name} is under way: reload when it has ended, or end it with `falconer auto {name}`"
            ));
        }
        let services = self.services().iter().enumerate();
        let mut refused = services.filter_map(|(index, service)| {
            let lost = lost(service, new);
            if lost.is_empty() {
                return None;
            }
            let announced = announced(service, announces.get(index).copied().flatten())?;
            let name = &service.policy().name;
            let (protocols, them) = match lost.len() {
                1 => ("protocol", "it"),
                _ => ("protocols", "them"),
            };
            Some(format!(
                "{name} {announced}, and its static {protocols} {} would be named by nothing any more: BIRD would go on \
                 as it is, and nobody would ever withdraw {them}. Keep the names, or withdraw it first (`falconer \
                 withdraw {name}`) and reload then",
                lost.join(" and ")
            ))
        });
        refused.next()
    }
}

impl Site {
    /// The same for standing prefixes (D14): to take the key out withdraws them, but a protocol of another
    /// name, or a service that is gone, would leave them to nobody. `announces`: what BIRD does for the
    /// standing prefixes of each service.
    pub fn against_reload_of_standing(&self, new: &Config, announces: &[Option<Strength>]) -> Option<String> {
        let services = self.services().iter().enumerate();
        let mut refused = services.filter_map(|(index, service)| {
            let policy = service.policy();
            let after = new.services.iter().find(|after| after.name == policy.name);
            if after.is_some_and(|after| after.standing.is_empty()) {
                return None;
            }
            let named = |name: &String| {
                let mut all = new.services.iter().flat_map(|service| &service.standing);
                all.any(|protocol| protocol.name == *name)
            };
            let names = policy.standing.iter().map(|protocol| &protocol.name);
            let lost: Vec<&str> = names.filter(|name| !named(name)).map(String::as_str).collect();
            let wanted = service.intent().standing.as_ref().is_some_and(|standing| standing.on);
            let seen = announces.get(index).copied().flatten();
            if lost.is_empty() || !(wanted || seen != Some(Strength::Off)) {
                return None;
            }
            let name = &policy.name;
            Some(format!(
                "the standing prefixes of {name} are announced, and {} would be named by nothing any more: nobody would \
                 ever withdraw them. Keep the names; or take `standing` out first, which withdraws them, and reload; or \
                 withdraw the service (`falconer withdraw {name}`) and reload then",
                lost.join(" and ")
            ))
        });
        refused.next()
    }
}

/// Whether a service is announced, in words; `None`: it is not.
fn announced(service: &ServiceState, actual: Option<Strength>) -> Option<&'static str> {
    let wanted = service.stance().strength();
    match (wanted, actual) {
        (Some(Strength::Drain | Strength::Full), _) | (_, Some(Strength::Drain | Strength::Full)) => {
            Some("is announced")
        }
        (None, None) => Some("may be announced (BIRD has not been read yet)"),
        (Some(Strength::Off), _) | (None, Some(Strength::Off)) => None,
    }
}

/// The static protocols of a service that the new configuration does not use for the same strength.
fn lost(service: &ServiceState, new: &Config) -> Vec<String> {
    let policy = service.policy();
    let named = |protocols: fn(&crate::config::model::ServiceConfig) -> &[StaticProtocolConfig],
                 name: &str| {
        let mut all = new.services.iter().flat_map(protocols);
        all.any(|protocol| protocol.name == name)
    };
    let full = policy.full.iter().filter(|own| !named(|s| &s.full, &own.name));
    let drain = policy.drain.iter().filter(|own| !named(|s| &s.drain, &own.name));
    full.chain(drain).map(|protocol| protocol.name.clone()).collect()
}
