//! The tcp probe: a connection is accepted. Nothing is sent over it, and nothing is read from it.

use std::net::SocketAddr;

use super::deadline::CheckDeadline;
use super::report::{CheckError, CheckReport};
use super::resolve::Target;
use super::socket;
use crate::config::model;

/// A tcp probe, ready to be asked.
#[derive(Debug)]
pub(crate) struct TcpProbe {
    target: Target,
    port: u16,
    source: Option<model::Source>,
}

impl TcpProbe {
    /// From its configuration, with its target found already.
    pub(crate) fn new(tcp: &model::TcpConfig, target: Target) -> Self {
        Self {
            target,
            port: tcp.port,
            source: tcp.source.clone(),
        }
    }

    /// One check.
    pub(crate) async fn check(&self, limit: CheckDeadline) -> CheckReport {
        self.connect(limit).await.unwrap_or_else(CheckReport::from)
    }

    /// What makes every check an error.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.target.trouble()
    }

    async fn connect(&self, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        let address = SocketAddr::new(self.target.address()?, self.port);
        let (_stream, rtt) = socket::connect_tcp(address, self.source.as_ref(), limit).await?;
        Ok(CheckReport::pass(&format!("connected to {address}"), Some(rtt)))
    }
}
