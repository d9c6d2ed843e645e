//! Snapshots of situations that an operator meets, for the tests of everything that shows one.

use jiff::{SignedDuration, Timestamp};

use super::serving::{OnNotServing, ServingRoute, ServingState};
use super::snapshot::ServingSnapshot;
use super::snapshot::{
    Alarm, AlarmCode, BirdSnapshot, BirdState, CheckOutcome, OverrideAction, OverrideSnapshot, PrefixPattern,
    ProbeSnapshot, ProbeState, ResultSnapshot, Role, SCHEMA, ServiceSnapshot, Snapshot, Strength,
    UpstreamSnapshot, Verdict,
};

/// When every situation is looked at.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T20:45:00.500Z".parse().unwrap()
}

/// So many seconds before [`now`].
pub(crate) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// A probe that has said the same thing ten times.
pub(crate) fn probe(name: &str, kind: &str, state: ProbeState, detail: &str) -> ProbeSnapshot {
    let result = match state {
        ProbeState::Up => CheckOutcome::Pass,
        ProbeState::Down => CheckOutcome::Fail,
        ProbeState::Unknown => CheckOutcome::Error,
    };
    let rtt_ms = (state == ProbeState::Up).then_some(31.25);
    let last = ResultSnapshot {
        at: ago(2),
        result,
        detail: detail.to_owned(),
        rtt_ms,
    };
    ProbeSnapshot {
        name: name.to_owned(),
        kind: kind.to_owned(),
        state,
        streak: 10,
        last: Some(last),
        never_passed: false,
    }
}

/// It would be served here.
pub(crate) fn serving() -> ServingSnapshot {
    ServingSnapshot {
        state: ServingState::Yes,
        on_not_serving: OnNotServing::Announce,
        checks: vec![probe(
            "local",
            "tcp",
            ProbeState::Up,
            "connected to 198.51.100.10:443",
        )],
        routes: vec![route("this host has the address", Some(true))],
        since: ago(86_400),
    }
}

/// What the kernel says of the address that is to be served.
pub(crate) fn route(answer: &str, serves: Option<bool>) -> ServingRoute {
    ServingRoute {
        address: [198, 51, 100, 10].into(),
        answer: answer.to_owned(),
        answer_message: None,
        serves,
        warning: None,
        warning_message: None,
    }
}

/// A standby that stands by.
pub(crate) fn service(name: &str) -> ServiceSnapshot {
    ServiceSnapshot {
        serving: None,
        name: name.to_owned(),
        role: Role::Standby,
        prefixes: vec!["198.51.100.0/24".parse().unwrap()],
        protocols: vec![format!("{name}_v4")],
        pattern: PrefixPattern::Equal,
        primary_prefixes: vec!["198.51.100.0/24".parse().unwrap()],
        standing: None,
        verdict: Verdict::Up,
        want: Some(Strength::Off),
        actual: Some(Strength::Off),
        upstreams: vec!["isp_a".to_owned(), "isp_b".to_owned()],
        exported_to: vec![],
        verified_at: None,
        rule: "D4".to_owned(),
        reason: "the target is up".to_owned(),
        reason_message: None,
        since: Some(ago(86_400 * 3)),
        deadline: None,
        overridden: None,
        latched: false,
        probes: vec![
            probe("ping", "icmp", ProbeState::Up, "reply from 198.18.0.1"),
            probe("site", "http", ProbeState::Up, "200 OK"),
        ],
        transition: None,
        drill: None,
        last_drill: None,
        last_good_drill: None,
        obstacles: Some(vec![]),
        rivals: Some(vec![]),
        followed: vec![],
    }
}

/// A session of BIRD.
pub(crate) fn upstream(name: &str, state: &str, error: Option<&str>) -> UpstreamSnapshot {
    let error = error.map(str::to_owned);
    UpstreamSnapshot {
        name: name.to_owned(),
        state: state.to_owned().into(),
        since: Some(ago(3600)),
        error,
    }
}

/// Something wrong since a minute.
pub(crate) fn alarm(code: AlarmCode, service: Option<&str>, text: &str) -> Alarm {
    Alarm {
        code,
        service: service.map(str::to_owned),
        text: text.to_owned(),
        message: None,
        since: ago(60),
    }
}

/// One standby, all well.
pub(crate) fn steady() -> Snapshot {
    Snapshot {
        schema: SCHEMA,
        site: "hk1".to_owned(),
        version: "0.1.0".to_owned(),
        since: ago(86_400 * 3),
        at: now(),
        isolated: false,
        cut_off: false,
        bird: BirdSnapshot {
            state: BirdState::Up,
            version: Some("2.0.12".to_owned()),
            since: Some(ago(86_400 * 3)),
            error: None,
            read_at: Some(ago(0)),
        },
        services: vec![service("web")],
        upstreams: vec![
            upstream("isp_a", "Established", None),
            upstream("isp_b", "Established", None),
        ],
        witnesses: vec![
            probe("hk-resolver", "icmp", ProbeState::Up, "reply from 192.0.2.53"),
            probe("root-k", "dns", ProbeState::Up, "NOERROR"),
        ],
        tunnels: vec![],
        lease: None,
        alarms: vec![],
        ready: None,
    }
}

/// The primary died; BIRD has been told.
pub(crate) fn taking_over() -> Snapshot {
    let mut snapshot = steady();
    let web = &mut snapshot.services[0];
    web.verdict = Verdict::Down;
    web.want = Some(Strength::Full);
    web.reason = "the target is down: ping and site are down".to_owned();
    web.since = Some(ago(0));
    web.probes = vec![
        probe("ping", "icmp", ProbeState::Down, "no reply within 2 s"),
        probe("site", "http", ProbeState::Down, "connection timed out"),
    ];
    snapshot
}

/// The primary died; the standby carries the prefixes.
pub(crate) fn announced() -> Snapshot {
    let mut snapshot = taking_over();
    let web = &mut snapshot.services[0];
    web.actual = Some(Strength::Full);
    web.exported_to = web.upstreams.clone();
    web.verified_at = Some(ago(0));
    web.since = Some(ago(240));
    snapshot
}

/// BIRD's protocol is up, and no upstream carries it.
pub(crate) fn not_exported() -> Snapshot {
    let mut snapshot = announced();
    let web = &mut snapshot.services[0];
    web.exported_to = vec![];
    web.verified_at = None;
    let text = "enabled, not exported: no upstream carries 198.51.100.0/24; look at their export filters";
    snapshot.alarms = vec![alarm(AlarmCode::NotExported, Some("web"), text)];
    snapshot
}

/// An operator's withdrawal with an end, over a dead primary.
pub(crate) fn overridden() -> Snapshot {
    let mut snapshot = taking_over();
    let web = &mut snapshot.services[0];
    web.want = Some(Strength::Off);
    web.rule = "D11".to_owned();
    web.reason = "withdrawn by alice".to_owned();
    web.since = Some(ago(300));
    web.deadline = Some(ago(-900));
    web.overridden = Some(OverrideSnapshot {
        action: OverrideAction::Withdraw,
        until: Some(ago(-900)),
        reason: Some("DDoS scrubbing, ticket 4711".to_owned()),
        actor: "alice".to_owned(),
    });
    snapshot.alarms = vec![alarm(
        AlarmCode::Override,
        Some("web"),
        "withdrawn by alice although the target is down; end it with: falconer auto web",
    )];
    snapshot
}
