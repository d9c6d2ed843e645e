//! What is said of a change, on the standby of the documentation.

use super::*;
use crate::config::load::load;

const STANDBY: &str = include_str!("../../../tests/fixtures/config/standby.toml");

/// What changed once `from` is `to`.
fn changed(from: &str, to: &str) -> String {
    let before = load(STANDBY, "before").unwrap().0;
    assert!(STANDBY.contains(from));
    let after = load(&STANDBY.replacen(from, to, 1), "after").unwrap().0;
    compare(&before, &after).to_string()
}

#[test]
fn the_same_text_changes_nothing() {
    assert_eq!(changed("Hong Kong", "Hongkong"), "");
    let config = load(STANDBY, "it").unwrap().0;
    assert!(compare(&config, &config).is_empty());
}

#[test]
fn each_change_is_said_of_its_table_alone() {
    assert_eq!(changed("name = \"hk1\"", "name = \"hk2\""), "[site]: name\n");
    assert_eq!(
        changed("[render]", "[render]\noutput = \"/etc/b.conf\""),
        "[render]: output\n"
    );
    assert_eq!(
        changed("local_as = 64501", "local_as = 64503"),
        "[router]: local_as\n"
    );
    assert_eq!(
        changed("[router]", "[log]\nlevel = \"debug\"\n[router]"),
        "[log]: level\n"
    );
    assert_eq!(
        changed("neighbor_as = 64500", "neighbor_as = 64499"),
        "upstream isp_upstream: neighbor_as\n"
    );
    assert_eq!(
        changed("target = \"192.0.2.53\"", "target = \"192.0.2.54\""),
        "witness resolver: target\n"
    );
}

#[test]
fn a_service_says_which_of_its_probes_changed() {
    assert_eq!(
        changed("role = \"standby\"", "role = \"standby\"\nrank = 2"),
        "service web: rank\n"
    );
    assert_eq!(
        changed("target = \"198.18.0.1\"", "target = \"198.18.0.1\"\nfall = 5"),
        "service web: probe\nservice web, probe ping: fall\n"
    );
    assert_eq!(
        changed("name = \"ping\"", "name = \"echo\""),
        "service web: probe\nservice web, probe echo: added\nservice web, probe ping: removed\n"
    );
}

#[test]
fn d16_a_service_says_which_of_its_checks_of_serving_changed() {
    let serves =
        "[[service.serves]]\nname = \"local\"\ntype = \"icmp\"\ntarget = \"198.51.100.10\"\n[[witness]]";
    assert_eq!(
        changed("[[witness]]", serves),
        "service web: serves\nservice web, serves local: added\n"
    );
    assert_eq!(
        changed(
            "role = \"standby\"",
            "role = \"standby\"\non_not_serving = \"hold\""
        ),
        "service web: on_not_serving\n"
    );
}

#[test]
fn keys_are_called_as_they_are_written() {
    assert_eq!(
        changed("2001:db8:5100::/48\"]", "2001:db8:5200::/48\"]"),
        "service web: prefixes\n"
    );
    assert_eq!(
        changed("neighbor_as = 64500", "neighbor_as = 64500\nhold_time = \"90s\""),
        "upstream isp_upstream: hold_time\n"
    );
    assert_eq!(
        changed("healthz\"", "healthz\"\nexpect_body = \"ok\""),
        "service web: probe\nservice web, probe site: expect_body\n"
    );
}

#[test]
fn d14_what_is_announced_all_the_time_is_called_as_it_is_written() {
    let role = "role = \"standby\"";
    let with = |key: &str| changed(role, &format!("{role}\n{key}"));
    assert_eq!(
        with("standing = [\"198.51.100.0/23\", \"2001:db8:5100::/47\"]"),
        "service web: standing\n"
    );
    assert_eq!(
        with("primary_prefixes = [\"198.51.100.0/23\", \"2001:db8:5100::/47\"]"),
        "service web: primary_prefixes\n"
    );
    assert_eq!(
        with("failback_confirm = \"1m\""),
        "service web: failback_confirm\n"
    );
    assert_eq!(
        changed(
            "neighbor_as = 64500",
            "neighbor_as = 64500\nstanding_communities = [\"64500:80\"]\ndrain_communities = [\"64500:80\"]\nno_llgr = false"
        ),
        "upstream isp_upstream: standing_communities, drain_communities, no_llgr\n"
    );
    assert_eq!(
        changed("neighbor_as = 64500", "neighbor_as = 64500\norigin_as = 64500"),
        "upstream isp_upstream: origin_as\n"
    );
}

#[test]
fn what_comes_and_goes_is_said() {
    assert_eq!(
        changed("name = \"gateway\"", "name = \"router\""),
        "witness router: added\nwitness gateway: removed\n"
    );
    assert_eq!(
        changed("name = \"web\"", "name = \"site\""),
        "service site: added\nservice web: removed\n"
    );
}
