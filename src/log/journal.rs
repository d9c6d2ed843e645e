//! Entries of systemd's journal: the message is the whole line, as in the text log, so that
//! `journalctl -u falconer` tells what changed; and each field stands beside it, as `FALCONER_SERVICE`
//! and the like, to be searched for.

use std::fmt;
use std::io;

use tracing::field::{Field, Value, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{DefaultFields, FormatFields as _, Writer};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// How the fields are told from everybody else's.
const PREFIX: &str = "FALCONER";
/// The most fields of one event, its message among them: `tracing`'s own limit.
const FIELDS: usize = 32;

/// Writes to the journal.
pub(super) struct Journal(tracing_journald::Layer);

impl Journal {
    /// Opens the journal's socket.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(super) fn open() -> io::Result<Self> {
        let layer = tracing_journald::layer()?;
        let layer = layer.with_syslog_identifier("falconer".to_owned());
        Ok(Self(layer.with_field_prefix(Some(PREFIX.to_owned()))))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let fields = event.metadata().fields();
        let mut line = String::new();
        let written = DefaultFields::new().format_fields(Writer::new(&mut line), event);
        let (Some(message), Ok(())) = (fields.field("message"), written) else {
            self.0.on_event(event, context);
            return;
        };
        let mut told = Told::default();
        event.record(&mut told);
        let mut values: [(&Field, Option<&dyn Value>); FIELDS] = [(&message, None); FIELDS];
        values[0] = (&message, Some(&line));
        for (place, (field, text)) in values[1..].iter_mut().zip(&told.0) {
            *place = (field, Some(text));
        }
        let values = fields.value_set(&values);
        self.0.on_event(&Event::new(event.metadata(), &values), context);
    }
}

/// An event's fields but for its message, as text.
#[derive(Default)]
struct Told(Vec<(Field, String)>);

impl Told {
    fn add(&mut self, field: &Field, text: String) {
        if field.name() != "message" {
            self.0.push((field.clone(), text));
        }
    }
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.add(field, text.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}
