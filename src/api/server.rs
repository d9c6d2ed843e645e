//! Answers one request from the latest snapshot, or passes it on to the daemon.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{ACCEPT, HeaderMap};
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use super::access::Access;
use super::budget::{Budget, SOCKET_ORDINARY, TCP_ORDINARY};
use super::caller::Caller;
use super::connections::BusyFlag;
use super::endpoint::{Endpoint, EndpointError, route};
use super::handles::Handles;
use super::history::PageCache;
use super::request_counters::RequestCounters;
use super::response;
use super::response::ApiResponse;
use super::scrape::ScrapeCache;
use super::{latency, page, readiness, sse};
use crate::metrics::Rejection;
use crate::model::Snapshot;
use crate::model::millis;
use crate::model::readiness::Readiness;
use crate::model::snapshot::{Announcement, ServiceSnapshot, Strength};

/// How many slips of the finger may lie between an unknown name and the known one that was meant.
const SLIPS: usize = 2;
/// What is repeated of an unknown name, in characters: more than any service's name has.
const REPEATED: usize = 64;
/// How many names are listed for one that is unknown: what a terminal shows at once.
const LISTED: usize = 20;

/// The document of this API.
pub(crate) const OPENAPI: &[u8] = include_bytes!("../../docs/openapi.json");

/// See the module.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) handles: Handles,
    access: Access,
    /// The snapshot's JSON, made when it is first asked for. A lock, because threads that compose it ask;
    /// held while the JSON is made, so that a crowd makes it once.
    written: Arc<Mutex<Option<Written>>>,
    counters: RequestCounters,
    scrapes: ScrapeCache,
    /// One a listener: the network cannot keep operators from anything.
    operators: ListenerShare,
    network: ListenerShare,
}

/// What a listener's clients share.
#[derive(Debug)]
struct ListenerShare {
    budget: Budget,
    /// The pages of the history.
    pages: PageCache,
}

impl ListenerShare {
    fn new(ordinary: usize) -> Self {
        Self {
            budget: Budget::new(ordinary),
            pages: PageCache::default(),
        }
    }
}

/// A snapshot, and its JSON.
type Written = (Arc<Snapshot>, Bytes);

/// `/announced`, for people who look at what a probe sees.
#[derive(Serialize)]
struct AnnouncedReply {
    announced: bool,
    #[serde(with = "crate::model::strength::or_unknown")]
    actual: Option<Strength>,
    #[serde(with = "millis::option")]
    verified_at: Option<Timestamp>,
    /// Why it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<&'static str>,
}

impl Server {
    /// A server in front of the daemon.
    pub(crate) fn new(handles: Handles, access: Access) -> Self {
        Self {
            handles,
            access,
            written: Arc::default(),
            counters: RequestCounters::default(),
            scrapes: ScrapeCache::default(),
            operators: ListenerShare::new(SOCKET_ORDINARY),
            network: ListenerShare::new(TCP_ORDINARY),
        }
    }

    /// Who may come over TCP.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// What those who come over TCP may use.
    #[cfg(test)]
    pub(crate) fn network(&self) -> &Budget {
        &self.network.budget
    }

    fn budget(&self, caller: Caller) -> &Budget {
        &self.share(caller).budget
    }

    fn share(&self, caller: Caller) -> &ListenerShare {
        match caller {
            Caller::Operator { .. } => &self.operators,
            Caller::Network => &self.network,
        }
    }

    /// What is counted of those who come.
    pub(crate) fn counters(&self) -> &RequestCounters {
        &self.counters
    }

    /// Answers one request.
    pub(crate) async fn answer<B>(&self, caller: Caller, busy: &BusyFlag, request: Request<B>) -> ApiResponse
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let reply = self.look_up(caller, busy, request).await;
        self.counters.answered(caller, reply.status());
        reply
    }

    async fn look_up<B>(&self, caller: Caller, busy: &BusyFlag, request: Request<B>) -> ApiResponse
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Caller::Network = caller
            && let Some((why, status, said)) = self.access.rejection(request.headers())
        {
            self.counters.refused(caller, why);
            return response::failure(status, said);
        }
        let (head, body) = request.into_parts();
        let route = match route(&head.method, head.uri.path()) {
            Ok(route) => route,
            Err(EndpointError::NotFound) => {
                return response::failure(StatusCode::NOT_FOUND, "there is no such path");
            }
            Err(EndpointError::WrongMethod(allow)) => return response::wrong_method(allow),
        };
        let place = self.budget(caller).ordinary();
        if place.is_none() && !route.has_a_place_of_its_own() {
            return self.busy(
                caller,
                "as many requests as are answered at a time are under way; ask again later",
            );
        }
        match route {
            Endpoint::Status => self.status(caller).await,
            Endpoint::Service(name) => self.service(name),
            Endpoint::Announced(name) => self.announced(name, Timestamp::now()),
            Endpoint::Latency(name) => self.latency(caller, Some(name), head.uri.query()).await,
            Endpoint::WitnessLatency => self.latency(caller, None, head.uri.query()).await,
            Endpoint::Events if wants_stream(&head.headers) => self.feed(caller, busy, &head.headers),
            Endpoint::Events => self.events(caller, head.uri.query()).await,
            Endpoint::OpenApi => response::json_bytes(StatusCode::OK, Bytes::from_static(OPENAPI)),
            Endpoint::Ready => self.ready(caller).await,
            Endpoint::Readyz => readiness::readyz(&self.readiness(), Timestamp::now()),
            Endpoint::Metrics => self.metrics(caller, &head.headers).await,
            Endpoint::Page(file) => page::answer(file, &head.headers),
            Endpoint::Healthz => response::text(StatusCode::OK, "ok\n"),
            Endpoint::Command(path) => self.command(caller, path, body).await,
        }
    }

    fn busy(&self, caller: Caller, said: &str) -> ApiResponse {
        self.counters.refused(caller, Rejection::Busy);
        response::busy(said)
    }

    /// An answer that takes more than a moment.
    async fn compose(
        &self,
        caller: Caller,
        work: impl FnOnce() -> ApiResponse + Send + 'static,
    ) -> ApiResponse {
        match self.budget(caller).compose(work).await {
            Some(reply) => reply,
            None => self.busy(caller, "too many ask for large answers; ask again later"),
        }
    }

    async fn status(&self, caller: Caller) -> ApiResponse {
        let (snapshot, written) = (self.snapshot(), self.written.clone());
        // Whoever holds the lock makes it.
        if let Ok(written) = written.try_lock()
            && let Some((of, bytes)) = &*written
            && Arc::ptr_eq(of, &snapshot)
        {
            return response::json_bytes(StatusCode::OK, bytes.clone());
        }
        self.compose(caller, move || status(snapshot, &written)).await
    }

    async fn ready(&self, caller: Caller) -> ApiResponse {
        let readiness = self.readiness();
        self.compose(caller, move || readiness::ready(&readiness, Timestamp::now()))
            .await
    }

    async fn latency(&self, caller: Caller, name: Option<&str>, query: Option<&str>) -> ApiResponse {
        if let Some(name) = name
            && let Err(unknown) = find(&self.snapshot(), name)
        {
            return *unknown;
        }
        let book = self.handles.latency.borrow().clone();
        let (name, query) = (name.map(str::to_owned), query.map(str::to_owned));
        self.compose(caller, move || {
            latency::answer(&book, name.as_deref(), query.as_deref())
        })
        .await
    }

    fn service(&self, name: &str) -> ApiResponse {
        let snapshot = self.snapshot();
        match find(&snapshot, name) {
            Ok(service) => response::json(StatusCode::OK, service),
            Err(unknown) => *unknown,
        }
    }

    fn announced(&self, name: &str, now: Timestamp) -> ApiResponse {
        let snapshot = self.snapshot();
        let service = match find(&snapshot, name) {
            Ok(service) => service,
            Err(unknown) => return *unknown,
        };
        let announcement = service.announcement(&snapshot.bird, now, self.handles.poll_interval);
        let status = match announcement {
            Announcement::Announced => StatusCode::OK,
            Announcement::NotAnnounced => StatusCode::SERVICE_UNAVAILABLE,
            Announcement::CannotTell => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let shown = AnnouncedReply {
            announced: announcement == Announcement::Announced,
            actual: service.actual,
            verified_at: service.verified_at,
            unknown: (announcement == Announcement::CannotTell)
                .then_some("BIRD does not answer, or was not read within the last two polls"),
        };
        response::json(status, &shown)
    }

    async fn events(&self, caller: Caller, query: Option<&str>) -> ApiResponse {
        let latest = self.handles.history.borrow().clone();
        let ListenerShare { budget, pages } = self.share(caller);
        let reply = pages.answer(budget, latest, &self.handles.past, query).await;
        if reply.status() == StatusCode::SERVICE_UNAVAILABLE {
            self.counters.refused(caller, Rejection::Busy);
        }
        reply
    }

    async fn metrics(&self, caller: Caller, headers: &HeaderMap) -> ApiResponse {
        let Ok(_waiting) = self.budget(caller).scrapes.try_acquire() else {
            return self.busy(caller, "too many scrapers ask at once; ask again later");
        };
        let feeds = (self.operators.budget.following(), self.network.budget.following());
        self.scrapes
            .answer(&self.handles, self.counters.listeners(feeds), headers)
            .await
    }

    fn feed(&self, caller: Caller, busy: &BusyFlag, headers: &HeaderMap) -> ApiResponse {
        let Ok(permit) = self.budget(caller).feeds.clone().try_acquire_owned() else {
            return self.busy(caller, "too many clients follow the events; ask again later");
        };
        let last_seen = headers
            .get("last-event-id")
            .and_then(|id| id.to_str().ok()?.parse().ok());
        response::stream(sse::feed(
            self.handles.history.clone(),
            last_seen,
            permit,
            busy.occupy(),
        ))
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.handles.snapshot.borrow().clone()
    }

    /// A copy, because whoever publishes it waits while it is borrowed.
    fn readiness(&self) -> Arc<Readiness> {
        self.handles.ready.borrow().clone()
    }
}

/// The snapshot's JSON: what was made of it before, or else made now.
fn status(snapshot: Arc<Snapshot>, written: &Mutex<Option<Written>>) -> ApiResponse {
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, bytes)) = &*written
        && Arc::ptr_eq(of, &snapshot)
    {
        return response::json_bytes(StatusCode::OK, bytes.clone());
    }
    match serde_json::to_vec(&*snapshot) {
        Ok(json) => {
            let bytes = Bytes::from(json);
            *written = Some((snapshot, bytes.clone()));
            response::json_bytes(StatusCode::OK, bytes)
        }
        Err(error) => {
            let said = format!("cannot write the snapshot: {error}");
            response::failure(StatusCode::INTERNAL_SERVER_ERROR, &said)
        }
    }
}

/// Whether the client wants server-sent events, as every EventSource says it does.
fn wants_stream(headers: &HeaderMap) -> bool {
    let mut accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok());
    accepted.any(|accept| accept.contains("text/event-stream"))
}

/// The service, or the answer that it is unknown; boxed, because an answer is large.
pub(crate) fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a ServiceSnapshot, Box<ApiResponse>> {
    snapshot
        .services
        .iter()
        .find(|service| service.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = snapshot
                .services
                .iter()
                .map(|service| service.name.as_str())
                .collect();
            Box::new(response::failure(
                StatusCode::NOT_FOUND,
                &unknown_service(name, &names),
            ))
        })
}

/// What is said of an unknown name, by us and by the commands. Anybody may ask for any name, so the work
/// is bounded: distances are measured to the names of about the same length only.
pub(crate) fn unknown_service(name: &str, known: &[&str]) -> String {
    let near = |known: &&&str| known.len().abs_diff(name.len()) <= SLIPS * char::MAX.len_utf8();
    let closest = known
        .iter()
        .filter(near)
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(slips, known)| *slips <= SLIPS && *slips < known.len())
        .min_by_key(|(slips, _)| *slips);
    let mut shown: String = name.chars().take(REPEATED).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    match (closest, known) {
        (Some((_, known)), _) => format!(r#"there is no service "{shown}"; did you mean "{known}"?"#),
        (None, []) => format!(r#"there is no service "{shown}"; none is configured"#),
        (None, known) if known.len() > LISTED => format!(
            r#"there is no service "{shown}"; there are: {} and {} more"#,
            known[..LISTED].join(", "),
            known.len() - LISTED
        ),
        (None, known) => format!(
            r#"there is no service "{shown}"; there are: {}"#,
            known.join(", ")
        ),
    }
}
