//! What systemd is told, where it asked: ready, status, reloading, stopping, and that we are alive.
//!
//! Without systemd every call does nothing. It decides nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Tells systemd that the daemon works.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Tells systemd that the daemon is about to end.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    notify(&[NotifyState::Status(line)]);
}

/// Tells systemd that the driver's loop turns.
pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is to be called: half of what the unit's `WatchdogSec=` allows. `None`: not
/// at all.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be notified");
    }
}
