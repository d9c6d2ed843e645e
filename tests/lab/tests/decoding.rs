//! How the lab reads what BGP speakers send: messages, and streams put together from packets.

use std::net::{IpAddr, Ipv4Addr};

use falconer_lab::bgp::{Message, Update, next};
use falconer_lab::packets::{Segment, Streams};

const FLOW: ((IpAddr, u16), (IpAddr, u16)) = (
    (IpAddr::V4(Ipv4Addr::new(203, 0, 113, 2)), 34567),
    (IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 179),
);

/// Feeds pieces of a stream whose first octet is `first` to a fresh reader, and returns what came out.
fn fed(first: u32, pieces: &[(u32, &[u8])]) -> Vec<Message> {
    let mut streams = Streams::default();
    let syn = Segment {
        flow: FLOW,
        sequence: first.wrapping_sub(1),
        syn: true,
        data: &[],
    };
    let mut messages = streams.push(&syn).expect("a SYN is no message");
    for (offset, data) in pieces {
        let sequence = first.wrapping_add(*offset);
        messages.extend(
            streams
                .push(&Segment {
                    flow: FLOW,
                    sequence,
                    syn: false,
                    data,
                })
                .expect("the pieces are BGP"),
        );
    }
    messages
}

#[test]
fn segments_out_of_order_and_sent_again_make_one_stream() {
    let stream = [message(4, &[]), message(3, &[6, 2]), message(4, &[])].concat();
    let pieces = [
        (30, &stream[30..35]),
        (0, &stream[..25]),
        (0, &stream[..25]),
        (20, &stream[20..30]),
        (31, &stream[31..]),
    ];
    let expected = [
        Message::Keepalive,
        Message::Notification(6, 2),
        Message::Keepalive,
    ];
    assert_eq!(fed(100, &pieces), expected);
}

#[test]
fn a_stream_goes_on_when_its_numbers_wrap_around() {
    let stream = [message(4, &[]), message(4, &[])].concat();
    let pieces = [(0, &stream[..19]), (19, &stream[19..])];
    assert_eq!(
        fed(u32::MAX - 18, &pieces),
        [Message::Keepalive, Message::Keepalive]
    );
    assert_eq!(
        fed(u32::MAX - 5, &pieces),
        [Message::Keepalive, Message::Keepalive]
    );
}

#[test]
fn a_reset_in_answer_to_nothing_is_passed_over() {
    let reset = Segment {
        flow: FLOW,
        sequence: 0,
        syn: false,
        data: &[],
    };
    assert_eq!(Streams::default().push(&reset).unwrap(), []);
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).expect("a short message");
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat()
}

#[test]
fn an_ipv4_update_is_read_with_path_and_communities() {
    let body = [
        &[0, 0, 0, 43][..], // nothing withdrawn, 43 octets of attributes
        &[0x40, 1, 1, 0],   // ORIGIN
        &[0x40, 2, 10, 2, 2, 0, 0, 0xfb, 0xf5, 0, 0, 0xfb, 0xf5], // AS_PATH 64501 64501
        &[0x80, 4, 4, 0, 0, 0, 50], // MED
        &[0xc0, 8, 4, 0xff, 0xff, 0, 0], // GRACEFUL_SHUTDOWN
        &[0xd0, 32, 0, 12, 0, 0, 0xfb, 0xf5, 0, 0, 0, 1, 0, 0, 1, 88], // large, extended length
        &[24, 198, 51, 100],
    ]
    .concat();
    let mut body = body;
    let length = u16::try_from(body.len() - 4 - 4).unwrap();
    body[2..4].copy_from_slice(&length.to_be_bytes());
    let Some(Message::Update(update)) = next(&mut message(2, &body)).unwrap() else {
        panic!("not an UPDATE");
    };
    assert!(update.announces("198.51.100.0/24"), "{update:?}");
    assert_eq!(update.as_path, [64501, 64501]);
    assert_eq!(update.med, Some(50));
    assert_eq!(update.communities, [(65535, 0)]);
    assert_eq!(update.large_communities, [(64501, 1, 344)]);
    assert!(update.withdrawn.is_empty());
}

#[test]
fn ipv6_comes_and_goes_in_its_own_attributes() {
    let mut announce = vec![0, 0, 0, 31, 0x80, 14, 28, 0, 2, 1, 16];
    announce.extend([0; 16]);
    announce.extend([0, 48, 0x20, 1, 0x0d, 0xb8, 0x51, 0]);
    announce[3] = u8::try_from(announce.len() - 4).unwrap();
    announce[6] = u8::try_from(announce.len() - 7).unwrap();
    let withdraw = [
        0, 0, 0, 13, 0x80, 15, 10, 0, 2, 1, 48, 0x20, 1, 0x0d, 0xb8, 0x51, 0,
    ];
    let mut stream = [message(2, &announce), message(2, &withdraw)].concat();
    let Some(Message::Update(first)) = next(&mut stream).unwrap() else {
        panic!()
    };
    let Some(Message::Update(second)) = next(&mut stream).unwrap() else {
        panic!()
    };
    assert!(
        first.announces("2001:db8:5100::/48") && first.withdrawn.is_empty(),
        "{first:?}"
    );
    assert!(
        second.withdraws("2001:db8:5100::/48") && second.announced.is_empty(),
        "{second:?}"
    );
}

#[test]
fn a_message_is_taken_only_when_it_is_all_there() {
    let whole = [message(4, &[]), message(3, &[6, 2])].concat();
    let mut stream = whole[..30].to_vec();
    assert_eq!(next(&mut stream).unwrap(), Some(Message::Keepalive));
    assert_eq!(next(&mut stream).unwrap(), None);
    stream.extend(&whole[30..]);
    assert_eq!(next(&mut stream).unwrap(), Some(Message::Notification(6, 2)));
    assert!(stream.is_empty());
}

#[test]
fn an_end_of_rib_marker_says_nothing() {
    let Some(Message::Update(update)) = next(&mut message(2, &[0, 0, 0, 0])).unwrap() else {
        panic!()
    };
    assert_eq!(update, Update::default());
    assert!(!update.says_something());
}

#[test]
fn rubbish_is_an_error() {
    assert!(next(&mut vec![0; 19]).is_err());
    assert!(next(&mut message(2, &[0, 200, 1])).is_err());
}
