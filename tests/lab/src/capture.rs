//! The UPDATE messages at the upstream's interfaces, with the kernel's times: tcpdump in the
//! upstream's namespace, read as it runs. It decodes with `packets` and `bgp`, and judges nothing.

use std::io::{BufReader, Read};
use std::net::UdpSocket;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::bgp::{Message, Update};
use crate::netns::Netns;
use crate::packets::{self, Payload, Streams};
use crate::topology::Host;
use crate::wait;

/// Where the barrier's datagrams go: nobody listens, only the capture sees them.
const BARRIER: &str = "127.0.0.1:9";
/// Everything at once, on all interfaces. The snapshot length and the buffer leave room for a thousand
/// packets in the kernel: by default each takes a quarter of a MiB, and bursts of eight are lost.
const TCPDUMP: &str = "-i any -y LINUX_SLL2 -n -U --immediate-mode -s 16384 -B 16384 -Z root \
                       --time-stamp-precision=nano -w -";
/// BGP, and the barriers.
const FILTER: &str = "tcp port 179 or (udp port 9 and host 127.0.0.1)";
/// How long tcpdump may take to start, and a barrier to come through.
const PATIENCE: Duration = Duration::from_secs(10);

/// A BGP message on its way to the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When the upstream's kernel saw the packet that completed it.
    pub at: SystemTime,
    /// Who sent it.
    pub from: Host,
    /// What it says.
    pub message: Message,
}

/// An UPDATE that announces or withdraws something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenUpdate {
    /// When the upstream's kernel saw it.
    pub at: SystemTime,
    /// Who sent it.
    pub from: Host,
    /// What it says.
    pub update: Update,
}

/// A place in the capture: what comes after it is what happened after it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

impl Mark {
    /// Before everything.
    pub const START: Self = Self(0);
}

/// A running capture. Dropping it ends tcpdump, and with it the thread that reads it.
#[derive(Debug)]
pub struct Capture {
    tcpdump: Child,
    shared: Arc<Shared>,
    barrier: UdpSocket,
}

/// What the reading thread tells the others.
#[derive(Debug, Default)]
struct Shared {
    // Held for a push or a copy only; the condition variable needs it.
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Seen>,
    barrier: u64,
    failed: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Capture {
    /// Starts capturing on every interface of the namespace. Sessions that were opened before are
    /// not understood, so this comes before BGP.
    pub fn start(isp: &Netns) -> Result<Self> {
        let mut tcpdump = isp
            .command("tcpdump")
            .args(TCPDUMP.split_whitespace())
            .arg(FILTER)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting tcpdump")?;
        let shared = Arc::new(Shared::default());
        let output = tcpdump.stdout.take().context("tcpdump's output is a pipe")?;
        let writer = Arc::clone(&shared);
        std::thread::spawn(move || {
            let ended = follow(BufReader::new(output), &writer);
            let reason = ended.map_or_else(|error| format!("{error:#}"), |()| "tcpdump ended".to_owned());
            writer.lock().failed = Some(reason);
            writer.changed.notify_all();
        });
        let barrier = isp.inside(|| Ok(UdpSocket::bind("127.0.0.1:0")?))?;
        let capture = Self {
            tcpdump,
            shared,
            barrier,
        };
        capture.mark().context("waiting for tcpdump")?;
        Ok(capture)
    }

    /// Now: every message that the kernel saw before this call is before the mark.
    pub fn mark(&self) -> Result<Mark> {
        let wanted = self.shared.lock().barrier + 1;
        // Sent again and again: the first may come before tcpdump listens.
        wait::until("barrier in the capture", PATIENCE, || {
            let _ = self.barrier.send_to(&wanted.to_be_bytes(), BARRIER);
            let (state, _) = self
                .shared
                .changed
                .wait_timeout_while(self.shared.lock(), Duration::from_millis(100), |state| {
                    state.barrier < wanted && state.failed.is_none()
                })
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(failed) = &state.failed {
                bail!("the capture failed: {failed}");
            }
            Ok((state.barrier >= wanted).then_some(Mark(state.seen.len())))
        })
    }

    /// What was sent to the upstream since then, up to now.
    pub fn since(&self, mark: Mark) -> Result<Vec<Seen>> {
        let end = self.mark()?;
        Ok(self.shared.lock().seen[mark.0..end.0].to_vec())
    }

    /// The UPDATEs that say something, of one site, since then and up to now.
    pub fn updates(&self, from: Host, mark: Mark) -> Result<Vec<SeenUpdate>> {
        Ok(self
            .since(mark)?
            .into_iter()
            .filter_map(update)
            .filter(|seen| seen.from == from)
            .collect())
    }

    /// Waits for the first UPDATE since the mark that is as wanted.
    pub fn wait(
        &self,
        what: &str,
        mark: Mark,
        deadline: Duration,
        wanted: impl Fn(&SeenUpdate) -> bool,
    ) -> Result<SeenUpdate> {
        wait::until(what, deadline, || {
            let state = self.shared.lock();
            if let Some(failed) = &state.failed {
                bail!("the capture failed: {failed}");
            }
            Ok(state.seen[mark.0..]
                .iter()
                .cloned()
                .filter_map(update)
                .find(&wanted))
        })
        .with_context(|| format!("since {mark:?} seen: {:#?}", self.shared.lock().seen))
    }

    /// Waits for a site to announce a prefix.
    pub fn announced(&self, from: Host, prefix: &str, mark: Mark, deadline: Duration) -> Result<SeenUpdate> {
        let what = format!("announcement of {prefix} by {from}");
        self.wait(&what, mark, deadline, |seen| {
            seen.from == from && seen.update.announces(prefix)
        })
    }

    /// Waits for a site to withdraw a prefix.
    pub fn withdrawn(&self, from: Host, prefix: &str, mark: Mark, deadline: Duration) -> Result<SeenUpdate> {
        let what = format!("withdrawal of {prefix} by {from}");
        self.wait(&what, mark, deadline, |seen| {
            seen.from == from && seen.update.withdraws(prefix)
        })
    }

    /// An error that shows them if a site sent any UPDATE since then.
    pub fn must_be_silent(&self, from: Host, mark: Mark) -> Result<()> {
        let updates = self.updates(from, mark)?;
        if !updates.is_empty() {
            bail!("{from} was to send nothing, and sent {updates:#?}");
        }
        Ok(())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

fn update(seen: Seen) -> Option<SeenUpdate> {
    match seen.message {
        Message::Update(update) if update.says_something() => Some(SeenUpdate {
            at: seen.at,
            from: seen.from,
            update,
        }),
        Message::Update(_)
        | Message::Open
        | Message::Notification(..)
        | Message::Keepalive
        | Message::Other(_) => None,
    }
}

/// Reads the capture until tcpdump ends.
fn follow(mut input: impl Read, shared: &Shared) -> Result<()> {
    let mut streams = Streams::default();
    packets::open(&mut input)?;
    while let Some(packet) = packets::read(&mut input)? {
        match packet.payload()? {
            Payload::Tcp(segment) => {
                let (source, destination) = (segment.flow.0.0, segment.flow.1.0);
                let messages = streams.push(&segment)?;
                // What the upstream says, and what it only forwards, is of no interest.
                let (Some(from), None) = (Host::of(source), Host::of(destination)) else {
                    continue;
                };
                let at = packet.at;
                let mut state = shared.lock();
                state
                    .seen
                    .extend(messages.into_iter().map(|message| Seen { at, from, message }));
            }
            Payload::Udp(number) => {
                if let Ok(number) = <[u8; 8]>::try_from(number) {
                    shared.lock().barrier = u64::from_be_bytes(number);
                }
            }
            Payload::Other => {}
        }
        shared.changed.notify_all();
    }
    Ok(())
}
