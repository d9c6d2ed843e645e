//! How long a probe's target takes to answer, at the longest: until then a check that is out may just
//! be on its way, and could be lost on our own uplink (D5).

use std::time::Duration;

/// Answers that make up one stretch. The longest of this stretch and the one before it counts: of the
/// last 64 to 128 answers, which at an interval of 5 s is five to ten minutes.
const STRETCH: u32 = 64;

/// The longest answer time of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerTimes {
    before: Option<Duration>,
    present: Option<Duration>,
    count: u32,
}

impl AnswerTimes {
    /// An answer took that long.
    pub fn record(&mut self, took: Duration) {
        if self.count >= STRETCH {
            self.before = self.present.take();
            self.count = 0;
        }
        self.present = self.present.max(Some(took));
        self.count += 1;
    }

    /// The longest of late; `None`: there was no answer yet.
    pub fn longest(&self) -> Option<Duration> {
        self.before.max(self.present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn d5_the_longest_answer_of_late_counts_and_is_forgotten_after_two_stretches() {
        let mut times = AnswerTimes::default();
        assert_eq!(times.longest(), None);
        times.record(ms(800));
        for _ in 1..STRETCH {
            times.record(ms(3));
        }
        assert_eq!(times.longest(), Some(ms(800)));
        for _ in 0..STRETCH {
            times.record(ms(5));
        }
        assert_eq!(times.longest(), Some(ms(800)), "one stretch later");
        times.record(ms(4));
        assert_eq!(times.longest(), Some(ms(5)));
    }
}
