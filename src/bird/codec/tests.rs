use super::*;

fn decode(bytes: &[u8]) -> Result<Vec<CodecLine>, CodecError> {
    let mut codec = Codec::default();
    let mut buffer = BytesMut::from(bytes);
    let mut lines = Vec::new();
    while let Some(line) = codec.decode(&mut buffer)? {
        lines.push(line);
    }
    Ok(lines)
}

fn one(bytes: &[u8]) -> CodecLine {
    let mut lines = decode(bytes).expect("in the framing");
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn encode(command: &str) -> Result<BytesMut, CodecError> {
    let mut buffer = BytesMut::new();
    Codec::default().encode(command, &mut buffer)?;
    Ok(buffer)
}

#[test]
fn a_dash_continues_and_a_space_ends() {
    assert_eq!(
        one(b"0011-web_v4: enabled\n"),
        CodecLine::Continuation(Some(11), "web_v4: enabled".into())
    );
    assert_eq!(
        one(b"0013 Daemon is up and running\n"),
        CodecLine::Last(13, "Daemon is up and running".into())
    );
}

#[test]
fn the_last_line_may_be_empty_or_carry_an_error() {
    assert_eq!(one(b"0000 \n"), CodecLine::Last(0, String::new()));
    assert_eq!(
        one(b"8003 No protocols match\n"),
        CodecLine::Last(8003, "No protocols match".into())
    );
}

#[test]
fn exactly_one_space_is_taken_from_a_continuation() {
    assert_eq!(
        one(b" \tvia 203.0.113.1 on wan0\n"),
        CodecLine::Continuation(None, "\tvia 203.0.113.1 on wan0".into())
    );
    assert_eq!(
        one(b"   Channel ipv4\n"),
        CodecLine::Continuation(None, "  Channel ipv4".into())
    );
    assert_eq!(one(b" \n"), CodecLine::Continuation(None, String::new()));
}

#[test]
fn what_bird_says_unasked_is_told_apart() {
    assert_eq!(
        one(b"+Config timeout expired, starting undo\n"),
        CodecLine::Spontaneous("Config timeout expired, starting undo".into())
    );
    assert_eq!(one(b"<12 messages lost>\n"), CodecLine::Lost);
}

#[test]
fn a_line_that_overflowed_in_bird_is_a_continuation_and_no_error_of_the_command() {
    assert_eq!(
        one(b"8000-<line overflow>\n"),
        CodecLine::Continuation(Some(8000), "<line overflow>".into())
    );
}

#[test]
fn half_a_line_is_not_an_error_but_not_enough_yet() {
    assert_eq!(decode(b"0011-web_v4: ena").expect("in the framing"), []);
}

#[test]
fn what_is_outside_the_framing_is_refused() {
    for bad in [
        "\n",
        "hello\n",
        "0000\n",
        "000x \n",
        "0000+text\n",
        "<html>\n",
        "220 mail ESMTP\n",
        "\u{e9}\n",
    ] {
        assert!(
            matches!(decode(bad.as_bytes()), Err(CodecError::NotALine(_))),
            "{bad:?}"
        );
    }
}

#[test]
fn a_line_without_an_end_is_refused_at_the_limit_and_not_before() {
    let mut line = vec![b' '; LINE_LIMIT];
    assert_eq!(decode(&line).expect("it may still end"), []);
    line.push(b'\n');
    assert_eq!(decode(&line).expect("it ends in time").len(), 1);
    line[LINE_LIMIT] = b' ';
    assert!(matches!(decode(&line), Err(CodecError::TooLong)));
    line.push(b'\n');
    assert!(matches!(decode(&line), Err(CodecError::TooLong)));
}

#[test]
fn the_end_of_the_connection_within_a_line_is_an_error() {
    let mut buffer = BytesMut::from(&b"0000 \n0011-we"[..]);
    let mut codec = Codec::default();
    assert_eq!(
        codec.decode_eof(&mut buffer).expect("a line"),
        Some(CodecLine::Last(0, String::new()))
    );
    assert!(matches!(codec.decode_eof(&mut buffer), Err(CodecError::Cut(_))));
}

#[test]
fn bytes_in_another_encoding_do_not_stop_a_line() {
    assert_eq!(
        one(b" Description: caf\xe9\n"),
        CodecLine::Continuation(None, "Description: caf\u{fffd}".into())
    );
}

#[test]
fn a_command_gets_its_newline() {
    assert_eq!(&encode("show status").expect("fit")[..], b"show status\n");
    assert_eq!(
        &encode("enable \"web_v4\" \"主站点恢复\"").expect("fit")[..],
        "enable \"web_v4\" \"主站点恢复\"\n".as_bytes()
    );
}

#[test]
fn a2_a_command_that_could_harm_bird_is_not_sent() {
    let long = "x".repeat(COMMAND_LIMIT);
    for bad in [
        long.as_str(),
        "",
        "  ",
        "show status\nconfigure",
        "enable web_v4\0junk",
        "enable \"web_v4\" \"a\tb\"",
        "enable \"web_v4\" \"open",
        "enable web_v4 # why",
        "enable café",
        "enable \"a\" \"\u{85}\"",
    ] {
        assert!(matches!(encode(bad), Err(CodecError::Unfit(_))), "{bad:?}");
    }
    assert!(encode(&"x".repeat(COMMAND_LIMIT - 1)).is_ok());
}
