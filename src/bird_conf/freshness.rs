//! Whether BIRD runs the bird.conf that is on disk, by what it says of its last reconfiguration.
//!
//! BIRD does not tell what it has read, only when. So a file that was written after that has not
//! been read; and a file whose content is not the one that was there when BIRD had just read it is
//! not what BIRD runs, whatever its time says.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use crate::model::time::Moment;

/// Times that differ by less are one and the same: the answer takes its time, BIRD computes the time
/// of its last reconfiguration anew for each, and file systems and BIRD's own loop round theirs.
const SAME_TIME: SignedDuration = SignedDuration::from_millis(200);
/// How much earlier than it was a file system says that a file was changed: a tick of its clock.
const FINE: SignedDuration = SignedDuration::from_millis(10);
/// The same where BIRD writes whole seconds.
const SAME_SECOND: SignedDuration = SignedDuration::from_millis(1200);
/// BIRD's clock is ours; more than this apart, it writes its times in another zone.
const SAME_ZONE: SignedDuration = SignedDuration::from_mins(5);

/// When BIRD read what it runs, as of one answer of its.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadTime {
    /// On the wall clock.
    pub at: Timestamp,
    /// How long before the answer that was; no step of the clock changes it.
    age: SignedDuration,
    /// How exactly this is known.
    slack: SignedDuration,
    /// It cannot have been before this.
    earliest: Timestamp,
}

impl LoadTime {
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
        Some(Self {
            at,
            age,
            slack,
            earliest: at.checked_sub(slack).ok()?,
        })
    }

    /// The same, asked for at that time: so much earlier than [`LoadTime::at`] it may have been.
    pub fn asked_at(self, asked: Timestamp) -> Self {
        let granularity = if self.slack == SAME_TIME { FINE } else { self.slack };
        let earliest = asked.checked_sub(self.age.saturating_add(granularity));
        Self {
            earliest: earliest.unwrap_or(Timestamp::MIN),
            ..self
        }
    }
}

/// The file on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTime<'a> {
    /// What tells its content from any other.
    pub digest: &'a str,
    /// When it was last written.
    pub written: Timestamp,
}

/// What is known of what BIRD runs, besides the times.
#[derive(Clone, Debug)]
pub struct KnownRunning<'a> {
    /// What BIRD was seen to run, by what tells its content from any other, and when it had read that.
    pub noted: Option<(&'a str, Option<Timestamp>)>,
    /// What a copy was kept of.
    pub copy: Option<&'a str>,
    /// Whether the file on disk is our own work.
    pub is_ours: bool,
    /// Whether it is the one that we put back after an apply that was not confirmed, untouched since.
    pub is_put_back: bool,
}

/// Which file BIRD runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunningFile {
    /// The one on disk.
    OnDisk,
    /// The one of which there is a copy.
    Copy,
    /// That cannot be told; why, and what to do.
    Unknown(String),
}

impl KnownRunning<'_> {
    /// Which it is. Nothing is taken for running that may never have been read: to configure it once
    /// more would bring it in. The time in `file` is that of the last change of any kind.
    pub fn of(&self, output: &str, file: &FileTime<'_>, load: Option<LoadTime>) -> RunningFile {
        let Some(load) = load else {
            return match self.noted {
                Some((digest, _)) if digest == file.digest && self.is_ours => RunningFile::OnDisk,
                Some(_) | None => RunningFile::Unknown(format!(
                    "BIRD does not say when it last read {output} (`timeformat base` in it must be `iso long` or \
                     `iso long us`)"
                )),
            };
        };
        let noted = self.noted.and_then(|(digest, at)| Some((digest, at?)));
        if let Some((digest, _)) = noted.filter(|(_, at)| is_same_load(*at, load)) {
            return self.as_noted(output, digest, file);
        }
        // BIRD 3 counts its own undo as a reading, and the file comes back after it.
        if self.is_put_back && noted.is_some_and(|(digest, _)| digest == file.digest) {
            return RunningFile::OnDisk;
        }
        // Our own work may go live, however short before or after BIRD's reading it was written.
        let surely = if self.is_ours {
            load.at + load.slack
        } else {
            load.earliest
        };
        if file.written <= surely {
            return RunningFile::OnDisk;
        }
        RunningFile::Unknown(format!(
            "{output} was changed after BIRD read it at {:.0}, and of what it read then there is no copy: put back \
             what BIRD runs, or have it read the file with `birdc configure`",
            load.at
        ))
    }

    fn as_noted(&self, output: &str, digest: &str, file: &FileTime<'_>) -> RunningFile {
        if digest == file.digest {
            RunningFile::OnDisk
        } else if self.copy == Some(digest) {
            RunningFile::Copy
        } else {
            RunningFile::Unknown(format!(
                "BIRD runs another file than {output}, and the copy of it is gone: put back what BIRD runs, or have \
                 it read the file with `birdc configure`"
            ))
        }
    }
}

/// Whether two times are those of one and the same reading.
fn is_same_load(noted: Timestamp, load: LoadTime) -> bool {
    noted.duration_since(load.at).abs() <= load.slack
}

/// What is remembered from one look to the next.
#[derive(Clone, Debug, Default)]
pub struct Freshness {
    /// When BIRD read its file, counted from our own start and so mostly before it, and what stood
    /// in the file then.
    read: Option<(SignedDuration, String)>,
}

impl Freshness {
    /// Holds the file against BIRD's last reconfiguration; in words if BIRD does not run it. `asked`
    /// is when BIRD answered, on a clock that never steps. `noted` is what BIRD was seen to run before
    /// this began to look, and when it had read that.
    pub fn look(
        &mut self,
        output: &str,
        asked: Moment,
        load: LoadTime,
        noted: Option<(&str, Timestamp)>,
        file: &FileTime<'_>,
    ) -> Option<String> {
        let asked = SignedDuration::try_from(asked.since_start()).unwrap_or(SignedDuration::MAX);
        let loaded = asked.saturating_sub(load.age);
        let same = |(at, _): &&(SignedDuration, String)| at.saturating_sub(loaded).abs() <= load.slack;
        let unread = match self.read.as_ref().filter(same) {
            Some((_, digest)) => digest != file.digest,
            None if let Some((digest, _)) = noted.filter(|(_, at)| is_same_load(*at, load)) => {
                digest != file.digest
            }
            None => file.written.duration_since(load.at) > load.slack,
        };
        if unread {
            return Some(not_read(output, load));
        }
        self.read = Some((loaded, file.digest.to_owned()));
        None
    }
}

fn not_read(output: &str, load: LoadTime) -> String {
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

    fn load(last_reconfiguration: &str) -> LoadTime {
        let now = NOW.parse().unwrap();
        LoadTime::of(
            "2026-11-22 20:41:00.000",
            last_reconfiguration,
            now,
            &TimeZone::UTC,
        )
        .unwrap()
    }

    fn file<'a>(digest: &'a str, written: &str) -> FileTime<'a> {
        let written = written.parse().unwrap();
        FileTime { digest, written }
    }

    /// Ten seconds after our start, one second more for each look before.
    fn look(loaded: &mut Freshness, seconds: u64, load: LoadTime, file: &FileTime<'_>) -> bool {
        let asked = Moment::new(std::time::Duration::from_secs(10 + seconds));
        let load = LoadTime {
            age: load.age + SignedDuration::from_secs(seconds as i64),
            ..load
        };
        loaded
            .look("/etc/bird/bird.conf", asked, load, None, file)
            .is_none()
    }

    #[test]
    fn a_file_written_before_bird_read_it_is_what_bird_runs() {
        let mut loaded = Freshness::default();
        let load = load("2026-11-22 20:40:40.060750");
        assert!(look(&mut loaded, 0, load, &file("a", "2026-11-22T20:40:39Z")));
        assert!(look(&mut loaded, 1, load, &file("a", "2026-11-22T20:40:39Z")));
        // Written again, but with the same content.
        assert!(look(&mut loaded, 2, load, &file("a", "2026-11-22T20:40:59Z")));
    }

    #[test]
    fn a_file_written_after_bird_read_it_is_not_until_bird_reads_it() {
        let mut loaded = Freshness::default();
        let before = load("2026-11-22 20:40:40.060750");
        let file = file("a", "2026-11-22T20:40:50Z");
        assert!(!look(&mut loaded, 0, before, &file));
        assert!(look(&mut loaded, 1, load("2026-11-22 20:40:50.2"), &file));
    }

    #[test]
    fn another_content_is_not_what_bird_runs_however_old_the_file_is() {
        let mut loaded = Freshness::default();
        let load = load("2026-11-22 20:40:40.060750");
        assert!(look(&mut loaded, 0, load, &file("a", "2026-11-22T20:40:39Z")));
        let moved_there = file("b", "2026-11-20T00:00:00Z");
        assert!(!look(&mut loaded, 1, load, &moved_there));
    }

    #[test]
    fn a_step_of_the_clock_changes_nothing_of_what_is_known() {
        let mut loaded = Freshness::default();
        let before = load("2026-11-22 20:40:40.060750");
        let file = file("a", "2026-11-22T20:40:39Z");
        assert!(look(&mut loaded, 0, before, &file));
        let stepped_back = LoadTime {
            at: before.at - SignedDuration::from_hours(1),
            ..before
        };
        assert!(look(&mut loaded, 1, stepped_back, &file));
    }

    const OUTPUT: &str = "/etc/bird/bird.conf";
    /// BIRD read its file at 20:40:40.
    const READ: &str = "2026-11-22 20:40:40.000";

    fn at(time: &str) -> Timestamp {
        format!("2026-11-22T{time}Z").parse().unwrap()
    }

    fn known<'a>(
        noted: Option<(&'a str, Timestamp)>,
        copy: Option<&'a str>,
        is_ours: bool,
    ) -> KnownRunning<'a> {
        KnownRunning {
            noted: noted.map(|(digest, at)| (digest, Some(at))),
            copy,
            is_ours,
            is_put_back: false,
        }
    }

    fn why(running: RunningFile) -> String {
        match running {
            RunningFile::Unknown(why) => why,
            RunningFile::OnDisk | RunningFile::Copy => panic!("{running:?}"),
        }
    }

    #[test]
    fn a9_without_notes_a_file_that_bird_has_read_since_its_last_change_runs_and_a_later_one_does_not() {
        let of = |written: &str, is_ours| {
            let file = file("a", &format!("2026-11-22T{written}Z"));
            known(None, None, is_ours).of(OUTPUT, &file, Some(load(READ)))
        };
        assert_eq!(of("20:40:39", false), RunningFile::OnDisk);
        assert!(
            why(of("20:40:41", false)).contains("was changed after BIRD read it at 2026-11-22T20:40:40Z")
        );
        // So close that nobody knows which was first: only what is our own work may go live.
        assert!(why(of("20:40:40.1", false)).contains(OUTPUT));
        assert_eq!(of("20:40:40.1", true), RunningFile::OnDisk);
        assert!(why(of("20:40:41", true)).contains("birdc configure"));
    }

    #[test]
    fn a9_what_was_noted_at_that_reading_counts_more_than_the_times_of_the_file() {
        let noted = Some(("a", at("20:40:40")));
        let of = |digest, copy| {
            known(noted, copy, false).of(OUTPUT, &file(digest, "2026-11-22T20:40:50Z"), Some(load(READ)))
        };
        assert_eq!(of("a", None), RunningFile::OnDisk, "only touched");
        assert_eq!(of("b", Some("a")), RunningFile::Copy);
        assert!(why(of("b", None)).contains("the copy of it is gone"));
        assert!(why(of("b", Some("c"))).contains("the copy of it is gone"));
        // An old file that was moved there is not what BIRD runs.
        let moved_there = file("b", "2026-11-20T00:00:00Z");
        assert_eq!(
            known(noted, Some("a"), false).of(OUTPUT, &moved_there, Some(load(READ))),
            RunningFile::Copy
        );
    }

    #[test]
    fn a9_a_note_of_another_reading_says_nothing() {
        let noted = Some(("a", at("20:40:30")));
        let newer = file("b", "2026-11-22T20:40:35Z");
        assert_eq!(
            known(noted, Some("a"), false).of(OUTPUT, &newer, Some(load(READ))),
            RunningFile::OnDisk
        );
        let unread = file("a", "2026-11-22T20:40:50Z");
        assert!(
            why(known(noted, Some("a"), false).of(OUTPUT, &unread, Some(load(READ)))).contains("no copy")
        );
    }

    #[test]
    fn a9_where_bird_does_not_say_when_only_our_own_noted_work_is_taken_for_running() {
        let of = |noted, digest, is_ours| {
            let noted = Some(noted).map(|digest| (digest, at("20:40:40")));
            known(noted, None, is_ours).of(OUTPUT, &file(digest, "2026-11-22T20:40:39Z"), None)
        };
        assert_eq!(of("a", "a", true), RunningFile::OnDisk);
        for (noted, digest, is_ours) in [("a", "a", false), ("a", "b", true)] {
            assert!(why(of(noted, digest, is_ours)).contains("`timeformat base`"));
        }
        assert!(why(known(None, None, true).of(OUTPUT, &file("a", NOW), None)).contains("`timeformat base`"));
    }

    #[test]
    fn a9_an_answer_that_took_its_time_leaves_a_file_in_between_in_doubt() {
        let asked = load(READ).asked_at(at("20:40:55"));
        let of = |written: &str| {
            let file = file("a", &format!("2026-11-22T{written}Z"));
            known(None, None, false).of(OUTPUT, &file, Some(asked))
        };
        // BIRD computed the age of its reading, 20 s, between the question and its answer five seconds later.
        assert_eq!(of("20:40:34.9"), RunningFile::OnDisk);
        assert!(matches!(of("20:40:35.1"), RunningFile::Unknown(_)));
        assert!(matches!(of("20:40:39"), RunningFile::Unknown(_)));
    }

    #[test]
    fn whole_seconds_are_known_less_exactly() {
        let coarse = LoadTime::of(
            "2026-11-22 20:41:00",
            "2026-11-22 20:40:40",
            NOW.parse().unwrap(),
            &TimeZone::UTC,
        );
        let of = |written: &str, load: Option<LoadTime>| {
            known(None, None, false).of(OUTPUT, &file("a", &format!("2026-11-22T{written}Z")), load)
        };
        assert!(matches!(of("20:40:39", coarse), RunningFile::Unknown(_)));
        assert_eq!(of("20:40:38", coarse), RunningFile::OnDisk);
        assert_eq!(of("20:40:39", Some(load(READ))), RunningFile::OnDisk);
    }

    #[test]
    fn what_was_noted_before_the_first_look_tells_an_unread_file() {
        let noted = Some(("a", at("20:40:40")));
        let asked = Moment::new(std::time::Duration::from_secs(10));
        let look = |digest| {
            let file = file(digest, "2026-11-22T20:40:39Z");
            Freshness::default().look(OUTPUT, asked, load(READ), noted, &file)
        };
        assert_eq!(look("a"), None);
        assert!(
            look("b")
                .unwrap()
                .starts_with("BIRD does not run what /etc/bird/bird.conf says")
        );
    }

    #[test]
    fn birds_times_are_read_in_its_own_zone() {
        let now: Timestamp = NOW.parse().unwrap();
        let of =
            |server, loaded, zone: &TimeZone| LoadTime::of(server, loaded, now, zone).map(|load| load.at);
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
