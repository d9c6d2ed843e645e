//! The format of log lines and where they go, from `[log]` and from what standard error is connected
//! to.

mod journald;
mod writer;

use std::fmt;
use std::io::{self, IsTerminal, Write as _};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use self::journald::JournaldWriter;
pub use self::writer::LogGuard;
use crate::config::model::{self, LogFormat};
use crate::model::millis;

/// Starts the log of this process. Where systemd's journal is asked for and is not there, the log
/// goes to standard error, with a warning.
///
/// # Errors
/// When this process has a log already, or no room for a thread.
pub fn start(config: model::LogConfig) -> anyhow::Result<LogGuard> {
    let journal = match config.format {
        LogFormat::Journald => Some(JournaldWriter::open()),
        LogFormat::Text | LogFormat::Json => None,
    };
    let ((layer, log), problem) = match journal {
        Some(Ok((journal, log))) => ((journal.boxed(), log), None),
        Some(Err(error)) => (to_stderr(LogFormat::Text)?, Some(error)),
        None => (to_stderr(config.format)?, None),
    };
    let subscriber = Registry::default().with(layer.with_filter(filter(config.level)));
    tracing::subscriber::set_global_default(subscriber)?;
    if let Some(error) = problem {
        tracing::warn!(%error, "the journal cannot be reached; logging to standard error");
    }
    Ok(log)
}

fn to_stderr(format: LogFormat) -> io::Result<(Boxed, LogGuard)> {
    let (queue, log) = writer::start(|line: Vec<u8>| drop(io::stderr().write_all(&line)))?;
    Ok((layer(format, OutputKind::of_stderr(), queue), log))
}

/// What listens on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputKind {
    /// A file, a pipe, or a terminal that wants no colour.
    Plain,
    /// A terminal.
    Colored,
    /// systemd's journal, which stamps the time itself and reads the priority off each line.
    Journal,
}

impl OutputKind {
    fn of_stderr() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref()) {
            Self::Journal
        } else if io::stderr().is_terminal() && !no_color {
            Self::Colored
        } else {
            Self::Plain
        }
    }
}

/// Whether standard error is the journal's: its device and inode are those that systemd put into
/// the variable (systemd.exec(5)); a child or a redirection inherits the variable alone.
fn is_journal(variable: Option<&str>) -> bool {
    let Some((device, inode)) = variable.and_then(|variable| variable.split_once(':')) else {
        return false;
    };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|stat| device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino))
}

/// Ours at the level asked for; of the libraries' only what is wrong.
fn filter(level: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::from_level(level.min(Level::WARN)))
        .with_target("falconer", level)
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// The layer that writes lines.
fn layer<W>(format: LogFormat, look: OutputKind, writer: W) -> Boxed
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match (format, look) {
        (LogFormat::Json, _) => {
            let json = format::format()
                .json()
                .flatten_event(true)
                .with_current_span(false);
            lines
                .json()
                .event_format(json.with_span_list(false).with_target(false).with_timer(UtcTimer))
                .boxed()
        }
        (LogFormat::Text | LogFormat::Journald, OutputKind::Plain | OutputKind::Colored) => lines
            .with_timer(UtcTimer)
            .with_target(false)
            .with_ansi(look == OutputKind::Colored)
            .boxed(),
        (LogFormat::Text | LogFormat::Journald, OutputKind::Journal) => lines
            .with_ansi(false)
            .event_format(Prefixed(
                format::format()
                    .without_time()
                    .with_level(false)
                    .with_target(false),
            ))
            .boxed(),
    }
}

/// The time as everywhere else in Falconer: RFC 3339, UTC, milliseconds.
struct UtcTimer;

impl FormatTime for UtcTimer {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        out.write_str(&millis::format(&jiff::Timestamp::now()))
    }
}

/// A line with its priority in front, as sd-daemon(3) wants it: `journalctl -p warning` finds it.
struct Prefixed<F>(F);

impl<S, N, F> FormatEvent<S, N> for Prefixed<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(out, "<{priority}>")?;
        self.0.format_event(context, out, event)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What a log of this kind writes of two lines, the times made the same.
    fn written(format: LogFormat, look: OutputKind) -> String {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let writer = {
            let kept = kept.clone();
            move || Kept(kept.clone())
        };
        let subscriber =
            Registry::default().with(layer(format, look, writer).with_filter(filter(Level::INFO)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "falconer::daemon", service = "web", from = "off", to = "full", rule = "D4", cause = "the target is down", "service");
            tracing::warn!(target: "falconer::daemon", late_ms = 1200, "stalled");
            tracing::debug!(target: "falconer::probe", "a check's result");
            tracing::info!(target: "hyper::proto", "a library's chatter");
        });
        let text = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
        let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").unwrap();
        time.replace_all(&text, "TIME").into_owned()
    }

    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_state_change_is_one_line_with_old_new_rule_and_cause() {
        let expected = "\
TIME  INFO service service=\"web\" from=\"off\" to=\"full\" rule=\"D4\" cause=\"the target is down\"
TIME  WARN stalled late_ms=1200
";
        assert_eq!(written(LogFormat::Text, OutputKind::Plain), expected);
    }

    #[test]
    fn the_journal_gets_the_priority_and_no_time() {
        let expected = "\
<6>service service=\"web\" from=\"off\" to=\"full\" rule=\"D4\" cause=\"the target is down\"
<4>stalled late_ms=1200
";
        assert_eq!(written(LogFormat::Text, OutputKind::Journal), expected);
    }

    #[test]
    fn json_is_one_object_a_line_with_the_fields_at_its_top() {
        let expected = "\
{\"timestamp\":\"TIME\",\"level\":\"INFO\",\"message\":\"service\",\"service\":\"web\",\"from\":\"off\",\"to\":\"full\",\"rule\":\"D4\",\"cause\":\"the target is down\"}
{\"timestamp\":\"TIME\",\"level\":\"WARN\",\"message\":\"stalled\",\"late_ms\":1200}
";
        assert_eq!(written(LogFormat::Json, OutputKind::Plain), expected);
        assert_eq!(written(LogFormat::Json, OutputKind::Journal), expected);
    }

    #[test]
    fn colour_is_for_terminals_only() {
        assert!(written(LogFormat::Text, OutputKind::Colored).contains('\u{1b}'));
        assert!(!written(LogFormat::Text, OutputKind::Plain).contains('\u{1b}'));
    }

    #[test]
    fn an_inherited_variable_does_not_make_standard_error_the_journal() {
        for variable in [None, Some(""), Some("9"), Some("0:0"), Some("x:y")] {
            assert!(!is_journal(variable), "{variable:?}");
        }
        let stat = rustix::fs::fstat(io::stderr()).unwrap();
        assert!(is_journal(Some(&format!("{}:{}", stat.st_dev, stat.st_ino))));
    }
}
