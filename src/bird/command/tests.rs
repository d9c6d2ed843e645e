use super::*;
use crate::bird::codec::{COMMAND_LIMIT, check_command};
use proptest::prelude::*;

fn line(question: Result<BirdCommand, BirdError>) -> String {
    question.expect("fit").line().to_owned()
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

#[test]
fn a2_enable_and_disable_name_one_protocol_in_quotes() {
    assert_eq!(
        line(BirdCommand::enable("web_v4", "D4: the primary is down")),
        "enable \"web_v4\" \"D4: the primary is down\""
    );
    assert_eq!(
        line(BirdCommand::disable("hk-web.v4", "")),
        "disable \"hk-web.v4\""
    );
}

#[test]
fn a_name_that_is_no_word_to_bird_stands_in_apostrophes() {
    assert_eq!(line(BirdCommand::static_routes("web_v4")), "show static web_v4");
    assert_eq!(line(BirdCommand::static_routes("hk-web")), "show static 'hk-web'");
    assert_eq!(
        line(BirdCommand::exported(net("2001:db8::/48"), "6isp")),
        "show route 2001:db8::/48 exported '6isp'"
    );
}

#[test]
fn a_prefix_is_asked_without_host_bits() {
    assert_eq!(
        line(BirdCommand::routes(net("198.51.100.7/24"), Some("isp"))),
        "show route 198.51.100.0/24 protocol isp all"
    );
    assert_eq!(
        line(BirdCommand::routes(net("198.51.100.7/24"), None)),
        "show route 198.51.100.0/24 all"
    );
}

#[test]
fn a2_patterns_quotes_and_other_tricks_are_no_names() {
    let long = "x".repeat(NAME_LIMIT + 1);
    for bad in [
        "",
        "web*",
        "web_v?",
        "a b",
        "a\"b",
        "a'b",
        "a\nb",
        "a\0",
        "caf\u{e9}",
        "a;b",
        long.as_str(),
    ] {
        assert!(
            matches!(BirdCommand::enable(bad, ""), Err(BirdError::Unfit { .. })),
            "{bad:?}"
        );
        assert!(
            matches!(BirdCommand::static_routes(bad), Err(BirdError::Unfit { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn a3_a_reason_is_cut_on_a_letter_and_not_within() {
    let cut = fit_reason(&"备".repeat(100));
    assert_eq!(cut, "备".repeat(85));
    assert_eq!(cut.len(), REASON_LIMIT);
}

#[test]
fn a3_quotes_and_control_characters_do_not_reach_bird() {
    assert_eq!(fit_reason(" say \"why\"\n\tnow\u{85}\0"), "say 'why'  now");
    assert_eq!(line(BirdCommand::enable("a", "\"")), "enable \"a\" \"'\"");
    assert_eq!(line(BirdCommand::enable("a", "\n")), "enable \"a\"");
}

#[test]
fn a2_routes_around_prefixes_are_asked_for_without_the_default_route() {
    let prefixes = ["198.51.100.7/24", "192.0.2.0/24"].map(|prefix| prefix.parse().unwrap());
    assert_eq!(
        line(BirdCommand::around("master4", &prefixes)),
        "show route table master4 where source = RTS_BGP && net ~ [ 198.51.100.0/24{1,32}, 192.0.2.0/24{1,32} ] all"
    );
    let prefix = "2001:db8:5100::/48".parse().unwrap();
    assert_eq!(
        line(BirdCommand::around("t6", &[prefix])),
        "show route table t6 where source = RTS_BGP && net ~ [ 2001:db8:5100::/48{1,128} ] all"
    );
    assert_eq!(
        line(BirdCommand::in_table(prefix, "t6")),
        "show route 2001:db8:5100::/48 table t6 all"
    );
    assert!(BirdCommand::around("t6; down", &[prefix]).is_err());
}

#[test]
fn an_undo_timer_is_never_zero() {
    assert_eq!(
        BirdCommand::configure_timeout(Duration::from_millis(10)).line(),
        "configure timeout 1"
    );
    assert_eq!(
        BirdCommand::configure_timeout(Duration::from_secs(60)).line(),
        "configure timeout 60"
    );
}

#[test]
fn only_questions_are_shared() {
    assert!(BirdCommand::protocols().is_read());
    assert!(!BirdCommand::enable("a", "").expect("fit").is_read());
    assert!(!BirdCommand::configure_undo().is_read());
}

proptest! {
    #[test]
    fn whatever_is_built_can_be_sent(name in any::<String>(), reason in any::<String>()) {
        let built = [BirdCommand::enable(&name, &reason), BirdCommand::enable("web_v4", &reason)];
        for question in built.into_iter().flatten() {
            prop_assert_eq!(check_command(question.line()), Ok(()));
            prop_assert!(question.line().len() < COMMAND_LIMIT);
        }
    }
}
