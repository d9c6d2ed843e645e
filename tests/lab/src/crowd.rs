//! A thousand clients of the API that nobody would want: they open and say nothing, ask and never
//! read, talk nonsense, follow the events and never look, ask for services with endless names and for
//! the oldest history there is. Whoever is thrown out comes back a second
//! later. They judge nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::netns::Netns;
use crate::wait;

/// How many there are, half of them on each listener.
pub const CLIENTS: usize = 1000;
/// Between two looks of each client at what became of it.
const ROUND: Duration = Duration::from_secs(1);
/// How long a connection may take to open.
const OPEN: Duration = Duration::from_millis(200);
/// File descriptors that this takes, with room for the rest of the test.
const DESCRIPTORS: u64 = 2048;

/// The crowd at work; it goes home when it is dropped.
#[derive(Debug)]
pub struct Crowd {
    stop: Arc<AtomicBool>,
    opened: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Sends it to both listeners of a Falconer, and waits until each client was there once.
    pub fn gather(namespace: &Netns, socket: &Path, listen: SocketAddr) -> Result<Self> {
        make_room()?;
        let (stop, opened) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let doors = [Door::Socket(socket.to_owned()), Door::Tcp(listen)];
        let threads = doors.map(|door| {
            let (namespace, stop, opened) = (namespace.clone(), stop.clone(), opened.clone());
            std::thread::spawn(move || {
                if namespace.enter().is_ok() {
                    besiege(&door, &stop, &opened);
                }
            })
        });
        let crowd = Self {
            stop,
            opened,
            threads: threads.into(),
        };
        wait::until_true("crowd at the API", Duration::from_secs(60), || {
            Ok(crowd.opened() >= CLIENTS as u64)
        })?;
        Ok(crowd)
    }

    /// How many connections were opened so far.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

enum Door {
    Socket(PathBuf),
    Tcp(SocketAddr),
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Door {
    fn open(&self) -> std::io::Result<Stream> {
        Ok(match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Stream::Unix(stream)
            }
            Self::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, OPEN)?;
                stream.set_nonblocking(true)?;
                Stream::Tcp(stream)
            }
        })
    }
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(bytes),
            Self::Tcp(stream) => stream.read(bytes),
        }
    }
}

fn besiege(door: &Door, stop: &AtomicBool, opened: &AtomicU64) {
    let mut clients: Vec<Option<Stream>> = (0..CLIENTS / 2).map(|_| None).collect();
    while !stop.load(Ordering::Relaxed) {
        for (number, client) in clients.iter_mut().enumerate() {
            if client.as_mut().is_none_or(|stream| !stays(number, stream)) {
                *client = door.open().ok();
                if let Some(stream) = client {
                    opened.fetch_add(1, Ordering::Relaxed);
                    arrive(number, stream);
                }
            }
        }
        wait::pass(ROUND);
    }
}

/// What a client says when it comes. Whether it is heard is not its business.
fn arrive(number: usize, stream: &mut Stream) {
    let said = match number % 7 {
        0 => return,
        1 => "GET /v1/sta".to_owned(),
        2 => "GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200),
        5 => format!(
            "GET /v1/services/{}/announced HTTP/1.1\r\nhost: localhost\r\n\r\n",
            "x".repeat(7900)
        )
        .repeat(5),
        6 => "GET /v1/events?before=2&limit=1000 HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(20),
        3 => "\u{0}\u{1}\u{7f}nonsense \u{3}\r\n".repeat(100),
        _ => "GET /v1/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n".to_owned(),
    };
    let _ = stream.write(said.as_bytes());
}

/// Whether the connection still stands. One client reads a byte now and then; nobody else reads.
fn stays(number: usize, stream: &mut Stream) -> bool {
    if number % 14 == 2 {
        return !matches!(stream.read(&mut [0]), Ok(0));
    }
    match stream.write(b"x") {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

fn make_room() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= DESCRIPTORS) {
        return Ok(());
    }
    let maximum = limit.maximum;
    ensure!(
        maximum.is_none_or(|maximum| maximum >= DESCRIPTORS),
        "the crowd takes {DESCRIPTORS} file descriptors"
    );
    let raised = Rlimit {
        current: Some(DESCRIPTORS),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).context("raising the number of open files")
}
