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

#[cfg(test)]
mod tests {
    const UNIT: &str = include_str!("../scripts/systemd/falconer.service");

    /// The unit's own settings, of which a word that is missing would be missed only in a disaster.
    #[test]
    fn the_unit_starts_us_again_whatever_happens_and_shuts_in_what_could_do_harm() {
        let settings = [
            "Restart=always",
            "RestartSec=1",
            "StartLimitIntervalSec=0",
            "RestartPreventExitStatus=78",
            "TimeoutStartSec=90",
            "TimeoutStopSec=20",
            "WatchdogSec=30",
            "OOMScoreAdjust=-500",
            "LimitNOFILE=65536",
            "LimitCORE=0",
            "UMask=0077",
            "RuntimeDirectoryMode=0755",
            "RuntimeDirectoryPreserve=yes",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "ReadWritePaths=-/etc/bird -/run/lock -/run/bird",
            "MemoryDenyWriteExecute=yes",
            "SystemCallFilter=@system-service",
        ];
        for setting in settings {
            let found = UNIT.lines().filter(|line| *line == setting).count();
            assert_eq!(found, 1, "{setting}");
        }
    }
}
