//! Export filters and limits.

use super::*;
use crate::bird::parse::ExportLimit;

impl Site {
    fn rehearsal(mut self, rehearsal: FilterTest) -> Self {
        self.bird.rehearsals = [(Family::V4, rehearsal)].into();
        self
    }
}

#[test]
fn a_filter_that_refuses_a_prefix_is_a_warning_while_another_upstream_would_carry_it() {
    let site = Site::well().rehearsal(held(&["to_isp_b_v4"]));
    let problem = site.problem();
    assert_eq!(
        (problem.code, problem.level),
        (ReadinessCode::ExportFilter, ReadinessLevel::Warning)
    );
    assert_eq!(problem.subject.as_deref(), Some("isp_a"));
    assert_eq!(
        problem.text,
        "isp_a would not carry 198.51.100.0/24: its export filter to_isp_a_v4 refuses it"
    );
    assert!(problem.advice.unwrap().contains("from web_v4 and web_v4_shadow"));
}

#[test]
fn filters_that_leave_a_prefix_to_too_few_upstreams_are_a_no() {
    let mut site = Site::well().rehearsal(held(&["to_isp_b_v4"]));
    site.config.services[0].min_upstreams = 2;
    assert_eq!(site.problem().level, ReadinessLevel::No);
    let readiness = Site::well().rehearsal(held(&[])).decide();
    assert_eq!(readiness.problems().count(), 2, "one an upstream");
    assert_eq!(readiness.level, ReadinessLevel::No);
}

#[test]
fn export_none_refuses_and_export_all_lets_out_without_a_rehearsal() {
    let mut site = Site::well();
    site.channel("isp_a").output_filter = "REJECT".to_owned();
    assert!(
        site.problem()
            .text
            .contains("its export filter REJECT refuses it")
    );
    let mut site = Site::well().rehearsal(held(&[]));
    for name in ["isp_a", "isp_b"] {
        site.channel(name).output_filter = "ACCEPT".to_owned();
    }
    assert_eq!(site.decide().level, ReadinessLevel::Ok);
}

#[test]
fn a_filter_without_a_name_is_not_provable() {
    let mut site = Site::well();
    site.channel("isp_a").output_filter = "(unnamed)".to_owned();
    let problem = site.problem();
    assert_eq!(
        (problem.code, problem.level),
        (ReadinessCode::ExportFilter, ReadinessLevel::Warning)
    );
    assert!(problem.text.contains("cannot be tested"), "{problem:?}");
    assert!(problem.advice.unwrap().contains("export filter to_isp_a;"));
}

#[test]
fn without_a_rehearsal_table_the_lines_to_add_are_given_once() {
    let problem = Site::well().rehearsal(FilterTest::NoTable).problem();
    assert_eq!(
        (problem.level, problem.subject.as_deref()),
        (ReadinessLevel::Warning, Some("rehearsal4"))
    );
    let advice = problem.advice.unwrap();
    assert!(advice.contains("`ipv4 table rehearsal4;`"), "{advice}");
    let lines =
        "`protocol static web_v4_shadow { ipv4 { table rehearsal4; }; route 198.51.100.0/24 blackhole; }`";
    assert!(advice.contains(lines), "{advice}");
}

#[test]
fn a_table_that_something_else_feeds_is_not_asked() {
    let problem = Site::well().rehearsal(FilterTest::Crowded(1_000_000)).problem();
    assert!(problem.text.contains("holds 1000000 routes"), "{problem:?}");
}

#[test]
fn a_prefix_without_a_shadow_is_not_provable_and_not_refused() {
    let none = ["to_isp_a_v4", "to_isp_b_v4"].map(|filter| (filter.to_owned(), Ok(vec![])));
    let rehearsal = FilterTest::Held {
        routes: vec![],
        passes: none.into(),
    };
    let readiness = Site::well().rehearsal(rehearsal).decide();
    assert_eq!(readiness.level, ReadinessLevel::Warning);
    assert!(
        readiness
            .problems()
            .all(|check| check.text.contains("web_v4_shadow brings no route")),
        "{readiness:#?}"
    );
}

#[test]
fn what_is_carried_needs_no_rehearsal() {
    let mut site = Site::well().rehearsal(held(&[]));
    site.snapshot.services[0].exported_to = vec!["isp_a".to_owned(), "isp_b".to_owned()];
    assert_eq!(site.decide().level, ReadinessLevel::Ok);
}

#[test]
fn an_export_limit_that_everything_at_once_would_hit_is_told_with_what_bird_would_do() {
    for (action, level) in [
        ("block", ReadinessLevel::No),
        ("disable", ReadinessLevel::No),
        ("restart", ReadinessLevel::No),
        ("warn", ReadinessLevel::Warning),
    ] {
        let mut site = Site::well();
        let limited = site.channel("isp_a");
        limited.export_limit = Some(ExportLimit {
            hit: false,
            routes: 3,
            action: action.to_owned(),
        });
        limited.routes.as_mut().unwrap().exported = 2;
        assert_eq!(site.decide().level, ReadinessLevel::Ok, "2 and ours are 3");
        site.channel("isp_a").routes.as_mut().unwrap().exported = 3;
        let problem = site.problem();
        assert_eq!(
            (problem.code, problem.level),
            (ReadinessCode::ExportLimit, level),
            "{action}"
        );
        assert!(
            problem
                .text
                .starts_with("isp_a sends 3 ipv4 routes, and a takeover adds 1"),
            "{problem:?}"
        );
        // What is carried already is among the three.
        site.snapshot.services[0].exported_to = vec!["isp_a".to_owned()];
        assert_eq!(site.decide().level, ReadinessLevel::Ok);
    }
}

#[test]
fn no_filter_is_said_to_let_out_what_no_upstream_has_a_channel_for() {
    let mut site = Site::well();
    for name in ["isp_a", "isp_b"] {
        site.channel(name).name = "ipv6".to_owned();
    }
    let readiness = site.decide();
    let filters = readiness
        .checks
        .iter()
        .filter(|check| check.code == ReadinessCode::ExportFilter);
    let [one] = filters.collect::<Vec<_>>()[..] else {
        panic!("{readiness:#?}");
    };
    assert_eq!(
        (one.level, one.service.as_deref()),
        (ReadinessLevel::Warning, Some("web"))
    );
    assert_eq!(
        one.text,
        "no export filter for 198.51.100.0/24 was found: none of isp_a, isp_b is a session with a channel of its family"
    );
    // One of them is enough to ask.
    site.channel("isp_a").name = "ipv4".to_owned();
    let readiness = site.decide();
    let ok = |check: &ReadinessCheck| {
        check.code == ReadinessCode::ExportFilter && check.level == ReadinessLevel::Ok
    };
    assert!(readiness.checks.iter().any(ok), "{readiness:#?}");
}
