//! What the clients of three networks lose when the primary loses its power, by what is announced and by how the
//! primary's ISP notices. It prints the table of docs/patterns.md and writes it there, with every run in
//! docs/patterns.json. It judges nothing.
//!
//! Each case is measured twice: with BIRD and with FRR at the primary's ISP. `FALCONER_BENCH_ONLY=patterns` leaves
//! out all other benchmarks. `FALCONER_BENCH_CASES`, numbers with commas between them, says which rows are
//! measured; then nothing is written. `FALCONER_BENCH_LABS` says how many cases are measured at once, four unless
//! given: each only waits for most of the time.

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anstream::println;
use anyhow::{Context, Result, ensure};

use falconer_lab::networks::patterns::{CASES, Case};
use falconer_lab::networks::record::{Record, Run};
use falconer_lab::{Flavour, bird, http, isolate, run as output_of};

fn main() -> ExitCode {
    http::serve_if_asked();
    let only = std::env::var("FALCONER_BENCH_ONLY").unwrap_or_default();
    let listed = std::env::args().any(|argument| argument == "--list");
    if listed || !["", "patterns"].contains(&&only[..]) {
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

/// A case that is to be measured.
struct Job {
    number: usize,
    case: Case,
    isp_a: Flavour,
    phase: f64,
}

fn run() -> Result<()> {
    let chosen = std::env::var("FALCONER_BENCH_CASES").unwrap_or_default();
    let labs: usize = std::env::var("FALCONER_BENCH_LABS").map_or(Ok(4), |labs| labs.parse())?;
    let wanted = |number: &usize| chosen.is_empty() || chosen.split(',').any(|it| it == number.to_string());
    println!(
        "a power cut of the primary in three networks; seconds without service, the worse of two runs\n"
    );
    // Those that last longest come first.
    let jobs = [(Flavour::Bird, 0.25), (Flavour::Frr, 0.75)]
        .into_iter()
        .flat_map(|(isp_a, phase)| {
            CASES
                .into_iter()
                .enumerate()
                .map(move |(at, case)| (at + 1, case, isp_a, phase))
        })
        .filter(|(number, ..)| wanted(number))
        .enumerate()
        .map(|(number, (_, case, isp_a, phase))| Job {
            number,
            case,
            isp_a,
            phase,
        });
    let runs = measure_all(jobs.collect(), labs)?;
    let record = Record {
        falconer: env!("CARGO_PKG_VERSION").to_owned(),
        bird: version(&bird::binary().display().to_string())?,
        frr: version("/usr/lib/frr/bgpd")?,
        runs,
    };
    if !chosen.is_empty() {
        return Ok(());
    }
    println!("\n{}", record.table()?);
    write(&record)
}

/// The jobs one after the other, as many at once as there are labs.
fn measure_all(jobs: VecDeque<Job>, labs: usize) -> Result<Vec<Run>> {
    // Taken from and pushed to by the labs' threads.
    let (jobs, runs) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let lab = || -> Result<()> {
            loop {
                let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(job) = next else { return Ok(()) };
                let run = measure(&job)?;
                runs.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((job.number, run));
            }
        };
        let labs: Vec<_> = (0..labs).map(|_| scope.spawn(lab)).collect();
        labs.into_iter().try_for_each(|lab| match lab.join() {
            Ok(outcome) => outcome,
            Err(_) => anyhow::bail!("a lab's thread panicked"),
        })
    })?;
    let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    runs.sort_by_key(|(number, _)| *number);
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

fn measure(job: &Job) -> Result<Run> {
    let Job {
        number,
        case,
        isp_a,
        phase,
    } = job;
    let base = Path::new(isolate::BASE).join(number.to_string());
    std::fs::create_dir_all(&base)?;
    let run = case
        .measure(*isp_a, *phase, &format!("p{number}-"), &base)
        .with_context(|| format!("{}, {}, {isp_a:?}", case.announced, case.noticed))?;
    let lost = run.clients.iter().map(|(network, client)| {
        let by: Vec<_> = client.before.keys().cloned().collect();
        format!(
            "{network} {:.1} (longest {:.1}; before by {})",
            client.without_service_s,
            client.longest_gap_s,
            by.join(", ")
        )
    });
    println!(
        "{} | {} | {isp_a:?}: {}",
        case.announced,
        case.noticed,
        lost.collect::<Vec<_>>().join(", ")
    );
    Ok(run)
}

/// What a program says of its version, in one line: BIRD says it on stderr.
fn version(program: &str) -> Result<String> {
    let said = output_of("sh", &["-c", "\"$1\" --version 2>&1 | head -n 1", "sh", program])?;
    ensure!(!said.trim().is_empty(), "{program} does not say its version");
    Ok(said.trim().to_owned())
}

fn write(record: &Record) -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = docs.join("patterns.md");
    let text = std::fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    std::fs::write(&page, record.into_page(&text)?)?;
    let json = serde_json::to_string_pretty(record)?;
    std::fs::write(docs.join("patterns.json"), json + "\n")?;
    println!("written to docs/patterns.md and docs/patterns.json");
    Ok(())
}
