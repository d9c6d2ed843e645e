//! A host on our own network segment that sees none of our packets, knows everything else, and
//! forges answers and errors for our probes: none of them moves.
//!
//! `FALCONER_BLIND_PACKETS` says how many packets it sends; 60,000 unless set, which is once every
//! port that a query or a connection could come from. All of it stays in namespaces of the test.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use falconer::config::model::{CheckConfig, DnsConfig, HttpConfig, OnNoAnswer};
use falconer::probe::ProbeRunner;
use tokio::time::Instant;

use crate::forge::{Carries, Forger, Numbers, echo, icmp_error, packet, tcp as segment, udp};
use crate::make::{Fail, Pass, checker, expect, host, icmp, probe, tcp};
use falconer_lab::probed_site::{self, Lab, Namespace};

/// Here, as the blind host knows it.
const HERE: &str = "192.0.2.2";
const HERE6: &str = "2001:db8:1::2";

/// Where Linux takes local ports from, unless told otherwise.
const PORTS: std::ops::Range<u32> = 32768..61000;

/// A port where nobody listens, so that forged answers have to look for the right one.
const CLOCK: u16 = 7;

/// How many packets are under way at most: fewer than what the kernel's queues hold, so that what is
/// tested is what is believed, and not how much the machine can carry.
const UNDER_WAY: u64 = 128;

/// One round: every port once, and as much of everything else.
const ROUND: u64 = 60_000;

/// How long the checks of living targets wait: longer than the flood of a round takes on a busy machine.
const PATIENCE_MS: u64 = 60_000;

/// How long those of dead ones do, which are made again and again.
const DEAD_MS: u64 = 1000;

#[test]
fn d1_a_blind_sender_on_the_same_network_moves_no_probe() {
    let wanted = std::env::var("FALCONER_BLIND_PACKETS").map_or(ROUND, |text| text.parse().unwrap());
    Lab::run(async |lab| {
        let blind = on_our_segment(lab);
        lab.here.run("sysctl -qw net.ipv4.icmp_msgs_per_sec=1000");
        let mut sent = 0;
        while sent < wanted {
            let packets = ROUND.min(wanted - sent);
            round(lab, &blind, packets, sent + 1).await;
            sent += packets;
        }
        println!("{sent} forged packets moved no probe");
    });
}

/// Starts every sort of check, floods while all of them wait for their answers, and then lets the
/// living ones answer.
async fn round(lab: &Lab, blind: &Namespace, packets: u64, seed: u64) {
    let server = Server::start(lab);
    let checker = checker();
    let living = [dns(probed_site::SITE), http()].map(|check| {
        let probe = checker.probe(&probe(check, PATIENCE_MS), &[]);
        tokio::spawn(async move { probe.check().await })
    });
    server.wait_until_asked().await;
    let flood = flood(lab, blind, packets, seed);
    let dead = [
        icmp(probed_site::ROUTER_BLACKHOLE),
        icmp(DEAD6),
        tcp(probed_site::ROUTER_BLACKHOLE, 80),
        dns(probed_site::ROUTER_BLACKHOLE),
    ]
    .map(|check| {
        let (probe, over) = (checker.probe(&probe(check, DEAD_MS), &[]), flood.clone());
        tokio::spawn(async move {
            let mut checks = 0;
            while !over.is_finished() {
                stays_dead(&probe).await;
                checks += 1;
            }
            checks
        })
    });
    // What answers at once goes on answering.
    let alive = [probed_site::SITE, probed_site::SITE6].map(|site| {
        let (probe, over) = (checker.probe(&probe(icmp(site), 2000), &[]), flood.clone());
        tokio::spawn(async move {
            let mut checks = 0;
            while !over.is_finished() {
                expect(&probe.check().await, Pass, "answered");
                checks += 1;
            }
            checks
        })
    });
    for check in dead.into_iter().chain(alive) {
        assert!(check.await.unwrap() > 0, "no check beside the flood");
    }
    let flood = Arc::into_inner(flood).unwrap();
    flood.join().unwrap();
    for check in &living {
        assert!(!check.is_finished(), "a check ended before it was answered");
    }
    server.answer();
    for check in living {
        expect(&check.await.unwrap(), Pass, "");
    }
}

/// No answer, and not before the time-out. A UDP socket takes in every error for its port, so that a
/// forged one can be told beside it; nobody who guesses can do that for a ping or a connection.
async fn stays_dead(probe: &ProbeRunner) {
    let started = Instant::now();
    let report = probe.check().await;
    expect(&report, Fail, "no answer within 1s");
    let over_udp = report.detail.contains("waiting for");
    assert!(over_udp || !report.detail.contains(';'), "{}", report.detail);
    assert!(started.elapsed() >= Duration::from_millis(DEAD_MS));
}

/// Nobody has it, and the router is silent about it.
const DEAD6: &str = "2001:db8:3::5";

/// Puts a fourth host, and the router's side of our link, on one bridge.
fn on_our_segment(lab: &Lab) -> Namespace {
    let blind = Namespace::new();
    lab.router.run("ip route add blackhole 2001:db8:3::5");
    lab.router.run("ip link add br0 type bridge");
    lab.router.run("ip link set br0 up");
    lab.link(&blind, "eth0", &lab.router, "port1");
    for command in [
        "ip addr flush dev down0",
        "ip link set down0 master br0",
        "ip link set port1 master br0",
        "sysctl -qw net.ipv6.conf.br0.accept_dad=0",
        "ip addr add 192.0.2.1/24 dev br0",
        "ip -6 addr add 2001:db8:1::1/64 dev br0 nodad",
    ] {
        lab.router.run(command);
    }
    blind.run("ip addr add 192.0.2.66/24 dev eth0");
    blind.run("ip -6 addr add 2001:db8:1::66/64 dev eth0 nodad");
    blind
}

/// Sends that many packets from a thread of its own.
fn flood(lab: &Lab, blind: &Namespace, packets: u64, seed: u64) -> Arc<JoinHandle<()>> {
    let clock = lab.here.inside(|| UdpSocket::bind((HERE, CLOCK)).unwrap());
    clock.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (forger, ticks) = blind.inside(|| (Forger::new(), UdpSocket::bind("192.0.2.66:0").unwrap()));
    let thread = std::thread::spawn(move || {
        let mut guess = Numbers(0x9e37_79b9_7f4a_7c15 ^ seed);
        for number in 0..packets {
            let port = PORTS.start + (number / 2 % u64::from(PORTS.end - PORTS.start)) as u32;
            forger.send(&forged(number, port as u16, &mut guess));
            if number.is_multiple_of(UNDER_WAY) {
                // Has come through behind all that was sent before.
                ticks.send_to(&[0], (HERE, CLOCK)).unwrap();
                clock.recv(&mut [0]).unwrap();
            }
        }
    });
    Arc::new(thread)
}

/// One of everything, every second one an error about a query or a SYN from the next port.
fn forged(number: u64, port: u16, guess: &mut Numbers) -> Vec<u8> {
    let at = |text: &str| text.parse::<IpAddr>().unwrap();
    let (here, router) = (at(HERE), at("192.0.2.1"));
    let dead = at(probed_site::ROUTER_BLACKHOLE);
    let target = if guess.next() & 64 == 0 {
        at(probed_site::SITE)
    } else {
        dead
    };
    if number.is_multiple_of(2) {
        let query = packet(here, target, Carries::Udp(&udp(port, 53, &[0; 32])));
        return packet(router, here, Carries::Icmp(&icmp_error(3, 3, &query)));
    }
    let (kind, code) = error4(guess);
    match number / 2 % 8 {
        0 => packet(target, here, Carries::Icmp(&echo(0, guess))),
        1 => {
            let ping = packet(here, target, Carries::Icmp(&echo(8, guess)));
            packet(router, here, Carries::Icmp(&icmp_error(kind, code, &ping)))
        }
        2 => {
            let syn = segment(guess.short() | 0x8000, 80, guess.word(), 0, 2);
            let syn = packet(here, target, Carries::Tcp(&syn));
            packet(router, here, Carries::Icmp(&icmp_error(kind, code, &syn)))
        }
        3 => {
            let flags = [0x14, 0x04, 0x12, 0x10][(guess.next() >> 30) as usize % 4];
            let reset = segment(80, guess.short() | 0x8000, guess.word(), guess.word(), flags);
            packet(target, here, Carries::Tcp(&reset))
        }
        4 => {
            let answer = refusal(guess.short());
            packet(
                target,
                here,
                Carries::Udp(&udp(53, guess.short() | 0x8000, &answer)),
            )
        }
        5 => packet(at(DEAD6), at(HERE6), Carries::Icmp(&echo(129, guess))),
        6 => {
            let ping = packet(at(HERE6), at(DEAD6), Carries::Icmp(&echo(128, guess)));
            let (kind, code) = [(1, 0), (1, 3), (1, 4), (3, 0), (4, 1)][(guess.next() >> 30) as usize % 5];
            let error = icmp_error(kind, code, &ping);
            packet(at("2001:db8:1::1"), at(HERE6), Carries::Icmp(&error))
        }
        _ => {
            let query = packet(here, target, Carries::Udp(&udp(port, 53, &[0; 32])));
            packet(router, here, Carries::Icmp(&icmp_error(kind, code, &query)))
        }
    }
}

/// Every ICMP error there is. None that has the kernel lower the path's MTU below what is used.
fn error4(guess: &mut Numbers) -> (u8, u8) {
    let number = (guess.next() >> 30) as u8 % 20;
    match number {
        4 => (3, 13),
        0..=15 => (3, number),
        16 => (11, 0),
        17 => (11, 1),
        18 => (12, 0),
        _ => (4, 0),
    }
}

/// "Refused", which repeats no question.
fn refusal(id: u16) -> Vec<u8> {
    let mut answer = id.to_be_bytes().to_vec();
    answer.extend([0x80, 0x05, 0, 0, 0, 0, 0, 0, 0, 0]);
    answer
}

fn dns(server: &str) -> CheckConfig {
    CheckConfig::Dns(DnsConfig {
        server: host(server),
        port: 53,
        query: "origin.example".into(),
        record: "A".into(),
        tcp: false,
        expect_rcode: "NXDOMAIN".into(),
        expect_answers: Vec::new(),
        source: None,
    })
}

fn http() -> CheckConfig {
    CheckConfig::Http(Box::new(HttpConfig {
        url: format!("http://{}/", probed_site::SITE).parse().unwrap(),
        method: hyper::Method::GET,
        headers: Vec::new(),
        expect_status: vec![(200, 200)],
        error_status: Vec::new(),
        expect_body: None,
        expect_header: Vec::new(),
        connect_to: None,
        tls_ca_file: None,
        headers_file: None,
        tls_verify: true,
        on_no_answer: OnNoAnswer::Fail,
        source: None,
    }))
}

/// At the site: a name server and a web server that answer once they are told to.
struct Server {
    asked: Receiver<()>,
    answer: Vec<(Sender<()>, JoinHandle<()>)>,
}

impl Server {
    fn start(lab: &Lab) -> Self {
        let (dns, web) = lab.site.inside(|| {
            (
                UdpSocket::bind((probed_site::SITE, 53)).unwrap(),
                TcpListener::bind((probed_site::SITE, 80)).unwrap(),
            )
        });
        let (asking, asked) = channel();
        let ((answer_dns, dns_may), (answer_web, web_may)) = (channel(), channel());
        let asking_too = asking.clone();
        let dns = std::thread::spawn(move || {
            let mut query = [0; 512];
            let (length, from) = dns.recv_from(&mut query).unwrap();
            asking.send(()).unwrap();
            if dns_may.recv().is_ok() {
                // The query with its answer bit set, and "no such name".
                (query[2], query[3]) = (query[2] | 0x80, 3);
                dns.send_to(&query[..length], from).unwrap();
            }
        });
        let web = std::thread::spawn(move || {
            let (mut stream, _) = web.accept().unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            asking_too.send(()).unwrap();
            if web_may.recv().is_ok() {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).unwrap();
            }
        });
        Self {
            asked,
            answer: vec![(answer_dns, dns), (answer_web, web)],
        }
    }

    async fn wait_until_asked(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut asked = 0;
        while asked < 2 {
            match self.asked.try_recv() {
                Ok(()) => asked += 1,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
            assert!(Instant::now() < deadline, "the servers were not asked");
        }
    }

    /// Lets them answer, and waits until they have: the next round takes the same ports.
    fn answer(self) {
        for (may, server) in self.answer {
            may.send(()).unwrap();
            server.join().unwrap();
        }
    }
}
