//! A whole reply of BIRD's, put together from its lines, and what its codes mean.

use std::fmt;

use crate::bird::codec::{CodecError, CodecLine};

/// The most lines of one reply. An exchange's route server with thousands of sessions stays far
/// below; only an unfiltered `show route` would get there, and that is never asked.
pub const LINES_LIMIT: usize = 100_000;

/// The most text of one reply, in bytes: what [`LINES_LIMIT`] lines of a usual length need. BIRD
/// would print for ever to a reader that takes for ever.
pub const BYTES_LIMIT: usize = 8 << 20;

/// One line of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyLine {
    /// What kind of line it is.
    pub code: ReplyCode,
    /// Its text; blanks at its start are BIRD's own indentation.
    pub text: String,
}

/// What BIRD says to one command: at least one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdReply {
    /// The lines before the last.
    pub lines: Vec<ReplyLine>,
    /// The last line. Its code says whether BIRD did what it was told; its text may carry content.
    pub last: ReplyLine,
}

impl BirdReply {
    /// All lines of that code, the last one included.
    pub fn with_code(&self, code: ReplyCode) -> impl Iterator<Item = &str> {
        self.all()
            .filter(move |line| line.code == code)
            .map(|line| line.text.as_str())
    }

    /// All lines, the last one included.
    pub fn all(&self) -> impl Iterator<Item = &ReplyLine> {
        self.lines.iter().chain([&self.last])
    }
}

/// Puts replies together.
#[derive(Debug, Default)]
pub struct ReplyAssembler {
    lines: Vec<ReplyLine>,
    bytes: usize,
}

/// Why lines are no reply.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// A line that cannot be.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A line that takes its code from the line before, and there is none.
    #[error("a reply that starts in its middle: {0:?}")]
    NoCode(String),
    /// More than [`LINES_LIMIT`] lines or [`BYTES_LIMIT`] bytes.
    #[error("a reply without an end")]
    TooLong,
}

impl ReplyAssembler {
    /// Takes the next line. `Some` with the reply that it ends; `None` while more lines follow, and
    /// for what BIRD says unasked, which belongs to no reply.
    ///
    /// # Errors
    /// Lines that make no reply: the connection is of no use any more.
    pub fn push(&mut self, line: CodecLine) -> Result<Option<BirdReply>, ReplyError> {
        match line {
            CodecLine::Spontaneous(_) | CodecLine::Lost => Ok(None),
            CodecLine::Continuation(code, text) => {
                let before = self.lines.last().map(|line| line.code);
                let Some(code) = code.map(ReplyCode::from).or(before) else {
                    return Err(ReplyError::NoCode(text));
                };
                self.bytes += text.len();
                if self.lines.len() >= LINES_LIMIT || self.bytes > BYTES_LIMIT {
                    return Err(ReplyError::TooLong);
                }
                self.lines.push(ReplyLine { code, text });
                Ok(None)
            }
            CodecLine::Last(code, text) => {
                let lines = std::mem::take(&mut self.lines);
                self.bytes = 0;
                Ok(Some(BirdReply {
                    lines,
                    last: ReplyLine {
                        code: code.into(),
                        text,
                    },
                }))
            }
        }
    }

    /// Whether a reply has begun and not ended.
    pub fn is_amid(&self) -> bool {
        !self.lines.is_empty()
    }
}

/// What a line is, by its number (doc/reply_codes). The first digit sorts them: 0 done, 1 a row of a
/// table, 2 a heading, 8 an error while running, 9 an error in the command. Newer BIRDs have more
/// than are named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// OK.
    pub const OK: Self = Self(0);
    /// Welcome.
    pub const WELCOME: Self = Self(1);
    /// Reading configuration.
    pub const READING_CONFIGURATION: Self = Self(2);
    /// Reconfigured.
    pub const RECONFIGURED: Self = Self(3);
    /// Reconfiguration in progress.
    pub const RECONFIGURATION_IN_PROGRESS: Self = Self(4);
    /// Reconfiguration already in progress, queueing.
    pub const RECONFIGURATION_QUEUED: Self = Self(5);
    /// Reconfiguration ignored, shutting down.
    pub const RECONFIGURATION_IGNORED: Self = Self(6);
    /// Already disabled.
    pub const ALREADY_DISABLED: Self = Self(8);
    /// Disabled.
    pub const DISABLED: Self = Self(9);
    /// Already enabled.
    pub const ALREADY_ENABLED: Self = Self(10);
    /// Enabled.
    pub const ENABLED: Self = Self(11);
    /// Status report.
    pub const STATUS_REPORT: Self = Self(13);
    /// Reconfiguration already in progress, removing queued config.
    pub const QUEUE_EMPTIED: Self = Self(17);
    /// Reconfiguration confirmed.
    pub const RECONFIGURATION_CONFIRMED: Self = Self(18);
    /// Nothing to do (configure undo/confirm).
    pub const NOTHING_TO_DO: Self = Self(19);
    /// Configuration OK.
    pub const CONFIGURATION_OK: Self = Self(20);
    /// Undo requested.
    pub const UNDO_REQUESTED: Self = Self(21);
    /// Undo scheduled.
    pub const UNDO_SCHEDULED: Self = Self(22);
    /// Graceful restart status report.
    pub const GRACEFUL_RESTART: Self = Self(24);
    /// BIRD version.
    pub const VERSION: Self = Self(1000);
    /// Protocol list.
    pub const PROTOCOL_ROW: Self = Self(1002);
    /// Protocol details.
    pub const PROTOCOL_DETAILS: Self = Self(1006);
    /// Route list.
    pub const ROUTE_ROW: Self = Self(1007);
    /// Route details.
    pub const ROUTE_DETAILS: Self = Self(1008);
    /// Static route list.
    pub const STATIC_ROUTE: Self = Self(1009);
    /// Uptime.
    pub const UPTIME: Self = Self(1011);
    /// Route extended attribute list.
    pub const ROUTE_ATTRIBUTES: Self = Self(1012);
    /// Show BFD sessions.
    pub const BFD_SESSIONS: Self = Self(1020);
    /// The heading of a protocol list.
    pub const PROTOCOL_HEADING: Self = Self(2002);
    /// Reply too long: stands in the place of a line that BIRD had no room for.
    pub const LINE_OVERFLOW: Self = Self(8000);
    /// Route not found.
    pub const ROUTE_NOT_FOUND: Self = Self(8001);
    /// No protocols match.
    pub const NO_PROTOCOLS_MATCH: Self = Self(8003);
    /// Access denied.
    pub const ACCESS_DENIED: Self = Self(8007);
    /// Parse error.
    pub const PARSE_ERROR: Self = Self(9001);
    /// Invalid symbol type.
    pub const INVALID_SYMBOL_TYPE: Self = Self(9002);

    /// Whether it is an error: while running, or in the command.
    pub const fn is_error(self) -> bool {
        self.0 >= 8000
    }

    /// The number itself, below 10000.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl From<u16> for ReplyCode {
    fn from(number: u16) -> Self {
        Self(number)
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

#[cfg(test)]
mod tests;
