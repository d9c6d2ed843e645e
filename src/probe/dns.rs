//! The dns probe: a server answers a query as expected (RFC 1035).
//!
//! One query, one socket: no cache, no second server, no repetition. Over UDP whatever does not
//! answer our very question is ignored until the time is up: its port and its id are random, and the
//! question must come back. An ICMP error is no answer either: anybody who guesses the port can send
//! one, so it is remembered, and told if none comes. A truncated answer is asked for again over TCP
//! if what is missing could be in it.
//!
//! The letters of the name are not varied in case to make an answer harder to forge (0x20): there
//! are servers that give them back changed, which would look dead.

mod answers;
mod query;

use std::net::SocketAddr;
use std::time::Duration;

use domain::base::Message;
use domain::base::iana::OptRcode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};

use self::answers::ExpectedAnswers;
use self::query::DnsQuery;
use super::deadline::CheckDeadline;
use super::report::{CheckError, CheckReport};
use super::resolve::Target;
use super::socket;
use crate::config::model::{self, Source};

/// A dns probe, ready to be asked.
#[derive(Debug)]
pub(crate) struct DnsProbe {
    target: Target,
    port: u16,
    source: Option<Source>,
    tcp: bool,
    prepared: Result<PreparedQuery, String>,
}

/// What is asked, and what the answer must be.
#[derive(Debug)]
struct PreparedQuery {
    query: DnsQuery,
    rcode: OptRcode,
    answers: ExpectedAnswers,
}

impl DnsProbe {
    /// From its configuration, with its server found already.
    pub(crate) fn new(dns: &model::DnsConfig, target: Target) -> Self {
        Self {
            target,
            port: dns.port,
            source: dns.source.clone(),
            tcp: dns.tcp,
            prepared: prepare(dns),
        }
    }

    /// One check.
    pub(crate) async fn check(&self, limit: CheckDeadline) -> CheckReport {
        self.ask(limit).await.unwrap_or_else(CheckReport::from)
    }

    /// What makes every check an error.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.prepared
            .as_ref()
            .err()
            .cloned()
            .or_else(|| self.target.trouble())
    }

    async fn ask(&self, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        let prepared = self
            .prepared
            .as_ref()
            .map_err(|why| CheckError::NotMade(why.clone()))?;
        let server = SocketAddr::new(self.target.address()?, self.port);
        let question = prepared.query.message();
        let started = Instant::now();
        let mut answer = match self.tcp {
            true => self.over_tcp(server, &question, limit).await?,
            false => self.over_udp(server, &question, limit).await?,
        };
        let rtt = started.elapsed();
        if answer.header().tc() && !self.tcp && prepared.lacks_an_answer(&answer) {
            answer = self.over_tcp(server, &question, limit).await?;
        }
        Ok(prepared.judge(&answer, rtt))
    }

    async fn over_udp(
        &self,
        server: SocketAddr,
        question: &Message<Vec<u8>>,
        limit: CheckDeadline,
    ) -> Result<Message<Vec<u8>>, CheckError> {
        let socket = socket::connect_udp(server, self.source.as_ref())?;
        send(&socket, question.as_slice(), server, limit).await?;
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let mut said = None;
        loop {
            let received = limit
                .within(&waiting_for(server), socket.recv(&mut buffer))
                .await
                .map_err(|late| socket::noting(late, said.as_ref()))?;
            let length = match received {
                Ok(length) => length,
                Err(error) => {
                    said.get_or_insert(error);
                    // Who floods the right port with errors keeps no processor busy.
                    sleep(ERROR_PAUSE).await;
                    continue;
                }
            };
            if let Some(answer) = query::answer_to(question, &buffer[..length]) {
                return Ok(answer);
            }
        }
    }

    async fn over_tcp(
        &self,
        server: SocketAddr,
        question: &Message<Vec<u8>>,
        limit: CheckDeadline,
    ) -> Result<Message<Vec<u8>>, CheckError> {
        let (mut stream, _) = socket::connect_tcp(server, self.source.as_ref(), limit).await?;
        let exchange = async {
            stream.write_all(&query::with_length(question)).await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = limit
            .within(&waiting_for(server), exchange)
            .await?
            .map_err(|error| socket::refused_later(&error, &server))?;
        query::answer_to(question, &answer)
            .ok_or_else(|| CheckError::Failed(format!("{server} answered another question")))
    }
}

impl PreparedQuery {
    /// Whether an answer that is wanted is not there, though all else is right.
    fn lacks_an_answer(&self, answer: &Message<Vec<u8>>) -> bool {
        answer.opt_rcode() == self.rcode && self.answers.missing_from(answer).is_some()
    }

    fn judge(&self, answer: &Message<Vec<u8>>, rtt: Duration) -> CheckReport {
        let rcode = answer.opt_rcode();
        if rcode != self.rcode {
            return CheckReport::fail(&format!("{rcode}, wanted {}", self.rcode), Some(rtt));
        }
        match self.answers.missing_from(answer) {
            Some(missing) => CheckReport::fail(&format!("{rcode}, {missing}"), Some(rtt)),
            None => CheckReport::pass(&format!("{rcode}, {}", answers::count(answer)), Some(rtt)),
        }
    }
}

/// How long to pause after an ICMP error.
const ERROR_PAUSE: Duration = Duration::from_millis(1);

/// How often a send is tried that an ICMP error kept from being made: each takes one pending error
/// off the socket. A forged one has to meet the time between `connect` and `send`.
const SENDS: usize = 4;

/// Sends a query. An error that stays is our own kernel's.
async fn send(
    socket: &UdpSocket,
    question: &[u8],
    server: SocketAddr,
    limit: CheckDeadline,
) -> Result<(), CheckError> {
    let mut last = None;
    for _ in 0..SENDS {
        match limit.within("sending", socket.send(question)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => last = Some(error),
            Err(late) => return Err(CheckError::NotMade(late.words().to_owned())),
        }
    }
    let error = last.unwrap_or_else(|| std::io::ErrorKind::Other.into());
    Err(socket::refused_at_once(&error, server.ip()))
}

fn prepare(dns: &model::DnsConfig) -> Result<PreparedQuery, String> {
    let query = DnsQuery::new(&dns.query, &dns.record)?;
    let rcode = dns.expect_rcode.parse();
    Ok(PreparedQuery {
        answers: ExpectedAnswers::new(query.record(), &dns.expect_answers)?,
        rcode: rcode.map_err(|_| format!("{} is no response code", dns.expect_rcode))?,
        query,
    })
}

fn waiting_for(server: SocketAddr) -> String {
    format!("waiting for {server}")
}
