//! Texts that several checks use.

use crate::model::message::{CodedText, coded};
use crate::model::snapshot::{Alarm, ProbeSnapshot};

/// The last result in the words of its probe.
pub(crate) fn last_result(probe: &ProbeSnapshot) -> CodedText {
    match &probe.last {
        Some(last) => CodedText::from(last.detail.as_str()),
        None => coded!("no_result_yet", "no result yet"),
    }
}

/// An alarm's text, with its message.
pub(crate) fn text_of(alarm: &Alarm) -> CodedText {
    CodedText {
        text: alarm.text.clone(),
        message: alarm.message.clone(),
    }
}

/// What to do where a rendered bird.conf has something that BIRD does not have.
pub(crate) fn load_rendered_file() -> CodedText {
    coded!(
        "load_rendered_file",
        "BIRD may not have loaded the rendered file: `falconer render --apply` loads it"
    )
}
