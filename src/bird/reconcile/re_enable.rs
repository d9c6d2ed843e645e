//! What is enabled and reaches nobody is disabled and enabled again (A5): BIRD does not offer a route once more to a
//! session that refused it, for one after an export limit had room again. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::model::StaticProtocolConfig;

use super::exports::{self, ExportReplies, ExportReply};
use super::observation::ObservedUpstream;
use super::target::ReconcileTarget;

/// How long it must have reached nobody before it is first tried again.
const FIRST: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// How often one protocol was tried again.
#[derive(Debug, Default)]
pub(crate) struct ReEnable {
    due: Option<Instant>,
    wait: Duration,
    times: u32,
}

impl ReEnable {
    /// It reaches nobody; whether it is to be disabled and enabled now.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let Some(due) = self.due else {
            (self.due, self.wait) = (Some(now + FIRST), FIRST);
            return false;
        };
        if now < due {
            return false;
        }
        self.wait = (self.wait * 2).min(LONGEST);
        self.due = Some(now + self.wait);
        self.times += 1;
        true
    }

    /// It reaches somebody, or is not announced at all.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// How often it was tried again, in words.
    pub(crate) fn describe(&self) -> Option<String> {
        (self.times > 0).then(|| {
            let times = self.times;
            format!("disabled and enabled again {times} times so far, which changed nothing yet")
        })
    }
}

/// Whether a protocol that is announced reaches no upstream at all although one could take it. An answer
/// that is missing or makes no sense proves nothing; what BIRD drops for its next hop is not mended by
/// trying again, and what BIRD may have sent is never taken back.
pub(crate) fn reaches_nobody(
    target: &ReconcileTarget,
    protocol: &StaticProtocolConfig,
    upstreams: &[ObservedUpstream],
    replies: &ExportReplies,
) -> bool {
    let able = upstreams.iter().filter(|seen| {
        target.upstreams.contains(&seen.name)
            && seen.is_established()
            && seen.families.contains(&protocol.family)
    });
    let mut refused = false;
    for upstream in able {
        for prefix in &protocol.prefixes {
            match replies.get(&(*prefix, upstream.name.clone())) {
                Some(ExportReply::From(_))
                    if exports::carries(replies, &upstream.name, *prefix, &protocol.name) =>
                {
                    return false;
                }
                Some(ExportReply::From(_) | ExportReply::Blocked(_)) => refused = true,
                Some(ExportReply::NotUp) => {}
                Some(ExportReply::Dropped { .. } | ExportReply::Failed(_)) | None => return false,
            }
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a5_what_reaches_nobody_is_tried_again_from_ten_seconds_doubling_up_to_five_minutes() {
        let mut re_enable = ReEnable::default();
        let start = Instant::now();
        let due: Vec<u64> = (0..1300)
            .filter(|second| re_enable.is_due(start + Duration::from_secs(*second)))
            .collect();
        assert_eq!(due, [10, 30, 70, 150, 310, 610, 910, 1210]);
        assert!(re_enable.describe().unwrap().contains("8 times"));
        re_enable.reset();
        assert_eq!(re_enable.describe(), None);
        assert!(!re_enable.is_due(start + Duration::from_secs(2000)));
    }
}
