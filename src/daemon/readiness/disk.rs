//! What the disk is asked for readiness' sake: whether `state_dir` could be written, and what bird.conf
//! does with the state files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::bird::state_file::StateDir;
use crate::bird_conf::disk::reading;
use crate::bird_conf::disk::reading::View;
use crate::bird_conf::statics::Statics;
use crate::config::Config;
use crate::config::model::RenderConfig;
use crate::ready::{BirdConfFacts, DiskFacts};
use crate::store;

/// How long the disk may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where bird.conf is, unless BIRD was told otherwise: on Debian and Ubuntu, and where we render.
const USUAL: &str = "/etc/bird/bird.conf";

/// Whom the disk is asked through.
#[derive(Debug, Default)]
pub(crate) struct DiskQueries {
    /// A question that hangs. Until it ends no other is asked, since each would hold a thread for good.
    stuck: Option<JoinHandle<DiskFacts>>,
}

impl DiskQueries {
    /// Asks it. A disk that hangs is one that does not answer.
    pub(crate) async fn ask(&mut self, config: &Config, pid: Option<i32>) -> DiskFacts {
        self.within_patience(&config.site.state_dir, question(config, pid))
            .await
    }

    async fn within_patience(
        &mut self,
        state_dir: &Path,
        question: impl FnOnce() -> DiskFacts + Send + 'static,
    ) -> DiskFacts {
        if self.stuck.as_ref().is_some_and(|stuck| !stuck.is_finished()) {
            return hangs(state_dir);
        }
        let mut asking = spawn_blocking(question);
        let answered = timeout(PATIENCE, &mut asking).await;
        self.stuck = answered.is_err().then_some(asking);
        match answered {
            Ok(Ok(disk)) => disk,
            Ok(Err(error)) => unseen(&error.to_string()),
            Err(_) => hangs(state_dir),
        }
    }
}

/// What the disk is asked.
fn question(config: &Config, pid: Option<i32>) -> impl FnOnce() -> DiskFacts + Send + 'static {
    let state_dir = config.site.state_dir.clone();
    let output = config
        .render
        .as_ref()
        .map(|RenderConfig { output, .. }| output.clone());
    let states = StateDir::new(&config.site.run_dir);
    let lines = config.services.iter().flat_map(|service| service.statics());
    let files: Vec<(String, PathBuf)> = lines
        .map(|line| (line.name.clone(), states.path(&line.name)))
        .collect();
    move || DiskFacts {
        state_dir: store::writable(&state_dir),
        bird_conf: bird_conf(pid, output.as_deref(), &files),
    }
}

fn hangs(state_dir: &Path) -> DiskFacts {
    DiskFacts {
        state_dir: Err(format!("the disk of {} does not answer", state_dir.display())),
        ..unseen("the disk does not answer")
    }
}

/// Nothing is known but why.
pub(crate) fn unseen(why: &str) -> DiskFacts {
    let bird_conf = BirdConfFacts {
        path: USUAL.into(),
        told: None,
        state_files: Err(why.to_owned()),
    };
    DiskFacts {
        state_dir: Ok(()),
        bird_conf,
    }
}

/// The file that BIRD was told, else the one that we render, else the usual one.
fn bird_conf(pid: Option<i32>, output: Option<&Path>, files: &[(String, PathBuf)]) -> BirdConfFacts {
    // By whatever way BIRD was told of our own file, it is ours.
    let told = pid.and_then(|pid| Some((pid, reading::told(pid)?)));
    let told = told.map(|(pid, told)| match output {
        Some(output) if reading::is_same(pid, &told, output) => output.to_owned(),
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
    let whole = View::of(pid, leave).and_then(|view| view.whole(&path));
    let state_files = whole.map(|whole| {
        let statics = Statics::read(&whole.text);
        let found = files.iter().map(|(name, file)| {
            let others = files.iter().map(|(_, other)| other.as_path());
            let others = others.filter(|other| *other != file.as_path());
            (name.clone(), statics.state_file(name, file, others))
        });
        found.collect()
    });
    BirdConfFacts {
        path,
        told,
        state_files,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_not_asked_again_until_it_answers() {
        let (mut asking, directory) = (DiskQueries::default(), Path::new("/state"));
        let (let_go, held) = mpsc::channel::<()>();
        let hanging = move || {
            held.recv().unwrap();
            unseen("it hung")
        };
        let silent = Err("the disk of /state does not answer".to_owned());
        // Tokio's paused clock does not go on by itself while a thread is busy.
        let (disk, ()) = tokio::join!(
            asking.within_patience(directory, hanging),
            tokio::time::advance(PATIENCE + Duration::from_millis(1)),
        );
        assert_eq!(disk.state_dir, silent);
        for _ in 0..3 {
            let again = || unreachable!("it is asked although it hangs");
            assert_eq!(asking.within_patience(directory, again).await.state_dir, silent);
        }
        let_go.send(()).unwrap();
        while asking.stuck.as_ref().is_some_and(|stuck| !stuck.is_finished()) {
            tokio::task::yield_now().await;
        }
        let disk = asking.within_patience(directory, || unseen("well")).await;
        assert_eq!(disk.state_dir, Ok(()));
        assert!(asking.stuck.is_none());
    }
}
