//! When an upstream's way is an alarm, and what is said of it.

use super::*;
use crate::core::Strength;
use crate::model::snapshot::FollowedState;

/// A look at one service, five minutes less a second after its upstreams began to be like that.
fn seen(ways: &[(&str, FollowedState)], rivals: Option<&[&str]>) -> Observed {
    let since = Instant::now();
    let rival = |session: &&str| ObservedRival {
        prefix: "198.51.100.0/24".parse().unwrap(),
        session: (*session).to_owned(),
        as_path: Some("64520 64510 64501".to_owned()),
        origin_as: Some(64501),
        since,
    };
    let way = |(upstream, state): &(&str, FollowedState)| PreferredWay {
        upstream: (*upstream).to_owned(),
        state: *state,
        since,
    };
    let service = ObservedService {
        actual: Some(Strength::Full),
        rivals: rivals.map(|rivals| rivals.iter().map(rival).collect()),
        ways: ways.iter().map(way).collect(),
        ..ObservedService::unknown(since)
    };
    Observed {
        at: since + ALARM_AFTER - Duration::from_secs(1),
        bird_running_normally: true,
        services: vec![service],
        upstreams: Vec::new(),
        problems: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a11_an_upstream_that_prefers_another_way_is_an_alarm_after_five_minutes() {
    let ways = [
        ("isp_a", FollowedState::PrefersAnother),
        ("isp_b", FollowedState::Follows),
        ("isp_c", FollowedState::CannotBeHeard),
    ];
    let mut seen = seen(&ways, Some(&["isp_a"]));
    assert_eq!(unfollowed_too_long(&seen, 0), Vec::<&str>::new());
    seen.at += Duration::from_secs(1);
    assert_eq!(unfollowed_too_long(&seen, 0), ["isp_a"]);
    let text = alarm_text(&seen.services[0], "isp_a").text;
    assert!(text.contains("isp_a has preferred another way"), "{text}");
    assert!(text.contains("64520 64510 64501"), "{text}");
    assert_eq!(unfollowed_too_long(&seen, 1), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a11_explain_says_of_each_upstream_which_way_it_prefers() {
    let ways = [
        ("isp_a", FollowedState::PrefersAnother),
        ("isp_b", FollowedState::Follows),
        ("isp_c", FollowedState::CannotBeHeard),
    ];
    let known = seen(&ways, Some(&["isp_a"]));
    let lines = explained(&known, &known.services[0]);
    let unknown = seen(&[], None);
    let nothing = seen(&[], Some(&[]));
    insta::assert_snapshot!(
        [lines, explained(&unknown, &unknown.services[0]), explained(&nothing, &nothing.services[0])]
            .concat()
            .join("\n"),
        @r"
    isp_a still prefers another way, for 299 s (A11)
    isp_b prefers our route, for 299 s (A11)
    isp_c cannot be heard: which way it prefers is unknown (A11)
    rival: 198.51.100.0/24 from isp_a, AS path 64520 64510 64501, for 299 s; it informs and decides nothing (D15)
    rivals: no session can tell of any, so it is unknown whether there are some
    rivals: none is heard
    "
    );
}

#[tokio::test(start_paused = true)]
async fn times_of_a_look_are_shown_by_the_wall_clock() {
    let seen = seen(&[("isp_a", FollowedState::PrefersAnother)], Some(&["isp_a"]));
    let at: Timestamp = "2026-11-27T23:00:00Z".parse().unwrap();
    let began: Timestamp = "2026-11-27T22:55:01Z".parse().unwrap();
    let service = &seen.services[0];
    assert_eq!(shown_ways(&seen, service, at)[0].since, Some(began));
    assert_eq!(shown_rivals(&seen, service, at).unwrap()[0].since, Some(began));
}
