//! What the benchmark measured of the patterns, as docs/patterns.json keeps it, and the table of docs/patterns.md
//! that is made of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::patterns::CASES;
use super::topology::Network;

/// The line before the table in docs/patterns.md.
const BEGIN: &str = "<!-- measured: begin -->\n";
/// The line after it.
const END: &str = "<!-- measured: end -->\n";

/// One run of the benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Falconer's version.
    pub falconer: String,
    /// BIRD's version.
    pub bird: String,
    /// FRR's version, in whose runs it is the primary's ISP.
    pub frr: String,
    /// Every run of every case.
    pub runs: Vec<Run>,
}

/// One power cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What is announced.
    pub announced: String,
    /// How the primary's ISP notices.
    pub noticed: String,
    /// The BGP of the primary's ISP.
    pub isp_a: String,
    /// Seconds from a check of the standby's first probe to the power cut.
    pub cut_after_check_s: f64,
    /// By the name of the network that the client is in.
    pub clients: BTreeMap<String, ClientRun>,
}

/// What one client saw of one power cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientRun {
    /// How many fetches each site answered before the power cut.
    pub before: BTreeMap<String, usize>,
    /// How many fetches each site answered after it.
    pub after: BTreeMap<String, usize>,
    /// Seconds without service after it.
    pub without_service_s: f64,
    /// The longest time without service.
    pub longest_gap_s: f64,
    /// Fetches that failed after it.
    pub failed_fetches: usize,
}

impl Record {
    /// The table of docs/patterns.md: a row a case, with the worst of its runs for each client.
    pub fn table(&self) -> Result<String> {
        let mut table = String::from(
            "| what is announced | how the primary's ISP notices | clients of the primary's ISP | clients of the standby's ISP | the rest |\n\
             |---|---|---|---|---|\n",
        );
        for case in CASES {
            let of_case = |run: &&Run| run.announced == case.announced && run.noticed == case.noticed;
            let runs: Vec<_> = self.runs.iter().filter(of_case).collect();
            let _ = write!(table, "| {} | {} |", case.announced, case.noticed);
            for network in Network::ALL {
                let clients = runs.iter().filter_map(|run| run.clients.get(network.name()));
                let cell = cell(&clients.collect::<Vec<_>>())
                    .with_context(|| format!("no run of: {}, {}", case.announced, case.noticed))?;
                let _ = write!(table, " {cell} |");
            }
            table.push('\n');
        }
        Ok(table)
    }

    /// The page with the table in the place of the one that it has.
    pub fn into_page(&self, page: &str) -> Result<String> {
        let (before, rest) = page.split_once(BEGIN).context("the page has no table's begin")?;
        let (_, after) = rest.split_once(END).context("the page has no table's end")?;
        Ok(format!("{before}{BEGIN}{}{END}{after}", self.table()?))
    }
}

/// The worst of the runs; `None` without one.
fn cell(runs: &[&ClientRun]) -> Option<String> {
    let worst = runs.iter().map(|run| run.without_service_s).reduce(f64::max)?;
    let at_the_standby = runs.iter().any(|run| run.before.contains_key("hk"));
    let where_else = if at_the_standby {
        ", and at the standby all the time"
    } else {
        ""
    };
    Some(format!("{worst:.1} s{where_else}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/patterns.md");
    const MEASURED: &str = include_str!("../../../../docs/patterns.json");

    #[test]
    fn the_page_has_the_table_that_was_measured_last() {
        let record: Record = serde_json::from_str(MEASURED).expect("docs/patterns.json is a record");
        let page = record.into_page(PAGE).expect("every case was measured");
        assert_eq!(PAGE, page, "scripts/bench writes the table");
    }
}
