//! Whether this site would serve the clients that a takeover brings here (D16).

use super::*;
use crate::model::serving::ServingState;
use crate::model::snapshot::ProbeState;
use crate::model::snapshot::ServingSnapshot;

/// With this of what shows whether it serves.
fn with(change: impl FnOnce(&mut ServingSnapshot)) -> Site {
    let mut site = Site::well();
    if let Some(serving) = &mut site.snapshot.services[0].serving {
        change(serving);
    }
    site
}

fn told(site: &Site) -> (ReadinessCode, ReadinessLevel, String, Option<String>) {
    let problem = site.problem();
    (problem.code, problem.level, problem.text, problem.subject)
}

#[test]
fn d16_an_address_that_the_kernel_would_not_deliver_to_is_a_no_with_its_answer() {
    let site = with(|serving| {
        serving.state = ServingState::No;
        serving.routes = vec![situations::route(
            "it would leave by the default route",
            Some(false),
        )];
    });
    let text = "198.51.100.10 is not served here: it would leave by the default route".to_owned();
    let subject = Some("198.51.100.10".to_owned());
    assert_eq!(
        told(&site),
        (ReadinessCode::Serving, ReadinessLevel::No, text, subject)
    );
}

#[test]
fn d16_a_check_that_is_down_or_never_passed_is_a_no_and_one_that_is_unknown_a_warning() {
    let check = |state, never_passed| {
        with(|serving| {
            serving.state = ServingState::No;
            serving.checks[0].state = state;
            serving.checks[0].never_passed = never_passed;
        })
    };
    for (state, never_passed, level, word) in [
        (ProbeState::Down, false, ReadinessLevel::No, "is down"),
        (ProbeState::Unknown, true, ReadinessLevel::No, "never passed"),
        (ProbeState::Unknown, false, ReadinessLevel::Warning, "is unknown"),
    ] {
        let (code, told, text, subject) = told(&check(state, never_passed));
        assert_eq!((code, told), (ReadinessCode::Serving, level), "{text}");
        assert_eq!(
            text,
            format!("check local {word}: connected to 198.51.100.10:443")
        );
        assert_eq!(subject.as_deref(), Some("local"));
    }
}

#[test]
fn d16_a_standby_without_a_check_is_told_so_and_what_bites_beside_the_route_is_a_warning() {
    let mut unchecked = Site::with(CONFIG.split("[[service.serves]]").next().unwrap_or_default());
    unchecked.snapshot.services[0].serving = None;
    let checks = unchecked.decide().checks.into_iter();
    let mut checks = checks.filter(|check| check.code == ReadinessCode::Serving);
    let (level, text) = checks.next().map(|check| (check.level, check.text)).unwrap();
    assert_eq!(level, ReadinessLevel::Ok);
    assert_eq!(text, "nothing checks whether this site can serve 198.51.100.0/24");
    let strict = with(|serving| serving.routes[0].warning = Some("rp_filter is strict on eth1".to_owned()));
    let (code, level, text, _) = told(&strict);
    assert_eq!((code, level), (ReadinessCode::Serving, ReadinessLevel::Warning));
    assert_eq!(text, "rp_filter is strict on eth1");
}

#[test]
fn d16_at_a_primary_it_only_informs() {
    let primary = CONFIG.replace("\"standby\"", "\"primary\"");
    let mut site = Site::with(&primary);
    site.snapshot.services[0].role = crate::model::snapshot::Role::Primary;
    if let Some(serving) = &mut site.snapshot.services[0].serving {
        serving.checks[0].state = ProbeState::Down;
    }
    let readiness = site.decide();
    let serving = readiness
        .checks
        .iter()
        .find(|check| check.code == ReadinessCode::Serving);
    assert_eq!(
        serving.map(|check| check.level),
        Some(ReadinessLevel::Warning),
        "{readiness:#?}"
    );
}
