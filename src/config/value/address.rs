//! Addresses, prefixes, hosts and ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::text::TextValue;
use crate::config::model::{CheckConfig, Host, IcmpConfig, Source};
use crate::config::value::value_type::{ValueError, quoted};

/// A prefix without host bits.
pub(crate) const PREFIX: TextValue<IpNet> = TextValue {
    words: "prefix",
    pattern: Some("^[0-9A-Fa-f.:]+/[0-9]{1,3}$"),
    parse: prefix,
    stand_in: || IpNet::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
};

fn prefix(text: &str) -> Result<IpNet, ValueError> {
    let Ok(prefix) = text.parse::<IpNet>() else {
        let complaint = ValueError::new("bad-prefix", "this is not a prefix");
        return Err(match text.parse::<IpAddr>() {
            Ok(addr) => {
                let host = IpNet::from(addr);
                complaint.label("an address without a length").help(format!(
                    "write the prefix with its length; this address alone is \"{host}\""
                ))
            }
            Err(_) => complaint
                .label("not an address, `/` and a length")
                .help("write it such as \"198.51.100.0/24\" or \"2001:db8:5100::/48\""),
        });
    };
    if prefix.trunc() != prefix {
        return Err(ValueError::new("host-bits", "the prefix has host bits")
            .label(format!("bits are set beyond the first {}", prefix.prefix_len()))
            .better(quoted(&prefix.trunc().to_string()))
            .note("BIRD refuses such a prefix, and it may be a slip in the address or in the length"));
    }
    Ok(prefix)
}

/// An address.
pub(crate) const ADDRESS: TextValue<IpAddr> = TextValue {
    words: "address",
    pattern: Some("^[0-9A-Fa-f.:]+$"),
    parse: address,
    stand_in: || IpAddr::V4(Ipv4Addr::UNSPECIFIED),
};

fn address(text: &str) -> Result<IpAddr, ValueError> {
    let parsed = text.parse::<IpAddr>().map_err(|_| {
        let complaint = ValueError::new("bad-address", "this is not an address");
        match text.contains('%') {
            true => complaint
                .label("an address with a zone")
                .help("use a global address: zones of link-local addresses are not supported"),
            false => complaint
                .label("neither IPv4 nor IPv6")
                .help("write it such as \"203.0.113.1\" or \"2001:db8:113::1\""),
        }
    })?;
    one_host(parsed)
}

/// An address that one host has.
fn one_host(addr: IpAddr) -> Result<IpAddr, ValueError> {
    let complaint =
        |label: &str| ValueError::new("bad-address", "this cannot be the address of a host").label(label);
    if let IpAddr::V6(v6) = addr
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        return Err(complaint("an IPv4 address written as IPv6").better(quoted(&v4.to_string())));
    }
    if addr.is_multicast() {
        return Err(complaint("a multicast address"));
    }
    if addr.is_unspecified() {
        return Err(complaint("the unspecified address"));
    }
    if addr == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(complaint("the broadcast address"));
    }
    Ok(addr)
}

/// The address of a BGP neighbour: link-local ones need an interface, which we have no key for.
pub(crate) const NEIGHBOR: TextValue<IpAddr> = TextValue {
    parse: neighbor,
    ..ADDRESS
};

fn neighbor(text: &str) -> Result<IpAddr, ValueError> {
    let addr = address(text)?;
    match addr {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Err(ValueError::new(
            "bad-address",
            "link-local addresses are not supported here",
        )
        .label("link-local")
        .help("use a global address of the same link")
        .note("a link-local address means nothing without an interface")),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(addr),
    }
}

/// A router id.
pub(crate) const ROUTER_ID: TextValue<Ipv4Addr> = TextValue {
    words: "IPv4 address",
    pattern: Some("^[0-9.]+$"),
    parse: router_id,
    stand_in: || Ipv4Addr::UNSPECIFIED,
};

fn router_id(text: &str) -> Result<Ipv4Addr, ValueError> {
    let complaint = ValueError::new("bad-address", "this is not a router id");
    match text.parse::<Ipv4Addr>() {
        Ok(id) if id.is_unspecified() => Err(complaint.label("zero")),
        Ok(id) => Ok(id),
        Err(_) => Err(complaint
            .label("not an IPv4 address")
            .help("write one of this router's IPv4 addresses, such as \"203.0.113.2\"; any number that no neighbour has will do")),
    }
}

/// An address, or a DNS name.
pub(crate) const HOST: TextValue<Host> = TextValue {
    words: "address or name",
    pattern: Some("^[A-Za-z0-9_.:-]+$"),
    parse: host,
    stand_in: stand_in_host,
};

/// Stands for a check that could not be read. It never leaves the reader, since its error is
/// already reported.
pub(crate) fn stand_in_check() -> CheckConfig {
    CheckConfig::Icmp(IcmpConfig {
        target: stand_in_host(),
        source: None,
    })
}

fn stand_in_host() -> Host {
    Host::Name(String::new())
}

fn host(text: &str) -> Result<Host, ValueError> {
    if let Ok(addr) = text.parse::<IpAddr>() {
        return one_host(addr).map(Host::Addr);
    }
    dns_name(text).map(Host::Name)
}

/// A DNS name that is resolved or asked for.
pub(crate) const DNS_NAME: TextValue<String> = TextValue {
    words: "DNS name",
    pattern: Some("^[A-Za-z0-9_.-]+$"),
    parse: query_name,
    stand_in: String::new,
};

/// A DNS name by which we are asked, without a port.
pub(crate) const API_NAME: TextValue<String> = TextValue {
    parse: dns_name,
    ..DNS_NAME
};

fn query_name(text: &str) -> Result<String, ValueError> {
    if text == "." {
        return Ok(text.to_owned());
    }
    labels(text).map_err(|label| bad_host("this is not a DNS name", label))?;
    Ok(text.to_owned())
}

fn dns_name(text: &str) -> Result<String, ValueError> {
    if text.contains("://") {
        return Err(
            bad_host("expected an address or a name, found a URL", "a URL").help("write only the host")
        );
    }
    labels(text).map_err(|label| bad_host("this is neither an address nor a name", label))?;
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad_host(
            "this is neither an address nor a name",
            "looks like an IPv4 address, and is none",
        ));
    }
    Ok(text.to_ascii_lowercase())
}

fn bad_host(message: &str, label: &str) -> ValueError {
    ValueError::new("bad-host", message).label(label)
}

/// RFC 1035's lengths; underscores are let through, since names with them exist.
fn labels(text: &str) -> Result<(), &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return Err("empty");
    }
    if name.len() > 253 {
        return Err("longer than 253 characters");
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err("two dots in a row, or one too many");
        }
        if label.len() > 63 {
            return Err("a part longer than 63 characters");
        }
        if !label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            return Err("has characters that no name has");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a part begins or ends with `-`");
        }
    }
    Ok(())
}

/// A host, with a port where one is given.
pub(crate) const HOST_AND_PORT: TextValue<(Host, Option<u16>)> = TextValue {
    words: "host:port",
    pattern: Some("^[A-Za-z0-9_.:\\[\\]-]+$"),
    parse: host_and_port,
    stand_in: || (stand_in_host(), Some(1)),
};

fn host_and_port(text: &str) -> Result<(Host, Option<u16>), ValueError> {
    // An IPv6 address is all colons, so a port needs brackets around it.
    if text.parse::<IpAddr>().is_ok() {
        return Ok((host(text)?, None));
    }
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((addr, rest)) => (addr, rest.strip_prefix(':')),
        None => text
            .rsplit_once(':')
            .map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let port = port.map(|port| match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(ValueError::new("bad-port", "expected a port from 1 to 65535")
            .label(format!("`{port}` is not a port"))),
    });
    Ok((host(name)?, port.transpose()?))
}

/// Where a network probe's packets come from.
pub(crate) const SOURCE: TextValue<Source> = TextValue {
    words: "address or interface",
    pattern: Some("^[^\\s/]+$"),
    parse: source,
    stand_in: || Source::Interface(String::new()),
};

fn source(text: &str) -> Result<Source, ValueError> {
    if let Ok(addr) = text.parse::<IpAddr>() {
        return one_host(addr).map(Source::Addr);
    }
    // The kernel's rule for names of interfaces: net/core/dev.c:dev_valid_name, IFNAMSIZ.
    let label = match text {
        "" => "empty",
        "." | ".." => "no interface has this name",
        _ if text.len() > 15 => "longer than the 15 characters of an interface's name, and not an address",
        _ if text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace()) => {
            "neither an address nor an interface's name"
        }
        _ if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => "looks like an address, and is none",
        _ => return Ok(Source::Interface(text.to_owned())),
    };
    Err(ValueError::new("bad-source", "this is neither an address nor an interface").label(label))
}

/// An address and a port to listen on; empty: none.
pub(crate) const LISTEN: TextValue<Option<SocketAddr>> = TextValue {
    words: "address:port, or empty",
    pattern: Some("^$|:[0-9]+$"),
    parse: listen,
    stand_in: || None,
};

fn listen(text: &str) -> Result<Option<SocketAddr>, ValueError> {
    if text.is_empty() {
        return Ok(None);
    }
    let complaint = ValueError::new("bad-listen", "expected an address and a port");
    match text.parse::<SocketAddr>() {
        Ok(addr) if addr.port() == 0 => Err(complaint
            .label("port 0 is any port")
            .note("nobody could know where to ask")),
        Ok(addr) => Ok(Some(addr)),
        Err(_) => Err(complaint
            .label("not an address and a port")
            .help("write it such as \"127.0.0.1:9180\" or \"[::1]:9180\", or \"\" to turn it off")),
    }
}
