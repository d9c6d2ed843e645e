use proptest::prelude::*;

use super::*;
use crate::bird::transcripts;
use crate::bird::transcripts::{assemble, assemble_pieces, reply, said};

#[test]
fn every_transcript_of_every_version_is_whole_replies() {
    for transcript in transcripts::all() {
        // What BIRD says unasked is no reply; everything else is at least one.
        let unasked = transcript.command.starts_with("(async");
        let replies = transcript.replies();
        let echo_does_not_exist = replies.len() == 1 && transcript.name == "echo_async";
        assert!(
            unasked == replies.is_empty() || echo_does_not_exist,
            "{}",
            transcript.name
        );
        for line in replies.iter().flat_map(BirdReply::all) {
            assert!(line.code.number() < 10_000, "{line:?}");
        }
    }
}

#[test]
fn every_command_of_a_pipeline_gets_its_own_reply() {
    let pipeline =
        |transcript: &transcripts::Transcript| transcript.name == "configure__in_progress_pipeline";
    let counts: Vec<_> = transcripts::all()
        .iter()
        .filter(|transcript| pipeline(transcript))
        .map(|transcript| (transcript.version, transcript.replies().len()))
        .collect();
    // BIRD 3 died of the eighth.
    assert_eq!(counts, [("2.0.12", 12), ("2.19.2", 12), ("3.3.2", 7)]);
}

#[test]
fn a_continuation_has_the_code_of_the_line_before() {
    let status = reply("2.0.12", "show_status__gr_recovery");
    let codes: Vec<u16> = status.all().map(|line| line.code.number()).collect();
    assert_eq!(codes, [1000, 1011, 1011, 1011, 1011, 1011, 24, 24, 24, 13]);
    assert_eq!(status.lines[2].text, "Hostname is hk1");
    assert_eq!(status.lines[7].text, "  Waiting for 1 channels to recover");
}

#[test]
fn what_bird_says_unasked_does_not_end_or_break_a_reply() {
    let reply = said("1002-a\n+Config timeout expired, starting undo\n<3 messages lost>\n1002-b\n0000 \n");
    assert_eq!(
        reply.with_code(ReplyCode::PROTOCOL_ROW).collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn a_line_that_overflowed_in_bird_does_not_make_the_reply_an_error() {
    let reply = said("1002-a\n8000-<line overflow>\n <line overflow>\n0000 \n");
    assert!(!reply.last.code.is_error());
    assert_eq!(reply.with_code(ReplyCode::LINE_OVERFLOW).count(), 2);
}

#[test]
fn a_reply_cannot_start_in_its_middle() {
    assert!(matches!(assemble(b" text\n"), Err(ReplyError::NoCode(_))));
    assert!(matches!(assemble(b"0000 \n text\n"), Err(ReplyError::NoCode(_))));
}

#[test]
fn a_reply_without_an_end_is_refused() {
    let mut assembler = ReplyAssembler::default();
    let row = || CodecLine::Continuation(Some(1007), String::new());
    for _ in 0..LINES_LIMIT {
        assert!(matches!(assembler.push(row()), Ok(None)));
    }
    assert!(matches!(assembler.push(row()), Err(ReplyError::TooLong)));

    let mut assembler = ReplyAssembler::default();
    let half = || CodecLine::Continuation(Some(1007), "x".repeat(BYTES_LIMIT / 2));
    assert!(matches!(assembler.push(half()), Ok(None)));
    assert!(matches!(assembler.push(half()), Ok(None)));
    assert!(matches!(assembler.push(half()), Err(ReplyError::TooLong)));
}

#[test]
fn a_limit_is_for_one_reply_and_not_for_the_connection() {
    let mut assembler = ReplyAssembler::default();
    for _ in 0..4 {
        let half = CodecLine::Continuation(Some(1007), "x".repeat(BYTES_LIMIT / 2));
        assert!(matches!(assembler.push(half), Ok(None)));
        assert!(matches!(
            assembler.push(CodecLine::Last(0, String::new())),
            Ok(Some(_))
        ));
    }
}

/// Bytes that look like BIRD's often enough to get anywhere.
fn nearly_bird() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            &b"0000 \n"[..],
            b"1002-",
            b"1007-Table t:\n",
            b" ",
            b"\t",
            b"\n",
            b"+",
            b"<1 messages lost>\n",
            b"198.51.100.0/24 blackhole [a 1] * (200)",
            b"\tvia 192.0.2.1 on eth0",
            b"8003 No\n",
            b"[",
            b"]",
            b"1012-\tBGP.community: (1,2)\n",
            b"BGP  ---  up  12:00  Established",
            b"1009-",
            b"1020-bfd1:\n",
            b"2002-",
            b"1006-  Channel ipv4\n",
            b"(",
            b"/",
            b":",
            b"0011-a: enabled\n",
            b"a b c d",
        ])
        .prop_map(<[u8]>::to_vec),
        proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_the_codec_or_a_parser_panic(bytes in nearly_bird()) {
        use crate::bird::parse;
        let Ok((replies, _)) = assemble(&bytes) else { return Ok(()) };
        for reply in &replies {
            let _ = parse::status(reply);
            let _ = parse::protocols(reply);
            let _ = parse::protocol(reply, "a");
            let _ = parse::static_routes(reply, "a");
            let _ = parse::exported(reply, "a");
            let _ = parse::routes(reply, None);
            let _ = parse::bfd_sessions(reply);
            let _ = parse::enabled(reply, "a");
            let _ = parse::configured(reply);
            let _ = parse::configure_status(reply);
        }
    }

    #[test]
    fn no_reply_is_different_for_arriving_in_pieces(bytes in nearly_bird(), cuts in any::<[proptest::sample::Index; 3]>()) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        let pieces = [&bytes[..at[0]], &bytes[at[0]..at[1]], &bytes[at[1]..at[2]], &bytes[at[2]..]];
        match (assemble(&bytes), assemble_pieces(pieces)) {
            (Ok(whole), Ok(pieced)) => prop_assert_eq!(whole, pieced),
            (Err(_), Err(_)) => {}
            (whole, pieced) => prop_assert!(false, "{:?} {:?}", whole, pieced),
        }
    }
}

#[test]
fn no_transcript_is_different_for_arriving_byte_by_byte() {
    for transcript in transcripts::all() {
        let (replies, _) = assemble_pieces(transcript.bytes.chunks(1)).expect("in the framing");
        assert_eq!(
            replies,
            transcript.replies(),
            "{} {}",
            transcript.version,
            transcript.name
        );
    }
}
