//! The failures, and what each type of probe shows in them.

use std::net::IpAddr;

use crate::config::is_blind;
use crate::config::model::{
    BirdProtocolConfig, CheckConfig, Config, Decides, Host, HttpConfig, OnNoAnswer, Role, ServiceConfig,
};
use crate::model::snapshot::CheckOutcome;

/// How the world is at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scene {
    /// The primary's host lives.
    host: bool,
    /// The service on it does.
    service: Condition,
    /// The primary's Falconer does.
    falconer: bool,
    /// The primary announces.
    announcing: bool,
    /// Our own BIRD answers, and its sessions are established.
    own_bird: bool,
    /// Our own uplink works.
    uplink: bool,
    /// We announce at full: the primary's route is not told us through the same session (D8).
    at_full: bool,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Well,
    /// Nobody listens.
    Refusing,
    /// It answers that it is not well.
    Unwell,
}

const WELL: Scene = Scene {
    host: true,
    service: Condition::Well,
    falconer: true,
    announcing: true,
    own_bird: true,
    uplink: true,
    at_full: false,
};
const HOST_DEAD: Scene = Scene {
    host: false,
    announcing: false,
    ..WELL
};
const WITHDRAWN: Scene = Scene {
    announcing: false,
    ..WELL
};
const FALCONER_DEAD: Scene = Scene {
    falconer: false,
    ..WELL
};
const CUT: Scene = Scene {
    uplink: false,
    ..WELL
};

const fn service_dead(service: Condition) -> Scene {
    Scene { service, ..WITHDRAWN }
}

const fn bird_away(of: Scene) -> Scene {
    Scene {
        own_bird: false,
        ..of
    }
}

impl Scene {
    /// The same, while we announce at full or do not.
    pub(crate) const fn announced(self, at_full: bool) -> Self {
        Self { at_full, ..self }
    }

    /// Every scene that is played.
    pub(crate) fn all() -> Vec<Self> {
        let dead = [service_dead(Condition::Refusing), service_dead(Condition::Unwell)];
        let outages = [HOST_DEAD, WITHDRAWN];
        let withdrawn_and_dead = Scene {
            falconer: false,
            ..WITHDRAWN
        };
        let others = [WELL, FALCONER_DEAD, CUT, withdrawn_and_dead, WELL.announced(true)];
        let away = outages.map(bird_away);
        dead.into_iter()
            .chain(outages)
            .chain(others)
            .chain(away)
            .collect()
    }
}

/// What is expected of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpectedOutcome {
    /// It is announced at its end.
    Announced,
    /// It is silent at its end, by a clear verdict.
    Silent,
    /// What was announced stays so all along.
    StaysAnnounced,
    /// What was silent stays so all along.
    StaysSilent,
}

/// A part of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SceneStep {
    /// How the world is.
    pub(crate) scene: Scene,
    /// The same in words, behind "when".
    pub(crate) when: &'static str,
    /// What is to come of it.
    pub(crate) expected: ExpectedOutcome,
}

/// A failure from its beginning to its end; never empty.
pub(crate) type Story = Vec<SceneStep>;

const fn step(scene: Scene, when: &'static str, expected: ExpectedOutcome) -> SceneStep {
    SceneStep {
        scene,
        when,
        expected,
    }
}

/// The failures that a service is made for; of the stories of one entry one must come out well.
pub(crate) fn stories(config: &Config, service: &ServiceConfig) -> Vec<Vec<Story>> {
    match service.role {
        Role::Standby => standby(config, service),
        Role::Primary => primary(config, service),
    }
}

fn standby(config: &Config, service: &ServiceConfig) -> Vec<Vec<Story>> {
    use ExpectedOutcome::{Announced, Silent, StaysAnnounced, StaysSilent};
    let well = step(WELL, "all is well", Silent);
    let over = step(WELL, "the failure is over", Silent);
    let mut stories = vec![
        vec![vec![
            well,
            step(HOST_DEAD, "the primary's host dies", Announced),
            step(
                bird_away(HOST_DEAD),
                "our own BIRD is restarted after the primary's host died",
                StaysAnnounced,
            ),
            over,
        ]],
        vec![vec![
            well,
            step(FALCONER_DEAD, "only the primary's Falconer dies", StaysSilent),
            over,
        ]],
    ];
    if decides_in(config, service, &WITHDRAWN) {
        stories.push(vec![withdrawal(well, over)]);
    }
    let dead = [Condition::Refusing, Condition::Unwell].map(service_dead);
    if dead.iter().any(|scene| decides_in(config, service, scene)) {
        let story = |scene| {
            vec![
                well,
                step(scene, "the service dies and its host lives", Announced),
                over,
            ]
        };
        stories.push(dead.into_iter().map(story).collect());
    }
    if !config.isolation.min_up.is_none() {
        stories.push(vec![vec![
            well,
            step(CUT, "only our own uplink is cut", StaysSilent),
            step(WELL, "our own uplink is back", StaysSilent),
        ]]);
    }
    stories
}

/// The primary withdraws, and its host and service live.
fn withdrawal(well: SceneStep, over: SceneStep) -> Story {
    use ExpectedOutcome::{Announced, StaysAnnounced};
    let falconer_dead = Scene {
        falconer: false,
        ..WITHDRAWN
    };
    vec![
        well,
        step(WITHDRAWN, "the primary withdraws and its host lives", Announced),
        step(
            falconer_dead,
            "the primary's Falconer dies after it withdrew",
            StaysAnnounced,
        ),
        step(WITHDRAWN, "the primary is still withdrawn", Announced),
        step(
            bird_away(WITHDRAWN),
            "our own BIRD is restarted after the primary withdrew",
            StaysAnnounced,
        ),
        over,
    ]
}

/// A primary announces while its service is well. With probes that cannot see it die there is nothing
/// to expect.
fn primary(config: &Config, service: &ServiceConfig) -> Vec<Vec<Story>> {
    use ExpectedOutcome::{Announced, Silent};
    let sees = |scene: &Scene| {
        let probes = service.probes.iter();
        probes
            .into_iter()
            .any(|probe| shown(config, service, &probe.check, scene) == CheckOutcome::Fail)
    };
    let dead = [Condition::Refusing, Condition::Unwell].map(service_dead);
    let story = |scene| {
        vec![
            step(WELL, "all is well", Announced),
            step(scene, "the service dies and this host lives", Silent),
            step(WELL, "the service is back", Announced),
        ]
    };
    match dead.iter().any(sees) {
        true => vec![dead.into_iter().filter(sees).map(story).collect()],
        false => Vec::new(),
    }
}

/// Whether a probe that decides down alone fails then.
fn decides_in(config: &Config, service: &ServiceConfig, scene: &Scene) -> bool {
    let deciders = service.probes.iter();
    let mut deciders = deciders.filter(|probe| probe.decides == Some(Decides::Down));
    deciders.any(|probe| shown(config, service, &probe.check, scene) == CheckOutcome::Fail)
}

/// What a service's probe shows.
pub(crate) fn shown(
    config: &Config,
    service: &ServiceConfig,
    check: &CheckConfig,
    scene: &Scene,
) -> CheckOutcome {
    if service.role == Role::Standby && is_cut(check, scene) {
        return silence(check);
    }
    match check {
        CheckConfig::Icmp(_) => pass_if(scene.host),
        CheckConfig::Tcp(tcp) => match is_falconer(service, &tcp.target, tcp.port) {
            true => pass_if(scene.host && scene.falconer),
            false => pass_if(scene.host && scene.service == Condition::Well),
        },
        CheckConfig::Dns(_) | CheckConfig::Exec(_) => pass_if(scene.host && scene.service == Condition::Well),
        CheckConfig::Http(http) => http_shown(service, http, scene),
        CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_) if !scene.own_bird => CheckOutcome::Error,
        CheckConfig::BirdRoute(route) => {
            let ours =
                |prefix: &ipnet::IpNet| prefix.contains(&route.prefix) || route.prefix.contains(prefix);
            // Another route, such as the default, says nothing of the primary.
            let told = scene.announcing && !(scene.at_full && is_blind(config, service, check));
            pass_if(!service.prefixes.iter().any(ours) || told)
        }
        CheckConfig::BirdProtocol(BirdProtocolConfig::Bgp(name)) => {
            let upstream = config.upstreams.iter().any(|upstream| upstream.name == *name);
            pass_if(upstream || scene.host)
        }
        CheckConfig::BirdProtocol(BirdProtocolConfig::Bfd(neighbor)) => {
            pass_if(is_upstream(config, *neighbor) || scene.host)
        }
    }
}

/// What a witness shows: it stands for something that lives as long as we are connected.
pub(crate) fn witness_shown(check: &CheckConfig, scene: &Scene) -> CheckOutcome {
    let of_bird = matches!(check, CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_));
    match (of_bird && !scene.own_bird, is_cut(check, scene)) {
        (true, _) => CheckOutcome::Error,
        (false, true) => silence(check),
        (false, false) => CheckOutcome::Pass,
    }
}

/// Whether our own cut keeps the check from its target; what is on this host is reached all the same.
fn is_cut(check: &CheckConfig, scene: &Scene) -> bool {
    let here = match crate::config::target(check) {
        Some((_, Host::Addr(addr))) => addr.is_loopback(),
        Some((_, Host::Name(_))) | None => false,
    };
    !scene.uplink && !here
}

/// What silence is to a check.
fn silence(check: &CheckConfig) -> CheckOutcome {
    match check {
        CheckConfig::Http(http) => no_answer(http),
        // Its session is not established, and absence proves nothing without one (D3).
        CheckConfig::BirdRoute(_) => CheckOutcome::Error,
        CheckConfig::Icmp(_)
        | CheckConfig::Tcp(_)
        | CheckConfig::Dns(_)
        | CheckConfig::Exec(_)
        | CheckConfig::BirdProtocol(_) => CheckOutcome::Fail,
    }
}

fn no_answer(http: &HttpConfig) -> CheckOutcome {
    match http.on_no_answer {
        OnNoAnswer::Fail => CheckOutcome::Fail,
        OnNoAnswer::Error => CheckOutcome::Error,
    }
}

fn http_shown(service: &ServiceConfig, http: &HttpConfig, scene: &Scene) -> CheckOutcome {
    let port = http.url.port_or_known_default().unwrap_or(80);
    if http.asks_announced() {
        return match (scene.host && scene.falconer, scene.announcing) {
            (false, _) => no_answer(http),
            (true, true) => CheckOutcome::Pass,
            (true, false) => answered(http, 503),
        };
    }
    if is_falconer(service, &crate::config::host_of(&http.url), port) {
        return match scene.host && scene.falconer {
            true => CheckOutcome::Pass,
            false => no_answer(http),
        };
    }
    match (scene.host, scene.service) {
        (false, _) | (true, Condition::Refusing) => no_answer(http),
        (true, Condition::Well) => CheckOutcome::Pass,
        (true, Condition::Unwell) => answered(http, 503),
    }
}

fn answered(http: &HttpConfig, status: u16) -> CheckOutcome {
    match (http.is_error(status), http.expects(status)) {
        (true, _) => CheckOutcome::Error,
        (false, true) => CheckOutcome::Pass,
        (false, false) => CheckOutcome::Fail,
    }
}

/// Whether another Falconer listens there: one of the probes asks it whether it announces.
fn is_falconer(service: &ServiceConfig, host: &Host, port: u16) -> bool {
    service.probes.iter().any(|probe| match &probe.check {
        CheckConfig::Http(http) => {
            http.asks_announced()
                && crate::config::host_of(&http.url) == *host
                && http.url.port_or_known_default() == Some(port)
        }
        CheckConfig::Icmp(_)
        | CheckConfig::Tcp(_)
        | CheckConfig::Dns(_)
        | CheckConfig::Exec(_)
        | CheckConfig::BirdRoute(_)
        | CheckConfig::BirdProtocol(_) => false,
    })
}

fn is_upstream(config: &Config, neighbor: IpAddr) -> bool {
    config.upstreams.iter().any(|upstream| {
        let session = upstream.session.as_ref();
        session.is_some_and(|session| session.neighbor == neighbor)
    })
}

fn pass_if(well: bool) -> CheckOutcome {
    match well {
        true => CheckOutcome::Pass,
        false => CheckOutcome::Fail,
    }
}
