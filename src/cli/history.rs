//! `falconer history`.

use std::time::Duration;

use clap::Args;
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::client::DaemonClient;
use super::exit::CliError;
use super::output;
use crate::cli::text::told;
use crate::model::history::query::{HistoryQuery, LIMIT};
use crate::model::history::{HistoryEntry, line};

/// How often `--follow` asks for what is new.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shows what happened.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only entries of this service
    service: Option<String>,

    /// The same
    #[arg(
        long = "service",
        value_name = "SERVICE",
        conflicts_with = "service",
        id = "of_service"
    )]
    of_service: Option<String>,

    /// Only entries since then: "2h" ago, "2026-11-22", "2026-11-22 20:45" or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,

    /// How many entries, the latest ones [default: 50, with --since all]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,

    /// Print each entry with its evidence, as a line of JSON
    #[arg(long)]
    json: bool,

    /// Then print new entries as they happen, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
}

impl HistoryArgs {
    /// Prints the latest entries, oldest first.
    pub(crate) fn run(&self, daemon: &DaemonClient) -> Result<(), CliError> {
        let service = self.service.as_ref().or(self.of_service.as_ref());
        if let Some(service) = service {
            daemon.must_have(service)?;
        }
        let mut query = HistoryQuery {
            service: service.cloned(),
            since: self.since,
            ..HistoryQuery::default()
        };
        let entries = self.latest(daemon, &query)?;
        if !self.follow || !entries.is_empty() {
            output::print(self.shown(&entries))?;
        }
        if !self.follow {
            return Ok(());
        }
        let newest = match entries.last() {
            Some(last) => Some(last.seq),
            None => newest(daemon)?,
        };
        query.after = newest.or(Some(0));
        loop {
            pause();
            let entries = daemon.history(&query)?.events;
            if let Some(last) = entries.last() {
                query.after = Some(last.seq);
                output::print(self.shown(&entries))?;
            }
        }
    }

    /// Page by page, back to where it is enough.
    fn latest(&self, daemon: &DaemonClient, query: &HistoryQuery) -> Result<Vec<HistoryEntry>, CliError> {
        let wanted = match (self.lines, self.since) {
            (Some(lines), _) => lines,
            (None, Some(_)) => usize::MAX,
            (None, None) => 50,
        };
        let mut pages: Vec<Vec<HistoryEntry>> = Vec::new();
        let mut found = 0;
        let mut query = query.clone();
        while found < wanted {
            query.limit = (wanted - found).min(LIMIT);
            let page = daemon.history(&query)?;
            found += page.events.len();
            pages.push(page.events);
            query.before = page.next;
            if page.next.is_none() {
                break;
            }
        }
        Ok(pages.into_iter().rev().flatten().collect())
    }

    fn shown(&self, entries: &[HistoryEntry]) -> String {
        if self.json {
            entries.iter().map(line).collect()
        } else {
            told(entries, &output::style())
        }
    }
}

/// The number of the last entry of all.
fn newest(daemon: &DaemonClient) -> Result<Option<u64>, CliError> {
    let last = HistoryQuery {
        limit: 1,
        ..HistoryQuery::default()
    };
    Ok(daemon.history(&last)?.events.last().map(|entry| entry.seq))
}

/// Reads a point in time as people write it: how long ago, a day or a time here, or RFC 3339.
fn since(text: &str) -> Result<Timestamp, String> {
    since_at(text, &Zoned::now())
}

fn since_at(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let span = text.strip_suffix(" ago").unwrap_or(text);
    if let Ok(ago) = crate::api::span(span) {
        let ago = jiff::SignedDuration::try_from(ago).map_err(|error| error.to_string())?;
        return now
            .timestamp()
            .checked_sub(ago)
            .map_err(|error| error.to_string());
    }
    let here = |zone: TimeZone, at: civil::DateTime| at.to_zoned(zone).map(|at| at.timestamp());
    let at = text.parse::<civil::DateTime>().ok();
    let at = at.or_else(|| {
        let time: civil::Time = text.parse().ok()?;
        Some(now.date().to_datetime(time))
    });
    at.and_then(|at| here(now.time_zone().clone(), at).ok())
        .ok_or_else(|| {
            r#"write it like "2h", "2026-11-22", "2026-11-22 20:45" or 2026-11-22T20:45:00Z"#.to_owned()
        })
}

/// Waits until it is time to ask again.
#[expect(
    clippy::disallowed_methods,
    reason = "a command of one thread that has nothing else to do"
)]
fn pause() {
    std::thread::sleep(LOOK_EVERY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_read_as_people_write_it() {
        let now: Zoned = "2026-11-22T20:45:00+08:00[Asia/Hong_Kong]".parse().unwrap();
        let cases = [
            ("2h", "2026-11-22T10:45:00Z"),
            ("90m ago", "2026-11-22T11:15:00Z"),
            ("2026-11-22", "2026-11-21T16:00:00Z"),
            ("2026-11-22 20:00", "2026-11-22T12:00:00Z"),
            ("2026-11-22T20:00:00Z", "2026-11-22T20:00:00Z"),
            ("20:00", "2026-11-22T12:00:00Z"),
        ];
        for (text, expected) in cases {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(since_at(text, &now), Ok(expected), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "-2h"] {
            assert!(
                since_at(text, &now).unwrap_err().contains("write it like"),
                "{text}"
            );
        }
    }
}
