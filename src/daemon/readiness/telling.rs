//! A change of the level, told once: in the log, and for the history.

use std::time::Duration;

use tokio::time::Instant;

use crate::history::What;
use crate::ready::{Level, Readiness};

/// A level is told once it has stood for that long: a start and a takeover pass through others on their
/// way.
const SETTLED: Duration = Duration::from_secs(3);

/// What was told, and what may have to be.
#[derive(Debug, Default)]
pub(super) struct Telling {
    told: Option<Level>,
    pending: Option<(Level, Instant)>,
}

impl Telling {
    /// Takes notice of a decision; what is to go into the history.
    pub(super) fn look(&mut self, readiness: &Readiness, now: Instant) -> Option<What> {
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
        let from_word = from.map_or("", Level::word);
        match to {
            Level::Ok => tracing::info!(from = from_word, to = to.word(), "readiness"),
            Level::Warning | Level::No => {
                tracing::warn!(
                    from = from_word,
                    to = to.word(),
                    worst,
                    problems = problems.len(),
                    "readiness"
                );
            }
        }
        Some(What::Readiness { from, to, problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readiness(level: Level) -> Readiness {
        let at = "2026-11-22T20:45:00Z".parse().unwrap();
        let mut readiness = Readiness::not_yet(at);
        readiness.level = level;
        readiness
    }

    #[test]
    fn a_level_is_told_once_and_only_when_it_has_stood_for_a_while() {
        let mut telling = Telling::default();
        let start = Instant::now();
        let mut look = |level, seconds| telling.look(&readiness(level), start + Duration::from_secs(seconds));
        assert_eq!(look(Level::No, 0), None);
        assert_eq!(look(Level::Ok, 2), None);
        assert_eq!(look(Level::Ok, 4), None);
        let told = look(Level::Ok, 5);
        assert!(
            matches!(
                told,
                Some(What::Readiness {
                    from: None,
                    to: Level::Ok,
                    ..
                })
            ),
            "{told:?}"
        );
        assert_eq!(look(Level::Ok, 60), None);
        assert_eq!(look(Level::No, 61), None, "a passing change is not told");
        assert_eq!(look(Level::Ok, 62), None);
        assert_eq!(look(Level::No, 70), None);
        let told = look(Level::No, 73);
        assert!(
            matches!(
                told,
                Some(What::Readiness {
                    from: Some(Level::Ok),
                    to: Level::No,
                    ..
                })
            ),
            "{told:?}"
        );
    }
}
