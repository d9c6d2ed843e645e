//! The files: `state_dir`, the state files that BIRD reads, and bird.conf.

use std::collections::BTreeMap;
use std::path::Display;

use super::facts::ReadinessFacts;
use crate::bird_conf::state_file_pattern;
use crate::bird_conf::statics::StateFile;
use crate::config::model::{self, StaticProtocolConfig};
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::AlarmCode;
use crate::ready::wording::text_of;

/// What of readiness depends on a disk. None of it keeps a takeover from happening.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let mut checks = state_dir(facts);
    checks.extend(rendered_file(facts));
    checks.extend(state_files(facts));
    checks
}

fn state_dir(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let alarms = facts.snapshot.alarms.iter();
    let said = alarms
        .filter(|alarm| alarm.code == AlarmCode::StateDir)
        .map(text_of);
    let mut said: Vec<CodedText> = said.collect();
    if said.is_empty() {
        said.extend(facts.disk.state_dir.clone().err().map(CodedText::from));
    }
    let dir = facts.config.site.state_dir.display().to_string();
    if said.is_empty() {
        return vec![
            ReadinessCheck::ok(
                ReadinessCode::StateDir,
                coded!("can_be_written", "can be written"),
            )
            .subject(&dir),
        ];
    }
    let amiss = said.into_iter().map(|text| {
        let advice = coded!(
            "fix_state_dir",
            "fix it: a takeover works without it, but decisions may not survive a restart"
        );
        ReadinessCheck::amiss(ReadinessCode::StateDir, ReadinessLevel::Warning, text, advice).subject(&dir)
    });
    amiss.collect()
}

fn rendered_file(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    // Of a bird.conf of the user's own there is still to be seen whether BIRD runs it.
    let alarms = facts.snapshot.alarms.iter();
    let drifts = alarms.filter(|alarm| alarm.code == AlarmCode::RenderDrift);
    let mut checks: Vec<ReadinessCheck> = drifts
        .map(|alarm| {
            ReadinessCheck::amiss(
                ReadinessCode::RenderedFile,
                ReadinessLevel::Warning,
                text_of(alarm),
                coded!("status_says_since", "`falconer status` says since when"),
            )
        })
        .collect();
    let Some(render) = &facts.config.render else {
        if checks.is_empty() {
            checks.push(ReadinessCheck::ok(
                ReadinessCode::RenderedFile,
                coded!("own_bird_conf", "bird.conf is your own (no [render])"),
            ));
        }
        return checks;
    };
    let output = render.output.display().to_string();
    if facts
        .disk
        .bird_conf
        .told
        .as_ref()
        .is_some_and(|told| *told != render.output)
    {
        let path = facts.disk.bird_conf.path.display();
        let text = coded!(
            "bird_reads_other_file",
            "BIRD reads {path}, but Falconer renders {output}",
            path,
            output
        );
        let advice = coded!(
            "set_output",
            "name that file as `output` in [render], or start BIRD without another `-c`"
        );
        checks.push(ReadinessCheck::amiss(
            ReadinessCode::RenderedFile,
            ReadinessLevel::Warning,
            text,
            advice,
        ));
    }
    if checks.is_empty() {
        checks.push(ReadinessCheck::ok(
            ReadinessCode::RenderedFile,
            coded!("is_rendered", "is what the configuration renders"),
        ));
    }
    checks.into_iter().map(|check| check.subject(&output)).collect()
}

/// Whether `birdc configure`, a SIGHUP, a crash or a restart of BIRD in the middle of an outage keeps
/// what was decided (A6).
fn state_files(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    match &facts.disk.bird_conf.state_files {
        Ok(found) => facts
            .config
            .services
            .iter()
            .flat_map(|service| of_service(facts, service, found))
            .collect(),
        Err(why) => {
            let text = coded!(
                "state_files_unknown",
                "whether BIRD takes `disabled` from the state files is unknown: {why}",
                why
            );
            let services = facts.config.services.iter();
            let first = services.flat_map(|service| &service.full).next();
            let line = first.map_or_else(String::new, |line| include(facts, line));
            let advice = coded!(
                "check_include_yourself",
                "check it yourself: after `disabled;` each static protocol needs a line like {line}",
                line
            );
            vec![ReadinessCheck::amiss(
                ReadinessCode::StateFiles,
                ReadinessLevel::Warning,
                text,
                advice,
            )]
        }
    }
}

fn of_service(
    facts: &ReadinessFacts<'_>,
    service: &model::ServiceConfig,
    found: &BTreeMap<String, StateFile>,
) -> Vec<ReadinessCheck> {
    let lines = || service.statics();
    let mut checks: Vec<ReadinessCheck> = lines()
        .filter_map(|line| of_line(facts, line, *found.get(&line.name)?))
        .collect();
    let taken: Vec<&String> = lines()
        .map(|line| &line.name)
        .filter(|name| found.get(*name) == Some(&StateFile::Taken))
        .collect();
    if checks.is_empty() && !taken.is_empty() {
        let names = list(&taken);
        let text = coded!(
            "state_files_included",
            "`disabled` comes from the state files of {names}",
            names
        );
        checks.push(ReadinessCheck::ok(ReadinessCode::StateFiles, text));
    }
    checks
        .into_iter()
        .map(|check| check.service(&service.name))
        .collect()
}

fn of_line(
    facts: &ReadinessFacts<'_>,
    line: &StaticProtocolConfig,
    found: StateFile,
) -> Option<ReadinessCheck> {
    let name = &line.name;
    if found == StateFile::NoProtocol {
        // If BIRD does not have it either, the check of the protocols says so.
        facts.bird.protocols.as_ref()?.get(name)?;
    }
    let file = facts.disk.bird_conf.path.display();
    let text = wrong_line(name, &file, found)?;
    let advice = right_line(&file, &include(facts, line), found)?;
    Some(
        ReadinessCheck::amiss(ReadinessCode::StateFiles, ReadinessLevel::Warning, text, advice).subject(name),
    )
}

/// What is wrong with the line that includes a state file.
fn wrong_line(name: &str, file: &Display<'_>, found: StateFile) -> Option<CodedText> {
    let lost = coded!(
        "configure_would_undo",
        "`birdc configure` or a restart of BIRD would undo what was decided"
    );
    Some(match found {
        StateFile::Taken => return None,
        StateFile::NoProtocol => coded!(
            "protocol_not_in_file",
            "BIRD has {name}, but {file} has not: whether it includes its state file is unknown",
            name,
            file
        ),
        StateFile::NotIncluded => coded!(
            "state_file_not_included",
            "{name} does not take `disabled` from its state file: {lost}",
            name,
            lost
        ),
        StateFile::Overruled => coded!(
            "state_file_overruled",
            "{name} says `disabled;` after its state file, and the last one counts: {lost}",
            name,
            lost
        ),
        StateFile::Required => coded!(
            "state_file_required",
            "{name} includes its state file by its plain name: after a reboot it is missing, and BIRD would not start",
            name
        ),
        StateFile::TooWide => coded!(
            "state_file_too_wide",
            "{name} includes its state file by a pattern that matches those of other protocols, too, and the last \
                 one counts: {lost}",
            name,
            lost
        ),
        StateFile::Unclear => coded!(
            "disabled_not_understood",
            "the value of `disabled` in {name} is not understood: whether it includes its state file is unknown",
            name
        ),
        StateFile::EnabledWithout => coded!(
            "enabled_without_file",
            "{name} is enabled if its state file is missing: after a reboot BIRD would announce it by itself",
            name
        ),
    })
}

/// What to do about it.
fn right_line(file: &Display<'_>, include: &str, found: StateFile) -> Option<CodedText> {
    Some(match found {
        StateFile::Taken => return None,
        StateFile::NoProtocol => coded!(
            "reread_or_add_include",
            "let BIRD read {file} again (`birdc configure`), or check that the protocol has the line {include}",
            file,
            include
        ),
        StateFile::NotIncluded => coded!(
            "add_include",
            "add to it in {file}, after `disabled;`, the line {include}",
            file,
            include
        ),
        StateFile::Overruled => coded!(
            "move_disabled",
            "move `disabled;` in {file} before the line {include}",
            file,
            include
        ),
        StateFile::Required => coded!(
            "make_include_a_pattern",
            "make it a pattern in {file}, which may match nothing: {include}",
            file,
            include
        ),
        StateFile::TooWide => coded!(
            "narrow_the_pattern",
            "make the pattern match only its own file, in {file}: {include}",
            file,
            include
        ),
        StateFile::Unclear | StateFile::EnabledWithout => coded!(
            "write_disabled",
            "write `disabled;` in {file}, before the line {include}",
            file,
            include
        ),
    })
}

/// The line that includes a state file.
fn include(facts: &ReadinessFacts<'_>, line: &StaticProtocolConfig) -> String {
    // A run_dir that no pattern can name is refused where it is rendered.
    let pattern = state_file_pattern(&facts.config.site.run_dir, &line.name);
    let pattern = pattern.unwrap_or_else(|_| format!(".../bird/{}.conf", line.name));
    format!("`include \"{pattern}\";`")
}
