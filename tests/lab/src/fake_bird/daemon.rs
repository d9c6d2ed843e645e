//! What the fake holds: protocols, and who carries what out.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

/// A daemon as its file says, and as it is now.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// Such as "2.0.12". It speaks like 3.x where it starts with a 3.
    pub version: String,
    /// In the file's order.
    pub protocols: Vec<Protocol>,
    /// BFD sessions: the neighbour, and BIRD's word for its state.
    pub bfd: Vec<(IpAddr, String)>,
    /// Foreign routes that are in its tables: the prefix, the protocol, the AS path and the
    /// communities.
    pub learned: Vec<Learned>,
    /// How many routes its tables have besides those of `learned`.
    pub crowd: u64,
    /// What protocols of `learned` prefer their routes by, where that is not 100.
    pub preferences: Vec<(String, u32)>,
    /// Graceful-restart recovery holds announcements back.
    pub recovery: bool,
    /// What the last line of `show status` says.
    pub sentence: String,
    /// Seconds until an unconfirmed configuration is undone.
    pub undo_in: Option<u64>,
    /// Protocols whose enable is accepted and does nothing, as under a reconfiguration.
    pub stuck: Vec<String>,
    /// How often it was started.
    pub starts: u32,
    /// The path of its configuration file, as it says it.
    pub file: PathBuf,
    /// Where the static protocols' included state files are (A6): NAME.conf there says what the
    /// file says.
    pub state_files: Option<PathBuf>,
}

/// A route that somebody else announced.
#[derive(Clone, Debug)]
pub struct Learned {
    /// What is announced.
    pub prefix: IpNet,
    /// The session that brought it.
    pub protocol: String,
    /// From the neighbour to the origin.
    pub as_path: Vec<u32>,
    /// Whom packets go to.
    pub next_hop: IpAddr,
    /// RFC 1997: AS number and value.
    pub communities: Vec<(u16, u16)>,
    /// RFC 8092.
    pub large_communities: Vec<(u32, u32, u32)>,
}

/// A protocol.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// As `enable "NAME"` has it.
    pub name: String,
    /// Whether it is meant to run now.
    pub enabled: bool,
    /// What its file says: after a restart or a configure it is that again.
    pub enabled_in_file: bool,
    /// What the last enable or disable carried.
    pub message: Option<String>,
    /// A state that it shows instead of its own, such as "flush" while its routes are removed.
    pub shown: Option<String>,
    /// What it is and has.
    pub kind: Kind,
}

/// What it is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Routes of its own.
    Static {
        /// "ipv4" or "ipv6".
        channel: String,
        /// 200 in full, 190 in drain.
        preference: u32,
        /// What it announces while it is enabled.
        routes: Vec<IpNet>,
    },
    /// A session with a neighbour.
    Bgp(Bgp),
    /// Knows the interfaces; every BIRD has it.
    Device,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Bgp {
    /// The other end's address.
    pub neighbor: IpAddr,
    /// The other end's AS number.
    pub neighbor_as: u32,
    /// Such as "ipv4" and "ipv6".
    pub channels: Vec<String>,
    /// BIRD's word, such as "Established" or "Active".
    pub state: String,
    /// BIRD's words, such as "Socket: Connection refused"; empty where there was none.
    pub last_error: String,
    /// Whether its import filter takes anything in.
    pub takes_in: bool,
    /// Prefixes that its export filter lets through; `None`: all.
    pub exports: Option<Vec<IpNet>>,
    /// What it shows as "BGP Next hop", for each of its channels.
    pub next_hop: String,
    /// The next hop that its export filter gives every route.
    pub filter_next_hop: Option<IpAddr>,
    /// An export limit of that many routes, which is reached: nothing more goes out.
    pub limit_hit: Option<u64>,
}

impl Daemon {
    /// One of that version, with a device protocol only.
    pub fn new(version: &str) -> Self {
        let device = Protocol {
            name: "device1".into(),
            enabled: true,
            enabled_in_file: true,
            message: None,
            shown: None,
            kind: Kind::Device,
        };
        Self {
            version: version.to_owned(),
            protocols: vec![device],
            bfd: Vec::new(),
            learned: Vec::new(),
            crowd: 0,
            preferences: Vec::new(),
            recovery: false,
            sentence: "Daemon is up and running".into(),
            undo_in: None,
            stuck: Vec::new(),
            starts: 0,
            file: "/etc/bird/bird.conf".into(),
            state_files: None,
        }
    }

    /// With a static protocol that is disabled in the file; its family is its first route's.
    #[must_use]
    pub fn with_static(mut self, name: &str, routes: &[&str]) -> Self {
        let routes: Vec<IpNet> = routes
            .iter()
            .map(|route| route.parse().expect("a prefix"))
            .collect();
        let channel = channel_of(routes.first().expect("a route"));
        self.protocols.push(Protocol {
            name: name.to_owned(),
            enabled: false,
            enabled_in_file: false,
            message: None,
            shown: None,
            kind: Kind::Static {
                channel: channel.into(),
                preference: 200,
                routes,
            },
        });
        self
    }

    /// With a session that is established and lets everything through.
    #[must_use]
    pub fn with_bgp(mut self, name: &str, neighbor: &str, channels: &[&str]) -> Self {
        self.protocols.push(Protocol {
            name: name.to_owned(),
            enabled: true,
            enabled_in_file: true,
            message: None,
            shown: None,
            kind: Kind::Bgp(Bgp {
                neighbor: neighbor.parse().expect("an address"),
                neighbor_as: 64500,
                channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
                state: "Established".into(),
                last_error: String::new(),
                takes_in: false,
                exports: None,
                next_hop: "203.0.113.2".into(),
                filter_next_hop: None,
                limit_hit: None,
            }),
        });
        self
    }

    /// That protocol.
    pub fn protocol(&mut self, name: &str) -> &mut Protocol {
        self.find(name)
            .unwrap_or_else(|| panic!("the fake has no protocol {name}"))
    }

    /// That protocol, where there is one.
    pub fn find(&mut self, name: &str) -> Option<&mut Protocol> {
        self.protocols.iter_mut().find(|protocol| protocol.name == name)
    }

    /// That session.
    pub fn bgp(&mut self, name: &str) -> &mut Bgp {
        match &mut self.protocol(name).kind {
            Kind::Bgp(bgp) => bgp,
            Kind::Static { .. } | Kind::Device => panic!("{name} is no session"),
        }
    }

    /// The session goes down, or comes back.
    pub fn set_session(&mut self, name: &str, state: &str, last_error: &str) {
        let bgp = self.bgp(name);
        bgp.state = state.to_owned();
        bgp.last_error = last_error.to_owned();
    }

    /// `birdc configure` of the unchanged file: every protocol is as the file says, and what it
    /// includes.
    pub fn reconfigure(&mut self) {
        for protocol in &mut self.protocols {
            let file = self
                .state_files
                .as_ref()
                .map(|folder| folder.join(format!("{}.conf", protocol.name)));
            // A missing file is harmless: the bracket in the include's path sees to that.
            let said = file
                .and_then(|file| std::fs::read_to_string(file).ok())
                .unwrap_or_default();
            protocol.enabled = if said.contains("disabled no;") {
                true
            } else {
                protocol.enabled_in_file && !said.contains("disabled;")
            };
            protocol.message = None;
        }
    }

    /// Like [`Daemon::reconfigure`], and the daemon is a new one.
    pub fn restart(&mut self) {
        self.reconfigure();
        self.undo_in = None;
        self.starts += 1;
    }

    /// Whether it speaks like BIRD 3.
    pub fn is_three(&self) -> bool {
        self.version.starts_with('3')
    }
}

impl Protocol {
    /// Its state, in BIRD's word.
    pub fn state(&self) -> &str {
        match &self.kind {
            _ if self.shown.is_some() => self.shown.as_deref().unwrap_or_default(),
            _ if !self.enabled => "down",
            Kind::Bgp(bgp) if bgp.state != "Established" => "start",
            Kind::Bgp(_) | Kind::Static { .. } | Kind::Device => "up",
        }
    }
}

impl Bgp {
    /// Whether its export filter lets that through.
    pub fn lets_out(&self, prefix: &IpNet) -> bool {
        self.exports
            .as_ref()
            .is_none_or(|exports| exports.contains(prefix))
    }
}

/// The channel that carries a prefix.
pub fn channel_of(prefix: &IpNet) -> &'static str {
    match prefix {
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    }
}
