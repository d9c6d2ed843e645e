//! The finer rules of deciding, seen from the upstream: latch, overrides, drain, and what the primary says of
//! itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{AlarmCode, OverrideAction, ProbeState, Strength, Verdict};

use falconer_lab::{
    BirdConf, Falconer, Host, Lab, PREFIX4, PREFIX6, Plan, SERVICE4, Settings, isolated, wait,
};

const SOON: Duration = Duration::from_secs(20);
/// NO_LLGR (RFC 9494), which is on everything that is announced.
const NO_LLGR: (u16, u16) = (65535, 7);
/// A probe of what the primary says of its own announcement.
const PRIMARY_SAYS: &str = "name = \"announced\"\ntype = \"http\"\n\
    url = \"http://198.18.0.1:9180/v1/services/web/announced\"\non_no_answer = \"error\"\n\
    error_status = [\"300-502\", \"504-599\"]\nvotes = \"up\"\ndecides = \"down\"";

/// A cut that is taken over.
fn cut(lab: &Lab) -> Result<SystemTime> {
    let mark = lab.capture.mark()?;
    let at = lab.power_cut(Host::Cn)?;
    lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
    lab.upstream.until_sites(PREFIX4, &[Host::Hk], SOON)?;
    Ok(at)
}

/// A recovery that is given back.
fn recover(lab: &Lab, falconer: &Falconer) -> Result<()> {
    let mark = lab.capture.mark()?;
    lab.power_back(Host::Cn)?;
    lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
    falconer.until_actual(Strength::Off, SOON)?;
    lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)
}

/// How many entries of its history are such an event, by `falconer history --json`.
pub(super) fn recorded(falconer: &Falconer, event: &str) -> Result<usize> {
    let history = falconer.must(&["history", "--json", "-n", "1000000"])?;
    let entries = history.lines().map(serde_json::from_str::<serde_json::Value>);
    let entries = entries.collect::<Result<Vec<_>, _>>().context("lines of JSON")?;
    Ok(entries.iter().filter(|entry| entry["event"] == event).count())
}

/// Waits until the verdict is up and has been for longer than `failback_delay`.
fn well_for_long(falconer: &Falconer) -> Result<()> {
    falconer.until_probes(ProbeState::Up, SOON)?;
    let since = wait::now() + Duration::from_millis(1500);
    falconer.until_checked(since, SOON)?;
    falconer
        .until("verdict up", SOON, |service| service.verdict == Verdict::Up)
        .map(drop)
}

#[test]
fn d9_the_third_takeover_latches_until_an_operator_releases_it() {
    isolated(|| {
        let (lab, mut falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        for _ in 0..2 {
            cut(&lab)?;
            recover(&lab, &falconer)?;
        }
        cut(&lab)?;
        falconer.until("latch", SOON, |service| {
            service.latched && service.verified_at.is_some()
        })?;
        ensure!(recorded(&falconer, "latched")? == 1, "the third takeover latches");
        let mark = lab.capture.mark()?;
        for start_again in [true, false] {
            lab.power_back(Host::Cn)?;
            well_for_long(&falconer)?;
            if start_again {
                falconer.kill()?;
                falconer.start()?;
                well_for_long(&falconer)?;
            }
            let service = falconer.service()?;
            ensure!(
                service.latched && service.actual == Strength::Full,
                "{service:#?}"
            );
            lab.power_cut(Host::Cn)?;
            falconer.until_probes(ProbeState::Down, SOON)?;
            let latches = recorded(&falconer, "latched")?;
            ensure!(latches == 1, "{latches} events of one latch");
        }
        ensure!(recorded(&falconer, "released")? == 0, "nobody released it");
        let latched = falconer
            .status()?
            .alarms
            .iter()
            .filter(|alarm| alarm.code == AlarmCode::Latched)
            .count();
        ensure!(latched == 1, "{latched} alarms of one latch");
        lab.power_back(Host::Cn)?;
        well_for_long(&falconer)?;
        lab.capture.must_be_silent(Host::Hk, mark)?;
        falconer.must(&["auto", "web"])?;
        lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
        falconer.until("end of the latch", SOON, |service| !service.latched)?;
        let told = (recorded(&falconer, "latched")?, recorded(&falconer, "released")?);
        ensure!(told == (1, 1), "latched and released: {told:?}");
        Ok(())
    });
}

#[test]
fn d11_a_withdrawal_by_an_operator_holds_survives_a_restart_and_ends_by_itself() {
    isolated(|| {
        let (lab, mut falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        cut(&lab)?;
        falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
        let mark = lab.capture.mark()?;
        falconer.must(&["withdraw", "web", "--for", "20s", "--reason", "maintenance"])?;
        let asked = wait::now();
        lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
        lab.capture.withdrawn(Host::Hk, PREFIX6, mark, SOON)?;
        let mark = lab.capture.mark()?;
        falconer.kill()?;
        falconer.start()?;
        falconer.until_probes(ProbeState::Down, SOON)?;
        let service = falconer.service()?;
        let word = service.overridden.as_ref().context("the override survived")?;
        ensure!(
            word.action == OverrideAction::Withdraw && word.reason.as_deref() == Some("maintenance"),
            "{word:?}"
        );
        ensure!(word.actor == "root", "{word:?}");
        let until = SystemTime::from(word.until.context("it ends")?);
        ensure!(wait::between(asked, until) > Duration::from_secs(18), "{word:?}");
        lab.capture.must_be_silent(Host::Hk, mark)?;
        let seen = lab
            .capture
            .announced(Host::Hk, PREFIX4, mark, Duration::from_secs(30))?;
        let late = wait::between(until, seen.at);
        ensure!(
            seen.at >= until && late < Duration::from_secs(1),
            "announced {late:?} after its end"
        );
        ensure!(falconer.service()?.overridden.is_none(), "it ended");
        Ok(())
    });
}

#[test]
fn d8_drain_is_the_same_prefix_as_a_last_resort_and_then_silence_rendered() {
    isolated(|| drain(BirdConf::Rendered));
}

#[test]
fn d8_drain_is_the_same_prefix_as_a_last_resort_and_then_silence_attached() {
    isolated(|| drain(BirdConf::Attached));
}

fn drain(bird_conf: BirdConf) -> Result<()> {
    let keys = "failback_delay = \"1s\"\nfailback_drain = \"3s\"";
    let (lab, falconer) = Lab::stand_by(
        &Plan::default(),
        &Settings::standby().bird_conf(bird_conf).service(keys),
    )?;
    let client = lab.client(SERVICE4);
    let at = cut(&lab)?;
    client.answered_by("hk", at, SOON)?;
    falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
    let mark = lab.capture.mark()?;
    let back = lab.power_back(Host::Cn)?;
    lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
    lab.capture.withdrawn(Host::Hk, PREFIX6, mark, SOON)?;
    for prefix in [PREFIX4, PREFIX6] {
        let updates: Vec<_> = lab.capture.updates(Host::Hk, mark)?;
        let of_prefix: Vec<_> = updates
            .iter()
            .filter(|seen| seen.update.announces(prefix) || seen.update.withdraws(prefix))
            .collect();
        let [drained, silent] = of_prefix.as_slice() else {
            anyhow::bail!("drain and then silence, and nothing else: {of_prefix:#?}");
        };
        ensure!(drained.update.announces(prefix), "no gap: {of_prefix:#?}");
        ensure!(
            drained.update.communities.contains(&(65535, 0)),
            "GRACEFUL_SHUTDOWN: {drained:#?}"
        );
        ensure!(drained.update.as_path.len() > 1, "prepended: {drained:#?}");
        let drained_for = wait::between(drained.at, silent.at);
        ensure!(
            drained_for > Duration::from_millis(2900),
            "drained for {drained_for:?}"
        );
    }
    let served = client.answered_by("cn", back, SOON)?;
    ensure!(client.failures(served.at).is_empty(), "the way back has no gap");
    ensure!(
        client.failures(back).len() < 40,
        "served until the primary was there"
    );
    Ok(())
}

#[test]
fn d7_a_relapse_during_the_drain_is_back_at_full_at_once() {
    isolated(|| {
        let keys = "failback_delay = \"1s\"\nfailback_drain = \"30s\"";
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby().service(keys))?;
        cut(&lab)?;
        lab.power_back(Host::Cn)?;
        falconer.until_actual(Strength::Drain, SOON)?;
        let mark = lab.capture.mark()?;
        let relapse = lab.power_cut(Host::Cn)?;
        let seen = lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
        ensure!(seen.update.communities == [NO_LLGR], "at full: {seen:#?}");
        ensure!(
            wait::between(relapse, seen.at) < Duration::from_secs(3),
            "at once"
        );
        falconer.until_actual(Strength::Full, SOON).map(drop)
    });
}

#[test]
fn d7_a_relapse_during_failback_delay_is_not_seen_at_all() {
    isolated(|| {
        let settings = Settings::standby().service("failback_delay = \"5s\"");
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &settings)?;
        cut(&lab)?;
        let mark = lab.capture.mark()?;
        lab.power_back(Host::Cn)?;
        falconer.until_probes(ProbeState::Up, SOON)?;
        lab.power_cut(Host::Cn)?;
        falconer.until("long row of fails", SOON, |service| {
            service
                .probes
                .iter()
                .all(|probe| probe.state == ProbeState::Down && probe.streak >= 15)
        })?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}

#[test]
fn d3_a_service_that_died_on_a_living_primary_moves_by_the_primarys_word_rendered() {
    isolated(|| dead_service(BirdConf::Rendered));
}

#[test]
fn d3_a_service_that_died_on_a_living_primary_moves_by_the_primarys_word_attached() {
    isolated(|| dead_service(BirdConf::Attached));
}

/// The primary withdraws, its standby sees that it did, and the client is served.
fn dead_service(bird_conf: BirdConf) -> Result<()> {
    let plan = Plan {
        primary: Some(Settings::primary().bird_conf(bird_conf)),
        ..Plan::default()
    };
    let settings = Settings::standby().bird_conf(bird_conf).more_probe(PRIMARY_SAYS);
    let (mut lab, falconer) = Lab::stand_by(&plan, &settings)?;
    let client = lab.client(SERVICE4);
    client.answered_by("cn", UNIX_EPOCH, SOON)?;
    let mark = lab.capture.mark()?;
    let died = lab.kill_service(Host::Cn)?;
    lab.capture.withdrawn(Host::Cn, PREFIX4, mark, SOON)?;
    lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
    lab.capture.announced(Host::Hk, PREFIX6, mark, SOON)?;
    client.answered_by("hk", died, SOON)?;
    let service = falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
    ensure!(
        service.probes[0].state == ProbeState::Up,
        "the host lives: {service:#?}"
    );

    let mark = lab.capture.mark()?;
    lab.start_service(Host::Cn)?;
    lab.capture.announced(Host::Cn, PREFIX4, mark, SOON)?;
    let back = wait::now();
    lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
    let served = client.answered_by("cn", back, SOON)?;
    ensure!(client.failures(served.at).is_empty(), "the way back has no gap");
    lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)
}

#[test]
fn d3_a_withdrawn_route_of_a_living_primary_is_seen_in_birds_own_table_rendered() {
    isolated(|| withdrawn_route(BirdConf::Rendered));
}

#[test]
fn d3_a_withdrawn_route_of_a_living_primary_is_seen_in_birds_own_table_attached() {
    isolated(|| withdrawn_route(BirdConf::Attached));
}

/// The primary's BIRD withdraws while host and service live: seen in BIRD's table, taken over, and given
/// back when the route is there again.
fn withdrawn_route(bird_conf: BirdConf) -> Result<()> {
    let route = format!(
        "name = \"route\"\ntype = \"bird-route\"\nprefix = \"{PREFIX4}\"\norigin_as = 64502\n\
         votes = \"failback\"\ndecides = \"down\""
    );
    let settings = Settings::standby()
        .bird_conf(bird_conf)
        .upstream("import = \"services\"")
        .more_probe(&route);
    let (lab, falconer) = Lab::stand_by(&Plan::default(), &settings)?;
    let client = lab.client(SERVICE4);
    client.answered_by("cn", UNIX_EPOCH, SOON)?;
    let mark = lab.capture.mark()?;
    let gone = wait::now();
    for protocol in ["web_v4", "web_v6"] {
        lab.primary.birdc(&format!("disable {protocol}"))?;
    }
    lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
    client.answered_by("hk", gone, SOON)?;
    falconer.until("verified takeover", SOON, |service| service.verified_at.is_some())?;
    let mark = lab.capture.mark()?;
    for protocol in ["web_v4", "web_v6"] {
        lab.primary.birdc(&format!("enable {protocol}"))?;
    }
    lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
    lab.upstream.until_sites(PREFIX4, &[Host::Cn], SOON)
}

#[test]
fn d3_failback_waits_for_the_primarys_own_route() {
    isolated(|| {
        let route = format!(
            "name = \"route\"\ntype = \"bird-route\"\nprefix = \"{PREFIX4}\"\norigin_as = 64502\nvotes = \"failback\""
        );
        let settings = Settings::standby()
            .upstream("import = \"services\"")
            .more_probe(&route);
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &settings)?;
        let client = lab.client(SERVICE4);
        let at = cut(&lab)?;
        client.answered_by("hk", at, SOON)?;
        let mark = lab.capture.mark()?;
        for session in ["isp_upstream", "isp_upstream6"] {
            lab.primary.birdc(&format!("disable {session}"))?;
        }
        let back = lab.power_back(Host::Cn)?;
        falconer.until("ping and HTTP up for long", SOON, |service| {
            service.probes[..2]
                .iter()
                .all(|probe| probe.state == ProbeState::Up && probe.streak >= 10)
        })?;
        let waits = falconer.until("a drain that waits for the route", SOON, |service| {
            service.want == Some(Strength::Drain) && service.rule == "D8"
        })?;
        ensure!(waits.reason.contains("route"), "{}", waits.reason);
        for session in ["isp_upstream", "isp_upstream6"] {
            lab.primary.birdc(&format!("enable {session}"))?;
        }
        lab.capture.withdrawn(Host::Hk, PREFIX4, mark, SOON)?;
        client.answered_by("cn", back, SOON)?;
        // A connection that is under way when the route moves is reset by the site that knows nothing
        // of it: one, and none after it.
        ensure!(
            client.failures(back).len() <= 1,
            "served all along: {:?}",
            client.failures(back)
        );
        Ok(())
    });
}

/// Up or down by the BFD session with the primary alone.
const BFD: &str = "name = \"bfd\"\ntype = \"bird-protocol\"\nbfd = \"198.18.0.1\"\n\
    interval = \"50ms\"\ntimeout = \"50ms\"\nfall = 1\nrise = 2\ndecides = \"down\"\n";
/// The session that brings BFD, where bird.conf is rendered.
const BFD_PEER: &str = "[[peer]]\nname = \"other_site\"\nneighbor = \"198.18.0.1\"\nneighbor_as = 64502\n\
    source = \"203.0.113.2\"\nmultihop = 4\nbfd = { interval = \"100ms\", multiplier = 3 }\n";

#[test]
fn d3_a_death_that_bfd_detects_is_announced_within_a_second_attached() {
    isolated(|| detected_by_bfd(Settings::standby().bird_conf(BirdConf::Attached)));
}

#[test]
fn d3_a_death_that_bfd_detects_is_announced_within_a_second_rendered() {
    isolated(|| detected_by_bfd(Settings::standby().more(BFD_PEER)));
}

fn detected_by_bfd(settings: Settings) -> Result<()> {
    let plan = Plan {
        bfd: true,
        ..Plan::default()
    };
    let (lab, _falconer) = Lab::stand_by(&plan, &settings.more_probe(BFD))?;
    let mark = lab.capture.mark()?;
    let cut = lab.power_cut(Host::Cn)?;
    let seen = lab.capture.announced(Host::Hk, PREFIX4, mark, SOON)?;
    let took = wait::between(cut, seen.at);
    ensure!(took < Duration::from_secs(1), "announced {took:?} after the cut");
    Ok(())
}

#[test]
fn d3_bird_restarted_at_a_standby_that_listens_to_bfd_is_no_takeover() {
    isolated(|| {
        let plan = Plan {
            bfd: true,
            ..Plan::default()
        };
        let settings = Settings::standby().bird_conf(BirdConf::Attached).more_probe(BFD);
        let (mut lab, falconer) = Lab::stand_by(&plan, &settings)?;
        let mark = lab.capture.mark()?;
        lab.standby.kill()?;
        lab.standby.start()?;
        lab.until_sessions(Host::Hk)?;
        falconer.until_probes(ProbeState::Up, SOON)?;
        lab.capture.must_be_silent(Host::Hk, mark)
    });
}
