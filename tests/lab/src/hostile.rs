//! Twelve targets of probes that nobody would want to check: they answer without an end, in single bytes,
//! with half of a TLS handshake, with garbage. They stand where no power cut of the lab reaches them, and
//! judge nothing.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

use crate::netns::Netns;
use crate::wait;

/// How many there are.
pub const TARGETS: usize = STREAMS.len() + 2;
/// The address of [`crate::Host::Client`], in whose namespace they are.
const ADDRESS: &str = "192.0.2.130";
/// The port of the first; the others follow.
const PORT: u16 = 7001;
/// Where the last one but one answers over UDP.
const UDP_PORT: u16 = PORT + STREAMS.len() as u16;
/// Between two looks for somebody who connects.
const LOOK: Duration = Duration::from_millis(5);
/// How long a server waits in one go for somebody who reads or writes.
const PATIENCE: Duration = Duration::from_millis(100);
/// How much is written in one go.
const PIECE: usize = 16 << 10;
/// How many packets answer one.
const FLOOD: usize = 1000;

/// A server over TCP.
struct Stream {
    /// The probe that asks it, as TOML without its name and pace; PORT stands for its port.
    probe: &'static str,
    /// What it says first.
    first: &'static [u8],
    /// What it says for ever after; empty: nothing.
    again: &'static [u8],
    /// How long it waits between two times; none: as fast as it is read.
    pause: Option<Duration>,
}

const fn stream(probe: &'static str, first: &'static [u8], again: &'static [u8]) -> Stream {
    Stream {
        probe,
        first,
        again,
        pause: None,
    }
}

/// The same, but slow.
const fn slow(stream: Stream) -> Stream {
    Stream {
        pause: Some(Duration::from_millis(5)),
        ..stream
    }
}

const HTTP: &str = "type = \"http\"\nurl = \"http://192.0.2.130:PORT/\"";
const BODY: &str = "type = \"http\"\nurl = \"http://192.0.2.130:PORT/\"\nexpect_body = \"never there$\"";
const HTTPS: &str = "type = \"http\"\nurl = \"https://192.0.2.130:PORT/\"";
const DNS: &str =
    "type = \"dns\"\ntarget = \"192.0.2.130:PORT\"\nquery = \"example.com\"\ntransport = \"tcp\"";
const UDP: &str = "type = \"dns\"\ntarget = \"192.0.2.130:PORT\"\nquery = \"example.com\"";
const PING: &str = "type = \"icmp\"\ntarget = \"192.0.2.130\"";

const STREAMS: [Stream; 10] = [
    // Informational answers without an end.
    stream(HTTP, b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    stream(
        HTTP,
        b"",
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\nlink: </b>\r\n\r\n",
    ),
    // Headers without an end, and one header without an end.
    stream(HTTP, b"HTTP/1.1 200 OK\r\n", b"x-more: of the same\r\n"),
    stream(HTTP, b"HTTP/1.1 200 OK\r\nx-more: ", b"of the same, "),
    // A byte at a time.
    slow(stream(HTTP, b"HTTP/1.1 200 OK\r\nx-more: ", b"x")),
    // Bodies without an end, in one piece and in the smallest pieces.
    stream(
        BODY,
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        b"never there ",
    ),
    stream(
        BODY,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n",
    ),
    // Half of a ServerHello; and one of 16 MiB, in records of a byte each.
    stream(HTTPS, b"\x16\x03\x03\x02\x00\x02\x00\x01\xfc\x03\x03", b""),
    stream(
        HTTPS,
        b"\x16\x03\x03\x00\x04\x02\xff\xff\xff",
        b"\x16\x03\x03\x00\x01\x03",
    ),
    // An answer of 65,535 bytes, one at a time.
    slow(stream(DNS, b"\xff\xff", b"\x00")),
];

/// The service whose probes ask them, as often as once a second, for a falconer.toml of the lab.
pub fn service() -> String {
    let mut text =
        "[[service]]\nname = \"beset\"\nrole = \"standby\"\nprefixes = [\"198.51.101.0/24\"]\n".to_owned();
    let streams = STREAMS.iter().map(|stream| stream.probe);
    for (number, probe) in streams.chain([UDP, PING]).enumerate() {
        let probe = probe.replace("PORT", &(usize::from(PORT) + number).to_string());
        let _ = write!(
            text,
            "[[service.probe]]\nname = \"hostile{number}\"\n{probe}\ninterval = \"1s\"\ntimeout = \"1s\"\n"
        );
    }
    text
}

/// The servers at work; they end when this is dropped, and whoever asks is refused then.
#[derive(Debug)]
pub struct Hostile {
    stop: Arc<AtomicBool>,
    asked: Arc<Asked>,
    threads: Vec<JoinHandle<()>>,
}

/// How often each was asked.
type Asked = [AtomicU64; TARGETS];
/// What one thread does until it is told to stop.
type Work = Box<dyn FnOnce(&Arc<AtomicBool>, &Asked) + Send>;

impl Hostile {
    /// Starts them in the namespace of [`crate::Host::Client`], and waits until each was asked once.
    pub fn gather(namespace: &Netns) -> Result<Self> {
        let (listeners, datagrams, echoes) = namespace.inside(|| Ok((listen()?, hear()?, overhear()?)))?;
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Asked::default()));
        let work = |work: Work| {
            let (stop, asked) = (stop.clone(), asked.clone());
            std::thread::spawn(move || work(&stop, &asked))
        };
        let threads = vec![
            work(Box::new(move |stop, asked| accept(&listeners, stop, asked))),
            work(Box::new(move |stop, asked| {
                garble(&datagrams, stop, &asked[STREAMS.len()]);
            })),
            work(Box::new(move |stop, asked| {
                echo(&echoes, stop, &asked[STREAMS.len() + 1]);
            })),
        ];
        let hostile = Self { stop, asked, threads };
        wait::until_true("check of every hostile target", Duration::from_secs(30), || {
            Ok(hostile.asked().iter().all(|asked| *asked > 0))
        })
        .with_context(|| format!("each was asked so often: {:?}", hostile.asked()))?;
        Ok(hostile)
    }

    /// How often each was asked so far.
    pub fn asked(&self) -> [u64; TARGETS] {
        self.asked.each_ref().map(|asked| asked.load(Ordering::Relaxed))
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn listen() -> Result<Vec<TcpListener>> {
    let listener = |port: u16| {
        let listener = TcpListener::bind((ADDRESS, port)).with_context(|| format!("port {port}"))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    (PORT..UDP_PORT).map(listener).collect()
}

fn hear() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((ADDRESS, UDP_PORT))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Everybody's ICMP, as it comes; the kernel answers the pings, too.
fn overhear() -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn accept(listeners: &[TcpListener], stop: &Arc<AtomicBool>, asked: &Asked) {
    while !stop.load(Ordering::Relaxed) {
        for (number, (listener, stream)) in listeners.iter().zip(&STREAMS).enumerate() {
            while let Ok((connection, _)) = listener.accept() {
                asked[number].fetch_add(1, Ordering::Relaxed);
                let stop = stop.clone();
                // Ends when whoever asked has gone, or all of us do.
                std::thread::spawn(move || drop(stream.answer(connection, &stop)));
            }
        }
        wait::pass(LOOK);
    }
}

impl Stream {
    fn answer(&self, mut connection: TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
        connection.set_nonblocking(false)?;
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        connection.write_all(self.first)?;
        let times = match self.pause {
            None => PIECE.checked_div(self.again.len()).unwrap_or_default(),
            Some(_) => 1,
        };
        let again = self.again.repeat(times);
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            let done = if again.is_empty() {
                connection.read(&mut [0; 1024]).and_then(|read| match read {
                    0 => Err(ErrorKind::UnexpectedEof.into()),
                    _ => Ok(0),
                })
            } else {
                connection.write(&again[sent..])
            };
            match done {
                Ok(written) => sent = (sent + written) % again.len().max(1),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
            if let Some(pause) = self.pause {
                wait::pass(pause);
            }
        }
        Ok(())
    }
}

/// Answers each question with datagrams that hold a part of it, and another id.
fn garble(socket: &UdpSocket, stop: &AtomicBool, asked: &AtomicU64) {
    let mut question = [0; 512];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut question) else {
            continue;
        };
        asked.fetch_add(1, Ordering::Relaxed);
        for number in 0..FLOOD {
            let mut answer = question[..length].to_vec();
            answer.truncate(number % length.max(1) + 1);
            answer[0] ^= 0x55;
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// Answers each ping with replies to others that nobody sent.
fn echo(socket: &Socket, stop: &AtomicBool, asked: &AtomicU64) {
    // The kernel puts the IPv4 header before what is received, and makes the one of what is sent.
    const HEADER: usize = 20;
    const ECHO: u8 = 8;
    let mut socket = socket;
    let mut packet = [0; 256];
    while !stop.load(Ordering::Relaxed) {
        let Ok(length) = socket.read(&mut packet) else {
            continue;
        };
        if length < HEADER + 8 || packet[HEADER] != ECHO {
            continue;
        }
        let from = std::net::Ipv4Addr::new(packet[12], packet[13], packet[14], packet[15]);
        let from = std::net::SocketAddr::from((from, 0)).into();
        asked.fetch_add(1, Ordering::Relaxed);
        let mut reply = packet[HEADER..length].to_vec();
        reply[0] = 0;
        for number in 0..FLOOD {
            // Another id, another number; the sum stays right for one of two.
            let [high, low] = (number as u16 | 1).to_be_bytes();
            (reply[4], reply[5], reply[7]) = (high, low, low);
            if let Some(sum) = number.is_multiple_of(2).then(|| checksum(&reply)) {
                reply[2..4].copy_from_slice(&sum.to_be_bytes());
            }
            let _ = socket.send_to(&reply, &from);
        }
    }
}

/// Of a packet with a sum in its third and fourth byte, which does not count (RFC 1071).
fn checksum(packet: &[u8]) -> u16 {
    let words = packet.chunks(2).enumerate().filter(|(at, _)| *at != 1);
    let sum: u32 = words
        .map(|(_, word)| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or_default()))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
