//! Every example of docs/api.md, asked of the real daemon: its answer is the one that the page shows,
//! times and numbers apart.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]
#![expect(
    clippy::disallowed_methods,
    reason = "no runtime here: the daemon is a process, and its time is real"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::Value;

const PAGE: &str = include_str!("../docs/api.md");

/// BIRD with the static protocol of the page, at rest; nothing that the kernel would see.
const BIRD_CONF: &str = "router id 192.0.2.1;\nprotocol device {}\nprotocol static web_v4 {\n  disabled;\n  ipv4;\n  \
                         route 198.51.100.0/24 blackhole;\n}\n";

const BIRD: &str = "/usr/sbin/bird";

/// A daemon and its BIRD. Dropping it ends both.
struct Daemon {
    process: Child,
    bird: Child,
    directory: tempfile::TempDir,
    port: u16,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself; the test says so.
        for process in [&mut self.process, &mut self.bird] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A standby whose target lives.
fn configuration(directory: &std::path::Path, port: u16) -> String {
    let at = |name: &str| directory.join(name).display().to_string();
    format!(
        r#"
        [site]
        name = "hk1"
        state_dir = "{state}"
        run_dir = "{run}"
        [bird]
        socket = "{bird}"
        [api]
        socket = "{socket}"
        listen = "127.0.0.1:{port}"
        [[upstream]]
        name = "isp_upstream"
        [[service]]
        name = "web"
        role = "standby"
        prefixes = ["198.51.100.0/24"]
        protocols = ["web_v4"]
        [[service.probe]]
        name = "ping"
        type = "exec"
        command = ["/bin/true"]
        [[witness]]
        name = "resolver"
        type = "exec"
        command = ["/bin/true"]
        "#,
        state = at("state"),
        run = at("run"),
        bird = at("bird.ctl"),
        socket = at("s"),
    )
}

impl Daemon {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Nobody else takes it in the instant in between.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let bird_conf = directory.path().join("bird.conf");
        std::fs::write(&bird_conf, BIRD_CONF).unwrap();
        let bird = Command::new(BIRD)
            .args(["-f", "-c"])
            .arg(&bird_conf)
            .args(["-s", &at("bird.ctl"), "-P", &at("bird.pid")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let config = directory.path().join("falconer.toml");
        std::fs::write(&config, configuration(directory.path(), port)).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_falconer"))
            .arg("-c")
            .arg(&config)
            .arg("run")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self {
            process,
            bird,
            directory,
            port,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while daemon.try_ask("GET", false, "/healthz", "").is_none() {
            assert!(Instant::now() < deadline, "the daemon does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// The body of the answer to one request.
    fn try_ask(&self, method: &str, over_socket: bool, path: &str, body: &str) -> Option<String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = String::new();
        if over_socket {
            let mut stream = UnixStream::connect(self.socket()).ok()?;
            stream.write_all(request.as_bytes()).ok()?;
            stream.read_to_string(&mut answer).ok()?;
        } else {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
            stream.write_all(request.as_bytes()).ok()?;
            stream.read_to_string(&mut answer).ok()?;
        }
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some(body.to_owned())
    }
}

/// An example of the page: a request as curl makes it, and the answer that is shown.
#[derive(Debug)]
struct Example {
    over_socket: bool,
    path: String,
    body: Option<String>,
    shown: Value,
}

fn examples() -> Vec<Example> {
    let curl = Regex::new(
        r#"(?m)^\$ curl -s (?:--unix-socket \S+ )?http://([^/\s]+)(/\S*)(?: -d '([^']*)')?\n(.*)$"#,
    )
    .unwrap();
    let examples = curl.captures_iter(PAGE).map(|found| Example {
        over_socket: found[0].contains("--unix-socket"),
        path: found[2].to_owned(),
        body: found.get(3).map(|body| body.as_str().to_owned()),
        shown: serde_json::from_str(&found[4]).unwrap(),
    });
    examples.collect()
}

/// A text with every time and every number in it made the same.
fn without_times(text: &str) -> String {
    let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap();
    time.replace_all(text, "TIME").into_owned()
}

/// Whether an answer is the one that is shown: the same fields, the same words, and values of the same
/// kind where they are times or numbers.
fn same(shown: &Value, answer: &Value) -> bool {
    match (shown, answer) {
        (Value::Object(shown), Value::Object(answer)) => {
            shown.keys().eq(answer.keys()) && shown.iter().all(|(name, value)| same(value, &answer[name]))
        }
        (Value::Array(shown), Value::Array(answer)) => answer
            .iter()
            .all(|answer| shown.iter().any(|shown| same(shown, answer))),
        (Value::String(shown), Value::String(answer)) => without_times(shown) == without_times(answer),
        (Value::Number(_), Value::Number(_)) => true,
        (shown, answer) => shown == answer,
    }
}

#[test]
fn every_example_of_the_page_is_answered_as_it_shows() {
    let daemon = Daemon::start();
    let examples = examples();
    assert_eq!(
        examples.len(),
        PAGE.matches("$ curl").count(),
        "each of them is understood: {examples:?}"
    );
    assert!(!examples.is_empty());
    for example in examples {
        let method = if example.body.is_some() { "POST" } else { "GET" };
        let body = example.body.as_deref().unwrap_or_default();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = daemon
                .try_ask(method, example.over_socket, &example.path, body)
                .unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            if same(&example.shown, &answer) {
                break;
            }
            // BIRD may not have been read yet.
            assert!(Instant::now() < deadline, "{example:?} is answered by {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The entry of the history that the page shows is one that a daemon writes.
#[test]
fn the_history_is_a_page_as_it_is_shown() {
    let shown = PAGE
        .split("```json\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let shown: Value = serde_json::from_str(shown).unwrap();
    let daemon = Daemon::start();
    let deadline = Instant::now() + Duration::from_secs(30);
    let wanted = &shown["events"][0];
    loop {
        let answer = daemon.try_ask("GET", false, "/v1/events", "").unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let of_page = |page: &Value| {
            page.as_object()
                .map(|page| page.keys().cloned().collect::<Vec<_>>())
        };
        assert_eq!(of_page(&answer), of_page(&shown));
        let events = answer["events"].as_array().unwrap();
        let entry = events.iter().find(|entry| entry["event"] == wanted["event"]);
        if let Some(entry) = entry {
            assert_eq!(of_page(entry), of_page(wanted), "{entry}");
            return;
        }
        assert!(Instant::now() < deadline, "no such entry: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
