//! Reading what raw and datagram sockets receive.

use proptest::prelude::*;
use socket2::Type;

use super::packet::{self, Answer};
use super::*;

const IDENT: u16 = 0x1234;
const SEQ: u16 = 7;
const NONCE: u64 = 0x0123_4567_89ab_cdef;

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
    let mut echo = packet::request(family, IDENT, SEQ, NONCE).to_vec();
    echo[0] = kind;
    echo
}

fn error4(kind: u8, code: u8) -> Vec<u8> {
    let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0];
    icmp.extend(&ip4(2, 9, &echo(8, Family::V4))[..28]);
    ip4(1, 2, &icmp)
}

fn error6(kind: u8, code: u8) -> Vec<u8> {
    let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 64, 58, 64];
    for addr in [v6(2), v6(9)] {
        if let IpAddr::V6(addr) = addr {
            icmp.extend(addr.octets());
        }
    }
    icmp.extend(echo(128, Family::V6));
    icmp
}

fn answer(target: IpAddr, heard: Heard, nonce: Option<u64>) -> Option<Answer> {
    Some(Answer {
        target,
        ident: IDENT,
        seq: SEQ,
        heard,
        nonce,
    })
}

#[test]
fn the_request_is_an_echo_request_with_a_good_checksum() {
    let request = packet::request(Family::V4, IDENT, SEQ, NONCE);
    assert_eq!(&request[..2], [8, 0]);
    let sum: u32 = request
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    assert_eq!(
        &packet::request(Family::V6, IDENT, SEQ, NONCE)[..4],
        [128, 0, 0, 0]
    );
}

#[test]
fn a_reply_is_read_with_its_nonce() {
    let reply = answer(v4(9), Heard::Reply, Some(NONCE));
    assert_eq!(
        packet::read(&ip4(9, 2, &echo(0, Family::V4)), Type::RAW, v4(9)),
        reply
    );
    assert_eq!(packet::read(&echo(0, Family::V4), Type::DGRAM, v4(9)), reply);
    let reply = answer(v6(9), Heard::Reply, Some(NONCE));
    assert_eq!(packet::read(&echo(129, Family::V6), Type::RAW, v6(9)), reply);
}

#[test]
fn an_error_is_read_with_the_target_of_the_request_that_it_quotes() {
    for (kind, code) in [(3, 1), (3, 13), (11, 0), (12, 0)] {
        let heard = Heard::Error {
            kind,
            code,
            from: v4(1),
        };
        assert_eq!(
            packet::read(&error4(kind, code), Type::RAW, v4(1)),
            answer(v4(9), heard, None)
        );
    }
    for (kind, code) in [(1, 0), (1, 4), (2, 0), (3, 0), (4, 1)] {
        let heard = Heard::Error {
            kind,
            code,
            from: v6(1),
        };
        assert_eq!(
            packet::read(&error6(kind, code), Type::RAW, v6(1)),
            answer(v6(9), heard, None)
        );
    }
}

#[test]
fn only_replies_and_errors_answer_a_ping() {
    for kind in 0..=u8::MAX {
        let read = packet::read(&ip4(9, 2, &echo(kind, Family::V4)), Type::RAW, v4(9));
        assert!(
            kind == 0 || read.is_none_or(|read| read.heard != Heard::Reply),
            "{kind}"
        );
        if [4, 5, 8, 9, 13, 14].contains(&kind) {
            assert_eq!(packet::read(&error4(kind, 0), Type::RAW, v4(1)), None, "{kind}");
        }
        let read = packet::read(&echo(kind, Family::V6), Type::RAW, v6(9));
        assert!(
            kind == 129 || read.is_none_or(|read| read.heard != Heard::Reply),
            "{kind}"
        );
        if ![1, 2, 3, 4].contains(&kind) {
            assert_eq!(
                packet::read(&error6(kind, 0), Type::RAW, v6(1)).filter(|_| kind != 129),
                None,
                "{kind}"
            );
        }
    }
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
