//! How often one protocol is told the same thing: never in a tight loop, neither against a BIRD
//! that fails nor against somebody who undoes it at once.

use std::time::Duration;

use tokio::time::Instant;

use crate::bird::parse::SwitchReply;
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

/// What a protocol can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SwitchAction {
    Enable,
    Disable,
}

impl SwitchAction {
    /// Whether BIRD's answer says that this was news to it.
    pub(crate) fn changed(self, answer: SwitchReply) -> bool {
        match (self, answer) {
            (Self::Enable, SwitchReply::Enabled) | (Self::Disable, SwitchReply::Disabled) => true,
            (
                Self::Enable,
                SwitchReply::AlreadyEnabled | SwitchReply::Disabled | SwitchReply::AlreadyDisabled,
            )
            | (
                Self::Disable,
                SwitchReply::AlreadyDisabled | SwitchReply::Enabled | SwitchReply::AlreadyEnabled,
            ) => false,
        }
    }
}

/// Why a protocol is not what it is wanted to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RetryCause {
    pub(crate) code: AlarmCode,
    pub(crate) text: String,
}

/// What one protocol was told last.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    last: Option<BackoffState>,
    trouble: Option<RetryCause>,
}

#[derive(Clone, Copy, Debug)]
struct BackoffState {
    order: SwitchAction,
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
            trouble: None,
        }
    }

    /// When this may be told (again); `None`: at once. Another order never waits.
    pub(crate) fn not_before(&self, order: SwitchAction, now: Instant) -> Option<Instant> {
        self.last
            .filter(|last| last.order == order && last.next > now)
            .map(|last| last.next)
    }

    /// BIRD accepted it; `changed` says whether it was news to BIRD.
    pub(crate) fn accepted(&mut self, order: SwitchAction, changed: bool, now: Instant) {
        self.trouble = None;
        let first = if changed { AFTER_A_CHANGE } else { AFTER_NO_CHANGE };
        self.remember(order, first, true, now);
    }

    /// It could not be told, or must not be; whether that is a new reason.
    pub(crate) fn failed(&mut self, order: SwitchAction, trouble: RetryCause, now: Instant) -> bool {
        self.remember(order, AFTER_A_FAILURE, false, now);
        let new = self.trouble.as_ref() != Some(&trouble);
        self.trouble = Some(trouble);
        new
    }

    /// The protocol is what it is wanted to be. The waiting is not forgotten: whoever undoes us all
    /// the time is not answered in a tight loop.
    pub(crate) fn reached(&mut self) {
        self.trouble = None;
    }

    /// A new connection: BIRD may be another one, which knows nothing of what it once accepted. What
    /// failed keeps its turn, so that one command that breaks the connection does not starve others.
    pub(crate) fn reconnected(&mut self) {
        self.last = self.last.filter(|last| !last.accepted);
    }

    /// What stands in the way.
    pub(crate) fn trouble(&self) -> Option<&RetryCause> {
        self.trouble.as_ref()
    }

    fn remember(&mut self, order: SwitchAction, first: Duration, accepted: bool, now: Instant) {
        let again = self
            .last
            .filter(|last| last.order == order && now < last.next + last.wait);
        let wait = again
            .map_or(first, |last| first.max(last.wait * 2))
            .min(self.longest);
        self.last = Some(BackoffState {
            order,
            next: now + wait,
            wait,
            accepted,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(text: &str) -> RetryCause {
        RetryCause {
            code: AlarmCode::NotExported,
            text: text.to_owned(),
        }
    }

    fn waits(attempts: &mut Backoff, now: &mut Instant, again: impl Fn(&mut Backoff, Instant)) -> Vec<u128> {
        (0..8)
            .map(|_| {
                again(attempts, *now);
                let next = attempts.not_before(SwitchAction::Enable, *now).expect("a wait");
                let wait = next - *now;
                *now = next;
                wait.as_millis()
            })
            .collect()
    }

    #[tokio::test]
    async fn a1_a_failed_write_is_retried_from_100_ms_doubling_up_to_the_poll() {
        let mut now = Instant::now();
        let fail = |attempts: &mut Backoff, now| {
            attempts.failed(SwitchAction::Enable, trouble("no"), now);
        };
        let mut attempts = Backoff::new(Duration::from_secs(1));
        assert_eq!(
            waits(&mut attempts, &mut now, fail),
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
        let mut attempts = Backoff::new(Duration::from_secs(1));
        attempts.accepted(SwitchAction::Enable, false, now);
        assert_eq!(
            attempts.not_before(SwitchAction::Enable, now),
            Some(now + Duration::from_millis(5))
        );
        now += Duration::from_secs(60);
        assert_eq!(attempts.not_before(SwitchAction::Enable, now), None);
        attempts.accepted(SwitchAction::Enable, true, now);
        assert_eq!(
            attempts.not_before(SwitchAction::Enable, now),
            Some(now + Duration::from_millis(100))
        );
    }

    #[tokio::test]
    async fn a1_another_order_never_waits() {
        let now = Instant::now();
        let mut attempts = Backoff::new(Duration::from_secs(1));
        attempts.failed(SwitchAction::Enable, trouble("no"), now);
        assert_eq!(attempts.not_before(SwitchAction::Disable, now), None);
    }

    #[tokio::test]
    async fn a_reason_is_new_once() {
        let now = Instant::now();
        let mut attempts = Backoff::new(Duration::from_secs(1));
        assert!(attempts.failed(SwitchAction::Enable, trouble("no"), now));
        assert!(!attempts.failed(SwitchAction::Enable, trouble("no"), now));
        assert!(attempts.failed(SwitchAction::Enable, trouble("never"), now));
        attempts.accepted(SwitchAction::Enable, true, now);
        assert!(attempts.failed(SwitchAction::Enable, trouble("never"), now));
    }

    #[tokio::test]
    async fn a4_a_new_connection_forgets_what_was_accepted_and_not_what_failed() {
        let now = Instant::now();
        let mut attempts = Backoff::new(Duration::from_secs(1));
        attempts.accepted(SwitchAction::Enable, true, now);
        attempts.reconnected();
        assert_eq!(attempts.not_before(SwitchAction::Enable, now), None);
        attempts.failed(SwitchAction::Enable, trouble("no"), now);
        attempts.reconnected();
        assert!(attempts.not_before(SwitchAction::Enable, now).is_some());
    }
}
