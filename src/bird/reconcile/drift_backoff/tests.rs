//! The waits, the alarm, and its end.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A checker that undoes it every two seconds, and a poll every second; the changes of the announcement.
fn changes_in_a_minute() -> usize {
    let start = Instant::now();
    let mut backoff = DriftBackoff::new(HOUR);
    let (mut up, mut undone, mut changes) = (true, None, 0);
    for second in 0..60 {
        let now = start + seconds(second);
        if second % 2 == 0 && up {
            (up, changes) = (false, changes + 1);
        }
        if !up {
            let since = *undone.get_or_insert(now);
            if backoff.not_before(since) <= now {
                backoff.record_put_back(now);
                (up, undone, changes) = (true, None, changes + 1);
            }
        }
    }
    changes
}

#[tokio::test]
async fn a1_the_first_mend_is_at_once_and_later_ones_wait_longer_up_to_a_minute() {
    let mut backoff = DriftBackoff::new(HOUR);
    let now = Instant::now();
    let waits: Vec<u64> = (0..7)
        .map(|times| {
            let wait = backoff.not_before(now) - now;
            let repeated = backoff.record_put_back(now);
            assert_eq!(repeated.times, times + 1);
            assert_eq!(
                repeated.wait,
                backoff.not_before(now) - now,
                "told before it is waited"
            );
            wait.as_secs()
        })
        .collect();
    assert_eq!(waits, [0, 2, 4, 8, 60, 60, 60]);
}

#[tokio::test]
async fn a1_a_checker_that_undoes_it_every_two_seconds_causes_less_than_ten_updates_in_a_minute() {
    let changes = changes_in_a_minute();
    assert!((5..10).contains(&changes), "{changes}");
}

#[tokio::test]
async fn a1_from_the_third_mend_on_the_alarm_stands_until_it_was_quiet_for_ten_minutes() {
    let mut backoff = DriftBackoff::new(HOUR);
    let start = Instant::now();
    for second in [0, 10] {
        backoff.record_put_back(start + seconds(second));
        assert_eq!(backoff.alarm("web_v4", start + seconds(second)), None);
    }
    backoff.undone(Some("checker says no".to_owned()), start + seconds(19));
    backoff.record_put_back(start + seconds(20));
    let text = backoff.alarm("web_v4", start + seconds(20)).expect("an alarm");
    assert!(
        text.contains("web_v4") && text.contains("\"checker says no\"") && text.contains("3 times"),
        "{text}"
    );
    assert!(backoff.alarm("web_v4", start + seconds(20 + 599)).is_some());
    assert_eq!(backoff.alarm("web_v4", start + seconds(20 + 600)), None);
    assert_eq!(backoff.alarm("web_v4", start + seconds(20 + 601)), None);
}

#[tokio::test]
async fn a1_what_is_undone_and_waits_is_not_quiet() {
    let mut backoff = DriftBackoff::new(HOUR);
    let start = Instant::now();
    for second in 0..3 {
        backoff.record_put_back(start + seconds(second));
    }
    backoff.undone(None, start + seconds(500));
    assert!(backoff.alarm("web_v4", start + seconds(1000)).is_some());
}

#[tokio::test]
async fn a1_mends_older_than_the_window_do_not_count() {
    let mut backoff = DriftBackoff::new(seconds(60));
    let start = Instant::now();
    for second in 0..4 {
        backoff.record_put_back(start + seconds(second));
    }
    let later = start + seconds(120);
    assert_eq!(backoff.not_before(later), later);
}
