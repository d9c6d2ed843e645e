//! A change of the level, told once: in the log, and for the history.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::history::HistoryEvent;
use crate::model::readiness::Readiness;
use crate::model::readiness::ReadinessLevel;

/// A level is told once it has stood for that long: a start and a takeover pass through others on their
/// way.
const SETTLED: Duration = Duration::from_secs(3);

/// What was told, and what may have to be.
#[derive(Debug, Default)]
pub(crate) struct LevelLog {
    told: Option<ReadinessLevel>,
    pending: Option<(ReadinessLevel, Instant)>,
}

impl LevelLog {
    /// Takes notice of a decision; what is to go into the history.
    pub(crate) fn look(&mut self, readiness: &Readiness, now: Instant) -> Option<HistoryEvent> {
        let to = readiness.level;
        if self.told == Some(to) {
            self.pending = None;
            return None;
        }
        let since = match self.pending {
            Some((level, since)) if level == to => since,
            Some(_) | None => now,
        };
        self.pending = Some((to, since));
        if now.duration_since(since) < SETTLED {
            return None;
        }
        self.pending = None;
        let from = self.told.replace(to);
        let problems = readiness.summary().problems;
        let worst = problems.first().map_or("", String::as_str);
        let from_word = from.map_or("", ReadinessLevel::word);
        match to {
            ReadinessLevel::Ok => tracing::info!(from = from_word, to = to.word(), "readiness changed"),
            ReadinessLevel::Warning | ReadinessLevel::No => {
                tracing::warn!(
                    from = from_word,
                    to = to.word(),
                    worst,
                    problems = problems.len(),
                    "readiness changed"
                );
            }
        }
        Some(HistoryEvent::Readiness { from, to, problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readiness(level: ReadinessLevel) -> Readiness {
        let at = "2026-11-22T20:45:00Z".parse().unwrap();
        let mut readiness = Readiness::not_yet(at);
        readiness.level = level;
        readiness
    }

    #[test]
    fn a_level_is_told_once_and_only_when_it_has_stood_for_a_while() {
        let mut telling = LevelLog::default();
        let start = Instant::now();
        let mut look = |level, seconds| telling.look(&readiness(level), start + Duration::from_secs(seconds));
        assert_eq!(look(ReadinessLevel::No, 0), None);
        assert_eq!(look(ReadinessLevel::Ok, 2), None);
        assert_eq!(look(ReadinessLevel::Ok, 4), None);
        let told = look(ReadinessLevel::Ok, 5);
        assert!(
            matches!(
                told,
                Some(HistoryEvent::Readiness {
                    from: None,
                    to: ReadinessLevel::Ok,
                    ..
                })
            ),
            "{told:?}"
        );
        assert_eq!(look(ReadinessLevel::Ok, 60), None);
        assert_eq!(look(ReadinessLevel::No, 61), None, "a passing change is not told");
        assert_eq!(look(ReadinessLevel::Ok, 62), None);
        assert_eq!(look(ReadinessLevel::No, 70), None);
        let told = look(ReadinessLevel::No, 73);
        assert!(
            matches!(
                told,
                Some(HistoryEvent::Readiness {
                    from: Some(ReadinessLevel::Ok),
                    to: ReadinessLevel::No,
                    ..
                })
            ),
            "{told:?}"
        );
    }
}
