//! Three network namespaces in a row: here, a router, and the site that is probed.
//!
//! ```text
//! here 192.0.2.2 ---- 192.0.2.1 router 198.51.100.1 ---- 198.51.100.2 site
//!      2001:db8:1::2        ::1        2001:db8:2::1            ::2
//! ```

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

use std::future::Future;
use std::time::Duration;

use crate::netns::Netns;

/// The site's address.
pub const SITE: &str = "198.51.100.2";
/// The same in IPv6.
pub const SITE6: &str = "2001:db8:2::2";
/// Nobody has it, on our own link.
pub const DEAD_ON_LINK: &str = "192.0.2.99";
/// The same in IPv6.
pub const DEAD_ON_LINK6: &str = "2001:db8:1::99";
/// Nobody has it, on the site's link, as the router says.
pub const DEAD_AT_SITE: &str = "198.51.100.99";
/// The router answers: unreachable.
pub const ROUTER_UNREACHABLE: &str = "203.0.113.1";
/// The router answers: prohibited.
pub const ROUTER_PROHIBIT: &str = "203.0.113.2";
/// The router drops what goes there without a word.
pub const ROUTER_BLACKHOLE: &str = "203.0.113.3";
/// The same in IPv6.
pub const ROUTER_UNREACHABLE6: &str = "2001:db8:3::1";
/// Our own route to it is of the type unreachable.
pub const OWN_UNREACHABLE: &str = "203.0.113.17";
/// Our own route to it is of the type prohibit.
pub const OWN_PROHIBIT: &str = "203.0.113.18";
/// Our own route to it is of the type blackhole.
pub const OWN_BLACKHOLE: &str = "203.0.113.19";
/// Our own route to it is of the type throw.
pub const OWN_THROW: &str = "203.0.113.20";
/// The same in IPv6.
pub const OWN_UNREACHABLE6: &str = "2001:db8:4::1";
/// The same in IPv6.
pub const OWN_PROHIBIT6: &str = "2001:db8:4::2";
/// The same in IPv6.
pub const OWN_BLACKHOLE6: &str = "2001:db8:4::3";
/// No route of ours covers it.
pub const NO_ROUTE: &str = "233.252.0.1";
/// The same in IPv6.
pub const NO_ROUTE6: &str = "2001:db8:ffff::1";

/// A namespace whose commands must succeed.
pub struct Namespace(Netns);

impl Namespace {
    /// One with nothing but a loopback interface.
    #[expect(
        clippy::new_without_default,
        reason = "a namespace is made, and is no default of anything"
    )]
    pub fn new() -> Self {
        Self(Netns::alone().unwrap())
    }

    /// Runs a command without quotes in it.
    pub fn run(&self, command: &str) {
        self.0.run_line(command).unwrap();
    }

    /// Does something in it, such as opening a socket that stays there.
    pub fn inside<T>(&self, what: impl FnOnce() -> T) -> T {
        self.0.on_this_thread(what).unwrap()
    }
}

/// Runs a test in a namespace of its own that has a loopback interface and nothing else.
pub fn alone<T>(test: impl AsyncFnOnce() -> T) -> T {
    Namespace::new().inside(|| run(test()))
}

/// Here, the router and the site.
pub struct Lab {
    /// Where the probes run.
    pub here: Namespace,
    /// Between the two.
    pub router: Namespace,
    /// What is probed.
    pub site: Namespace,
}

impl Lab {
    /// Runs a test "here".
    pub fn run<T>(test: impl AsyncFnOnce(&Self) -> T) -> T {
        let lab = Self::new();
        lab.here.inside(|| run(test(&lab)))
    }

    fn new() -> Self {
        let (here, router, site) = (Namespace::new(), Namespace::new(), Namespace::new());
        let lab = Self { here, router, site };
        lab.link(&lab.here, "up0", &lab.router, "down0");
        lab.link(&lab.router, "down1", &lab.site, "up1");
        address(&lab.here, "up0", "192.0.2.2/24", "2001:db8:1::2/64");
        address(&lab.router, "down0", "192.0.2.1/24", "2001:db8:1::1/64");
        address(&lab.router, "down1", "198.51.100.1/24", "2001:db8:2::1/64");
        address(&lab.site, "up1", "198.51.100.2/24", "2001:db8:2::2/64");
        lab.router
            .run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        lab.site.run("ip route add default via 198.51.100.1");
        lab.site.run("ip -6 route add default via 2001:db8:2::1");
        for prefix in ["198.51.100.0/24", "203.0.113.0/28"] {
            lab.here.run(&format!("ip route add {prefix} via 192.0.2.1"));
        }
        for prefix in ["2001:db8:2::/64", "2001:db8:3::/64"] {
            lab.here
                .run(&format!("ip -6 route add {prefix} via 2001:db8:1::1"));
        }
        for (kind, to, to6) in [
            ("unreachable", ROUTER_UNREACHABLE, Some(ROUTER_UNREACHABLE6)),
            ("prohibit", ROUTER_PROHIBIT, None),
            ("blackhole", ROUTER_BLACKHOLE, None),
        ] {
            refuse(&lab.router, kind, to, to6);
        }
        for (kind, to, to6) in [
            ("unreachable", OWN_UNREACHABLE, Some(OWN_UNREACHABLE6)),
            ("prohibit", OWN_PROHIBIT, Some(OWN_PROHIBIT6)),
            ("blackhole", OWN_BLACKHOLE, Some(OWN_BLACKHOLE6)),
            ("throw", OWN_THROW, None),
        ] {
            refuse(&lab.here, kind, to, to6);
        }
        lab
    }

    /// Joins two namespaces with a veth pair that is up.
    pub fn link(&self, a: &Namespace, a_name: &str, b: &Namespace, b_name: &str) {
        a.run(&format!(
            "ip link add {a_name} type veth peer name {b_name} netns {}",
            b.0.path().display()
        ));
        for (namespace, name) in [(a, a_name), (b, b_name)] {
            // Neighbour resolution gives up after 150 ms instead of 3 s.
            for family in ["ipv4", "ipv6"] {
                namespace.run(&format!(
                    "sysctl -qw net.{family}.neigh.{name}.retrans_time_ms=50"
                ));
            }
            // Addresses are there at once.
            namespace.run(&format!("sysctl -qw net.ipv6.conf.{name}.accept_dad=0"));
            namespace.run(&format!("ip link set {name} up"));
        }
    }
}

fn address(namespace: &Namespace, interface: &str, v4: &str, v6: &str) {
    namespace.run(&format!("ip addr add {v4} dev {interface}"));
    namespace.run(&format!("ip -6 addr add {v6} dev {interface} nodad"));
}

fn refuse(namespace: &Namespace, kind: &str, to: &str, to6: Option<&str>) {
    namespace.run(&format!("ip route add {kind} {to}"));
    if let Some(to6) = to6 {
        namespace.run(&format!("ip -6 route add {kind} {to6}"));
    }
}

/// Runs a test on this thread, which is the one in the namespace. Threads that it starts are in it
/// as well.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(test);
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}
