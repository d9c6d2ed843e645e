//! The tcp probe: a connection is accepted. Nothing is sent over it, and what the server says first
//! is not read.

use std::net::SocketAddr;

use super::limit::Limit;
use super::report::{NoAnswer, Report};
use super::resolve::Target;
use super::socket;
use crate::config::model;

/// A tcp probe, ready to be asked.
#[derive(Debug)]
pub(super) struct Tcp {
    target: Target,
    port: u16,
    source: Option<model::Source>,
}

impl Tcp {
    /// From its configuration, with its target found already.
    pub(super) fn new(tcp: &model::Tcp, target: Target) -> Self {
        Self {
            target,
            port: tcp.port,
            source: tcp.source.clone(),
        }
    }

    /// One check.
    pub(super) async fn check(&self, limit: Limit) -> Report {
        self.connect(limit).await.unwrap_or_else(Report::from)
    }

    /// What makes every check an error.
    pub(super) fn trouble(&self) -> Option<String> {
        self.target.trouble()
    }

    async fn connect(&self, limit: Limit) -> Result<Report, NoAnswer> {
        let address = SocketAddr::new(self.target.address()?, self.port);
        let (_stream, rtt) = socket::connect_tcp(address, self.source.as_ref(), limit).await?;
        Ok(Report::pass(&format!("connected to {address}"), Some(rtt)))
    }
}
