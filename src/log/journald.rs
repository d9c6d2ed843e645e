//! Entries of systemd's journal: the message is the whole line, as in the text log, so that
//! `journalctl -u falconer` tells what changed; and each field stands beside it, as `FALCONER_SERVICE`
//! and the like, to be searched for.

use std::fmt;
use std::io;

use tracing::field::{Field, Value, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::{DefaultFields, FormatFields as _, Writer};
use tracing_subscriber::layer::Context;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use super::writer;
use super::writer::{LogGuard, LogQueue};

/// How the fields are told from everybody else's.
const PREFIX: &str = "FALCONER";
/// The most fields of one event, its message among them: `tracing`'s own limit.
const FIELDS: usize = 32;

/// Writes to the journal.
pub(crate) struct JournaldWriter(LogQueue<JournaldEntry>);

/// One event, on its way to the journal.
struct JournaldEntry {
    of: &'static Metadata<'static>,
    line: String,
    fields: Vec<(Field, String)>,
}

impl JournaldWriter {
    /// Opens the journal's socket.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(crate) fn open() -> io::Result<(Self, LogGuard)> {
        let layer = tracing_journald::layer()?;
        let layer = layer.with_syslog_identifier("falconer".to_owned());
        let layer = layer.with_field_prefix(Some(PREFIX.to_owned()));
        // Its socket blocks while the journal hangs.
        let journal = tracing::Dispatch::new(Registry::default().with(layer));
        let (queue, log) = writer::start(move |entry: JournaldEntry| {
            tracing::dispatcher::with_default(&journal, || entry.tell());
        })?;
        Ok((Self(queue), log))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JournaldWriter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = String::new();
        if DefaultFields::new()
            .format_fields(Writer::new(&mut line), event)
            .is_err()
        {
            return;
        }
        let mut told = EventFields::default();
        event.record(&mut told);
        self.0.add(JournaldEntry {
            of: event.metadata(),
            line,
            fields: told.0,
        });
    }
}

impl JournaldEntry {
    /// Hands it to the journal's own layer, with the line for its message.
    fn tell(&self) {
        let Some(message) = self.of.fields().field("message") else {
            return;
        };
        let mut values: [(&Field, Option<&dyn Value>); FIELDS] = [(&message, None); FIELDS];
        values[0] = (&message, Some(&self.line));
        for (place, (field, text)) in values[1..].iter_mut().zip(&self.fields) {
            *place = (field, Some(text));
        }
        Event::dispatch(self.of, &self.of.fields().value_set(&values));
    }
}

/// An event's fields but for its message, as text.
#[derive(Default)]
struct EventFields(Vec<(Field, String)>);

impl EventFields {
    fn add(&mut self, field: &Field, text: String) {
        if field.name() != "message" {
            self.0.push((field.clone(), text));
        }
    }
}

impl Visit for EventFields {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.add(field, text.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}
