//! The dns probe, against servers that answer as they are told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name, Ttl};
use domain::rdata::{A, Mx, Txt};
use falconer::config::model::{CheckConfig, DnsConfig};
use falconer::probe::CheckReport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::Instant;

use crate::make::{Error, Fail, Pass, check, expect, host};
use falconer_lab::probed_site::{self, Lab, alone};

/// What a server does with a query.
type Answer = fn(&Message<Vec<u8>>) -> Vec<Vec<u8>>;

#[test]
fn the_expected_answer_passes_over_udp_and_tcp() {
    alone(async || {
        let server = serve(good).await;
        for tcp in [false, true] {
            let asked = DnsConfig {
                tcp,
                expect_answers: vec!["192.0.2.80".into(), "192.0.2.81".into()],
                ..query(server)
            };
            let report = ask(asked).await;
            expect(&report, Pass, "NOERROR, 2 answers");
            assert!(report.rtt.is_some());
        }
        expect(&ask(query(server)).await, Pass, "NOERROR");
    });
}

#[test]
fn a_missing_answer_fails_and_says_what_is_there() {
    alone(async || {
        let asked = DnsConfig {
            expect_answers: vec!["192.0.2.80".into(), "192.0.2.99".into()],
            ..query(serve(good).await)
        };
        expect(
            &ask(asked).await,
            Fail,
            "A 192.0.2.80, 192.0.2.81, wanted 192.0.2.99",
        );
        let asked = DnsConfig {
            expect_answers: vec!["192.0.2.80".into()],
            ..query(serve(|query| vec![reply(query, Rcode::NOERROR)]).await)
        };
        expect(&ask(asked).await, Fail, "without A records");
    });
}

#[test]
fn another_response_code_fails_and_the_expected_one_passes() {
    alone(async || {
        let server = serve(|query| vec![reply(query, Rcode::NXDOMAIN)]).await;
        expect(&ask(query(server)).await, Fail, "NXDOMAIN, wanted NOERROR");
        let asked = DnsConfig {
            expect_rcode: "NXDOMAIN".into(),
            ..query(server)
        };
        expect(&ask(asked).await, Pass, "NXDOMAIN");
        // A server that does not know EDNS need not repeat the question.
        let old = serve(|query| {
            let mut builder = MessageBuilder::new_vec();
            builder.header_mut().set_id(query.header().id());
            builder.header_mut().set_qr(true);
            builder.header_mut().set_rcode(Rcode::FORMERR);
            vec![builder.finish()]
        })
        .await;
        expect(&ask(query(old)).await, Fail, "FORMERR, wanted NOERROR");
    });
}

#[test]
fn what_does_not_answer_our_question_is_ignored() {
    alone(async || {
        // Garbage, our own question, a wrong id and another question come before the answer.
        let server = serve(|query| {
            let mut wrong_id = good(query).remove(0);
            wrong_id[0] ^= 0xff;
            let mut other_name = good(query).remove(0);
            other_name[13] ^= 1;
            let mut all = vec![
                vec![],
                vec![0; 5],
                vec![0xff; 600],
                query.as_slice().to_vec(),
                wrong_id,
                other_name,
            ];
            all.extend(good(query));
            all
        })
        .await;
        let asked = DnsConfig {
            expect_answers: vec!["192.0.2.80".into()],
            ..query(server)
        };
        expect(&ask(asked).await, Pass, "NOERROR");
        // And alone they are silence.
        let liar = serve(|query| {
            let mut wrong_id = good(query).remove(0);
            wrong_id[0] ^= 0xff;
            vec![wrong_id]
        })
        .await;
        let started = Instant::now();
        expect(
            &check(CheckConfig::Dns(query(liar)), 300).await,
            Fail,
            "within 300ms",
        );
        assert!(started.elapsed() < Duration::from_millis(450));
    });
}

#[test]
fn a_truncated_answer_is_asked_for_again_over_tcp() {
    alone(async || {
        let server = serve(|query| {
            let mut short = reply(query, Rcode::NOERROR);
            short[2] |= 0x02;
            vec![short]
        })
        .await;
        // Where the response code is all that matters, it has been seen.
        expect(&ask(query(server)).await, Pass, "NOERROR");
        let asked = DnsConfig {
            expect_answers: vec!["192.0.2.80".into()],
            ..query(server)
        };
        // The TCP side of `serve` gives the whole answer.
        expect(&ask(asked).await, Pass, "2 answers");
    });
}

#[test]
fn d1_silence_and_refusal_are_fails() {
    alone(async || {
        let silent = serve(|_| vec![]).await;
        expect(
            &check(CheckConfig::Dns(query(silent)), 300).await,
            Fail,
            "within 300ms",
        );
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        for tcp in [false, true] {
            let asked = DnsConfig { tcp, ..query(nobody) };
            let started = Instant::now();
            let report = check(CheckConfig::Dns(asked), 300).await;
            expect(&report, Fail, "connection refused");
            // Over UDP anybody who guesses the port can refuse, so that it ends nothing.
            let at_once = started.elapsed() < Duration::from_millis(300);
            assert_eq!(at_once, tcp, "{}", report.detail);
        }
    });
}

#[test]
fn a_server_that_hangs_up_or_answers_another_question_over_tcp_fails() {
    alone(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for answer in [&[][..], &[0, 3, 1, 2, 3], &[0, 200, 1, 2, 3]] {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_u16().await.unwrap();
                stream.write_all(answer).await.unwrap();
            }
        });
        for words in ["", "another question", ""] {
            let asked = DnsConfig {
                tcp: true,
                ..query(address)
            };
            expect(&ask(asked).await, Fail, words);
        }
    });
}

#[test]
fn d1_no_route_is_an_error_and_a_dead_server_a_fail() {
    Lab::run(async |_| {
        for tcp in [false, true] {
            for (server, outcome) in [
                (probed_site::NO_ROUTE, Error),
                (probed_site::OWN_UNREACHABLE, Error),
                (probed_site::OWN_BLACKHOLE6, Error),
                (probed_site::ROUTER_UNREACHABLE, Fail),
                (probed_site::ROUTER_BLACKHOLE, Fail),
                (probed_site::DEAD_ON_LINK, Fail),
            ] {
                let asked = DnsConfig {
                    tcp,
                    ..query(SocketAddr::new(server.parse().unwrap(), 53))
                };
                expect(&check(CheckConfig::Dns(asked), 400).await, outcome, "");
            }
        }
    });
}

#[test]
fn texts_and_names_are_compared_by_what_they_mean() {
    alone(async || {
        let server = serve(|query| {
            let mut answer = MessageBuilder::new_vec()
                .start_answer(query, Rcode::NOERROR)
                .unwrap();
            let name: Name<Vec<u8>> = "origin.example".parse().unwrap();
            let txt = Txt::<Vec<u8>>::build_from_slice(b"v=spf1 -all").unwrap();
            answer.push((&name, Class::IN, Ttl::from_secs(1), txt)).unwrap();
            let mx: Name<Vec<u8>> = "Mail.Example".parse().unwrap();
            answer
                .push((&name, Class::IN, Ttl::from_secs(1), Mx::new(10, mx)))
                .unwrap();
            vec![answer.finish()]
        })
        .await;
        for (record, wanted, outcome) in [
            ("TXT", "v=spf1 -all", Pass),
            ("TXT", "\"v=spf1 \" \"-all\"", Pass),
            ("TXT", "v=spf1 +all", Fail),
            ("mx", "10 mail.example.", Pass),
            ("MX", "10 MAIL.example", Pass),
            ("MX", "20 mail.example", Fail),
            ("MX", "ten mail.example", Error),
        ] {
            let asked = DnsConfig {
                record: record.into(),
                expect_answers: vec![wanted.into()],
                ..query(server)
            };
            expect(&ask(asked).await, outcome, "");
        }
    });
}

fn query(server: SocketAddr) -> DnsConfig {
    DnsConfig {
        server: host(&server.ip().to_string()),
        port: server.port(),
        query: "origin.example".into(),
        record: "A".into(),
        tcp: false,
        expect_rcode: "NOERROR".into(),
        expect_answers: Vec::new(),
        source: None,
    }
}

async fn ask(dns: DnsConfig) -> CheckReport {
    check(CheckConfig::Dns(dns), 2000).await
}

/// A server that answers over UDP as it is told, and over TCP with [`good`].
async fn serve(answer: Answer) -> SocketAddr {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = udp.local_addr().unwrap();
    let tcp = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            let query = Message::from_octets(buffer[..length].to_vec()).unwrap();
            for answer in answer(&query) {
                udp.send_to(&answer, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let mut query = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut query).await.unwrap();
            let answer = good(&Message::from_octets(query).unwrap()).remove(0);
            stream.write_u16(answer.len() as u16).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

/// Two addresses.
fn good(query: &Message<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut answer = MessageBuilder::new_vec()
        .start_answer(query, Rcode::NOERROR)
        .unwrap();
    let name: Name<Vec<u8>> = "origin.example".parse().unwrap();
    for last in [80, 81] {
        let a = A::new(Ipv4Addr::new(192, 0, 2, last));
        answer.push((&name, Class::IN, Ttl::from_secs(1), a)).unwrap();
    }
    vec![answer.finish()]
}

/// No answers.
fn reply(query: &Message<Vec<u8>>, rcode: Rcode) -> Vec<u8> {
    MessageBuilder::new_vec()
        .start_answer(query, rcode)
        .unwrap()
        .finish()
}
