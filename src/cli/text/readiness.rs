//! Readiness as people read it: `falconer ready`, in the look of `falconer status`.

use std::collections::BTreeMap;

use anstyle::AnsiColor;

use super::style::{NOTHING, TextStyle};
use super::table::{TableCell, TextTable, harmless};
use crate::model::readiness::{Readiness, ReadinessCheck, ReadinessCode};
use crate::model::readiness::{ReadinessLevel, ReadinessSummary};

/// So many checks of one kind that are ok are shown one by one; more of them are counted.
const SHOWN: usize = 5;

/// Every check that is not ok, with what to do about it, and those that are; ending in a newline.
pub fn ready(readiness: &Readiness, style: &TextStyle) -> String {
    let at = readiness.at.to_zoned(style.zone.clone()).strftime("%H:%M:%S");
    let answer = match readiness.level {
        ReadinessLevel::Ok => "yes",
        ReadinessLevel::Warning => "yes, with warnings",
        ReadinessLevel::No => "no",
    };
    let mut out = format!("Ready: {answer}, as of {at}\n\n");
    let mut table = TextTable::new(
        &[("Level", 7), ("Check", 13), ("Service", 10), ("Subject", 10)],
        "Info",
    );
    for check in readiness.problems() {
        let service = check.service.as_deref().unwrap_or(NOTHING);
        row(&mut table, check, service, check.subject.as_deref());
    }
    let mut of_code: BTreeMap<ReadinessCode, Vec<&ReadinessCheck>> = BTreeMap::new();
    for check in readiness
        .checks
        .iter()
        .filter(|check| check.level == ReadinessLevel::Ok)
    {
        of_code.entry(check.code).or_default().push(check);
    }
    for checks in of_code.values() {
        match checks.as_slice() {
            [first, _, ..] if checks.len() > SHOWN => {
                let counted = ReadinessCheck {
                    text: format!("{} of these are ok", checks.len()),
                    ..(*first).clone()
                };
                row(&mut table, &counted, NOTHING, None);
            }
            checks => {
                for check in checks {
                    let service = check.service.as_deref().unwrap_or(NOTHING);
                    row(&mut table, check, service, check.subject.as_deref());
                }
            }
        }
    }
    table.write(&mut out, style.width, style.color);
    out
}

/// The one line of `falconer status`.
pub(crate) fn summary(summary: &ReadinessSummary) -> String {
    let mut line = format!("Ready: {}", summary.level.word());
    if let Some(worst) = summary.problems.first() {
        line.push_str(&format!(" - {}", harmless(worst)));
    }
    if summary.problems.len() > 1 {
        line.push_str(" (and more: falconer ready)");
    }
    line
}

/// How a level is set off.
pub(crate) fn colour(level: ReadinessLevel) -> anstyle::Style {
    match level {
        ReadinessLevel::Ok => anstyle::Style::new(),
        ReadinessLevel::Warning => AnsiColor::Yellow.on_default(),
        ReadinessLevel::No => AnsiColor::Red.on_default(),
    }
}

fn row(table: &mut TextTable, check: &ReadinessCheck, service: &str, subject: Option<&str>) {
    let info = match &check.advice {
        Some(advice) => format!("{}; {advice}", check.text),
        None => check.text.clone(),
    };
    table.row(
        vec![
            TableCell::new(check.level.word()).styled(colour(check.level)),
            TableCell::new(check.code.word()),
            TableCell::new(service),
            TableCell::new(subject.unwrap_or(NOTHING)),
        ],
        TableCell::new(info),
    );
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn style(width: Option<usize>) -> TextStyle {
        TextStyle {
            color: false,
            width,
            zone: jiff::tz::TimeZone::UTC,
        }
    }

    fn readiness() -> Readiness {
        serde_json::from_str(include_str!("../../../tests/fixtures/status/ready.json")).unwrap()
    }

    #[test]
    fn readiness_reads_as_its_golden_files() {
        insta::assert_snapshot!("ready_piped", ready(&readiness(), &style(None)));
        insta::assert_snapshot!("ready_80_columns", ready(&readiness(), &style(Some(80))));
    }

    #[test]
    fn what_is_too_old_reads_as_its_golden_file() {
        let mut well = readiness();
        well.checks.retain(|check| check.level == ReadinessLevel::Ok);
        let well = Readiness::of(well.at, well.checks);
        assert_eq!(
            well.as_of(well.at + SignedDuration::from_secs(60)).level,
            ReadinessLevel::Ok
        );
        let old = well.as_of(well.at + SignedDuration::from_secs(61));
        insta::assert_snapshot!("ready_too_old", ready(&old, &style(None)));
    }

    #[test]
    fn of_many_services_what_is_ok_is_counted_and_what_is_not_is_named() {
        let mut readiness = readiness();
        let probes = readiness.checks.pop().unwrap();
        readiness.checks.extend(std::iter::repeat_n(probes, 200));
        let text = ready(&readiness, &style(None));
        assert!(text.contains("200 of these are ok"), "{text}");
        assert_eq!(text.lines().count(), 7, "{text}");
    }

    #[test]
    fn the_status_has_one_line_of_it() {
        let line = summary(&readiness().summary());
        assert_eq!(
            line,
            "Ready: no - isp_a is Active (Socket: Connection refused): too few upstreams would carry web \
             (and more: falconer ready)"
        );
    }
}
