//! What stands on the site from a silent protocol to its upstreams.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::bird::parse::{ProtocolRow, ProtocolState};
use crate::bird::reconcile::ReconcileTarget;
use crate::bird::reconcile::decision::DecisionState;
use crate::config::model::{Family, Role};
use crate::model::BgpState;

const PREFIX: &str = "198.51.100.0/24";

fn upstream(name: &str, table: &str, next_hop: OwnNextHop) -> ObservedUpstream {
    ObservedUpstream {
        state: BgpState::Established,
        families: vec![Family::V4],
        channels: vec![SeenChannel {
            family: Family::V4,
            table: table.to_owned(),
            filter: "to_isp".to_owned(),
            takes_in: true,
            next_hop,
            limit_hit: None,
        }],
        ..ObservedUpstream::unknown(name)
    }
}

fn own() -> OwnNextHop {
    OwnNextHop::Address("203.0.113.2".parse().unwrap())
}

fn shape() -> RouteFacts {
    RouteFacts {
        table: "master4".to_owned(),
        preference: Some(200),
        input_filter: ACCEPT.to_owned(),
        targets: vec![(PREFIX.parse().unwrap(), vec!["blackhole".to_owned()])],
    }
}

/// A service with one protocol, two upstreams of which one must carry it, and nothing in the site.
struct Site {
    service: ServiceReconciler,
    upstreams: Vec<ObservedUpstream>,
    view: ProtocolView,
}

impl Site {
    fn well() -> Self {
        let target = ReconcileTarget {
            service: "web".to_owned(),
            full: vec![StaticProtocolConfig {
                name: "web_v4".to_owned(),
                family: Family::V4,
                prefixes: vec![PREFIX.parse().unwrap()],
            }],
            drain: Vec::new(),
            standing: Vec::new(),
            upstreams: vec!["isp_a".to_owned(), "isp_b".to_owned()],
            min_upstreams: 1,
            flap_window: Duration::from_secs(3600),
            role: Role::Standby,
            primary_prefixes: Vec::new(),
        };
        let mut service = ServiceReconciler::new(
            DecisionState::new(0, false),
            target,
            Duration::from_secs(1),
            Instant::now(),
        );
        service.families[0].full.routes = Some(shape());
        service.others.routes.insert(PREFIX.parse().unwrap(), Vec::new());
        let upstreams = ["isp_a", "isp_b"].map(|name| upstream(name, "master4", own()));
        Self {
            service,
            upstreams: upstreams.into(),
            view: ProtocolView::new(&[]),
        }
    }

    fn shape(&mut self) -> &mut RouteFacts {
        self.service.families[0].full.routes.as_mut().unwrap()
    }

    fn other(&mut self, table: &str, preference: Option<u32>) {
        let other = OtherRoute {
            table: table.to_owned(),
            protocol: "kernel1".to_owned(),
            preference,
        };
        self.service
            .others
            .routes
            .insert(PREFIX.parse().unwrap(), vec![other]);
    }

    fn pipes(&mut self, infos: &[&str]) {
        let pipe = |(at, info): (usize, &&str)| ProtocolRow {
            name: format!("pipe{at}"),
            proto: "Pipe".to_owned(),
            table: None,
            state: ProtocolState::Up,
            info: (*info).to_owned(),
        };
        let protocols: Vec<ProtocolRow> = infos.iter().enumerate().map(pipe).collect();
        self.view = ProtocolView::new(&protocols);
    }

    fn found(&self) -> Vec<(bool, String)> {
        let found = obstacles(&self.service, &self.view, &self.upstreams).expect("all was looked at");
        assert!(found.iter().all(|obstacle| !obstacle.advice.is_empty()));
        found
            .into_iter()
            .map(|obstacle| (obstacle.certain, obstacle.text))
            .collect()
    }

    /// The only one.
    fn one(&self) -> (bool, String) {
        let found = self.found();
        let [one] = &found[..] else { panic!("{found:?}") };
        one.clone()
    }
}

#[tokio::test]
async fn a5_nothing_stands_in_the_way_of_a_blackhole_in_the_session_s_table() {
    for word in SURE {
        let mut site = Site::well();
        site.shape().targets[0].1 = vec![word.to_owned()];
        assert_eq!(site.found(), []);
    }
}

#[tokio::test]
async fn a5_what_was_not_looked_at_is_never_nothing() {
    let mut site = Site::well();
    site.service.others.routes.clear();
    assert_eq!(obstacles(&site.service, &site.view, &site.upstreams), None);
    let mut site = Site::well();
    site.service.families[0].full.routes = None;
    assert_eq!(obstacles(&site.service, &site.view, &site.upstreams), None);
}

#[tokio::test]
async fn a5_every_other_target_is_not_provable() {
    for words in [
        &["via 10.99.0.2 (dormant)"] as &[&str],
        &["recursive 203.0.113.1"],
        &["dev wan0"],
        &["via 203.0.113.1", "via 203.0.113.3"],
        &["blackhole", "via 203.0.113.1"],
        &["teleported"],
        &[],
    ] {
        let mut site = Site::well();
        site.shape().targets[0].1 = words.iter().map(ToString::to_string).collect();
        let (certain, text) = site.one();
        assert!(!certain && text.contains("not provable"), "{text}");
    }
}

#[tokio::test]
async fn a5_another_route_at_or_above_our_preference_beats_ours_and_one_below_does_not() {
    for (preference, beats) in [
        (Some(254), true),
        (Some(200), true),
        (None, true),
        (Some(199), false),
    ] {
        let mut site = Site::well();
        site.other("master4", preference);
        let found = site.found();
        assert_eq!(found.len(), usize::from(beats), "{preference:?}: {found:?}");
        assert!(
            found
                .iter()
                .all(|(certain, text)| *certain && text.contains("kernel1 has"))
        );
        site.other("elsewhere", preference);
        assert_eq!(site.found(), [], "another table is none of the session's");
    }
}

#[tokio::test]
async fn a5_an_import_filter_of_the_static_is_not_provable_and_import_none_is_a_no() {
    let mut site = Site::well();
    site.shape().input_filter = REJECT.to_owned();
    assert!(site.one().0);
    for filter in ["(unnamed)", "mine", ""] {
        site.shape().input_filter = filter.to_owned();
        assert!(!site.one().0);
    }
}

#[tokio::test]
async fn a5_another_table_is_reached_through_pipes_that_prove_nothing_or_not_at_all() {
    let mut site = Site::well();
    site.upstreams.truncate(1);
    site.shape().table = "t4".to_owned();
    let (certain, text) = site.one();
    assert!(certain && text.contains("no pipe leads there"), "{text}");
    site.pipes(&["t4 <=> t5", "t6 <=> master4"]);
    assert!(site.one().0);
    site.pipes(&["master4 <=> t4"]);
    let (certain, text) = site.one();
    assert!(!certain && text.contains("only through pipe0"), "{text}");
    site.pipes(&["t4 => t5", "master4 <=> t5"]);
    let (certain, text) = site.one();
    assert!(
        !certain && text.contains("only through pipe0 and pipe1"),
        "{text}"
    );
    site.pipes(&["t4 or so"]);
    let (certain, text) = site.one();
    assert!(!certain && text.contains("not understood"), "{text}");
}

#[tokio::test]
async fn a5_what_stands_before_one_upstream_is_certain_only_where_too_few_are_left() {
    let mut site = Site::well();
    site.upstreams[0] = upstream("isp_a", "master4", OwnNextHop::Unspecified);
    let (certain, text) = site.one();
    assert!(!certain && text.contains("no next hop of its own"), "{text}");
    site.service.target.min_upstreams = 2;
    assert!(site.one().0);
    site.upstreams[0] = upstream("isp_a", "master4", OwnNextHop::Unreadable("soon".to_owned()));
    let (certain, text) = site.one();
    assert!(!certain && text.contains("not understood: soon"), "{text}");
}
