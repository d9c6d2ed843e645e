//! The deadline of one check, over all its phases.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::report::CheckError;

/// The time that one check has. It runs from the moment it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckDeadline {
    deadline: Instant,
    timeout: Duration,
}

impl CheckDeadline {
    /// A check that starts now and may take `timeout`.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            deadline: Instant::now() + timeout,
            timeout,
        }
    }

    /// What `future` comes to, if the time suffices. `doing` says what would have been waited for,
    /// such as "connecting to 192.0.2.1:80".
    ///
    /// # Errors
    /// A fail: time-outs are fails (D1). Who waits for something of this host's own, such as BIRD,
    /// turns it into an error.
    pub(crate) async fn within<T>(
        self,
        doing: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, CheckError> {
        timeout_at(self.deadline, future)
            .await
            .map_err(|_| CheckError::Failed(format!("no answer within {:?}, {doing}", self.timeout)))
    }
}
