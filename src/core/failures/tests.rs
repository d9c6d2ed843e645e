//! D19, by whole configurations: each with what is wrong in it, and those that must be taken.

use super::*;
use crate::config::Severity;

const HEAD: &str = r#"
[site]
name = "hk1"
[[upstream]]
name = "isp_upstream"
[[peer]]
name = "other_site"
[[witness]]
name = "resolver"
type = "icmp"
target = "192.0.2.53"
[[witness]]
name = "gateway"
type = "icmp"
target = "203.0.113.1"
[[service]]
name = "web"
role = "standby"
prefixes = ["198.51.100.0/24"]
protocols = ["failover4"]
drain_protocols = ["last_resort4"]
"#;
const PING: &str = "[[service.probe]]\nname = \"ping\"\ntype = \"icmp\"\ntarget = \"198.18.0.1\"\n";
const SITE: &str =
    "[[service.probe]]\nname = \"site\"\ntype = \"http\"\nurl = \"https://origin.example.net/healthz\"\n";
const ANNOUNCED: &str = "[[service.probe]]\nname = \"announced\"\ntype = \"http\"\n\
    url = \"http://198.18.0.1:9180/v1/services/web/announced\"\n";
const ROUTE: &str = "[[service.probe]]\nname = \"route\"\ntype = \"bird-route\"\nprefix = \"198.51.100.0/24\"\n\
    protocol = \"isp_upstream\"\n";
/// The same through a session that carries nothing out.
const PEER_ROUTE: &str = "[[service.probe]]\nname = \"route\"\ntype = \"bird-route\"\nprefix = \"198.51.100.0/24\"\n\
    protocol = \"other_site\"\n";

fn errors(text: &str) -> Vec<(&'static str, String, String)> {
    let found = load(text, "falconer.toml").map_or_else(|found| found, |(_, warnings)| warnings);
    let errors = found
        .into_iter()
        .filter(|found| found.severity == Severity::Error);
    let errors = errors.map(|found| (found.code, found.message, found.help.unwrap_or_default()));
    errors.collect()
}

fn standby(probes: &[&str]) -> String {
    format!("{HEAD}{}", probes.concat())
}

#[test]
fn d19_configurations_that_do_what_they_are_for_are_taken() {
    let advised = format!(
        "{ANNOUNCED}on_no_answer = \"error\"\nerror_status = [\"300-502\", \"504-599\"]\nvotes = \"up\"\n\
         decides = \"down\"\n"
    );
    let route = format!("{ROUTE}votes = \"failback\"\ndecides = \"down\"\n");
    let confirms = format!("{ROUTE}votes = \"failback\"\n");
    let by_peer = format!("{PEER_ROUTE}votes = \"up\"\ndecides = \"down\"\n");
    for probes in [
        vec![PING],
        vec![SITE],
        vec![PING, SITE],
        vec![PING, SITE, &advised],
        vec![PING, &advised],
        vec![SITE, &advised],
        vec![PING, SITE, &route],
        vec![PING, &route],
        vec![PING, SITE, &confirms],
        vec![PING, &advised, &confirms],
        vec![PING, SITE, &by_peer],
        vec![PING, &advised, &by_peer],
        vec![PEER_ROUTE],
    ] {
        assert_eq!(errors(&standby(&probes)), [], "{probes:?}");
    }
}

#[test]
fn d19_a_verdict_that_waits_for_what_cannot_be_asked_is_refused() {
    let both = format!("{ANNOUNCED}on_no_answer = \"error\"\ndecides = \"down\"\n");
    let (code, message, help) = errors(&standby(&[PING, &both])).remove(0);
    assert_eq!(code, "verdict-never-comes");
    assert_eq!(
        message,
        "the verdict of `web` never becomes down when the primary's host dies"
    );
    assert_eq!(help, "write `votes = \"up\"` in the probe `announced`");
}

#[test]
fn d19_a_verdict_up_while_the_withdrawn_primary_cannot_be_asked_is_refused() {
    for votes in ["none", "down"] {
        let none = format!("{ANNOUNCED}on_no_answer = \"error\"\nvotes = \"{votes}\"\ndecides = \"down\"\n");
        let (code, message, help) = errors(&standby(&[PING, &none])).remove(0);
        if votes == "none" {
            assert_eq!(code, "verdict-comes-wrongly");
            assert_eq!(
                message,
                "the verdict of `web` becomes up when the primary's Falconer dies after it withdrew"
            );
        }
        assert_eq!(help, "write `votes = \"up\"` in the probe `announced`");
    }
}

#[test]
fn d19_a_takeover_because_only_the_other_falconer_died_is_refused() {
    let silence = format!("{ANNOUNCED}votes = \"up\"\ndecides = \"down\"\n");
    let (code, message, help) = errors(&standby(&[PING, &silence])).remove(0);
    assert_eq!(code, "verdict-comes-wrongly");
    assert_eq!(
        message,
        "the verdict of `web` becomes down when only the primary's Falconer dies"
    );
    assert_eq!(help, "write `on_no_answer = \"error\"` in the probe `announced`");
}

#[test]
fn d19_a_failback_because_our_own_bird_is_restarted_is_refused() {
    let route = format!("{PEER_ROUTE}votes = \"none\"\ndecides = \"down\"\n");
    let (code, message, help) = errors(&standby(&[PING, &route])).remove(0);
    assert_eq!(code, "verdict-comes-wrongly");
    assert_eq!(
        message,
        "the verdict of `web` becomes up when our own BIRD is restarted after the primary withdrew"
    );
    assert_eq!(help, "write `votes = \"up\"` in the probe `route`");
}

#[test]
fn d8_a_probe_that_votes_up_through_a_session_that_carries_the_service_is_refused() {
    for votes in ["", "votes = \"up\"\n", "votes = \"up\"\ndecides = \"down\"\n"] {
        let found = errors(&standby(&[PING, &format!("{ROUTE}{votes}")]));
        let (code, message, help) = &found[0];
        assert_eq!((*code, found.len()), ("blind-probe", 1), "{found:?}");
        assert_eq!(
            message,
            "`route` cannot see the primary's route while `web` is announced"
        );
        assert!(
            help.contains("`votes = \"failback\"`") && help.contains("/announced"),
            "{help}"
        );
    }
}

/// It says nothing of the primary while this site announces: the others alone would give back, and it
/// alone take over again.
#[test]
fn d19_a_takeover_that_would_be_given_back_again_and_again_is_refused() {
    let route = format!("{ROUTE}votes = \"down\"\ndecides = \"down\"\n");
    let (code, message, help) = errors(&standby(&[PING, &route])).remove(0);
    assert_eq!(code, "verdict-comes-wrongly", "{message}");
    assert!(
        message.ends_with("when the primary withdraws and its host lives"),
        "{message}"
    );
    assert_eq!(help, "write `votes = \"failback\"` in the probe `route`");
    let advised = format!(
        "{ANNOUNCED}on_no_answer = \"error\"\nerror_status = [\"300-502\", \"504-599\"]\nvotes = \"up\"\n\
         decides = \"down\"\n"
    );
    assert_eq!(
        errors(&standby(&[PING, &route, &advised])),
        [],
        "another says that it is still withdrawn"
    );
}

#[test]
fn d8_a_failback_that_can_never_come_is_refused() {
    let route = format!("{ROUTE}votes = \"failback\"\n");
    let code = |text: &str| errors(text).first().map(|(code, ..)| *code);
    let text = standby(&[PING, &route]);
    assert_eq!(
        code(&text.replace("\"standby\"", "\"primary\"")),
        Some("no-failback")
    );
    assert_eq!(code(&format!("{text}decides = \"up\"\n")), Some("blind-probe"));
    let without = text.replace("drain_protocols = [\"last_resort4\"]\n", "");
    assert_eq!(code(&without), Some("no-drain-protocols"));
}

#[test]
fn d19_a_standby_that_sees_nobody_die_is_refused() {
    let announced = format!("{ANNOUNCED}on_no_answer = \"error\"\ndecides = \"down\"\n");
    let (code, message, help) = errors(&standby(&[&announced])).remove(0);
    assert_eq!(code, "verdict-never-comes");
    assert!(message.ends_with("when the primary's host dies"), "{message}");
    assert!(help.contains("icmp"), "{help}");
}

#[test]
fn d19_two_probes_that_contradict_each_other_are_refused() {
    let ping = format!("{PING}decides = \"up\"\n");
    let advised = format!("{ANNOUNCED}on_no_answer = \"error\"\nvotes = \"up\"\ndecides = \"down\"\n");
    let (code, message, help) = errors(&standby(&[&ping, &advised])).remove(0);
    assert_eq!(code, "verdict-never-comes");
    assert!(
        message.ends_with("when the primary withdraws and its host lives"),
        "{message}"
    );
    assert_eq!(help, "leave out `decides` in the probe `ping`");
}

#[test]
fn d19_a_witness_on_this_host_tells_no_cut_of_our_uplink() {
    let text = standby(&[PING]).replace("192.0.2.53", "127.0.0.1");
    let (code, message, _) = errors(&text).remove(0);
    assert_eq!(code, "verdict-comes-wrongly");
    assert!(message.ends_with("when only our own uplink is cut"), "{message}");
}

#[test]
fn d19_a_primary_that_would_never_withdraw_is_refused() {
    let head = HEAD.replace("\"standby\"", "\"primary\"");
    let local = "[[service.probe]]\nname = \"local\"\ntype = \"tcp\"\ntarget = \"127.0.0.1:80\"\n";
    assert_eq!(errors(&format!("{head}{local}{PING}")), []);
    assert_eq!(
        errors(&format!("{head}{PING}")),
        [],
        "it cannot see it, and does not say that it does"
    );
    let all = head.replace("\nprotocols", "\ndown_when = \"all\"\nprotocols");
    let (code, message, help) = errors(&format!("{all}{local}{PING}")).remove(0);
    assert_eq!(code, "verdict-never-comes");
    assert!(
        message.ends_with("when the service dies and this host lives"),
        "{message}"
    );
    assert_eq!(help, "write `down_when = \"any\"` in the service `web`");
}

#[test]
fn d19_a_thousand_services_of_one_shape_are_played_once() {
    let text = standby(&[PING, SITE]);
    let (config, _) = load(&text, "f").unwrap();
    let shapes: std::collections::HashSet<ServiceShape> = (0..1000)
        .map(|number| {
            let mut service = config.services[0].clone();
            service.name = format!("web{number}");
            shape(&config, &service)
        })
        .collect();
    assert_eq!(shapes.len(), 1);
}

#[test]
fn d19_the_refusal_points_into_the_file() {
    let both = format!("{ANNOUNCED}on_no_answer = \"error\"\nvotes = \"both\"\ndecides = \"down\"\n");
    let text = standby(&[PING, &both]);
    let found = load(&text, "falconer.toml").unwrap_err();
    insta::assert_snapshot!(config::render(&found, &text, "falconer.toml", false));
}

/// Every configuration that a page shows as a whole.
fn shown_in(page: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let toml = blocks.filter_map(|block| block.strip_prefix("toml\n"));
    let whole = |block: &&str| {
        block.contains("[[service]]") && (block.contains("[site]") || block.contains("site ="))
    };
    toml.filter(whole).map(str::to_owned).collect()
}

#[test]
fn d19_what_the_documentation_and_the_fixtures_show_is_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = |under: &str, ending: &str| -> Vec<_> {
        let entries = std::fs::read_dir(root.join(under))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.extension().is_some_and(|extension| extension == ending))
            .collect()
    };
    let pages = files("", "md").into_iter().chain(files("docs", "md"));
    let mut all: Vec<(String, String)> = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        all.extend(
            shown_in(&text)
                .into_iter()
                .map(|text| (page.display().to_string(), text)),
        );
    }
    assert!(!all.is_empty(), "the README shows one");
    for fixture in files("tests/fixtures/config", "toml") {
        all.push((
            fixture.display().to_string(),
            std::fs::read_to_string(&fixture).unwrap(),
        ));
    }
    for (name, text) in all {
        assert_eq!(errors(&text), [], "{name}");
    }
}

#[test]
fn d19_what_init_writes_is_right() {
    use crate::config::init::{InitAnswers, InitTarget, InitUpstream, init};
    for announced in [
        None,
        Some("http://198.18.0.1:9180/v1/services/web/announced".to_owned()),
    ] {
        for role in [Role::Standby, Role::Primary] {
            for probe in [
                InitTarget::Ping("198.18.0.1".to_owned()),
                InitTarget::Tcp("198.18.0.1:443".to_owned()),
                InitTarget::Http("http://198.18.0.1/".to_owned()),
            ] {
                let answers = InitAnswers {
                    site: "hk1".to_owned(),
                    role,
                    service: "web".to_owned(),
                    primary_prefixes: Vec::new(),
                    prefixes: vec!["198.51.100.0/24".parse().unwrap()],
                    upstreams: vec![InitUpstream {
                        name: "isp_upstream".to_owned(),
                        neighbor: None,
                    }],
                    router: None,
                    probes: vec![probe],
                    announced: announced.clone().filter(|_| role == Role::Standby),
                    witnesses: vec!["192.0.2.53".to_owned()],
                };
                assert_eq!(errors(&init(&answers)), [], "{answers:?}");
            }
        }
    }
}

#[test]
fn d19_of_many_probes_of_one_kind_no_more_are_played_than_a_threshold_can_tell_apart() {
    let many: String = (0..800)
        .map(|number| {
            format!("[[service.probe]]\nname = \"tcp{number}\"\ntype = \"tcp\"\ntarget = \"198.18.0.1:80\"\n")
        })
        .collect();
    for (quorums, played) in [
        ("", 2),
        ("down_when = \"any\"\nup_when = \"all\"\n", 2),
        ("down_when = 30\nup_when = 790\n", 791),
        ("down_when = 30\n", 31),
    ] {
        let text = format!("{HEAD}{quorums}{many}{PING}");
        let (config, _) = config::load(&text, "falconer.toml").unwrap();
        let (service, in_place) = thinned(&config, &config.services[0]);
        assert_eq!(service.probes.len(), played, "{quorums}");
        assert_eq!(in_place.len(), 801);
        for (probe, instead) in config.services[0].probes.iter().zip(in_place) {
            assert_eq!(probe.check.type_name(), service.probes[instead].check.type_name());
        }
    }
}

#[test]
fn d19_a_service_of_many_probes_is_refused_as_one_of_few_is() {
    let both = format!("{ANNOUNCED}on_no_answer = \"error\"\ndecides = \"down\"\n");
    let pings: Vec<String> = (0..100)
        .map(|number| PING.replace("\"ping\"", &format!("\"ping{number}\"")))
        .collect();
    let many: Vec<&str> = pings.iter().map(String::as_str).chain([both.as_str()]).collect();
    let few = errors(&standby(&[PING, &both]));
    assert!(!few.is_empty());
    assert_eq!(errors(&standby(&many)), few);
}
