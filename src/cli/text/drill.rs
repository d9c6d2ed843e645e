//! A report as people read it on a terminal, and as Markdown to print and to file.

use jiff::Timestamp;

use crate::cli::text::harmless;
use crate::model::drill::DrillReport;
use crate::model::snapshot::{DrillOutcome, Strength};

impl DrillReport {
    /// As it is shown on a terminal, ending in a newline.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n{}.\n\n", self.title(), harmless(&self.sentence()));
        for (name, value) in self.facts() {
            out.push_str(&format!("{name:<11}{}\n", harmless(&value)));
        }
        let stages = self.timed();
        if !stages.is_empty() {
            out.push_str(&format!(
                "\n{:<18}{:>12}{:>12}\n",
                "Stage", "after ms", "in all ms"
            ));
        }
        for stage in stages {
            let StageLine {
                name, after, in_all, ..
            } = stage;
            out.push_str(&format!("{name:<18}{after:>12}{in_all:>12}\n"));
        }
        if !self.problems.is_empty() {
            out.push_str("\nWhat was found amiss:\n");
        }
        for problem in &self.problems {
            out.push_str(&format!("- {}\n", harmless(problem)));
        }
        out
    }

    /// As Markdown (CommonMark with tables), ending in a newline.
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "# {}\n\n{}.\n\n| | |\n|---|---|\n",
            plain(&self.title()),
            plain(&self.sentence())
        );
        for (name, value) in self.facts() {
            out.push_str(&format!("| {name} | {} |\n", plain(&value)));
        }
        let stages = self.timed();
        if !stages.is_empty() {
            out.push_str("\n## Stages\n\n| stage | at (UTC) | after ms | in all ms |\n|---|---|---:|---:|\n");
        }
        for StageLine {
            name,
            at,
            after,
            in_all,
        } in stages
        {
            let at = at.strftime("%H:%M:%S%.3f");
            out.push_str(&format!("| {name} | {at} | {after} | {in_all} |\n"));
        }
        if self.announced() {
            out.push_str("\n## Upstreams\n\n| upstream | carried it |\n|---|---|\n");
        }
        for upstream in self.upstreams.iter().filter(|_| self.announced()) {
            let carried = if self.exported_to.contains(upstream) {
                "yes"
            } else {
                "no"
            };
            out.push_str(&format!("| {} | {carried} |\n", plain(upstream)));
        }
        out.push_str("\n## What was found amiss\n\n");
        if self.problems.is_empty() {
            out.push_str("Nothing.\n");
        }
        for problem in &self.problems {
            out.push_str(&format!("- {}\n", plain(problem)));
        }
        out
    }

    fn title(&self) -> String {
        let kind = if self.dry_run {
            "Dry run of a drill"
        } else {
            "Drill"
        };
        format!("{kind} of {} at {}: {}", self.service, self.site, self.outcome)
    }

    /// What came of it, beginning as a sentence does.
    fn sentence(&self) -> String {
        let mut chars = self.text.chars();
        let first = chars.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + chars.as_str()
    }

    /// Whether it came so far that BIRD was told anything.
    fn announced(&self) -> bool {
        !self.dry_run && self.outcome != DrillOutcome::Refused
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let list = |items: &[String]| match items {
            [] => "none".to_owned(),
            items => items.join(", "),
        };
        let prefixes: Vec<String> = self.prefixes.iter().map(ToString::to_string).collect();
        let strength = match self.strength {
            Strength::Drain => "drain (a last resort: GRACEFUL_SHUTDOWN, low preference, prepends)",
            Strength::Full => "full (as in a takeover)",
            Strength::Off => "none",
        };
        let mut facts = vec![
            ("Prefixes", list(&prefixes)),
            ("Strength", format!("{strength}, for {}", self.hold)),
            ("Asked by", self.actor.clone()),
        ];
        facts.extend(self.reason.clone().map(|reason| ("Reason", reason)));
        facts.push((
            "BIRD",
            self.bird.clone().unwrap_or_else(|| "not reached".to_owned()),
        ));
        facts.push(("Began", second(self.started)));
        facts.push(("Ended", second(self.ended)));
        if self.announced() {
            facts.push(("Carried by", list(&self.exported_to)));
        }
        if self.announced() && !self.exported_to.is_empty() {
            // Nobody tells a sender that its route was dropped.
            let to = list(&self.exported_to);
            facts.push((
                "Proved",
                format!("that BIRD sent it to {to}; not that they took it"),
            ));
        }
        facts
    }

    /// Each stage that was reached, with the time that it took.
    fn timed(&self) -> Vec<StageLine> {
        let reached = self.stages.reached();
        let Some(&(first, _)) = reached.first() else {
            return Vec::new();
        };
        let before = std::iter::once(first).chain(reached.iter().map(|(at, _)| *at));
        let stages = reached.iter().zip(before);
        stages
            .map(|(&(at, name), before)| StageLine {
                name,
                at,
                after: at.duration_since(before).as_millis(),
                in_all: at.duration_since(first).as_millis(),
            })
            .collect()
    }
}

/// A stage that was reached; durations in milliseconds.
struct StageLine {
    name: &'static str,
    at: Timestamp,
    after: i128,
    in_all: i128,
}

fn second(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Text that says in Markdown what it says: no markup, no cell's end, no new line.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        if matches!(c, '\\' | '|' | '*' | '_' | '`' | '<' | '[' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
