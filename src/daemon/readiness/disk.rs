//! What the disk is asked for readiness' sake: whether `state_dir` could be written, and what bird.conf
//! does with the state files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::bird::state_file::StateDir;
use crate::conf_file::reading;
use crate::config::Config;
use crate::config::model::Render;
use crate::ready::bird_conf::Statics;
use crate::ready::{Conf, Disk};
use crate::store;

/// How long the disk may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where bird.conf is, unless BIRD was told otherwise: on Debian and Ubuntu, and where we render.
const USUAL: &str = "/etc/bird/bird.conf";

/// Asks it. A disk that hangs is one that does not answer.
pub(super) async fn ask(config: &Config, pid: Option<i32>) -> Disk {
    let state_dir = config.site.state_dir.clone();
    let output = config.render.as_ref().map(|Render { output, .. }| output.clone());
    let states = StateDir::new(&config.site.run_dir);
    let lines = config
        .services
        .iter()
        .flat_map(|service| service.full.iter().chain(&service.drain));
    let files: Vec<(String, PathBuf)> = lines
        .map(|line| (line.name.clone(), states.path(&line.name)))
        .collect();
    let asking = spawn_blocking(move || Disk {
        state_dir: store::writable(&state_dir),
        bird_conf: bird_conf(pid, output.as_deref(), &files),
    });
    match timeout(PATIENCE, asking).await {
        Ok(Ok(disk)) => disk,
        Ok(Err(error)) => unseen(&error.to_string()),
        Err(_) => Disk {
            state_dir: Err(format!(
                "the disk of {} does not answer",
                config.site.state_dir.display()
            )),
            ..unseen("the disk does not answer")
        },
    }
}

/// Nothing is known but why.
pub(super) fn unseen(why: &str) -> Disk {
    let bird_conf = Conf {
        path: USUAL.into(),
        told: None,
        state_files: Err(why.to_owned()),
    };
    Disk {
        state_dir: Ok(()),
        bird_conf,
    }
}

/// The file that BIRD was told, else the one that we render, else the usual one.
fn bird_conf(pid: Option<i32>, output: Option<&Path>, files: &[(String, PathBuf)]) -> Conf {
    // By whatever way BIRD was told of our own file, it is ours.
    let told = pid.and_then(reading::told).map(|told| match output {
        Some(output) if is_same(&told, output) => output.to_owned(),
        Some(_) | None => told,
    });
    let path = told
        .clone()
        .or_else(|| output.map(Path::to_owned))
        .unwrap_or_else(|| USUAL.into());
    let leave = files
        .first()
        .and_then(|(_, file)| file.parent())
        .unwrap_or(Path::new(""));
    let state_files = reading::whole(&path, leave).map(|text| {
        let statics = Statics::read(&text);
        let found = files
            .iter()
            .map(|(name, file)| (name.clone(), statics.state_file(name, file)));
        found.collect()
    });
    Conf {
        path,
        told,
        state_files,
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        (Ok(_), Err(_)) | (Err(_), Ok(_) | Err(_)) => one == other,
    }
}
