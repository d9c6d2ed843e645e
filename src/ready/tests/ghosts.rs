//! How long a primary's routes would stay after its death, and whether a standby's would win against them (D14).

use super::*;
use crate::bird::parse::{BfdSession, BfdState};
use crate::model::snapshot::RivalRoute;

/// The same site as a primary, its session with isp_a changed.
fn primary(change: impl Fn(&mut BgpDetail)) -> Site {
    let config = CONFIG
        .replace("role = \"standby\"", "role = \"primary\"")
        .replace("    primary_prefixes = [\"198.51.100.0/23\"]\n", "");
    let mut site = Site::with(&config);
    for (name, session) in &mut site.bird.sessions {
        let bgp = session.bgp.as_mut().unwrap();
        bgp.hold_time = Some(20);
        bgp.neighbor_address = Some("203.0.113.1".parse().unwrap());
        if name == "isp_a" {
            change(bgp);
        }
    }
    site
}

fn ghost(site: &Site) -> (ReadinessLevel, String) {
    let checks = site.decide().checks.into_iter();
    let mut of_a = checks
        .filter(|check| check.code == ReadinessCode::Ghost && check.subject.as_deref() == Some("isp_a"));
    of_a.next().map(|check| (check.level, check.text)).unwrap()
}

#[test]
fn d14_a_short_hold_time_or_bfd_ends_a_ghost_and_a_long_hold_time_is_a_warning() {
    let (level, text) = ghost(&primary(|bgp| bgp.hold_time = Some(90)));
    assert_eq!(level, ReadinessLevel::Warning);
    let words =
        "if this site lost power now, isp_a would keep our routes for up to 90 s: hold time 90 s, no BFD";
    assert_eq!(text, words);
    assert_eq!(
        ghost(&primary(|bgp| bgp.hold_time = Some(30))).0,
        ReadinessLevel::Ok
    );
    let (level, text) = ghost(&primary(|bgp| bgp.hold_time = Some(0)));
    assert_eq!(level, ReadinessLevel::Warning);
    assert!(text.contains("for ever"), "{text}");
    let with_bfd = |state| {
        let mut site = primary(|bgp| bgp.hold_time = Some(90));
        site.bird.bfd = vec![BfdSession {
            protocol: "bfd1".to_owned(),
            address: "203.0.113.1".parse().unwrap(),
            interface: None,
            state,
        }];
        ghost(&site).0
    };
    assert_eq!(with_bfd(BfdState::Up), ReadinessLevel::Ok);
    assert_eq!(with_bfd(BfdState::Down), ReadinessLevel::Warning);
}

#[test]
fn d14_graceful_restart_that_both_sides_agreed_on_keeps_a_ghost_longer() {
    let restart = |known: bool| {
        ghost(&primary(|bgp| {
            (bgp.restart_time, bgp.stale_time) = (Some(120), Some(3600));
            (bgp.neighbor_knows_restart, bgp.neighbor_knows_stale) = (known, known);
        }))
    };
    assert_eq!(restart(false).0, ReadinessLevel::Ok);
    let (level, text) = restart(true);
    assert_eq!(level, ReadinessLevel::Warning);
    assert!(
        text.contains("graceful restart may keep them 120 s longer"),
        "{text}"
    );
    assert!(
        text.contains("3600 s after that") && text.contains("NO_LLGR"),
        "{text}"
    );
}

#[test]
fn a_neighbour_that_refuses_the_hold_time_is_named_as_that() {
    let site = primary(|bgp| {
        (bgp.state, bgp.hold_time) = (BgpState::Idle, None);
        bgp.last_error = Some("Received: Unacceptable hold time".to_owned());
    });
    let (level, text) = ghost(&site);
    assert_eq!(level, ReadinessLevel::Warning);
    assert!(
        text.contains("because of the hold time (Received: Unacceptable hold time)"),
        "{text}"
    );
}

#[test]
fn a_standby_has_no_ghost_and_a_primary_no_winner() {
    let codes = |site: Site| -> Vec<ReadinessCode> {
        site.decide().checks.into_iter().map(|check| check.code).collect()
    };
    let of_standby = codes(Site::well());
    assert!(!of_standby.contains(&ReadinessCode::Ghost), "{of_standby:?}");
    assert!(of_standby.contains(&ReadinessCode::Winner), "{of_standby:?}");
    let of_primary = codes(primary(|_| {}));
    assert!(of_primary.contains(&ReadinessCode::Ghost), "{of_primary:?}");
    assert!(!of_primary.contains(&ReadinessCode::Winner), "{of_primary:?}");
}

/// A standby that is told of these routes, and announces what is written.
fn standby(primary_prefixes: &str, rivals: Option<&[(&str, &str)]>) -> Site {
    let mut site = Site::with(&CONFIG.replace("primary_prefixes = [\"198.51.100.0/23\"]", primary_prefixes));
    let rival = |(prefix, path): &(&str, &str)| RivalRoute {
        prefix: prefix.parse().unwrap(),
        upstream: "isp_a".to_owned(),
        as_path: Some((*path).to_owned()),
        origin_as: Some(64501),
        since: None,
    };
    site.snapshot.services[0].rivals = rivals.map(|rivals| rivals.iter().map(rival).collect());
    site
}

fn winner(site: &Site) -> (ReadinessLevel, String) {
    let mut checks = site.decide().checks.into_iter();
    let check = checks.find(|check| check.code == ReadinessCode::Winner).unwrap();
    (check.level, check.text)
}

#[test]
fn d14_more_specific_prefixes_win_as_configured_and_as_heard() {
    let covering = Some(&[("198.51.100.0/23", "64520 64510 64501")][..]);
    for site in [
        standby("primary_prefixes = [\"198.51.100.0/23\"]", None),
        standby("primary_prefixes = [\"198.51.100.0/23\"]", covering),
        standby("", covering),
    ] {
        let (level, text) = winner(&site);
        assert_eq!(level, ReadinessLevel::Ok, "{text}");
        assert!(text.contains("more specific"), "{text}");
    }
    // It is configured so, and is not.
    let both = [("198.51.100.0/23", "64520 64501"), (PREFIX, "64520 64501")];
    let site = standby("primary_prefixes = [\"198.51.100.0/23\"]", Some(&both));
    let (level, text) = winner(&site);
    assert_eq!(level, ReadinessLevel::Ok);
    assert!(
        text.contains("the customer route wins") || text.contains("customer's route wins"),
        "{text}"
    );
}

#[test]
fn d14_what_is_not_heard_is_not_provable() {
    for (rivals, words) in [(None, "no session tells"), (Some(&[][..]), "is not heard now")] {
        let (level, text) = winner(&standby("", rivals));
        assert_eq!(level, ReadinessLevel::Ok);
        assert!(text.starts_with("not provable") && text.contains(words), "{text}");
    }
}

/// What is said of the primary's route beside one that a rendered upstream prepends.
fn compared(path: &str, prepend: u8) -> String {
    let mut site = standby("", Some(&[(PREFIX, path)]));
    let rendered = format!(
        "site.name = \"hk1\"\nrender = {{}}\nrouter = {{ id = \"203.0.113.2\", local_as = 64501 }}\nupstream = [{{ name = \
         \"isp_a\", neighbor = \"203.0.113.1\", neighbor_as = 64520, prepend = {prepend} }}]\n[[service]]\nname = \
         \"web\"\nrole = \"standby\"\nprefixes = [\"{PREFIX}\"]\n[[service.probe]]\nname = \"ping\"\ntype = \
         \"icmp\"\ntarget = \"198.18.0.1\"\n"
    );
    let (config, _) =
        crate::config::load(&rendered, "falconer.toml").unwrap_or_else(|wrong| panic!("{wrong:?}"));
    site.config = config;
    let (level, text) = winner(&site);
    assert_eq!(level, ReadinessLevel::Ok);
    text
}

#[test]
fn d14_equal_prefixes_are_told_apart_by_how_often_each_site_prepends() {
    let equal = compared("64520 64510 64501", 0);
    assert!(
        equal.contains("is as long as ours would be: where it stays as a ghost, the older one wins"),
        "{equal}"
    );
    assert!(
        equal.contains("in the primary's own ISP the customer route wins"),
        "{equal}"
    );
    let longer = compared("64520 64510 64501 64501 64501", 0);
    assert!(longer.contains("its AS 3 times, ours 1 times"), "{longer}");
    let shorter = compared("64520 64510 64501", 2);
    assert!(shorter.contains("its AS 1 times, ours 3 times"), "{shorter}");
    let (_, own) = winner(&standby("", Some(&[(PREFIX, "64520 64510 64501")])));
    assert!(own.contains("is not known here"), "{own}");
}
