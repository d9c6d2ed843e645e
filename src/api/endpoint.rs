//! Which question a request asks: its method and path, and nothing else of it.

use hyper::Method;

/// What a request asks for; names are as they stand in the path, not yet known to be a service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint<'a> {
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
    /// An operator's command.
    Command(CommandPath<'a>),
}

/// Which command a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandPath<'a> {
    /// `POST /v1/services/NAME/VERB`.
    Service(&'a str, ServiceVerb),
    /// `POST /v1/render/apply`.
    Apply,
    /// `POST /v1/reload`.
    Reload,
}

impl Endpoint<'_> {
    /// Whether it needs no place among the ordinary requests: what other sites and monitoring rely on,
    /// answered from memory; and an operator's changes, which no reader may keep out.
    pub(crate) fn has_a_place_of_its_own(&self) -> bool {
        match self {
            Self::Announced(_) | Self::Healthz | Self::Readyz | Self::Metrics | Self::Command(_) => true,
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
pub(crate) enum ServiceVerb {
    Announce,
    Withdraw,
    Freeze,
    Auto,
    Failback,
    Drill,
    /// Changes nothing, but takes the daemon's time.
    Explain,
}

impl ServiceVerb {
    /// The verb of a path's last segment.
    fn of(segment: &str) -> Option<Self> {
        Some(match segment {
            "announce" => Self::Announce,
            "withdraw" => Self::Withdraw,
            "freeze" => Self::Freeze,
            "auto" => Self::Auto,
            "failback" => Self::Failback,
            "drill" => Self::Drill,
            "explain" => Self::Explain,
            _ => return None,
        })
    }
}

/// Why a request asks for nothing that we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointError {
    /// No such path.
    NotFound,
    /// The path is there, for the methods of this `Allow` header (RFC 9110, section 10.2.1).
    WrongMethod(&'static str),
}

/// Reads a request's method and path. The paths hold no name that would need percent-encoding, so
/// an encoded path is an unknown one.
pub(crate) fn route<'a>(method: &Method, path: &'a str) -> Result<Endpoint<'a>, EndpointError> {
    let segments: Vec<&str> = path
        .strip_prefix('/')
        .ok_or(EndpointError::NotFound)?
        .split('/')
        .collect();
    let found = match segments[..] {
        ["v1", "status"] => Endpoint::Status,
        ["v1", "services", name] => Endpoint::Service(name),
        ["v1", "services", name, "announced"] => Endpoint::Announced(name),
        ["v1", "services", name, "latency"] => Endpoint::Latency(name),
        ["v1", "witnesses", "latency"] => Endpoint::WitnessLatency,
        ["v1", "services", name, verb] => {
            let verb = ServiceVerb::of(verb).ok_or(EndpointError::NotFound)?;
            Endpoint::Command(CommandPath::Service(name, verb))
        }
        ["v1", "render", "apply"] => Endpoint::Command(CommandPath::Apply),
        ["v1", "reload"] => Endpoint::Command(CommandPath::Reload),
        ["v1", "events"] => Endpoint::Events,
        ["v1", "openapi.json"] => Endpoint::OpenApi,
        ["v1", "ready"] => Endpoint::Ready,
        ["readyz"] => Endpoint::Readyz,
        ["metrics"] => Endpoint::Metrics,
        ["healthz"] => Endpoint::Healthz,
        [""] => Endpoint::Page("page.html"),
        ["page", file] => Endpoint::Page(file),
        _ => return Err(EndpointError::NotFound),
    };
    match (method, found) {
        (&Method::POST, Endpoint::Command(_)) => Ok(found),
        (_, Endpoint::Command(_)) => Err(EndpointError::WrongMethod("POST")),
        (&Method::GET | &Method::HEAD, _) => Ok(found),
        (_, _) => Err(EndpointError::WrongMethod("GET, HEAD")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_contract_is_found() {
        let command = |verb| Endpoint::Command(CommandPath::Service("web", verb));
        let cases = [
            (Method::GET, "/v1/status", Endpoint::Status),
            (Method::HEAD, "/v1/status", Endpoint::Status),
            (
                Method::POST,
                "/v1/render/apply",
                Endpoint::Command(CommandPath::Apply),
            ),
            (Method::POST, "/v1/reload", Endpoint::Command(CommandPath::Reload)),
            (
                Method::POST,
                "/v1/services/web/drill",
                command(ServiceVerb::Drill),
            ),
            (Method::GET, "/v1/services/web", Endpoint::Service("web")),
            (
                Method::GET,
                "/v1/services/web/announced",
                Endpoint::Announced("web"),
            ),
            (Method::GET, "/v1/events", Endpoint::Events),
            (Method::GET, "/v1/ready", Endpoint::Ready),
            (Method::GET, "/v1/openapi.json", Endpoint::OpenApi),
            (Method::GET, "/readyz", Endpoint::Readyz),
            (Method::GET, "/metrics", Endpoint::Metrics),
            (Method::GET, "/healthz", Endpoint::Healthz),
            (Method::GET, "/", Endpoint::Page("page.html")),
            (Method::HEAD, "/page/page.css", Endpoint::Page("page.css")),
            (Method::GET, "/v1/services/web/latency", Endpoint::Latency("web")),
            (Method::GET, "/v1/witnesses/latency", Endpoint::WitnessLatency),
            (
                Method::POST,
                "/v1/services/web/announce",
                command(ServiceVerb::Announce),
            ),
            (
                Method::POST,
                "/v1/services/web/withdraw",
                command(ServiceVerb::Withdraw),
            ),
            (
                Method::POST,
                "/v1/services/web/freeze",
                command(ServiceVerb::Freeze),
            ),
            (Method::POST, "/v1/services/web/auto", command(ServiceVerb::Auto)),
            (
                Method::POST,
                "/v1/services/web/failback",
                command(ServiceVerb::Failback),
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
                Err(EndpointError::WrongMethod("GET, HEAD")),
                "{method}"
            );
            assert_eq!(
                route(&method, "/v1/services/web/auto"),
                Err(EndpointError::WrongMethod("POST")),
                "{method}"
            );
        }
        assert_eq!(
            route(&Method::POST, "/v1/status"),
            Err(EndpointError::WrongMethod("GET, HEAD"))
        );
        assert_eq!(
            route(&Method::GET, "/v1/services/web/auto"),
            Err(EndpointError::WrongMethod("POST"))
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
            assert_eq!(route(&Method::GET, path), Err(EndpointError::NotFound), "{path}");
            assert_eq!(route(&Method::POST, path), Err(EndpointError::NotFound), "{path}");
        }
    }
}
