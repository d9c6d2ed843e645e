//! `show static NAME`: what a static protocol holds, whether it is enabled or not.

use ipnet::IpNet;

use crate::bird::error::BirdError;
use crate::bird::parse::reply_check::{accepted_for, malformed};
use crate::bird::reply::{BirdReply, ReplyCode};

/// One route of a static protocol's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRoute {
    /// The prefix.
    pub prefix: IpNet,
    /// Where packets go, in BIRD's words: "blackhole", "unreachable", "via 192.0.2.1 on eth0"; one
    /// for each next hop.
    pub dest: Vec<String>,
}

/// Reads the answer to `show static NAME` (proto/static/static.c:static_show_rt).
///
/// # Errors
/// BIRD's own, or [`BirdError::Malformed`]: a line that cannot be read may be a route that must not
/// be announced (A7).
pub fn static_routes(reply: &BirdReply, name: &str) -> Result<Vec<StaticRoute>, BirdError> {
    accepted_for(reply, name)?;
    let mut routes: Vec<StaticRoute> = Vec::new();
    for line in &reply.lines {
        let text = line.text.as_str();
        if line.code != ReplyCode::STATIC_ROUTE {
            return Err(malformed("a static route", text));
        }
        if text.starts_with('\t') {
            let route = routes
                .last_mut()
                .ok_or_else(|| malformed("a next hop of no route", text))?;
            route.dest.push(text.trim().to_owned());
        } else if !text.is_empty() {
            let (prefix, dest) = text.split_once('\t').unwrap_or((text, ""));
            let prefix = prefix
                .trim()
                .parse()
                .map_err(|_| malformed("a static route", text))?;
            let dest = Some(dest.trim())
                .filter(|dest| !dest.is_empty())
                .map(str::to_owned);
            routes.push(StaticRoute {
                prefix,
                dest: dest.into_iter().collect(),
            });
        }
    }
    Ok(routes)
}

#[cfg(test)]
mod tests;
