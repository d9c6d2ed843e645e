//! What the guard is told of a static protocol (A7), as BIRD shows it: `show protocols all NAME` and
//! `show static NAME`.

use crate::bird::client::{BirdClient, BirdError};
use crate::bird::guard::{self, GuardFacts};
use crate::bird::parse::{ProtocolDetail, StaticRoute};

/// BIRD's answers.
#[derive(Clone, Debug)]
pub(crate) struct GuardAnswer {
    pub(crate) detail: ProtocolDetail,
    pub(crate) routes: Vec<StaticRoute>,
}

/// Asks both questions.
///
/// # Errors
/// [`BirdError::NoSuchProtocol`] where there is none of that name.
pub(crate) async fn ask(client: &BirdClient, name: &str) -> Result<GuardAnswer, BirdError> {
    let detail = client.show_protocol(name).await?;
    // Only a static protocol can be asked for its routes; what is another is refused anyway.
    let routes = if detail.protocol.proto == guard::KIND {
        client.show_static(name).await?
    } else {
        Vec::new()
    };
    Ok(GuardAnswer { detail, routes })
}

impl GuardAnswer {
    /// What the guard decides by.
    pub(crate) fn facts(&self) -> GuardFacts {
        let channels = self.detail.channels.iter();
        GuardFacts {
            kind: self.detail.protocol.proto.clone(),
            channels: channels.map(|channel| channel.name.clone()).collect(),
            routes: self.routes.iter().map(|route| route.prefix).collect(),
        }
    }
}
