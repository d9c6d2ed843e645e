//! The files.

use super::*;
use crate::model::snapshot::AlarmCode;

#[test]
fn a_disk_that_cannot_be_written_is_a_warning_for_a_takeover_needs_none() {
    let mut site = Site::well();
    site.disk.state_dir = Err("the disk of /var/lib/falconer is full".to_owned());
    let said = "the disk of /var/lib/falconer is full".to_owned();
    assert_eq!(
        site.said(),
        (ReadinessCode::StateDir, ReadinessLevel::Warning, said)
    );
}

#[test]
fn a6_a_protocol_that_does_not_take_its_state_file_is_told_with_the_line_to_add() {
    for (found, words) in [
        (StateFile::NotIncluded, "does not take"),
        (StateFile::Overruled, "the last one counts"),
        (StateFile::Required, "BIRD would not start"),
        (StateFile::EnabledWithout, "announce it by itself"),
        (StateFile::NoProtocol, "is unknown"),
    ] {
        let mut site = Site::well();
        site.disk
            .bird_conf
            .state_files
            .as_mut()
            .unwrap()
            .insert("web_v4".to_owned(), found);
        let problem = site.problem();
        assert_eq!(
            (problem.code, problem.level),
            (ReadinessCode::StateFiles, ReadinessLevel::Warning)
        );
        assert_eq!(problem.subject.as_deref(), Some("web_v4"));
        assert!(problem.text.contains(words), "{problem:?}");
        let advice = problem.advice.unwrap();
        assert!(
            advice.contains("`include \"/run/falcone[r]/bird/web_v4.conf\";`"),
            "{advice}"
        );
    }
}

#[test]
fn a6_what_cannot_be_seen_is_said_and_not_taken_for_well() {
    let mut site = Site::well();
    site.disk.bird_conf.state_files = Err("/etc/bird/bird.conf cannot be read: Permission denied".to_owned());
    let problem = site.problem();
    assert_eq!(
        (problem.code, problem.level),
        (ReadinessCode::StateFiles, ReadinessLevel::Warning)
    );
    assert!(
        problem
            .text
            .contains("is unknown: /etc/bird/bird.conf cannot be read"),
        "{problem:?}"
    );
}

#[test]
fn a_protocol_that_bird_lacks_as_well_is_told_once() {
    let mut site = Site::well();
    site.bird.protocols.as_mut().unwrap().remove("web_v4");
    site.disk
        .bird_conf
        .state_files
        .as_mut()
        .unwrap()
        .insert("web_v4".to_owned(), StateFile::NoProtocol);
    assert_eq!(site.problem().code, ReadinessCode::Protocols);
}

#[test]
fn a_rendered_file_that_drifted_or_that_bird_does_not_read_is_a_warning() {
    let config = CONFIG.replace(
        "upstream = [{ name = \"isp_a\" }, { name = \"isp_b\" }]",
        RENDERED,
    );
    let config = config
        .replace("protocols = [\"web_v4\"]", "")
        .replace("drain_protocols = [\"web_v4_drain\"]", "");
    let site = || Site::with(&config);
    assert_eq!(
        site().decide().level,
        ReadinessLevel::Ok,
        "{:#?}",
        site().decide()
    );
    let mut drifted = site();
    let alarm = situations::alarm(
        AlarmCode::RenderDrift,
        None,
        "/etc/bird/bird.conf was changed by somebody else",
    );
    drifted.snapshot.alarms.push(alarm);
    assert_eq!(
        (drifted.problem().code, drifted.problem().level),
        (ReadinessCode::RenderedFile, ReadinessLevel::Warning)
    );
    let mut elsewhere = site();
    elsewhere.disk.bird_conf.told = Some("/srv/bird.conf".into());
    elsewhere.disk.bird_conf.path = "/srv/bird.conf".into();
    let said = "BIRD reads /srv/bird.conf, but Falconer renders /etc/bird/bird.conf".to_owned();
    assert_eq!(
        elsewhere.said(),
        (ReadinessCode::RenderedFile, ReadinessLevel::Warning, said)
    );
}

const RENDERED: &str = r#"
    render = {}
    router = { id = "203.0.113.2", local_as = 64501 }
    upstream = [
        { name = "isp_a", neighbor = "203.0.113.1", neighbor_as = 64500 },
        { name = "isp_b", neighbor = "203.0.113.5", neighbor_as = 64510 },
    ]
"#;
