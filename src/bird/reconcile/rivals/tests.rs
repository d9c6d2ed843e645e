//! What neighbours tell, and which way upstreams prefer: rule A11 on a paused clock.

use super::*;
use crate::bird::parse::{Dest, OwnNextHop};
use crate::bird::reconcile::observation::SeenChannel;
use crate::model::BgpState;

const OURS: &str = "198.51.100.0/24";

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn route(prefix: &str, session: &str) -> Route {
    Route {
        table: "master4".to_owned(),
        prefix: net(prefix),
        dest: Dest::Unicast,
        protocol: session.to_owned(),
        from: None,
        primary: false,
        preference: Some(100),
        origin_as: Some(64501),
        next_hops: Vec::new(),
        as_path: Some("64520 64510 64501".to_owned()),
        bgp_next_hop: None,
        communities: Vec::new(),
        large_communities: Vec::new(),
    }
}

fn upstream(name: &str, takes_in: bool) -> ObservedUpstream {
    ObservedUpstream {
        state: BgpState::Established,
        channels: vec![SeenChannel {
            family: Family::V4,
            table: "master4".to_owned(),
            filter: "out".to_owned(),
            takes_in,
            next_hop: OwnNextHop::NotShown,
            limit_hit: None,
        }],
        ..ObservedUpstream::unknown(name)
    }
}

fn policy(takes_in: Option<bool>) -> SessionImport {
    SessionImport {
        name: "isp".to_owned(),
        takes_in,
    }
}

/// A service, and the one session "isp" that stands since the beginning.
struct Site {
    rivals: Rivals,
    prefixes: Vec<IpNet>,
    sessions: HearingSessions,
    began: Instant,
    seconds: u64,
}

impl Site {
    fn new(takes_in: Option<bool>) -> Self {
        let began = Instant::now();
        let hearing = Hearing::of(&policy(takes_in), &upstream("isp", true), began);
        Self {
            rivals: Rivals::default(),
            prefixes: vec![net(OURS)],
            sessions: hearing
                .map(|hearing| ("isp".to_owned(), hearing))
                .into_iter()
                .collect(),
            began,
            seconds: 20,
        }
    }

    fn now(&self) -> Instant {
        self.began + Duration::from_secs(self.seconds)
    }

    fn hears(&mut self, routes: &[Route]) {
        let now = self.now();
        self.rivals.update(&self.prefixes, routes, &self.sessions, now);
    }

    /// The way of isp, and for how many seconds it has been that, while isp carries the service.
    fn way(&mut self) -> (FollowedState, u64) {
        let now = self.now();
        let carriers = ["isp".to_owned()];
        self.rivals.follow(&carriers, &self.prefixes, &self.sessions, now);
        let ways = self.rivals.ways();
        (ways[0].state, (now - ways[0].since).as_secs())
    }
}

#[tokio::test(start_paused = true)]
async fn a11_an_upstream_that_tells_another_route_prefers_it_and_follows_once_it_stops() {
    let mut site = Site::new(Some(true));
    site.hears(&[route(OURS, "isp")]);
    assert_eq!(site.way(), (FollowedState::PrefersAnother, 0));
    site.seconds += 41;
    site.hears(&[route(OURS, "isp")]);
    assert_eq!(site.way(), (FollowedState::PrefersAnother, 41));
    assert!(site.rivals.is_unfollowed());
    let told = site.rivals.told().unwrap();
    assert_eq!(site.now() - told[0].since, Duration::from_secs(41));
    site.seconds += 1;
    site.hears(&[]);
    assert_eq!(site.way(), (FollowedState::Follows, 0));
    assert_eq!(site.rivals.told(), Some(Vec::new()));
    assert!(!site.rivals.is_unfollowed());
}

#[tokio::test(start_paused = true)]
async fn a11_an_upstream_that_never_told_another_route_cannot_be_heard() {
    let mut site = Site::new(Some(true));
    site.hears(&[]);
    assert_eq!(site.way().0, FollowedState::CannotBeHeard);
    site.hears(&[route(OURS, "other")]);
    assert_eq!(site.way().0, FollowedState::CannotBeHeard);
}

#[tokio::test(start_paused = true)]
async fn a11_where_nothing_is_taken_in_nobody_says_that_there_is_no_rival() {
    let mut site = Site::new(Some(false));
    site.hears(&[]);
    assert_eq!(site.rivals.told(), None);
    assert_eq!(site.way().0, FollowedState::CannotBeHeard);
    // BIRD's own word for `import none`, in a bird.conf of the user's own.
    assert_eq!(
        Hearing::of(&policy(None), &upstream("isp", false), Instant::now()),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a11_of_an_import_that_is_not_known_silence_says_something_only_after_a_route() {
    let mut site = Site::new(None);
    site.hears(&[]);
    assert_eq!(site.rivals.told(), None);
    site.hears(&[route(OURS, "isp")]);
    site.hears(&[]);
    assert_eq!(site.rivals.told(), Some(Vec::new()));
    assert_eq!(site.way().0, FollowedState::Follows);
}

#[tokio::test(start_paused = true)]
async fn d14_a_shorter_route_around_ours_is_a_rival_and_wins_nowhere() {
    let mut site = Site::new(Some(true));
    site.hears(&[route("198.51.100.0/23", "isp")]);
    assert_eq!(site.rivals.told().unwrap().len(), 1);
    assert_eq!(site.way().0, FollowedState::Follows);
    for matching in [OURS, "198.51.100.128/25"] {
        site.hears(&[route("198.51.100.0/23", "isp"), route(matching, "isp")]);
        assert_eq!(site.way().0, FollowedState::PrefersAnother, "{matching}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_route_and_the_neighbourhood_are_no_rivals() {
    let mut site = Site::new(Some(true));
    site.hears(&[route("0.0.0.0/0", "isp"), route("198.51.101.0/24", "isp")]);
    assert_eq!(site.rivals.told(), Some(Vec::new()));
    assert_eq!(site.way().0, FollowedState::CannotBeHeard);
}

#[tokio::test(start_paused = true)]
async fn a11_a_session_that_has_just_come_up_has_not_told_everything() {
    let mut site = Site::new(Some(true));
    site.hears(&[route(OURS, "isp")]);
    site.seconds += 1;
    site.sessions.get_mut("isp").unwrap().since = site.now();
    site.hears(&[]);
    assert_eq!(site.way().0, FollowedState::CannotBeHeard);
    site.seconds += SETTLED.as_secs();
    assert_eq!(site.way().0, FollowedState::Follows);
    site.sessions.clear();
    assert_eq!(site.way().0, FollowedState::CannotBeHeard);
}

#[tokio::test(start_paused = true)]
async fn a11_each_family_that_the_session_takes_in_must_have_been_heard() {
    let mut site = Site::new(Some(true));
    site.prefixes.push(net("2001:db8:5100::/48"));
    site.hears(&[route(OURS, "isp")]);
    site.hears(&[]);
    // The session has no IPv6.
    assert_eq!(site.way().0, FollowedState::Follows);
    let tables = &mut site.sessions.get_mut("isp").unwrap().tables;
    tables.push((Family::V6, "master6".to_owned()));
    assert_eq!(site.way().0, FollowedState::CannotBeHeard);
    site.hears(&[route("2001:db8::/32", "isp")]);
    assert_eq!(site.way().0, FollowedState::Follows);
}

#[tokio::test(start_paused = true)]
async fn of_thousands_inside_a_large_block_some_are_shown_and_all_count() {
    let mut site = Site::new(Some(true));
    site.prefixes = vec![net("10.0.0.0/8")];
    let inside = |at: usize| route(&format!("10.{}.{}.0/24", at / 256, at % 256), "other");
    let mut routes: Vec<Route> = (0..3000).map(inside).collect();
    routes.push(route("10.200.0.0/16", "isp"));
    site.hears(&routes);
    assert_eq!(site.rivals.told().unwrap().len(), RIVALS_SHOWN);
    assert_eq!(site.way().0, FollowedState::PrefersAnother);
}

#[tokio::test(start_paused = true)]
async fn what_bird_does_not_say_any_more_is_not_known() {
    let mut site = Site::new(Some(true));
    site.hears(&[route(OURS, "isp")]);
    site.way();
    site.rivals.lose_sight();
    assert_eq!((site.rivals.told(), site.rivals.ways()), (None, Vec::new()));
}
