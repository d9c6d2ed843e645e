//! What is announced all the time (D14).

use super::*;
use crate::model::snapshot::{StandingSnapshot, StandingState};

const BLOCK: &str = "198.51.100.0/23";
const STANDING: &str = "web_v4_standing";

/// All is well, and the block stands; the filters of these upstreams let it out.
fn standing(passing: &[&str]) -> Site {
    let config = CONFIG.replace(
        "protocols = [\"web_v4\"]",
        "protocols = [\"web_v4\"]\nstanding = [\"198.51.100.0/23\"]",
    );
    let mut site = Site::with(&config);
    let protocols = site.bird.protocols.as_mut().unwrap();
    protocols.extend([row(STANDING)]);
    let files = site.disk.bird_conf.state_files.as_mut().unwrap();
    files.insert(STANDING.to_owned(), StateFile::Taken);
    site.snapshot.services[0].standing = Some(StandingSnapshot {
        prefixes: vec![BLOCK.parse().unwrap()],
        protocols: vec![STANDING.to_owned()],
        want: StandingState::On,
        actual: StandingState::On,
        exported_to: vec!["isp_a".to_owned()],
    });
    let shadow: TestRoute = (BLOCK.parse().unwrap(), format!("{STANDING}_shadow"));
    if let Some(FilterTest::Held { routes, passes }) = site.bird.rehearsals.get_mut(&Family::V4) {
        routes.push(shadow.clone());
        for filter in passing {
            passes
                .get_mut(*filter)
                .unwrap()
                .as_mut()
                .unwrap()
                .push(shadow.clone());
        }
    }
    site
}

#[test]
fn d14_what_stands_all_the_time_is_a_check_of_its_own() {
    let readiness = standing(&["to_isp_b_v4"]).decide();
    let check = readiness
        .checks
        .iter()
        .find(|check| check.code == ReadinessCode::Standing);
    let check = check.expect("it is checked");
    assert_eq!(check.level, ReadinessLevel::Ok, "{readiness:#?}");
    assert_eq!(check.text, "announced all the time: 198.51.100.0/23");
    let without = Site::well().decide();
    assert!(
        without
            .checks
            .iter()
            .all(|check| check.code != ReadinessCode::Standing)
    );
}

#[test]
fn d14_what_does_not_stand_or_does_not_pass_a_filter_is_a_warning() {
    let mut down = standing(&["to_isp_a_v4", "to_isp_b_v4"]);
    let shown = down.snapshot.services[0].standing.as_mut().unwrap();
    (shown.actual, shown.exported_to) = (StandingState::Off, Vec::new());
    let (code, level, text) = down.said();
    assert_eq!((code, level), (ReadinessCode::Standing, ReadinessLevel::Warning));
    assert!(text.contains("BIRD does not have web_v4_standing up"), "{text}");
    // What an operator withdrew is not missing.
    down.snapshot.services[0].standing.as_mut().unwrap().want = StandingState::Off;
    assert_eq!(down.decide().level, ReadinessLevel::Ok);
    let refused = standing(&[]).problem();
    assert_eq!(refused.code, ReadinessCode::Standing);
    assert_eq!(
        refused.subject.as_deref(),
        Some("isp_b"),
        "isp_a carries it already"
    );
    assert!(refused.advice.unwrap().contains("web_v4_standing_shadow"));
}

/// The rendered limit has room for both, and what is out already does not come on top.
#[test]
fn d14_what_is_out_already_does_not_count_against_the_export_limit() {
    let mut site = standing(&["to_isp_b_v4"]);
    let shown = site.snapshot.services[0].standing.as_mut().unwrap();
    shown.prefixes = vec![PREFIX.parse().unwrap()];
    let channel = site.channel("isp_a");
    channel.export_limit = Some(crate::bird::parse::ExportLimit {
        routes: 1,
        action: "block".to_owned(),
        hit: false,
    });
    channel.routes = Some(RouteCounts {
        imported: 0,
        exported: 1,
        preferred: Some(0),
    });
    let limits = |site: &Site| {
        let readiness = site.decide();
        let limits = readiness
            .problems()
            .filter(|check| check.code == ReadinessCode::ExportLimit);
        limits.count()
    };
    assert_eq!(limits(&site), 0, "the same prefix");
    let shown = site.snapshot.services[0].standing.as_mut().unwrap();
    shown.prefixes = vec![BLOCK.parse().unwrap()];
    assert_eq!(limits(&site), 1, "another one");
}
