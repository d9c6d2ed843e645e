//! Whatever is answered, the configuration is accepted, and says what was answered.

use proptest::prelude::*;

use super::*;
use crate::config::load::load;
use crate::config::render;

fn answers() -> InitAnswers {
    InitAnswers {
        site: "hk1".to_owned(),
        role: Role::Standby,
        service: "web".to_owned(),
        prefixes: vec!["198.51.100.0/24".parse().unwrap()],
        primary_prefixes: Vec::new(),
        upstreams: vec![InitUpstream {
            name: "isp_upstream".to_owned(),
            neighbor: Some(("203.0.113.1".parse().unwrap(), 64500)),
        }],
        router: Some(("203.0.113.2".parse().unwrap(), 64501)),
        probes: vec![
            InitTarget::Ping("198.18.0.1".to_owned()),
            InitTarget::Http("https://origin.example.net/healthz".to_owned()),
        ],
        announced: Some("http://198.18.0.1:9180/v1/services/web/announced".to_owned()),
        witnesses: vec!["192.0.2.53".to_owned(), "203.0.113.1".to_owned()],
    }
}

#[test]
fn a_standby_is_written_as_one_would_write_it() {
    let text = init(&answers());
    insta::assert_snapshot!(text);
    let (_, warnings) = load(&text, "falconer.toml").unwrap();
    assert_eq!(render(&warnings, &text, "falconer.toml", false), "");
}

#[test]
fn d14_a_block_is_taken_over_by_its_halves_and_offered_so() {
    let block: Vec<IpNet> = vec!["198.51.100.0/23".parse().unwrap()];
    let halves: Vec<IpNet> = block.iter().flat_map(takeover_of).collect();
    let text = init(&InitAnswers {
        prefixes: halves,
        primary_prefixes: block.clone(),
        ..answers()
    });
    assert!(text.contains(
        "prefixes = [\"198.51.100.0/24\", \"198.51.101.0/24\"]\nprimary_prefixes = [\"198.51.100.0/23\"]\n"
    ));
    let (config, warnings) = load(&text, "falconer.toml").unwrap();
    assert_eq!(render(&warnings, &text, "falconer.toml", false), "");
    assert_eq!(
        config.services[0].pattern(),
        crate::model::snapshot::PrefixPattern::MoreSpecific
    );
    let offered = init(&InitAnswers {
        prefixes: block,
        ..answers()
    });
    assert!(
        offered.contains("# primary_prefixes = [\"198.51.100.0/23\"]\n"),
        "{offered}"
    );
    assert!(!init(&answers()).contains("halves win"), "a /24 has no halves");
}

#[test]
fn a_primary_beside_a_bird_conf_of_its_own_is_written() {
    let answers = InitAnswers {
        role: Role::Primary,
        router: None,
        probes: vec![InitTarget::Tcp("127.0.0.1:443".to_owned())],
        announced: None,
        witnesses: Vec::new(),
        ..answers()
    };
    let text = init(&answers);
    insta::assert_snapshot!(text);
    assert!(load(&text, "falconer.toml").is_ok());
}

#[test]
fn the_defaults_in_the_comments_are_those_that_hold() {
    for role in [Role::Standby, Role::Primary] {
        let text = init(&InitAnswers { role, ..answers() });
        let stated = |line: &str| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') && !key.contains("= ...") => format!("{key}\n"),
            Some(_) | None => format!("{line}\n"),
        };
        let spelt_out: String = text.lines().map(stated).collect();
        assert!(spelt_out.matches('#').count() < text.matches('#').count());
        let (quiet, _) = load(&text, "falconer.toml").unwrap();
        let (loud, _) = load(&spelt_out, "falconer.toml").unwrap();
        assert_eq!(crate::config::compare(&quiet, &loud).to_string(), "");
    }
}

fn any_answers() -> impl Strategy<Value = InitAnswers> {
    let v4 = (1u8..=223, any::<u8>(), 8u8..=24).prop_filter_map("routable", |(a, b, length)| {
        let prefix: IpNet = format!("{a}.{b}.0.0/{length}").parse().ok()?;
        (![10, 127, 169].contains(&a) && length >= 8).then(|| prefix.trunc())
    });
    let v6 = (any::<u16>(), 20u8..=48).prop_map(|(word, length)| {
        let prefix: IpNet = format!("2001:{word:x}::/{length}").parse().unwrap();
        prefix.trunc()
    });
    let families = (prop::option::of(v4), prop::option::of(v6));
    let upstream = "[a-z]{2,6}_up[0-9]{1,3}";
    (
        (
            "[A-Za-z0-9][A-Za-z0-9_.-]{0,20}",
            any::<bool>(),
            "[a-z][a-z0-9]{0,8}",
            families,
        ),
        (
            prop::collection::btree_set(upstream, 1..4),
            any::<bool>(),
            any::<bool>(),
            0usize..4,
        ),
    )
        .prop_map(
            |((site, standby, service, (v4, v6)), (upstreams, rendered, announced, witnesses))| {
                let prefixes: Vec<IpNet> = v4.into_iter().chain(v6).collect();
                let prefixes = if prefixes.is_empty() {
                    vec!["198.51.100.0/24".parse().unwrap()]
                } else {
                    prefixes
                };
                InitAnswers {
                    site,
                    role: if standby { Role::Standby } else { Role::Primary },
                    service,
                    upstreams: both_families(upstreams.into_iter().collect()),
                    router: rendered.then(|| ("203.0.113.2".parse().unwrap(), 64501)),
                    probes: vec![
                        InitTarget::Ping("target.example.net".to_owned()),
                        InitTarget::Tcp("target.example.net:443".to_owned()),
                    ],
                    announced: announced
                        .then(|| "http://primary.example.net:9180/v1/services/web/announced".to_owned()),
                    witnesses: (0..witnesses)
                        .map(|n| format!("witness{n}.example.org"))
                        .collect(),
                    prefixes,
                    primary_prefixes: Vec::new(),
                }
            },
        )
}

/// An upstream of each family for every name, so that all prefixes have a carrier.
fn both_families(names: Vec<String>) -> Vec<InitUpstream> {
    let of = |(number, name): (usize, &String)| {
        let v4 = format!("203.0.113.{}", number + 10).parse().unwrap();
        let v6 = format!("2001:db8:113::{}", number + 10).parse().unwrap();
        [
            InitUpstream {
                name: name.clone(),
                neighbor: Some((v4, 64500)),
            },
            InitUpstream {
                name: format!("{name}_6"),
                neighbor: Some((v6, 64500)),
            },
        ]
    };
    names.iter().enumerate().flat_map(of).collect()
}

proptest! {
    #[test]
    fn whatever_is_answered_is_accepted(answers in any_answers()) {
        let text = init(&answers);
        match load(&text, "falconer.toml") {
            Err(found) => prop_assert!(false, "{}", render(&found, &text, "falconer.toml", false)),
            Ok((config, _)) => {
                prop_assert_eq!(config.site.name, answers.site);
                prop_assert_eq!(&config.services[0].prefixes, &answers.prefixes);
                prop_assert_eq!(config.services[0].role, answers.role);
                prop_assert_eq!(config.upstreams.len(), answers.upstreams.len());
                prop_assert_eq!(config.render.is_some(), answers.router.is_some());
                prop_assert_eq!(config.witnesses.len(), answers.witnesses.len());
            }
        }
    }

    #[test]
    fn no_answer_breaks_out_of_its_place(site in any::<String>(), target in any::<String>()) {
        let text = init(&InitAnswers {
            site,
            probes: vec![InitTarget::Ping(target.clone()), InitTarget::Http(target)],
            ..answers()
        });
        if let Err(found) = load(&text, "falconer.toml") {
            for found in found {
                prop_assert_ne!(found.code, "syntax");
                prop_assert_ne!(found.code, "unknown-key");
            }
        }
    }
}
