//! The lines of BIRD's control socket: bytes in, typed lines out, and back.
//!
//! It knows the framing (nest/cli.c:cli_vprintf) and the limits, and nothing of what a line
//! means; a reply is put together in [`crate::bird::reply`].

use std::io;

use bytes::{Buf, BufMut, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// The longest line that is read, in bytes without its newline. BIRD prints at most 511
/// (nest/cli.h:CLI_LINE_SIZE), and no line can outgrow its 4096-byte output pages: what is longer
/// is not BIRD.
pub const LINE_LIMIT: usize = 4096;

/// The longest command that is written, in bytes with its newline. BIRD takes 1024 unread bytes
/// for the end of the connection (its receive buffer, sysdep/unix/io.c:sk_read_noflush), and loops
/// for ever over a line of 4095 that dribbles in.
pub const COMMAND_LIMIT: usize = 1000;

/// One line from BIRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecLine {
    /// `NNNN-text`, or ` text` with the code of the line before (`None` here): more lines follow.
    Continuation(Option<u16>, String),
    /// `NNNN text`: the last line of a reply.
    Last(u16, String),
    /// `+text`: something that BIRD says unasked. It belongs to no reply.
    Spontaneous(String),
    /// `<N messages lost>`: BIRD had more to say unasked than it kept.
    Lost,
}

/// What cannot be a line of BIRD's, or not a command for it.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A line longer than [`LINE_LIMIT`].
    #[error("a line of more than {LINE_LIMIT} bytes")]
    TooLong,
    /// A line outside the framing.
    #[error("a line that is not of BIRD's protocol: {0:?}")]
    NotALine(String),
    /// The connection ended within a line.
    #[error("the connection ended within a line: {0:?}")]
    Cut(String),
    /// A command that BIRD must not be sent.
    #[error("{0}")]
    Unfit(&'static str),
    /// The socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// BIRD's control socket, line by line.
#[derive(Clone, Debug, Default)]
pub struct Codec {
    /// How much of the buffer holds no newline: it is not searched twice.
    searched: usize,
}

impl Decoder for Codec {
    type Item = CodecLine;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<CodecLine>, CodecError> {
        let within = src.len().min(LINE_LIMIT + 1);
        let Some(offset) = src[self.searched..within].iter().position(|byte| *byte == b'\n') else {
            self.searched = within;
            return if src.len() > LINE_LIMIT {
                Err(CodecError::TooLong)
            } else {
                Ok(None)
            };
        };
        let line = src.split_to(self.searched + offset);
        src.advance(1);
        self.searched = 0;
        parse(&line).map(Some)
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<CodecLine>, CodecError> {
        match self.decode(src)? {
            None if !src.is_empty() => Err(CodecError::Cut(shown(src))),
            line => Ok(line),
        }
    }
}

impl Encoder<&str> for Codec {
    type Error = CodecError;

    fn encode(&mut self, command: &str, dst: &mut BytesMut) -> Result<(), CodecError> {
        check_command(command).map_err(CodecError::Unfit)?;
        dst.reserve(command.len() + 1);
        dst.put_slice(command.as_bytes());
        dst.put_u8(b'\n');
        Ok(())
    }
}

/// Whether a command can be sent to BIRD without harm: short enough, one line, nothing in it that
/// ends it early.
///
/// # Errors
/// What is wrong with it.
pub fn check_command(command: &str) -> Result<(), &'static str> {
    if command.len() >= COMMAND_LIMIT {
        return Err("the command is too long for BIRD");
    }
    if command.chars().any(char::is_control) {
        return Err("the command has a control character in it");
    }
    let mut quoted = false;
    for byte in command.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'#' if !quoted => return Err("the command has a comment in it"),
            byte if !byte.is_ascii() && !quoted => {
                return Err("the command has a letter outside quotes that BIRD does not know");
            }
            _ => {}
        }
    }
    if quoted {
        return Err("the command has an open quote in it");
    }
    if command.trim().is_empty() {
        return Err("the command is empty");
    }
    Ok(())
}

fn parse(line: &[u8]) -> Result<CodecLine, CodecError> {
    match line {
        [b' ', text @ ..] => Ok(CodecLine::Continuation(None, to_text(text))),
        [b'+', text @ ..] => Ok(CodecLine::Spontaneous(to_text(text))),
        [b'<', ..] if line.ends_with(b" messages lost>") => Ok(CodecLine::Lost),
        [a, b, c, d, separator, text @ ..] => {
            let code = code([*a, *b, *c, *d]).ok_or_else(|| CodecError::NotALine(shown(line)))?;
            match separator {
                b'-' => Ok(CodecLine::Continuation(Some(code), to_text(text))),
                b' ' => Ok(CodecLine::Last(code, to_text(text))),
                _ => Err(CodecError::NotALine(shown(line))),
            }
        }
        _ => Err(CodecError::NotALine(shown(line))),
    }
}

fn code(digits: [u8; 4]) -> Option<u16> {
    digits.iter().try_fold(0, |code, digit| {
        digit
            .is_ascii_digit()
            .then(|| code * 10 + u16::from(digit - b'0'))
    })
}

/// BIRD passes bytes through as they stand in bird.conf, in whatever encoding.
fn to_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// As much of a bad line as helps an operator to see what it is.
fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    to_text(&bytes[..bytes.len().min(SHOWN)])
}

#[cfg(test)]
mod tests;
