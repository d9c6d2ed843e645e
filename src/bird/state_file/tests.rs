//! On a real file system, in a directory of its own.

use std::os::unix::fs::symlink;

use super::*;

/// Nobody that owns anything here.
const BIRD: StateFileReader = StateFileReader {
    uid: 64_123,
    gid: 64_123,
};

struct Place {
    _temp: tempfile::TempDir,
    run_dir: PathBuf,
    state: StateDir,
}

fn place() -> Place {
    let temp = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    let run_dir = temp.path().join("falconer");
    Place {
        state: StateDir::new(&run_dir),
        run_dir,
        _temp: temp,
    }
}

fn mode_of(path: &Path) -> u32 {
    mode(&fs::metadata(path).unwrap())
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a6_the_file_holds_exactly_the_flag_and_is_open_to_birds_user() {
    let place = place();
    assert!(place.state.write("web_v4", StateFileValue::Enabled).unwrap());
    let path = place.run_dir.join("bird/web_v4.conf");
    assert_eq!(fs::read_to_string(&path).unwrap(), "disabled no;\n");
    assert!(place.state.write("web_v4", StateFileValue::Disabled).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "disabled;\n");
    assert_eq!(mode_of(&path), 0o644);
    assert_eq!(mode_of(&place.run_dir.join("bird")), 0o755);
    assert_eq!(mode_of(&place.run_dir), 0o755);
    place.state.readable_by(BIRD, &ProcessFiles::Ours).unwrap();
}

#[test]
fn a6_a_file_that_says_so_already_is_not_touched() {
    let place = place();
    place.state.write("web_v4", StateFileValue::Enabled).unwrap();
    let before = fs::metadata(place.state.path("web_v4")).unwrap();
    assert!(!place.state.write("web_v4", StateFileValue::Enabled).unwrap());
    let after = fs::metadata(place.state.path("web_v4")).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );
}

#[test]
fn a6_a_file_is_replaced_and_never_written_into() {
    let place = place();
    place.state.write("web_v4", StateFileValue::Enabled).unwrap();
    let mut reader = File::open(place.state.path("web_v4")).unwrap();
    place.state.write("web_v4", StateFileValue::Disabled).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(
        text, "disabled no;\n",
        "a BIRD that has it open reads the whole old file"
    );
    assert_eq!(
        fs::read_dir(place.run_dir.join("bird")).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn a6_what_somebody_else_wrote_or_locked_is_put_right() {
    let place = place();
    place.state.write("web_v4", StateFileValue::Enabled).unwrap();
    let path = place.state.path("web_v4");
    for wrong in [
        "",
        "disabled no;",
        "disabled no;\nroute 0.0.0.0/0 blackhole;\n",
        "disabled yes;\n",
    ] {
        fs::write(&path, wrong).unwrap();
        assert_eq!(place.state.read("web_v4").unwrap(), None, "{wrong:?}");
        assert!(
            place.state.write("web_v4", StateFileValue::Enabled).unwrap(),
            "{wrong:?}"
        );
        assert_eq!(place.state.read("web_v4").unwrap(), Some(StateFileValue::Enabled));
    }
    chmod(&path, 0o600);
    assert!(place.state.write("web_v4", StateFileValue::Enabled).unwrap());
    assert_eq!(mode_of(&path), 0o644);
    chmod(&place.run_dir, 0o700);
    fs::remove_dir_all(place.run_dir.join("bird")).unwrap();
    assert!(place.state.write("web_v4", StateFileValue::Enabled).unwrap());
    assert_eq!(mode_of(&place.run_dir), 0o755);
}

#[test]
fn a6_a_directory_of_somebody_elses_only_ever_gets_wider() {
    let place = place();
    fs::create_dir(&place.run_dir).unwrap();
    chmod(&place.run_dir, 0o1770);
    place.state.make_dirs().unwrap();
    assert_eq!(mode_of(&place.run_dir), 0o1775);
}

#[test]
fn a6_a_failure_names_the_path() {
    let place = place();
    fs::write(&place.run_dir, "not a directory").unwrap();
    let error = format!(
        "{:#}",
        place.state.write("web_v4", StateFileValue::Enabled).unwrap_err()
    );
    assert!(
        error.contains(&format!("cannot make the directory {}", place.run_dir.display())),
        "{error}"
    );
}

#[test]
fn a6_a_directory_that_birds_user_cannot_enter_is_named() {
    let place = place();
    place.state.write("web_v4", StateFileValue::Enabled).unwrap();
    let bird = place.run_dir.join("bird");
    for (dir, mode, verb) in [
        (&bird, 0o750, "enter"),
        (&place.run_dir, 0o700, "enter"),
        (&place.run_dir.parent().unwrap().to_owned(), 0o711, "read"),
        (&place.state.path("web_v4"), 0o640, "read"),
    ] {
        let before = mode_of(dir);
        chmod(dir, mode);
        let error = place
            .state
            .readable_by(BIRD, &ProcessFiles::Ours)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!(
                "cannot {verb} {}, which has mode {mode:04o}",
                dir.display()
            )),
            "{error}"
        );
        assert!(error.contains("Run: chmod o+"), "{error}");
        place
            .state
            .readable_by(StateFileReader { uid: 0, gid: 0 }, &ProcessFiles::Ours)
            .unwrap();
        chmod(dir, before);
    }
    place.state.readable_by(BIRD, &ProcessFiles::Ours).unwrap();
}

#[test]
fn a6_a_symbolic_link_does_not_hide_a_locked_directory() {
    let place = place();
    let temp = place.run_dir.parent().unwrap();
    let hidden = temp.join("hidden");
    fs::create_dir(&hidden).unwrap();
    fs::create_dir(hidden.join("run")).unwrap();
    symlink(hidden.join("run"), &place.run_dir).unwrap();
    place.state.write("web_v4", StateFileValue::Enabled).unwrap();
    chmod(&hidden, 0o700);
    let error = place
        .state
        .readable_by(BIRD, &ProcessFiles::Ours)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!("cannot enter {}", hidden.display())),
        "{error}"
    );
    chmod(&hidden, 0o755);
    place.state.readable_by(BIRD, &ProcessFiles::Ours).unwrap();
}
