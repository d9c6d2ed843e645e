//! Which packets a raw ICMP socket is given.
//!
//! A raw socket sees every ICMP packet of the host. The filter runs in the kernel and leaves what
//! can answer a ping of ours, so that neither other programs' pings nor a flood of requests fill
//! the receive buffer. It is a program for the kernel's classic packet filter, since `ICMP_FILTER`
//! knows types alone, and no safe call sets it.

use socket2::SockFilter;

use crate::config::model::Family;

/// Opcodes of linux/filter.h and linux/bpf_common.h.
const LOAD_BYTE_AT_X: u16 = 0x50; // BPF_LD | BPF_B | BPF_IND
const LOAD_HALF_AT_X: u16 = 0x48; // BPF_LD | BPF_H | BPF_IND
const X_IS_IP_HEADER: u16 = 0xb1; // BPF_LDX | BPF_B | BPF_MSH: X = 4 * (byte & 0xf)
const X_IS: u16 = 0x01; // BPF_LDX | BPF_W | BPF_IMM
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// Lets through echo replies that carry `ident`, and the ICMP errors. A redirect is none: it says
/// that the packet went on by another way.
pub(super) fn answers_to(family: Family, ident: u16) -> [SockFilter; 11] {
    // IPv4 hands over the IP header as well, IPv6 begins at the ICMPv6 header.
    let (start, [reply, errors @ ..]) = match family {
        Family::V4 => (SockFilter::new(X_IS_IP_HEADER, 0, 0, 0), [0, 3, 11, 12, 12]),
        Family::V6 => (SockFilter::new(X_IS, 0, 0, 0), [129, 1, 2, 3, 4]),
    };
    let [a, b, c, d] = errors;
    [
        start,
        SockFilter::new(LOAD_BYTE_AT_X, 0, 0, 0),
        SockFilter::new(JUMP_IF_EQUAL, 4, 0, reply),
        SockFilter::new(JUMP_IF_EQUAL, 5, 0, a),
        SockFilter::new(JUMP_IF_EQUAL, 4, 0, b),
        SockFilter::new(JUMP_IF_EQUAL, 3, 0, c),
        SockFilter::new(JUMP_IF_EQUAL, 2, 3, d),
        SockFilter::new(LOAD_HALF_AT_X, 0, 0, 4),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, u32::from(ident)),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
