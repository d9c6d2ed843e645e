//! The API as its clients meet it: a real socket, and a daemon of a few lines behind it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::listener::{ListenAddress, Listener, attend, open};
use super::server::Server;
use super::*;
use crate::config::model;
use crate::metrics;
use crate::metrics::latency::LatencyBuffers;
use crate::model::Snapshot;
use crate::model::command::{DaemonCommand, FilesCommand, OperatorCommand, OverrideOptions};
use crate::model::history::HistoryEntry;
use crate::model::readiness::Readiness;
use crate::model::situations;
use crate::model::snapshot::{BirdState, Strength};

mod crowded;
mod openapi;

/// An API on a socket and a port of its own. Dropping it ends it.
struct Api {
    directory: tempfile::TempDir,
    address: std::net::SocketAddr,
    handles: Handles,
    desk: Arc<Server>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    readiness: watch::Sender<Arc<Readiness>>,
    history: watch::Sender<Arc<[Arc<HistoryEntry>]>>,
    requests: mpsc::Receiver<OperatorRequest>,
    shutdown: CancellationToken,
    tasks: tokio::task::JoinSet<listener::ListenError>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Api {
    async fn start(snapshot: Snapshot) -> Self {
        let past = HistoryReader::new(|page| {
            (1..=5)
                .rev()
                .for_each(|seq| page.offer(&entry(seq), || crate::model::history::line(&entry(seq))));
            Ok(())
        });
        Self::start_with(snapshot, past).await
    }

    /// An API with a history of its own on disk.
    async fn start_with(snapshot: Snapshot, past: HistoryReader) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (snapshot, seen) = watch::channel(Arc::new(snapshot));
        let (sender, requests) = mpsc::channel(4);
        let (history, latest) = watch::channel(Arc::from([]));
        let (readiness, ready) = watch::channel(Arc::new(Readiness::not_yet(situations::now())));
        let handles = Handles {
            latency: no_results(),
            snapshot: seen,
            ready,
            history: latest,
            past,
            requests: sender,
            poll_interval: Duration::from_secs(1),
            metrics: metrics::MetricSources::default(),
        };
        let desk = Arc::new(Server::new(handles.clone(), access()));
        let socket = open(&ListenAddress::Socket(directory.path().join("s")))
            .await
            .unwrap();
        let tcp = open(&ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()))
            .await
            .unwrap();
        let Listener::Tcp(listener) = &tcp else {
            panic!("asked for TCP")
        };
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(attend(socket, desk.clone(), shutdown.clone()));
        tasks.spawn(attend(tcp, desk.clone(), shutdown.clone()));
        Self {
            directory,
            address,
            handles,
            desk,
            snapshot,
            readiness,
            history,
            requests,
            shutdown,
            tasks,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// Status and body of one request over the Unix socket.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let stream = UnixStream::connect(self.path()).await.unwrap();
        exchange(stream, &written(method, path, body)).await
    }

    /// The same over TCP.
    async fn ask_over_tcp(&self, method: &str, path: &str) -> (u16, String) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        exchange(stream, &written(method, path, "")).await
    }

    /// Answers the next request as the daemon would, and says what it was.
    async fn answer_next(&mut self, answer: Result<String, Refusal>) -> (DaemonCommand, String) {
        let request = self.requests.recv().await.unwrap();
        request.answer.send(answer.map(CommandReply::Said)).unwrap();
        (request.command, request.actor)
    }
}

/// Who may ask: by a name, too.
fn access() -> Access {
    let config = model::ApiConfig {
        socket: PathBuf::new(),
        listen: None,
        allow: Vec::new(),
        names: vec!["hk1.example.net".to_owned()],
    };
    Access::new(&config)
}

/// The book of a standby whose probes have not been made yet.
fn no_results() -> watch::Receiver<Arc<LatencyBuffers>> {
    let standby = include_str!("../../tests/fixtures/config/standby.toml");
    let (config, _) = crate::config::load(standby, "falconer.toml").unwrap();
    watch::channel(Arc::new(LatencyBuffers::new(&config, None))).1
}

fn written(method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn exchange<S>(stream: S, request: &str) -> (u16, String)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (status, _, body) = full_exchange(stream, request).await;
    (status, body)
}

async fn full_exchange<S>(mut stream: S, request: &str) -> (u16, String, String)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn status_is_the_snapshot_on_both_listeners() {
    let api = Api::start(situations::steady()).await;
    let (status, body) = api.ask("GET", "/v1/status", "").await;
    assert_eq!(status, 200);
    assert_eq!(
        serde_json::from_str::<Snapshot>(&body).unwrap(),
        situations::steady()
    );
    assert_eq!(api.ask_over_tcp("GET", "/v1/status").await, (200, body));
}

#[tokio::test]
async fn the_json_of_a_snapshot_keeps_its_shape() {
    let api = Api::start(situations::overridden()).await;
    let (_, body) = api.ask("GET", "/v1/status", "").await;
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    insta::assert_snapshot!("status_json", serde_json::to_string_pretty(&value).unwrap());
}

#[tokio::test]
async fn a_new_snapshot_is_shown_at_once() {
    let api = Api::start(situations::steady()).await;
    api.ask("GET", "/v1/status", "").await;
    api.snapshot.send(Arc::new(situations::announced())).unwrap();
    let (_, body) = api.ask("GET", "/v1/status", "").await;
    assert_eq!(
        serde_json::from_str::<Snapshot>(&body).unwrap(),
        situations::announced()
    );
}

#[test]
fn what_was_meant_is_sought_among_names_of_that_length_only_and_little_is_repeated() {
    let names: Vec<String> = (0..1000).map(|number| format!("service_{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let said = unknown_service("servcie_007", &names);
    assert_eq!(
        said,
        r#"there is no service "servcie_007"; did you mean "service_007"?"#
    );
    let said = unknown_service(&"ü".repeat(4000), &names);
    assert!(said.starts_with(&format!(
        r#"there is no service "{}…"; there are: service_000, "#,
        "ü".repeat(64)
    )));
    assert!(said.ends_with("service_019 and 980 more"), "{said}");
    assert!(said.len() < 500, "{said}");
}

#[tokio::test]
async fn one_service_is_shown_and_an_unknown_one_is_guessed() {
    let api = Api::start(situations::steady()).await;
    let (status, body) = api.ask("GET", "/v1/services/web", "").await;
    assert_eq!(status, 200);
    let service: crate::model::snapshot::ServiceSnapshot = serde_json::from_str(&body).unwrap();
    assert_eq!(service, situations::service("web"));
    let (status, body) = api.ask("GET", "/v1/services/wbe", "").await;
    assert_eq!(status, 404);
    assert_eq!(
        body,
        r#"{"error":"there is no service \"wbe\"; did you mean \"web\"?"}"#
    );
    let (_, body) = api.ask("GET", "/v1/services/postgres", "").await;
    assert_eq!(
        body,
        r#"{"error":"there is no service \"postgres\"; there are: web"}"#
    );
}

#[tokio::test]
async fn d17_announced_is_200_or_503_only_of_what_was_read_within_two_polls() {
    let at = |seconds: i64| Some(Timestamp::now() - jiff::SignedDuration::from_secs(seconds));
    let (up, busy, down) = (BirdState::Up, BirdState::Busy, BirdState::Down);
    let cases = [
        (up, at(0), Some(Strength::Full), at(0), 200),
        (up, at(4), Some(Strength::Full), at(4), 500),
        (up, at(-3600), Some(Strength::Full), at(-3600), 500),
        (up, None, None, None, 500),
        (up, at(0), Some(Strength::Full), None, 503),
        (up, at(0), Some(Strength::Drain), None, 503),
        (up, at(0), Some(Strength::Off), None, 503),
        (up, at(4), Some(Strength::Off), None, 500),
        (up, at(0), None, None, 500),
        (busy, at(0), Some(Strength::Full), at(0), 500),
        (busy, at(0), Some(Strength::Off), None, 500),
        (down, at(0), None, None, 500),
    ];
    for (bird, read_at, actual, verified_at, expected) in cases {
        let mut snapshot = situations::announced();
        (snapshot.bird.state, snapshot.bird.read_at) = (bird, read_at);
        snapshot.services[0].actual = actual;
        snapshot.services[0].verified_at = verified_at;
        let api = Api::start(snapshot).await;
        let (status, body) = api.ask_over_tcp("GET", "/v1/services/web/announced").await;
        assert_eq!(
            status, expected,
            "{bird:?} {read_at:?} {actual:?} {verified_at:?}: {body}"
        );
        assert_eq!(body.contains("\"unknown\""), expected == 500, "{body}");
    }
    let api = Api::start(situations::steady()).await;
    assert_eq!(api.ask("GET", "/v1/services/nope/announced", "").await.0, 404);
}

#[tokio::test]
async fn healthz_answers_and_head_has_no_body() {
    let api = Api::start(situations::steady()).await;
    assert_eq!(api.ask("GET", "/healthz", "").await, (200, "ok\n".to_owned()));
    assert_eq!(api.ask("HEAD", "/v1/status", "").await, (200, String::new()));
}

#[tokio::test]
async fn d11_an_override_reaches_the_daemon_with_its_end_reason_and_actor() {
    let mut api = Api::start(situations::steady()).await;
    let stream = UnixStream::connect(api.path()).await.unwrap();
    let request = written(
        "POST",
        "/v1/services/web/withdraw",
        r#"{"for": "20s", "reason": "scrubbing"}"#,
    );
    let client = tokio::spawn(async move { exchange(stream, &request).await });
    let (command, actor) = api
        .answer_next(Ok("web is withdrawn until 20:45:20".to_owned()))
        .await;
    let expected = DaemonCommand::Service {
        service: "web".to_owned(),
        command: OperatorCommand::Withdraw(OverrideOptions {
            lasting: Some(Duration::from_secs(20)),
            reason: Some("scrubbing".to_owned()),
            drain: None,
        }),
    };
    assert_eq!(command, expected);
    let uid = std::fs::metadata("/proc/self")
        .map(|me| std::os::unix::fs::MetadataExt::uid(&me))
        .unwrap();
    assert_eq!(actor, account::user_name(uid));
    assert_eq!(
        client.await.unwrap(),
        (200, r#"{"said":"web is withdrawn until 20:45:20"}"#.to_owned())
    );
}

#[tokio::test]
async fn a_refusal_has_its_own_status_and_words() {
    let cases = [
        (Refusal::NoSuchService, 404, "there is no such service"),
        (
            Refusal::NotNow("nothing to fail back".to_owned()),
            409,
            "nothing to fail back",
        ),
        (
            Refusal::Failed("state_dir is read-only".to_owned()),
            500,
            "state_dir is read-only",
        ),
    ];
    for (refusal, status, said) in cases {
        let mut api = Api::start(situations::steady()).await;
        let stream = UnixStream::connect(api.path()).await.unwrap();
        let request = written("POST", "/v1/services/web/failback", "");
        let client = tokio::spawn(async move { exchange(stream, &request).await });
        api.answer_next(Err(refusal)).await;
        assert_eq!(
            client.await.unwrap(),
            (status, format!(r#"{{"error":"{said}"}}"#))
        );
    }
}

#[tokio::test]
async fn a9_an_apply_reaches_the_daemon_with_its_actor_and_is_answered_with_what_came_of_it() {
    let mut api = Api::start(situations::steady()).await;
    let cases = [
        ("", false, Ok("applied".to_owned()), 200),
        (
            r#"{"force": true}"#,
            true,
            Err(Refusal::Failed("undone".to_owned())),
            500,
        ),
        (
            r#"{"force": false}"#,
            false,
            Err(Refusal::NotNow("later".to_owned())),
            409,
        ),
        ("{}", false, Err(Refusal::Configuration("line 3".to_owned())), 422),
    ];
    for (body, force, answer, status) in cases {
        let request = written("POST", "/v1/render/apply", body);
        let asking = exchange(UnixStream::connect(api.path()).await.unwrap(), &request);
        let answering = async {
            let asked = api.answer_next(answer).await;
            let actor = account::user_name(rustix::process::getuid().as_raw());
            let apply = DaemonCommand::Files(FilesCommand::Apply { force });
            assert_eq!(asked, (apply, actor));
        };
        let ((said, _), ()) = tokio::join!(asking, answering);
        assert_eq!(said, status, "{body}");
    }
    let (status, said) = api.ask("POST", "/v1/render/apply", r#"{"forced": true}"#).await;
    assert_eq!(status, 400, "{said}");
    assert_eq!(api.ask("GET", "/v1/render/apply", "").await.0, 405);
}

#[tokio::test]
async fn a_reload_reaches_the_daemon_with_its_actor_and_is_answered_with_what_changed() {
    let mut api = Api::start(situations::steady()).await;
    let cases = [
        (
            Ok("service web: rank".to_owned()),
            200,
            r#"{"said":"service web: rank"}"#,
        ),
        (
            Err(Refusal::Configuration("line 3".to_owned())),
            422,
            r#"{"error":"line 3"}"#,
        ),
    ];
    for (answer, status, body) in cases {
        let request = written("POST", "/v1/reload", "");
        let asking = exchange(UnixStream::connect(api.path()).await.unwrap(), &request);
        let answering = async {
            let asked = api.answer_next(answer).await;
            let actor = account::user_name(rustix::process::getuid().as_raw());
            assert_eq!(asked, (DaemonCommand::Files(FilesCommand::Reload), actor));
        };
        let (answered, ()) = tokio::join!(asking, answering);
        assert_eq!(answered, (status, body.to_owned()));
    }
    assert_eq!(api.ask("GET", "/v1/reload", "").await.0, 405);
}

#[tokio::test]
async fn a_daemon_that_stops_is_said_so() {
    let mut api = Api::start(situations::steady()).await;
    api.requests.close();
    let (status, body) = api.ask("POST", "/v1/services/web/auto", "").await;
    assert_eq!(
        (status, body.as_str()),
        (503, r#"{"error":"the daemon is stopping"}"#)
    );
}

/// An entry that says little.
#[tokio::test]
async fn the_latest_results_of_probes_and_witnesses_are_told_whole_or_since() {
    let api = Api::start(situations::steady()).await;
    let at: Timestamp = "2026-11-22T20:44:58.500Z".parse().unwrap();
    let book = api.handles.latency.borrow().clone();
    let rtt = Some(Duration::from_micros(412));
    book.push(Some(0), 0, at, crate::model::snapshot::CheckOutcome::Pass, rtt);
    book.push(None, 0, at, crate::model::snapshot::CheckOutcome::Fail, None);
    let (status, body) = api.ask_over_tcp("GET", "/v1/services/web/latency").await;
    let expected = "{\"schema\":1,\"service\":\"web\",\"seq\":2,\"probes\":[{\"name\":\"ping\",\"type\":\"icmp\",\"results\":[\
         {\"at\":\"2026-11-22T20:44:58.500Z\",\"result\":\"pass\",\"rtt_ms\":0.412}]}";
    assert_eq!(status, 200);
    assert!(body.starts_with(expected), "{body}");
    let (_, body) = api.ask("GET", "/v1/witnesses/latency?after=1", "").await;
    assert!(
        body.starts_with("{\"schema\":1,\"service\":null,\"seq\":2,"),
        "{body}"
    );
    assert!(body.contains("\"result\":\"fail\",\"rtt_ms\":null"), "{body}");
    let (_, body) = api.ask("GET", "/v1/witnesses/latency?after=2", "").await;
    assert!(!body.contains("result\":"), "{body}");
    for query in ["after=", "after=-1", "since=2", "after=1&after=2"] {
        let asked = api
            .ask("GET", &format!("/v1/services/web/latency?{query}"), "")
            .await;
        assert_eq!(asked.0, 400, "{query}");
    }
    assert_eq!(api.ask("GET", "/v1/services/nosuch/latency", "").await.0, 404);
}

fn entry(seq: u64) -> Arc<HistoryEntry> {
    let what = crate::model::history::HistoryEvent::Latched;
    Arc::new(HistoryEntry {
        seq,
        at: situations::now(),
        service: Some("web".to_owned()),
        what,
    })
}

/// Asks for the events as a browser's EventSource does.
async fn follow(api: &Api, last_seen: &str) -> UnixStream {
    let mut stream = UnixStream::connect(api.path()).await.unwrap();
    let request =
        format!("GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n{last_seen}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until the text is there.
async fn read_until(stream: &mut UnixStream, wanted: &str) -> String {
    let mut read = String::new();
    while !read.contains(wanted) {
        let mut buffer = [0; 4096];
        let count = timeout(Duration::from_secs(10), stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(count > 0, "ended without {wanted:?}: {read}");
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    read
}

#[tokio::test]
async fn the_latest_events_are_listed_oldest_first() {
    let api = Api::start(situations::steady()).await;
    assert_eq!(
        api.ask("GET", "/v1/events", "").await,
        (200, r#"{"events":[],"next":null}"#.to_owned())
    );
    api.history.send(Arc::from([entry(1), entry(2)])).unwrap();
    let (_, body) = api.ask_over_tcp("GET", "/v1/events").await;
    let listed: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(listed["events"][0]["seq"], 1);
    assert_eq!(listed["events"][1]["event"], "latched");
}

#[tokio::test]
async fn events_are_sent_as_they_happen_from_where_the_client_was() {
    let api = Api::start(situations::steady()).await;
    api.history.send(Arc::from([entry(1), entry(2)])).unwrap();
    let mut new = follow(&api, "").await;
    let mut back = follow(&api, "last-event-id: 1\r\n").await;
    let head = read_until(&mut back, "id: 2\n").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(!head.contains("id: 1\n"), "{head}");
    read_until(&mut new, "\r\n\r\n").await;
    api.history
        .send(Arc::from([entry(1), entry(2), entry(3)]))
        .unwrap();
    let said = read_until(&mut new, "id: 3\n").await;
    assert!(!said.contains("id: 2\n"), "{said}");
    read_until(&mut back, "id: 3\n").await;
}

#[tokio::test]
async fn feeds_are_bounded_and_leave_room_for_everything_else() {
    let api = Api::start(situations::steady()).await;
    let mut feeds = vec![];
    for _ in 0..32 {
        let mut feed = follow(&api, "").await;
        read_until(&mut feed, "HTTP/1.1 200").await;
        feeds.push(feed);
    }
    read_until(&mut follow(&api, "").await, "HTTP/1.1 503").await;
    assert_eq!(api.ask("GET", "/v1/status", "").await.0, 200);
    drop(feeds);
    loop {
        let mut feed = follow(&api, "").await;
        if read_until(&mut feed, "\r\n\r\n").await.contains("200 OK") {
            break;
        }
    }
}

#[tokio::test]
async fn over_tcp_nothing_can_be_changed() {
    let mut api = Api::start(situations::steady()).await;
    for verb in ["announce", "withdraw", "freeze", "auto", "failback"] {
        let (status, _) = api
            .ask_over_tcp("POST", &format!("/v1/services/web/{verb}"))
            .await;
        assert_eq!(status, 403, "{verb}");
    }
    assert_eq!(api.ask_over_tcp("POST", "/v1/render/apply").await.0, 403);
    assert_eq!(api.ask_over_tcp("POST", "/v1/reload").await.0, 403);
    assert!(api.requests.try_recv().is_err());
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_what_would_be_right() {
    let mut api = Api::start(situations::steady()).await;
    let large = format!(r#"{{"reason": "{}"}}"#, "x".repeat(5000));
    let cases = [
        ("GET", "/pages", "", 404),
        ("GET", "/v1/nothing", "", 404),
        ("POST", "/v1/services/nope/auto", "", 404),
        ("DELETE", "/v1/status", "", 405),
        ("GET", "/v1/services/web/announce", "", 405),
        ("POST", "/v1/services/web/withdraw", "{", 400),
        ("POST", "/v1/services/web/withdraw", r#"{"for": "soon"}"#, 400),
        ("POST", "/v1/services/web/withdraw", &large, 413),
    ];
    for (method, path, body, expected) in cases {
        let (status, said) = api.ask(method, path, body).await;
        assert_eq!(status, expected, "{method} {path}: {said}");
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert!(said["error"].is_string(), "{said}");
    }
    assert!(
        api.requests.try_recv().is_err(),
        "none of these reaches the daemon"
    );
}

#[tokio::test]
async fn a_wrong_method_comes_with_the_allow_header() {
    let api = Api::start(situations::steady()).await;
    let stream = UnixStream::connect(api.path()).await.unwrap();
    let (status, head, _) = full_exchange(stream, &written("PUT", "/v1/status", "")).await;
    assert_eq!(status, 405);
    assert!(head.to_lowercase().contains("\r\nallow: get, head"), "{head}");
}

#[tokio::test]
async fn a_foreign_host_header_is_refused() {
    let api = Api::start(situations::steady()).await;
    let cases = [
        ("127.0.0.1:9180", 200),
        ("localhost", 200),
        ("LocalHost:9180", 200),
        ("[::1]:9180", 200),
        ("hk1.example.net:9180", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ];
    for (host, expected) in cases {
        let stream = TcpStream::connect(api.address).await.unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(exchange(stream, &request).await.0, expected, "{host:?}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let api = Api::start(situations::steady()).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\nx: {}", "y".repeat(20_000));
    drop(stream.write_all(request.as_bytes()).await);
    let mut answer = vec![];
    drop(stream.read_to_end(&mut answer).await);
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
        "{answer:?}"
    );
    assert_eq!(api.ask_over_tcp("GET", "/healthz").await.0, 200);
}

#[tokio::test]
async fn a_thousand_silent_clients_keep_nobody_out() {
    let api = Api::start(situations::steady()).await;
    let mut silent = vec![];
    for number in 0..1000 {
        let mut stream = TcpStream::connect(api.address).await.unwrap();
        if number % 2 == 0 {
            stream
                .write_all(b"GET /v1/status HTTP/1.1\r\nx-slow: ")
                .await
                .unwrap();
        }
        silent.push(stream);
    }
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(api.ask_over_tcp("GET", "/v1/status").await.0, 200);
        assert_eq!(api.ask("GET", "/v1/status", "").await.0, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let mut open = 0;
    for stream in &mut silent {
        let ended = timeout(Duration::from_millis(1), stream.read(&mut [0; 512])).await;
        open += usize::from(ended.is_err());
    }
    assert!(open <= 128, "{open} of 1000 are still open");
}

#[tokio::test]
async fn the_socket_is_for_its_owner_and_group_only() {
    let api = Api::start(situations::steady()).await;
    let mode = std::fs::metadata(api.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[tokio::test]
async fn a_dead_daemons_socket_is_replaced_and_a_living_ones_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let living = UnixListener::bind(&path).unwrap();
    let place = ListenAddress::Socket(path.clone());
    assert_eq!(
        open(&place).await.unwrap_err().kind(),
        std::io::ErrorKind::AddrInUse
    );
    drop(living);
    let door = open(&place).await.unwrap();
    UnixStream::connect(&path).await.unwrap();
    drop(door);
    assert!(!path.exists(), "it goes with the daemon");
}

#[tokio::test]
async fn a_file_in_the_sockets_place_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    std::fs::write(&path, "precious").unwrap();
    let error = open(&ListenAddress::Socket(path.clone())).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_successors_socket_outlives_its_predecessor() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let old = open(&ListenAddress::Socket(path.clone())).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let _new = open(&ListenAddress::Socket(path.clone())).await.unwrap();
    drop(old);
    UnixStream::connect(&path).await.unwrap();
}

#[tokio::test]
async fn readiness_is_what_was_gathered_last_and_readyz_fails_only_where_a_takeover_would() {
    let api = Api::start(situations::steady()).await;
    let at = Timestamp::now();
    let not_yet = Readiness::not_yet(at);
    for (readiness, status, word) in [(not_yet, 503, "no\n"), (Readiness::of(at, vec![]), 200, "ok\n")] {
        api.readiness.send_replace(Arc::new(readiness.clone()));
        let expected = (200, serde_json::to_string(&readiness).unwrap());
        assert_eq!(api.ask("GET", "/v1/ready", "").await, expected);
        assert_eq!(api.ask_over_tcp("GET", "/v1/ready").await, expected);
        assert_eq!(api.ask("GET", "/readyz", "").await, (status, word.to_owned()));
        assert_eq!(
            api.ask_over_tcp("GET", "/readyz").await,
            (status, word.to_owned())
        );
    }
}

#[tokio::test]
async fn a_readiness_that_is_too_old_is_a_no() {
    let api = Api::start(situations::steady()).await;
    let old = Readiness::of(Timestamp::now() - Duration::from_secs(61), vec![]);
    api.readiness.send_replace(Arc::new(old.clone()));
    assert_eq!(api.ask("GET", "/readyz", "").await, (503, "no\n".to_owned()));
    let (status, json) = api.ask("GET", "/v1/ready", "").await;
    let shown: Readiness = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (status, shown.level, shown.at.as_second()),
        (
            200,
            crate::model::readiness::ReadinessLevel::No,
            old.at.as_second()
        )
    );
    let [check] = shown.checks.as_slice() else {
        panic!("{json}");
    };
    assert!(
        check.text.starts_with("readiness was not checked since "),
        "{json}"
    );
    assert!(check.advice.is_some(), "{json}");
}

#[tokio::test]
async fn a_taken_port_ends_nothing_and_is_tried_again() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = model::ApiConfig {
        socket: directory.path().join("s"),
        listen: Some(taken.local_addr().unwrap()),
        allow: Vec::new(),
        names: Vec::new(),
    };
    let (_snapshot, seen) = watch::channel(Arc::new(situations::steady()));
    let (requests, _asked) = mpsc::channel(1);
    let handles = Handles {
        latency: no_results(),
        snapshot: seen,
        ready: watch::channel(Arc::new(Readiness::not_yet(situations::now()))).1,
        history: watch::channel(Arc::from([])).1,
        past: HistoryReader::none(),
        requests,
        poll_interval: Duration::from_secs(1),
        metrics: metrics::MetricSources::default(),
    };
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let serving = tokio::spawn(async move { serve(&config, handles, stop).await });
    let path = directory.path().join("s");
    let stream = loop {
        if let Ok(stream) = UnixStream::connect(&path).await {
            break stream;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(exchange(stream, &written("GET", "/healthz", "")).await.0, 200);
    shutdown.cancel();
    serving.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn shutdown_ends_idle_connections_at_once() {
    let mut api = Api::start(situations::steady()).await;
    let mut idle = UnixStream::connect(api.path()).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(idle.read(&mut [0; 512]).await.unwrap() > 0);
    let began = Instant::now();
    api.shutdown.cancel();
    while api.tasks.join_next().await.is_some() {}
    assert!(
        began.elapsed() < Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(idle.read(&mut [0; 512]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_socket_whose_directory_is_cleaned_away_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let run_dir = directory.path().join("falconer");
    std::fs::create_dir(&run_dir).unwrap();
    let path = run_dir.join("falconer.sock");
    let api = Api::start(situations::steady()).await;
    let shutdown = CancellationToken::new();
    let desk = Arc::new(Server::new(api.handles.clone(), Access::default()));
    let keeping = tokio::spawn(listener::keep(
        ListenAddress::Socket(path.clone()),
        desk,
        shutdown.clone(),
    ));
    reachable(&path).await;
    std::fs::remove_dir_all(&run_dir).unwrap();
    std::fs::create_dir(&run_dir).unwrap();
    reachable(&path).await;
    shutdown.cancel();
    keeping.await.unwrap();
    assert!(!path.exists(), "and it goes with the daemon");
}

/// Waits until somebody answers there.
async fn reachable(path: &std::path::Path) {
    let answered = timeout(Duration::from_secs(20), async {
        loop {
            if let Ok(stream) = UnixStream::connect(path).await {
                return exchange(stream, &written("GET", "/healthz", "")).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(answered.await.unwrap(), (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn metrics_are_served_on_both_listeners_in_the_format_that_is_asked_for() {
    let api = Api::start(situations::announced()).await;
    let (status, body) = api.ask("GET", "/metrics", "").await;
    assert_eq!(status, 200);
    assert!(body.ends_with("# EOF\n"), "{body}");
    assert!(body.contains("falconer_service_verdict{service=\"web\",verdict=\"down\"} 1\n"));
    assert_eq!(api.ask_over_tcp("GET", "/metrics").await, (200, body));
    let stream = UnixStream::connect(api.path()).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\naccept: text/plain\r\nconnection: close\r\n\r\n";
    let (status, head, body) = full_exchange(stream, request).await;
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    assert!(
        body.contains("# TYPE falconer_probe_checks_total counter\n"),
        "{body}"
    );
}

#[tokio::test]
async fn a_crowd_of_scrapers_is_given_one_page() {
    let api = Api::start(situations::announced()).await;
    let (_, first) = api.ask("GET", "/metrics", "").await;
    let site = |body: &str| body.contains("falconer_isolated 1");
    assert!(!site(&first));
    let mut isolated = situations::announced();
    isolated.isolated = true;
    api.snapshot.send(Arc::new(isolated)).unwrap();
    let (_, second) = api.ask("GET", "/metrics", "").await;
    assert_eq!(first, second, "within a second it is the same page");
}
