//! What the fake says: byte for byte what BIRD says to the same question, where BIRD was recorded
//! saying it (tests/fixtures/bird).

use std::fmt::Write as _;

use ipnet::IpNet;

use super::daemon::{Bgp, Daemon, Kind, Learned, Protocol, channel_of};

/// The fake's clock stands still.
const THEN: &str = "2026-11-22 20:40:40.060";

/// Something that BIRD answers with a code.
type Answer = Result<Vec<(u16, String)>, (u16, String)>;

/// What greets a connection.
pub(crate) fn greeting(daemon: &Daemon) -> String {
    format!("0001 BIRD {} ready.\n", daemon.version)
}

/// Carries a command out and says what BIRD says.
pub(crate) fn answer(daemon: &mut Daemon, line: &str, restricted: &mut bool) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["enable" | "disable" | "configure", ..] if *restricted => denied(),
        ["enable", name, ..] => framed(switch(daemon, unquoted(name), true, reason(line))),
        ["disable", name, ..] => framed(switch(daemon, unquoted(name), false, reason(line))),
        ["configure", ref rest @ ..] => configure(daemon, rest),
        ["show", "status"] => status(daemon),
        ["show", "protocols"] => framed(Ok(protocols(daemon))),
        ["show", "protocols", "all", name] => framed(protocol(daemon, unquoted(name))),
        ["show", "static", name] => framed(static_routes(daemon, unquoted(name))),
        ["show", "bfd", "sessions"] => framed(bfd(daemon)),
        ["show", "route", prefix, "exported", upstream] => {
            framed(exported(daemon, prefix, unquoted(upstream)))
        }
        ["show", "route", prefix, "export", upstream, "all"] => {
            framed(export_view(daemon, prefix, unquoted(upstream)))
        }
        ["show", "route", "table", table, "count"] => framed(count(daemon, table)),
        [
            "show",
            "route",
            "table",
            table,
            "where",
            "source",
            "=",
            "RTS_BGP",
            ref rest @ ..,
        ] => framed(around(daemon, table, rest)),
        ["show", "route", prefix, "table", _, "all"] => framed(routes(daemon, prefix, None)),
        ["show", "route", prefix, "table", "all"] => framed(routes(daemon, prefix, None)),
        ["show", "route", prefix, "protocol", name, "all"] => {
            framed(routes(daemon, prefix, Some(unquoted(name))))
        }
        ["show", "route", prefix, "all"] => framed(routes(daemon, prefix, None)),
        ["restrict"] => {
            *restricted = true;
            "0016 Access restricted\n".into()
        }
        _ => "9001 syntax error, unexpected CF_SYM_UNDEFINED\n".into(),
    }
}

fn denied() -> String {
    "8007 Access denied\n".into()
}

/// Lines with a code, then `0000 `; a code is said once for the lines that share it.
fn framed(answer: Answer) -> String {
    let lines = match answer {
        Ok(lines) => lines,
        Err((code, text)) => return format!("{code:04} {text}\n"),
    };
    let mut out = String::new();
    let mut before = None;
    for (code, text) in lines {
        let lead = if before == Some(code) {
            " ".to_owned()
        } else {
            format!("{code:04}-")
        };
        writeln!(out, "{lead}{text}").expect("a string");
        before = Some(code);
    }
    out + "0000 \n"
}

fn unquoted(name: &str) -> &str {
    name.trim_matches(['"', '\''])
}

/// What stands in the second pair of quotes.
fn reason(line: &str) -> Option<String> {
    line.split('"').nth(3).map(str::to_owned)
}

fn undefined() -> (u16, String) {
    (
        9001,
        "syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN".into(),
    )
}

fn switch(daemon: &mut Daemon, name: &str, on: bool, message: Option<String>) -> Answer {
    let stuck = daemon.stuck.iter().any(|stuck| stuck == name);
    let Some(protocol) = daemon.find(name) else {
        return Err((8003, "No protocols match".into()));
    };
    let (code, words) = match (protocol.enabled, on) {
        (false, false) => (8, "already disabled"),
        (true, false) => (9, "disabled"),
        (true, true) => (10, "already enabled"),
        (false, true) if stuck => (10, "already enabled"),
        (false, true) => (11, "enabled"),
    };
    if protocol.enabled != on && !stuck {
        protocol.enabled = on;
        protocol.message = message;
    }
    Ok(vec![(code, format!("{name}: {words}"))])
}

fn configure(daemon: &mut Daemon, words: &[&str]) -> String {
    let reading = format!("0002-Reading configuration from {}\n", daemon.file.display());
    match words {
        ["check", ..] => format!("{reading}0020 Configuration OK\n"),
        ["status"] => {
            let timer = daemon.undo_in.map_or_else(String::new, |seconds| {
                format!("0022-Configuration unconfirmed, undo in {seconds}.000 s\n")
            });
            format!("0003-Daemon is up and running\n{timer}0000 \n")
        }
        ["confirm"] => match daemon.undo_in.take() {
            Some(_) => "0018 Reconfiguration confirmed\n".into(),
            None => "0019 Nothing to do\n".into(),
        },
        ["undo"] => {
            daemon.undo_in = None;
            daemon.reconfigure();
            "0021-Undo requested\n0003 Reconfigured\n".into()
        }
        [] => {
            daemon.reconfigure();
            format!("{reading}{}\n", done(daemon))
        }
        ["timeout", seconds] => {
            daemon.undo_in = seconds.parse().ok();
            daemon.reconfigure();
            let done = done(daemon);
            format!("{reading}0022-Undo scheduled in {seconds} s\n{done}\n")
        }
        _ => "9001 the fake is never told to configure\n".into(),
    }
}

fn done(daemon: &Daemon) -> &'static str {
    if daemon.is_three() {
        "0004 Reconfiguration in progress"
    } else {
        "0003 Reconfigured"
    }
}

fn status(daemon: &Daemon) -> String {
    let recovery = "0024-Graceful restart recovery in progress\n   Waiting for 1 channels to recover\n   Wait timer is 237.981/240\n";
    format!(
        "1000-BIRD {}\n1011-Router ID is 203.0.113.2\n Hostname is fake\n Current server time is {THEN}\n \
         Last reboot on 2026-11-22 20:40:{:02}\n Last reconfiguration on {THEN}\n{}0013 {}\n",
        daemon.version,
        daemon.starts,
        if daemon.recovery { recovery } else { "" },
        daemon.sentence,
    )
}

fn protocols(daemon: &Daemon) -> Vec<(u16, String)> {
    let (helpers, others): (Vec<_>, Vec<_>) = daemon
        .protocols
        .iter()
        .partition(|protocol| matches!(protocol.kind, Kind::Device));
    // BIRD 3 has them last.
    let ordered: Vec<_> = if daemon.is_three() {
        others.into_iter().chain(helpers).collect()
    } else {
        helpers.into_iter().chain(others).collect()
    };
    let mut lines = vec![heading()];
    lines.extend(ordered.into_iter().map(|protocol| (1002, row(protocol))));
    lines
}

fn heading() -> (u16, String) {
    (
        2002,
        "Name       Proto      Table      State  Since         Info".into(),
    )
}

fn row(protocol: &Protocol) -> String {
    let (proto, table, info) = match &protocol.kind {
        Kind::Static { channel, .. } => ("Static", table_of(channel), String::new()),
        Kind::Bgp(bgp) if protocol.enabled => ("BGP", "---", format!("{:<14}{}", bgp.state, bgp.last_error)),
        Kind::Bgp(_) => ("BGP", "---", String::new()),
        Kind::Device => ("Device", "---", String::new()),
    };
    format!(
        "{:<10} {proto:<10} {table:<10} {:<6} {THEN:<12}  {info}",
        protocol.name,
        protocol.state()
    )
}

fn table_of(channel: &str) -> &'static str {
    if channel == "ipv6" { "master6" } else { "master4" }
}

fn protocol(daemon: &mut Daemon, name: &str) -> Answer {
    let three = daemon.is_three();
    let Some(protocol) = daemon.find(name) else {
        return Err((8003, "No protocols match".into()));
    };
    let mut details = Vec::new();
    let pad = if three { 20 } else { 16 };
    if let Some(message) = &protocol.message {
        details.push(format!("  {:<pad$}{message}", "Message:"));
    }
    if three {
        details.push(format!("  {:<pad$}{THEN}", "Created:"));
    }
    let up = protocol.state() == "up";
    match &protocol.kind {
        Kind::Static {
            channel: name,
            preference,
            routes,
        } => {
            let counts = format!("{0} imported, 0 exported, {0} preferred", routes.len());
            details.extend(channel(
                name,
                *preference,
                ("ACCEPT", "REJECT"),
                up.then_some(&counts),
                three,
            ));
        }
        Kind::Bgp(bgp) => details.extend(session(bgp, up, three)),
        Kind::Device => {}
    }
    details.push(String::new());
    let mut lines = vec![heading(), (1002, row(protocol))];
    lines.extend(details.into_iter().map(|line| (1006, line)));
    Ok(lines)
}

fn session(bgp: &Bgp, up: bool, three: bool) -> Vec<String> {
    let mut lines = vec![
        format!("  BGP state:          {}", bgp.state),
        format!("    Neighbor address: {}", bgp.neighbor),
        format!("    Neighbor AS:      {}", bgp.neighbor_as),
        "    Local AS:         64501".to_owned(),
    ];
    if !bgp.last_error.is_empty() {
        lines.push(format!("    Last error:       {}", bgp.last_error));
    }
    for name in &bgp.channels {
        let counts = "0 imported, 0 exported, 0 preferred".to_owned();
        let taken_in = if bgp.takes_in { "(unnamed)" } else { "REJECT" };
        lines.extend(channel(
            name,
            100,
            (taken_in, "to_isp"),
            up.then_some(&counts),
            three,
        ));
        if let Some(limit) = bgp.limit_hit {
            let at = lines.len() - usize::from(up);
            lines.insert(at, format!("    Export limit:   {limit} [HIT]"));
            lines.insert(at + 1, "      Action:       block".to_owned());
        }
        if up {
            lines.push(format!("    BGP Next hop:   {}", bgp.next_hop));
        }
    }
    lines
}

fn channel(
    name: &str,
    preference: u32,
    filters: (&str, &str),
    counts: Option<&String>,
    three: bool,
) -> Vec<String> {
    let state = if counts.is_some() { "UP" } else { "DOWN" };
    let mut lines = vec![
        format!("  Channel {name}"),
        format!("    State:          {state}"),
    ];
    if three {
        lines.push(format!("    Import state:   {state}"));
        lines.push(format!(
            "    Export state:   {}",
            if counts.is_some() { "READY" } else { "DOWN" }
        ));
    }
    lines.push(format!("    Table:          {}", table_of(name)));
    lines.push(format!("    Preference:     {preference}"));
    lines.push(format!("    Input filter:   {}", filters.0));
    lines.push(format!("    Output filter:  {}", filters.1));
    lines.extend(counts.map(|counts| format!("    Routes:         {counts}")));
    lines
}

fn static_routes(daemon: &mut Daemon, name: &str) -> Answer {
    match daemon.find(name).map(|protocol| &protocol.kind) {
        None => Err(undefined()),
        Some(Kind::Static { routes, .. }) => Ok(routes
            .iter()
            .map(|route| (1009, format!("{route}\tblackhole")))
            .collect()),
        Some(Kind::Bgp(_) | Kind::Device) => Err((9001, format!("{name}: Not a Static protocol"))),
    }
}

fn bfd(daemon: &Daemon) -> Answer {
    if daemon.bfd.is_empty() {
        return Err((9001, "There is no BFD protocol running".into()));
    }
    let mut lines = vec![
        "bfd1:".to_owned(),
        "IP address                Interface  State      Since         Interval  Timeout".to_owned(),
    ];
    lines.extend(daemon.bfd.iter().map(|(address, state)| {
        format!(
            "{:<25} {:<10} {state:<10} {THEN:<12}  {:>8} {:>8}",
            address.to_string(),
            "wan0",
            "0.300",
            "0.900"
        )
    }));
    Ok(lines.into_iter().map(|line| (1020, line)).collect())
}

fn exported(daemon: &mut Daemon, prefix: &str, upstream: &str) -> Answer {
    let three = daemon.is_three();
    let prefix: IpNet = prefix.parse().map_err(|_| undefined())?;
    let Some(protocol) = daemon.find(upstream) else {
        return Err(undefined());
    };
    let up = protocol.state() == "up";
    let Kind::Bgp(bgp) = &protocol.kind else {
        return Err((9001, "No valid tables".into()));
    };
    let (carries, lets_out) = (
        bgp.channels.iter().any(|channel| channel == channel_of(&prefix)),
        bgp.lets_out(&prefix) && bgp.limit_hit.is_none(),
    );
    if !up && three {
        let words = "Requested 'show route export' to protocols which aren't accepting exports at all.";
        return Err((9001, words.into()));
    }
    if !up || !carries {
        return Err((9001, "No valid tables".into()));
    }
    // The best of the table is what is sent.
    let best = candidates(daemon, &prefix)
        .into_iter()
        .next()
        .filter(|_| lets_out);
    let Some(best) = best else {
        return Err((8001, "Network not found".into()));
    };
    Ok(vec![
        (1007, table(&prefix)),
        (
            1007,
            format!(
                "{:<20} {} * ({})",
                prefix.to_string(),
                best.source,
                best.preference
            ),
        ),
    ])
}

/// What the session's filter makes of the best route now.
fn export_view(daemon: &mut Daemon, prefix: &str, upstream: &str) -> Answer {
    let limit = daemon.bgp(upstream).limit_hit.take();
    let answer = exported(daemon, prefix, upstream);
    let three = daemon.is_three();
    let bgp = daemon.bgp(upstream);
    bgp.limit_hit = limit;
    let label = if three { "bgp_next_hop" } else { "BGP.next_hop" };
    let given = bgp
        .filter_next_hop
        .map(|given| (1012, format!("\t{label}: {given}")));
    answer.map(|lines| lines.into_iter().chain(given).collect())
}

/// A route as a row needs it.
struct Candidate {
    source: String,
    preference: u32,
    learned: Option<Learned>,
}

/// All routes of that prefix, best first.
fn candidates(daemon: &Daemon, prefix: &IpNet) -> Vec<Candidate> {
    let mut all = Vec::new();
    for protocol in daemon.protocols.iter().filter(|protocol| protocol.enabled) {
        if let Kind::Static {
            routes, preference, ..
        } = &protocol.kind
            && routes.contains(prefix)
        {
            let source = format!("blackhole [{} {THEN}]", protocol.name);
            all.push(Candidate {
                source,
                preference: *preference,
                learned: None,
            });
        }
    }
    for learned in daemon.learned.iter().filter(|learned| learned.prefix == *prefix) {
        let source = format!("unicast [{} {THEN}]", learned.protocol);
        all.push(Candidate {
            source,
            preference: daemon
                .preferences
                .iter()
                .find(|(name, _)| *name == learned.protocol)
                .map_or(100, |(_, preference)| *preference),
            learned: Some(learned.clone()),
        });
    }
    all.sort_by_key(|candidate| std::cmp::Reverse(candidate.preference));
    all
}

fn table(prefix: &IpNet) -> String {
    format!("Table {}:", table_of(channel_of(prefix)))
}

fn routes(daemon: &mut Daemon, prefix: &str, protocol: Option<&str>) -> Answer {
    let prefix: IpNet = prefix.parse().map_err(|_| undefined())?;
    if let Some(name) = protocol
        && daemon.find(name).is_none()
    {
        return Err(undefined());
    }
    let mut lines = Vec::new();
    for (at, candidate) in candidates(daemon, &prefix).into_iter().enumerate() {
        let ours = |name: &str| candidate.source.contains(&format!("[{name} "));
        if protocol.is_none_or(ours) {
            lines.extend(candidate_lines(daemon, &prefix, &candidate, at == 0));
        }
    }
    if lines.is_empty() && protocol.is_none() {
        return Err((8001, "Network not found".into()));
    }
    if !lines.is_empty() {
        lines.insert(0, (1007, table(&prefix)));
    }
    Ok(lines)
}

fn count(daemon: &mut Daemon, table: &str) -> Answer {
    let learned = daemon.learned.len() as u64 + daemon.crowd;
    Ok(vec![(
        1007,
        format!("{learned} of {learned} routes for {learned} networks in table {table}"),
    )])
}

/// What neighbours told of prefixes, around and inside them: `&& net ~ [ PREFIX{1,32}, ... ] all`.
fn around(daemon: &mut Daemon, table: &str, words: &[&str]) -> Answer {
    let prefixes: Vec<IpNet> = words
        .iter()
        .filter_map(|word| word.split_once('{')?.0.parse().ok())
        .collect();
    let related = |learned: &&Learned| {
        let is_around = |net: &IpNet| net.contains(&learned.prefix) || learned.prefix.contains(net);
        learned.prefix.prefix_len() > 0 && prefixes.iter().any(is_around)
    };
    let found: Vec<Learned> = daemon.learned.iter().filter(related).cloned().collect();
    let mut lines = vec![(1007, format!("Table {table}:"))];
    for learned in found {
        let candidate = Candidate {
            source: format!("unicast [{} {THEN}]", learned.protocol),
            preference: 100,
            learned: Some(learned.clone()),
        };
        lines.extend(candidate_lines(daemon, &learned.prefix, &candidate, false));
    }
    Ok(lines)
}

fn candidate_lines(daemon: &Daemon, prefix: &IpNet, candidate: &Candidate, best: bool) -> Vec<(u16, String)> {
    let star = if best { " *" } else { "" };
    let origin = candidate
        .learned
        .as_ref()
        .and_then(|learned| learned.as_path.last());
    let origin = origin.map_or_else(String::new, |origin| format!(" [AS{origin}i]"));
    let row = format!(
        "{:<20} {}{star} ({}){origin}",
        prefix.to_string(),
        candidate.source,
        candidate.preference
    );
    let mut lines = vec![(1007, row)];
    let Some(learned) = &candidate.learned else {
        return lines;
    };
    lines.push((1007, format!("\tvia {} on wan0", learned.next_hop)));
    let join = |values: Vec<String>| values.join(" ");
    let path = join(learned.as_path.iter().map(u32::to_string).collect());
    let communities = join(
        learned
            .communities
            .iter()
            .map(|(a, b)| format!("({a},{b})"))
            .collect(),
    );
    let large = join(
        learned
            .large_communities
            .iter()
            .map(|(a, b, c)| format!("({a}, {b}, {c})"))
            .collect(),
    );
    let names = if daemon.is_three() {
        ["bgp_path", "bgp_next_hop", "bgp_community", "bgp_large_community"]
    } else {
        [
            "BGP.as_path",
            "BGP.next_hop",
            "BGP.community",
            "BGP.large_community",
        ]
    };
    for (name, value) in names
        .into_iter()
        .zip([path, learned.next_hop.to_string(), communities, large])
    {
        if !value.is_empty() {
            lines.push((1012, format!("\t{name}: {value}")));
        }
    }
    lines
}
