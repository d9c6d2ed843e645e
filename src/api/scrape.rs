//! `/metrics`: the page is composed at most once a second, away from the threads that the failover
//! runs on, and shared by everybody who asks within it. So a crowd of scrapers costs what one does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ACCEPT, HeaderMap};
use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::handles::Handles;
use super::response;
use super::response::ApiResponse;
use crate::metrics::{self, Facts, ListenerCounts, OPENMETRICS, PLAIN};

/// How old a page may be that is given out again: far less than any scrape interval.
const FRESH: Duration = Duration::from_secs(1);

/// The page that was composed last. The lock is held while the next one is composed, by the composing
/// itself, so that a crowd waits for one page instead of making many, also when whoever asked has gone
/// away.
#[derive(Debug, Default)]
pub(crate) struct ScrapeCache(Arc<Mutex<Option<ScrapeResponse>>>);

/// A page, in both formats.
#[derive(Clone, Debug)]
struct ScrapeResponse {
    at: Instant,
    openmetrics: Bytes,
    plain: Bytes,
}

impl ScrapeCache {
    /// Answers a scrape, in the format that its `Accept` asks for; OpenMetrics where it does not say.
    pub(crate) async fn answer(
        &self,
        handles: &Handles,
        listeners: Vec<(&'static str, ListenerCounts)>,
        headers: &HeaderMap,
    ) -> ApiResponse {
        let last = self.0.clone().lock_owned().await;
        let page = match &*last {
            Some(page) if page.at.elapsed() < FRESH => page.clone(),
            Some(_) | None => match compose(last, handles, listeners).await {
                Ok(page) => page,
                Err(error) => {
                    let said = format!("cannot compose the metrics: {error}");
                    return response::failure(StatusCode::INTERNAL_SERVER_ERROR, &said);
                }
            },
        };
        if wants_plain(headers) {
            response::bytes(StatusCode::OK, PLAIN, page.plain)
        } else {
            response::bytes(StatusCode::OK, OPENMETRICS, page.openmetrics)
        }
    }
}

async fn compose(
    mut last: OwnedMutexGuard<Option<ScrapeResponse>>,
    handles: &Handles,
    listeners: Vec<(&'static str, ListenerCounts)>,
) -> Result<ScrapeResponse, tokio::task::JoinError> {
    let (sources, poll_interval) = (handles.metrics.clone(), handles.poll_interval);
    let (snapshot, ready) = (handles.snapshot.borrow().clone(), handles.ready.borrow().clone());
    let composing = tokio::task::spawn_blocking(move || {
        let facts = Facts {
            snapshot,
            ready,
            counts: sources.counts.copy(),
            commands: sources.commands.copy(),
            unwritten: sources.unwritten.get(),
            descriptors: sources.descriptors.copy(),
            listeners,
            process: (sources.process)(),
            poll_interval,
            now: Timestamp::now(),
        };
        let text = metrics::openmetrics(facts);
        let plain = metrics::plain(&text);
        let page = ScrapeResponse {
            at: Instant::now(),
            openmetrics: text.into(),
            plain: plain.into(),
        };
        last.insert(page).clone()
    });
    composing.await
}

/// Whether the older text format is asked for and OpenMetrics is not: an old scraper, or a browser.
fn wants_plain(headers: &HeaderMap) -> bool {
    let accepts = |kind| {
        let mut accepted = headers.get_all(ACCEPT).iter();
        accepted.any(|accept| accept.to_str().is_ok_and(|accept| accept.contains(kind)))
    };
    accepts("text/") && !accepts("application/openmetrics-text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_given_to_all_but_those_who_ask_for_text_alone() {
        let cases = [
            (None, false),
            (Some("*/*"), false),
            (Some("text/plain"), true),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), true),
            (
                Some("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
                false,
            ),
        ];
        for (accept, plain) in cases {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(wants_plain(&headers), plain, "{accept:?}");
        }
    }
}
