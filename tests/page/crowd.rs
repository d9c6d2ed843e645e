//! The page with more services than a lab has room for, with names that mean harm, and with no feed left:
//! the real API, with made-up snapshots behind it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use falconer::api::{Handles, serve};
use falconer::config::{load, model};
use falconer::metrics::latency::LatencyBuffers;
use falconer::model::Snapshot;
use falconer::model::history::{HistoryEntry, HistoryEvent};
use falconer::model::snapshot::CheckOutcome;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::browser::{Browser, Eyes};
use crate::console;
use falconer_lab::{isolate, isolated, wait};

const SOON: Duration = Duration::from_secs(30);
const ADDRESS: &str = "127.0.0.1:9180";
const PAGE: &str = "http://127.0.0.1:9180/";
const DESK: Eyes = Eyes {
    width: 1280,
    height: 900,
    dark: false,
    language: "en",
};
/// What becomes a picture, a script or a style, if it is taken for markup.
const HARM: &str = "<img src=x onerror='window.harmed=1'><script>window.harmed=1</script>\"'&amp;{0}$1";

/// An API whose daemon is the test; dropping it ends it.
struct Daemon {
    snapshot: watch::Sender<Arc<Snapshot>>,
    history: watch::Sender<Arc<[Arc<HistoryEntry>]>>,
    book: Arc<LatencyBuffers>,
    shutdown: CancellationToken,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Daemon {
    /// Serves on [`ADDRESS`]. The thread ends with the test's process, or when it is dropped.
    fn start(snapshot: &Value) -> Result<Self> {
        let (snapshot, seen) = watch::channel(Arc::new(serde_json::from_value(snapshot.clone())?));
        let (history, latest) = watch::channel(Arc::from([]));
        let standby = include_str!("../fixtures/config/standby.toml");
        let (config, _) =
            load(standby, "falconer.toml").map_err(|_| anyhow::anyhow!("the fixture is right"))?;
        let book = Arc::new(LatencyBuffers::new(&config, None));
        let readiness = json!({ "schema": 1, "at": Timestamp::now(), "level": "no", "checks": [
            { "code": "bird", "service": null, "subject": HARM, "level": "no", "text": HARM, "advice": HARM }] });
        let handles = Handles {
            past: falconer::api::HistoryReader::none(),
            snapshot: seen,
            ready: watch::channel(Arc::new(serde_json::from_value(readiness)?)).1,
            history: latest,
            latency: watch::channel(book.clone()).1,
            requests: mpsc::channel(1).0,
            poll_interval: Duration::from_secs(1),
            metrics: falconer::metrics::MetricSources::default(),
        };
        let config = model::ApiConfig {
            socket: Path::new(isolate::BASE).join("falconer.sock"),
            listen: Some(ADDRESS.parse()?),
            allow: Vec::new(),
            names: Vec::new(),
        };
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::spawn(move || runtime.block_on(serve(&config, handles, stop)));
        wait::until_true("API", SOON, || Ok(TcpStream::connect(ADDRESS).is_ok()))?;
        Ok(Self {
            snapshot,
            history,
            book,
            shutdown,
        })
    }

    fn show(&self, snapshot: &Value) -> Result<()> {
        self.snapshot
            .send_replace(Arc::new(serde_json::from_value(snapshot.clone())?));
        Ok(())
    }
}

fn probe(name: &str, detail: &str) -> Value {
    json!({ "name": name, "type": "icmp", "state": "up", "streak": 9,
        "last": { "at": Timestamp::now(), "result": "pass", "detail": detail, "rtt_ms": 0.4 } })
}

fn service(name: &str, probes: usize) -> Value {
    let probes: Vec<_> = (0..probes)
        .map(|number| probe(&format!("probe{number}"), "answered"))
        .collect();
    json!({ "name": name, "role": "standby", "prefixes": ["198.51.100.0/24"], "protocols": [format!("{name}_v4")],
        "verdict": "up", "want": "off", "actual": "off", "upstreams": ["isp"], "exported_to": [], "rule": "D4",
        "reason": "ping up", "since": "2026-11-22T20:45:00.500Z", "deadline": null, "override": null, "latched": false,
        "probes": probes })
}

fn snapshot(services: Vec<Value>) -> Value {
    let upstream = json!({ "name": "isp", "state": "Established", "since": null, "error": null });
    json!({ "schema": 1, "site": "hk1", "version": "0.1.0", "since": "2026-11-22T20:45:00.500Z", "at": Timestamp::now(),
        "isolated": false, "bird": { "state": "up", "version": "2.0.12", "since": null, "error": null },
        "services": services, "upstreams": [upstream], "witnesses": [], "tunnels": [], "lease": null, "alarms": [] })
}

fn browser() -> Result<Browser> {
    let browser = Browser::start(None, Path::new(isolate::BASE))?;
    browser.look(DESK)?;
    Ok(browser)
}

#[test]
fn two_hundred_services_and_a_thousand_probes_stay_live() {
    isolated(|| {
        let mut all = snapshot(
            (0..200)
                .map(|number| service(&format!("service_{number:03}"), 5))
                .collect(),
        );
        let daemon = Daemon::start(&all)?;
        let browser = browser()?;
        browser.open(PAGE)?;
        let rows = "document.querySelectorAll('#services-rows tr[data-service]').length";
        browser.until("200 services", SOON, &format!("{rows} === 200"))?;
        // How long the page itself is busy at a time, while a probe of every service says something new.
        browser.run("window.longest = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.longest = Math.max(window.longest, entry.duration); })).observe({ entryTypes: ['longtask'] });")?;
        for round in 0..5 {
            for number in 0..200 {
                all["services"][number]["probes"][round] =
                    probe(&format!("probe{round}"), &format!("round {round}"));
            }
            let last = 199 - round;
            all["services"][last]["want"] = json!("full");
            all["at"] = json!(Timestamp::now());
            let before = wait::now();
            daemon.show(&all)?;
            let shown =
                format!("document.querySelector('tr[data-service=\"service_{last}\"]').className === 'bad'");
            browser.until("change of one of 200", SOON, &shown)?;
            let took = wait::between(before, wait::now());
            ensure!(took < Duration::from_secs(6), "shown after {took:?}");
        }
        let first = "document.querySelector('#services-rows tr').dataset.service";
        ensure!(
            browser.text(first)?.starts_with("service_19"),
            "what needs a look comes first"
        );
        browser.type_into("#filter", "service_05")?;
        browser.until("ten that match", SOON, &format!("{rows} === 10"))?;
        let longest: f64 = browser.text("window.longest")?.parse()?;
        println!("the page was busy for at most {longest} ms at a time");
        // A reader notices what takes longer; on two cores that six labs share, it takes its time.
        ensure!(longest < 1000.0, "the page was busy for {longest} ms");
        browser.picture("two-hundred")?;
        console::must_be_clean(&browser, PAGE)
    });
}

#[test]
fn names_that_mean_harm_are_shown_as_they_are() {
    isolated(|| {
        let mut web = service("web", 0);
        web["probes"] = json!([probe(HARM, HARM)]);
        web["reason"] = json!(HARM);
        web["upstreams"] = json!([HARM]);
        web["override"] = json!({ "action": "freeze", "until": null, "reason": HARM, "actor": HARM });
        let mut all = snapshot(vec![web]);
        all["site"] = json!(HARM);
        all["bird"] = json!({ "state": "up", "version": HARM, "since": null, "error": HARM });
        all["upstreams"] = json!([{ "name": HARM, "state": HARM, "since": null, "error": HARM }]);
        all["witnesses"] = json!([probe(HARM, HARM)]);
        all["tunnels"] = json!([{ "name": HARM, "state": "up" }]);
        all["alarms"] =
            json!([{ "code": "drift", "service": HARM, "text": HARM, "since": Timestamp::now() }]);
        let daemon = Daemon::start(&all)?;
        let drift = HistoryEvent::Drift {
            text: HARM.to_owned(),
        };
        let entry = HistoryEntry {
            seq: 1,
            at: Timestamp::now(),
            service: Some(HARM.to_owned()),
            what: drift,
        };
        daemon.history.send_replace(Arc::from([Arc::new(entry)]));
        let browser = browser()?;
        browser.open(PAGE)?;
        let places = [
            "#site",
            "#alarms-list",
            "#upstreams-list",
            "#overrides-list",
            "#services-rows",
            "#witnesses-list",
            "#others-list",
            "#events-list",
            "#readiness-body",
            "#strip",
        ];
        for place in places {
            // What the page fills in itself, such as $1 and {0}, is no exception.
            let shown = format!(
                "document.querySelector('{place}').textContent.includes({})",
                json!(HARM)
            );
            browser.until(&format!("harm as text in {place}"), SOON, &shown)?;
        }
        let made = "document.querySelectorAll('img, iframe, object, [onerror], script:not([src])').length + Number(window.harmed ?? 0)";
        ensure!(browser.text(made)? == "0", "a name became markup");
        browser.picture("harm")?;
        console::must_be_clean(&browser, PAGE)
    });
}

#[test]
fn with_no_feed_left_the_page_asks_for_events_and_marks_fails_and_errors() {
    isolated(|| {
        let daemon = Daemon::start(&snapshot(vec![service("web", 0)]))?;
        let feeds: Vec<_> = (0..32).map(|_| feed()).collect::<Result<_>>()?;
        let browser = browser()?;
        browser.open(PAGE)?;
        let entry = HistoryEntry {
            seq: 1,
            at: Timestamp::now(),
            service: None,
            what: HistoryEvent::Latched,
        };
        daemon.history.send_replace(Arc::from([Arc::new(entry)]));
        browser.until(
            "event without a feed",
            SOON,
            "document.querySelector('#events-list').textContent.includes('latched')",
        )?;
        drop(feeds);
        let mut all = snapshot(vec![service("web", 0)]);
        all["services"][0]["probes"] = json!([probe("ping", "answered")]);
        for result in [CheckOutcome::Pass, CheckOutcome::Fail, CheckOutcome::Error] {
            daemon.book.push(Some(0), 0, Timestamp::now(), result, None);
        }
        daemon.show(&all)?;
        for kind in ["fails", "errors", "quiet"] {
            let drawn = format!("document.querySelector('[data-probe=ping] path.{kind}')?.getAttribute('d')");
            browser.until(&format!("{kind} in the plot"), SOON, &drawn)?;
        }
        let told =
            browser.text("document.querySelector('[data-probe=ping] svg').getAttribute('aria-label')")?;
        ensure!(told.contains("1 failed, 1 errors"), "{told}");
        // One feed was refused, as it had to be.
        console::must_only_miss_answers(&browser, PAGE)
    });
}

#[test]
fn the_pages_pure_parts_do_what_they_say() {
    isolated(|| {
        let _daemon = Daemon::start(&snapshot(vec![]))?;
        let browser = browser()?;
        browser.open(PAGE)?;
        let failed = browser.run_async(include_str!("pure.js"))?;
        ensure!(failed == json!([]), "{failed:#}");
        Ok(())
    });
}

#[test]
fn a_hidden_page_is_not_lost_and_one_that_cannot_draw_is_not_live() {
    isolated(|| {
        let daemon = Daemon::start(&snapshot(vec![service("web", 1)]))?;
        let browser = browser()?;
        browser.open(PAGE)?;
        let live = "document.getElementById('lost').hidden && document.title.includes('hk1')";
        browser.until("life", SOON, live)?;
        browser.run(
            "window.lost = 0; window.began = performance.now(); window.hide = (hidden) => {
               Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
               document.dispatchEvent(new Event('visibilitychange')); };
             new MutationObserver(() => { window.lost += document.getElementById('lost').hidden ? 0 : 1; })
               .observe(document.getElementById('lost'), { attributes: true });
             window.hide(true);",
        )?;
        let waited = |ms: u32| {
            let past = format!("performance.now() - window.began > {ms}");
            browser.until("the time to pass", SOON, &past)
        };
        for second in 1..=9 {
            waited(second * 1000)?;
            daemon.show(&snapshot(vec![service("web", 1)]))?;
        }
        browser.run("window.hide(false);")?;
        waited(9500)?;
        ensure!(
            browser.text("window.lost")? == "0",
            "a page that was hidden was lost"
        );
        browser.run(
            "window.site = document.getElementById('site'); window.site.id = 'gone';
             window.errors = 0; console.error = () => { window.errors += 1; };",
        )?;
        daemon.show(&snapshot(vec![service("mail", 1)]))?;
        let stale = "!document.getElementById('lost').hidden && window.errors === 1";
        browser.until("word that it cannot draw", SOON, stale)?;
        browser.run("window.site.id = 'site';")?;
        daemon.show(&snapshot(vec![service("mail", 1)]))?;
        browser.until("life again", SOON, live)
    });
}

/// A client that follows the events and reads nothing of them.
fn feed() -> Result<TcpStream> {
    let address: SocketAddr = ADDRESS.parse()?;
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    )?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer)?;
    let head = String::from_utf8_lossy(&answer[..read]).into_owned();
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    Ok(stream)
}
