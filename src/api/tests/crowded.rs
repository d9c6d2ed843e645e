//! Those who ask for too much: what they cost is bounded, and nobody else waits for them.

use std::sync::Mutex;
use std::sync::mpsc as blocking;

use rustix::time::{ClockId, clock_gettime};

use super::*;

/// As many services as a large site has.
const SERVICES: usize = 200;

/// Longer than anybody waits for an answer from memory, on a machine that is busy, too.
const SOON: Duration = Duration::from_secs(3);

/// What a request may cost on average, of the whole test process and without optimization. One that asks for a
/// name of 8,000 letters cost 35 ms with optimization, and ten times that without.
const COST: Duration = Duration::from_millis(60);

fn large_site() -> Snapshot {
    let mut snapshot = situations::announced();
    let service = snapshot.services[0].clone();
    snapshot.services = (0..SERVICES)
        .map(|number| {
            let mut service = service.clone();
            service.name = format!("service_{number:03}");
            service
        })
        .collect();
    snapshot
}

/// What the whole process used of the machine.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap())
}

/// A history on disk that does not answer until it is let go.
fn stuck_disk() -> (HistoryReader, blocking::Sender<()>) {
    let (let_go, held) = blocking::channel::<()>();
    let held = Mutex::new(held);
    let past = HistoryReader::new(move |_| {
        // It ends when the sender is dropped.
        let _ = held.lock().unwrap().recv();
        Ok(())
    });
    (past, let_go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_old_history_keeps_nobody_from_what_others_rely_on() {
    let (past, let_go) = stuck_disk();
    let api = Api::start_with(situations::announced(), past).await;
    api.history.send_replace(Arc::from([entry(90)]));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..160 {
        let mut stream = TcpStream::connect(api.address).await.unwrap();
        stream
            .write_all(written("GET", "/v1/events?before=50", "").as_bytes())
            .await
            .unwrap();
        asking.spawn(async move {
            let mut answer = String::new();
            drop(stream.read_to_string(&mut answer).await);
            answer
        });
    }
    // All but those who may wait for the disk are told at once to ask again.
    let mut refused = 0;
    while refused < 150 {
        let answer = timeout(SOON, asking.join_next()).await.unwrap().unwrap().unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"),
            "{answer}"
        );
        refused += 1;
    }
    for path in [
        "/v1/services/web/announced",
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/status",
    ] {
        let answer = timeout(SOON, api.ask_over_tcp("GET", path)).await;
        let (status, body) = answer.unwrap_or_else(|_| panic!("{path} is not answered"));
        assert!(!body.is_empty() && status != 404, "{path}: {status}");
        assert!(path != "/healthz" || status == 200, "{path}: {status} {body}");
    }
    let (_, metrics) = api.ask("GET", "/metrics", "").await;
    let counted = r#"falconer_api_refusals_total{listener="tcp",reason="busy"} 15"#;
    assert!(metrics.contains(counted), "{metrics}");
    drop(let_go);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_ordinary_place_is_taken_what_others_rely_on_is_answered() {
    let api = Api::start(situations::announced()).await;
    let places: Vec<_> = (0..budget::TCP_ORDINARY)
        .map(|_| api.desk.network().ordinary().unwrap())
        .collect();
    for (path, said) in [
        ("/v1/services/web/announced", "\"announced\":"),
        ("/healthz", "ok\n"),
        ("/readyz", "no\n"),
        ("/metrics", "# EOF\n"),
    ] {
        let (_, body) = api.ask_over_tcp("GET", path).await;
        assert!(body.contains(said), "{path}: {body}");
    }
    for path in ["/v1/status", "/v1/events", "/", "/v1/ready"] {
        let (status, said) = api.ask_over_tcp("GET", path).await;
        assert_eq!(status, 503, "{path}: {said}");
        assert!(said.contains("ask again later"), "{said}");
        assert_eq!(
            api.ask("GET", path, "").await.0,
            200,
            "the other listener has places of its own"
        );
    }
    drop(places);
    assert_eq!(api.ask_over_tcp("GET", "/v1/status").await.0, 200);
}

#[tokio::test]
async fn pages_of_others_are_refused_over_tcp_and_counted() {
    let api = Api::start(situations::announced()).await;
    let request = "GET /v1/status HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\nconnection: close\r\n\r\n";
    let over_tcp = TcpStream::connect(api.address).await.unwrap();
    assert_eq!(exchange(over_tcp, request).await.0, 403);
    let over_the_socket = UnixStream::connect(api.path()).await.unwrap();
    assert_eq!(
        exchange(over_the_socket, request).await.0,
        200,
        "no page reaches it"
    );
    let (_, metrics) = api.ask("GET", "/metrics", "").await;
    let counted = "falconer_api_refusals_total{listener=\"tcp\",reason=\"cross_site\"} 1\n";
    assert!(metrics.contains(counted), "{metrics}");
}

/// Every route of the API, and what somebody asks of it who means harm.
fn hostile_requests() -> Vec<(&'static str, String)> {
    let long = "x".repeat(7900);
    let near = "service_9999";
    let wide = "%C3%BC".repeat(1200);
    let mut requests: Vec<(&str, String)> = [
        "/v1/status",
        "/v1/ready",
        "/readyz",
        "/metrics",
        "/healthz",
        "/v1/openapi.json",
        "/",
        "/page/page.js",
        "/v1/witnesses/latency",
        "/v1/services/service_007",
        "/v1/services/service_007/announced",
        "/v1/services/service_007/latency",
    ]
    .map(|path| ("GET", path.to_owned()))
    .into();
    for name in [&long, near, &wide] {
        for rest in ["", "/announced", "/latency", "/nonsense"] {
            requests.push(("GET", format!("/v1/services/{name}{rest}")));
        }
        for verb in [
            "announce", "withdraw", "freeze", "auto", "failback", "explain", "drill",
        ] {
            requests.push(("POST", format!("/v1/services/{name}/{verb}")));
        }
        requests.push(("GET", format!("/page/{name}")));
        requests.push(("GET", format!("/{name}")));
    }
    for query in [
        String::new(),
        "?limit=1000".to_owned(),
        "?after=0".to_owned(),
        "?before=1".to_owned(),
        format!("?service={long}"),
        format!("?service={wide}"),
        format!("?{}", "limit=1&".repeat(980)),
        format!("?since={long}"),
    ] {
        requests.push(("GET", format!("/v1/events{query}")));
    }
    requests.push(("GET", format!("/{}", "/".repeat(7900))));
    requests.push(("POST", "/v1/render/apply?x".to_owned()));
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_costs_more_than_a_moment_however_it_is_meant() {
    const EACH: u32 = 8;
    let api = Api::start(large_site()).await;
    let entries: Vec<_> = (1..=1000).map(entry).collect();
    api.history.send_replace(entries.into());
    api.ask("GET", "/v1/status", "").await;
    let mut costs = Vec::new();
    for (method, path) in hostile_requests() {
        let before = cpu();
        for _ in 0..EACH {
            let answered = timeout(SOON, api.ask_over_tcp(method, &path)).await;
            let (status, _) = answered.unwrap_or_else(|_| panic!("{method} {path:.60}: no answer"));
            assert!(
                status < 500 || path.ends_with("announced") || path == "/readyz",
                "{method} {path:.60}: {status}"
            );
        }
        costs.push(((cpu() - before) / EACH, format!("{method} {path:.60}")));
    }
    costs.sort();
    costs.reverse();
    let dear: Vec<_> = costs.iter().take_while(|(cost, _)| *cost > COST).collect();
    assert!(dear.is_empty(), "{dear:#?}");
}
