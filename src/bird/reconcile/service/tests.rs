//! What is remembered of a service: drift, and the stages of the decision in force.

use super::*;
use crate::bird::parse::ProtocolRow;

fn line(name: &str, family: Family, prefix: &str) -> StaticProtocolConfig {
    StaticProtocolConfig {
        name: name.to_owned(),
        family,
        prefixes: vec![prefix.parse().unwrap()],
    }
}

/// Both families, with a drain protocol each.
fn course() -> ServiceReconciler {
    let (v4, v6) = ("198.51.100.0/24", "2001:db8:5100::/48");
    let target = ReconcileTarget {
        service: "web".to_owned(),
        full: vec![line("web_v4", Family::V4, v4), line("web_v6", Family::V6, v6)],
        drain: vec![
            line("web_v4_drain", Family::V4, v4),
            line("web_v6_drain", Family::V6, v6),
        ],
        upstreams: vec!["isp".to_owned()],
        min_upstreams: 1,
        flap_window: Duration::from_secs(3600),
    };
    ServiceReconciler::new(target, Duration::from_secs(1), Instant::now())
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
                'u' => parse::ProtocolState::Up,
                'd' => parse::ProtocolState::Down,
                's' => parse::ProtocolState::Start,
                'f' => parse::ProtocolState::Flush,
                other => panic!("{other}"),
            },
            info: String::new(),
        })
        .collect();
    ProtocolView::new(&protocols)
}

fn wish(strength: Option<Strength>, hands_off: bool, id: u64) -> DesiredState {
    DesiredState {
        strength,
        hands_off,
        reason: "test".to_owned(),
        id,
        drill: None,
    }
}

fn boot(connects: u64, at: &str) -> BirdRun {
    BirdRun {
        connects,
        at: Some(at.to_owned()),
    }
}

fn observe(course: &mut ServiceReconciler, states: &str) -> Option<String> {
    course.observe(&view(states), &boot(1, "20:40:40"), Instant::now())
}

/// Brought to full, and seen there.
fn at_full() -> ServiceReconciler {
    let mut course = course();
    course.take(&wish(Some(Strength::Full), false, 1));
    assert_eq!(observe(&mut course, "dddd"), None, "on its way is no drift");
    assert_eq!(observe(&mut course, "uddd"), None);
    assert_eq!(observe(&mut course, "uudd"), None);
    course
}

#[tokio::test]
async fn actual_is_the_weakest_over_the_families() {
    let mut course = course();
    for (states, actual) in [
        ("uudd", Strength::Full),
        ("uddu", Strength::Drain),
        ("uddd", Strength::Off),
        ("dddd", Strength::Off),
    ] {
        observe(&mut course, states);
        assert_eq!(course.actual, Some(actual), "{states}");
    }
}

#[tokio::test]
async fn d10_families_that_disagree_are_not_adopted() {
    let course = course();
    assert_eq!(course.adoptable(&view("uudd")), Some(Strength::Full));
    assert_eq!(course.adoptable(&view("dddd")), Some(Strength::Off));
    assert_eq!(course.adoptable(&view("dduu")), Some(Strength::Drain));
    for states in ["uddd", "uddu", "ufdd", "-udd", "ssdd"] {
        assert_eq!(course.adoptable(&view(states)), None, "{states}");
    }
    assert_eq!(course.adoptable(&ProtocolView::default()), None);
}

#[tokio::test]
async fn a1_drift_is_told_once_and_again_after_it_was_mended() {
    let mut course = at_full();
    let text = observe(&mut course, "dudd").unwrap();
    insta::assert_snapshot!(text, @"web was at strength full, and now web_v4 is down. It was not us: a `birdc enable` or `disable` does that, a `configure undo` or an expired undo timer, and a `configure` where bird.conf does not include the state file. It is put back. What would have stuck is `falconer withdraw web`");
    assert_eq!(observe(&mut course, "dudd"), None);
    assert_eq!(observe(&mut course, "dddd"), None, "it is drifting already");
    assert_eq!(course.drifting.as_ref(), Some(&text));
    assert_eq!(observe(&mut course, "uudd"), None);
    assert_eq!(course.drifting, None);
    assert!(observe(&mut course, "uddd").is_some());
}

#[tokio::test]
async fn a1_something_enabled_that_must_be_silent_is_drift() {
    let mut course = course();
    course.take(&wish(Some(Strength::Off), false, 1));
    observe(&mut course, "dddd");
    insta::assert_snapshot!(observe(&mut course, "uudd").unwrap(), @"web was at strength off, and now web_v4 is up and web_v6 is up. It was not us: a `birdc enable` or `disable` does that, a `configure undo` or an expired undo timer, and a `configure` where bird.conf does not include the state file. It is put back. What would have stuck is `falconer announce web`");
}

#[tokio::test]
async fn a6_a_restart_that_came_up_silent_is_told_as_such() {
    let mut course = at_full();
    let text = course
        .observe(&view("dddd"), &boot(2, "21:00:00"), Instant::now())
        .unwrap();
    insta::assert_snapshot!(text, @"web was at strength full, and now web_v4 is down and web_v6 is down. BIRD was restarted, and did not take the state from our file: bird.conf must include it, and BIRD's user must be able to read it. It is put back. What would have stuck is `falconer withdraw web`");
}

#[tokio::test]
async fn a4_a_connection_that_only_broke_is_no_restart() {
    let mut course = at_full();
    let text = course
        .observe(&view("dddd"), &boot(2, "20:40:40"), Instant::now())
        .unwrap();
    assert!(!text.contains("restarted"), "{text}");
}

#[tokio::test]
async fn a_definition_that_is_gone_is_drift() {
    let mut course = at_full();
    insta::assert_snapshot!(observe(&mut course, "-udd").unwrap(), @"web was at strength full, and now BIRD has no web_v4. BIRD's configuration does not define it any more. It cannot be put back before bird.conf defines it again. What would have stuck is `falconer withdraw web`");
}

#[tokio::test]
async fn a_protocol_that_only_moves_is_no_drift() {
    let mut course = at_full();
    assert_eq!(observe(&mut course, "fudd"), None);
    assert_eq!(observe(&mut course, "sudd"), None);
    assert_eq!(observe(&mut course, "uudd"), None);
}

#[tokio::test]
async fn a_new_wish_is_no_drift() {
    let mut course = at_full();
    course.take(&wish(Some(Strength::Off), false, 2));
    assert_eq!(observe(&mut course, "uudd"), None);
    assert_eq!(observe(&mut course, "fudd"), None);
    assert_eq!(observe(&mut course, "dddd"), None);
    assert_eq!(course.drifting, None);
}

#[tokio::test]
async fn d10_without_a_settled_wish_nothing_is_drift() {
    let mut course = course();
    course.take(&wish(None, false, 1));
    assert_eq!(observe(&mut course, "uudd"), None);
    assert_eq!(observe(&mut course, "dddd"), None);
    assert_eq!(course.order(), None);
}

#[tokio::test]
async fn d11_frozen_drift_is_told_and_left() {
    let mut course = at_full();
    course.take(&wish(Some(Strength::Full), true, 2));
    assert_eq!(course.order(), None);
    assert_eq!(observe(&mut course, "uudd"), None);
    let text = observe(&mut course, "dddd").unwrap();
    assert!(
        text.contains("It is left as it is, because the service is frozen"),
        "{text}"
    );
    // Whatever is wanted meanwhile, what was there when it was frozen is what counts.
    course.take(&wish(Some(Strength::Off), true, 3));
    assert!(course.drifting.is_some());
    assert_eq!(observe(&mut course, "uudd"), None);
    assert_eq!(course.drifting, None);
}

#[tokio::test]
async fn d11_thawed_with_another_wish_the_way_there_is_no_drift() {
    let mut course = at_full();
    course.take(&wish(Some(Strength::Off), true, 2));
    observe(&mut course, "uudd");
    course.take(&wish(Some(Strength::Off), false, 3));
    assert_eq!(observe(&mut course, "uudd"), None);
    assert_eq!(observe(&mut course, "dddd"), None);
    assert_eq!(course.drifting, None);
}

fn staged(course: &mut ServiceReconciler, stage: TransitionStage, protocol: &str) -> bool {
    course.stage(7, stage, protocol, Instant::now()).is_some()
}

#[tokio::test]
async fn a5_a_stage_is_told_once_and_only_after_what_led_to_it() {
    let mut course = course();
    course.take(&wish(Some(Strength::Full), false, 1));
    observe(&mut course, "dddd");
    assert!(
        !staged(&mut course, TransitionStage::Up, "web_v4"),
        "it was not us"
    );
    assert!(staged(&mut course, TransitionStage::EnableSent, "web_v4"));
    assert!(
        !staged(&mut course, TransitionStage::EnableSent, "web_v4"),
        "a repetition"
    );
    assert!(course.moving());
    for stage in [
        TransitionStage::EnableAnswered,
        TransitionStage::Up,
        TransitionStage::Exported,
    ] {
        assert!(staged(&mut course, stage, "web_v4"), "{stage:?}");
        assert!(!staged(&mut course, stage, "web_v4"), "{stage:?}");
    }
    assert!(!course.moving());
}

#[tokio::test]
async fn a5_a_mend_is_no_stage_of_a_decision_long_past() {
    let mut course = at_full();
    observe(&mut course, "dudd");
    assert!(!staged(&mut course, TransitionStage::EnableSent, "web_v4"));
    course.take(&wish(Some(Strength::Off), false, 2));
    assert!(staged(&mut course, TransitionStage::DisableSent, "web_v4"));
}

#[tokio::test]
async fn a7_the_guard_is_asked_anew_before_an_enable() {
    let mut course = course();
    course.legs[0].full.guard = Some(Ok(()));
    let fits = |states: &str, course: &ServiceReconciler| course.legs[0].pair(&view(states)).full.fits;
    assert_eq!(fits("dudd", &course), None);
    assert_eq!(fits("fudd", &course), None);
    assert_eq!(fits("uudd", &course), Some(true));
}
