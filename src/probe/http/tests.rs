//! Servers that send without an end, counted in bytes and turns: no clock, no socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::header::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

use super::exchange::{self, HttpRequest, ResponseBody};
use super::metered::{BUDGET, Metered, TURN};
use crate::probe::deadline::CheckDeadline;

/// Sends `start`, then `again` without an end, and always has more at once, as a socket whose buffer
/// is never empty.
struct Endless {
    start: Vec<u8>,
    again: Vec<u8>,
    /// How much is handed over in one read.
    piece: usize,
    sent: usize,
    in_turn: usize,
    turn: usize,
    /// Whether the request has come; and who waits for what follows it.
    asked: bool,
    waiting: Option<Waker>,
    seen: Arc<Seen>,
}

/// What a test learns.
#[derive(Default)]
struct Seen {
    /// Counts whenever somebody else has had a turn.
    turns: AtomicUsize,
    sent: AtomicUsize,
    most_in_a_turn: AtomicUsize,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let turn = self.seen.turns.load(Ordering::Relaxed);
        if turn != self.turn {
            (self.turn, self.in_turn) = (turn, 0);
        }
        for _ in 0..self.piece.min(buf.remaining()) {
            let at = self.sent;
            let byte = match self.start.get(at) {
                Some(byte) => *byte,
                None => self.again[(at - self.start.len()) % self.again.len()],
            };
            buf.put_slice(&[byte]);
            self.sent += 1;
            self.in_turn += 1;
        }
        // Without a limit this would never end.
        assert!(self.sent <= 4 * BUDGET, "{} bytes were taken", self.sent);
        self.seen.sent.store(self.sent, Ordering::Relaxed);
        self.seen
            .most_in_a_turn
            .fetch_max(self.in_turn, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.asked = true;
        if let Some(reader) = self.waiting.take() {
            reader.wake();
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Asks such a server, and searches the body: what came of it, in words, and what was seen.
async fn ask(start: &str, again: &str, piece: usize) -> (String, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let stream = Endless {
        start: start.into(),
        again: again.into(),
        piece,
        sent: 0,
        in_turn: 0,
        turn: 0,
        asked: false,
        waiting: None,
        seen: seen.clone(),
    };
    let request = HttpRequest {
        method: hyper::Method::GET,
        target: "/".parse().unwrap(),
        headers: HeaderMap::new(),
    };
    let others = tokio::spawn({
        let seen = seen.clone();
        async move {
            loop {
                seen.turns.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        }
    });
    let limit = CheckDeadline::new(Duration::from_secs(3600));
    let came = match exchange::ask(Metered::new(stream), &request, limit).await {
        Err(none) => none.words().to_owned(),
        Ok(mut answer) => match answer.body(limit).await {
            ResponseBody::Whole(_) => "whole".into(),
            ResponseBody::Cut(_) => "cut".into(),
            ResponseBody::Broken(why) => why,
        },
    };
    others.abort();
    (came, seen)
}

const TWO_HUNDRED: &str = "HTTP/1.1 200 OK\r\n";

#[tokio::test]
async fn a_server_without_an_end_is_given_up_and_others_have_their_turns_meanwhile() {
    let chunked = format!("{TWO_HUNDRED}transfer-encoding: chunked\r\n\r\n");
    let extension = format!("{chunked}1;x=");
    let trailer = format!("{chunked}0\r\n");
    let length = format!("{TWO_HUNDRED}content-length: 1000000000\r\n\r\n");
    for (name, start, again, words) in [
        ("1xx", "", "HTTP/1.1 100 Continue\r\n\r\n", "more than 512 KiB"),
        (
            "1xx",
            "",
            "HTTP/1.1 103 E\r\nlink: x\r\n\r\n",
            "more than 512 KiB",
        ),
        ("garbage", "", "x", "no HTTP answer"),
        ("empty lines", "", "\r\n", ""),
        ("a reason", "HTTP/1.1 200 ", "x", "no HTTP answer"),
        ("a header's name", TWO_HUNDRED, "x", "no HTTP answer"),
        (
            "a header's value",
            "HTTP/1.1 200 OK\r\nx: ",
            "y",
            "no HTTP answer",
        ),
        ("headers", TWO_HUNDRED, "x: y\r\n", "no HTTP answer"),
        ("a body", &length, "x", "cut"),
        ("a body until the end", "HTTP/1.1 200 OK\r\n\r\n", "x", "cut"),
        ("small chunks", &chunked, "1\r\nx\r\n", ""),
        ("a chunk's extension", &extension, "y", ""),
        ("a chunk's length", &chunked, "0", ""),
        ("trailers", &trailer, "x: y\r\n", ""),
    ] {
        for piece in [usize::MAX, 1000, 1] {
            let (came, seen) = ask(start, again, piece).await;
            let sent = seen.sent.load(Ordering::Relaxed);
            // One by one the budget is used up before anything else can be told.
            let words = if piece == 1 { "" } else { words };
            assert!(
                came.contains(words) && came != "whole",
                "{name}, by {piece}: {came}"
            );
            assert!(sent <= BUDGET, "{name}, by {piece}: {sent} bytes were taken");
            let most = seen.most_in_a_turn.load(Ordering::Relaxed);
            assert!(most <= 2 * TURN, "{name}, by {piece}: {most} bytes in one turn");
        }
    }
}

#[tokio::test]
async fn bytes_that_come_one_by_one_use_up_the_budget_too() {
    let (came, seen) = ask("", "HTTP/1.1 100 Continue\r\n\r\n", 1).await;
    assert!(came.contains("more than 512 KiB"), "{came}");
    assert_eq!(seen.sent.load(Ordering::Relaxed), BUDGET / 64);
}
