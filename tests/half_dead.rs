//! A daemon of which a part is dead, or that stands on a disk that hangs: it ends or mends itself, and what
//! BIRD announces stands. And what an ordinary user of the machine can do to it: nothing.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use falconer::config::load;
use falconer::daemon::{Options, RunError, Tasks, run_and_tell};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use falconer_lab::fake_bird::{Daemon, FakeBird, Fault};

/// How long a daemon may be half dead.
const MENDED: Duration = Duration::from_secs(2);
/// How long anything else may take, on a machine that is busy.
const SOON: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What every daemon here has of its own.
struct Site {
    temp: tempfile::TempDir,
    bird: FakeBird,
    /// How long a command to BIRD may take.
    timeout: &'static str,
}

impl Site {
    /// A BIRD that announces the service's prefix already.
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(temp.path().join("bird")).unwrap();
        let daemon = Daemon::new("2.0.12")
            .with_static("web_v4", &["198.51.100.0/24"])
            .with_bgp("isp_upstream", "203.0.113.1", &["ipv4", "ipv6"]);
        let bird = FakeBird::start(&temp.path().join("bird/bird.ctl"), daemon);
        // The probe never passes, so nothing is taken over (D20): what BIRD announces is adopted (D10).
        bird.with(|daemon| daemon.protocol("web_v4").enabled = true);
        let timeout = "5s";
        Self { temp, bird, timeout }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.temp.path().join(path)
    }

    fn configuration(&self) -> String {
        let at = self.temp.path().display();
        format!(
            "[site]\nname = \"hk1\"\nstate_dir = \"{at}/state\"\nrun_dir = \"{at}/run\"\n[bird]\nsocket = \"{at}/bird/bird.ctl\"\ntimeout = \"{}\"\n\
             [api]\nlisten = \"\"\n[[upstream]]\nname = \"isp_upstream\"\n\
             [[service]]\nname = \"web\"\nrole = \"standby\"\nprefixes = [\"198.51.100.0/24\"]\nprotocols = [\"web_v4\"]\n\
             [[service.probe]]\nname = \"tcp\"\ntype = \"tcp\"\ntarget = \"127.0.0.1:9\"\n",
            self.timeout
        )
    }

    fn is_announced(&self) -> bool {
        self.bird.with(|daemon| daemon.protocol("web_v4").enabled)
    }

    /// Everything that was written to BIRD.
    fn disabled(&self) -> Vec<String> {
        let writes = self.bird.writes();
        writes
            .into_iter()
            .filter(|line| line.starts_with("disable"))
            .collect()
    }

    /// A daemon in this process, and its tasks.
    async fn run(&self) -> (JoinHandle<Result<(), RunError>>, Tasks) {
        let (config, _) =
            load(&self.configuration(), "falconer.toml").unwrap_or_else(|_| panic!("a right file"));
        let (tell, told) = tokio::sync::oneshot::channel();
        let options = Options {
            config,
            config_file: self.at("falconer.toml"),
            record: None,
        };
        let daemon = tokio::spawn(run_and_tell(options, move |tasks| drop(tell.send(tasks))));
        let tasks = timeout(SOON, told).await.unwrap().unwrap();
        self.answers().await;
        (daemon, tasks)
    }

    /// Waits until the API answers.
    async fn answers(&self) {
        let deadline = Instant::now() + SOON;
        while !self.status().await.contains("\"actual\":\"full\"") {
            assert!(
                Instant::now() < deadline,
                "no answer, or nothing announced: {}",
                self.status().await
            );
            sleep(LOOK).await;
        }
    }

    /// The snapshot; empty where nobody answers.
    async fn status(&self) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let asked = timeout(SOON, async {
            let mut stream = tokio::net::UnixStream::connect(self.at("run/falconer.sock")).await?;
            let request = b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        });
        asked.await.unwrap().unwrap_or_default()
    }

    /// The daemon as it is run, as root or whoever we are.
    fn start(&self) -> Running {
        let file = self.at("falconer.toml");
        std::fs::write(&file, self.configuration()).unwrap();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.at("log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_falconer"))
            .arg("run")
            .arg("-c")
            .arg(&file)
            .stderr(log)
            .spawn()
            .unwrap();
        Running(child)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap_or_default()
    }
}

/// A daemon in a process of its own, which does not outlive the test.
struct Running(Child);

impl Running {
    fn terminate(&self) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Waits for its end; its exit code.
    async fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            sleep(LOOK).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_task_that_is_killed_ends_the_daemon_or_is_mended_and_the_announcement_stands() {
    let names: Vec<_> = {
        let site = Site::new();
        let (daemon, tasks) = site.run().await;
        daemon.abort();
        tasks.into_iter().map(|(name, _)| name).collect()
    };
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let site = Site::new();
        let (mut daemon, tasks) = site.run().await;
        let (_, task) = tasks.into_iter().find(|(task, _)| *task == name).unwrap();
        task.abort();
        match timeout(MENDED, &mut daemon).await {
            Ok(ended) => {
                let error = ended.unwrap().unwrap_err();
                assert!(matches!(error, RunError::Broken(_)), "{name}: {error}");
                assert!(
                    error.to_string().contains("has ended unexpectedly"),
                    "{name}: {error}"
                );
            }
            Err(_) => {
                assert!(
                    ["the API", "readiness"].contains(&name),
                    "{name}: a daemon goes on without it"
                );
                timeout(MENDED, site.answers())
                    .await
                    .unwrap_or_else(|_| panic!("{name} is not mended"));
                daemon.abort();
            }
        }
        assert!(
            site.is_announced() && site.disabled().is_empty(),
            "{name}: {:?}",
            site.disabled()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_dir_that_hangs_at_the_start_is_alarmed_and_keeps_nobody_waiting() {
    let site = Site::new();
    std::fs::create_dir(site.at("state")).unwrap();
    // Reading it waits for a writer, as a disk that hangs would make it wait.
    make_fifo(&site.at("state/state.json"));
    let mut running = site.start();
    let began = Instant::now();
    site.answers().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let status = site.status().await;
    assert!(
        status.contains("\"code\":\"state_dir\"") && status.contains("does not answer"),
        "{status}"
    );
    let began = Instant::now();
    running.terminate();
    assert_eq!(running.ended().await, Some(0), "{}", site.log());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(site.is_announced());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_what_a_slow_disk_kept_is_taken_in_by_a_new_start_and_not_written_over() {
    let site = Site::new();
    std::fs::create_dir(site.at("state")).unwrap();
    let kept = {
        // A first life, in which an operator freezes the service.
        let mut first = site.start();
        site.answers().await;
        let frozen = Command::new(env!("CARGO_BIN_EXE_falconer"))
            .args(["freeze", "web", "--reason", "maintenance", "-s"])
            .arg(site.at("run/falconer.sock"))
            .output()
            .unwrap();
        assert!(frozen.status.success(), "{frozen:?}");
        first.terminate();
        assert_eq!(first.ended().await, Some(0));
        std::fs::read(site.at("state/state.json")).unwrap()
    };
    std::fs::remove_file(site.at("state/state.json")).unwrap();
    make_fifo(&site.at("state/state.json"));
    let mut second = site.start();
    site.answers().await;
    assert!(!site.status().await.contains("maintenance"));
    // The disk answers: what it holds has to be taken in.
    let path = site.at("state/state.json");
    tokio::task::spawn_blocking({
        let kept = kept.clone();
        move || std::fs::write(path, kept).unwrap()
    })
    .await
    .unwrap();
    assert_eq!(second.ended().await, Some(1), "{}", site.log());
    assert!(site.log().contains("state_dir answers again"), "{}", site.log());
    // As the disk has it, and systemd starts us.
    std::fs::remove_file(site.at("state/state.json")).unwrap();
    std::fs::write(site.at("state/state.json"), kept).unwrap();
    let _third = site.start();
    site.answers().await;
    assert!(site.status().await.contains("maintenance"));
    assert!(site.is_announced());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bird_that_was_not_looked_at_for_five_polls_is_alarmed() {
    let mut site = Site::new();
    site.timeout = "40s";
    let _running = site.start();
    site.answers().await;
    // It answers in time, and each look takes far longer than five polls.
    site.bird
        .plan("show protocols", Fault::Delay(Duration::from_secs(25)));
    let deadline = Instant::now() + SOON;
    loop {
        let status = site.status().await;
        if status.contains("was not read for 5 polls") {
            assert!(status.contains("\"code\":\"bird_down\""), "{status}");
            break;
        }
        assert!(Instant::now() < deadline, "no alarm: {status}");
        sleep(LOOK).await;
    }
    assert!(site.is_announced());
}

/// The niceness of each thread of that name (proc(5): field 19 of stat).
fn niceness(process: u32, thread: &str) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
    let named = stats.filter_map(|stat| {
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        (name == thread).then(|| fields.split_whitespace().nth(16).unwrap().parse().unwrap())
    });
    named.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_gets_less_of_the_processor_than_what_decides() {
    let site = Site::new();
    let running = site.start();
    site.answers().await;
    // Its own thread, and those that composed an answer.
    let api = niceness(running.0.id(), "api");
    let ours = niceness(running.0.id(), "tokio-rt-worker");
    assert!(api.len() >= 2 && ours.len() >= 2, "{api:?} {ours:?}");
    let (Some(api), Some(ours)) = (api.iter().min(), ours.iter().max()) else {
        panic!("no threads");
    };
    // Where the tests themselves run at the least priority there is, nothing can be lower.
    assert!(api - ours >= 10 || *api == 19, "{api} {ours}");
}

fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo")
        .arg("-m")
        .arg("0666")
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

/// An ordinary user of the machine.
const NOBODY: u32 = 65534;

/// A command of theirs, in a shell.
fn as_nobody(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(command)
        .uid(NOBODY)
        .gid(NOBODY)
        .stdin(Stdio::null());
    shell
}

fn tried(command: &str) -> Output {
    as_nobody(command).output().unwrap()
}

/// Owner, mode, inode and size of everything there.
fn look_of(places: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    for place in places {
        let meta = std::fs::symlink_metadata(place).unwrap();
        found.push(format!(
            "{} {} {:o} {} {}",
            place.display(),
            meta.uid(),
            meta.mode(),
            meta.ino(),
            meta.nlink()
        ));
        if meta.is_dir() {
            let mut entries: Vec<_> = std::fs::read_dir(place)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            entries.sort();
            found.extend(look_of(&entries));
        }
    }
    found
}

/// The lock in the directory that everybody may write in.
fn lock_of(site: &Site) -> PathBuf {
    let socket = site.at("bird/bird.ctl");
    let path = socket.to_str().unwrap().trim_start_matches('/').replace('/', "-");
    PathBuf::from(format!("/run/lock/falconer-{path}.lock"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordinary_user_moves_nothing() {
    assert!(geteuid().is_root(), "it takes root to be somebody else");
    let site = Site::new();
    let _running = site.start();
    site.answers().await;
    let (lock, beside) = (lock_of(&site), site.at("bird/bird.ctl.falconer.lock"));
    assert!(lock.exists() && beside.exists(), "{}", site.log());
    let places = [lock.clone(), site.at("bird"), site.at("run"), site.at("state")];
    let before = look_of(&places);
    let (lock, beside) = (lock.display(), beside.display());
    let (run, state) = (
        site.at("run").display().to_string(),
        site.at("state").display().to_string(),
    );
    let falconer = env!("CARGO_BIN_EXE_falconer");
    let tries = [
        format!("flock --nonblock --shared {lock} true"),
        format!("flock --nonblock --exclusive {beside} true"),
        format!("cat {lock}"),
        format!("echo x >> {lock}"),
        format!("rm -f {lock}; test ! -e {lock}"),
        format!("mv {lock} {lock}.away"),
        format!("ln -sf /etc/passwd {lock}"),
        format!("ln {lock} {lock}.too"),
        format!("chmod 666 {lock}"),
        format!("rm -f {beside}; test ! -e {beside}"),
        format!("echo x >> {beside}"),
        format!("{falconer} status -s {run}/falconer.sock"),
        format!("{falconer} withdraw web -s {run}/falconer.sock"),
        format!("{falconer} drill web -s {run}/falconer.sock"),
        format!("rm -f {run}/falconer.sock; test ! -e {run}/falconer.sock"),
        format!("mv {run}/falconer.sock {run}/away"),
        format!("touch {run}/new"),
        format!("echo 'disabled;' > {run}/bird/web_v4.conf"),
        format!("rm -rf {run}/bird; test ! -e {run}/bird"),
        format!("mkfifo {state}/state.json.fifo"),
        format!("echo '{{}}' > {state}/state.json"),
        format!("mv {state} {state}.away"),
        format!("{falconer} run -c {}", site.at("falconer.toml").display()),
    ];
    for command in &tries {
        let output = tried(command);
        assert!(!output.status.success(), "{command}: {output:?}");
    }
    assert_eq!(look_of(&places), before);
    site.answers().await;
    assert!(site.is_announced() && site.disabled().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a10_what_an_ordinary_user_planted_in_place_of_the_lock_keeps_no_daemon_from_starting() {
    assert!(geteuid().is_root(), "it takes root to be somebody else");
    let plants = [
        "mkfifo -m 0666 LOCK",
        "ln -s /etc/passwd LOCK",
        "mkdir LOCK && touch LOCK/full",
        "exec 9>LOCK && chmod 0666 LOCK && flock 9 && exec sleep 60",
        "exec 9>LOCK && printf 'pid 1 \\033]0;owned\\007' >&9 && flock 9 && exec sleep 60",
    ];
    for plant in plants {
        let site = Site::new();
        let lock = lock_of(&site);
        let mut planting = as_nobody(&plant.replace("LOCK", lock.to_str().unwrap()))
            .spawn()
            .unwrap();
        let deadline = Instant::now() + SOON;
        while std::fs::symlink_metadata(&lock).is_err() {
            assert!(Instant::now() < deadline, "{plant}: nothing was planted");
            sleep(LOOK).await;
        }
        let mut running = site.start();
        site.answers().await;
        let meta = std::fs::symlink_metadata(&lock).unwrap();
        assert!(
            meta.is_file() && meta.uid() == 0 && meta.mode() & 0o077 == 0,
            "{plant}: {meta:?}"
        );
        running.terminate();
        assert_eq!(running.ended().await, Some(0), "{plant}: {}", site.log());
        let _ = planting.kill();
        let _ = planting.wait();
        std::fs::remove_file(&lock).unwrap();
    }
}
