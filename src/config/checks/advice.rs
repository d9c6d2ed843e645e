//! Warnings about configurations that are allowed but may surprise, and contradictions that belong to
//! no other file.

use std::path::Path as FilePath;

use crate::config::finding::{Finding, Findings};
use crate::config::model::{
    CheckConfig, Config, Decides, GracefulRestart, Group, OnNoAnswer, Role, ServiceConfig,
};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    witnesses(config, found);
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        if found.is_unread(&path.key("role")) {
            continue;
        }
        match service.role {
            Role::Standby => standby(service, &path, found),
            Role::Primary => primary(service, &path, config, found),
        }
        drain(service, &path, config, found);
    }
    for (path, session) in super::walk::every_session(config) {
        if session
            .session
            .as_ref()
            .is_some_and(|session| session.graceful_restart == GracefulRestart::On)
        {
            found.report(graceful(&path));
        }
    }
    listener(config, found);
    directories(config, found);
    template(config, found);
    vars(config, found);
}

fn witnesses(config: &Config, found: &mut Findings) {
    let (count, min_up) = (config.witnesses.len(), config.isolation.min_up);
    let (table, key) = (
        KeyPath::top().key("witness"),
        KeyPath::top().key("isolation").key("min_up"),
    );
    if found.is_unread_within(&table) {
        return;
    }
    if groups_lack(config, &key, found) {
        return;
    }
    if min_up.all > count {
        let there = match count {
            0 => "there is no witness".to_owned(),
            1 => "there is only 1 witness".to_owned(),
            count => format!("there are only {count} witnesses"),
        };
        found.report(
            Finding::error("out-of-range", "`min_up` is above the number of witnesses")
                .at(&key, there)
                .help(format!("make it at most {count}, or add a `[[witness]]`"))
                .note("the site would be isolated for ever, and take nothing over"),
        );
        return;
    }
    if min_up.is_none() && count > 0 {
        found.report(
            Finding::warning("no-witness", "with `min_up = 0` the witnesses count for nothing")
                .at(&key, "this site is never isolated")
                .help("leave it out: the default is 1"),
        );
    }
    let standby = config
        .services
        .iter()
        .position(|service| service.role == Role::Standby);
    if let Some(standby) = standby.filter(|_| count < 2) {
        let message = match count {
            0 => "a standby without a witness cannot tell its own isolation from the target's death",
            _ => "a standby with a single witness is isolated whenever that one is down",
        };
        let at = if count == 0 {
            KeyPath::service(standby).key("role")
        } else {
            table.item(0)
        };
        found.report(
            Finding::warning("few-witnesses", message)
                .at(&at, if count == 0 { "a standby" } else { "the only witness" })
                .help("add a `[[witness]]` for each of two or more things that must answer while this site is connected: resolvers, the upstream's router")
                .note("losing one's own uplink and losing the primary look the same at first (D5)"),
        );
    }
}

/// Groups that `min_up` names, and that have too few witnesses.
fn groups_lack(config: &Config, key: &KeyPath, found: &mut Findings) -> bool {
    let min_up = config.isolation.min_up;
    let mut lack = false;
    for (group, needed) in [(Group::Near, min_up.near), (Group::Far, min_up.far)] {
        let there = config.witnesses.iter().filter(|witness| witness.group == group);
        let (there, word) = (there.count(), group.word());
        if needed <= there {
            continue;
        }
        lack = true;
        let witnesses = if needed == 1 { "witness" } else { "witnesses" };
        let are = if there == 1 { "is" } else { "are" };
        found.report(
            Finding::error(
                "out-of-range",
                format!("`min_up` asks for {needed} {word} {witnesses}, and there {are} {there}"),
            )
            .at(&key.key(word), format!("{there} with `group = \"{word}\"`"))
            .help(format!(
                "give a `[[witness]]` the line `group = \"{word}\"`, or ask for {there} at most"
            ))
            .note("the site would be isolated or cut off for ever, and take nothing over"),
        );
    }
    lack
}

fn standby(service: &ServiceConfig, path: &KeyPath, found: &mut Findings) {
    let probes = path.key("probe");
    let sees = service
        .probes
        .iter()
        .any(|probe| probe.decides == Some(Decides::Down));
    if !sees && !found.is_unread_within(&probes) {
        found.report(
            Finding::warning("blind-to-withdrawal", format!("`{}` could not see a living primary withdraw", service.name))
                .at(&path.key("role"), "a standby without a probe that decides \"down\"")
                .help(
                    "add an http probe of its /v1/services/NAME/announced with `on_no_answer = \"error\"`, \
                     `error_status = [\"300-502\", \"504-599\"]` and `votes = \"up\"`, or a bird-route probe of its route, \
                     through a session that imports it, with `votes = \"failback\"`; either with `decides = \"down\"`",
                )
                .note("a primary whose host lives but whose service died withdraws, and answers pings all the same (D3)"),
        );
    }
    for (index, probe) in service.probes.iter().enumerate() {
        if let CheckConfig::Http(http) = &probe.check
            && probe.decides == Some(Decides::Down)
            && http.on_no_answer == OnNoAnswer::Fail
            && !http.asks_announced()
        {
            let path = path.probe(index);
            found.report(
                Finding::warning(
                    "silence-decides",
                    "with this probe silence alone decides that the target is down",
                )
                .at(&path.key("decides"), "whatever the other probes say")
                .at(&path.key("on_no_answer"), "no answer is a fail")
                .help("set `on_no_answer = \"error\"`: then only an answer that says so decides")
                .note("an answer of the wrong kind is evidence; silence may be anything (D3)"),
            );
        }
    }
}

/// Keys that only a standby heeds.
pub(crate) const STANDBY_KEYS: [&str; 8] = [
    "takeover_delay",
    "failback",
    "failback_delay",
    "failback_window",
    "failback_drain",
    "failback_confirm",
    "primary_prefixes",
    "on_isolated",
];

fn primary(service: &ServiceConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    for key in STANDBY_KEYS {
        let key_path = path.key(key);
        if found.is_written(&key_path) {
            found.report(
                Finding::warning("unused-key", format!("`{key}` means nothing for a primary"))
                    .at_key(&key_path, "has no effect")
                    .at(
                        &path.key("role"),
                        "a primary announces while it is up, and withdraws while it is down",
                    ),
            );
        }
    }
    let api = config.api.listen.is_some_and(|listen| !listen.ip().is_loopback());
    let listen = KeyPath::top().key("api").key("listen");
    if !api && config.peers.is_empty() && !found.is_unread(&listen) {
        found.report(
            Finding::warning("unseen-primary", format!("no standby could see `{}` withdraw", service.name))
                .at(&path.key("role"), "a primary that only this host can ask, and without a `[[peer]]`")
                .help(
                    "let the standbys ask /v1/services/NAME/announced by an `api.listen` that they reach, or give them a session \
                     by a `[[peer]]`; without either they need another view of its route",
                )
                .note("when the service dies and this host lives, it withdraws; a standby that only pings it would not announce (D3)"),
        );
    }
}

fn drain(service: &ServiceConfig, path: &KeyPath, config: &Config, found: &mut Findings) {
    if config.render.is_none() && service.drain.is_empty() && !service.failback_drain.is_zero() {
        found.report(
            Finding::error("no-drain-protocols", "there are no protocols to drain through")
                .at(&path.key("failback_drain"), "a drain")
                .help("name the static protocols of your bird.conf that announce as a last resort in `drain_protocols`"),
        );
    }
}

fn graceful(path: &KeyPath) -> Finding {
    Finding::warning(
        "graceful-restart",
        "with graceful restart the neighbour keeps the routes of a dead router",
    )
    .at(&path.key("graceful_restart"), "for minutes, after a crash")
    .help("set it to \"aware\": the neighbour is helped, and never asked to keep our routes")
    .note("while it keeps them, traffic goes where nobody is, and another site's announcement does not help")
}

/// Whoever reaches the listener may read everything, and each costs a place.
fn listener(config: &Config, found: &mut Findings) {
    let Some(listen) = config.api.listen else { return };
    let (api, allow) = (KeyPath::top().key("api"), &config.api.allow);
    if !listen.ip().is_loopback() && allow.is_empty() && !found.is_unread(&api.key("allow")) {
        found.report(
            Finding::warning("open-listener", "everybody who reaches this address may read all that Falconer knows")
                .at(&api.key("listen"), "not only this machine")
                .help("name those who may ask in `allow`, such as `allow = [\"203.0.113.2/32\"]`: the other sites, and what scrapes the metrics")
                .note("nothing can be changed there, but every probe, witness and event is shown"),
        );
    }
}

fn directories(config: &Config, found: &mut Findings) {
    let site = KeyPath::top().key("site");
    let (state, run) = (site.key("state_dir"), site.key("run_dir"));
    if config.site.state_dir.starts_with(&config.site.run_dir)
        || config.site.run_dir.starts_with(&config.site.state_dir)
    {
        found.report(
            Finding::error(
                "same-directory",
                "`state_dir` and `run_dir` must not share a directory",
            )
            .at(&state, "`state_dir` survives a reboot")
            .at(&run, "`run_dir` is gone at a reboot, on purpose (A6)")
            .help("use /var/lib/falconer and /run/falconer, the defaults"),
        );
    } else if config.site.state_dir.starts_with(FilePath::new("/run"))
        || config.site.state_dir.starts_with("/tmp")
    {
        found.report(
            Finding::warning("volatile-state", "`state_dir` does not survive a reboot")
                .at(&state, "gone at a reboot")
                .note("overrides, latches and the history would be forgotten"),
        );
    }
    if config.bird.socket == config.api.socket {
        found.report(
            Finding::error("same-socket", "`api.socket` is BIRD's control socket")
                .at(&KeyPath::top().key("api").key("socket"), "ours")
                .at(&KeyPath::top().key("bird").key("socket"), "BIRD's"),
        );
    }
}

fn template(config: &Config, found: &mut Findings) {
    let all_primary = config
        .services
        .iter()
        .all(|service| service.role == Role::Primary);
    let path = KeyPath::top().key("render").key("template");
    let unread =
        (0..config.services.len()).any(|index| found.is_unread(&KeyPath::service(index).key("role")));
    if let Some(render) = &config.render
        && render.template == "standby.conf"
        && all_primary
        && !config.services.is_empty()
        && !unread
    {
        found.report(
            Finding::warning(
                "template",
                "a site of primaries is rendered from the template for a standby",
            )
            .at(&path, "`template` is \"standby.conf\" here")
            .help("set `template = \"primary.conf\"`"),
        );
    }
}

/// A string of the user's must stay within the statement and the string that a template puts it
/// into.
fn vars(config: &Config, found: &mut Findings) {
    let path = KeyPath::top().key("render").key("vars");
    for (name, value) in config.render.iter().flat_map(|render| &render.vars) {
        unsafe_text(value, &path.key(name), found);
    }
}

fn unsafe_text(value: &serde_json::Value, path: &KeyPath, found: &mut Findings) {
    match value {
        serde_json::Value::String(text) => {
            if let Some(bad) = text.chars().find(|c| c.is_control() || matches!(c, '"' | ';')) {
                found.report(
                    Finding::error(
                        "unsafe-text",
                        "this text could end a string or a statement of bird.conf",
                    )
                    .at(path, format!("there is `{}` in it", bad.escape_default()))
                    .help("put the statement into a template of your own, and only its value into `vars`"),
                );
            }
        }
        serde_json::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                unsafe_text(item, &path.item(index), found);
            }
        }
        serde_json::Value::Object(entries) => {
            for (name, value) in entries {
                unsafe_text(value, &path.key(name), found);
            }
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}
