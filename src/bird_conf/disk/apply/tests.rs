//! The driver with a real file, a real parser and a scripted BIRD. Which step comes when is tested
//! with the machine; here it is that each step is really made.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Applied, ApplyError, Reconfigure, apply, write};
use crate::bird::parse::{ConfigureReply, ConfigureStatus};
use crate::bird_conf::LoadTime;
use crate::bird_conf::apply::{ApplyOutcome, ApplyStep, CommandFailure, ProtocolStates, WantedProtocols};
use crate::bird_conf::disk::parse_check::{ParseCheckError, Parser};
use crate::bird_conf::disk::{ConfFile, ContentOwner, WriteError, WriteOutcome};

const OLD: &str = "router id 192.0.2.1;\nprotocol device {\n}\n";
const NEW: &str = "router id 192.0.2.2;\nprotocol device {\n}\n";
const BROKEN: &str = "router id;\n";

/// Answers as the script says, and writes down what it was asked and what stood on disk then.
///
/// It pauses the clock at the first question: by then the parser, a child process that a paused
/// clock would overtake, has ended. (File work on its own threads holds a paused clock.)
struct Scripted {
    looks: Mutex<VecDeque<ProtocolStates>>,
    timer: Mutex<bool>,
    paused: AtomicBool,
    seen: Mutex<Vec<(&'static str, String)>>,
    output: PathBuf,
    /// When BIRD last read its file.
    loaded: Mutex<Timestamp>,
    /// Why BIRD does not read it.
    elsewhere: Option<String>,
    include: Option<PathBuf>,
}

impl Scripted {
    fn saw(&self, what: &'static str) {
        let on_disk = fs::read_to_string(&self.output).unwrap();
        self.seen.lock().unwrap().push((what, on_disk));
    }

    /// BIRD reads its file.
    fn read_now(&self) {
        *self.loaded.lock().unwrap() = Timestamp::now();
    }

    fn set_timer(&self, what: &'static str, runs: bool) {
        self.saw(what);
        *self.timer.lock().unwrap() = runs;
    }
}

impl Reconfigure for Scripted {
    async fn reads(&self, _file: &Path) -> Result<(), String> {
        self.elsewhere.clone().map_or(Ok(()), Err)
    }

    async fn load(&self) -> Result<Option<LoadTime>, CommandFailure> {
        let time = |at: Timestamp| at.to_zoned(TimeZone::UTC).datetime().to_string();
        let (now, loaded) = (Timestamp::now(), *self.loaded.lock().unwrap());
        Ok(LoadTime::of(&time(now), &time(loaded), now, &TimeZone::UTC))
    }

    async fn unread_include(&self, _file: &Path, _load: LoadTime) -> Option<PathBuf> {
        self.include.clone()
    }

    fn calm(&self) -> Result<(), String> {
        Ok(())
    }

    async fn configure_running(&self) -> Result<ConfigureReply, CommandFailure> {
        self.saw("configure");
        self.read_now();
        Ok(ConfigureReply::Done)
    }

    async fn status(&self) -> Result<ConfigureStatus, CommandFailure> {
        if !self.paused.swap(true, Ordering::Relaxed) {
            tokio::time::pause();
        }
        Ok(ConfigureStatus {
            in_progress: false,
            queued: false,
            shutting_down: false,
            undo_in: self.timer.lock().unwrap().then_some(Duration::from_secs(9)),
        })
    }

    async fn look(&self) -> Result<ProtocolStates, CommandFailure> {
        let mut looks = self.looks.lock().unwrap();
        let look = if looks.len() > 1 {
            looks.pop_front()
        } else {
            looks.front().cloned()
        };
        Ok(look.unwrap())
    }

    async fn configure(&self, within: Duration) -> Result<ConfigureReply, CommandFailure> {
        assert_eq!(within, Duration::from_secs(60));
        self.set_timer("configure timeout", true);
        self.read_now();
        Ok(ConfigureReply::Done)
    }

    async fn confirm(&self) -> Result<ConfigureReply, CommandFailure> {
        self.set_timer("confirm", false);
        Ok(ConfigureReply::Confirmed)
    }

    async fn undo(&self) -> Result<ConfigureReply, CommandFailure> {
        self.set_timer("undo", false);
        Ok(ConfigureReply::Done)
    }
}

struct Scene {
    dir: tempfile::TempDir,
    file: ConfFile,
    parser: Parser,
    bird: Scripted,
}

impl Scene {
    fn new(looks: &[bool]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = ConfFile {
            output: dir.path().join("bird.conf"),
            state_dir: dir.path().join("state"),
            socket: dir.path().join("bird.ctl"),
        };
        file.put(OLD, false).unwrap();
        let bird = Scripted {
            looks: Mutex::new(looks.iter().map(|up| look(*up)).collect()),
            timer: Mutex::new(false),
            paused: AtomicBool::new(false),
            seen: Mutex::default(),
            output: file.path().to_owned(),
            loaded: Mutex::new(Timestamp::now()),
            elsewhere: None,
            include: None,
        };
        let parser = Parser::new(Path::new("/usr/sbin/bird"), Duration::from_secs(20));
        Self {
            dir,
            file,
            parser,
            bird,
        }
    }

    async fn apply(&self, text: &str, force: bool) -> Result<Applied, ApplyError> {
        let plan = WantedProtocols {
            confirm_within: Duration::from_secs(60),
            sessions: ["isp".to_owned()].into(),
            statics: [].into(),
            carries: [].into(),
        };
        apply(
            &self.file,
            &self.parser,
            &self.bird,
            plan,
            text.to_owned(),
            force,
            |_: &ApplyStep| {},
        )
        .await
    }

    fn seen(&self) -> Vec<(&'static str, String)> {
        self.bird.seen.lock().unwrap().clone()
    }

    fn on_disk(&self) -> String {
        fs::read_to_string(self.file.path()).unwrap()
    }
}

fn applied() -> Applied {
    Applied::Ended {
        outcome: ApplyOutcome::Applied,
        replaced: None,
    }
}

fn look(up: bool) -> ProtocolStates {
    ProtocolStates {
        established: up.then(|| "isp".to_owned()).into_iter().collect(),
        ..ProtocolStates::default()
    }
}

#[tokio::test]
async fn a9_an_apply_configures_the_old_file_and_then_the_new_one_and_confirms_it() {
    let scene = Scene::new(&[true]);
    assert_eq!(scene.apply(NEW, false).await.unwrap(), applied());
    let old = |what| (what, OLD.to_owned());
    let new = |what| (what, NEW.to_owned());
    assert_eq!(
        scene.seen(),
        [old("configure"), new("configure timeout"), new("confirm")]
    );
    assert_eq!(scene.on_disk(), NEW);
    let present = scene.file.inspect().unwrap();
    assert_eq!((present.owner, present.unfinished), (ContentOwner::Us, None));
    assert_eq!(scene.file.good_copy().unwrap().as_deref(), Some(OLD));
    assert_eq!(scene.apply(NEW, false).await.unwrap(), Applied::Unchanged);
}

/// Something else than BIRD runs stands on disk; BIRD ran `OLD`, and it was seen to.
async fn unread(text: &str) -> Scene {
    let scene = Scene::new(&[true]);
    assert_eq!(scene.apply(OLD, false).await.unwrap(), Applied::Unchanged);
    wait_a_tick();
    fs::write(scene.file.path(), text).unwrap();
    scene
}

/// Until the clock of the file system has gone on: what is changed later is seen to be.
fn wait_a_tick() {
    let probe = tempfile::NamedTempFile::new().unwrap();
    let first = fs::metadata(probe.path()).unwrap().modified().unwrap();
    loop {
        fs::write(probe.path(), "x").unwrap();
        let now = fs::metadata(probe.path()).unwrap().modified().unwrap();
        if now.duration_since(first).unwrap() > Duration::from_millis(20) {
            return;
        }
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a9_a_file_that_is_right_on_disk_and_not_loaded_is_brought_in() {
    let scene = unread(NEW).await;
    let Applied::Ended { outcome, .. } = scene.apply(NEW, false).await.unwrap() else {
        panic!("not begun")
    };
    assert_eq!(outcome, ApplyOutcome::Applied);
    let seen = [
        ("configure", OLD.to_owned()),
        ("configure timeout", NEW.to_owned()),
        ("confirm", NEW.to_owned()),
    ];
    assert_eq!(scene.seen(), seen);
    assert_eq!(scene.on_disk(), NEW);
}

/// An edit of a human's that BIRD has not read stops an apply, and stands aside for a forced one.
async fn edited(edit: &str) {
    let scene = unread(edit).await;
    let error = scene.apply(NEW, false).await.unwrap_err();
    assert!(
        matches!(error, ApplyError::File(WriteError::SomebodyElse { .. })),
        "{error}"
    );
    assert_eq!((scene.seen(), scene.on_disk()), (Vec::new(), edit.to_owned()));
    let Applied::Ended { outcome, replaced } = scene.apply(NEW, true).await.unwrap() else {
        panic!("not begun")
    };
    assert_eq!(outcome, ApplyOutcome::Applied);
    assert!(
        scene.seen().iter().all(|(_, on_disk)| on_disk != edit),
        "{:?}",
        scene.seen()
    );
    assert_eq!(fs::read_to_string(replaced.unwrap()).unwrap(), *edit);
}

#[tokio::test]
async fn a9_a_humans_unloaded_edit_never_goes_live_even_with_force_and_is_kept() {
    edited(&format!("{OLD}# by hand\n")).await;
}

#[tokio::test]
async fn a9_nor_does_one_that_is_broken() {
    edited(BROKEN).await;
}

#[tokio::test]
async fn a9_a_slip_of_ours_that_was_never_loaded_does_not_block_the_right_file() {
    let scene = unread(OLD).await;
    let slip = format!("{OLD}# a slip\n");
    let put = write(&scene.file, &scene.parser, slip.clone(), true, false, None).await;
    assert_eq!(put.unwrap(), WriteOutcome::Written { record_problem: None });
    let Applied::Ended { outcome, .. } = scene.apply(NEW, false).await.unwrap() else {
        panic!("not begun")
    };
    assert_eq!(outcome, ApplyOutcome::Applied);
    assert!(
        scene.seen().iter().all(|(_, on_disk)| *on_disk != slip),
        "{:?}",
        scene.seen()
    );
}

#[tokio::test]
async fn a9_after_an_undone_apply_what_bird_runs_is_on_disk_and_still_ours() {
    let scene = Scene {
        bird: Scripted {
            looks: Mutex::new([look(true), look(false)].into()),
            ..Scene::new(&[true]).bird
        },
        ..Scene::new(&[true])
    };
    let scene = Scene {
        bird: Scripted {
            output: scene.file.path().to_owned(),
            ..scene.bird
        },
        ..scene
    };
    assert_eq!(scene.apply(OLD, false).await.unwrap(), Applied::Unchanged);
    wait_a_tick();
    let slip = format!("{OLD}# a slip\n");
    write(&scene.file, &scene.parser, slip, true, false, None)
        .await
        .unwrap();
    let Applied::Ended { outcome, .. } = scene.apply(NEW, false).await.unwrap() else {
        panic!("not begun")
    };
    assert!(matches!(outcome, ApplyOutcome::Undone { .. }), "{outcome:?}");
    assert_eq!(scene.on_disk(), OLD);
    assert_eq!(scene.file.inspect().unwrap().owner, ContentOwner::Us);
}

#[tokio::test]
async fn a9_where_nobody_knows_what_bird_runs_nothing_is_touched() {
    let scene = Scene::new(&[true]);
    fs::write(scene.file.path(), format!("{OLD}# by hand\n")).unwrap();
    *scene.bird.loaded.lock().unwrap() -= jiff::SignedDuration::from_secs(60);
    let error = scene.apply(NEW, true).await.unwrap_err();
    assert!(matches!(error, ApplyError::NotKnown(_)), "{error}");
    assert_eq!(scene.seen(), []);
}

#[tokio::test]
async fn a9_a_file_that_bird_does_not_read_and_an_unread_include_are_refused_with_the_reason() {
    let mut scene = Scene::new(&[true]);
    scene.bird.elsewhere = Some("BIRD reads /etc/bird.conf".to_owned());
    for text in [OLD, NEW] {
        let error = scene.apply(text, false).await.unwrap_err();
        assert!(
            error.to_string().ends_with("BIRD reads /etc/bird.conf"),
            "{error}"
        );
    }
    scene.bird.elsewhere = None;
    scene.bird.include = Some("/etc/bird/peers.conf".into());
    let error = scene.apply(NEW, true).await.unwrap_err();
    assert!(
        error.to_string().contains("/etc/bird/peers.conf is included"),
        "{error}"
    );
    assert_eq!((scene.seen(), scene.on_disk()), (Vec::new(), OLD.to_owned()));
}

#[tokio::test]
async fn a9_unchanged_output_is_neither_written_nor_configured() {
    let scene = Scene::new(&[true]);
    assert_eq!(scene.apply(OLD, false).await.unwrap(), Applied::Unchanged);
    assert_eq!(scene.seen(), []);
}

#[tokio::test]
async fn a9_what_birds_parser_refuses_never_gets_to_bird() {
    let scene = Scene::new(&[true]);
    let error = scene.apply(BROKEN, false).await.unwrap_err();
    assert!(
        matches!(error, ApplyError::Parser(ParseCheckError::Refused(_))),
        "{error}"
    );
    assert_eq!(scene.seen(), []);
    assert_eq!(scene.on_disk(), OLD);
}

#[tokio::test]
async fn a9_a_humans_edit_is_not_applied_over_without_force() {
    let scene = Scene::new(&[true]);
    let edited = format!("{OLD}# by hand\n");
    fs::write(scene.file.path(), &edited).unwrap();
    let error = scene.apply(NEW, false).await.unwrap_err();
    assert!(
        matches!(error, ApplyError::File(WriteError::SomebodyElse { .. })),
        "{error}"
    );
    assert_eq!(scene.seen(), []);
    assert_eq!(scene.on_disk(), edited);
}

#[tokio::test]
async fn a9_without_a_file_there_is_nothing_to_go_back_to() {
    let scene = Scene::new(&[true]);
    fs::remove_file(scene.file.path()).unwrap();
    let error = scene.apply(NEW, false).await.unwrap_err();
    assert!(matches!(error, ApplyError::NoFile(_)), "{error}");
}

#[tokio::test]
async fn a9_an_apply_that_is_dropped_before_the_confirmation_is_recovered_from() {
    let scene = Scene::new(&[true]);
    // All is well for three seconds before it is confirmed: this is in the middle of them.
    let halfway = tokio::time::timeout(Duration::from_millis(1500), scene.apply(NEW, false)).await;
    assert!(halfway.is_err());
    assert_eq!(scene.on_disk(), NEW);
    assert!(scene.file.recover().unwrap());
    assert_eq!(scene.on_disk(), OLD);
}

#[tokio::test]
async fn a9_checked_writing_refuses_what_bird_refuses_and_plain_writing_does_not_ask() {
    let scene = Scene::new(&[true]);
    let error = write(&scene.file, &scene.parser, BROKEN.to_owned(), true, false, None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ApplyError::Parser(ParseCheckError::Refused(_))),
        "{error}"
    );
    assert_eq!(scene.on_disk(), OLD);
    write(&scene.file, &scene.parser, BROKEN.to_owned(), false, false, None)
        .await
        .unwrap();
    assert_eq!(scene.on_disk(), BROKEN);
    assert_eq!(scene.file.good_copy().unwrap().as_deref(), Some(OLD));
    // What BIRD refuses never becomes the last good copy.
    let put = write(&scene.file, &scene.parser, NEW.to_owned(), true, false, None)
        .await
        .unwrap();
    assert_eq!(put, WriteOutcome::Written { record_problem: None });
    assert_eq!(scene.file.good_copy().unwrap().as_deref(), Some(OLD));
    drop(scene.dir);
}
