//! Writes a first falconer.toml from a few answers: complete, commented, and accepted by
//! [`crate::config::load::load`] if the answers are right. A key without an answer is written as a
//! comment with its default, which comes from the calls that read the key.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::key_docs::{ConfigSchema, KeyDoc, KeyPresence};
use super::model::Role;
use super::tables::{LONGEST_V4, LONGEST_V6};
use super::value::quoted;

/// What a first configuration is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitAnswers {
    /// The site's name.
    pub site: String,
    /// What the site is for the service.
    pub role: Role,
    /// The service's name.
    pub service: String,
    /// The service's prefixes.
    pub prefixes: Vec<IpNet>,
    /// What the primary announces, where a standby announces something else (D14); empty: the same.
    pub primary_prefixes: Vec<IpNet>,
    /// Who carries them out.
    pub upstreams: Vec<InitUpstream>,
    /// What BIRD calls itself; with it bird.conf is rendered, without it it stays the user's own.
    pub router: Option<(Ipv4Addr, u32)>,
    /// What is asked whether the target lives.
    pub probes: Vec<InitTarget>,
    /// Where a standby sees whether a living primary withdrew: the primary's
    /// `/v1/services/NAME/announced`.
    pub announced: Option<String>,
    /// What must answer as long as this site is connected: addresses or names to ping.
    pub witnesses: Vec<String>,
}

/// An upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitUpstream {
    /// The BGP protocol's name in BIRD.
    pub name: String,
    /// The neighbour's address and AS number, needed where bird.conf is rendered.
    pub neighbor: Option<(IpAddr, u32)>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitTarget {
    /// An ICMP echo of an address or a name.
    Ping(String),
    /// A TCP connection to `host:port`.
    Tcp(String),
    /// An HTTP or HTTPS URL.
    Http(String),
}

/// What a takeover announces where the primary announces this block (D14): its halves, which win everywhere
/// at once; the block itself where most networks would drop those.
pub fn takeover_of(block: &IpNet) -> Vec<IpNet> {
    let longest = match block {
        IpNet::V4(_) => LONGEST_V4,
        IpNet::V6(_) => LONGEST_V6,
    };
    match block.subnets(block.prefix_len().saturating_add(1)) {
        Ok(halves) if block.prefix_len() < longest => halves.collect(),
        Ok(_) | Err(_) => vec![*block],
    }
}

/// Writes a configuration.
pub fn init(answers: &InitAnswers) -> String {
    let mut moot = Vec::new();
    if answers.role == Role::Primary {
        moot.extend(super::checks::STANDBY_KEYS);
    }
    if answers.router.is_some() {
        moot.extend(["protocols", "drain_protocols", "standing_protocols"]);
    }
    let mut text = InitText {
        text: HEAD.to_owned(),
        book: crate::config::load::book(),
        moot,
    };
    text.table("[site]", "site", &[("name", quoted(&answers.site))], true);
    text.table("[bird]", "bird", &[], true);
    render(answers, &mut text);
    for upstream in &answers.upstreams {
        let first = answers.upstreams.first() == Some(upstream);
        let mut keys = vec![("name", quoted(&upstream.name))];
        if let Some((neighbor, neighbor_as)) = upstream.neighbor.filter(|_| answers.router.is_some()) {
            keys.push(("neighbor", quoted(&neighbor.to_string())));
            keys.push(("neighbor_as", neighbor_as.to_string()));
        }
        text.table(
            "[[upstream]]",
            "upstream",
            &keys,
            first && answers.router.is_some(),
        );
    }
    service(answers, &mut text);
    for (number, witness) in answers.witnesses.iter().enumerate() {
        let name = quoted(&format!("witness{}", number + 1));
        let keys = [
            ("name", name),
            ("type", quoted("icmp")),
            ("target", quoted(witness)),
        ];
        text.table("[[witness]]", "service.probe", &keys, false);
    }
    text.table("[isolation]", "isolation", &[], true);
    text.table("[api]", "api", &[], true);
    text.table("[log]", "log", &[], true);
    text.text
}

const HEAD: &str = "\
# Configuration of Falconer. `falconer check` reads it, says everything that is wrong with it, and
# changes nothing. `#key = value` is what holds without it.
";

fn render(answers: &InitAnswers, text: &mut InitText) {
    let Some((id, local_as)) = answers.router else {
        return;
    };
    let template = match answers.role {
        Role::Standby => "standby.conf",
        Role::Primary => "primary.conf",
    };
    text.table("[render]", "render", &[("template", quoted(template))], true);
    let keys = [
        ("id", quoted(&id.to_string())),
        ("local_as", local_as.to_string()),
    ];
    text.table("[router]", "router", &keys, false);
}

fn service(answers: &InitAnswers, text: &mut InitText) {
    let role = match answers.role {
        Role::Standby => "standby",
        Role::Primary => "primary",
    };
    let mut keys = vec![
        ("name", quoted(&answers.service)),
        ("role", quoted(role)),
        ("prefixes", list(&answers.prefixes)),
    ];
    if !answers.primary_prefixes.is_empty() {
        keys.push(("primary_prefixes", list(&answers.primary_prefixes)));
        // Beside a bird.conf of the user's own there may be no protocols to drain through.
        if answers.router.is_some() {
            keys.push(("failback_drain", quoted("30s")));
        }
    }
    text.table("[[service]]", "service", &keys, true);
    offer(answers, text);
    for (number, target) in answers.probes.iter().enumerate() {
        let (kind, key, target) = match target {
            InitTarget::Ping(host) => ("icmp", "target", host),
            InitTarget::Tcp(host) => ("tcp", "target", host),
            InitTarget::Http(url) => ("http", "url", url),
        };
        let name = quoted(&format!("{kind}{}", number + 1));
        let keys = [("name", name), ("type", quoted(kind)), (key, quoted(target))];
        text.table("[[service.probe]]", "service.probe", &keys, number == 0);
    }
    if let Some(url) = &answers.announced {
        let keys = [
            ("name", quoted("announced")),
            ("type", quoted("http")),
            ("url", quoted(url)),
            ("on_no_answer", quoted("error")),
            ("error_status", ANNOUNCED_ERRORS.to_owned()),
            ("votes", quoted("up")),
            ("decides", quoted("down")),
        ];
        text.table("[[service.probe]]", "service.probe", &keys, false);
    }
}

/// A block that has halves is better taken over by them, if the primary announces the whole.
fn offer(answers: &InitAnswers, text: &mut InitText) {
    let parts: Vec<IpNet> = answers.prefixes.iter().flat_map(takeover_of).collect();
    let fits = answers.role == Role::Standby && answers.primary_prefixes.is_empty();
    if fits && parts != answers.prefixes {
        text.text.push_str(&format!(
            "# If the primary announces the whole of it, its halves win everywhere at once, even over a route that\n\
             # the primary's ISP still keeps (D14):\n\
             # prefixes = {}\n# primary_prefixes = {}\n",
            list(&parts),
            list(&answers.prefixes)
        ));
    }
}

fn list(prefixes: &[IpNet]) -> String {
    let prefixes: Vec<String> = prefixes
        .iter()
        .map(|prefix| quoted(&prefix.to_string()))
        .collect();
    format!("[{}]", prefixes.join(", "))
}

/// Of `/announced` only 200 and 503 say something (D17).
pub(crate) const ANNOUNCED_ERRORS: &str = r#"["300-502", "504-599"]"#;

/// The text while it is written.
struct InitText {
    text: String,
    book: ConfigSchema,
    /// Keys that mean nothing for this site.
    moot: Vec<&'static str>,
}

impl InitText {
    /// A table with its keys; and, where they are wanted, the other keys that it may have.
    fn table(&mut self, header: &str, path: &str, keys: &[(&str, String)], others: bool) {
        let Some(section) = self.book.section(path) else {
            return;
        };
        self.text.push('\n');
        if others && !section.doc.is_empty() {
            self.text.push_str(&format!("# {}\n", section.doc));
        }
        self.text.push_str(&format!("{header}\n"));
        for (key, value) in keys {
            self.text.push_str(&format!("{key} = {value}\n"));
        }
        if others {
            let given = |key: &&KeyDoc| keys.iter().any(|(name, _)| *name == key.name);
            let useful = |key: &&KeyDoc| key.only.is_none() && !self.moot.contains(&key.name);
            let common = section.keys.iter().filter(|key| useful(key) && !given(key));
            let lines: Vec<String> = common.map(as_comment).collect();
            self.text.push_str(&lines.concat());
        }
    }
}

/// The longest line of a key with its meaning beside it; a longer meaning stands above.
const WIDTH: usize = 100;

/// A key that is not given, with what holds without it.
fn as_comment(key: &KeyDoc) -> String {
    let (value, meaning) = match &key.need {
        KeyPresence::Default(words) => {
            match words.strip_prefix('`').and_then(|words| words.strip_suffix('`')) {
                Some(toml) if !toml.contains('`') => (toml, key.doc.to_owned()),
                Some(_) | None => ("...", format!("{} Default: {}.", key.doc, words.replace('`', ""))),
            }
        }
        KeyPresence::Required | KeyPresence::RequiredWhere(_) | KeyPresence::Optional => {
            ("...", key.doc.to_owned())
        }
    };
    let line = format!("#{} = {value}", key.name);
    match line.len() + meaning.len() + 4 <= WIDTH {
        true => format!("{line}  # {meaning}\n"),
        false => format!("# {meaning}\n{line}\n"),
    }
}

#[cfg(test)]
mod tests;
