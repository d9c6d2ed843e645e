use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};

use super::*;

/// The directory of the locks, and a BIRD's.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        for dir in ["lock", "bird"] {
            std::fs::create_dir(temp.path().join(dir)).unwrap();
        }
        Self(temp)
    }

    fn locks(&self) -> PathBuf {
        self.0.path().join("lock")
    }

    /// The real path of a socket.
    fn socket(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap().join("bird/bird.ctl")
    }

    /// Where the lock on that socket is.
    fn lock(&self) -> PathBuf {
        self.locks().join(file_name(&self.socket()))
    }

    fn acquire(&self, site: &str) -> Result<Lock, LockError> {
        Lock::acquire(&self.locks(), &self.socket(), &holder(site))
    }
}

fn holder(site: &str) -> LockHolder {
    LockHolder {
        site: site.into(),
        config: "/etc/falconer/falconer.toml".into(),
        since: "2026-11-22T20:40:40Z".parse().unwrap(),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a10_the_second_is_told_who_holds_the_lock() {
    let place = Place::new();
    let _first = place.acquire("hk1").unwrap();
    let error = place.acquire("hk2").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "another Falconer already drives the BIRD of {}: pid {}, site hk1, configuration \
             /etc/falconer/falconer.toml, since 2026-11-22T20:40:40.000Z (lock {})",
            place.socket().display(),
            std::process::id(),
            place.lock().display()
        )
    );
}

#[test]
fn a10_another_name_for_the_same_socket_is_the_same_lock() {
    let place = Place::new();
    let (real, temp) = (place.socket(), place.0.path());
    symlink(temp.join("bird"), temp.join("also-bird")).unwrap();
    symlink(&real, temp.join("ctl")).unwrap();
    symlink("also-bird/bird.ctl", temp.join("relative")).unwrap();
    let others = ["also-bird/bird.ctl", "ctl", "relative"];
    let refused = |when: &str| {
        for other in others {
            let second = Lock::acquire(&place.locks(), &temp.join(other), &holder("hk2"));
            assert!(matches!(second, Err(LockError::Held { .. })), "{other} {when}");
        }
    };
    let _first = place.acquire("hk1").unwrap();
    refused("while BIRD is stopped");
    let _bird = UnixListener::bind(&real).unwrap();
    refused("while BIRD runs");
}

#[test]
fn a10_the_name_is_the_same_whether_bird_runs_or_not() {
    let place = Place::new();
    let link = place.0.path().join("ctl");
    symlink(place.socket(), &link).unwrap();
    let stopped = real_path(&link);
    let _bird = UnixListener::bind(place.socket()).unwrap();
    assert_eq!((stopped, real_path(&link)), (place.socket(), place.socket()));
}

#[test]
fn a10_links_that_lead_in_a_circle_end() {
    let place = Place::new();
    let link = place.socket();
    symlink(&link, &link).unwrap();
    real_path(&link);
}

#[test]
fn a10_two_birds_have_two_locks() {
    let place = Place::new();
    let _first = place.acquire("hk1").unwrap();
    let other = place.socket().with_file_name("bird6.ctl");
    Lock::acquire(&place.locks(), &other, &holder("hk1")).unwrap();
}

#[test]
fn a10_another_directory_of_locks_does_not_get_around_the_lock_beside_the_socket() {
    let place = Place::new();
    let _first = place.acquire("hk1").unwrap();
    let of_a_container = place.0.path().join("another");
    let second = Lock::acquire(&of_a_container, &place.socket(), &holder("hk2")).unwrap_err();
    let text = second.to_string();
    assert!(
        text.contains("site hk1") && text.contains("bird.ctl.falconer.lock"),
        "{text}"
    );
}

#[test]
fn a10_a_socket_directory_that_cannot_be_written_is_a_warning() {
    let place = Place::new();
    std::fs::remove_dir(place.0.path().join("bird")).unwrap();
    let mut lock = place.acquire("hk1").unwrap();
    let warning = lock.warning().unwrap().to_owned();
    assert!(
        warning.starts_with("no lock beside BIRD's socket") && warning.contains("another mount namespace"),
        "{warning}"
    );
    std::fs::create_dir(place.0.path().join("bird")).unwrap();
    lock.renew().unwrap();
    assert_eq!(lock.warning(), None);
}

#[test]
fn a10_a_bird_that_took_its_directory_with_it_is_locked_again() {
    let place = Place::new();
    let mut first = place.acquire("hk1").unwrap();
    first.renew().unwrap();
    std::fs::remove_dir_all(place.0.path().join("bird")).unwrap();
    std::fs::create_dir(place.0.path().join("bird")).unwrap();
    let of_a_container = place.0.path().join("another");
    let second = Lock::acquire(&of_a_container, &place.socket(), &holder("hk2")).unwrap();
    let error = first.renew().unwrap_err().to_string();
    assert!(error.contains("site hk2"), "{error}");
    drop(second);
    first.renew().unwrap();
}

#[test]
fn a10_a_lock_ends_with_its_holder_and_is_taken_over_whole() {
    let place = Place::new();
    drop(place.acquire("a-site-with-a-long-name").unwrap());
    let lock = place.acquire("hk1").unwrap();
    let text = std::fs::read_to_string(lock.path()).unwrap();
    assert!(
        text.starts_with("pid ") && text.contains("site hk1") && text.ends_with(".000Z\n"),
        "{text}"
    );
    for path in [lock.path(), &beside(&place.socket())] {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}

#[test]
fn a10_what_is_no_regular_file_is_replaced_and_nothing_is_written_elsewhere() {
    let place = Place::new();
    let (lock, victim) = (place.lock(), place.0.path().join("victim"));
    std::fs::write(&victim, "precious").unwrap();
    let plant: [(&str, &dyn Fn()); 5] = [
        ("a link", &|| symlink(&victim, &lock).unwrap()),
        ("a second name", &|| std::fs::hard_link(&victim, &lock).unwrap()),
        ("a FIFO", &|| {
            mknodat(CWD, &lock, FileType::Fifo, Mode::from_bits_retain(0o666), 0).unwrap();
        }),
        ("a socket", &|| drop(UnixListener::bind(&lock).unwrap())),
        ("a directory", &|| {
            std::fs::create_dir_all(lock.join("full")).unwrap();
        }),
    ];
    for (what, plant) in plant {
        plant();
        let taken = place
            .acquire("hk1")
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(taken.path().is_file(), "{what}");
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious", "{what}");
        drop(taken);
        std::fs::remove_file(&lock).unwrap();
    }
}

#[test]
fn a10_a_file_that_others_could_open_is_replaced_once_it_is_free() {
    let place = Place::new();
    std::fs::write(place.lock(), "of an earlier version").unwrap();
    std::fs::set_permissions(place.lock(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let theirs = File::open(place.lock()).unwrap();
    let first = place.acquire("hk1").unwrap();
    assert_eq!(mode(first.path()), 0o600);
    drop(first);
    flock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
    place.acquire("hk1").unwrap();
}

#[test]
fn a10_of_many_that_start_at_once_over_a_foreign_file_one_gets_the_lock() {
    for round in 0..20 {
        let place = Place::new();
        let _theirs = UnixListener::bind(place.lock()).unwrap();
        let start = std::sync::Barrier::new(4);
        let taken: Vec<_> = std::thread::scope(|scope| {
            let starters: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (start.wait(), place.acquire("hk1")).1))
                .collect();
            starters
                .into_iter()
                .map(|starter| starter.join().unwrap())
                .collect()
        });
        let locks = taken.iter().filter(|taken| taken.is_ok()).count();
        assert_eq!(locks, 1, "round {round}: {taken:?}");
    }
}

#[test]
fn a10_what_the_holder_says_cannot_be_obeyed_by_a_terminal() {
    let place = Place::new();
    let lock = place.acquire("hk1").unwrap();
    let said = format!(
        "\u{1b}]0;owned\u{7}\u{202e}site\nhk1\u{1b}[2J{}",
        "x".repeat(9000)
    );
    std::fs::write(lock.path(), said).unwrap();
    let text = place.acquire("hk2").unwrap_err().to_string();
    assert!(text.contains("?]0;owned??site?hk1?[2Jx"), "{text}");
    assert!(text.chars().all(is_shown) && text.len() < 1000, "{text}");
}

#[test]
fn the_lock_is_named_as_systemd_would() {
    assert_eq!(
        file_name(Path::new("/run/bird-2/b d.ctl")),
        "falconer-run-bird\\x2d2-b\\x20d.ctl.lock"
    );
}

#[test]
fn a_long_path_has_a_lock_that_the_file_system_takes_and_that_is_its_own() {
    let one = file_name(Path::new(&format!("/{}", "-".repeat(100))));
    let other = file_name(Path::new(&format!("/{}", "-".repeat(101))));
    assert!(one.len() < 255 && one != other, "{one} {other}");
}
