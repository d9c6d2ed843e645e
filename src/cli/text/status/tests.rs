//! A golden file for each situation an operator meets.

use unicode_width::UnicodeWidthStr;

use jiff::tz::TimeZone;

use super::*;
use crate::model::situations::{
    ago, alarm, announced, not_exported, overridden, probe, service, steady, taking_over, upstream,
};
use crate::model::snapshot::{FollowedUpstream, OverrideAction, OverrideSnapshot};

fn piped() -> TextStyle {
    TextStyle {
        color: false,
        width: None,
        zone: TimeZone::UTC,
    }
}

fn terminal(width: usize) -> TextStyle {
    TextStyle {
        color: false,
        width: Some(width),
        zone: TimeZone::UTC,
    }
}

fn colored() -> TextStyle {
    TextStyle {
        color: true,
        ..terminal(80)
    }
}

fn bird_down() -> Snapshot {
    let mut snapshot = announced();
    snapshot.bird.state = BirdState::Down;
    snapshot.bird.since = Some(ago(30));
    snapshot.bird.error = Some("/run/bird/bird.ctl: connection refused (died?)".to_owned());
    snapshot.services[0].actual = None;
    snapshot.services[0].exported_to.clear();
    snapshot.upstreams = vec![
        upstream("isp_a", "unknown", None),
        upstream("isp_b", "unknown", None),
    ];
    snapshot.alarms = vec![alarm(
        AlarmCode::BirdDown,
        None,
        "BIRD does not answer; see: systemctl status bird",
    )];
    snapshot
}

fn isolated() -> Snapshot {
    let mut snapshot = steady();
    snapshot.isolated = true;
    let web = &mut snapshot.services[0];
    web.verdict = Verdict::Down;
    web.rule = "D5".to_owned();
    web.reason = "this site is isolated: no takeover".to_owned();
    snapshot.witnesses = vec![
        probe("hk-resolver", "icmp", ProbeState::Down, "no reply within 2 s"),
        probe("root-k", "dns", ProbeState::Unknown, "no route to host"),
    ];
    snapshot.upstreams = vec![
        upstream("isp_a", "Connect", Some("Hold timer expired")),
        upstream("isp_b", "Active", Some("Socket: No route to host")),
    ];
    snapshot.alarms = vec![
        alarm(
            AlarmCode::Isolated,
            None,
            "0 of 2 witnesses answer, and it takes 1: this site's view proves nothing",
        ),
        alarm(
            AlarmCode::UpstreamDown,
            None,
            "isp_a is not established: Hold timer expired",
        ),
        alarm(
            AlarmCode::UpstreamDown,
            None,
            "isp_b is not established: Socket: No route to host",
        ),
    ];
    snapshot
}

fn cut_off() -> Snapshot {
    let mut snapshot = steady();
    snapshot.cut_off = true;
    let web = &mut snapshot.services[0];
    web.verdict = Verdict::Down;
    web.rule = "D5".to_owned();
    web.reason = "this site is cut off from where the primary is: on_cut_off holds the takeover".to_owned();
    snapshot.witnesses = vec![
        probe("hk-resolver", "icmp", ProbeState::Up, "reply from 192.0.2.53"),
        probe("cn-resolver", "icmp", ProbeState::Down, "no reply within 2 s"),
    ];
    snapshot.alarms = vec![alarm(
        AlarmCode::CutOff,
        None,
        "the near witnesses answer and the far ones do not: the way to where the primary is, is cut, and nothing is taken over",
    )];
    snapshot
}

fn drilled() -> Snapshot {
    let mut snapshot = steady();
    let web = &mut snapshot.services[0];
    web.actual = Some(Strength::Drain);
    web.exported_to = web.upstreams.clone();
    web.drill = Some(DrillSnapshot {
        strength: Strength::Drain,
        phase: DrillPhase::Holding,
        since: ago(3),
        until: Some(ago(-7)),
        actor: "ann".to_owned(),
        reason: None,
        stages: crate::model::snapshot::StageTimes::default(),
    });
    snapshot
}

fn latched() -> Snapshot {
    let mut snapshot = announced();
    let web = &mut snapshot.services[0];
    web.verdict = Verdict::Up;
    web.latched = true;
    web.rule = "D9".to_owned();
    web.reason = "3 takeovers within 1h".to_owned();
    snapshot.alarms = vec![alarm(
        AlarmCode::Latched,
        Some("web"),
        "3 takeovers within 1h: stays announced; release it with: falconer auto web",
    )];
    snapshot
}

fn failing_back() -> Snapshot {
    let mut snapshot = announced();
    let web = &mut snapshot.services[0];
    web.verdict = Verdict::Up;
    web.rule = "D7".to_owned();
    web.reason = "failback_delay".to_owned();
    web.deadline = Some(ago(-25));
    snapshot
}

fn frozen_without_end() -> Snapshot {
    let mut snapshot = steady();
    snapshot.services[0].overridden = Some(OverrideSnapshot {
        action: OverrideAction::Freeze,
        until: None,
        reason: None,
        actor: "uid 4711".to_owned(),
    });
    snapshot
}

fn many() -> Snapshot {
    let mut snapshot = announced();
    let mut dns = service("anycast_dns_resolver_v6");
    dns.role = Role::Primary;
    dns.want = Some(Strength::Full);
    dns.actual = Some(Strength::Drain);
    dns.exported_to = vec!["isp_a".to_owned()];
    dns.since = None;
    let mut mail = service("mail");
    mail.verdict = Verdict::Unclear;
    mail.want = None;
    mail.actual = None;
    mail.rule = "D10".to_owned();
    mail.reason = "no verdict yet".to_owned();
    snapshot.services.extend([dns, mail]);
    snapshot
}

fn chinese() -> Snapshot {
    let mut snapshot = overridden();
    snapshot.site = "香港一".to_owned();
    let web = &mut snapshot.services[0];
    web.reason = "由运维人员撤回".to_owned();
    if let Some(word) = &mut web.overridden {
        word.reason =
            Some("机房检修，请勿切换，联系值班工程师确认后再恢复自动模式，谢谢大家的配合与理解".to_owned());
        word.actor = "运维值班".to_owned();
    }
    snapshot.witnesses = vec![
        probe("香港解析器", "icmp", ProbeState::Up, "reply from 192.0.2.53"),
        probe("k", "dns", ProbeState::Up, "NOERROR"),
    ];
    snapshot
}

fn standing() -> Snapshot {
    let mut snapshot = steady();
    let standing = StandingSnapshot {
        prefixes: vec!["198.51.100.0/23".parse().unwrap()],
        protocols: vec!["web_v4_standing".to_owned()],
        want: StandingState::On,
        actual: StandingState::On,
        exported_to: vec!["isp_a".to_owned()],
    };
    let with = |name: &str, change: fn(&mut StandingSnapshot)| {
        let mut standing = standing.clone();
        change(&mut standing);
        ServiceSnapshot {
            standing: Some(standing),
            ..service(name)
        }
    };
    snapshot.services = vec![
        with("web", |_| {}),
        with("dns", |standing| standing.actual = StandingState::Off),
        with("mail", |standing| {
            (standing.want, standing.actual) = (StandingState::Off, StandingState::Off);
        }),
    ];
    snapshot
}

fn empty() -> Snapshot {
    let mut snapshot = steady();
    snapshot.services.clear();
    snapshot.upstreams.clear();
    snapshot.witnesses.clear();
    snapshot
}

fn starting() -> Snapshot {
    let mut snapshot = steady();
    snapshot.bird.state = BirdState::Busy;
    snapshot.bird.version = None;
    snapshot.bird.since = None;
    for witness in &mut snapshot.witnesses {
        witness.state = ProbeState::Unknown;
        witness.last = None;
    }
    snapshot
}

fn hostile() -> Snapshot {
    let mut snapshot = isolated();
    snapshot.bird.error = Some("\u{1b}]0;owned\u{7}".to_owned());
    snapshot.services[0].reason = "\u{1b}[2J\nweb standby up".to_owned();
    snapshot.alarms[0].text = "a\rb\u{9b}31m".to_owned();
    snapshot
}

fn situations() -> Vec<(&'static str, Snapshot)> {
    vec![
        ("steady", steady()),
        ("taking_over", taking_over()),
        ("announced", announced()),
        ("not_exported", not_exported()),
        ("bird_down", bird_down()),
        ("isolated", isolated()),
        ("cut_off", cut_off()),
        ("overridden", overridden()),
        ("latched", latched()),
        ("drilled", drilled()),
        ("failing_back", failing_back()),
        ("frozen_without_end", frozen_without_end()),
        ("many", many()),
        ("chinese", chinese()),
        ("standing", standing()),
        ("empty", empty()),
        ("starting", starting()),
        ("hostile", hostile()),
    ]
}

#[test]
fn every_situation_reads_as_its_golden_file() {
    for (name, snapshot) in situations() {
        insta::assert_snapshot!(name, text(&snapshot, &terminal(80)));
    }
}

#[test]
fn piped_every_row_is_one_line() {
    for (name, snapshot) in situations() {
        insta::assert_snapshot!(format!("{name}_piped"), text(&snapshot, &piped()));
    }
}

#[test]
fn on_a_terminal_no_line_is_wider_than_it() {
    for width in [80, 100, 132] {
        for (name, snapshot) in situations() {
            for line in text(&snapshot, &terminal(width)).lines() {
                assert!(
                    line.width() <= width || name == "many",
                    "{name} at {width}: {line}"
                );
            }
        }
    }
}

#[test]
fn disagreement_is_red_and_agreement_is_not() {
    assert!(!text(&announced(), &colored()).contains('\u{1b}'));
    insta::assert_snapshot!(
        "taking_over_colored",
        format!("{:?}", text(&taking_over(), &colored())).replace("\\n", "\n")
    );
    insta::assert_snapshot!(
        "not_exported_colored",
        format!("{:?}", text(&not_exported(), &colored())).replace("\\n", "\n")
    );
}

#[test]
fn colour_moves_nothing() {
    for (name, snapshot) in situations() {
        let colored = text(&snapshot, &colored());
        let bare = anstream::adapter::strip_str(&colored).to_string();
        assert_eq!(bare, text(&snapshot, &terminal(80)), "{name}");
    }
}

#[test]
fn nothing_from_outside_reaches_the_terminal_as_a_command() {
    let shown = text(&hostile(), &piped());
    assert!(
        !shown.contains(|c: char| c.is_control() && c != '\n'),
        "{shown:?}"
    );
    assert_eq!(shown.lines().count(), text(&isolated(), &piped()).lines().count());
}

#[test]
fn times_are_shown_in_the_readers_zone() {
    let style = TextStyle {
        zone: TimeZone::get("Asia/Hong_Kong").unwrap(),
        ..piped()
    };
    let shown = text(&announced(), &style);
    assert!(shown.contains(" 04:41:00 "), "{shown}");
}

#[test]
fn a11_an_upstream_that_still_prefers_another_way_is_named_with_its_age() {
    let mut snapshot = announced();
    let way = |upstream: &str, state| FollowedUpstream {
        upstream: upstream.to_owned(),
        state,
        since: Some(ago(41)),
    };
    snapshot.services[0].followed = vec![
        way("isp_a", FollowedState::PrefersAnother),
        way("isp_b", FollowedState::Follows),
        way("isp_c", FollowedState::CannotBeHeard),
    ];
    let text = text(&snapshot, &piped());
    let line = text.lines().find(|line| line.starts_with("web")).unwrap();
    assert!(
        line.ends_with("; isp_a still prefers another way (41 s)"),
        "{line}"
    );
}
