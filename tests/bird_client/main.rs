//! The client of BIRD's socket: against a fake that misbehaves on demand, and against the real one.

mod answer;
mod fault;
mod link;
mod order;
mod real;

use std::path::PathBuf;
use std::time::Duration;

use falconer::bird::client::{BirdClient, ConnectionStatus};
use falconer::model::snapshot::BirdState;
use falconer_lab::fake_bird::{Daemon, FakeBird};
use ipnet::IpNet;
use tokio::time::timeout;

/// How long the client waits for an answer: long for a fake on the same machine, short for a test.
const PATIENCE: Duration = Duration::from_millis(800);

/// How long a test waits for what is to happen.
const SOON: Duration = Duration::from_secs(20);

/// What the tests ask about.
fn daemon(version: &str) -> Daemon {
    Daemon::new(version)
        .with_static("web_v4", &["198.51.100.0/24"])
        .with_static("web_v6", &["2001:db8:5100::/48"])
        .with_bgp("isp_upstream", "203.0.113.1", &["ipv4"])
}

/// A fake, a client of it, and the directory that holds the socket.
struct Pair {
    bird: FakeBird,
    client: BirdClient,
    _directory: tempfile::TempDir,
}

fn pair(daemon: Daemon) -> Pair {
    let (directory, socket) = directory();
    let bird = FakeBird::start(&socket, daemon);
    let client = BirdClient::spawn(socket, PATIENCE);
    Pair {
        bird,
        client,
        _directory: directory,
    }
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("bird.ctl");
    (directory, socket)
}

/// The link as soon as it is like that.
async fn link_when(
    client: &BirdClient,
    condition: impl FnMut(&ConnectionStatus) -> bool,
) -> ConnectionStatus {
    let mut link = client.link();
    let found = timeout(SOON, link.wait_for(condition)).await;
    found
        .expect("the link gets there")
        .expect("the client lives")
        .clone()
}

async fn up(client: &BirdClient) -> ConnectionStatus {
    link_when(client, |link| link.state == BirdState::Up).await
}

/// What is wrong; empty where nothing is.
fn error_of(link: &ConnectionStatus) -> &str {
    link.error.as_deref().unwrap_or_default()
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}
