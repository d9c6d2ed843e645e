//! A slow way between the standby and the primary, in both directions: the upstream's router sends
//! their IPv4 packets to each other through a link whose far end holds every packet for a drawn time
//! and then sends it back to be forwarded. It needs no netem, which not every kernel has. Everything
//! else, the sites' BGP sessions included, stays as fast as it is.
//!
//! Packets overtake each other, as they do where a network balances its load packet by packet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, bind, socket};
use socket2::Socket;

use crate::draw::Draw;
use crate::netns::Netns;
use crate::wait;

/// The far end of the link.
const FAR_END: &str = "slow_far";
/// The link, and what is routed through it. Neither end asks for the other's address: every frame
/// carries the near end's, so that what comes back is for the router itself.
const LINK: &str = "\
    link add slow type veth peer name slow_far\n\
    link set slow addrgenmode none arp off up\n\
    link set slow_far addrgenmode none arp off up\n\
    route add default dev slow table 99\n\
    rule add iif hk to 198.18.0.1 lookup 99\n\
    rule add iif cn to 203.0.113.2 lookup 99\n";
/// How long a packet is held, in milliseconds: a ping takes two, so that its answer comes after 300 ms
/// to 1.5 s.
const HELD: (u64, u64) = (150, 750);
/// The same of TCP: an HTTP request takes four.
const HELD_TCP: (u64, u64) = (75, 375);
/// The longest that a whole answer takes on this way.
pub const LONGEST_ANSWER: Duration = Duration::from_millis(1500);
/// The longest that a check is out before the last of it has reached the primary.
pub const LONGEST_REQUEST: Duration = Duration::from_millis(1125);
/// How long the thread sleeps at most, and so how soon it ends.
const NAP: Duration = Duration::from_millis(50);
/// How late a packet may go on. Later, and answers come after the time-outs of checks: that looks like a
/// death, and is none of Falconer's doing.
const LATE: Duration = Duration::from_millis(250);
/// An Ethernet header.
const HEADER: usize = 14;
/// Protocol numbers of IPv4.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// A slow way; it is fast no more when it is dropped: then it is cut.
#[derive(Debug)]
pub struct SlowWay {
    stop: Arc<AtomicBool>,
    // Written once by the thread, when it fails.
    failed: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl SlowWay {
    /// Makes it in the upstream's namespace; `seed` settles the times.
    pub fn build(isp: &Netns, seed: u64) -> Result<Self> {
        isp.ip_batch(LINK).context("making the slow link")?;
        let socket = isp.inside(far_end).context("opening the slow link")?;
        let stop = Arc::new(AtomicBool::new(false));
        let failed = Arc::<Mutex<Option<String>>>::default();
        let (asked_to_stop, failure) = (Arc::clone(&stop), Arc::clone(&failed));
        let thread = std::thread::spawn(move || {
            let outcome = hold_packets(&socket, Draw::new(seed), &asked_to_stop);
            if let Err(error) = outcome {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{error:#}"));
            }
        });
        Ok(Self {
            stop,
            failed,
            thread: Some(thread),
        })
    }

    /// An error if it broke: then everything that was seen since is of no worth.
    pub fn must_work(&self) -> Result<()> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map_or(Ok(()), |error| {
            Err(anyhow!("the slow way to the primary broke: {error}"))
        })
    }
}

impl Drop for SlowWay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A packet socket at the far end. Of one protocol only, which spares it what it sends itself.
fn far_end() -> Result<Socket> {
    let mut interfaces = getifaddrs().context("listing the interfaces")?;
    // The entry of the packet family holds the interface's index, and bind(2) looks at nothing else.
    let address = interfaces.find_map(|interface| {
        let address = interface.address?;
        let link = address.as_link_addr().copied()?;
        (interface.interface_name == FAR_END).then_some(link)
    });
    let address = address.with_context(|| format!("there is no interface {FAR_END}"))?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthIp)?;
    bind(socket.as_raw_fd(), &address)?;
    Ok(Socket::from(socket))
}

/// A packet and when it goes on, the earliest first.
type Held = BinaryHeap<Reverse<(SystemTime, u64, Vec<u8>)>>;

fn hold_packets(mut socket: &Socket, mut draw: Draw, stop: &AtomicBool) -> Result<()> {
    let mut held = Held::new();
    let mut frame = vec![0; usize::from(u16::MAX)];
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let next = held
            .peek()
            .map(|Reverse((at, ..))| wait::between(wait::now(), *at));
        let nap = next.unwrap_or(NAP).clamp(Duration::from_millis(1), NAP);
        socket.set_read_timeout(Some(nap))?;
        match socket.read(&mut frame) {
            Ok(length) => {
                let mut packet = frame[..length].to_vec();
                complete_checksum(&mut packet);
                let time = time_held(&packet, &mut draw);
                held.push(Reverse((wait::now() + time, number, packet)));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error).context("reading a packet"),
        }
        let now = wait::now();
        if let Some(Reverse((at, ..))) = held.peek()
            && wait::between(*at, now) > LATE
        {
            let late = wait::between(*at, now);
            bail!("the machine was too busy: a packet went on {late:?} late");
        }
        while held.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((.., packet))) = held.pop() else {
                break;
            };
            socket.write_all(&packet).context("sending a packet on")?;
        }
    }
    Ok(())
}

fn time_held(frame: &[u8], draw: &mut Draw) -> Duration {
    let (least, most) = match protocol(frame) {
        Some(TCP) => HELD_TCP,
        Some(_) | None => HELD,
    };
    draw.millis(least, most)
}

fn protocol(frame: &[u8]) -> Option<u8> {
    frame.get(HEADER + 9).copied()
}

/// Completes the checksum of TCP and UDP over IPv4. Between virtual links the kernel leaves that to
/// hardware which is not there, and a packet socket sees it unfinished.
fn complete_checksum(frame: &mut [u8]) {
    let at = match protocol(frame) {
        Some(TCP) => 16,
        Some(UDP) => 6,
        Some(_) | None => return,
    };
    let start = HEADER + usize::from(frame[HEADER] & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([frame[HEADER + 2], frame[HEADER + 3]]));
    let end = HEADER + total;
    let is_fragment = frame[HEADER + 6] & 0x3f != 0 || frame[HEADER + 7] != 0;
    if is_fragment || end > frame.len() || start + at + 2 > end {
        return;
    }
    frame[start + at..start + at + 2].fill(0);
    let length = u32::try_from(end - start).unwrap_or_default();
    let pseudo_header = sum(&frame[HEADER + 12..HEADER + 20])
        .wrapping_add(u32::from(frame[HEADER + 9]))
        .wrapping_add(length);
    let mut total = pseudo_header.wrapping_add(sum(&frame[start..end]));
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    // Ones' complement; a UDP checksum of zero would mean that there is none (RFC 768).
    let checksum = match !u16::try_from(total).unwrap_or_default() {
        0 => 0xffff,
        checksum => checksum,
    };
    frame[start + at..start + at + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// The sum of its 16-bit words; no packet is long enough for it to overflow.
fn sum(octets: &[u8]) -> u32 {
    octets
        .chunks(2)
        .map(|word| u32::from(u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)])))
        .sum()
}
