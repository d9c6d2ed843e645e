//! The demonstration: three sites, a dead primary, a takeover and a failback, told as they happen and
//! judged by the upstream's own table; at the end, what clients in three networks saw. It is a program
//! and, when a test runner asks, a test. What the lab is stands in `lab`; what Falconer does, in Falconer.
//!
//! Without arguments everything lives in namespaces of its own and is gone at the end. `--keep` makes
//! the lab in the host's namespaces and leaves it; `--cut` and `--heal` play with one that was left.

#[path = "demo/networks.rs"]
mod networks;
#[path = "demo/story.rs"]
mod story;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anstream::println;
use anyhow::{Context, Result, ensure};
use falconer::model::snapshot::{Snapshot, StageTimes, Strength};

use falconer_lab::{
    Cadence, Falconer, Flavour, Host, Lab, PREFIX4, PREFIX6, Plan, SERVICE4, Settings, faults, http, isolate,
    netns::Netns, wait,
};
use story::{Story, bold, dim, good, seconds};

/// What test runners call it.
const NAME: &str = "the_demo_shows_takeover_and_failback";
/// In front of the namespaces that `--keep` leaves.
const KEPT: &str = "falconer-";
/// Where their files are.
const KEPT_BASE: &str = "/run/falconer-demo";
/// The longest that each act may take.
const ACT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    http::serve_if_asked();
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            println!("\n{} {error:#}", story::bad("The demo failed:"));
            isolate::print_logs(isolate::BASE.as_ref());
            isolate::print_logs(KEPT_BASE.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--list") {
        if !has("--ignored") {
            println!("{NAME}: test");
        }
        return Ok(ExitCode::SUCCESS);
    }
    if filtered_out(arguments) {
        return Ok(ExitCode::SUCCESS);
    }
    let (isp, cn) = (Netns::of(KEPT, Host::Isp), Netns::of(KEPT, Host::Cn));
    if has("--cut") {
        faults::silence(&isp, &cn, Host::Cn)?;
        println!("cn lost its power.");
    } else if has("--heal") {
        faults::heal(&isp, &cn, Host::Cn)?;
        println!("cn has its power back.");
    } else if has("--keep") {
        let plan = Plan {
            upstream: Flavour::Frr,
            prefix: KEPT.to_owned(),
            base: PathBuf::from(KEPT_BASE),
            ..Plan::default()
        };
        let (lab, falconer) = perform(&plan)?;
        lab.let_go();
        falconer.let_go();
        invite();
    } else {
        return isolate::isolated_program(|| {
            let networks = networks::prepare();
            perform(&Plan::with(Flavour::Frr))?;
            networks::perform(networks)
        })
        .map(ExitCode::from);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the test runner's arguments leave this test out: a name that is not in ours, or `--skip` with one that is.
fn filtered_out(arguments: &[String]) -> bool {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let ours = |name: &str| NAME.contains(name);
        let out = match argument.as_str() {
            "--skip" => arguments.next().is_some_and(|name| ours(name)),
            flag if flag.starts_with("--") => false,
            name => !ours(name),
        };
        if out {
            return true;
        }
    }
    false
}

/// When each stage was reached, and when the upstream had an UPDATE of each family.
fn print_stages(cut: SystemTime, taken: &StageTimes, updates: [SystemTime; 2]) {
    println!("\n{}", bold("Stage times, from the cut"));
    let stage = |name: &str, at: Option<SystemTime>| {
        let at = at.map_or_else(|| "-".to_owned(), |at| seconds(wait::between(cut, at)));
        println!("  {name:<44} {at:>9}");
    };
    let time = |at: Option<jiff::Timestamp>| at.map(SystemTime::from);
    stage("first failed check began", time(taken.first_fail));
    stage("verdict: down", time(taken.verdict));
    stage("first UPDATE at the upstream", updates.iter().min().copied());
    // A stage is reached when the last of the two protocols has reached it, so it is the last UPDATE that follows it.
    stage("last enable sent to BIRD", time(taken.enable_sent));
    stage("last enable answered by BIRD", time(taken.enable_answered));
    stage("last UPDATE at the upstream", updates.iter().max().copied());
    stage("export seen and verified", time(taken.exported));
}

/// The three acts.
fn perform(plan: &Plan) -> Result<(Lab, Falconer)> {
    println!("{}", dim("Bringing up three sites in network namespaces ..."));
    let settings = Settings::standby()
        .cadence(Cadence::SLOW)
        .service("failback_delay = \"3s\"\nup_when = \"all\"");
    let (lab, falconer) = Lab::stand_by(plan, &settings)?;
    introduce(&lab, &falconer.status()?)?;
    let client = lab.client(SERVICE4);
    client.answered_by("cn", UNIX_EPOCH, ACT)?;

    let mut story = Story::new(&lab, &falconer, &client)?;
    let mark = lab.capture.mark()?;
    story.act("The primary loses its power: silence, and no carrier lost");
    let cut = lab.power_cut(Host::Cn)?;
    story.begin(cut);
    story.tell_until("takeover", ACT, |story| {
        story.sites() == [Host::Hk] && story.served_by("hk", cut)
    })?;
    let announced4 = lab.capture.announced(Host::Hk, PREFIX4, mark, ACT)?;
    let announced6 = lab.capture.announced(Host::Hk, PREFIX6, mark, ACT)?;
    let stages = falconer.until_actual(Strength::Full, ACT)?;
    falconer.until("verified announcement", ACT, |service| {
        service.verified_at.is_some()
    })?;
    let outage = client.outage(cut)?;

    let mark = lab.capture.mark()?;
    story.act("The primary has its power back");
    let back = lab.power_back(Host::Cn)?;
    story.begin(back);
    story.tell_until("failback", ACT, |story| {
        story.sites() == [Host::Cn] && story.served_by("cn", back)
    })?;
    let withdrawn = lab.capture.withdrawn(Host::Hk, PREFIX4, mark, ACT)?;
    lab.capture.withdrawn(Host::Hk, PREFIX6, mark, ACT)?;
    let served = client.answered_by("cn", back, ACT)?;
    let lost = client.failures(served.at).len();

    let taken = stages
        .transition
        .map(|transition| transition.stages)
        .unwrap_or_default();
    print_stages(cut, &taken, [announced4.at, announced6.at]);
    println!("  {:<44} {:>9}", "the client's outage", seconds(outage));
    println!("\n{}", bold("And back, from the return of power"));
    println!(
        "  {:<44} {:>9}",
        "withdrawal at the upstream",
        seconds(wait::between(back, withdrawn.at))
    );
    println!(
        "  {:<44} {lost:>9}",
        "fetches that the client lost on the way back"
    );
    ensure!(lost == 0, "the client lost {lost} fetches during the failback");
    println!(
        "\n{}",
        good("Taken over and given back: the upstream's table and the client agree.")
    );
    Ok((lab, falconer))
}

/// Who is who.
fn introduce(lab: &Lab, status: &Snapshot) -> Result<()> {
    let bird = lab.standby.birdc("show status")?;
    let bird = bird
        .lines()
        .next()
        .context("BIRD says nothing")?
        .replace(" ready.", "");
    println!(
        "\n{}",
        bold(&format!(
            "Falconer {}: a standby that watches its primary",
            status.version
        ))
    );
    println!("  cn      primary   AS 64502  198.18.0.1    {bird}, announces {PREFIX4}");
    println!("  hk      standby   AS 64501  203.0.113.2   {bird}, and Falconer");
    println!(
        "  isp     upstream  AS 64500  203.0.113.1   {}",
        lab.upstream.version()?
    );
    println!("  client  192.0.2.130, behind the upstream: fetches http://{SERVICE4}/ forty times a second");
    println!("  probes  ping and HTTP to 198.18.0.1, every 5 s, given up after 2 s, followed up after 0.5 s");
    println!("\n{}", bold("The upstream's table"));
    for line in lab
        .upstream
        .table(PREFIX4)?
        .lines()
        .filter(|line| !line.trim().is_empty())
    {
        println!("  {}", dim(line));
    }
    Ok(())
}

/// What one can do with a lab that was left standing.
fn invite() {
    let program = env!("CARGO_BIN_EXE_falconer");
    println!("\n{}", bold("The lab stands. To play with it:"));
    println!("  {program} status -c {KEPT_BASE}/hk/etc/falconer.toml --watch");
    println!("  birdc -s {KEPT_BASE}/hk/bird/bird.ctl show protocols");
    println!("  vtysh --vty_socket {KEPT_BASE}/isp/frr -c 'show bgp ipv4 {PREFIX4}'");
    println!("  ip netns exec {KEPT}client curl http://{SERVICE4}/");
    println!("  scripts/demo --cut     the primary loses its power (--heal gives it back)");
    println!("  scripts/demo --down    takes everything away");
}
