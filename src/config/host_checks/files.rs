//! Files, directories and programs.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path as FilePath;

use rustix::fs::{Access, access};

use crate::config::checks::{every_probe, every_session};
use crate::config::diagnostic::{Diagnostic, Label, Severity};
use crate::config::finding::{Finding, Findings};
use crate::config::model::{CheckConfig, Config, RenderConfig};
use crate::config::secrets;
use crate::config::similar::{list, most_alike};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, built_in_templates: &[&str], found: &mut Findings) {
    for (path, session) in every_session(config) {
        if let Some(file) = session
            .session
            .as_ref()
            .and_then(|session| session.password_file.as_ref())
        {
            password_file(file, &path.key("password_file"), found);
        }
    }
    let state_dir = KeyPath::top().key("site").key("state_dir");
    writable(&config.site.state_dir, &state_dir, found);
    if let Some(render) = &config.render {
        let output = render.output.parent().unwrap_or(FilePath::new("/"));
        directory(output, &KeyPath::top().key("render").key("output"), found);
        template(render, built_in_templates, found);
        holds_passwords(config, &render.output, found);
        program(
            &config.bird.binary,
            &KeyPath::top().key("bird").key("binary"),
            "BIRD",
            found,
        );
    }
    for (path, probe) in every_probe(config) {
        match &probe.check {
            CheckConfig::Exec(exec) => {
                if let Some(file) = exec.command.first() {
                    let at = path.key("command").item(0);
                    program(FilePath::new(file), &at, "the program of this probe", found);
                }
            }
            CheckConfig::Http(http) => {
                if let Some(file) = &http.tls_ca_file {
                    readable(file, &path.key("tls_ca_file"), found);
                }
                if let Some(file) = &http.headers_file {
                    headers_file(file, &path.key("headers_file"), found);
                }
            }
            CheckConfig::Icmp(_)
            | CheckConfig::Tcp(_)
            | CheckConfig::Dns(_)
            | CheckConfig::BirdRoute(_)
            | CheckConfig::BirdProtocol(_) => {}
        }
    }
}

fn password_file(file: &FilePath, at: &KeyPath, found: &mut Findings) {
    let shown = file.display();
    match std::fs::metadata(file) {
        Err(why) if why.kind() == ErrorKind::NotFound => found.report(
            Finding::error("missing-file", format!("there is no password file {shown}"))
                .at(at, "not there")
                .help("write the password into its first line, and `chmod 0600` it")
                .note("the session cannot be rendered without its password"),
        ),
        Err(why) => found.report(
            Finding::warning(
                "unreadable-file",
                format!("the password file {shown} cannot be looked at: {why}"),
            )
            .at(at, "not for this user")
            .help("run the check as the user that Falconer runs as, or with sudo"),
        ),
        Ok(meta) if meta.permissions().mode() & 0o004 != 0 => found.report(
            Finding::error(
                "world-readable",
                format!("everybody on this host can read the password file {shown}"),
            )
            .at(at, format!("mode {:04o}", meta.permissions().mode() & 0o7777))
            .help(format!(
                "chmod 0600 {shown}; or 0640, of a group that Falconer is in"
            ))
            .note("whoever has the password can take over the session"),
        ),
        Ok(_) => {}
    }
}

fn headers_file(file: &FilePath, at: &KeyPath, found: &mut Findings) {
    let shown = file.display();
    let mode = match std::fs::metadata(file) {
        Ok(meta) => meta.permissions().mode(),
        Err(why) => {
            found.report(
                Finding::warning(
                    "unreadable-file",
                    format!("the headers in {shown} cannot be read: {why}"),
                )
                .at(at, "cannot be read")
                .note("until they can, every check of this probe is an error"),
            );
            return;
        }
    };
    if mode & 0o004 != 0 {
        found.report(
            Finding::error(
                "world-readable",
                format!("everybody on this host can read the headers file {shown}"),
            )
            .at(at, format!("mode {:04o}", mode & 0o7777))
            .help(format!(
                "chmod 0600 {shown}; or 0640, of a group that Falconer is in"
            ))
            .note("it is for secrets, and not read as long as everybody can read it"),
        );
    }
}

/// A falconer.toml that holds secrets, and that everybody can read.
pub(crate) fn holds_secrets(file: &FilePath, text: &str) -> Option<Diagnostic> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let span = secrets::first(text).filter(|_| mode & 0o004 != 0)?;
    let shown = file.display();
    Some(Diagnostic {
        severity: Severity::Warning,
        code: "world-readable",
        message: format!("everybody on this host can read {shown}, in which a secret stands"),
        labels: vec![Label {
            span,
            text: "looks like a secret".into(),
        }],
        help: Some(format!(
            "chgrp falconer {shown}; chmod 0640 {shown}; or keep it in a file of its own, such as `headers_file`"
        )),
        note: Some(format!("mode {:04o}", mode & 0o7777)),
        fix: None,
    })
}

/// bird.conf keeps its mode when it is written anew, and holds the passwords.
fn holds_passwords(config: &Config, output: &FilePath, found: &mut Findings) {
    let mut sessions = every_session(config).filter_map(|(_, session)| session.session.as_ref());
    let mode = std::fs::metadata(output).map_or(0, |meta| meta.permissions().mode());
    if mode & 0o004 == 0 || !sessions.any(|session| session.password_file.is_some()) {
        return;
    }
    let shown = output.display();
    found.report(
        Finding::warning(
            "world-readable",
            format!("everybody on this host can read {shown}, where the passwords will stand"),
        )
        .at(
            &KeyPath::top().key("render").key("output"),
            format!("mode {:04o}", mode & 0o7777),
        )
        .help(format!("chgrp bird {shown}; chmod 0640 {shown}"))
        .note("the file keeps its owner and mode whenever it is written"),
    );
}

/// The template that the file is rendered from.
fn template(render: &RenderConfig, built_in: &[&str], found: &mut Findings) {
    let name = render.template.as_str();
    if built_in.contains(&name) || render.template_dir.join(name).exists() {
        return;
    }
    let own = std::fs::read_dir(&render.template_dir)
        .into_iter()
        .flatten()
        .flatten();
    let own = own.filter(|entry| entry.path().is_file());
    let own: Vec<String> = own
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let names: Vec<&str> = built_in
        .iter()
        .copied()
        .chain(own.iter().map(String::as_str))
        .collect();
    let at = KeyPath::top().key("render").key("template");
    let finding = Finding::error("unknown-template", format!("there is no template `{name}`")).at(
        &at,
        format!("neither in {} nor built in", render.template_dir.display()),
    );
    found.report(match most_alike(name, names.iter().copied()) {
        Some(meant) => finding.fix("did you mean this one?", &at, format!("\"{meant}\"")),
        None => finding.help(format!("there are {}", list(&names))),
    });
}

/// A directory that we write into, or make if that is possible.
fn writable(dir: &FilePath, at: &KeyPath, found: &mut Findings) {
    let shown = dir.display();
    let finding = |what: String, label: &str| {
        Finding::warning("state-dir", what)
            .at(at, label)
            .help(format!("install -d -m 0750 -o falconer -g falconer {shown}, or whichever user Falconer runs as"))
            .note("without it the daemon runs, alarmed: overrides, latches and history would not survive a restart")
    };
    match std::fs::metadata(dir) {
        Ok(meta) if !meta.is_dir() => {
            found.report(finding(format!("`state_dir` {shown} is no directory"), "a file"));
        }
        Ok(_) if access(dir, Access::WRITE_OK | Access::EXEC_OK).is_err() => {
            found.report(finding(
                format!("`state_dir` {shown} cannot be written by this user"),
                "not writable",
            ));
        }
        Ok(_) => {}
        Err(_) => {
            let parent = dir.ancestors().skip(1).find(|dir| dir.exists());
            if parent.is_none_or(|parent| access(parent, Access::WRITE_OK | Access::EXEC_OK).is_err()) {
                found.report(finding(
                    format!("`state_dir` {shown} is not there and cannot be made by this user"),
                    "not there",
                ));
            }
        }
    }
}

fn directory(dir: &FilePath, at: &KeyPath, found: &mut Findings) {
    if !dir.is_dir() {
        found.report(
            Finding::warning(
                "missing-directory",
                format!("there is no directory {}", dir.display()),
            )
            .at(at, "the file would be written there")
            .help("install BIRD, or make the directory"),
        );
    }
}

fn program(file: &FilePath, at: &KeyPath, what: &str, found: &mut Findings) {
    let shown = file.display();
    let wrong = match std::fs::metadata(file) {
        Err(why) if why.kind() == ErrorKind::NotFound => "not there",
        Err(_) => "cannot be looked at by this user",
        Ok(meta) if !meta.is_file() => "no file",
        Ok(_) if access(file, Access::EXEC_OK).is_err() => "not executable by this user",
        Ok(_) => return,
    };
    found.report(
        Finding::warning("missing-program", format!("{what} cannot be run: {shown}"))
            .at(at, wrong)
            .note("until it can, whatever needs it is an error, and no result"),
    );
}

fn readable(file: &FilePath, at: &KeyPath, found: &mut Findings) {
    if let Err(why) = std::fs::File::open(file) {
        found.report(
            Finding::warning(
                "unreadable-file",
                format!("the certificates in {} cannot be read: {why}", file.display()),
            )
            .at(at, "cannot be read")
            .note("until they can, every check of this probe is an error"),
        );
    }
}
