//! Whether BIRD runs the bird.conf that is on disk, by what it says of its last reconfiguration.
//!
//! BIRD does not tell what it has read, only when. So a file that was written after that has not
//! been read; and a file whose content is not the one that was there when BIRD had just read it is
//! not what BIRD runs, whatever its time says.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use crate::time::Moment;

/// Times that differ by less are one and the same: the answer takes its time, BIRD computes the time
/// of its last reconfiguration anew for each, and file systems and BIRD's own loop round theirs.
const SAME_TIME: SignedDuration = SignedDuration::from_millis(200);
/// The same where BIRD writes whole seconds.
const SAME_SECOND: SignedDuration = SignedDuration::from_millis(1200);
/// BIRD's clock is ours; more than this apart, it writes its times in another zone.
const SAME_ZONE: SignedDuration = SignedDuration::from_mins(5);

/// When BIRD read what it runs, as of one answer of its.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// On the wall clock.
    pub at: Timestamp,
    /// How long before the answer that was; no step of the clock changes it.
    age: SignedDuration,
    /// How exactly this is known.
    slack: SignedDuration,
}

impl Load {
    /// From the two times of `show status`, in BIRD's words. `None` where `timeformat base` is none
    /// of BIRD's own (`iso long`), so that they cannot be read.
    pub fn of(
        server_time: &str,
        last_reconfiguration: &str,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Option<Self> {
        let server: civil::DateTime = server_time.parse().ok()?;
        let loaded: civil::DateTime = last_reconfiguration.parse().ok()?;
        let zoned = |at: civil::DateTime| at.to_zoned(zone.clone()).ok().map(|at| at.timestamp());
        // In our own zone a change to or from summer time in between is known.
        let ours = zoned(server).filter(|server| server.duration_since(now).abs() <= SAME_ZONE);
        let age = match (ours, zoned(loaded)) {
            (Some(server), Some(loaded)) => server.duration_since(loaded),
            (_, _) => server.duration_since(loaded),
        };
        let at = now.checked_sub(age).ok()?;
        let slack = match last_reconfiguration.contains('.') {
            true => SAME_TIME,
            false => SAME_SECOND,
        };
        Some(Self { at, age, slack })
    }
}

/// The file on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDisk<'a> {
    /// What tells its content from any other.
    pub digest: &'a str,
    /// When it was last written.
    pub written: Timestamp,
}

/// What is remembered from one look to the next.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// When BIRD read its file, counted from our own start and so mostly before it, and what stood
    /// in the file then.
    read: Option<(SignedDuration, String)>,
}

impl Loaded {
    /// Holds the file against BIRD's last reconfiguration; in words if BIRD does not run it. `asked`
    /// is when BIRD answered, on a clock that never steps.
    pub fn look(&mut self, output: &str, asked: Moment, load: Load, file: &OnDisk<'_>) -> Option<String> {
        let asked = SignedDuration::try_from(asked.since_start()).unwrap_or(SignedDuration::MAX);
        let loaded = asked.saturating_sub(load.age);
        let same = |(at, _): &&(SignedDuration, String)| at.saturating_sub(loaded).abs() <= load.slack;
        let unread = match self.read.as_ref().filter(same) {
            Some((_, digest)) => digest != file.digest,
            None => file.written.duration_since(load.at) > load.slack,
        };
        if unread {
            return Some(not_read(output, load));
        }
        self.read = Some((loaded, file.digest.to_owned()));
        None
    }
}

fn not_read(output: &str, load: Load) -> String {
    format!(
        "BIRD does not run what {output} says: the file was changed, and BIRD last read it at {:.0}. `birdc \
         configure check` tells whether BIRD would take it, `birdc configure` brings it in",
        load.at
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T20:41:00Z";

    fn load(last_reconfiguration: &str) -> Load {
        let now = NOW.parse().unwrap();
        Load::of(
            "2026-11-22 20:41:00.000",
            last_reconfiguration,
            now,
            &TimeZone::UTC,
        )
        .unwrap()
    }

    fn file<'a>(digest: &'a str, written: &str) -> OnDisk<'a> {
        let written = written.parse().unwrap();
        OnDisk { digest, written }
    }

    /// Ten seconds after our start, one second more for each look before.
    fn look(loaded: &mut Loaded, seconds: u64, load: Load, file: &OnDisk<'_>) -> bool {
        let asked = Moment::new(std::time::Duration::from_secs(10 + seconds));
        let load = Load {
            age: load.age + SignedDuration::from_secs(seconds as i64),
            ..load
        };
        loaded.look("/etc/bird/bird.conf", asked, load, file).is_none()
    }

    #[test]
    fn a_file_written_before_bird_read_it_is_what_bird_runs() {
        let mut loaded = Loaded::default();
        let load = load("2026-11-22 20:40:40.060750");
        assert!(look(&mut loaded, 0, load, &file("a", "2026-11-22T20:40:39Z")));
        assert!(look(&mut loaded, 1, load, &file("a", "2026-11-22T20:40:39Z")));
        // Written again, but with the same content.
        assert!(look(&mut loaded, 2, load, &file("a", "2026-11-22T20:40:59Z")));
    }

    #[test]
    fn a_file_written_after_bird_read_it_is_not_until_bird_reads_it() {
        let mut loaded = Loaded::default();
        let before = load("2026-11-22 20:40:40.060750");
        let file = file("a", "2026-11-22T20:40:50Z");
        assert!(!look(&mut loaded, 0, before, &file));
        assert!(look(&mut loaded, 1, load("2026-11-22 20:40:50.2"), &file));
    }

    #[test]
    fn another_content_is_not_what_bird_runs_however_old_the_file_is() {
        let mut loaded = Loaded::default();
        let load = load("2026-11-22 20:40:40.060750");
        assert!(look(&mut loaded, 0, load, &file("a", "2026-11-22T20:40:39Z")));
        let moved_there = file("b", "2026-11-20T00:00:00Z");
        assert!(!look(&mut loaded, 1, load, &moved_there));
    }

    #[test]
    fn a_step_of_the_clock_changes_nothing_of_what_is_known() {
        let mut loaded = Loaded::default();
        let before = load("2026-11-22 20:40:40.060750");
        let file = file("a", "2026-11-22T20:40:39Z");
        assert!(look(&mut loaded, 0, before, &file));
        let stepped_back = Load {
            at: before.at - SignedDuration::from_hours(1),
            ..before
        };
        assert!(look(&mut loaded, 1, stepped_back, &file));
    }

    #[test]
    fn birds_times_are_read_in_its_own_zone() {
        let now: Timestamp = NOW.parse().unwrap();
        let of = |server, loaded, zone: &TimeZone| Load::of(server, loaded, now, zone).map(|load| load.at);
        let twenty_before = Some("2026-11-22T20:40:40Z".parse().unwrap());
        let in_hong_kong = ("2026-11-23 04:41:00", "2026-11-23 04:40:40");
        let hong_kong = TimeZone::get("Asia/Hong_Kong").unwrap();
        assert_eq!(of(in_hong_kong.0, in_hong_kong.1, &hong_kong), twenty_before);
        // BIRD's zone is not ours.
        assert_eq!(of(in_hong_kong.0, in_hong_kong.1, &TimeZone::UTC), twenty_before);
        // Summer time ended in between.
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let summer = of("2026-11-22 21:41:00", "2026-10-24 12:00:00", &berlin);
        assert_eq!(summer, Some("2026-10-24T10:00:00Z".parse().unwrap()));
        assert_eq!(of("22/Nov/26", "22/Nov/26", &berlin), None);
    }
}
