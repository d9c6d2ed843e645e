//! Templates of the user's own, right and wrong, and strings that are not fit for bird.conf.

use std::path::PathBuf;
use std::time::Duration;

use falconer::bird::version::BirdVersion;
use falconer::bird_conf::{PasswordError, Passwords, RenderError, Templates, render};
use falconer::config::Config;
use falconer::config::model::{BfdConfig, ImportPolicy};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::json;

use crate::configs::{self, session};

/// Renders with templates of the user's own.
fn rendered_with(config: &Config, own: &[(&str, &str)]) -> Result<String, Vec<RenderError>> {
    let own = own
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    let templates = Templates::with_own(PathBuf::from("/etc/falconer/bird-templates"), own);
    let version = BirdVersion::parse("2.0.12").unwrap();
    render(config, &version, &templates, &configs::passwords(config)).map(|rendered| rendered.text)
}

/// The only error of a template called "mine.conf", as people see it.
fn error_of(template: &str) -> String {
    errors_of_config(&with_template("mine.conf"), &[("mine.conf", template)]).remove(0)
}

fn errors_of_config(config: &Config, own: &[(&str, &str)]) -> Vec<String> {
    rendered_with(config, own)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn with_template(name: &str) -> Config {
    let mut config = configs::standby();
    config.render.as_mut().unwrap().template = name.to_owned();
    config
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../golden/template_errors");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn a_misspelt_field_is_shown_with_its_place_and_the_right_name() {
    let error = error_of(
        "router id {{ router.id }};\n{% for upstream in upstreams %}\nx {{ upstream.nieghbor }};\n{% endfor %}\n",
    );
    golden("misspelt_field", &error);
}

#[test]
fn a_misspelt_variable_is_an_error_in_a_condition_too() {
    golden(
        "misspelt_variable",
        &error_of("log syslog all;\n{% if upstrams %}\nx\n{% endif %}\n"),
    );
}

#[test]
fn an_unknown_filter_names_the_nearest() {
    golden("unknown_filter", &error_of("{{ site.name | symbl }}\n"));
}

#[test]
fn an_unknown_test_names_the_nearest() {
    golden(
        "unknown_test",
        &error_of("{% if site.name is definde %}x{% endif %}\n"),
    );
}

#[test]
fn an_unknown_function_names_those_there_are() {
    golden(
        "unknown_function",
        &error_of("{% for i in rnage(3) %}x{% endfor %}\n"),
    );
}

#[test]
fn a_missing_include_names_the_templates_there_are() {
    golden(
        "missing_include",
        &error_of("{% include \"parts/kernal.conf\" %}\n"),
    );
}

#[test]
fn a_broken_syntax_is_shown_with_its_place() {
    golden(
        "broken_syntax",
        &error_of("log syslog all;\n{% for x in upstreams %}\n{{ x.name }\n{% endfor %}\n"),
    );
}

#[test]
fn an_error_in_a_part_is_shown_in_the_part() {
    let own = [("parts/log.conf", "# mine\nlog {{ vars.log_file }} all;\n")];
    golden("error_in_a_part", &errors_of_config(&configs::standby(), &own)[0]);
}

#[test]
fn what_has_no_value_is_not_printed_as_none() {
    golden(
        "none_printed",
        &error_of("{% for u in upstreams %}med {{ u.med }};\n{% endfor %}"),
    );
}

#[test]
fn a_list_or_a_map_is_not_printed() {
    assert!(error_of("{{ upstreams }}").contains("this is a list, which cannot be printed"));
    assert!(error_of("{{ router }}").contains("this is a map, which cannot be printed"));
}

#[test]
fn a_missing_template_names_those_there_are() {
    golden(
        "missing_template",
        &errors_of_config(&with_template("standbye.conf"), &[])[0],
    );
}

#[test]
fn a_loop_that_does_not_end_is_stopped() {
    let bomb = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    assert!(
        error_of(bomb).contains("a loop in the template does not end"),
        "{}",
        error_of(bomb)
    );
    let recursion = "{% include \"mine.conf\" %}";
    assert!(
        error_of(recursion).contains("recursion"),
        "{}",
        error_of(recursion)
    );
}

#[test]
fn a_part_of_the_users_own_replaces_ours() {
    let text = rendered_with(
        &configs::standby(),
        &[("parts/log.conf", "log \"/var/log/bird.log\" all;\n")],
    )
    .unwrap();
    assert!(text.contains("log \"/var/log/bird.log\" all;"));
    assert!(!text.contains("log syslog"));
}

#[test]
fn a_template_of_the_users_own_extends_ours_and_may_have_its_name() {
    let own = "{% extends \"builtin/standby.conf\" %}\n{% block kernel %}# No kernel.\n{% endblock %}\n\
               {% block sessions %}{{ super() }}\n# {{ vars.note }}\n{% endblock %}\n";
    let mut config = configs::standby();
    config
        .render
        .as_mut()
        .unwrap()
        .vars
        .insert("note".to_owned(), json!("AS64500's NOC: +49 30 1234"));
    let text = rendered_with(&config, &[("standby.conf", own)]).unwrap();
    assert!(
        text.contains("template standby.conf (/etc/falconer/bird-templates/standby.conf)"),
        "{text}"
    );
    assert!(
        text.contains("# No kernel.") && !text.contains("protocol kernel"),
        "{text}"
    );
    assert!(text.ends_with("# AS64500's NOC: +49 30 1234\n"), "{text}");
    assert!(text.contains("protocol bgp isp_upstream {"), "{text}");
}

#[test]
fn names_that_bird_would_not_take_are_refused_all_at_once() {
    let mut config = configs::standby();
    config.upstreams[0].name = "isp\"; }".to_owned();
    config.services[0].full[0].name = "web v4".to_owned();
    config.services[0].drain[0].name = "x".repeat(65);
    session(&mut config.upstreams, 0).import = ImportPolicy::Filter("f; }".to_owned());
    config.site.name = "hk\nrouter id 1.2.3.4;".to_owned();
    let errors = errors_of_config(&config, &[]).join("\n");
    for bad in [
        "isp\\\"; }",
        "web v4",
        &"x".repeat(65),
        "f; }",
        "control character",
    ] {
        assert!(errors.contains(bad), "{bad}: {errors}");
    }
}

#[test]
fn a_name_that_would_be_there_twice_is_refused() {
    for name in [
        "web_v4",
        "kernel4",
        "rehearsal4",
        "to_kernel4",
        "bfd1",
        "web_v4_shadow",
        "master4",
    ] {
        let mut config = configs::standby();
        config.upstreams[0].name = name.to_owned();
        let errors = errors_of_config(&config, &[]);
        assert!(
            errors[0].contains(&format!("{name:?} would be there twice")),
            "{errors:?}"
        );
    }
}

#[test]
fn vars_that_would_end_a_string_or_a_statement_are_refused() {
    for bad in ["30; export all", "a\" b", "a\nb", "a\u{0}b"] {
        for value in [json!(bad), json!([bad]), json!({"deep": {"er": bad}})] {
            let mut config = configs::standby();
            config.render.as_mut().unwrap().vars.insert("x".to_owned(), value);
            assert!(errors_of_config(&config, &[])[0].contains("vars.x"), "{bad:?}");
        }
    }
}

#[test]
fn a_password_that_bird_could_not_have_is_refused_and_not_shown() {
    let mut passwords = Passwords::default();
    for (bad, why) in [
        ("", PasswordError::Empty),
        ("\nsecond line", PasswordError::Empty),
        ("s3cret\"; }", PasswordError::Unfit { at: 7 }),
        ("s3cret\u{e9}", PasswordError::Unfit { at: 7 }),
        ("s3cret\t", PasswordError::Unfit { at: 7 }),
    ] {
        assert_eq!(passwords.insert("isp", bad), Err(why.clone()));
        assert!(!why.to_string().contains("s3cret"));
    }
    assert_eq!(
        passwords.insert("isp", &"x".repeat(81)),
        Err(PasswordError::TooLong { len: 81 })
    );
    passwords.insert("isp", "s3cret\n# a comment\n").unwrap();
    assert_eq!(format!("{passwords:?}"), "{\"isp\"}");
}

#[test]
fn a_session_whose_password_was_not_read_is_not_rendered_without_it() {
    let mut config = configs::standby();
    session(&mut config.upstreams, 0).password_file = Some("/etc/falconer/isp.password".into());
    let version = BirdVersion::parse("2.0.12").unwrap();
    let errors = render(&config, &version, &Templates::built_in(), &Passwords::default()).unwrap_err();
    assert!(
        errors[0]
            .problem
            .contains("the password of \"isp_upstream\" is missing"),
        "{errors:?}"
    );
}

#[test]
fn bfd_over_several_hops_needs_a_source() {
    let mut config = configs::standby();
    let session = session(&mut config.upstreams, 0);
    session.multihop = Some(2);
    session.bfd = Some(BfdConfig {
        interval: Duration::from_millis(300),
        multiplier: 3,
    });
    assert!(errors_of_config(&config, &[])[0].contains("BIRD refuses that"));
}

#[test]
fn a6_a_run_dir_that_no_pattern_can_name_is_refused() {
    for bad in [
        "/",
        "relative",
        "/run/..",
        "/run/fal*oner",
        "/run/fal\"oner",
        "/run/[x]",
        "/run/___",
    ] {
        let mut config = configs::standby();
        config.site.run_dir = bad.into();
        assert!(errors_of_config(&config, &[])[0].contains("run_dir"), "{bad}");
    }
    for (run_dir, pattern) in [
        ("/run/falconer", "/run/falcone[r]/bird/web_v4.conf"),
        ("/run/falconer/", "/run/falcone[r]/bird/web_v4.conf"),
        ("/srv/f", "/srv/[f]/bird/web_v4.conf"),
        ("/tmp/lab-7/run_", "/tmp/lab-7/ru[n]_/bird/web_v4.conf"),
    ] {
        let mut config = configs::standby();
        config.site.run_dir = run_dir.into();
        let text = rendered_with(&config, &[]).unwrap();
        assert!(
            text.contains(&format!("disabled;\n    include \"{pattern}\";")),
            "{run_dir}: {text}"
        );
    }
}

#[test]
fn a_bird_that_is_too_old_is_refused() {
    let config = configs::standby();
    let version = BirdVersion::parse("2.0.7").unwrap();
    let errors = render(&config, &version, &Templates::built_in(), &Passwords::default()).unwrap_err();
    assert!(errors[0].problem.contains("BIRD 2.0.7 is too old"), "{errors:?}");
}

#[test]
fn in_attach_mode_there_is_nothing_to_render() {
    let mut config = configs::standby();
    config.render = None;
    assert!(errors_of_config(&config, &[])[0].contains("attach mode"));
}

#[test]
fn two_hundred_services_at_ten_upstreams_are_within_the_templates_budget() {
    let mut config = configs::standby();
    config.upstreams = (0..10)
        .map(|at| configs::upstream(&format!("isp{at}"), "203.0.113.1", 64500))
        .collect();
    let names: Vec<String> = config
        .upstreams
        .iter()
        .map(|upstream| upstream.name.clone())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    config.services = (0..200)
        .map(|at| configs::service(&format!("s{at}"), &[&format!("10.{at}.0.0/24")], &names))
        .collect();
    let text = rendered_with(&config, &[]).unwrap();
    assert_eq!(text.matches("protocol static ").count(), 600);
}

#[test]
fn drift_says_what_to_do_and_a_diff_shows_no_password() {
    let old = "a;\npassword \"old\";\nb;\n";
    let new = "a;\npassword \"new\";\nc;\n";
    assert_eq!(
        falconer::bird_conf::drift("/etc/bird/bird.conf", new, Some(new), false),
        None
    );
    let edited = falconer::bird_conf::drift("/etc/bird/bird.conf", new, Some(old), true)
        .unwrap()
        .text;
    assert!(
        edited.contains("changed by somebody else") && edited.contains("--force"),
        "{edited}"
    );
    let behind = falconer::bird_conf::drift("/etc/bird/bird.conf", new, Some(old), false)
        .unwrap()
        .text;
    assert!(behind.contains("falconer render --apply"), "{behind}");
    let missing = falconer::bird_conf::drift("/etc/bird/bird.conf", new, None, false)
        .unwrap()
        .text;
    assert!(missing.contains("is missing"), "{missing}");
    golden(
        "diff",
        &falconer::bird_conf::diff("/etc/bird/bird.conf", Some(old), new),
    );
    assert_eq!(
        falconer::bird_conf::diff("/etc/bird/bird.conf", Some(new), new),
        ""
    );
}

/// A part of ours with some characters changed: whatever comes of it, it is text or an error with a
/// place, and never a panic.
#[test]
fn a_damaged_template_gives_text_or_an_error_and_never_a_panic() {
    let parts = ["parts/sessions.conf", "parts/filters.conf", "parts/statics.conf"];
    let damage = (
        "[{}%#|()a-z0-9\\.\"'é\n -]{0,4}",
        0.0_f64..1.0,
        0_usize..6,
        prop::sample::select(parts.to_vec()),
    );
    let mut runner = TestRunner::new(Cases {
        cases: 2000,
        failure_persistence: None,
        ..Cases::default()
    });
    runner
        .run(&damage, |(insert, at, remove, part)| {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("bird-templates")
                .join(part);
            let mut text: Vec<char> = std::fs::read_to_string(path).unwrap().chars().collect();
            let at = (at * (text.len() - remove) as f64) as usize;
            text.splice(at..at + remove, insert.chars());
            let text: String = text.into_iter().collect();
            if let Err(errors) = rendered_with(&configs::standby(), &[(part, &text)]) {
                let place = errors[0].place.as_ref();
                prop_assert!(
                    place.is_some_and(|place| place.line >= 1 && place.column >= 1),
                    "{}",
                    errors[0]
                );
                prop_assert!(errors[0].rendered(true).contains("error"));
            }
            Ok(())
        })
        .unwrap();
}
