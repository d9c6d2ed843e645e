//! bird.conf in a directory of the test's own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use jiff::tz::TimeZone;

use super::{ApplyStage, ConfFile, ContentOwner, Runs, WriteError, WriteOutcome};
use crate::bird_conf::LoadTime;

const FIRST: &str = "router id 192.0.2.1;\n";
const SECOND: &str = "router id 192.0.2.2;\n";
const EDITED: &str = "router id 192.0.2.1; # by hand\n";

struct Scene {
    dir: tempfile::TempDir,
    file: ConfFile,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let file = ConfFile {
            output: dir.path().join("etc/bird.conf"),
            state_dir: dir.path().join("state"),
            socket: dir.path().join("bird.ctl"),
        };
        Self { dir, file }
    }

    fn on_disk(&self) -> String {
        fs::read_to_string(self.file.path()).unwrap()
    }

    fn edit(&self, text: &str) {
        fs::write(self.file.path(), text).unwrap();
    }

    fn owner(&self) -> ContentOwner {
        self.file.inspect().unwrap().owner
    }

    fn in_state(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("state").join(name)
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a9_a_new_file_is_0640_and_of_the_group_of_birds_socket() {
    let scene = Scene::new();
    fs::write(&scene.file.socket, "").unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&scene.file.socket, None, Some(4711)).unwrap();
    }
    let gid = fs::metadata(&scene.file.socket).unwrap().gid();
    assert_eq!(
        scene.file.put(FIRST, false).unwrap(),
        WriteOutcome::Written { record_problem: None }
    );
    assert_eq!(scene.on_disk(), FIRST);
    assert_eq!(mode(scene.file.path()), 0o640);
    assert_eq!(fs::metadata(scene.file.path()).unwrap().gid(), gid);
    assert_eq!(scene.owner(), ContentOwner::Us);
}

#[test]
fn a9_the_file_keeps_its_owner_and_mode() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    fs::set_permissions(scene.file.path(), fs::Permissions::from_mode(0o604)).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(scene.file.path(), Some(4711), Some(4712)).unwrap();
    }
    let before = fs::metadata(scene.file.path()).unwrap();
    scene.file.put(SECOND, false).unwrap();
    let after = fs::metadata(scene.file.path()).unwrap();
    assert_eq!(
        (after.uid(), after.gid(), mode(scene.file.path())),
        (before.uid(), before.gid(), 0o604)
    );
    assert_eq!(scene.on_disk(), SECOND);
}

#[test]
fn a9_unchanged_output_touches_nothing() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    let facts = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        (meta.ino(), meta.mtime_nsec(), meta.ctime_nsec())
    };
    let before = (facts(scene.file.path()), facts(&scene.in_state("bird.conf.json")));
    assert_eq!(scene.file.put(FIRST, false).unwrap(), WriteOutcome::Unchanged);
    assert_eq!(
        (facts(scene.file.path()), facts(&scene.in_state("bird.conf.json"))),
        before
    );
}

#[test]
fn a9_a_humans_edit_is_never_overwritten_without_force() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    scene.edit(EDITED);
    assert_eq!(scene.owner(), ContentOwner::SomebodyElse);
    assert!(matches!(
        scene.file.put(SECOND, false),
        Err(WriteError::SomebodyElse { .. })
    ));
    assert_eq!(scene.on_disk(), EDITED);
    scene.file.put(SECOND, true).unwrap();
    assert_eq!(scene.on_disk(), SECOND);
    assert_eq!(scene.owner(), ContentOwner::Us);
}

#[test]
fn a9_a_file_that_was_there_before_us_is_somebody_elses() {
    let scene = Scene::new();
    scene.edit(FIRST);
    assert!(matches!(
        scene.file.put(SECOND, false),
        Err(WriteError::SomebodyElse { .. })
    ));
}

#[test]
fn a9_a_file_that_is_as_we_want_it_is_ours_from_then_on() {
    let scene = Scene::new();
    scene.edit(FIRST);
    assert_eq!(scene.file.put(FIRST, false).unwrap(), WriteOutcome::Unchanged);
    assert_eq!(scene.owner(), ContentOwner::Us);
    scene.file.put(SECOND, false).unwrap();
}

#[test]
fn a9_an_edit_that_was_taken_back_is_no_edit() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    scene.edit(EDITED);
    scene.edit(FIRST);
    assert_eq!(scene.owner(), ContentOwner::Us);
}

#[test]
fn a9_damaged_notes_are_reported_and_trusted_in_nothing() {
    for damage in [
        "",
        "{",
        "{\"schema\": 99}",
        "{\"schema\":7,\"output\":\"x\",\"sha256\":[],\"apply\":null}",
        "\u{0}",
    ] {
        let scene = Scene::new();
        scene.file.put(FIRST, false).unwrap();
        fs::write(scene.in_state("bird.conf.json"), damage).unwrap();
        let present = scene.file.inspect().unwrap();
        assert_eq!(present.owner, ContentOwner::SomebodyElse, "{damage:?}");
        assert!(present.record_problem.is_some(), "{damage:?}");
        assert!(scene.file.put(SECOND, false).is_err(), "{damage:?}");
        scene.file.put(SECOND, true).unwrap();
        assert_eq!(scene.owner(), ContentOwner::Us, "{damage:?}");
    }
}

#[test]
fn a9_notes_on_another_file_say_nothing_about_this_one() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    let mut other = scene.file.clone();
    other.output = scene.dir.path().join("etc/other.conf");
    fs::write(other.path(), FIRST).unwrap();
    assert_eq!(other.inspect().unwrap().owner, ContentOwner::SomebodyElse);
}

#[test]
fn a9_a_state_dir_that_cannot_be_written_is_told_and_the_file_is_written() {
    let mut scene = Scene::new();
    let blocker = scene.dir.path().join("blocker");
    fs::write(&blocker, "").unwrap();
    scene.file.state_dir = blocker.join("state");
    let WriteOutcome::Written { record_problem } = scene.file.put(FIRST, false).unwrap() else {
        panic!()
    };
    assert!(record_problem.is_some());
    assert_eq!(scene.on_disk(), FIRST);
}

#[test]
fn a9_a_symbolic_link_stays_one() {
    let scene = Scene::new();
    let real = scene.dir.path().join("real.conf");
    fs::write(&real, FIRST).unwrap();
    std::os::unix::fs::symlink(&real, scene.file.path()).unwrap();
    scene.file.put(SECOND, true).unwrap();
    assert!(scene.file.path().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), SECOND);
}

#[test]
fn a9_what_is_no_text_is_not_replaced() {
    let scene = Scene::new();
    fs::write(scene.file.path(), b"\xff\xfe").unwrap();
    assert!(scene.file.put(FIRST, true).is_err());
    assert_eq!(fs::read(scene.file.path()).unwrap(), b"\xff\xfe");
}

#[test]
fn a9_a_missing_directory_is_an_error_with_its_name() {
    let mut scene = Scene::new();
    scene.file.output = scene.dir.path().join("nowhere/bird.conf");
    let error = scene.file.put(FIRST, false).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn a9_an_apply_keeps_the_old_file_as_the_last_good_copy_and_puts_it_back() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    let present = scene.file.inspect().unwrap();
    scene.file.put_new(&present, SECOND).unwrap();
    assert_eq!(scene.on_disk(), SECOND);
    assert_eq!(scene.file.good_copy().unwrap().as_deref(), Some(FIRST));
    assert_eq!(mode(&scene.in_state("bird.conf.good")), 0o600);
    scene.file.put_back().unwrap();
    assert_eq!(scene.on_disk(), FIRST);
    let back = scene.file.inspect().unwrap();
    assert_eq!((back.owner, back.unfinished), (ContentOwner::Us, None));
}

#[test]
fn a9_a_forced_apply_that_is_undone_gives_the_human_the_file_back_as_theirs() {
    let scene = Scene::new();
    scene.edit(EDITED);
    let present = scene.file.inspect().unwrap();
    scene.file.put_new(&present, SECOND).unwrap();
    scene.file.put_back().unwrap();
    assert_eq!(scene.on_disk(), EDITED);
    assert_eq!(scene.owner(), ContentOwner::SomebodyElse);
}

#[test]
fn a9_an_edit_during_an_apply_is_neither_overwritten_nor_undone() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    let present = scene.file.inspect().unwrap();
    scene.edit(EDITED);
    assert!(matches!(
        scene.file.put_new(&present, SECOND),
        Err(WriteError::SomebodyElse { .. })
    ));
    scene.edit(FIRST);
    scene.file.put_new(&present, SECOND).unwrap();
    scene.edit(EDITED);
    assert!(matches!(
        scene.file.put_back(),
        Err(WriteError::SomebodyElse { .. })
    ));
    assert_eq!(scene.on_disk(), EDITED);
}

#[test]
fn a9_a_daemon_that_died_before_the_confirmation_puts_the_old_file_back_at_its_next_start() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    let present = scene.file.inspect().unwrap();
    scene.file.put_new(&present, SECOND).unwrap();
    assert_eq!(
        scene.file.inspect().unwrap().unfinished,
        Some(ApplyStage::Unconfirmed)
    );
    assert!(scene.file.recover().unwrap());
    assert_eq!(scene.on_disk(), FIRST);
    assert!(!scene.file.recover().unwrap(), "once is enough");
}

#[test]
fn a9_a_daemon_that_died_over_the_confirmation_keeps_the_new_file() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    let present = scene.file.inspect().unwrap();
    scene.file.put_new(&present, SECOND).unwrap();
    scene.file.settle(Some(ApplyStage::Confirming)).unwrap();
    assert!(scene.file.recover().unwrap());
    assert_eq!(scene.on_disk(), SECOND);
    assert_eq!(scene.owner(), ContentOwner::Us);
}

/// BIRD answered at `now` and had read its file so many seconds before.
fn load(seconds_ago: i64) -> LoadTime {
    let now = jiff::Timestamp::now();
    let said = |at: jiff::Timestamp| {
        at.to_zoned(TimeZone::UTC)
            .datetime()
            .to_string()
            .replace('T', " ")
    };
    let read = now - jiff::SignedDuration::from_secs(seconds_ago);
    // With a fraction, as of `iso long us`.
    let exact = |text: String| {
        if text.contains('.') {
            text
        } else {
            format!("{text}.0")
        }
    };
    LoadTime::of(&exact(said(now)), &exact(said(read)), now, &TimeZone::UTC).unwrap()
}

#[test]
fn a9_what_bird_runs_is_told_from_the_notes_and_kept_as_a_copy() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    let read = load(3600);
    scene.file.keep_running(FIRST, Some(read.at)).unwrap();
    let noted = scene.file.noted_running().unwrap();
    assert_eq!(noted.1.as_millisecond(), read.at.as_millisecond());
    let runs = |load| scene.file.runs(&scene.file.inspect().unwrap(), load).unwrap();
    assert_eq!(runs(Some(read)), Runs::OnDisk);
    scene.edit(EDITED);
    assert_eq!(runs(Some(read)), Runs::Copy(FIRST.to_owned()));
    fs::remove_file(scene.in_state("bird.conf.running")).unwrap();
    assert!(matches!(runs(Some(read)), Runs::Unknown(why) if why.contains("copy of it is gone")));
    assert!(matches!(runs(None), Runs::Unknown(why) if why.contains("timeformat base")));
    fs::remove_file(scene.file.path()).unwrap();
    assert_eq!(runs(Some(read)), Runs::Unknown("there is no file".to_owned()));
}

#[test]
fn a9_what_runs_takes_the_place_of_an_unread_edit_which_is_kept_and_never_ours() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    scene.file.keep_running(FIRST, None).unwrap();
    scene.edit(EDITED);
    let present = scene.file.inspect().unwrap();
    let kept = scene.file.put_running(&present, FIRST).unwrap();
    assert_eq!(
        (scene.on_disk().as_str(), scene.owner()),
        (FIRST, ContentOwner::Us)
    );
    assert_eq!(fs::read_to_string(&kept).unwrap(), EDITED);
    assert_eq!(mode(&kept), 0o600);
    scene.edit(EDITED);
    assert_eq!(scene.owner(), ContentOwner::SomebodyElse);
    // What was not there when it was looked at stays.
    let old = super::FileOnDisk {
        text: Some(FIRST.to_owned()),
        ..scene.file.inspect().unwrap()
    };
    assert!(matches!(
        scene.file.put_running(&old, SECOND),
        Err(WriteError::SomebodyElse { .. })
    ));
    assert_eq!(scene.on_disk(), EDITED);
}

#[test]
fn a9_a_foreign_file_that_runs_is_put_back_as_somebody_elses() {
    let scene = Scene::new();
    scene.edit(EDITED);
    scene.file.keep_running(EDITED, None).unwrap();
    assert_eq!(scene.file.noted_running(), None, "when it was read is not known");
    scene.edit(FIRST);
    let present = scene.file.inspect().unwrap();
    scene.file.put_running(&present, EDITED).unwrap();
    assert_eq!(
        (scene.on_disk().as_str(), scene.owner()),
        (EDITED, ContentOwner::SomebodyElse)
    );
}

#[test]
fn a9_a_file_that_was_put_back_after_an_undo_that_bird_counts_as_a_reading_is_what_runs() {
    let scene = Scene::new();
    scene.file.put(FIRST, false).unwrap();
    scene.file.keep_running(FIRST, Some(load(3600).at)).unwrap();
    let present = scene.file.inspect().unwrap();
    scene.file.put_new(&present, SECOND).unwrap();
    scene.file.put_back().unwrap();
    // BIRD 3 went back by its timer, some seconds before anybody could put the file back.
    let undone = Some(load(5));
    let runs = || scene.file.runs(&scene.file.inspect().unwrap(), undone).unwrap();
    assert_eq!(runs(), Runs::OnDisk);
    // What somebody wrote since may never have been read, whatever it says.
    scene.edit(FIRST);
    assert!(matches!(runs(), Runs::Unknown(why) if why.contains("was changed after BIRD read it")));
}
