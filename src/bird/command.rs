//! What we may ask of BIRD and tell it: every command line that is ever written to the socket is
//! built here, from names that were checked.
//!
//! What is not here is never sent: `all`, patterns, `echo`, `restart`, an unfiltered `show route` (A2).
//! `configure` and its relatives are for rendering alone (A9).

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;

use crate::bird::error::BirdError;
use crate::bird::reply::{BirdReply, ReplyCode};

/// The longest reason, in bytes (A3). A BGP session sends it on as its shutdown message, and that
/// holds 255 (RFC 9003).
pub const REASON_LIMIT: usize = 255;

/// The longest name of a protocol, in bytes (conf/conf.h:SYM_MAX_LEN).
pub const NAME_LIMIT: usize = 64;

/// One command, fit to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BirdCommand {
    kind: CommandKind,
    line: String,
}

/// What kind of command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CommandKind {
    Status,
    Protocols,
    Static,
    Routes,
    BfdSessions,
    Switch,
    Check,
    Configure,
    ConfigureStatus,
}

impl BirdCommand {
    /// `show status`.
    pub fn status() -> Self {
        Self::new(CommandKind::Status, "show status")
    }

    /// `show protocols`.
    pub fn protocols() -> Self {
        Self::new(CommandKind::Protocols, "show protocols")
    }

    /// `show protocols all "NAME"`.
    pub fn protocol(name: &str) -> Result<Self, BirdError> {
        let name = ProtocolName::new(name)?;
        Ok(Self::new(
            CommandKind::Protocols,
            format!("show protocols all {}", name.exact()),
        ))
    }

    /// `show static NAME`.
    pub fn static_routes(name: &str) -> Result<Self, BirdError> {
        Ok(Self::new(
            CommandKind::Static,
            format!("show static {}", ProtocolName::new(name)?),
        ))
    }

    /// `show route PREFIX exported UPSTREAM`.
    pub fn exported(prefix: IpNet, upstream: &str) -> Result<Self, BirdError> {
        let upstream = ProtocolName::new(upstream)?;
        Ok(Self::new(
            CommandKind::Routes,
            format!("show route {} exported {upstream}", prefix.trunc()),
        ))
    }

    /// `show route PREFIX export UPSTREAM all`: what the session's filter makes of that prefix now. BIRD 3
    /// logs a warning each time while an export limit is reached.
    pub fn export_view(prefix: IpNet, upstream: &str) -> Result<Self, BirdError> {
        let upstream = ProtocolName::new(upstream)?;
        let line = format!("show route {} export {upstream} all", prefix.trunc());
        Ok(Self::new(CommandKind::Routes, line))
    }

    /// `show route PREFIX table all`: exactly that prefix, in every table that BIRD has.
    pub fn everywhere(prefix: IpNet) -> Self {
        Self::new(
            CommandKind::Routes,
            format!("show route {} table all", prefix.trunc()),
        )
    }

    /// `show route PREFIX [protocol NAME] all`.
    pub fn routes(prefix: IpNet, protocol: Option<&str>) -> Result<Self, BirdError> {
        let prefix = prefix.trunc();
        let line = match protocol {
            Some(name) => format!("show route {prefix} protocol {} all", ProtocolName::new(name)?),
            None => format!("show route {prefix} all"),
        };
        Ok(Self::new(CommandKind::Routes, line))
    }

    /// `show route table TABLE count`: how many routes it holds, none of them shown.
    pub fn count(table: &str) -> Result<Self, BirdError> {
        let table = ProtocolName::new(table)?;
        Ok(Self::new(
            CommandKind::Routes,
            format!("show route table {table} count"),
        ))
    }

    /// `show route table TABLE where source = RTS_STATIC`: what can be rehearsed there. The table is
    /// one of ours, and small: see [`BirdCommand::count`].
    pub fn rehearsal(table: &str) -> Result<Self, BirdError> {
        let table = ProtocolName::new(table)?;
        let line = format!("show route table {table} where source = RTS_STATIC");
        Ok(Self::new(CommandKind::Routes, line))
    }

    /// `show route table TABLE filter FILTER`: which of the routes there the filter would let out.
    /// With the same reservation.
    pub fn rehearsed(table: &str, filter: &str) -> Result<Self, BirdError> {
        let (table, filter) = (ProtocolName::new(table)?, ProtocolName::new(filter)?);
        let line = format!("show route table {table} filter {filter}");
        Ok(Self::new(CommandKind::Routes, line))
    }

    /// `show route table TABLE where source = RTS_BGP && net ~ [ PREFIX{1,32}, ... ] all`: what neighbours told of
    /// these prefixes, of what covers them without being the default route, and of what is inside them. BIRD
    /// walks the whole table for it: see [`BirdCommand::count`].
    pub fn around(table: &str, prefixes: &[IpNet]) -> Result<Self, BirdError> {
        let table = ProtocolName::new(table)?;
        let patterns: Vec<String> = prefixes
            .iter()
            .map(|prefix| format!("{}{{1,{}}}", prefix.trunc(), prefix.max_prefix_len()))
            .collect();
        let patterns = patterns.join(", ");
        let line = format!("show route table {table} where source = RTS_BGP && net ~ [ {patterns} ] all");
        Ok(Self::new(CommandKind::Routes, line))
    }

    /// `show route PREFIX table TABLE all`: exactly that prefix, in one table.
    pub fn in_table(prefix: IpNet, table: &str) -> Result<Self, BirdError> {
        let table = ProtocolName::new(table)?;
        let line = format!("show route {} table {table} all", prefix.trunc());
        Ok(Self::new(CommandKind::Routes, line))
    }

    /// `show bfd sessions`.
    pub fn bfd_sessions() -> Self {
        Self::new(CommandKind::BfdSessions, "show bfd sessions")
    }

    /// `enable "NAME" "REASON"`.
    pub fn enable(name: &str, reason: &str) -> Result<Self, BirdError> {
        Self::switch("enable", name, reason)
    }

    /// `disable "NAME" "REASON"`.
    pub fn disable(name: &str, reason: &str) -> Result<Self, BirdError> {
        Self::switch("disable", name, reason)
    }

    /// `configure check`: of the file that BIRD would read, whose path it says.
    pub fn configure_check_own() -> Self {
        Self::new(CommandKind::Check, "configure check")
    }

    /// `configure`, without an undo timer.
    pub fn configure() -> Self {
        Self::new(CommandKind::Configure, "configure")
    }

    /// `configure timeout SECONDS`, in whole seconds and at least one.
    pub fn configure_timeout(within: Duration) -> Self {
        Self::new(
            CommandKind::Configure,
            format!("configure timeout {}", within.as_secs().max(1)),
        )
    }

    /// `configure confirm`.
    pub fn configure_confirm() -> Self {
        Self::new(CommandKind::Configure, "configure confirm")
    }

    /// `configure undo`.
    pub fn configure_undo() -> Self {
        Self::new(CommandKind::Configure, "configure undo")
    }

    /// `configure status`.
    pub fn configure_status() -> Self {
        Self::new(CommandKind::ConfigureStatus, "configure status")
    }

    /// The line that BIRD is sent, without its newline.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The words that every command of its kind begins with.
    pub fn words(&self) -> &'static str {
        match self.kind {
            CommandKind::Status => "show status",
            CommandKind::Protocols => "show protocols",
            CommandKind::Static => "show static",
            CommandKind::Routes => "show route",
            CommandKind::BfdSessions => "show bfd sessions",
            CommandKind::Switch if self.line.starts_with("enable") => "enable",
            CommandKind::Switch => "disable",
            CommandKind::Check => "configure check",
            CommandKind::Configure => "configure",
            CommandKind::ConfigureStatus => "configure status",
        }
    }

    /// Whether one answer serves all who ask the same at once (A10): it changes nothing.
    pub fn is_read(&self) -> bool {
        match self.kind {
            CommandKind::Status
            | CommandKind::Protocols
            | CommandKind::Static
            | CommandKind::Routes
            | CommandKind::BfdSessions
            | CommandKind::ConfigureStatus => true,
            CommandKind::Switch | CommandKind::Check | CommandKind::Configure => false,
        }
    }

    /// Whether that reply can be the answer to this question. One that cannot is somebody else's:
    /// the connection is out of step.
    ///
    /// # Errors
    /// [`BirdError::Malformed`] with the line that does not belong.
    pub fn check(&self, reply: &BirdReply) -> Result<(), BirdError> {
        match reply
            .all()
            .find(|line| !line.code.is_error() && !self.kind.may_have(line.code))
        {
            None => Ok(()),
            Some(line) => Err(BirdError::Malformed {
                why: format!(
                    "\"{} {}\" in answer to \"{}\"",
                    line.code,
                    line.text.trim(),
                    self.line
                ),
            }),
        }
    }

    fn switch(verb: &str, name: &str, reason: &str) -> Result<Self, BirdError> {
        let name = ProtocolName::new(name)?;
        let reason = fit_reason(reason);
        let line = if reason.is_empty() {
            format!("{verb} {}", name.exact())
        } else {
            format!("{verb} {} \"{reason}\"", name.exact())
        };
        Ok(Self::new(CommandKind::Switch, line))
    }

    fn new(kind: CommandKind, line: impl Into<String>) -> Self {
        Self {
            kind,
            line: line.into(),
        }
    }
}

impl fmt::Display for BirdCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl CommandKind {
    fn may_have(self, code: ReplyCode) -> bool {
        use ReplyCode as C;
        match self {
            Self::Status => matches!(
                code,
                C::VERSION | C::UPTIME | C::GRACEFUL_RESTART | C::STATUS_REPORT
            ),
            Self::Protocols => {
                matches!(
                    code,
                    C::PROTOCOL_HEADING | C::PROTOCOL_ROW | C::PROTOCOL_DETAILS | C::OK
                )
            }
            Self::Static => matches!(code, C::STATIC_ROUTE | C::OK),
            Self::Routes => matches!(
                code,
                C::ROUTE_ROW | C::ROUTE_DETAILS | C::ROUTE_ATTRIBUTES | C::OK
            ),
            Self::BfdSessions => matches!(code, C::BFD_SESSIONS | C::OK),
            Self::Switch => {
                matches!(
                    code,
                    C::ALREADY_DISABLED | C::DISABLED | C::ALREADY_ENABLED | C::ENABLED | C::OK
                )
            }
            Self::Check => matches!(code, C::READING_CONFIGURATION | C::CONFIGURATION_OK),
            Self::Configure => {
                is_state(code)
                    || matches!(
                        code,
                        C::READING_CONFIGURATION
                            | C::UNDO_SCHEDULED
                            | C::UNDO_REQUESTED
                            | C::QUEUE_EMPTIED
                            | C::RECONFIGURATION_CONFIRMED
                            | C::NOTHING_TO_DO
                    )
            }
            Self::ConfigureStatus => is_state(code) || matches!(code, C::UNDO_SCHEDULED | C::OK),
        }
    }
}

fn is_state(code: ReplyCode) -> bool {
    matches!(
        code,
        ReplyCode::RECONFIGURED
            | ReplyCode::RECONFIGURATION_IN_PROGRESS
            | ReplyCode::RECONFIGURATION_QUEUED
            | ReplyCode::RECONFIGURATION_IGNORED
    )
}

/// A protocol's name that means that one protocol and nothing else to BIRD.
struct ProtocolName<'a>(&'a str);

impl<'a> ProtocolName<'a> {
    fn new(name: &'a str) -> Result<Self, BirdError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if name.is_empty() || name.len() > NAME_LIMIT || !name.bytes().all(fits) {
            return Err(unfit(format!("{name:?} is not the name of a protocol")));
        }
        Ok(Self(name))
    }

    /// In quotes BIRD takes it for a pattern, and one without wildcards is exact. Other than a bare
    /// name, which a parse error answers, a missing one is cleanly told.
    fn exact(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

/// A bare word, in apostrophes where BIRD would not take it for one (conf/cf-lex.l:APOSTROPHED).
impl fmt::Display for ProtocolName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if self.0.bytes().all(bare) && !self.0.starts_with(|first: char| first.is_ascii_digit()) {
            f.write_str(self.0)
        } else {
            write!(f, "'{}'", self.0)
        }
    }
}

/// A reason that BIRD takes: one line without quotes, at most [`REASON_LIMIT`] bytes.
pub(crate) fn fit_reason(reason: &str) -> String {
    let mut fit = String::with_capacity(reason.len().min(REASON_LIMIT));
    for letter in reason.trim().chars() {
        let letter = match letter {
            '"' => '\'',
            letter if letter.is_control() => ' ',
            letter => letter,
        };
        if fit.len() + letter.len_utf8() > REASON_LIMIT {
            break;
        }
        fit.push(letter);
    }
    fit.truncate(fit.trim_end().len());
    fit
}

fn unfit(why: String) -> BirdError {
    BirdError::Unfit { why }
}

#[cfg(test)]
mod tests;
