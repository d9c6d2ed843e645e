//! Which packets a raw or datagram ICMP socket is given.
//!
//! A raw socket sees every ICMP packet of the host. The filters run in the kernel and leave what can
//! answer a ping of ours, so that neither other programs' pings nor a flood of forged packets fill
//! a receive buffer: replies must carry the cookie of the socket, which nobody knows who has not
//! seen a ping of it. ICMP errors come through a socket of their own, so that a flood of them takes
//! no room from the replies. The filters are programs for the kernel's classic packet filter, since
//! `ICMP_FILTER` knows types alone, and no safe call sets it.

use socket2::SockFilter;

use super::packet::COOKIE_AT;
use crate::config::model::Family;

/// Opcodes of linux/filter.h and linux/bpf_common.h.
const LOAD_WORD_AT_X: u16 = 0x40; // BPF_LD | BPF_W | BPF_IND
const LOAD_BYTE_AT_X: u16 = 0x50; // BPF_LD | BPF_B | BPF_IND
const X_IS_IP_HEADER: u16 = 0xb1; // BPF_LDX | BPF_B | BPF_MSH: X = 4 * (byte & 0xf)
const X_IS: u16 = 0x01; // BPF_LDX | BPF_W | BPF_IMM
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// What stands before the ICMP header in what the filter sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// An IPv4 header: raw IPv4 sockets.
    IpHeader,
    /// Nothing: raw IPv6 sockets, and datagram sockets.
    Nothing,
}

/// Lets through echo replies that carry `cookie`.
pub(crate) fn replies(family: Family, before: Before, cookie: u32) -> [SockFilter; 7] {
    let reply = match family {
        Family::V4 => 0,
        Family::V6 => 129,
    };
    [
        start(before),
        SockFilter::new(LOAD_BYTE_AT_X, 0, 0, 0),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, reply),
        SockFilter::new(LOAD_WORD_AT_X, 0, 0, COOKIE_AT),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, cookie),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// Lets through ICMP errors that quote an ICMP packet. A redirect is none: it says that the packet
/// went on by another way.
pub(crate) fn errors(family: Family) -> [SockFilter; 10] {
    // The types, and where in the quoted IP header the protocol stands, and which it must be.
    let (before, [a, b, c, d], at, protocol) = match family {
        Family::V4 => (Before::IpHeader, [3, 11, 12, 12], 8 + 9, 1),
        Family::V6 => (Before::Nothing, [1, 2, 3, 4], 8 + 6, 58),
    };
    [
        start(before),
        SockFilter::new(LOAD_BYTE_AT_X, 0, 0, 0),
        SockFilter::new(JUMP_IF_EQUAL, 3, 0, a),
        SockFilter::new(JUMP_IF_EQUAL, 2, 0, b),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, c),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, d),
        SockFilter::new(LOAD_BYTE_AT_X, 0, 0, at),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, protocol),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

fn start(before: Before) -> SockFilter {
    match before {
        Before::IpHeader => SockFilter::new(X_IS_IP_HEADER, 0, 0, 0),
        Before::Nothing => SockFilter::new(X_IS, 0, 0, 0),
    }
}
