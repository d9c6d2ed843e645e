//! Reading what raw and datagram sockets receive, and what of it is believed.

use std::collections::HashSet;
use std::net::IpAddr;

use proptest::prelude::*;
use socket2::Type;
use tokio::time::Instant;

use super::in_flight::{Ident, Wait};
use super::packet::{self, Echo, IcmpError, Marks, Says};
use super::*;

const MARKS: Marks = Marks {
    ident: 0x1234,
    seq: 7,
    nonce: 0x0123_4567_89ab_cdef,
    cookie: 0xfeed_cafe,
};

fn v4(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn v6(last: u16) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])
}

/// An IPv4 packet with ICMP in it.
fn ip4(from: u8, to: u8, icmp: &[u8]) -> Vec<u8> {
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, from, 192, 0, 2, to,
    ];
    packet.extend_from_slice(icmp);
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet
}

fn echo(kind: u8, family: Family) -> Vec<u8> {
    let mut echo = packet::request(family, MARKS).to_vec();
    echo[0] = kind;
    echo
}

/// An error about that request to 192.0.2.9, quoting so many bytes of it.
fn error4_about(request: &[u8], kind: u8, code: u8, quoted: usize) -> Vec<u8> {
    let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0];
    icmp.extend(&ip4(2, 9, request)[..20 + quoted]);
    ip4(1, 2, &icmp)
}

fn error4(kind: u8, code: u8) -> Vec<u8> {
    error4_about(&echo(8, Family::V4), kind, code, 8)
}

fn error6_about(request: &[u8], kind: u8, code: u8) -> Vec<u8> {
    let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 64, 58, 64];
    for addr in [v6(2), v6(9)] {
        if let IpAddr::V6(addr) = addr {
            icmp.extend(addr.octets());
        }
    }
    icmp.extend(request);
    icmp
}

fn error6(kind: u8, code: u8) -> Vec<u8> {
    error6_about(&echo(128, Family::V6), kind, code)
}

/// Target, identifier and number of what was read, and the error in it.
type Read = (IpAddr, u16, u16, Option<IcmpError>);

fn read(packet: &[u8], socket: Type, from: IpAddr) -> Option<Read> {
    let heard = packet::read(packet, socket, from)?;
    let error = match heard.says {
        Says::Reply(_) => None,
        Says::Error(error, _) => Some(error),
    };
    Some((heard.target, heard.ident, heard.seq, error))
}

#[test]
fn the_request_is_an_echo_request_with_a_good_checksum() {
    let request = packet::request(Family::V4, MARKS);
    assert_eq!(&request[..2], [8, 0]);
    let sum: u32 = request
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    assert_eq!(&packet::request(Family::V6, MARKS)[..4], [128, 0, 0, 0]);
}

#[test]
fn a_reply_is_read_with_its_data() {
    for (packet, socket, from) in [
        (ip4(9, 2, &echo(0, Family::V4)), Type::RAW, v4(9)),
        (echo(0, Family::V4), Type::DGRAM, v4(9)),
        (echo(129, Family::V6), Type::RAW, v6(9)),
    ] {
        assert_eq!(
            read(&packet, socket, from),
            Some((from, MARKS.ident, MARKS.seq, None))
        );
        let Some(Says::Reply(data)) = packet::read(&packet, socket, from).map(|heard| heard.says) else {
            panic!("{from}: no reply");
        };
        assert!(packet::is_reply_to(data, &packet::request(Family::V4, MARKS)));
    }
}

#[test]
fn an_error_is_read_with_the_target_of_the_request_that_it_quotes() {
    for (kind, code) in [(3, 1), (3, 13), (11, 0), (12, 0)] {
        let error = IcmpError {
            kind,
            code,
            from: v4(1),
        };
        let wanted = Some((v4(9), MARKS.ident, MARKS.seq, Some(error)));
        assert_eq!(read(&error4(kind, code), Type::RAW, v4(1)), wanted);
    }
    for (kind, code) in [(1, 0), (1, 4), (2, 0), (3, 0), (4, 1)] {
        let error = IcmpError {
            kind,
            code,
            from: v6(1),
        };
        let wanted = Some((v6(9), MARKS.ident, MARKS.seq, Some(error)));
        assert_eq!(read(&error6(kind, code), Type::RAW, v6(1)), wanted);
    }
}

#[test]
fn only_replies_and_errors_are_about_a_ping() {
    let is_reply = |read: Option<Read>| read.is_some_and(|(.., error)| error.is_none());
    for kind in 0..=u8::MAX {
        let about = read(&ip4(9, 2, &echo(kind, Family::V4)), Type::RAW, v4(9));
        assert_eq!(is_reply(about), kind == 0, "{kind}");
        if [4, 5, 8, 9, 13, 14].contains(&kind) {
            assert_eq!(read(&error4(kind, 0), Type::RAW, v4(1)), None, "{kind}");
        }
        let about = read(&echo(kind, Family::V6), Type::RAW, v6(9));
        assert_eq!(is_reply(about), kind == 129, "{kind}");
        if ![1, 2, 3, 4, 129].contains(&kind) {
            assert_eq!(read(&error6(kind, 0), Type::RAW, v6(1)), None, "{kind}");
        }
    }
}

/// A ping in flight, and what is known of it once a packet has come.
fn ping(target: IpAddr) -> (Arc<InFlight>, Wait) {
    let in_flight = Arc::new(InFlight::default());
    let wait = in_flight.enter(target, Ident::Random, MARKS.cookie).unwrap();
    (in_flight, wait)
}

/// Whether the ping counts as answered, and as in error, after that packet.
fn after(in_flight: &InFlight, wait: &mut Wait, packet: &[u8], from: IpAddr) -> (bool, bool) {
    if let Some(heard) = packet::read(packet, Type::RAW, from) {
        in_flight.take(heard, Ident::Random, Instant::now());
    }
    (wait.answered.try_recv().is_ok(), wait.error().is_some())
}

#[tokio::test]
async fn an_error_that_quotes_the_request_is_remembered_and_the_reply_still_counts() {
    let (in_flight, mut wait) = ping(v4(9));
    let request = wait.request;
    for quoted in [8, 40, 64] {
        let error = error4_about(&request, 3, 1, quoted);
        assert_eq!(after(&in_flight, &mut wait, &error, v4(1)), (false, true));
    }
    let mut reply = request;
    reply[0] = 0;
    let reply = ip4(9, 2, &reply);
    assert_eq!(after(&in_flight, &mut wait, &reply, v4(9)), (true, false));

    let (in_flight, mut wait) = ping(v6(9));
    let error = error6_about(&wait.request, 1, 3);
    assert_eq!(after(&in_flight, &mut wait, &error, v6(1)), (false, true));
    let mut reply = wait.request;
    reply[0] = 129;
    assert_eq!(after(&in_flight, &mut wait, &reply, v6(9)), (true, false));
}

#[tokio::test]
async fn one_wrong_bit_in_what_is_quoted_or_answered_is_not_believed() {
    let (in_flight, mut wait) = ping(v4(9));
    let request = wait.request;
    let wrong = |at: usize, bit: u8| -> Echo {
        let mut wrong = request;
        wrong[at] ^= 1 << bit;
        wrong
    };
    for at in 0..request.len() {
        for bit in 0..8 {
            let error = error4_about(&wrong(at, bit), 3, 1, 64);
            assert_eq!(
                after(&in_flight, &mut wait, &error, v4(1)),
                (false, false),
                "byte {at}"
            );
        }
    }
    // Identifier, number, nonce and cookie.
    for at in 4..20 {
        for bit in 0..8 {
            let mut reply = wrong(at, bit);
            reply[0] = 0;
            let reply = ip4(9, 2, &reply);
            assert_eq!(
                after(&in_flight, &mut wait, &reply, v4(9)),
                (false, false),
                "byte {at}"
            );
        }
    }
    // Another protocol, a later fragment, fewer bytes than a header, another target, another source.
    for (at, byte) in [(28 + 9, 17), (28 + 9, 6), (28 + 7, 1), (28 + 19, 8), (28, 0x65)] {
        let mut error = error4_about(&request, 3, 1, 64);
        error[at] = byte;
        assert_eq!(
            after(&in_flight, &mut wait, &error, v4(1)),
            (false, false),
            "byte {at}"
        );
    }
    let short = error4_about(&request, 3, 1, 7);
    assert_eq!(after(&in_flight, &mut wait, &short, v4(1)), (false, false));
    let mut reply = request;
    reply[0] = 0;
    let reply = ip4(8, 2, &reply);
    assert_eq!(after(&in_flight, &mut wait, &reply, v4(8)), (false, false));
}

#[tokio::test]
async fn an_ipv6_error_must_quote_the_data() {
    let (in_flight, mut wait) = ping(v6(9));
    let request = wait.request;
    for length in 8..20 {
        let error = error6_about(&request[..length], 1, 3);
        assert_eq!(after(&in_flight, &mut wait, &error, v6(1)), (false, false));
    }
    for at in (0..2).chain(4..request.len()) {
        let mut wrong = request;
        wrong[at] ^= 1;
        let error = error6_about(&wrong, 1, 3);
        assert_eq!(
            after(&in_flight, &mut wait, &error, v6(1)),
            (false, false),
            "byte {at}"
        );
    }
}

#[tokio::test]
async fn identifiers_numbers_and_nonces_of_one_target_are_drawn_anew_for_every_ping() {
    let in_flight = Arc::new(InFlight::default());
    let waits: Vec<Wait> = (0..2000)
        .map(|_| in_flight.enter(v4(9), Ident::Random, MARKS.cookie).unwrap())
        .collect();
    let field = |from: usize, to: usize| waits.iter().map(move |wait| wait.request[from..to].to_vec());
    // 2,000 draws from 65,536 hit about 1,970 different values; a counter would hit 2,000, a constant 1.
    for (from, to) in [(4, 6), (6, 8)] {
        let different = field(from, to).collect::<HashSet<_>>().len();
        assert!((1900..2000).contains(&different), "{different}");
        let numbers: Vec<u16> = field(from, to)
            .map(|two| u16::from_be_bytes([two[0], two[1]]))
            .collect();
        let rising = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((800..1200).contains(&rising), "{rising} of 1,999 rise");
    }
    assert_eq!(field(8, 16).collect::<HashSet<_>>().len(), 2000);
    drop(waits);
    let again = in_flight.enter(v4(9), Ident::OfTheKernel, 1).unwrap();
    assert_eq!(again.request[4..6], [0, 0]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), raw: bool) {
        let kind = if raw { Type::RAW } else { Type::DGRAM };
        packet::read(&bytes, kind, v4(1));
        packet::read(&bytes, kind, v6(1));
    }

    #[test]
    fn a_damaged_packet_is_read_without_a_panic(at in 0_usize..64, byte: u8, cut in 0_usize..120, which in 0..4) {
        let (mut packet, from) = match which {
            0 => (error4(3, 1), v4(1)),
            1 => (ip4(9, 2, &echo(0, Family::V4)), v4(9)),
            2 => (error6(1, 0), v6(1)),
            _ => (echo(129, Family::V6), v6(9)),
        };
        let last = packet.len() - 1;
        packet[at.min(last)] = byte;
        packet.truncate(cut);
        packet::read(&packet, Type::RAW, from);
    }
}
