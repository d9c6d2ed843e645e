use super::*;

/// Another protocol's.
const OTHER: &str = "/run/falconer/bird/web_v4_other.conf";
const PATH: &str = "/run/falconer/bird/web_v4.conf";

fn state_file(text: &str, name: &str, path: &Path) -> StateFile {
    Statics::read(text).state_file(name, path, [Path::new(OTHER)])
}

fn found(inside: &str) -> StateFile {
    let text = format!(
        "# protocol static web_v4 {{ not this one }}\nprotocol static web_v6 {{ ipv6; }}\n\
         protocol bgp web_v4_x {{ ipv4 {{ import none; }}; }}\nprotocol static web_v4 {{\n{inside}\n}}\n"
    );
    state_file(&text, "web_v4", Path::new(PATH))
}

#[test]
fn a6_the_lines_of_the_guide_take_the_state_file() {
    let guide = include_str!("../../../docs/attach.md");
    assert_eq!(state_file(guide, "web_v4", Path::new(PATH)), StateFile::Taken);
    let drain = Path::new("/run/falconer/bird/web_v4_drain.conf");
    assert_eq!(state_file(guide, "web_v4_drain", drain), StateFile::Taken);
    assert_eq!(state_file(guide, "mail_v4", drain), StateFile::NoProtocol);
}

#[test]
fn a6_every_way_to_get_it_wrong_has_a_name() {
    let include = "include \"/run/falcone[r]/bird/web_v4.conf\";";
    let cases = [
        (format!("  disabled;\n  {include}\n  ipv4;"), StateFile::Taken),
        (
            format!("  disabled yes;\n{include}\n  ipv4 {{ preference 200; }};"),
            StateFile::Taken,
        ),
        (
            "  disabled;\ninclude \"/run/falconer*/bird/web_v4.conf\";".to_owned(),
            StateFile::Taken,
        ),
        ("  disabled;\n  ipv4;".to_owned(), StateFile::NotIncluded),
        (
            format!("  disabled;\n# {include}\n  ipv4;"),
            StateFile::NotIncluded,
        ),
        (
            format!("  disabled;\n/* {include}\n*/  ipv4;"),
            StateFile::NotIncluded,
        ),
        (
            "  disabled;\ninclude \"/run/falcone[r]/bird/web_v6.conf\";".to_owned(),
            StateFile::NotIncluded,
        ),
        (
            "  disabled;\ninclude \"/run/falcone[r]/web_v4.conf\";".to_owned(),
            StateFile::NotIncluded,
        ),
        (format!("{include}\n  disabled;\n  ipv4;"), StateFile::Overruled),
        (format!("  disabled;\ninclude \"{PATH}\";"), StateFile::Required),
        (format!("{include}\n  ipv4;"), StateFile::EnabledWithout),
    ];
    for (inside, expected) in cases {
        assert_eq!(found(&inside), expected, "{inside}");
    }
}

#[test]
fn braces_and_words_in_strings_are_text() {
    let inside = "  description \"} disabled; protocol static x {\";\n  disabled;\n\
                  include \"/run/falcone[r]/bird/web_v4.conf\";";
    assert_eq!(found(inside), StateFile::Taken);
}

#[test]
fn a_name_in_apostrophes_is_the_same_name() {
    let text = "protocol static 'hk-v4' {\n disabled;\n include \"/run/falcone[r]/bird/hk-v4.conf\";\n}";
    let path = Path::new("/run/falconer/bird/hk-v4.conf");
    assert_eq!(state_file(text, "hk-v4", path), StateFile::Taken);
}

#[test]
fn an_unfinished_text_has_no_protocol_and_no_end_of_reading() {
    for text in [
        "protocol",
        "protocol static web_v4 {",
        "protocol static web_v4 { \"",
        "/*",
        "#",
        "\"",
    ] {
        assert_eq!(
            state_file(text, "web_v4", Path::new(PATH)),
            StateFile::NoProtocol,
            "{text}"
        );
    }
}

#[test]
fn patterns_match_as_the_shells_do() {
    for (pattern, path, expected) in [
        ("/run/falcone[r]/x", "/run/falconer/x", true),
        ("/run/falcone[!r]/x", "/run/falconer/x", false),
        ("/run/falcone[a-z]/x", "/run/falconer/x", true),
        ("/run/*/x", "/run/falconer/x", true),
        ("/run/*", "/run/falconer/x", false),
        ("/run/falcone?/x", "/run/falconer/x", true),
        ("/run/falconer?x", "/run/falconer/x", false),
        ("/run/[", "/run/[", true),
        ("*.conf", "peers.conf", true),
        ("*.conf", "peers.conf~", false),
        ("", "", true),
        ("*", "", true),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn only_lines_that_begin_with_include_include() {
    let text = "include \"a.conf\";\n  include \"b/*.conf\";\n# include \"c.conf\";\nx; include \"d.conf\";\ninclude x;\n";
    let found: Vec<(usize, String)> = includes(text)
        .into_iter()
        .map(|found| (found.line, found.pattern))
        .collect();
    assert_eq!(found, [(0, "a.conf".to_owned()), (1, "b/*.conf".to_owned())]);
}

#[test]
fn a6_what_a_template_says_holds_for_the_protocol_that_is_made_from_it() {
    let include = "include \"/run/falcone[r]/bird/web_v4.conf\";";
    let of = |template: &str, own: &str| {
        let text = format!(
            "template static grand {{ {template} }}\ntemplate static svc_base from grand {{ ipv4; }}\n\
             protocol static 'web_v4' from svc_base {{\n{own}\nroute 198.51.100.0/24 blackhole;\n}}\n"
        );
        state_file(&text, "web_v4", Path::new(PATH))
    };
    assert_eq!(of("disabled;", include), StateFile::Taken);
    assert_eq!(
        of("disabled;", &format!("{include}\ndisabled;")),
        StateFile::Overruled
    );
    assert_eq!(of("disabled no;", include), StateFile::EnabledWithout);
    assert_eq!(of("", include), StateFile::EnabledWithout);
    assert_eq!(of("disabled;", ""), StateFile::NotIncluded);
}

#[test]
fn a6_a_pattern_that_matches_the_files_of_others_too_and_words_of_birds_own_are_not_ours() {
    assert_eq!(
        found("disabled;\ninclude \"/run/falconer/bird/web_v4*.conf\";"),
        StateFile::TooWide
    );
    assert_eq!(
        found("disabled;\ninclude \"/run/falconer/bird/*.conf\";"),
        StateFile::TooWide
    );
    let include = "include \"/run/falcone[r]/bird/web_v4.conf\";";
    assert_eq!(
        found(&format!("disabled OFF_BY_DEFAULT;\n{include}")),
        StateFile::Unclear
    );
    assert_eq!(
        found(&format!("disabled no;\n{include}")),
        StateFile::EnabledWithout
    );
}
