//! Decides whether the absence of a route or session in BIRD proves anything.
//!
//! A BIRD that has just started, or a session that has just come up, shows nothing yet: no route, no
//! BFD session, even if the target lives. If this counted as a death, a restart of our own BIRD would
//! be a takeover. So absence counts only after the route or session was there before, in the same run
//! of BIRD and of the session, or after both have been up long enough.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Sessions come up, and tables are filled, within this time of a start.
const SETTLING: Duration = Duration::from_secs(30);

/// What one probe's absences stand on.
#[derive(Debug, Default)]
pub(crate) struct WarmUp {
    // A lock, because checks of one probe overlap; it is held for no longer than a comparison.
    state: Mutex<WarmUpState>,
    /// The session through which the route was last seen; whatever became of the connection to BIRD
    /// since. A lock for the same reason.
    through: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct WarmUpState {
    connection: u64,
    since: Option<Instant>,
    seen: bool,
}

impl WarmUp {
    /// What is looked for is there.
    pub(crate) fn seen(&self, connection: u64) {
        self.with(connection, |state| state.seen = true);
    }

    /// The route is there, through that session.
    pub(crate) fn seen_through(&self, connection: u64, session: &str) {
        self.seen(connection);
        let mut through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
        if through.as_deref() != Some(session) {
            *through = Some(session.to_owned());
        }
    }

    /// Through which session the route was last seen; `None`: not since the start.
    pub(crate) fn through(&self) -> Option<String> {
        self.through
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What it would stand on is not there: whatever was seen before says nothing any more.
    pub(crate) fn lost(&self, connection: u64) {
        self.with(connection, |state| {
            *state = WarmUpState {
                connection,
                ..WarmUpState::default()
            }
        });
    }

    /// What is looked for is not there, and what it would stand on is: whether that proves anything.
    pub(crate) fn proves_absence(&self, connection: u64) -> bool {
        self.with(connection, |state| {
            let now = Instant::now();
            let since = *state.since.get_or_insert(now);
            state.seen || now.duration_since(since) >= SETTLING
        })
    }

    fn with<T>(&self, connection: u64, then: impl FnOnce(&mut WarmUpState) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.connection != connection {
            // BIRD may have been restarted meanwhile.
            *state = WarmUpState {
                connection,
                ..WarmUpState::default()
            };
        }
        then(&mut state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn d3_absence_proves_nothing_until_it_was_there_or_long_enough_has_passed() {
        let footing = WarmUp::default();
        assert!(!footing.proves_absence(1));
        tokio::time::advance(SETTLING).await;
        assert!(footing.proves_absence(1));
        let footing = WarmUp::default();
        footing.seen(1);
        assert!(footing.proves_absence(1));
    }

    #[tokio::test(start_paused = true)]
    async fn d3_a_new_connection_to_bird_begins_anew() {
        let footing = WarmUp::default();
        footing.seen(1);
        assert!(!footing.proves_absence(2));
        tokio::time::advance(SETTLING).await;
        assert!(footing.proves_absence(2));
    }

    #[tokio::test(start_paused = true)]
    async fn d3_a_session_that_went_down_begins_anew() {
        let footing = WarmUp::default();
        footing.seen(1);
        footing.lost(1);
        assert!(!footing.proves_absence(1));
    }
}
