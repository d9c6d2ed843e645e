//! Views of BIRD.

use falconer::bird::parse::{BfdSession, ProtocolRow, Route};
use falconer::probe::{BirdAnswer, BirdView};
use ipnet::IpNet;

/// There is none.
pub(crate) struct NoBird;

impl BirdView for NoBird {
    fn connection(&self) -> u64 {
        0
    }

    fn routes<'a>(&'a self, _: IpNet, _: Option<&'a str>) -> BirdAnswer<'a, Vec<Route>> {
        Box::pin(async { Err("no BIRD here".into()) })
    }

    fn protocols(&self) -> BirdAnswer<'_, Vec<ProtocolRow>> {
        Box::pin(async { Err("no BIRD here".into()) })
    }

    fn bfd_sessions(&self) -> BirdAnswer<'_, Vec<BfdSession>> {
        Box::pin(async { Err("no BIRD here".into()) })
    }
}
