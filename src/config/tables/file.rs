//! The file as a whole, and the tables that there are once.

use crate::config::finding::Finding;
use crate::config::key_docs::TableForm;
use crate::config::model::{
    ApiConfig, ApplyMode, BirdConfig, Config, IsolationConfig, LogConfig, LogFormat, MinUp, OnCutOff,
    RenderConfig, RouterConfig, SiteConfig,
};
use crate::config::reader::TableReader;
use crate::config::tables::service::ON_LOSS;
use crate::config::value::address::{API_NAME, LISTEN, PREFIX, ROUTER_ID};
use crate::config::value::bgp::Asn;
use crate::config::value::duration::span;
use crate::config::value::text::{BIRD_PATH, LONGEST_SOCKET, NAME, PATH, SOCKET, TEMPLATE};
use crate::config::value::{AnyJson, Choice, Witnesses, list_of};
use std::time::Duration;

/// BIRD's undo timer starts when the command is read; less than this is not enough to look at the
/// sessions (A9).
pub(crate) const SHORTEST_CONFIRM: Duration = Duration::from_secs(10);

/// Reads the whole file.
pub(crate) fn file(t: &mut TableReader<'_, '_>) -> Config {
    let rendering = t.has("render");
    let site = t.section(
        "site",
        TableForm::OnceAtLeast,
        "This site, and the directories that Falconer uses.",
        site,
    );
    let bird = t.section("bird", TableForm::Once, "The BIRD that Falconer controls.", bird);
    let render = t.optional(
        "render",
        TableForm::Once,
        "bird.conf from a template. Leave the table out to keep a bird.conf of your own.",
        render,
    );
    let router = router(t, rendering);
    let upstreams = t.tables(
        "upstream",
        TableForm::ManyAtLeastOne,
        "A BGP protocol of the local BIRD that announces the prefixes.",
        |t| crate::config::tables::session::upstream(t, rendering),
    );
    let peers = t.tables_like(
        "peer",
        "upstream",
        "A BGP session that announces nothing: iBGP between sites, or BFD with the primary.",
        |t| crate::config::tables::session::upstream(t, rendering),
    );
    let names: Vec<String> = upstreams.iter().map(|upstream| upstream.name.clone()).collect();
    let services = t.tables(
        "service",
        TableForm::ManyAtLeastOne,
        "A set of prefixes announced and withdrawn together, with the probes that decide it.",
        |t| crate::config::tables::service::service(t, rendering, &names),
    );
    let witnesses = t.tables_like(
        "witness",
        "service.probe",
        "A probe of a target that answers as long as this site itself is connected (D5).",
        crate::config::tables::probe::witness,
    );
    let isolation = isolation(t, witnesses.len());
    t.not_yet("lease", "leases");
    t.not_yet("tunnel", "tunnels");
    t.not_yet("hooks", "hooks");
    let run_dir = site.run_dir.clone();
    let api = t.section("api", TableForm::Once, "The HTTP API.", |t| api(t, &run_dir));
    let log = t.section("log", TableForm::Once, "Logging.", log);
    Config {
        site,
        bird,
        render,
        router,
        upstreams,
        peers,
        services,
        witnesses,
        isolation,
        api,
        log,
    }
}

pub(crate) fn site(t: &mut TableReader<'_, '_>) -> SiteConfig {
    SiteConfig {
        name: t
            .key("name", NAME)
            .doc("This site's name, in every status line and event.")
            .example("\"hk1\"")
            .required(),
        state_dir: t
            .key("state_dir", PATH)
            .doc("Overrides and the event history: survive a reboot.")
            .default("/var/lib/falconer"),
        run_dir: t
            .key("run_dir", BIRD_PATH)
            .doc("Falconer's socket and the static protocols' state files (A6): gone at reboot, on purpose.")
            .default("/run/falconer"),
    }
}

pub(crate) fn bird(t: &mut TableReader<'_, '_>) -> BirdConfig {
    let command = span()
        .at_least(Duration::from_millis(100))
        .at_most(Duration::from_secs(300))
        .because(
            "a busy BIRD takes tens of milliseconds to answer; and what it does must not go unseen for long",
        );
    BirdConfig {
        socket: t
            .key("socket", SOCKET)
            .doc("BIRD's control socket.")
            .default("/run/bird/bird.ctl"),
        timeout: t
            .key("timeout", command)
            .doc("How long one command may take.")
            .default("5s"),
        poll_interval: t
            .key("poll_interval", command)
            .doc("How often BIRD's state is read and compared with the wanted state.")
            .default("1s"),
        binary: t
            .key("binary", PATH)
            .doc("The BIRD program, for its parse check, and for its version while BIRD is down.")
            .default("/usr/sbin/bird"),
        on_exit: t
            .key("on_exit", Choice(&ON_LOSS))
            .doc("What happens to the announcement when Falconer is stopped.")
            .default("keep"),
    }
}

pub(crate) fn render(t: &mut TableReader<'_, '_>) -> RenderConfig {
    let template = t
        .key("template", TEMPLATE)
        .doc("The template's file name, in `template_dir`, else one of those built in.")
        .default("standby.conf");
    let template_dir = t
        .key("template_dir", PATH)
        .doc("Your own templates.")
        .default("/etc/falconer/bird-templates");
    let output = t
        .key("output", PATH)
        .doc("The file to write.")
        .default("/etc/bird/bird.conf");
    let apply = apply(t);
    let confirm_within = span()
        .at_least(SHORTEST_CONFIRM)
        .at_most(Duration::from_secs(3600))
        .because("within less the sessions cannot be looked at; for more a bad file would stand too long")
        .whole_seconds();
    RenderConfig {
        template,
        template_dir,
        output,
        apply,
        confirm_within: t
            .key("confirm_within", confirm_within)
            .doc("How long BIRD waits for the confirmation before it goes back to the old file.")
            .default("60s"),
        vars: t
            .key("vars", AnyJson)
            .doc("Anything that a template of yours wants, as `vars.x`.")
            .default_by("`{}`", serde_json::Map::new()),
    }
}

pub(crate) const APPLY: [(&str, ApplyMode, &str); 3] = [
    (
        "confirm",
        ApplyMode::Confirm,
        "`configure` with BIRD's undo timer, confirmed when the sessions stand",
    ),
    (
        "check",
        ApplyMode::Check,
        "write the file if BIRD's own parser accepts it, and tell BIRD nothing",
    ),
    (
        "write",
        ApplyMode::Write,
        "write the file without that check, and tell BIRD nothing",
    ),
];

pub(crate) fn apply(t: &mut TableReader<'_, '_>) -> ApplyMode {
    t.key("apply", Choice(&APPLY))
        .doc("How a changed file is loaded into BIRD (A9).")
        .default("confirm")
}

pub(crate) fn router(t: &mut TableReader<'_, '_>, rendering: bool) -> Option<RouterConfig> {
    let read = |t: &mut TableReader<'_, '_>| RouterConfig {
        id: t
            .key("id", ROUTER_ID)
            .doc("The router id, an IPv4 address.")
            .example("\"203.0.113.2\"")
            .required(),
        local_as: t
            .key("local_as", Asn)
            .doc("This network's AS number.")
            .example("64501")
            .required(),
    };
    let doc = "The identity of this router. Needed with `[render]`.";
    match rendering {
        true => {
            t.missing_beside("router", "render", doc);
            Some(t.section("router", TableForm::OnceAtLeast, doc, read))
        }
        false => {
            let router = t.optional("router", TableForm::Once, doc, read);
            let path = t.path().key("router");
            if router.is_some() {
                t.report(
                    Finding::warning("unused-key", "`[router]` has no effect without `[render]`")
                        .at(&path, "has no effect")
                        .note("without `[render]` your own bird.conf says what BIRD calls itself"),
                );
            }
            router
        }
    }
}

pub(crate) fn isolation(t: &mut TableReader<'_, '_>, witnesses: usize) -> IsolationConfig {
    t.section(
        "isolation",
        TableForm::Once,
        "When this site itself counts as cut off, so that its probes prove nothing (D5).",
        |t| IsolationConfig {
            min_up: t
                .key("min_up", Witnesses)
                .doc("With fewer witnesses up than this, the site is isolated. By group, such as `{ near = 1, far = 1 }`, it is cut off if enough near ones and too few far ones are up.")
                .default_by("`1`, or `0` without witnesses", MinUp::of_all(witnesses.min(1))),
            on_cut_off: t
                .key("on_cut_off", Choice(&ON_CUT_OFF))
                .doc("What a standby does while the near witnesses answer and the far ones do not: the path to the primary's site is cut.")
                .default("hold"),
        },
    )
}

pub(crate) const ON_CUT_OFF: [(&str, OnCutOff, &str); 2] = [
    (
        "hold",
        OnCutOff::Hold,
        "take nothing over: the primary may still serve a part of the Internet",
    ),
    ("takeover", OnCutOff::Takeover, "take over"),
];

pub(crate) fn api(t: &mut TableReader<'_, '_>, run_dir: &std::path::Path) -> ApiConfig {
    let default = run_dir.join("falconer.sock");
    if default.as_os_str().len() > LONGEST_SOCKET && !t.has("socket") {
        let path = crate::config::spans::KeyPath::top().key("site").key("run_dir");
        t.report(
            Finding::error(
                "out-of-range",
                format!("`{}` is too long for a Unix socket", default.display()),
            )
            .at(&path, "too long a directory")
            .help(format!(
                "the kernel takes at most {LONGEST_SOCKET} bytes; shorten it, or set `api.socket`"
            )),
        );
    }
    ApiConfig {
        socket: t
            .key("socket", SOCKET)
            .doc("The Unix socket, for reading and changing; for root and the group falconer.")
            .default_by("`falconer.sock` in `run_dir`", default),
        listen: t
            .key("listen", LISTEN)
            .doc("Read-only HTTP; empty to turn it off.")
            .default("127.0.0.1:9180"),
        allow: t
            .key("allow", list_of(PREFIX))
            .doc("Prefixes from which `listen` may be asked. This machine always may; empty: everybody.")
            .default_by("`[]`", Vec::new()),
        names: t
            .key("names", list_of(API_NAME))
            .doc("Names by which `listen` may be asked, as in a Host header, in addition to addresses and localhost.")
            .default_by("`[]`", Vec::new()),
    }
}

pub(crate) fn log(t: &mut TableReader<'_, '_>) -> LogConfig {
    LogConfig {
        level: t
            .key("level", Choice(&LEVELS))
            .doc("The lowest level that is logged.")
            .default("info"),
        format: t
            .key("format", Choice(&FORMATS))
            .doc("The format of the log.")
            .default("text"),
    }
}

pub(crate) const LEVELS: [(&str, tracing::Level, &str); 5] = [
    ("error", tracing::Level::ERROR, "needs a person"),
    ("warn", tracing::Level::WARN, "may need a person"),
    ("info", tracing::Level::INFO, "every change of state"),
    ("debug", tracing::Level::DEBUG, "the causes of changes"),
    ("trace", tracing::Level::TRACE, "every result of every probe"),
];

pub(crate) const FORMATS: [(&str, LogFormat, &str); 3] = [
    ("text", LogFormat::Text, "lines of text"),
    ("json", LogFormat::Json, "one JSON object a line"),
    ("journald", LogFormat::Journald, "fields of systemd's journal"),
];
