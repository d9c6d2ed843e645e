//! What three versions of BIRD really said, as replies: the transcripts of tests/fixtures/bird.

use std::fs;
use std::path::PathBuf;

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use crate::bird::codec::{Codec, CodecError};
use crate::bird::reply::{BirdReply, ReplyAssembler, ReplyError};

/// The oldest that Debian has, the newest 2 and the newest 3.
pub(crate) const VERSIONS: [&str; 3] = ["2.0.12", "2.19.2", "3.3.2"];

/// What the recorder wrote where BIRD closed the connection.
const END: &str = "<EOF>";

/// One recorded question.
pub(crate) struct Transcript {
    pub(crate) version: &'static str,
    /// The file's name without its ending.
    pub(crate) name: String,
    pub(crate) command: String,
    pub(crate) bytes: Vec<u8>,
}

impl Transcript {
    pub(crate) fn replies(&self) -> Vec<BirdReply> {
        let (replies, rest) = assemble(&self.bytes).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert!(!rest, "{} {} ends amid a reply", self.version, self.name);
        replies
    }
}

/// Every transcript, in the order of its recording.
pub(crate) fn all() -> Vec<Transcript> {
    VERSIONS.into_iter().flat_map(of_version).collect()
}

/// The one reply of a transcript.
pub(crate) fn reply(version: &'static str, name: &str) -> BirdReply {
    let found = of_version(version)
        .into_iter()
        .find(|transcript| transcript.name == name);
    let mut replies = found.unwrap_or_else(|| panic!("no transcript {name}")).replies();
    assert_eq!(replies.len(), 1, "{name}");
    replies.remove(0)
}

/// A reply as BIRD would print it.
pub(crate) fn said(text: &str) -> BirdReply {
    let (mut replies, rest) = assemble(text.as_bytes()).expect("in the framing");
    assert!(!rest && replies.len() == 1, "{text:?}");
    replies.remove(0)
}

/// All replies in the bytes, and whether something is left over.
pub(crate) fn assemble(bytes: &[u8]) -> Result<(Vec<BirdReply>, bool), ReplyError> {
    assemble_pieces([bytes])
}

/// The same for bytes that arrive in pieces.
pub(crate) fn assemble_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<BirdReply>, bool), ReplyError> {
    let (mut codec, mut assembler) = (Codec::default(), ReplyAssembler::default());
    let (mut buffer, mut replies) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(line) = codec.decode(&mut buffer)? {
            replies.extend(assembler.push(line)?);
        }
    }
    match codec.decode_eof(&mut buffer) {
        Ok(None) => Ok((replies, assembler.is_amid())),
        Ok(Some(line)) => panic!("{line:?} was there before"),
        Err(CodecError::Cut(_)) => Ok((replies, true)),
        Err(error) => Err(error.into()),
    }
}

fn of_version(version: &'static str) -> Vec<Transcript> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/bird")
        .join(version);
    let index = fs::read_to_string(folder.join("INDEX.tsv")).expect("an index");
    let rows = index.lines().skip(1).map(|row| {
        let [file, command, _state] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let mut bytes = fs::read(folder.join(file)).expect("a transcript");
        if bytes.ends_with(END.as_bytes()) {
            bytes.truncate(bytes.len() - END.len());
        }
        let name = file.trim_end_matches(".txt").to_owned();
        Transcript {
            version,
            name,
            command: command.to_owned(),
            bytes,
        }
    });
    let all: Vec<Transcript> = rows.collect();
    let files = fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(files, all.len() + 1, "every file of {version} is in its index");
    all
}
