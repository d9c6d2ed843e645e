//! What a failover costs, in the lab: from the cut to the UPDATE at the upstream, from the decision to the
//! UPDATE, the client's outage; and what Falconer takes of the machine while nothing happens. It prints
//! numbers and judges nothing.
//!
//! `FALCONER_BENCH_CUTS` says how many cuts there are, ten unless given.

use std::process::ExitCode;
use std::time::Duration;

use anstream::println;
use anyhow::{Context, Result};

use falconer_lab::measure::{self, Cut, longest, median};
use falconer_lab::{Cadence, Flavour, Lab, Plan, SERVICE4, Settings, http, isolate, wait};

/// How long the idle daemon is looked at.
const IDLE: Duration = Duration::from_secs(20);

/// Median seconds from the cut to the UPDATE of others, at the same cadence and in a lab like this one.
const OTHERS: [(&str, f64); 5] = [
    ("Keepalived, notify scripts and a kernel route", 17.1),
    ("Keepalived, tuned, calling birdc", 13.4),
    ("ExaBGP 5.0 healthcheck", 15.2),
    ("anycast-healthchecker 0.9", 13.2),
    ("birdwatcher 1.0", 13.2),
];

fn main() -> ExitCode {
    http::serve_if_asked();
    let other = std::env::var("FALCONER_BENCH_ONLY").is_ok_and(|only| !only.is_empty());
    if other || std::env::args().any(|argument| argument == "--list") {
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
    let cuts = std::env::var("FALCONER_BENCH_CUTS").map_or(Ok(10), |cuts| cuts.parse())?;
    let settings = Settings::standby()
        .cadence(Cadence::SLOW)
        .service("failback_delay = \"1s\"\nflap_limit = 1000");
    let (lab, falconer) = Lab::stand_by(&Plan::with(Flavour::Bird), &settings)?;
    println!(
        "ping and HTTP every 5 s, given up after 2 s, followed up after 0.5 s; dead after 3, alive after 2"
    );
    println!("bird.conf rendered, IPv4 and IPv6, the upstream's hold timer 3 s; {cuts} cuts\n");

    let id = falconer.process()?.id()?;
    let before = measure::usage(id)?;
    wait::pass(IDLE);
    let after = measure::usage(id)?;
    let busy = (after.cpu - before.cpu).as_secs_f64() / IDLE.as_secs_f64();
    println!(
        "{:<44} {:>8.2} % of a processor",
        "idle: time on the processor",
        busy * 100.0
    );
    println!(
        "{:<44} {:>8.1} MiB\n",
        "idle: resident memory",
        after.resident as f64 / 1024.0
    );

    let client = lab.client(SERVICE4);
    let measured = (0..cuts)
        .map(|cut| {
            // Spread evenly over the cadence.
            let phase = Duration::from_secs(5) * (2 * cut + 1) / (2 * cuts);
            measure::power_cut(&lab, &falconer, &client, phase, Duration::from_secs(5))
                .with_context(|| format!("cut {cut}"))
        })
        .collect::<Result<Vec<_>>>()?;
    println!("{:<44} {:>10} {:>10}", "", "median", "longest");
    row("cut to UPDATE at the upstream", &measured, |cut| cut.announced);
    row("decision to UPDATE at the upstream", &measured, |cut| {
        cut.decision
    });
    row("the client's outage", &measured, |cut| cut.outage);
    row("return of power to withdrawal (1 s delay)", &measured, |cut| {
        cut.withdrawn
    });

    let ours = median(measured.iter().map(|cut| cut.announced)).as_secs_f64();
    println!("\nothers at this cadence, cut to UPDATE, measured once in a lab like this one");
    for (name, theirs) in OTHERS {
        println!("{name:<44} {theirs:>8.1} s {:>8.1} x", theirs / ours);
    }
    Ok(())
}

fn row(name: &str, cuts: &[Cut], time: impl Fn(&Cut) -> Duration) {
    let (middle, most) = (median(cuts.iter().map(&time)), longest(cuts.iter().map(&time)));
    println!(
        "{name:<44} {:>8.3} s {:>8.3} s",
        middle.as_secs_f64(),
        most.as_secs_f64()
    );
}
