//! How often one protocol is told the same thing: never in a tight loop, neither against a BIRD
//! that fails nor against somebody who undoes it at once.

use std::time::Duration;

use tokio::time::Instant;

use crate::bird::client::BirdError;
use crate::bird::plan::SwitchAction;
use crate::model::snapshot::AlarmCode;

/// BIRD does what it accepted within milliseconds; the same again before that is noise.
const AFTER_A_CHANGE: Duration = Duration::from_millis(100);
/// "already enabled" of a protocol that was seen down: a reconfiguration is taking it back, and the
/// word is lost. The next look follows soon.
const AFTER_NO_CHANGE: Duration = Duration::from_millis(5);
/// The first wait after a failure.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);
/// The longest wait, however slow the poll.
const LONGEST: Duration = Duration::from_secs(5);

/// Why a protocol is not what it is wanted to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RetryCause {
    pub(crate) code: AlarmCode,
    pub(crate) text: String,
}

impl RetryCause {
    /// A command about a protocol failed.
    pub(crate) fn failed(action: SwitchAction, protocol: &str, error: &BirdError) -> Self {
        let (verb, code) = match action {
            SwitchAction::Enable => ("enabled", AlarmCode::NotExported),
            SwitchAction::Disable => ("disabled", AlarmCode::Drift),
        };
        Self {
            code,
            text: format!("{protocol} could not be {verb}: {error}"),
        }
    }
}

/// What was last written to one protocol, and when it may be written again.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    last: Option<BackoffState>,
    cause: Option<RetryCause>,
}

#[derive(Clone, Copy, Debug)]
struct BackoffState {
    action: SwitchAction,
    next: Instant,
    wait: Duration,
    accepted: bool,
}

impl Backoff {
    /// With a poll that comes by every `poll_interval` anyway, waiting longer makes no sense.
    pub(crate) fn new(poll_interval: Duration) -> Self {
        Self {
            longest: poll_interval.clamp(AFTER_A_FAILURE, LONGEST),
            last: None,
            cause: None,
        }
    }

    /// When this may be told (again); `None`: at once. Another action never waits.
    pub(crate) fn not_before(&self, action: SwitchAction, now: Instant) -> Option<Instant> {
        self.last
            .filter(|last| last.action == action && last.next > now)
            .map(|last| last.next)
    }

    /// BIRD accepted it; `changed` says whether it was news to BIRD.
    pub(crate) fn accepted(&mut self, action: SwitchAction, changed: bool, now: Instant) {
        self.cause = None;
        let first = if changed { AFTER_A_CHANGE } else { AFTER_NO_CHANGE };
        self.remember(action, first, true, now);
    }

    /// It could not be told, or must not be; whether that is a new reason.
    pub(crate) fn failed(&mut self, action: SwitchAction, cause: RetryCause, now: Instant) -> bool {
        self.remember(action, AFTER_A_FAILURE, false, now);
        let new = self.cause.as_ref() != Some(&cause);
        self.cause = Some(cause);
        new
    }

    /// The protocol is what it is wanted to be. The waiting is not forgotten: whoever undoes us all
    /// the time is not answered in a tight loop.
    pub(crate) fn reached(&mut self) {
        self.cause = None;
    }

    /// A new connection: BIRD may be another one, which knows nothing of what it once accepted. What
    /// failed keeps its turn, so that one command that breaks the connection does not starve others.
    pub(crate) fn reconnected(&mut self) {
        self.last = self.last.filter(|last| !last.accepted);
    }

    /// What stands in the way.
    pub(crate) fn cause(&self) -> Option<&RetryCause> {
        self.cause.as_ref()
    }

    fn remember(&mut self, action: SwitchAction, first: Duration, accepted: bool, now: Instant) {
        let again = self
            .last
            .filter(|last| last.action == action && now < last.next + last.wait);
        let wait = again
            .map_or(first, |last| first.max(last.wait * 2))
            .min(self.longest);
        self.last = Some(BackoffState {
            action,
            next: now + wait,
            wait,
            accepted,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(text: &str) -> RetryCause {
        RetryCause {
            code: AlarmCode::NotExported,
            text: text.to_owned(),
        }
    }

    fn waits(backoff: &mut Backoff, now: &mut Instant, again: impl Fn(&mut Backoff, Instant)) -> Vec<u128> {
        (0..8)
            .map(|_| {
                again(backoff, *now);
                let next = backoff.not_before(SwitchAction::Enable, *now).expect("a wait");
                let wait = next - *now;
                *now = next;
                wait.as_millis()
            })
            .collect()
    }

    #[tokio::test]
    async fn a1_a_failed_write_is_retried_from_100_ms_doubling_up_to_the_poll() {
        let mut now = Instant::now();
        let fail = |backoff: &mut Backoff, now| {
            backoff.failed(SwitchAction::Enable, cause("no"), now);
        };
        let mut backoff = Backoff::new(Duration::from_secs(1));
        assert_eq!(
            waits(&mut backoff, &mut now, fail),
            [100, 200, 400, 800, 1000, 1000, 1000, 1000]
        );
        let mut slow = Backoff::new(Duration::from_secs(60));
        assert_eq!(
            waits(&mut slow, &mut now, fail),
            [100, 200, 400, 800, 1600, 3200, 5000, 5000]
        );
    }

    #[tokio::test]
    async fn a1_a_lost_enable_is_repeated_soon_and_an_accepted_one_later() {
        let mut now = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(1));
        backoff.accepted(SwitchAction::Enable, false, now);
        assert_eq!(
            backoff.not_before(SwitchAction::Enable, now),
            Some(now + Duration::from_millis(5))
        );
        now += Duration::from_secs(60);
        assert_eq!(backoff.not_before(SwitchAction::Enable, now), None);
        backoff.accepted(SwitchAction::Enable, true, now);
        assert_eq!(
            backoff.not_before(SwitchAction::Enable, now),
            Some(now + Duration::from_millis(100))
        );
    }

    #[tokio::test]
    async fn a1_another_order_never_waits() {
        let now = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(1));
        backoff.failed(SwitchAction::Enable, cause("no"), now);
        assert_eq!(backoff.not_before(SwitchAction::Disable, now), None);
    }

    #[tokio::test]
    async fn a_reason_is_new_once() {
        let now = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(1));
        assert!(backoff.failed(SwitchAction::Enable, cause("no"), now));
        assert!(!backoff.failed(SwitchAction::Enable, cause("no"), now));
        assert!(backoff.failed(SwitchAction::Enable, cause("never"), now));
        backoff.accepted(SwitchAction::Enable, true, now);
        assert!(backoff.failed(SwitchAction::Enable, cause("never"), now));
    }

    #[tokio::test]
    async fn a4_a_new_connection_forgets_what_was_accepted_and_not_what_failed() {
        let now = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(1));
        backoff.accepted(SwitchAction::Enable, true, now);
        backoff.reconnected();
        assert_eq!(backoff.not_before(SwitchAction::Enable, now), None);
        backoff.failed(SwitchAction::Enable, cause("no"), now);
        backoff.reconnected();
        assert!(backoff.not_before(SwitchAction::Enable, now).is_some());
    }
}
