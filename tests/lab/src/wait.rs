//! Waiting for a condition with a deadline, and the lab's one clock. Nothing in the lab sleeps for a
//! fixed time and hopes.
//!
//! The clock is the kernel's wall clock, because the kernel stamps captured packets with it, and
//! Falconer's own times are of it too: all observations can be compared. Deadlines use the
//! monotonic clock.

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(5);

/// The lab's clock.
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// From `earlier` to `later`; zero if it is the other way round.
pub fn between(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

/// Lets the time pass that a fault or an observation is meant to last. Never a way to wait for
/// something: that is [`until`].
#[expect(
    clippy::disallowed_methods,
    reason = "the lab runs on real time, on threads of its own"
)]
pub fn pass(time: Duration) {
    std::thread::sleep(time);
}

/// Asks until there is an answer; an error that names `what` after `deadline`. An error of the
/// question itself only counts when it is the last one.
pub fn until<T>(what: &str, deadline: Duration, ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    until_every(POLL, what, deadline, ask)
}

/// The same with a pause between two questions, for those that cost something, asked in many labs at
/// once.
#[expect(clippy::disallowed_methods, reason = "the lab runs on real time")]
pub fn until_every<T>(
    pause: Duration,
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = std::time::Instant::now();
    loop {
        let answer = ask();
        if let Ok(Some(found)) = answer {
            return Ok(found);
        }
        if start.elapsed() > deadline {
            match answer {
                Err(error) => return Err(error.context(format!("no {what} within {deadline:?}"))),
                Ok(_) => bail!("no {what} within {deadline:?}"),
            }
        }
        pass(pause);
    }
}

/// The same for a condition without a value.
pub fn until_true(what: &str, deadline: Duration, mut ask: impl FnMut() -> Result<bool>) -> Result<()> {
    until(what, deadline, || Ok(ask()?.then_some(())))
}
