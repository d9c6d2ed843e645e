//! Enough upstreams, counted per prefix over those with a channel of its family; and why not.

use super::*;
use crate::config::model::Role;

fn upstream(name: &str, families: &[Family]) -> ObservedUpstream {
    ObservedUpstream {
        name: name.to_owned(),
        state: BgpState::Established,
        error: None,
        families: families.to_vec(),
        ..ObservedUpstream::unknown(name)
    }
}

fn line(name: &str, family: Family, prefixes: &[&str]) -> StaticProtocolConfig {
    StaticProtocolConfig {
        name: name.to_owned(),
        family,
        prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
    }
}

const V4: &[&str] = &["198.51.100.0/24", "192.0.2.0/24"];
const V6: &[&str] = &["2001:db8:5100::/48"];

fn target(min_upstreams: usize) -> ReconcileTarget {
    ReconcileTarget {
        service: "web".to_owned(),
        full: vec![line("web_v4", Family::V4, V4), line("web_v6", Family::V6, V6)],
        drain: Vec::new(),
        standing: Vec::new(),
        upstreams: vec!["isp_a".to_owned(), "isp_b".to_owned(), "isp_6".to_owned()],
        min_upstreams,
        flap_window: std::time::Duration::from_secs(3600),
        role: Role::Standby,
        primary_prefixes: Vec::new(),
    }
}

/// isp_a and isp_b for IPv4, isp_6 for IPv6, and one that is none of the service's.
fn upstreams() -> Vec<ObservedUpstream> {
    vec![
        upstream("isp_a", &[Family::V4]),
        upstream("isp_b", &[Family::V4]),
        upstream("isp_6", &[Family::V6]),
        upstream("other", &[Family::V4, Family::V6]),
    ]
}

/// Everything goes out as it should.
fn all_sent() -> ExportReplies {
    let sent = |prefixes: &[&str], upstreams: &[&str], from: &str| {
        prefixes
            .iter()
            .flat_map(|prefix| upstreams.iter().map(move |upstream| (*prefix, *upstream)))
            .map(|(prefix, upstream)| {
                (
                    (prefix.parse().unwrap(), upstream.to_owned()),
                    ExportReply::From(vec![from.to_owned()]),
                )
            })
            .collect::<Vec<_>>()
    };
    sent(V4, &["isp_a", "isp_b"], "web_v4")
        .into_iter()
        .chain(sent(V6, &["isp_6"], "web_v6"))
        .collect()
}

fn reach(min: usize, upstreams: &[ObservedUpstream], answers: &ExportReplies) -> ExportReach {
    let target = target(min);
    let announced: Vec<&StaticProtocolConfig> = target.full.iter().collect();
    judge(&target, &announced, upstreams, answers, false)
}

fn key(prefix: &str, upstream: &str) -> (IpNet, String) {
    (prefix.parse().unwrap(), upstream.to_owned())
}

#[test]
fn a5_carried_by_all_is_enough_and_each_upstream_counts_for_its_families() {
    let reach = reach(1, &upstreams(), &all_sent());
    assert_eq!(
        reach,
        ExportReach {
            exported_to: vec!["isp_a".into(), "isp_b".into(), "isp_6".into()],
            enough: true,
            problems: Vec::new()
        }
    );
}

#[test]
fn a5_an_upstream_that_misses_one_prefix_is_not_among_exported_to() {
    let mut answers = all_sent();
    answers.insert(key("192.0.2.0/24", "isp_b"), ExportReply::From(Vec::new()));
    let reach = reach(1, &upstreams(), &answers);
    assert_eq!(reach.exported_to, ["isp_a", "isp_6"]);
    assert!(reach.enough, "each prefix has one that carries it");
}

#[test]
fn a5_enough_is_counted_for_each_prefix() {
    let mut answers = all_sent();
    answers.insert(key("198.51.100.0/24", "isp_a"), ExportReply::From(Vec::new()));
    answers.insert(key("192.0.2.0/24", "isp_b"), ExportReply::From(Vec::new()));
    assert!(reach(1, &upstreams(), &answers).enough);
    let two = reach(2, &upstreams(), &answers);
    assert!(!two.enough);
    insta::assert_snapshot!(two.problems.join("\n"), @"
    enabled, not exported: 198.51.100.0/24 of web_v4 reaches 1 of at least 2 upstreams: isp_a does not export it: its export filter, an export limit or a better route of another protocol is in the way. 192.0.2.0/24 of web_v4 reaches 1 of at least 2 upstreams: isp_b does not export it: its export filter, an export limit or a better route of another protocol is in the way
    enabled, not exported: 2001:db8:5100::/48 of web_v6 reaches 1 of at least 2 upstreams: no other of its upstreams has an ipv6 channel
    ");
}

#[test]
fn a5_every_reason_is_named() {
    let name = |answers: &mut ExportReplies, sent: ExportReply| {
        for prefix in V4 {
            answers.insert(key(prefix, "isp_a"), sent.clone());
            answers.insert(key(prefix, "isp_b"), ExportReply::From(vec!["web_v4".into()]));
        }
    };
    let mut texts = Vec::new();
    let mut told = |upstreams: &[ObservedUpstream], answers: &ExportReplies| {
        let target = ReconcileTarget {
            upstreams: vec!["isp_a".into()],
            ..target(1)
        };
        let v4 = &target.full[0];
        let reach = judge(&target, &[v4], upstreams, answers, false);
        assert!(!reach.enough && reach.exported_to.is_empty());
        texts.push(reach.problems.join("\n"));
    };
    let mut answers = all_sent();
    name(&mut answers, ExportReply::From(Vec::new()));
    told(&upstreams(), &answers);
    name(
        &mut answers,
        ExportReply::Blocked("its export filter to_isp refuses it".into()),
    );
    told(&upstreams(), &answers);
    let dropped = ExportReply::Dropped {
        protocol: "web_v4".into(),
        why: "its channel has no next hop".into(),
    };
    name(&mut answers, dropped);
    told(&upstreams(), &answers);
    name(&mut answers, ExportReply::From(vec!["imposter".into()]));
    told(&upstreams(), &answers);
    name(&mut answers, ExportReply::NotUp);
    told(&upstreams(), &answers);
    let mut away = upstreams();
    away[0] = ObservedUpstream {
        state: BgpState::Active,
        error: Some("Socket: Connection refused".into()),
        ..away[0].clone()
    };
    told(&away, &ExportReplies::new());
    away[0].state = BgpState::Missing;
    told(&away, &ExportReplies::new());
    away[0] = upstream("isp_a", &[Family::V6]);
    told(&away, &ExportReplies::new());
    insta::assert_snapshot!(texts.join("\n"), @"
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: isp_a does not export it: its export filter, an export limit or a better route of another protocol is in the way
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: its export filter to_isp refuses it
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: its channel has no next hop
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: isp_a carries it from imposter, not from web_v4
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: the ipv4 channel of isp_a is not up
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: isp_a is Active (Socket: Connection refused)
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: BIRD has no protocol isp_a
    enabled, not exported: 198.51.100.0/24, 192.0.2.0/24 of web_v4 reaches 0 of at least 1 upstreams: none of its upstreams has an ipv4 channel
    ");
}

#[test]
fn a5_graceful_restart_recovery_is_named() {
    let target = target(1);
    let v4 = &target.full[0];
    let reach = judge(&target, &[v4], &upstreams(), &ExportReplies::new(), true);
    assert!(reach.problems[0].ends_with(RECOVERING), "{:?}", reach.problems);
}

#[test]
fn a5_a_family_that_is_not_announced_keeps_an_upstream_of_both_out() {
    let target = ReconcileTarget {
        upstreams: vec!["both".into()],
        ..target(1)
    };
    let both = [upstream("both", &[Family::V4, Family::V6])];
    let answers: ExportReplies = V4
        .iter()
        .map(|prefix| (key(prefix, "both"), ExportReply::From(vec!["web_v4".into()])))
        .collect();
    let v4 = &target.full[0];
    let reach = judge(&target, &[v4], &both, &answers, false);
    assert!(reach.enough, "what is announced is carried");
    assert_eq!(reach.exported_to, Vec::<String>::new());
}
