//! Tells what is seen while it happens: UPDATEs at the upstream, its table, Falconer's mind, the client's
//! luck. A line for each change, with the time since the act began.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use anstream::println;
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use falconer::model::snapshot::Strength;

use falconer_lab::capture::Mark;
use falconer_lab::client::Client;
use falconer_lab::{Falconer, Host, Lab, PREFIX4, wait};

/// Everybody who sees something.
pub(crate) struct Story<'a> {
    lab: &'a Lab,
    falconer: &'a Falconer,
    client: &'a Client,
    begin: SystemTime,
    mark: Mark,
    /// The last word about each thing, so that only changes are told.
    last: HashMap<String, String>,
    sites: Vec<Host>,
}

/// A line to be told.
type Line = (SystemTime, &'static str, String);

impl<'a> Story<'a> {
    /// Looks once around, without a word.
    pub(crate) fn new(lab: &'a Lab, falconer: &'a Falconer, client: &'a Client) -> Result<Self> {
        let mark = lab.capture.mark()?;
        let (last, sites) = (HashMap::new(), Vec::new());
        let mut story = Self {
            lab,
            falconer,
            client,
            begin: wait::now(),
            mark,
            last,
            sites,
        };
        story.look()?;
        Ok(story)
    }

    /// A heading.
    pub(crate) fn act(&self, title: &str) {
        println!("\n{}", bold(title));
    }

    /// Times are told from here on.
    pub(crate) fn begin(&mut self, at: SystemTime) {
        self.begin = at;
    }

    /// The sites in the upstream's table, the preferred one first.
    pub(crate) fn sites(&self) -> &[Host] {
        &self.sites
    }

    /// Whether the last fetches since then were answered by this site.
    pub(crate) fn served_by(&self, site: &str, since: SystemTime) -> bool {
        let fetches = self.client.fetches();
        fetches
            .last()
            .is_some_and(|fetch| fetch.at > since && fetch.answer.as_deref() == Ok(site))
    }

    /// Tells every change until the end of the act.
    pub(crate) fn tell_until(
        &mut self,
        what: &str,
        deadline: Duration,
        end: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        wait::until_true(what, deadline, || {
            let mut lines = self.look()?;
            lines.sort();
            for (at, who, text) in lines {
                println!("  {:>9}  {who:<9} {text}", seconds(wait::between(self.begin, at)));
            }
            Ok(end(self))
        })
    }

    /// What changed since the last look.
    fn look(&mut self) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        self.table(&mut lines)?;
        self.mind(&mut lines);
        if let Some(fetch) = self.client.fetches().last() {
            let text = match &fetch.answer {
                Ok(site) => format!("served by {site}"),
                Err(_) => bad("not served"),
            };
            self.note(&mut lines, fetch.at, "client", text);
        }
        // Last, so that what was seen of an UPDATE is never told before it.
        lines.extend(self.updates()?);
        Ok(lines)
    }

    fn updates(&mut self) -> Result<Vec<Line>> {
        let updates = self.lab.capture.updates(Host::Hk, self.mark)?;
        self.mark = self.lab.capture.mark()?;
        let told = updates.into_iter().map(|seen| {
            let prefixes = |list: &[ipnet::IpNet]| {
                list.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let text = if seen.update.announced.is_empty() {
                format!("hk withdraws {}", prefixes(&seen.update.withdrawn))
            } else {
                let path: Vec<_> = seen.update.as_path.iter().map(ToString::to_string).collect();
                format!(
                    "hk announces {}, AS path {}",
                    prefixes(&seen.update.announced),
                    path.join(" ")
                )
            };
            (seen.at, "UPDATE", good(&text))
        });
        Ok(told.collect())
    }

    fn table(&mut self, lines: &mut Vec<Line>) -> Result<()> {
        self.sites = self.lab.upstream.sites(PREFIX4)?;
        let text = match self.sites.as_slice() {
            [] => format!("no route to {PREFIX4}"),
            [best] => format!("{PREFIX4} from {best}"),
            [best, ..] => format!("{PREFIX4} from cn and hk, {best} preferred"),
        };
        self.note(lines, wait::now(), "upstream", text);
        Ok(())
    }

    fn mind(&mut self, lines: &mut Vec<Line>) {
        let Ok(service) = self.falconer.service() else {
            return;
        };
        for probe in &service.probes {
            let state = format!("{:?}", probe.state).to_lowercase();
            let detail = probe
                .last
                .as_ref()
                .map(|last| last.detail.clone())
                .unwrap_or_default();
            let at = probe
                .last
                .as_ref()
                .map_or_else(wait::now, |last| SystemTime::from(last.at));
            let key = format!("probe {}", probe.name);
            if self
                .last
                .insert(key, state.clone())
                .is_some_and(|before| before != state)
            {
                lines.push((
                    at,
                    "falconer",
                    format!("probe {} is {state} ({detail})", probe.name),
                ));
            }
        }
        let verdict = format!("{:?}", service.verdict).to_lowercase();
        let at = service.since.map_or_else(wait::now, SystemTime::from);
        let want = match service.want {
            Some(Strength::Full) => "announce",
            Some(Strength::Drain) => "drain",
            Some(Strength::Off) => "silence",
            None => "not settled",
        };
        let key = "want".to_owned();
        if self
            .last
            .insert(key, want.to_owned())
            .is_some_and(|before| before != want)
        {
            let text = format!("verdict {verdict}, wants: {want} ({})", service.rule);
            lines.push((at, "falconer", bold(&text)));
        }
    }

    fn note(&mut self, lines: &mut Vec<Line>, at: SystemTime, who: &'static str, text: String) {
        if self.last.insert(who.to_owned(), text.clone()).as_ref() != Some(&text) {
            lines.push((at, who, text));
        }
    }
}

/// As people read it.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// A heading.
pub(crate) fn bold(text: &str) -> String {
    styled(Style::new().bold(), text)
}

/// In the background.
pub(crate) fn dim(text: &str) -> String {
    styled(Style::new().dimmed(), text)
}

/// As it should be.
pub(crate) fn good(text: &str) -> String {
    styled(AnsiColor::Green.on_default(), text)
}

/// As it should not be.
pub(crate) fn bad(text: &str) -> String {
    styled(AnsiColor::Red.on_default().bold(), text)
}

/// anstream takes the colours away where no terminal reads them.
fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
