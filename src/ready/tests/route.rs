//! The way of the real route, and the alarms that no check may be better than.

use super::*;
use crate::model::BgpState;
use crate::model::snapshot::{AlarmCode, BirdState, Obstacle, Strength};

fn obstacle(certain: bool) -> Obstacle {
    Obstacle {
        certain,
        protocol: "web_v4".to_owned(),
        text: "kernel1 has 198.51.100.0/24 in table master4 at preference 254".to_owned(),
        advice: "take that route away".to_owned(),
    }
}

#[test]
fn a5_what_stands_in_the_way_is_a_no_and_what_is_not_provable_a_warning() {
    for (certain, level) in [(true, ReadinessLevel::No), (false, ReadinessLevel::Warning)] {
        let mut site = Site::well();
        site.snapshot.services[0].obstacles = Some(vec![obstacle(certain)]);
        let problem = site.problem();
        assert_eq!((problem.code, problem.level), (ReadinessCode::Route, level));
        assert_eq!(problem.service.as_deref(), Some("web"));
        assert_eq!(problem.subject.as_deref(), Some("web_v4"));
    }
}

#[test]
fn a5_what_was_not_looked_at_yet_is_not_ok() {
    let mut site = Site::well();
    site.snapshot.services[0].obstacles = None;
    let (code, level, _) = site.said();
    assert_eq!((code, level), (ReadinessCode::Route, ReadinessLevel::Warning));
}

#[test]
fn a5_of_what_is_announced_nothing_is_guessed() {
    let mut site = Site::well();
    let service = &mut site.snapshot.services[0];
    (service.obstacles, service.actual, service.want) = (None, Some(Strength::Full), Some(Strength::Full));
    let readiness = site.decide();
    assert!(
        readiness
            .checks
            .iter()
            .all(|check| check.code != ReadinessCode::Route)
    );
}

#[test]
fn ready_is_never_ok_while_an_alarm_of_the_service_stands() {
    for code in AlarmCode::ALL {
        let mut site = Site::well();
        let alarm = situations::alarm(code, Some("web"), "isp_a is not well");
        site.snapshot.alarms.push(alarm);
        assert_ne!(site.decide().level, ReadinessLevel::Ok, "{code:?}");
    }
}

#[test]
fn ready_is_never_ok_while_an_alarm_of_the_site_stands() {
    for code in AlarmCode::ALL {
        let mut site = Site::well();
        let alarm = situations::alarm(code, None, "isp_a is Idle: nothing can be announced through it");
        site.snapshot.alarms.push(alarm);
        assert_ne!(site.decide().level, ReadinessLevel::Ok, "{code:?}");
    }
}

#[test]
fn the_alarm_of_an_upstream_that_no_service_uses_is_nobodys() {
    let mut site = Site::with(&CONFIG.replace(
        r#"[{ name = "isp_a" }, { name = "isp_b" }]"#,
        r#"[{ name = "isp_a" }, { name = "isp_b" }, { name = "isp" }]"#,
    ));
    site.config.services[0].upstreams = vec!["isp_a".to_owned(), "isp_b".to_owned()];
    let alarm = situations::alarm(
        AlarmCode::UpstreamDown,
        None,
        "isp is Idle: nothing can be announced",
    );
    site.snapshot.alarms.push(alarm);
    assert_eq!(site.decide().level, ReadinessLevel::Ok);
}

#[test]
fn an_alarm_that_a_check_speaks_of_is_told_once() {
    let mut site = Site::well();
    site.snapshot.bird.state = BirdState::Down;
    site.bird = BirdFactsSeen::default();
    site.snapshot
        .alarms
        .push(situations::alarm(AlarmCode::BirdDown, None, "no such file"));
    let readiness = site.decide();
    let alarms = readiness
        .problems()
        .filter(|check| check.code == ReadinessCode::Alarms);
    assert_eq!(alarms.count(), 0, "{:#?}", readiness.checks);
}

#[test]
fn a5_no_way_is_clear_that_no_session_leads_along() {
    let of_route = |site: &Site| {
        let readiness = site.decide();
        let route = readiness
            .checks
            .iter()
            .find(|check| check.code == ReadinessCode::Route)
            .unwrap();
        (route.level, route.text.clone())
    };
    let mut site = Site::well();
    site.snapshot.upstreams[0].state = BgpState::Active;
    assert_eq!(of_route(&site).0, ReadinessLevel::Ok, "the other one stands");
    site.snapshot.upstreams[1].state = BgpState::Active;
    let (level, text) = of_route(&site);
    assert_eq!(level, ReadinessLevel::Warning);
    assert!(text.contains("none of isp_a, isp_b is established"), "{text}");
    let mut site = Site::well();
    for name in ["isp_a", "isp_b"] {
        site.channel(name).name = "ipv6".to_owned();
    }
    assert_eq!(of_route(&site).0, ReadinessLevel::Warning);
}
