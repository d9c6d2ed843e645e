//! If the primary died now, would we take over? Asked of a standby that would, and of one that would not
//! in every way that real BIRDs make possible.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use falconer::model::readiness::ReadinessLevel;
use falconer::model::readiness::{Readiness, ReadinessCheck, ReadinessCode};

use falconer_lab::capture::Mark;
use falconer_lab::{
    BirdConf, Falconer, Host, Lab, PREFIX4, PREFIX6, Plan, Settings, bird_conf, isolated, wait,
};

/// A round of questions and some time for the machine.
const SOON: Duration = Duration::from_secs(25);

/// What it says, the drill left out: nobody practised in this lab.
fn ready(falconer: &Falconer) -> Result<Readiness> {
    let json = falconer.get("/v1/ready")?;
    let mut readiness: Readiness = serde_json::from_str(&json).with_context(|| json.clone())?;
    readiness
        .checks
        .retain(|check| check.code != ReadinessCode::LastDrill);
    readiness.level = readiness
        .checks
        .iter()
        .map(|check| check.level)
        .max()
        .unwrap_or(ReadinessLevel::Ok);
    Ok(readiness)
}

/// Waits until its level is this.
fn until_level(falconer: &Falconer, level: ReadinessLevel) -> Result<Readiness> {
    let mut last = None;
    let found = wait::until(&format!("readiness {}", level.word()), SOON, || {
        let readiness = ready(falconer)?;
        last = Some(readiness.clone());
        Ok((readiness.level == level).then_some(readiness))
    });
    found.with_context(|| format!("at last it was {last:#?}"))
}

/// Waits until these words stand in a check of this code and level, with what to do about it.
fn until_said(
    falconer: &Falconer,
    code: ReadinessCode,
    level: ReadinessLevel,
    words: &str,
) -> Result<ReadinessCheck> {
    until_advised(falconer, code, level, words, "")
}

/// The same, with these words in the advice.
fn until_advised(
    falconer: &Falconer,
    code: ReadinessCode,
    level: ReadinessLevel,
    words: &str,
    advice: &str,
) -> Result<ReadinessCheck> {
    let mut last = None;
    let found = wait::until(&format!("{words:?} in readiness"), SOON, || {
        let readiness = ready(falconer)?;
        last = Some(readiness.clone());
        let said = readiness.problems().find(|check| {
            check.code == code
                && check.level == level
                && check.text.contains(words)
                && check.advice.as_ref().is_some_and(|given| given.contains(advice))
        });
        Ok(said.cloned())
    });
    found.with_context(|| format!("at last it was {last:#?}"))
}

/// The exit code of `falconer ready`, and the status of /readyz.
fn answers(falconer: &Falconer) -> Result<(Option<i32>, bool)> {
    let code = falconer.cli(&["ready"])?.status.code();
    Ok((code, falconer.get("/readyz").is_ok()))
}

#[test]
fn a_healthy_standby_is_ready_and_one_without_its_upstream_is_not() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        let readiness = until_level(&falconer, ReadinessLevel::Ok)?;
        let codes: Vec<ReadinessCode> = readiness.checks.iter().map(|check| check.code).collect();
        for code in [
            ReadinessCode::Bird,
            ReadinessCode::Protocols,
            ReadinessCode::Upstreams,
            ReadinessCode::ExportFilter,
            ReadinessCode::Probes,
            ReadinessCode::StateFiles,
        ] {
            ensure!(codes.contains(&code), "{code:?} is missing in {codes:?}");
        }
        ensure!(answers(&falconer)?.1, "/readyz of a standby that is ready");
        lab.standby.birdc("disable isp_upstream")?;
        let said = until_said(
            &falconer,
            ReadinessCode::Upstreams,
            ReadinessLevel::No,
            "too few upstreams would carry web",
        )?;
        ensure!(said.subject.as_deref() == Some("isp_upstream"), "{said:?}");
        ensure!(answers(&falconer)? == (Some(2), false));
        wait::until_true("the line of the status", SOON, || {
            let status = falconer.must(&["status"])?;
            Ok(status.contains("Ready: no - isp_upstream is Down"))
        })?;
        // Long enough that the level is told.
        wait::until_true("history of it", SOON, || {
            Ok(falconer
                .must(&["history"])?
                .contains("-> no: isp_upstream is Down"))
        })?;
        lab.standby.birdc("enable isp_upstream")?;
        until_level(&falconer, ReadinessLevel::Ok)?;
        wait::until_true("history of both", SOON, || {
            Ok(falconer.must(&["history"])?.contains("no -> "))
        })?;
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn a_standby_answers_with_a_warning_until_its_first_good_drill() {
    isolated(|| {
        let (_lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        until_level(&falconer, ReadinessLevel::Ok)?;
        ensure!(answers(&falconer)? == (Some(1), true));
        let said = falconer.cli(&["ready"])?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        ensure!(
            said.contains("no drill of a takeover ever passed; `falconer drill web`"),
            "{said}"
        );
        // Readiness asked BIRD itself; the drill goes by the last poll.
        wait::until_true("sessions in the status", SOON, || {
            let upstreams = falconer.status()?.upstreams;
            Ok(upstreams.iter().all(|upstream| upstream.state.is_established()))
        })?;
        falconer.must(&["drill", "web", "--for", "1s"])?;
        wait::until_true("a plain yes", SOON, || Ok(answers(&falconer)? == (Some(0), true)))
    });
}

#[test]
fn an_override_is_a_warning_or_a_no_by_what_it_would_stop() {
    isolated(|| {
        let (_lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        until_level(&falconer, ReadinessLevel::Ok)?;
        falconer.must(&["freeze", "web", "--reason", "maintenance"])?;
        until_said(&falconer, ReadinessCode::Override, ReadinessLevel::No, "frozen")?;
        ensure!(answers(&falconer)? == (Some(2), false));
        falconer.must(&["announce", "web", "--reason", "maintenance"])?;
        let said = until_said(
            &falconer,
            ReadinessCode::Override,
            ReadinessLevel::Warning,
            "(maintenance)",
        )?;
        ensure!(
            said.advice.as_deref() == Some("`falconer auto web` ends it"),
            "{said:?}"
        );
        until_level(&falconer, ReadinessLevel::Warning)?;
        ensure!(answers(&falconer)? == (Some(1), true));
        falconer.must(&["auto", "web"])?;
        until_level(&falconer, ReadinessLevel::Ok)?;
        Ok(())
    });
}

#[test]
fn a_template_whose_export_filter_blocks_a_prefix_is_found_without_announcing_it() {
    isolated(|| {
        let mut lab = Lab::prepare(&Plan::default())?;
        let mut falconer = lab.falconer(&Settings::standby())?;
        let part = lab
            .directory(Host::Hk)
            .join("etc/bird-templates/parts/filters.conf");
        // It knows the shadow's prefix, and takes it for somebody else's.
        std::fs::write(
            part,
            "filter to_isp_upstream_v4 { if net ~ [ 192.0.2.0/24 ] then accept; reject; }\n\
             filter to_isp_upstream6_v6 { if proto ~ \"web_v6*\" then accept; reject; }\n",
        )?;
        falconer.start()?;
        wait::until_true("rendered bird.conf", SOON, || {
            Ok(lab.standby.configuration().exists())
        })?;
        lab.standby.start()?;
        lab.until_sessions(Host::Hk)?;
        let words = format!(
            "isp_upstream would not carry {PREFIX4}: its export filter to_isp_upstream_v4 refuses it"
        );
        until_said(&falconer, ReadinessCode::ExportFilter, ReadinessLevel::No, &words)?;
        let readiness = until_level(&falconer, ReadinessLevel::No)?;
        ensure!(
            !readiness.problems().any(|check| check.text.contains(PREFIX6)),
            "{readiness:#?}"
        );
        ensure!(answers(&falconer)? == (Some(2), false));
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

/// A bird.conf of the user's own, as the guide has it.
fn documented(run_dir: &Path) -> Result<String> {
    let mut text = bird_conf::steered(Host::Hk, run_dir);
    let mut filters = String::new();
    for (version, channel, prefix) in [("v4", "ipv4", PREFIX4), ("v6", "ipv6", PREFIX6)] {
        let from = text.find("export filter {").context("an export filter")?;
        let end = text[from..].find("reject;\n  };").context("its end")? + from + "reject;\n  };".len();
        text.replace_range(from..end, &format!("export filter to_isp_{version};"));
        let static_ = format!("web_{version}");
        filters.push_str(&format!(
            "{channel} table rehearsal{number};\nprotocol static {static_}_shadow {{ {channel} {{ table rehearsal{number}; }}; \
             route {prefix} blackhole; }}\nfilter to_isp_{version} {{\n  if proto = \"{static_}\" || proto = \
             \"{static_}_drain\" || proto = \"{static_}_shadow\" then accept;\n  reject;\n}}\n",
            number = &version[1..],
        ));
    }
    // Names are to be known before a session uses them.
    let at = text.find("protocol static").context("the statics")?;
    text.insert_str(at, &filters);
    Ok(text)
}

/// A standby beside this bird.conf.
fn attached(lab: &mut Lab, text: &str) -> Result<Falconer> {
    lab.standby.configure_with(text)?;
    lab.standby.start()?;
    lab.until_sessions(Host::Hk)?;
    let mut falconer = lab.falconer(&Settings::standby().bird_conf(BirdConf::Attached))?;
    falconer.start()?;
    Ok(falconer)
}

/// What readiness must say once a line is another one.
struct Wrong<'a> {
    line: &'a str,
    instead: &'a str,
    code: ReadinessCode,
    level: ReadinessLevel,
    words: &'a str,
    advice: &'a str,
}

/// Puts each line wrong and right again.
fn each(lab: &Lab, falconer: &Falconer, text: &str, cases: &[Wrong<'_>]) -> Result<()> {
    for Wrong {
        line,
        instead,
        code,
        level,
        words,
        advice,
    } in cases
    {
        ensure!(text.contains(line), "no {line:?} in {text}");
        lab.standby.configure_with(&text.replace(line, instead))?;
        let read = lab.standby.birdc("configure")?;
        ensure!(read.contains("Reconfigur"), "{instead}: {read}");
        until_advised(falconer, *code, *level, words, advice)?;
        lab.standby.configure_with(text)?;
        lab.standby.birdc("configure")?;
        until_level(falconer, ReadinessLevel::Ok).with_context(|| format!("after {instead:?}"))?;
    }
    lab.capture.must_be_silent(Host::Hk, Mark::START)
}

#[test]
fn beside_a_bird_conf_of_the_users_own_wrong_protocols_are_told_with_the_lines_that_mend_them() {
    isolated(|| {
        let mut lab = Lab::prepare(&Plan::default())?;
        let run_dir = lab.run_dir(Host::Hk);
        let text = documented(&run_dir)?;
        let falconer = attached(&mut lab, &text)?;
        until_level(&falconer, ReadinessLevel::Ok)?;
        let v6 = format!("ipv6 {{ preference 200; }};\n  route {PREFIX6} blackhole;");
        let cases = [
            Wrong {
                line: "protocol static web_v4 {",
                instead: "protocol static mail_v4 {",
                code: ReadinessCode::Protocols,
                level: ReadinessLevel::No,
                words: "BIRD has no protocol web_v4",
                advice: "protocol static web_v4 {",
            },
            Wrong {
                line: &v6,
                instead: "ipv4 { preference 200; };\n  route 192.0.2.0/24 blackhole;",
                code: ReadinessCode::Protocols,
                level: ReadinessLevel::No,
                words: "its channel is ipv4, expected ipv6",
                advice: "only with one ipv6 channel and exactly these routes: 2001:db8:5100::/48",
            },
            Wrong {
                line: "export filter to_isp_v4;",
                instead: "export none;",
                code: ReadinessCode::ExportFilter,
                level: ReadinessLevel::No,
                words: "isp_upstream would not carry 198.51.100.0/24",
                advice: "lets nothing out",
            },
        ];
        each(&lab, &falconer, &text, &cases)
    });
}

#[test]
fn beside_a_bird_conf_of_the_users_own_what_is_not_provable_is_a_warning() {
    isolated(|| {
        let mut lab = Lab::prepare(&Plan::default())?;
        let run_dir = lab.run_dir(Host::Hk);
        let text = documented(&run_dir)?;
        let falconer = attached(&mut lab, &text)?;
        until_level(&falconer, ReadinessLevel::Ok)?;
        let run = run_dir.display().to_string();
        let (front, last) = run.split_at(run.len() - 1);
        let include = format!("include \"{front}[{last}]/bird/web_v4.conf\";");
        let cases = [
            Wrong {
                line: &include,
                instead: "",
                code: ReadinessCode::StateFiles,
                level: ReadinessLevel::Warning,
                words: "web_v4 does not take `disabled` from its state file",
                advice: &include,
            },
            Wrong {
                line: "protocol static web_v4_shadow {",
                instead: "protocol static web_v4_shade {",
                code: ReadinessCode::ExportFilter,
                level: ReadinessLevel::Warning,
                words: "cannot be tested: web_v4_shadow brings no route of it",
                advice: "protocol static web_v4_shadow { ipv4 { table rehearsal4; }; route 198.51.100.0/24 blackhole; }",
            },
            Wrong {
                line: "export filter to_isp_v6;",
                instead: "export where proto = \"web_v6\";",
                code: ReadinessCode::ExportFilter,
                level: ReadinessLevel::Warning,
                words: "the ipv6 export filter of isp_upstream6 has no name",
                advice: "export filter to_isp_upstream6;",
            },
        ];
        each(&lab, &falconer, &text, &cases)?;
        // Without any of the lines: told once a family, with what to add.
        lab.standby
            .configure_with(&bird_conf::steered(Host::Hk, &run_dir))?;
        lab.standby.birdc("configure")?;
        for table in ["rehearsal4", "rehearsal6"] {
            let said = until_said(
                &falconer,
                ReadinessCode::ExportFilter,
                ReadinessLevel::Warning,
                &format!("BIRD has no table {table}"),
            )?;
            let advice = said.advice.unwrap_or_default();
            ensure!(advice.contains(&format!("table {table};")), "{advice}");
        }
        ensure!(answers(&falconer)? == (Some(1), true));
        lab.capture.must_be_silent(Host::Hk, Mark::START)
    });
}

#[test]
fn check_live_says_both_what_is_configured_and_whether_it_would_work() {
    isolated(|| {
        let (lab, falconer) = Lab::stand_by(&Plan::default(), &Settings::standby())?;
        until_level(&falconer, ReadinessLevel::Ok)?;
        let said = falconer.must(&["check", "--live"])?;
        ensure!(
            said.contains("1 service") && said.contains("\nReady: yes"),
            "{said}"
        );
        lab.standby.birdc("disable isp_upstream6")?;
        until_level(&falconer, ReadinessLevel::No)?;
        let output = falconer.cli(&["check", "--live"])?;
        ensure!(output.status.code() == Some(1), "{output:?}");
        Ok(())
    });
}
