//! Few open files and many probes that take one each: what is steered, kept and served does not run out of them.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use falconer::model::snapshot::{ProbeState, Strength};
use falconer_lab::netns::Netns;
use falconer_lab::{Cadence, Falconer, Flavour, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, isolated, wait};

/// The hard limit.
const OPEN_FILES: u32 = 1024;
/// Beside the lab's own service, which has two probes.
const SERVICES: usize = 100;
/// What each of them has, which makes 800.
const PROBES: usize = 8;
/// What may be asked of a takeover by D1, with SLOW's cadence: interval + timeout + 2 x retry_interval, which
/// is stretched to 2 s so that all checks fit; and half a second.
const BOUND: Duration = Duration::from_millis(11_500);
/// With the HTTP probe there is one check more than the 800 descriptors that checks may have. When all are
/// silent at once, one at a time is not made, which is an error, and made again after retry_interval.
const MADE_AGAIN: Duration = Duration::from_secs(4);
/// How long anything else may take.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn d1_eight_hundred_silent_tcp_targets_at_a_limit_of_1024_open_files_stop_no_takeover() {
    isolated(|| {
        let settings = Settings::standby()
            .cadence(Cadence::SLOW)
            .more(&many())
            .open_files(OPEN_FILES);
        let (lab, falconer) = Lab::stand_by(&Plan::with(Flavour::Bird), &settings)?;
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", falconer.process()?.id()?))?;
        let limit = limits.lines().find(|line| line.starts_with("Max open files"));
        let limit = limit.context("a limit of open files")?;
        ensure!(limit.matches("1024").count() == 2, "{limit}");
        until_all(&falconer, ProbeState::Up)?;

        let mark = lab.capture.mark()?;
        let cut = lab.power_cut(Host::Cn)?;
        let announced = |prefix: &str| {
            let seen = lab.capture.announced(Host::Hk, prefix, mark, SOON)?;
            anyhow::Ok(wait::between(cut, seen.at))
        };
        let own = announced(PREFIX4)?.max(announced(PREFIX6)?);
        let many = (0..SERVICES).map(|service| announced(&prefix(service)));
        let last = many.collect::<Result<Vec<_>>>()?.into_iter().max();
        println!(
            "announced after {own:?}, the last after {last:?}; {}",
            descriptors(&falconer)?
        );
        ensure!(own < BOUND, "late: {own:?}");
        ensure!(last < Some(BOUND + MADE_AGAIN), "late: {last:?}");
        falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;

        // All of them stay silent, and everything else finds its file all the same.
        until_all(&falconer, ProbeState::Down)?;
        let state_file = lab.run_dir(Host::Hk).join("bird/web_v4.conf");
        let kept = std::fs::read_to_string(&state_file)?;
        ensure!(kept.contains("disabled no;"), "{}: {kept}", state_file.display());
        falconer.must(&["freeze", "web", "--for", "1h", "--reason", "test"])?;
        falconer.must(&["auto", "web"])?;
        let answer = served(&lab.namespace(Host::Hk))?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "over TCP: {answer}");

        lab.power_back(Host::Cn)?;
        falconer.until_actual(Strength::Off, SOON)?;
        println!("at the end: {}", descriptors(&falconer)?);
        Ok(())
    });
}

/// Services that many tcp probes decide.
fn many() -> String {
    let mut text = String::new();
    for service in 0..SERVICES {
        let _ = write!(
            text,
            "[[service]]\nname = \"many{service}\"\nrole = \"standby\"\nprefixes = [\"{}\"]\n",
            prefix(service)
        );
        for probe in 0..PROBES {
            let _ = write!(
                text,
                "[[service.probe]]\nname = \"tcp{probe}\"\ntype = \"tcp\"\ntarget = \"198.18.0.1:80\"\n\
                 interval = \"5s\"\ntimeout = \"2s\"\nretry_interval = \"500ms\"\nfall = 3\nrise = 2\n"
            );
        }
    }
    text
}

fn prefix(service: usize) -> String {
    format!("100.64.{service}.0/24")
}

fn until_all(falconer: &Falconer, state: ProbeState) -> Result<()> {
    wait::until_true(&format!("every probe {state:?}"), SOON, || {
        // Such an answer is long; it is not asked for more often than anybody would.
        wait::pass(Duration::from_millis(500));
        let services = falconer.status()?.services;
        Ok(services
            .iter()
            .flat_map(|service| &service.probes)
            .all(|probe| probe.state == state))
    })
}

/// What the metrics say of the checks' descriptors.
fn descriptors(falconer: &Falconer) -> Result<String> {
    let metrics = falconer.get("/metrics")?;
    let lines = metrics.lines();
    let of_probes: Vec<_> = lines
        .filter(|line| line.starts_with("falconer_probe_descriptors"))
        .collect();
    Ok(of_probes.join(", "))
}

/// `/announced` over TCP.
fn served(namespace: &Netns) -> Result<String> {
    namespace.inside(|| {
        let mut stream = TcpStream::connect("127.0.0.1:9180")?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(
            b"GET /v1/services/web/announced HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    })
}
