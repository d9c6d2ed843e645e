//! `enable` and `disable`.

use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{accepted_for, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};

/// What BIRD says to an enable or a disable: that it accepted it, and no more (A2). Only reading
/// BIRD again tells what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SwitchReply {
    /// 0008: it was disabled before; the reason is not replaced.
    AlreadyDisabled,
    /// 0009.
    Disabled,
    /// 0010: it was enabled before, or a reconfiguration in progress is about to disable it.
    AlreadyEnabled,
    /// 0011.
    Enabled,
}

/// Reads the answer to an enable of the protocol `name`: the code of the one line that carries its
/// name (A2).
///
/// # Errors
/// BIRD's own; [`BirdError::Malformed`] where not exactly one line carries the name, another
/// protocol's line is there, or it says that the protocol was disabled.
pub fn enabled(reply: &BirdReply, name: &str) -> Result<SwitchReply, BirdError> {
    read(reply, name, true)
}

/// Reads the answer to a disable, as [`enabled`].
///
/// # Errors
/// As [`enabled`].
pub fn disabled(reply: &BirdReply, name: &str) -> Result<SwitchReply, BirdError> {
    read(reply, name, false)
}

fn read(reply: &BirdReply, name: &str, on: bool) -> Result<SwitchReply, BirdError> {
    accepted_for(reply, name)?;
    let mut found = None;
    for line in &reply.lines {
        let ours = line
            .text
            .split_once(": ")
            .is_some_and(|(protocol, _)| protocol == name);
        let switch = SwitchReply::of(line.code).filter(|switch| ours && switch.is_enabled() == on);
        if switch.is_none() || found.is_some() {
            return Err(malformed("not one line about the one protocol", &line.text));
        }
        found = switch;
    }
    found.ok_or_else(|| malformed("no line about the protocol", name))
}

impl SwitchReply {
    /// Whether the protocol is enabled then.
    pub fn is_enabled(self) -> bool {
        match self {
            Self::AlreadyEnabled | Self::Enabled => true,
            Self::AlreadyDisabled | Self::Disabled => false,
        }
    }

    fn of(code: ReplyCode) -> Option<Self> {
        Some(match code {
            ReplyCode::ALREADY_DISABLED => Self::AlreadyDisabled,
            ReplyCode::DISABLED => Self::Disabled,
            ReplyCode::ALREADY_ENABLED => Self::AlreadyEnabled,
            ReplyCode::ENABLED => Self::Enabled,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
