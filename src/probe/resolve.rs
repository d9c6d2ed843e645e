//! Resolves the names of targets in the background.
//!
//! A check never waits for a name server: it uses the last addresses found (D1). The system resolves
//! names as for every other program, with `getaddrinfo`.

mod name;
mod prefixes;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub(crate) use name::{NameResolver, ResolvedName};
pub(crate) use prefixes::Prefixes;

use super::report::CheckError;
use super::socket::family_of;
use crate::config::model::{Family, Host};
use crate::metrics::shared::SharedNumber;

/// The names that probes ask for, each resolved by one task however many probes share it.
#[derive(Debug)]
pub(crate) struct Resolver {
    lookup: NameResolver,
    /// A lock, since probes may be made from any task; it is held for a look-up in the map.
    names: Mutex<HashMap<String, Weak<ResolvedName>>>,
    /// How often any of them got other addresses.
    changes: SharedNumber,
}

impl Resolver {
    /// With the system's own way to resolve names.
    pub(crate) fn new() -> Self {
        Self::with(NameResolver::system())
    }

    /// With another way.
    pub(crate) fn with(lookup: NameResolver) -> Self {
        Self {
            lookup,
            names: Mutex::default(),
            changes: SharedNumber::default(),
        }
    }

    /// The name, resolved from now on for as long as someone holds it.
    pub(crate) fn name(&self, name: &str) -> Arc<ResolvedName> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name).and_then(Weak::upgrade) {
            return known;
        }
        names.retain(|_, name| name.strong_count() > 0);
        let new = Arc::new(ResolvedName::spawn(
            name.to_owned(),
            self.lookup.clone(),
            self.changes.clone(),
        ));
        names.insert(name.to_owned(), Arc::downgrade(&new));
        new
    }

    /// How often any name got other addresses than before.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.get()
    }
}

/// Where a probe's packets go.
#[derive(Debug)]
pub(crate) struct Target {
    host: Where,
    family: Option<Family>,
    place: TargetPlace,
}

/// Where a target's addresses must lie.
#[derive(Clone, Debug)]
pub(crate) enum TargetPlace {
    /// In none of these prefixes: after a takeover it would be answered here. None of them: anywhere.
    Outside(Prefixes),
    /// In one of these: only there an answer shows that this site serves (D16).
    Inside(Prefixes),
}

impl TargetPlace {
    /// What is wrong with an address, in words that follow it.
    fn trouble(&self, addr: IpAddr) -> Option<String> {
        match self {
            Self::Outside(prefixes) => prefixes.containing(addr).map(|prefix| {
                format!("lies inside {prefix}, which this site announces: it would be answered here")
            }),
            Self::Inside(prefixes) => prefixes.containing(addr).is_none().then(|| {
                "lies outside the service's prefixes: an answer from there does not show that this site serves".to_owned()
            }),
        }
    }
}

#[derive(Debug)]
enum Where {
    Addr(IpAddr),
    Name(Arc<ResolvedName>),
}

impl Target {
    /// `family` is the one that the probe's source allows.
    pub(crate) fn new(host: &Host, family: Option<Family>, place: TargetPlace, resolver: &Resolver) -> Self {
        let host = match host {
            Host::Addr(addr) => Where::Addr(*addr),
            Host::Name(name) => Where::Name(resolver.name(name)),
        };
        Self { host, family, place }
    }

    /// The address to ask.
    ///
    /// # Errors
    /// Always "not made": a name never resolved, one without an address of the family, or one that
    /// lies where it must not.
    pub(crate) fn address(&self) -> Result<IpAddr, CheckError> {
        if let Some(trouble) = self.trouble() {
            return Err(CheckError::NotMade(trouble));
        }
        match &self.host {
            Where::Addr(addr) => Ok(*addr),
            Where::Name(name) => {
                let found = name.found().map_err(CheckError::NotMade)?;
                self.usable(&found).next().ok_or_else(|| {
                    CheckError::NotMade(format!("{} has no address of the source's family", name.text()))
                })
            }
        }
    }

    /// Whether the address to ask can be one of that family.
    pub(crate) fn may_be(&self, family: Family) -> bool {
        match &self.host {
            Where::Addr(addr) => family == family_of(*addr),
            Where::Name(_) => self.family.is_none_or(|fits| fits == family),
        }
    }

    /// Which of the target's addresses lies where it must not, in words.
    pub(crate) fn trouble(&self) -> Option<String> {
        let (who, trouble) = match &self.host {
            Where::Addr(addr) => (addr.to_string(), self.place.trouble(*addr)?),
            Where::Name(name) => {
                let found = name.found().unwrap_or_default();
                let mut troubles = self
                    .usable(&found)
                    .filter_map(|addr| Some((self.place.trouble(addr)?, addr)));
                let (trouble, addr) = troubles.next()?;
                (format!("{} is {addr}, which", name.text()), trouble)
            }
        };
        Some(format!("{who} {trouble}"))
    }

    /// All addresses that it has now.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        match &self.host {
            Where::Addr(addr) => vec![*addr],
            Where::Name(name) => self.usable(&name.found().unwrap_or_default()).collect(),
        }
    }

    fn usable(&self, found: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
        let fits = |addr: &&IpAddr| self.family.is_none_or(|family| family == family_of(**addr));
        found.iter().filter(fits).copied()
    }
}
