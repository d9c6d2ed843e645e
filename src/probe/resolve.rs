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
    announced: Prefixes,
}

#[derive(Debug)]
enum Where {
    Addr(IpAddr),
    Name(Arc<ResolvedName>),
}

impl Target {
    /// `family` is the one that the probe's source allows. An address inside one of `announced`
    /// proves nothing: after a takeover it would be answered here.
    pub(crate) fn new(host: &Host, family: Option<Family>, announced: Prefixes, resolver: &Resolver) -> Self {
        let host = match host {
            Host::Addr(addr) => Where::Addr(*addr),
            Host::Name(name) => Where::Name(resolver.name(name)),
        };
        Self {
            host,
            family,
            announced,
        }
    }

    /// The address to ask.
    ///
    /// # Errors
    /// Always "not made": a name never resolved, one without an address of the family, or one that
    /// lies inside an announced prefix.
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

    /// Which of the target's addresses lies inside an announced prefix, in words.
    pub(crate) fn trouble(&self) -> Option<String> {
        let (prefix, who) = match &self.host {
            Where::Addr(addr) => (self.announced.containing(*addr)?, addr.to_string()),
            Where::Name(name) => {
                let found = name.found().unwrap_or_default();
                let mut inside = self
                    .usable(&found)
                    .filter_map(|addr| Some((self.announced.containing(addr)?, addr)));
                let (prefix, addr) = inside.next()?;
                (prefix, format!("{} is {addr}, which", name.text()))
            }
        };
        Some(format!(
            "{who} lies inside {prefix}, which this site announces: it would be answered here"
        ))
    }

    fn usable(&self, found: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
        let fits = |addr: &&IpAddr| self.family.is_none_or(|family| family == family_of(**addr));
        found.iter().filter(fits).copied()
    }
}
