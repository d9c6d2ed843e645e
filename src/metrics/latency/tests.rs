use super::*;
use crate::config::load;

const STANDBY: &str = include_str!("../../../tests/fixtures/config/standby.toml");

fn config(text: &str) -> Config {
    let (config, _) = load(text, "falconer.toml").unwrap();
    config
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn results(book: &LatencyBuffers, service: Option<&str>, after: u64) -> Vec<Vec<i64>> {
    let latency = book.latency(service, after).unwrap();
    let seconds = |probe: &ProbeLatency| {
        let results = probe.results.iter();
        results
            .map(|result| result.at.as_second() - 1_800_000_000)
            .collect()
    };
    latency.probes.iter().map(seconds).collect()
}

#[test]
fn a_probe_keeps_its_latest_results_and_no_more() {
    let book = LatencyBuffers::new(&config(STANDBY), None);
    for second in 0..1000 {
        book.push(
            Some(0),
            0,
            at(second),
            CheckOutcome::Pass,
            Some(Duration::from_micros(412)),
        );
    }
    let kept = &results(&book, Some("web"), 0)[0];
    assert_eq!((kept.len(), kept[0], kept[KEPT - 1]), (KEPT, 700, 999));
}

#[test]
fn a_result_comes_out_as_it_went_in() {
    let book = LatencyBuffers::new(&config(STANDBY), None);
    let cases = [
        (
            CheckOutcome::Pass,
            Some(Duration::from_micros(31_250)),
            Some(31.25),
        ),
        (CheckOutcome::Pass, None, None),
        (CheckOutcome::Fail, None, None),
        (CheckOutcome::Fail, Some(Duration::from_millis(2)), Some(2.0)),
        (CheckOutcome::Error, None, None),
        // Longer than any time-out: the longest that there is room for.
        (
            CheckOutcome::Fail,
            Some(Duration::from_secs(86_400)),
            Some(1_073_741.822),
        ),
    ];
    for (second, (outcome, rtt, _)) in cases.iter().enumerate() {
        book.push(None, 0, at(second as i64), *outcome, *rtt);
    }
    let latency = book.latency(None, 0).unwrap();
    let told = latency.probes[0]
        .results
        .iter()
        .map(|told| (told.result, told.rtt_ms));
    let expected = cases.iter().map(|(outcome, _, rtt_ms)| (*outcome, *rtt_ms));
    assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!((latency.seq, latency.service), (6, None));
}

#[test]
fn a_reader_is_told_what_came_since_also_when_the_clock_went_back() {
    let book = LatencyBuffers::new(&config(STANDBY), None);
    book.push(Some(0), 0, at(100), CheckOutcome::Pass, None);
    book.push(None, 0, at(101), CheckOutcome::Pass, None);
    let seen = book.latency(Some("web"), 0).unwrap().seq;
    assert_eq!(seen, 2);
    book.push(Some(0), 0, at(7), CheckOutcome::Fail, None);
    assert_eq!(results(&book, Some("web"), seen)[0], [7]);
    assert!(results(&book, Some("web"), 3)[0].is_empty());
}

#[test]
fn a_reader_of_an_earlier_life_is_told_everything() {
    let book = LatencyBuffers::new(&config(STANDBY), None);
    book.push(Some(0), 0, at(1), CheckOutcome::Pass, None);
    assert_eq!(results(&book, Some("web"), 5000)[0], [1]);
}

#[test]
fn what_a_reload_leaves_keeps_its_results() {
    let before = LatencyBuffers::new(&config(STANDBY), None);
    before.push(Some(0), 0, at(1), CheckOutcome::Pass, None);
    let other = STANDBY.replace("name = \"web\"", "name = \"mail\"");
    let after = LatencyBuffers::new(&config(&other), Some(&before));
    assert!(after.latency(Some("web"), 0).is_none());
    assert!(results(&after, Some("mail"), 0)[0].is_empty());
    let same = LatencyBuffers::new(&config(STANDBY), Some(&before));
    same.push(Some(0), 0, at(2), CheckOutcome::Pass, None);
    assert_eq!(results(&same, Some("web"), 0)[0], [1, 2]);
    assert_eq!(results(&same, Some("web"), 1)[0], [2], "numbers go on");
}

#[test]
fn what_is_not_there_is_not_noted() {
    let book = LatencyBuffers::new(&config(STANDBY), None);
    book.push(Some(9), 0, at(1), CheckOutcome::Pass, None);
    book.push(Some(0), 9, at(1), CheckOutcome::Pass, None);
    assert_eq!(book.latency(Some("web"), 0).unwrap().seq, 0);
    assert!(book.latency(Some("nosuch"), 0).is_none());
}
