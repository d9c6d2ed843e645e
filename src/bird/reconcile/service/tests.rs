//! What is remembered of a service: drift, and the stages of the decision in force.

use super::*;
use crate::bird::parse::ProtocolRow;
use crate::config::model::{Family, Role, StaticProtocolConfig};
use crate::core::service::Intent;

fn protocol(name: &str, family: Family, prefix: &str) -> StaticProtocolConfig {
    StaticProtocolConfig {
        name: name.to_owned(),
        family,
        prefixes: vec![prefix.parse().unwrap()],
    }
}

/// Both families, with a drain protocol each.
fn service() -> ServiceReconciler {
    let (v4, v6) = ("198.51.100.0/24", "2001:db8:5100::/48");
    let target = ReconcileTarget {
        service: "web".to_owned(),
        full: vec![
            protocol("web_v4", Family::V4, v4),
            protocol("web_v6", Family::V6, v6),
        ],
        drain: vec![
            protocol("web_v4_drain", Family::V4, v4),
            protocol("web_v6_drain", Family::V6, v6),
        ],
        standing: Vec::new(),
        upstreams: vec!["isp".to_owned()],
        min_upstreams: 1,
        flap_window: Duration::from_secs(3600),
        role: Role::Standby,
        primary_prefixes: Vec::new(),
    };
    ServiceReconciler::new(
        DecisionState::new(7, false),
        target,
        Duration::from_secs(1),
        Instant::now(),
    )
}

/// The four protocols in the order v4, v6, v4 drain, v6 drain, each by a letter: up, down, start,
/// flush; a dash is one that BIRD does not have.
fn view(states: &str) -> ProtocolView {
    let names = ["web_v4", "web_v6", "web_v4_drain", "web_v6_drain"];
    let protocols: Vec<ProtocolRow> = names
        .into_iter()
        .zip(states.chars())
        .filter(|(_, state)| *state != '-')
        .map(|(name, state)| ProtocolRow {
            name: name.to_owned(),
            proto: "Static".to_owned(),
            table: None,
            state: match state {
                'u' => ProtocolState::Up,
                'd' => ProtocolState::Down,
                's' => ProtocolState::Starting,
                'f' => ProtocolState::Stopping,
                other => panic!("{other}"),
            },
            info: String::new(),
        })
        .collect();
    ProtocolView::new(&protocols)
}

fn intent(strength: Option<Strength>, hands_off: bool, decision: u64) -> Intent {
    Intent {
        strength,
        hands_off,
        reason: "test".to_owned(),
        decision,
        drill: None,
        standing: None,
    }
}

fn run(connects: u64, at: &str) -> BirdRun {
    BirdRun {
        connects,
        started_at: Some(at.to_owned()),
    }
}

fn observe(service: &mut ServiceReconciler, states: &str) -> Option<String> {
    service.observe(&view(states), &run(1, "20:40:40"), Instant::now())
}

/// Brought to full, and seen there.
fn at_full() -> ServiceReconciler {
    let mut service = service();
    service.decision.update(&intent(Some(Strength::Full), false, 1));
    assert_eq!(observe(&mut service, "dddd"), None, "on its way is no drift");
    assert_eq!(observe(&mut service, "uddd"), None);
    assert_eq!(observe(&mut service, "uudd"), None);
    service
}

#[tokio::test]
async fn actual_is_the_weakest_over_the_families() {
    let mut service = service();
    for (states, actual) in [
        ("uudd", Strength::Full),
        ("uddu", Strength::Drain),
        ("uddd", Strength::Off),
        ("dddd", Strength::Off),
    ] {
        observe(&mut service, states);
        assert_eq!(service.actual, Some(actual), "{states}");
    }
}

#[tokio::test]
async fn d10_families_that_disagree_are_not_adopted() {
    let service = service();
    assert_eq!(service.adoptable(&view("uudd")), Some(Strength::Full));
    assert_eq!(service.adoptable(&view("dddd")), Some(Strength::Off));
    assert_eq!(service.adoptable(&view("dduu")), Some(Strength::Drain));
    for states in ["uddd", "uddu", "ufdd", "-udd", "ssdd"] {
        assert_eq!(service.adoptable(&view(states)), None, "{states}");
    }
    assert_eq!(service.adoptable(&ProtocolView::default()), None);
}

#[tokio::test]
async fn a1_drift_is_told_once_and_again_after_it_was_mended() {
    let mut service = at_full();
    let text = observe(&mut service, "dudd").unwrap();
    insta::assert_snapshot!(text, @"web was at strength full, and now web_v4 is down. It was not us: a `birdc enable` or `disable` does that, a `configure undo` or an expired undo timer, and a `configure` where bird.conf does not include the state file. It is put back. What would have stuck is `falconer withdraw web`");
    assert_eq!(observe(&mut service, "dudd"), None);
    assert_eq!(observe(&mut service, "dddd"), None, "it is drifting already");
    assert_eq!(service.decision.drift.as_ref(), Some(&text));
    assert_eq!(observe(&mut service, "uudd"), None);
    assert_eq!(service.decision.drift, None);
    assert!(observe(&mut service, "uddd").is_some());
}

#[tokio::test]
async fn a1_something_enabled_that_must_be_silent_is_drift() {
    let mut service = service();
    service.decision.update(&intent(Some(Strength::Off), false, 1));
    observe(&mut service, "dddd");
    insta::assert_snapshot!(observe(&mut service, "uudd").unwrap(), @"web was at strength off, and now web_v4 is up and web_v6 is up. It was not us: a `birdc enable` or `disable` does that, a `configure undo` or an expired undo timer, and a `configure` where bird.conf does not include the state file. It is put back. What would have stuck is `falconer announce web`");
}

#[tokio::test]
async fn a6_a_restart_that_came_up_silent_is_told_as_such() {
    let mut service = at_full();
    let text = service
        .observe(&view("dddd"), &run(2, "21:00:00"), Instant::now())
        .unwrap();
    insta::assert_snapshot!(text, @"web was at strength full, and now web_v4 is down and web_v6 is down. BIRD was restarted, and did not take the state from our file: bird.conf must include it, and BIRD's user must be able to read it. It is put back. What would have stuck is `falconer withdraw web`");
}

#[tokio::test]
async fn a4_a_connection_that_only_broke_is_no_restart() {
    let mut service = at_full();
    let text = service
        .observe(&view("dddd"), &run(2, "20:40:40"), Instant::now())
        .unwrap();
    assert!(!text.contains("restarted"), "{text}");
}

#[tokio::test]
async fn a_definition_that_is_gone_is_drift() {
    let mut service = at_full();
    insta::assert_snapshot!(observe(&mut service, "-udd").unwrap(), @"web was at strength full, and now BIRD has no web_v4. BIRD's configuration does not define it any more. It cannot be put back before bird.conf defines it again. What would have stuck is `falconer withdraw web`");
}

#[tokio::test]
async fn a_protocol_that_only_moves_is_no_drift() {
    let mut service = at_full();
    assert_eq!(observe(&mut service, "fudd"), None);
    assert_eq!(observe(&mut service, "sudd"), None);
    assert_eq!(observe(&mut service, "uudd"), None);
}

#[tokio::test]
async fn a_new_wish_is_no_drift() {
    let mut service = at_full();
    service.decision.update(&intent(Some(Strength::Off), false, 2));
    assert_eq!(observe(&mut service, "uudd"), None);
    assert_eq!(observe(&mut service, "fudd"), None);
    assert_eq!(observe(&mut service, "dddd"), None);
    assert_eq!(service.decision.drift, None);
}

#[tokio::test]
async fn d10_without_a_settled_wish_nothing_is_drift() {
    let mut service = service();
    service.decision.update(&intent(None, false, 1));
    assert_eq!(observe(&mut service, "uudd"), None);
    assert_eq!(observe(&mut service, "dddd"), None);
    assert_eq!(service.decision.wanted(), None);
}

#[tokio::test]
async fn d11_frozen_drift_is_told_and_left() {
    let mut service = at_full();
    service.decision.update(&intent(Some(Strength::Full), true, 2));
    assert_eq!(service.decision.wanted(), None);
    assert_eq!(observe(&mut service, "uudd"), None);
    let text = observe(&mut service, "dddd").unwrap();
    assert!(
        text.contains("It is left as it is, because the service is frozen"),
        "{text}"
    );
    // Whatever is wanted meanwhile, what was there when it was frozen is what counts.
    service.decision.update(&intent(Some(Strength::Off), true, 3));
    assert!(service.decision.drift.is_some());
    assert_eq!(observe(&mut service, "uudd"), None);
    assert_eq!(service.decision.drift, None);
}

#[tokio::test]
async fn d11_thawed_with_another_wish_the_way_there_is_no_drift() {
    let mut service = at_full();
    service.decision.update(&intent(Some(Strength::Off), true, 2));
    observe(&mut service, "uudd");
    service.decision.update(&intent(Some(Strength::Off), false, 3));
    assert_eq!(observe(&mut service, "uudd"), None);
    assert_eq!(observe(&mut service, "dddd"), None);
    assert_eq!(service.decision.drift, None);
}

fn staged(service: &mut ServiceReconciler, stage: TransitionStage, protocol: &str) -> bool {
    service.decision.stage(stage, protocol, Instant::now()).is_some()
}

#[tokio::test]
async fn a5_a_stage_is_told_once_and_only_after_what_led_to_it() {
    let mut service = service();
    service.decision.update(&intent(Some(Strength::Full), false, 1));
    observe(&mut service, "dddd");
    assert!(
        !staged(&mut service, TransitionStage::Up, "web_v4"),
        "it was not us"
    );
    assert!(staged(&mut service, TransitionStage::EnableSent, "web_v4"));
    assert!(
        !staged(&mut service, TransitionStage::EnableSent, "web_v4"),
        "a repetition"
    );
    assert!(service.in_progress());
    for stage in [
        TransitionStage::EnableAnswered,
        TransitionStage::Up,
        TransitionStage::Exported,
    ] {
        assert!(staged(&mut service, stage, "web_v4"), "{stage:?}");
        assert!(!staged(&mut service, stage, "web_v4"), "{stage:?}");
    }
    assert!(!service.in_progress());
}

#[tokio::test]
async fn a5_a_mend_is_no_stage_of_a_decision_long_past() {
    let mut service = at_full();
    observe(&mut service, "dudd");
    assert!(!staged(&mut service, TransitionStage::EnableSent, "web_v4"));
    service.decision.update(&intent(Some(Strength::Off), false, 2));
    assert!(staged(&mut service, TransitionStage::DisableSent, "web_v4"));
}

#[tokio::test]
async fn a7_the_guard_is_asked_anew_before_an_enable() {
    let mut service = service();
    service.families[0].full.guard = Some(Ok(()));
    let fits = |states: &str, service: &ServiceReconciler| service.families[0].pair(&view(states)).full.fits;
    assert_eq!(fits("dudd", &service), None);
    assert_eq!(fits("fudd", &service), None);
    assert_eq!(fits("uudd", &service), Some(true));
}
