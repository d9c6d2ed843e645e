//! `/v1/events`: a page of the history, from what the daemon has in mind, and from the disk where
//! that does not go back far enough.
//!
//! The disk is read by one at a time, away from the threads that the failover runs on.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::budget::Budget;
use super::response;
use super::response::ApiResponse;
use crate::model::history::query::{HistoryPageBuilder, HistoryQuery, LIMIT};
use crate::model::history::{HistoryEntry, line};

/// The history on disk: offers what it has, newest first, until no more is wanted.
#[derive(Clone)]
pub struct HistoryReader(Arc<OfferEntries>);

/// Offers entries to a page.
type OfferEntries = dyn Fn(&mut HistoryPageBuilder) -> io::Result<()> + Send + Sync;

impl HistoryReader {
    /// Reads it that way; the reading may take its time.
    pub fn new(read: impl Fn(&mut HistoryPageBuilder) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// There is none.
    pub fn none() -> Self {
        Self::new(|_| Ok(()))
    }
}

impl fmt::Debug for HistoryReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Past")
    }
}

/// The daemon's latest entries, oldest first.
type LatestHistory = Arc<[Arc<HistoryEntry>]>;

/// How long one who asks waits for his turn to read the disk; far below the time-out of any client.
const TURN: Duration = Duration::from_secs(5);

/// How many wait for their turn to read the disk; whoever comes then is told to ask again. More people
/// than that do not look into the past at once, and each waits on a connection that others want.
const WAITING: usize = 8;

/// Who reads the disk, and the page that most ask for.
#[derive(Debug)]
pub(crate) struct PageCache {
    waiting: Arc<Semaphore>,
    /// Held by the reading itself while the disk is read, also when whoever asked has gone away: a crowd
    /// waits for its turn instead of filling the memory.
    reading: Arc<tokio::sync::Mutex<()>>,
    /// The page without a query, and the entries that it was made of. A lock, because connections
    /// on every thread ask; held for a copy of two pointers.
    written: std::sync::Mutex<Option<(LatestHistory, Bytes)>>,
}

impl Default for PageCache {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(WAITING)),
            reading: Arc::default(),
            written: std::sync::Mutex::default(),
        }
    }
}

/// Why there is no page.
enum NoPage {
    /// Too many others want one.
    Busy,
    /// The disk cannot be read.
    Disk(io::Error),
}

impl PageCache {
    /// Answers a query; what takes more than a moment is done within the budget.
    pub(crate) async fn answer(
        &self,
        budget: &Budget,
        latest: LatestHistory,
        past: &HistoryReader,
        query: Option<&str>,
    ) -> ApiResponse {
        let query = match read(query) {
            Ok(query) => query,
            Err(said) => return response::failure(StatusCode::BAD_REQUEST, &said),
        };
        let usual = query == HistoryQuery::default();
        if usual && let Some(page) = self.written(&latest) {
            return response::json_bytes(StatusCode::OK, page);
        }
        match self.gather(budget, &latest, past, query).await {
            Ok(page) => {
                let page = Bytes::from(page);
                if usual {
                    let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
                    *written = Some((latest, page.clone()));
                }
                response::json_bytes(StatusCode::OK, page)
            }
            Err(NoPage::Busy) => response::busy("others are reading the history; ask again later"),
            Err(NoPage::Disk(error)) => {
                let said = format!("the history on disk cannot be read: {error}");
                response::failure(StatusCode::INTERNAL_SERVER_ERROR, &said)
            }
        }
    }

    fn written(&self, latest: &LatestHistory) -> Option<Bytes> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, page) = written.as_ref()?;
        Arc::ptr_eq(of, latest).then(|| page.clone())
    }

    async fn gather(
        &self,
        budget: &Budget,
        latest: &LatestHistory,
        past: &HistoryReader,
        query: HistoryQuery,
    ) -> Result<String, NoPage> {
        let entries = latest.clone();
        let gathered = budget.compose(move || {
            let mut gathering = HistoryPageBuilder::new(query);
            for entry in entries.iter().rev() {
                gathering.offer(entry, || line(entry));
            }
            if gathering.wants_more() && !entries.is_empty() {
                Gathered::Part(gathering)
            } else {
                Gathered::Page(gathering.page())
            }
        });
        match gathered.await {
            Some(Gathered::Page(page)) => Ok(page),
            Some(Gathered::Part(gathering)) => self.read_on(past, gathering).await,
            None => Err(NoPage::Busy),
        }
    }

    /// Reads on where memory does not go back far enough.
    async fn read_on(
        &self,
        past: &HistoryReader,
        mut gathering: HistoryPageBuilder,
    ) -> Result<String, NoPage> {
        let _waiting = self.waiting.try_acquire().map_err(|_| NoPage::Busy)?;
        let past = past.clone();
        let turn = timeout(TURN, self.reading.clone().lock_owned()).await;
        let turn = turn.map_err(|_| NoPage::Busy)?;
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            (past.0)(&mut gathering)?;
            Ok(gathering.page())
        });
        // A disk that hangs keeps its reader, and nobody else.
        match timeout(TURN, reading).await {
            Ok(Ok(read)) => read.map_err(NoPage::Disk),
            Ok(Err(error)) => Err(NoPage::Disk(io::Error::other(error))),
            Err(_) => Err(NoPage::Busy),
        }
    }
}

/// How far a page is.
enum Gathered {
    Page(String),
    /// What is on disk is wanted, too.
    Part(HistoryPageBuilder),
}

/// Reads a query; an error says what would be right.
fn read(query: Option<&str>) -> Result<HistoryQuery, String> {
    let mut read = HistoryQuery::default();
    let number = |key: &str, value: &str| {
        value
            .parse::<u64>()
            .map_err(|_| format!(r#""{key}" is a number, and not "{value}""#))
    };
    for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*key {
            "service" if is_name(&value) => read.service = Some(value.into_owned()),
            "service" => return Err(format!(r#""{value}" is not the name of a service"#)),
            "since" => {
                let at: Timestamp = value.parse().map_err(|_| {
                    format!(r#""since" is a time such as 2026-11-22T20:45:00Z, and not "{value}""#)
                })?;
                read.since = Some(at);
            }
            "before" => match number("before", &value)? {
                0 => return Err(r#"nothing is "before" the first entry, which is 1"#.to_owned()),
                before => read.before = Some(before),
            },
            "after" => read.after = Some(number("after", &value)?),
            "limit" => {
                read.limit = match usize::try_from(number("limit", &value)?) {
                    Ok(limit @ 1..=LIMIT) => limit,
                    Ok(_) | Err(_) => return Err(format!(r#""limit" is between 1 and {LIMIT}"#)),
                };
            }
            other => {
                return Err(format!(
                    r#"there is no "{other}" to choose by; there are service, since, before, after and limit"#
                ));
            }
        }
    }
    Ok(read)
}

/// Whether a service could be called so.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_and_what_cannot_be_meant_is_refused() {
        assert_eq!(read(None), Ok(HistoryQuery::default()));
        let expected = HistoryQuery {
            service: Some("web".into()),
            since: Some("2026-11-22T20:45:00Z".parse().unwrap()),
            after: Some(3),
            before: Some(9),
            limit: 5,
        };
        let query = "service=web&since=2026-11-22T20%3A45%3A00Z&before=9&after=3&limit=5";
        assert_eq!(read(Some(query)), Ok(expected));
        let cases = [
            "limit=0",
            "limit=1001",
            "limit=x",
            "before=-1",
            "since=yesterday",
            "page=2",
            "=",
            "service=",
            "before=0",
            "service=Web",
            "after",
        ];
        for query in cases {
            assert!(read(Some(query)).is_err(), "{query}");
        }
    }
}
