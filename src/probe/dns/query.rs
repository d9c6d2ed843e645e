//! DNS queries, and the messages that answer them.

use domain::base::iana::{Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Name};

/// How much a server may put into one UDP answer: what passes nearly every path unfragmented.
const UDP_PAYLOAD: u16 = 1232;

/// What is asked, every time with another id.
#[derive(Debug)]
pub(crate) struct DnsQuery {
    name: Name<Vec<u8>>,
    record: Rtype,
}

impl DnsQuery {
    /// Asks for a name's records of a type such as "A".
    ///
    /// # Errors
    /// What is wrong with the name or the type, in words.
    pub(crate) fn new(name: &str, record: &str) -> Result<Self, String> {
        let wrong_name = |error| format!("{name} is no domain name: {error}");
        Ok(Self {
            name: name.parse().map_err(wrong_name)?,
            record: record
                .to_ascii_uppercase()
                .parse()
                .map_err(|_| format!("{record} is no record type"))?,
        })
    }

    /// The record type.
    pub(crate) fn record(&self) -> Rtype {
        self.record
    }

    /// A message with a new id that nobody guesses, recursion desired, and EDNS (RFC 6891).
    pub(crate) fn message(&self) -> Message<Vec<u8>> {
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_random_id();
        builder.header_mut().set_rd(true);
        let mut question = builder.question();
        // One name and an OPT record always fit into a message of 64 KiB.
        let _ = question.push((&self.name, self.record));
        let mut additional = question.additional();
        let _ = additional.opt(|opt| {
            opt.set_udp_payload_size(UDP_PAYLOAD);
            Ok(())
        });
        additional.into_message()
    }
}

/// What was received as an answer to that question; `None` if it is none.
///
/// A server that does not know EDNS may refuse the query without repeating the question.
pub(crate) fn answer_to(question: &Message<Vec<u8>>, received: &[u8]) -> Option<Message<Vec<u8>>> {
    let message = Message::from_octets(received.to_vec()).ok()?;
    let header = message.header();
    let refused = message.header_counts().qdcount() == 0
        && header.qr()
        && header.id() == question.header().id()
        && matches!(
            header.rcode(),
            Rcode::FORMERR | Rcode::NOTIMP | Rcode::REFUSED | Rcode::SERVFAIL
        );
    (refused || message.is_answer(question)).then_some(message)
}

/// As it goes over TCP (RFC 1035, section 4.2.2).
pub(crate) fn with_length(message: &Message<Vec<u8>>) -> Vec<u8> {
    let bytes = message.as_slice();
    // A query is a name of at most 255 bytes and little else.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), bytes].concat()
}
