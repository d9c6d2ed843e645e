//! Which question a request asks: its method and path, and nothing else of it.

use hyper::Method;

use crate::status::snapshot::Action;

/// What a request asks for; names are as they stand in the path, not yet known to be a service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `GET /v1/status`: the snapshot.
    Status,
    /// `GET /v1/services/NAME`: one service of it.
    Service(&'a str),
    /// `GET /v1/services/NAME/announced`: 200, 503, or 500 where it cannot be told.
    Announced(&'a str),
    /// `GET /v1/services/NAME/latency`: the latest results of its probes.
    Latency(&'a str),
    /// `GET /v1/witnesses/latency`: those of the witnesses.
    WitnessLatency,
    /// `GET /v1/events`: the latest entries of the history, or each as it happens.
    Events,
    /// `GET /v1/openapi.json`: what this API is, for machines.
    OpenApi,
    /// `GET /v1/ready`: whether we would take over, with every check.
    Ready,
    /// `GET /readyz`: the same as 200 or 503.
    Readyz,
    /// `GET /metrics`: for Prometheus.
    Metrics,
    /// `GET /healthz`: the daemon answers.
    Healthz,
    /// `GET /`, and `GET /page/FILE`: the page for people, and its parts.
    Page(&'a str),
    /// `POST /v1/services/NAME/VERB`.
    Change(&'a str, Verb),
    /// `POST /v1/services/NAME/drill`.
    Drill(&'a str),
    /// `POST /v1/render/apply`.
    Apply,
    /// `POST /v1/reload`.
    Reload,
}

impl Route<'_> {
    /// Whether it needs no place among the ordinary requests: what other sites and monitoring rely on,
    /// answered from memory; and an operator's changes, which no reader may keep out.
    pub(super) fn has_a_place_of_its_own(&self) -> bool {
        match self {
            Self::Announced(_) | Self::Healthz | Self::Readyz | Self::Metrics => true,
            Self::Change(..) | Self::Drill(_) | Self::Apply | Self::Reload => true,
            Self::Status
            | Self::Service(_)
            | Self::Latency(_)
            | Self::WitnessLatency
            | Self::Events
            | Self::OpenApi
            | Self::Ready
            | Self::Page(_) => false,
        }
    }
}

/// What an operator can ask of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// `announce`, `withdraw`, `freeze`.
    Override(Action),
    /// `auto`.
    Auto,
    /// `failback`.
    Failback,
    /// `explain`: changes nothing, but takes the daemon's time.
    Explain,
}

impl Verb {
    /// The verb of a path's last segment.
    fn of(segment: &str) -> Option<Self> {
        Some(match segment {
            "announce" => Self::Override(Action::Announce),
            "withdraw" => Self::Override(Action::Withdraw),
            "freeze" => Self::Override(Action::Freeze),
            "auto" => Self::Auto,
            "failback" => Self::Failback,
            "explain" => Self::Explain,
            _ => return None,
        })
    }
}

/// Why a request asks for nothing that we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// No such path.
    NotFound,
    /// The path is there, for the methods of this `Allow` header (RFC 9110, section 10.2.1).
    WrongMethod(&'static str),
}

/// Reads a request's method and path. The paths hold no name that would need percent-encoding, so
/// an encoded path is an unknown one.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Miss> {
    let segments: Vec<&str> = path.strip_prefix('/').ok_or(Miss::NotFound)?.split('/').collect();
    let found = match segments[..] {
        ["v1", "status"] => Route::Status,
        ["v1", "services", name] => Route::Service(name),
        ["v1", "services", name, "announced"] => Route::Announced(name),
        ["v1", "services", name, "latency"] => Route::Latency(name),
        ["v1", "witnesses", "latency"] => Route::WitnessLatency,
        ["v1", "services", name, "drill"] => Route::Drill(name),
        ["v1", "services", name, verb] => Route::Change(name, Verb::of(verb).ok_or(Miss::NotFound)?),
        ["v1", "render", "apply"] => Route::Apply,
        ["v1", "reload"] => Route::Reload,
        ["v1", "events"] => Route::Events,
        ["v1", "openapi.json"] => Route::OpenApi,
        ["v1", "ready"] => Route::Ready,
        ["readyz"] => Route::Readyz,
        ["metrics"] => Route::Metrics,
        ["healthz"] => Route::Healthz,
        [""] => Route::Page("page.html"),
        ["page", file] => Route::Page(file),
        _ => return Err(Miss::NotFound),
    };
    match (method, found) {
        (&Method::POST, Route::Change(..) | Route::Drill(_) | Route::Apply | Route::Reload) => Ok(found),
        (_, Route::Change(..) | Route::Drill(_) | Route::Apply | Route::Reload) => {
            Err(Miss::WrongMethod("POST"))
        }
        (&Method::GET | &Method::HEAD, _) => Ok(found),
        (_, _) => Err(Miss::WrongMethod("GET, HEAD")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_contract_is_found() {
        let cases = [
            (Method::GET, "/v1/status", Route::Status),
            (Method::HEAD, "/v1/status", Route::Status),
            (Method::POST, "/v1/render/apply", Route::Apply),
            (Method::POST, "/v1/reload", Route::Reload),
            (Method::POST, "/v1/services/web/drill", Route::Drill("web")),
            (Method::GET, "/v1/services/web", Route::Service("web")),
            (Method::GET, "/v1/services/web/announced", Route::Announced("web")),
            (Method::GET, "/v1/events", Route::Events),
            (Method::GET, "/v1/ready", Route::Ready),
            (Method::GET, "/v1/openapi.json", Route::OpenApi),
            (Method::GET, "/readyz", Route::Readyz),
            (Method::GET, "/metrics", Route::Metrics),
            (Method::GET, "/healthz", Route::Healthz),
            (Method::GET, "/", Route::Page("page.html")),
            (Method::HEAD, "/page/page.css", Route::Page("page.css")),
            (Method::GET, "/v1/services/web/latency", Route::Latency("web")),
            (Method::GET, "/v1/witnesses/latency", Route::WitnessLatency),
            (
                Method::POST,
                "/v1/services/web/announce",
                Route::Change("web", Verb::Override(Action::Announce)),
            ),
            (
                Method::POST,
                "/v1/services/web/withdraw",
                Route::Change("web", Verb::Override(Action::Withdraw)),
            ),
            (
                Method::POST,
                "/v1/services/web/freeze",
                Route::Change("web", Verb::Override(Action::Freeze)),
            ),
            (
                Method::POST,
                "/v1/services/web/auto",
                Route::Change("web", Verb::Auto),
            ),
            (
                Method::POST,
                "/v1/services/web/failback",
                Route::Change("web", Verb::Failback),
            ),
        ];
        for (method, path, expected) in cases {
            assert_eq!(route(&method, path), Ok(expected), "{method} {path}");
        }
    }

    #[test]
    fn a_wrong_method_names_the_right_ones() {
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            assert_eq!(
                route(&method, "/v1/status"),
                Err(Miss::WrongMethod("GET, HEAD")),
                "{method}"
            );
            assert_eq!(
                route(&method, "/v1/services/web/auto"),
                Err(Miss::WrongMethod("POST")),
                "{method}"
            );
        }
        assert_eq!(
            route(&Method::POST, "/v1/status"),
            Err(Miss::WrongMethod("GET, HEAD"))
        );
        assert_eq!(
            route(&Method::GET, "/v1/services/web/auto"),
            Err(Miss::WrongMethod("POST"))
        );
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let paths = [
            "",
            "*",
            "//",
            "/v1",
            "/v1/",
            "/v1/status/",
            "//v1/status",
            "/v1/services",
            "/v1/services/web/announced/",
            "/v1/services/web/explode",
            "/v1/../v1/status",
            "/V1/status",
        ];
        for path in paths {
            assert_eq!(route(&Method::GET, path), Err(Miss::NotFound), "{path}");
            assert_eq!(route(&Method::POST, path), Err(Miss::NotFound), "{path}");
        }
    }
}
