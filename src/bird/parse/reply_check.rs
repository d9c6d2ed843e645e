//! What every parser begins with: whether BIRD did what it was asked, and a label with its value.

use crate::bird::error::BirdError;
use crate::bird::reply::{BirdReply, ReplyCode};

/// How BIRD's parser says that a bare name is nobody's: "syntax error, unexpected CF_SYM_UNDEFINED,
/// expecting ...".
pub(crate) const UNDEFINED_SYMBOL: &str = "CF_SYM_UNDEFINED";

/// How BIRD says that a name is somebody else's, or that of a protocol that is gone.
const NOT_A_PROTOCOL: [&str; 2] = ["Protocol name required", "does not exist"];

/// Nothing where BIRD did what it was asked; else its error.
pub(crate) fn accepted(reply: &BirdReply) -> Result<(), BirdError> {
    match reply.last.code {
        code if !code.is_error() => Ok(()),
        ReplyCode::ACCESS_DENIED => Err(BirdError::Restricted),
        code => Err(BirdError::Refused {
            code: code.number(),
            text: reply.last.text.clone(),
        }),
    }
}

/// The same for a command about one protocol: a name that BIRD does not know is told apart.
pub(crate) fn accepted_for(reply: &BirdReply, name: &str) -> Result<(), BirdError> {
    let text = &reply.last.text;
    let missing = match reply.last.code {
        ReplyCode::NO_PROTOCOLS_MATCH => true,
        ReplyCode::PARSE_ERROR | ReplyCode::INVALID_SYMBOL_TYPE => {
            text.contains(UNDEFINED_SYMBOL) || NOT_A_PROTOCOL.iter().any(|words| text.contains(words))
        }
        _ => false,
    };
    if missing {
        Err(BirdError::NoSuchProtocol {
            name: name.to_owned(),
        })
    } else {
        accepted(reply)
    }
}

/// An answer whose text is not what that question is answered with.
pub(crate) fn malformed(what: &str, text: &str) -> BirdError {
    BirdError::Malformed {
        why: format!("{what}: {text:?}"),
    }
}

/// The label and the value of "  Label:   value"; the value may be empty.
pub(crate) fn labelled(text: &str) -> Option<(&str, &str)> {
    let (label, value) = text.split_once(':')?;
    Some((label.trim(), value.trim()))
}
