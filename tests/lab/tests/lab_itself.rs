//! The lab proves itself, with birdc in the daemon's part: its faults are faults, its observers see them,
//! and its times can be compared.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use falconer_lab::capture::Mark;
use falconer_lab::faults::Loss;
use falconer_lab::netns::Netns;
use falconer_lab::{Flavour, Host, Lab, PREFIX4, PREFIX6, Plan, SERVICE4, SERVICE6, isolated, wait};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn an_enabled_protocol_reaches_the_upstream_and_the_client_bird() {
    isolated(|| takeover_by_hand(Flavour::Bird));
}

#[test]
fn an_enabled_protocol_reaches_the_upstream_and_the_client_frr() {
    isolated(|| takeover_by_hand(Flavour::Frr));
}

/// A power cut, a takeover and a failback, with birdc in the daemon's part.
fn takeover_by_hand(flavour: Flavour) -> Result<()> {
    let lab = Lab::start(&Plan::with(flavour))?;
    let (client4, client6) = (lab.client(SERVICE4), lab.client(SERVICE6));
    for client in [&client4, &client6] {
        client.answered_by("cn", std::time::UNIX_EPOCH, SOON)?;
    }
    lab.capture.must_be_silent(Host::Hk, Mark::START)?;

    let mark = lab.capture.mark()?;
    let cut = lab.power_cut(Host::Cn)?;
    // The upstream's hold timer, 3 s.
    lab.upstream.until_sites(PREFIX4, &[], SOON)?;
    lab.upstream.until_sites(PREFIX6, &[], SOON)?;
    lab.capture.must_be_silent(Host::Hk, mark)?;
    let before = wait::now();
    for protocol in ["web_v4", "web_v6"] {
        lab.standby.birdc(&format!("enable {protocol}"))?;
    }
    let after = wait::now();
    for prefix in [PREFIX4, PREFIX6] {
        let seen = lab.capture.announced(Host::Hk, prefix, mark, SOON)?;
        ensure!(
            seen.at >= before && wait::between(after, seen.at) < Duration::from_millis(500),
            "{seen:?}"
        );
        ensure!(seen.update.as_path == [64501], "{seen:?}");
        lab.upstream.until_sites(prefix, &[Host::Hk], SOON)?;
    }
    for client in [&client4, &client6] {
        client.answered_by("hk", cut, SOON)?;
        let outage = client.outage(cut)?;
        ensure!(
            outage > Duration::from_secs(1) && outage < SOON,
            "the outage was {outage:?}"
        );
    }

    let mark = lab.capture.mark()?;
    let back = lab.power_back(Host::Cn)?;
    for prefix in [PREFIX4, PREFIX6] {
        lab.upstream.until_sites(prefix, &[Host::Cn, Host::Hk], SOON)?;
    }
    let overlap = client4.answered_by("cn", back, SOON)?;
    for protocol in ["web_v4", "web_v6"] {
        lab.standby.birdc(&format!("disable {protocol}"))?;
    }
    for prefix in [PREFIX4, PREFIX6] {
        lab.capture.withdrawn(Host::Hk, prefix, mark, SOON)?;
        lab.upstream.until_sites(prefix, &[Host::Cn], SOON)?;
    }
    ensure!(
        client4.failures(overlap.at).is_empty(),
        "a failback over an overlap has no gap"
    );
    Ok(())
}

#[test]
fn faults_are_what_they_are_called() {
    isolated(|| {
        let mut lab = Lab::start(&Plan::default())?;
        let (standby, client) = (lab.namespace(Host::Hk), lab.namespace(Host::Client));
        let ping = |from: &Netns, to: &str| from.run("ping", &["-c1", "-W1", to]).is_ok();
        let fetch = |from: &Netns, to: &str| http_status(from, to);
        ensure!(
            ping(&standby, "198.18.0.1") && fetch(&standby, "198.18.0.1:80") == "200",
            "all is well"
        );

        lab.lose(Loss::Ping)?;
        ensure!(
            !ping(&standby, "198.18.0.1") && fetch(&standby, "198.18.0.1:80") == "200",
            "only pings"
        );
        lab.find_again(Loss::Ping)?;
        lab.lose(Loss::Tcp)?;
        ensure!(
            ping(&standby, "198.18.0.1") && fetch(&standby, "198.18.0.1:80") == "timed out",
            "only TCP"
        );
        lab.find_again(Loss::Tcp)?;
        lab.lose(Loss::ProbePath)?;
        ensure!(
            !ping(&standby, "198.18.0.1") && ping(&client, "198.18.0.1"),
            "only the standby's path"
        );
        ensure!(ping(&standby, "192.0.2.53"), "the witnesses answer");
        lab.find_again(Loss::ProbePath)?;
        lab.lose(Loss::Witnesses)?;
        ensure!(
            ping(&standby, "198.18.0.1") && !ping(&standby, "192.0.2.54"),
            "only the witnesses"
        );
        lab.find_again(Loss::Witnesses)?;
        lab.lose(Loss::FirstWitness)?;
        ensure!(
            !ping(&standby, "192.0.2.53") && ping(&standby, "192.0.2.54"),
            "only the first witness"
        );
        lab.find_again(Loss::FirstWitness)?;

        lab.answer_with(Host::Cn, Some(503))?;
        ensure!(
            fetch(&standby, "198.18.0.1:80") == "503",
            "an unwell service says so"
        );
        lab.answer_with(Host::Cn, None)?;
        lab.service(Host::Cn)?.signal(Signal::STOP)?;
        ensure!(
            fetch(&standby, "198.18.0.1:80") == "timed out",
            "a hung service accepts and is silent"
        );
        lab.service(Host::Cn)?.signal(Signal::CONT)?;
        lab.kill_service(Host::Cn)?;
        ensure!(
            fetch(&standby, "198.18.0.1:80") == "refused",
            "a dead service refuses"
        );
        ensure!(ping(&standby, "198.18.0.1"), "its host lives");
        lab.start_service(Host::Cn)?;
        ensure!(fetch(&standby, "198.18.0.1:80") == "200", "and back");

        let mark = lab.capture.mark()?;
        lab.unplug(Host::Hk)?;
        ensure!(!ping(&standby, "192.0.2.53"), "unplugged");
        lab.plug_in(Host::Hk)?;
        lab.until_sessions(Host::Hk)?;
        wait::until_true("ping after plugging in", SOON, || {
            Ok(ping(&standby, "192.0.2.53"))
        })?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

/// What a fetch brings: a status, "refused" or "timed out".
fn http_status(from: &Netns, to: &str) -> String {
    let fetched = from.inside(|| {
        let mut connection = TcpStream::connect_timeout(&to.parse()?, Duration::from_millis(500))?;
        connection.set_read_timeout(Some(Duration::from_millis(500)))?;
        connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")?;
        let mut answer = [0; 12];
        connection.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[9..]).into_owned())
    });
    fetched.unwrap_or_else(
        |error| match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            Some(ErrorKind::ConnectionRefused) => "refused".to_owned(),
            Some(ErrorKind::TimedOut | ErrorKind::WouldBlock) => "timed out".to_owned(),
            _ => format!("{error:#}"),
        },
    )
}
