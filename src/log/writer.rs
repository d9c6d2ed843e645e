//! The thread that writes the log. The reader of the log may be slow, or hang: a stopped terminal, a
//! full pipe, a stopped journal. Code that logs never waits for it; lines that do not fit into the
//! queue are dropped and counted.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How many entries wait: minutes of a busy log, and a few MB at the most.
const WAITING: usize = 8192;
/// How long the end waits for what is not written yet.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the thread is told.
enum WriterMessage<T> {
    Write(T),
    /// Say so when everything before this is written.
    Report(SyncSender<()>),
}

/// Where entries are left to be written.
pub(crate) struct LogQueue<T> {
    orders: SyncSender<WriterMessage<T>>,
    lost: Arc<AtomicU64>,
}

/// The log of this process. Dropping it waits a moment until everything is written.
#[must_use = "the last lines are written when it is dropped"]
pub struct LogGuard(Box<dyn Fn()>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Starts the thread, which ends with the process. `write` may take as long as it likes.
///
/// # Errors
/// The system has no room for another thread.
pub(crate) fn start<T: Send + 'static>(
    mut write: impl FnMut(T) + Send + 'static,
) -> io::Result<(LogQueue<T>, LogGuard)> {
    let (orders, inbox) = sync_channel(WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    let counted = lost.clone();
    thread::Builder::new().name("log".to_owned()).spawn(move || {
        // An entry that breaks the writer is lost, and the log goes on.
        let mut work = || work(&inbox, &counted, &mut write);
        while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {}
    })?;
    let last = orders.clone();
    let finish = move || {
        let (done, reported) = sync_channel(1);
        if last.try_send(WriterMessage::Report(done)).is_ok() {
            let _ = reported.recv_timeout(FAREWELL);
        }
    };
    Ok((LogQueue { orders, lost }, LogGuard(Box::new(finish))))
}

fn work<T>(inbox: &Receiver<WriterMessage<T>>, lost: &AtomicU64, write: &mut impl FnMut(T)) {
    for order in inbox {
        match order {
            WriterMessage::Write(entry) => write(entry),
            WriterMessage::Report(done) => {
                let _ = done.send(());
            }
        }
        // An entry like any other: it waits for its turn behind what is in the queue.
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "log lines lost: the reader of the log is too slow");
        }
    }
}

impl<T> LogQueue<T> {
    /// Leaves an entry, and never waits.
    pub(crate) fn add(&self, entry: T) {
        if self.orders.try_send(WriterMessage::Write(entry)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One line, which the formatter writes in one piece.
pub(crate) struct LogLine<'a>(&'a LogQueue<Vec<u8>>);

impl<'a> MakeWriter<'a> for LogQueue<Vec<u8>> {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine(self)
    }
}

impl Write for LogLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.add(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn an_entry_that_breaks_the_writer_ends_no_log() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let kept = written.clone();
        let (queue, log) = start(move |entry: usize| {
            assert_ne!(entry, 1, "this one breaks it");
            kept.lock().unwrap().push(entry);
        })
        .unwrap();
        (0..4).for_each(|entry| queue.add(entry));
        drop(log);
        assert_eq!(*written.lock().unwrap(), [0, 2, 3]);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_hangs_and_what_is_lost_is_counted() {
        let (let_go, held) = sync_channel::<()>(0);
        let written = Arc::new(Mutex::new(Vec::new()));
        let kept = written.clone();
        let (queue, log) = start(move |entry: usize| {
            if entry == 0 {
                held.recv().unwrap();
            }
            kept.lock().unwrap().push(entry);
        })
        .unwrap();
        let many = WAITING * 2;
        for entry in 0..many {
            queue.add(entry);
        }
        let lost = usize::try_from(queue.lost.load(Ordering::Relaxed)).unwrap();
        assert!(lost >= WAITING - 1, "{lost} lost");
        let_go.send(()).unwrap();
        while written.lock().unwrap().len() < many - lost {
            thread::yield_now();
        }
        queue.add(many);
        drop(log);
        let written = written.lock().unwrap();
        assert_eq!(
            written.last(),
            Some(&many),
            "the last one is written before the end"
        );
        assert!(written.is_sorted(), "in order");
    }
}
