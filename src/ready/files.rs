//! The files: `state_dir`, the state files that BIRD reads, and bird.conf.

use std::collections::BTreeMap;

use super::facts::ReadinessFacts;
use crate::bird_conf::state_file_pattern;
use crate::bird_conf::statics::StateFile;
use crate::config::model::{self, StaticProtocolConfig};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::AlarmCode;
use crate::ready::wording::{list, verb};

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
        .map(|alarm| alarm.text.clone());
    let mut said: Vec<String> = said.collect();
    if said.is_empty() {
        said.extend(facts.disk.state_dir.clone().err());
    }
    let dir = facts.config.site.state_dir.display().to_string();
    if said.is_empty() {
        return vec![ReadinessCheck::ok(ReadinessCode::StateDir, "can be written").subject(&dir)];
    }
    let amiss = said.into_iter().map(|text| {
        let advice = "mend it: a takeover works without it, but what was decided may not survive a restart";
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
                alarm.text.clone(),
                "see `falconer status` for since when",
            )
        })
        .collect();
    let Some(render) = &facts.config.render else {
        if checks.is_empty() {
            checks.push(ReadinessCheck::ok(
                ReadinessCode::RenderedFile,
                "bird.conf is your own (no [render])",
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
        let text = format!(
            "BIRD reads {}, and Falconer renders {output}",
            facts.disk.bird_conf.path.display()
        );
        let advice = "name that file as `output` in [render], or start BIRD without another `-c`";
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
            "is what the configuration renders",
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
            let text = format!("whether BIRD takes `disabled` from the state files cannot be seen: {why}");
            let advice = format!(
                "look there yourself: after `disabled;` each static protocol has a line \
                 like {}",
                facts
                    .config
                    .services
                    .iter()
                    .flat_map(|service| &service.full)
                    .next()
                    .map_or_else(String::new, |line| include(facts, line))
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
    let lines = || service.full.iter().chain(&service.drain);
    let mut checks: Vec<ReadinessCheck> = lines()
        .filter_map(|line| of_line(facts, line, *found.get(&line.name)?))
        .collect();
    let taken: Vec<&String> = lines()
        .map(|line| &line.name)
        .filter(|name| found.get(*name) == Some(&StateFile::Taken))
        .collect();
    if checks.is_empty() && !taken.is_empty() {
        let take = verb(
            taken.len(),
            "takes `disabled` from its state file",
            "take `disabled` from their state files",
        );
        let text = format!("{} {take}", list(&taken));
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
    let file = facts.disk.bird_conf.path.display();
    let include = include(facts, line);
    let lost = "`birdc configure` or a restart of BIRD would undo what was decided";
    let (text, advice) = match found {
        StateFile::Taken => return None,
        // That BIRD has none either is told elsewhere.
        StateFile::NoProtocol => {
            let protocols = facts.bird.protocols.as_ref()?;
            protocols.get(name)?;
            (
                format!(
                    "BIRD has {name}, and {file} has not: whether it takes its state file cannot be seen"
                ),
                format!(
                    "have BIRD read {file} again (`birdc configure`), or see that the protocol has the line {include}"
                ),
            )
        }
        StateFile::NotIncluded => (
            format!("{name} does not take `disabled` from its state file: {lost}"),
            format!("add to it in {file}, after `disabled;`, the line {include}"),
        ),
        StateFile::Overruled => (
            format!("{name} says `disabled;` after its state file, and the last one counts: {lost}"),
            format!("move `disabled;` in {file} before the line {include}"),
        ),
        StateFile::Required => (
            format!(
                "{name} includes its state file by its plain name: after a reboot it is missing, and BIRD would not start"
            ),
            format!("make it a pattern in {file}, which may match nothing: {include}"),
        ),
        StateFile::TooWide => (
            format!(
                "{name} includes its state file by a pattern that matches those of other protocols, too, and the last \
                 one counts: {lost}"
            ),
            format!("make the pattern match its own file alone, in {file}: {include}"),
        ),
        StateFile::Unclear => (
            format!(
                "what `disabled` says in {name} is not understood: whether it takes its state file cannot be told"
            ),
            format!("write `disabled;` in {file}, before the line {include}"),
        ),
        StateFile::EnabledWithout => (
            format!(
                "{name} is enabled where its state file is missing: after a reboot BIRD would announce it by itself"
            ),
            format!("add `disabled;` in {file}, before the line {include}"),
        ),
    };
    Some(
        ReadinessCheck::amiss(ReadinessCode::StateFiles, ReadinessLevel::Warning, text, advice).subject(name),
    )
}

/// The line that takes a state file.
fn include(facts: &ReadinessFacts<'_>, line: &StaticProtocolConfig) -> String {
    // A run_dir that no pattern can name is refused where it is rendered.
    let pattern = state_file_pattern(&facts.config.site.run_dir, &line.name);
    let pattern = pattern.unwrap_or_else(|_| format!(".../bird/{}.conf", line.name));
    format!("`include \"{pattern}\";`")
}
