//! The announced prefixes that an address is compared with at every check; the cost does not grow with
//! their number.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// A set of prefixes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes(Arc<Index>);

#[derive(Debug, Default)]
struct Index {
    list: Vec<IpNet>,
    set: HashSet<IpNet>,
    /// The lengths that there are: a few, however many prefixes.
    lengths: BTreeSet<u8>,
}

impl Prefixes {
    /// Whether it was made of these.
    pub(crate) fn are(&self, prefixes: &[IpNet]) -> bool {
        self.0.list == prefixes
    }

    /// The prefix that an address lies in; the largest of several.
    pub(crate) fn containing(&self, addr: IpAddr) -> Option<IpNet> {
        let Index { set, lengths, .. } = &*self.0;
        let around = |length: &u8| Some(IpNet::new(addr, *length).ok()?.trunc());
        let mut around = lengths.iter().filter_map(around);
        around.find(|prefix| set.contains(prefix))
    }
}

impl From<&[IpNet]> for Prefixes {
    fn from(prefixes: &[IpNet]) -> Self {
        Self(Arc::new(Index {
            list: prefixes.to_vec(),
            set: prefixes.iter().map(IpNet::trunc).collect(),
            lengths: prefixes.iter().map(IpNet::prefix_len).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_the_prefix_that_contains_it_and_in_no_other() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let nets = [
            net("198.51.100.0/24"),
            net("192.0.2.128/25"),
            net("2001:db8::/32"),
            net("198.51.0.0/16"),
        ];
        let prefixes = Prefixes::from(&nets[..]);
        let found = |text: &str| prefixes.containing(text.parse().unwrap());
        assert_eq!(found("198.51.100.7"), Some(net("198.51.0.0/16")));
        assert_eq!(found("192.0.2.200"), Some(net("192.0.2.128/25")));
        assert_eq!(found("192.0.2.1"), None);
        assert_eq!(found("2001:db8:1::1"), Some(net("2001:db8::/32")));
        assert_eq!(found("2001:db9::1"), None);
        assert!(prefixes.are(&nets) && !prefixes.are(&nets[1..]));
        assert_eq!(Prefixes::default().containing("192.0.2.1".parse().unwrap()), None);
    }
}
