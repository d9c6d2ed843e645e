//! What a large site costs: 200 services with 1,000 probes. How long `falconer status`, the API and a
//! scrape take, what the daemon uses of the machine meanwhile, and what a crowd of broken clients and a dozen
//! hostile targets add to a failover. And what an outage of a whole large site costs: from the death of all targets to the last
//! `enable`. It prints numbers and judges nothing.
//!
//! `FALCONER_BENCH_OUTAGES` says how often each outage is repeated, of which the best is printed: once
//! unless given; 0 leaves them out. `FALCONER_BENCH_ONLY=outages` leaves out all else.
//!
//! `FALCONER_BENCH_PAIRS` says how many cuts there are with and without the crowd, five unless given; 0
//! leaves them out. `FALCONER_BENCH_ONLY=pairs` leaves out all else.

#[path = "scale/outage.rs"]
mod outage;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anstream::println;
use anyhow::{Context, Result, ensure};

use falconer_lab::crowd::Crowd;
use falconer_lab::hostile::{self, Hostile};
use falconer_lab::measure::{self, Cut, median, usage};
use falconer_lab::process::Process;
use falconer_lab::{Cadence, Flavour, Host, Lab, Plan, SERVICE4, Settings, http, isolate, wait};

const SERVICES: usize = 200;
const PROBES: usize = 5;
/// How often each question is asked.
const ASKED: usize = 50;
/// How long the daemon is looked at.
const WATCHED: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    http::serve_if_asked();
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    match isolate::isolated_program(run) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            println!("the benchmark failed: {error:#}");
            isolate::print_logs(isolate::BASE.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let only = std::env::var("FALCONER_BENCH_ONLY").unwrap_or_default();
    if only == "patterns" {
        return Ok(());
    }
    if only != "pairs" {
        outages()?;
    }
    if only == "outages" {
        return Ok(());
    }
    if only != "pairs" {
        large_site()?;
    }
    let pairs = std::env::var("FALCONER_BENCH_PAIRS").map_or(Ok(5), |pairs| pairs.parse())?;
    if pairs > 0 {
        crowded_failover(pairs)?;
    }
    Ok(())
}

/// A small site to compare with, and the large ones.
const OUTAGES: [outage::Site; 6] = [
    site(10, 5, "tcp", 5, 1),
    site(200, 5, "tcp", 5, 1),
    site(1000, 1, "icmp", 5, 1),
    site(1000, 5, "tcp", 5, 1),
    site(1000, 5, "icmp", 5, 1000),
    site(100, 1, "icmp", 1, 100),
];

const fn site(
    services: usize,
    probes: usize,
    kind: &'static str,
    interval: u64,
    targets: usize,
) -> outage::Site {
    outage::Site {
        services,
        probes,
        kind,
        interval,
        targets,
    }
}

fn outages() -> Result<()> {
    let times = std::env::var("FALCONER_BENCH_OUTAGES").map_or(Ok(1), |times| times.parse())?;
    let sites = std::env::var("FALCONER_BENCH_SITES").unwrap_or_default();
    if times == 0 {
        return Ok(());
    }
    println!("all targets of a site die at once, beside a real BIRD; seconds since the death");
    println!(
        "{:<40} {:>7} {:>6} {:>13} {:>13} {:>7} {:>7} {:>6} {:>6} {:>5} {:>5} {:>7}",
        "",
        "enabled",
        "D1",
        "decided",
        "enabled",
        "last/D1",
        "sent",
        "idle %",
        "busy %",
        "stall",
        "lost",
        "MiB"
    );
    let mut run = 0;
    for (number, site) in OUTAGES.iter().enumerate() {
        if !sites.is_empty() && !sites.split(',').any(|wanted| wanted == number.to_string()) {
            continue;
        }
        let mut best: Option<outage::Outcome> = None;
        for _ in 0..times {
            run += 1;
            let outcome = site.die(Path::new(isolate::BASE), run)?;
            let better = |best: &outage::Outcome| {
                (best.enabled, -best.enabling.1) < (outcome.enabled, -outcome.enabling.1)
            };
            if best.as_ref().is_none_or(better) {
                best = Some(outcome);
            }
        }
        print_outage(site, &best.unwrap_or_default());
    }
    println!();
    Ok(())
}

fn print_outage(site: &outage::Site, outcome: &outage::Outcome) {
    let name = format!(
        "{} services, {} {} every {} s, {} targets",
        site.services, site.probes, site.kind, site.interval, site.targets
    );
    println!(
        "{name:<40} {:>7} {:>6.1} {:>6.2}-{:>6.2} {:>6.2}-{:>6.2} {:>7.2} {:>7.2} {:>6.1} {:>6.1} {:>5} {:>5} {:>7.1}",
        outcome.enabled,
        site.bound(),
        outcome.decided.0,
        outcome.decided.1,
        outcome.enabling.0,
        outcome.enabling.1,
        outcome.enabling.1 / site.bound(),
        outcome.exported,
        outcome.idle,
        outcome.busy,
        outcome.stalls,
        outcome.lost,
        outcome.memory
    );
}

fn large_site() -> Result<()> {
    println!(
        "{SERVICES} services with {} probes, a check of each every second",
        SERVICES * PROBES
    );
    let base = Path::new(isolate::BASE).join("scale");
    std::fs::create_dir_all(&base)?;
    Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
    let target = TcpListener::bind("127.0.0.1:0")?;
    let port = target.local_addr()?.port();
    std::thread::spawn(move || target.incoming().for_each(drop));
    let file = base.join("falconer.toml");
    std::fs::write(&file, configuration(&base, port)?)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_falconer"));
    command.arg("run").arg("-c").arg(&file);
    let daemon = Process::start("falconer", &mut command, &base.join("falconer.log"))?;
    let socket = base.join("falconer.sock");
    wait::until_true("answer of Falconer", Duration::from_secs(60), || {
        Ok(get(&socket, "/v1/status").is_ok())
    })?;
    wait::pass(Duration::from_secs(10));
    let before = usage(daemon.id()?)?;
    wait::pass(WATCHED);
    let after = usage(daemon.id()?)?;
    let busy = (after.cpu - before.cpu).as_secs_f64() / WATCHED.as_secs_f64();
    println!(
        "{:<44} {:>8.2} % of a processor",
        "time on the processor",
        busy * 100.0
    );
    println!(
        "{:<44} {:>8.1} MiB\n",
        "resident memory",
        after.resident as f64 / 1024.0
    );
    println!("{:<44} {:>10} {:>10} {:>10}", "", "median", "90 %", "longest");
    row("falconer status, the whole command", || {
        let status = Command::new(env!("CARGO_BIN_EXE_falconer"))
            .args(["status", "-s"])
            .arg(&socket)
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "falconer status: {status}");
        Ok(())
    })?;
    for path in [
        "/v1/status",
        "/v1/services/s007",
        "/v1/events",
        "/v1/ready",
        "/metrics",
    ] {
        row(&format!("GET {path}"), || get(&socket, path).map(drop))?;
    }
    Ok(())
}

fn configuration(base: &Path, port: u16) -> Result<String> {
    let at = base.display();
    let mut text = format!(
        "[site]\nname = \"large\"\nstate_dir = \"{at}/state\"\nrun_dir = \"{at}/run\"\n[bird]\nsocket = \"{at}/bird.ctl\"\n\
         [api]\nsocket = \"{at}/falconer.sock\"\nlisten = \"\"\n[log]\nlevel = \"warn\"\n[[upstream]]\nname = \"isp\"\n"
    );
    for service in 0..SERVICES {
        write!(
            text,
            "[[service]]\nname = \"s{service:03}\"\nrole = \"standby\"\nprefixes = [\"100.64.{service}.0/24\"]\n"
        )?;
        for probe in 0..PROBES {
            write!(
                text,
                "[[service.probe]]\nname = \"p{probe}\"\ntype = \"tcp\"\ntarget = \"127.0.0.1:{port}\"\ninterval = \"1s\"\n"
            )?;
        }
    }
    Ok(text)
}

/// A page of the API; how it is answered is the daemon's business.
fn get(socket: &Path, path: &str) -> Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(
        answer.starts_with("HTTP/1.1 200"),
        "{path}: {}",
        answer.lines().next().unwrap_or_default()
    );
    Ok(answer)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn row(name: &str, ask: impl Fn() -> Result<()>) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let began = Instant::now();
        ask().with_context(|| name.to_owned())?;
        times.push(began.elapsed());
        wait::pass(Duration::from_millis(30));
    }
    times.sort();
    let ms = |at: usize| times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    println!(
        "{name:<44} {:>7.1} ms {:>7.1} ms {:>7.1} ms",
        ms(ASKED / 2),
        ms(ASKED * 9 / 10),
        ms(ASKED - 1)
    );
    Ok(())
}

fn crowded_failover(pairs: u32) -> Result<()> {
    // Without the hostile servers the checks of their service are refused.
    let settings = Settings::standby()
        .cadence(Cadence::SLOW)
        .service("failback_delay = \"1s\"\nflap_limit = 1000")
        .more(&hostile::service());
    let (lab, falconer) = Lab::stand_by(&Plan::with(Flavour::Bird), &settings)?;
    let client = lab.client(SERVICE4);
    let id = falconer.process()?.id()?;
    let socket = lab.run_dir(Host::Hk).join("falconer.sock");
    let before = usage(id)?.resident;
    let (mut alone, mut crowded) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        let phase = Duration::from_secs(5) * (2 * pair + 1) / (2 * pairs);
        let cut = || measure::power_cut(&lab, &falconer, &client, phase, Duration::from_secs(5));
        let without = cut()?;
        let _crowd = Crowd::gather(&lab.namespace(Host::Hk), &socket, "127.0.0.1:9180".parse()?)?;
        let _hostile = Hostile::gather(&lab.namespace(Host::Client))?;
        let with = cut()?;
        println!(
            "pair {pair}: {:.3} s alone, {:.3} s in the crowd; from the first failed check {:.3} s and {:.3} s",
            without.announced.as_secs_f64(),
            with.announced.as_secs_f64(),
            without.doubted.as_secs_f64(),
            with.doubted.as_secs_f64()
        );
        alone.push(without);
        crowded.push(with);
    }
    println!(
        "\na cut with and without {} slow and broken clients on the API and {} hostile targets, {pairs} pairs",
        falconer_lab::crowd::CLIENTS,
        hostile::TARGETS
    );
    println!("{:<44} {:>10} {:>10}", "median", "alone", "in the crowd");
    compare("cut to UPDATE at the upstream", &alone, &crowded, |cut| {
        cut.announced
    });
    compare("first failed check to UPDATE", &alone, &crowded, |cut| {
        cut.doubted
    });
    compare("decision to UPDATE", &alone, &crowded, |cut| cut.decision);
    println!("{:<44} {:>8.1} MiB", "memory before", before as f64 / 1024.0);
    println!(
        "{:<44} {:>8.1} MiB",
        "memory after",
        usage(id)?.resident as f64 / 1024.0
    );
    Ok(())
}

fn compare(name: &str, alone: &[Cut], crowded: &[Cut], time: impl Fn(&Cut) -> Duration) {
    let middle = |cuts: &[Cut]| median(cuts.iter().map(&time)).as_secs_f64();
    let (alone, crowded) = (middle(alone), middle(crowded));
    println!(
        "{name:<44} {alone:>8.3} s {crowded:>8.3} s {:>+8.1} %",
        (crowded / alone - 1.0) * 100.0
    );
}
