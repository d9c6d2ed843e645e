//! `falconer init`: a commented configuration from a few answers, given as flags.

use std::net::{IpAddr, Ipv4Addr};

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::exit::CliError;
use super::output;
use crate::config::init::{self, InitAnswers, InitTarget, InitUpstream};
use crate::config::model;
use crate::config::{self, Severity};
use crate::core::failures;

/// Writes a configuration to standard output.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The role of this site for the service
    #[arg(long)]
    role: InitRole,

    /// A prefix of the service, such as 198.51.100.0/24; several are allowed
    #[arg(
        long = "prefix",
        value_name = "PREFIX",
        required_unless_present = "primary_prefixes"
    )]
    prefixes: Vec<IpNet>,

    /// The block that the primary announces, such as 198.51.100.0/23; a standby takes it over by its halves if no --prefix is given, and they win everywhere
    #[arg(long = "primary-prefix", value_name = "PREFIX")]
    primary_prefixes: Vec<IpNet>,

    /// The BGP session that announces it: its name in BIRD; NAME=ADDRESS,AS if bird.conf is rendered
    #[arg(long = "upstream", value_name = "NAME[=ADDRESS,AS]", required = true, value_parser = upstream)]
    upstreams: Vec<InitUpstream>,

    /// Render bird.conf, with this router id and AS number; without it Falconer leaves bird.conf alone
    #[arg(long, value_name = "ID,AS", value_parser = router)]
    router: Option<(Ipv4Addr, u32)>,

    /// The site's name
    #[arg(long, default_value = "site1")]
    site: String,

    /// The service's name
    #[arg(long, default_value = "web")]
    service: String,

    /// Ping this address or name
    #[arg(long, value_name = "TARGET")]
    ping: Vec<String>,

    /// Connect to this HOST:PORT
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Vec<String>,

    /// Ask this URL
    #[arg(long, value_name = "URL")]
    http: Vec<String>,

    /// URL that tells a standby whether a living primary withdrew: the primary's /v1/services/NAME/announced
    #[arg(long, value_name = "URL")]
    announced: Option<String>,

    /// An address that answers pings as long as this site is connected; several are better
    #[arg(long = "witness", value_name = "TARGET")]
    witnesses: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InitRole {
    Standby,
    Primary,
}

impl InitArgs {
    /// Prints it, once it is known to be right.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let pings = self.ping.into_iter().map(InitTarget::Ping);
        let probes = pings
            .chain(self.tcp.into_iter().map(InitTarget::Tcp))
            .chain(self.http.into_iter().map(InitTarget::Http));
        let (prefixes, primary_prefixes) = pattern(self.role, self.prefixes, self.primary_prefixes);
        let answers = InitAnswers {
            site: self.site,
            role: match self.role {
                InitRole::Standby => model::Role::Standby,
                InitRole::Primary => model::Role::Primary,
            },
            service: self.service,
            prefixes,
            primary_prefixes,
            upstreams: self.upstreams,
            router: self.router,
            probes: probes.collect(),
            announced: self.announced,
            witnesses: self.witnesses,
        };
        let text = init::init(&answers);
        if let Err(problems) = failures::load(&text, "falconer.toml") {
            let errors: Vec<_> = problems
                .into_iter()
                .filter(|found| found.severity == Severity::Error)
                .collect();
            let shown = config::render(&errors, &text, "falconer.toml", false);
            return Err(CliError::Usage(format!(
                "these answers make no right configuration:\n{shown}"
            )));
        }
        output::print(text)
    }
}

/// What this site announces, and what the primary does where that differs (D14).
fn pattern(role: InitRole, prefixes: Vec<IpNet>, block: Vec<IpNet>) -> (Vec<IpNet>, Vec<IpNet>) {
    match role {
        _ if block.is_empty() => (prefixes, block),
        InitRole::Primary => (block, Vec::new()),
        InitRole::Standby if prefixes.is_empty() => {
            let parts: Vec<IpNet> = block.iter().flat_map(init::takeover_of).collect();
            let same = parts == block;
            (parts, if same { Vec::new() } else { block })
        }
        InitRole::Standby => (prefixes, block),
    }
}

fn upstream(text: &str) -> Result<InitUpstream, String> {
    let Some((name, neighbor)) = text.split_once('=') else {
        return Ok(InitUpstream {
            name: text.to_owned(),
            neighbor: None,
        });
    };
    let wanted = || format!("\"{neighbor}\" is not an address and an AS number, such as 203.0.113.1,64500");
    let (address, number) = neighbor.split_once(',').ok_or_else(wanted)?;
    let address: IpAddr = address.trim().parse().map_err(|_| wanted())?;
    let number: u32 = number.trim().parse().map_err(|_| wanted())?;
    Ok(InitUpstream {
        name: name.to_owned(),
        neighbor: Some((address, number)),
    })
}

fn router(text: &str) -> Result<(Ipv4Addr, u32), String> {
    let wanted = || format!("\"{text}\" is not a router id and an AS number, such as 203.0.113.2,64501");
    let (id, number) = text.split_once(',').ok_or_else(wanted)?;
    Ok((
        id.trim().parse().map_err(|_| wanted())?,
        number.trim().parse().map_err(|_| wanted())?,
    ))
}
