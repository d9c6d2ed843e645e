//! What one connection may cost: a server that is hostile, or broken, can send without an end, in
//! single bytes, or as fast as we read.
//!
//! The time that it has is the check's. This bounds the bytes, and lets others have their turn
//! between them. It stands below TLS, so that handshakes, certificates and empty records count too.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

/// How much a server may send over one connection: headers and body of 64 KiB each, a TLS handshake of
/// 64 KiB, and their framing some times over.
pub(crate) const BUDGET: usize = 512 << 10;

/// How much is read in one go, before whatever else waits for the processor has its turn. It is parsed
/// in less than a millisecond, whatever it is.
pub(crate) const TURN: usize = 16 << 10;

/// What a read costs at least, so that bytes that come one by one are not free.
const LEAST: usize = 64;

/// A connection with a budget.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    left: usize,
    turn: usize,
    buffer: Box<[u8]>,
}

impl<S> Metered<S> {
    /// With all of [`BUDGET`].
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            left: BUDGET,
            turn: TURN,
            buffer: vec![0; TURN].into(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.left == 0 {
            let much = format!("the server sent more than {} KiB", BUDGET >> 10);
            return Poll::Ready(Err(io::Error::other(much)));
        }
        if this.turn == 0 {
            this.turn = TURN;
            // Woken at once, we would go on before the runtime looks at any socket: tokio's own way
            // to yield wakes us after it has.
            return pin!(yield_now()).poll(cx).map(Ok);
        }
        let room = buf.remaining().min(this.turn).min(this.left);
        let mut read = ReadBuf::new(&mut this.buffer[..room]);
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
        buf.put_slice(read.filled());
        let cost = read.filled().len().max(LEAST);
        this.left = this.left.saturating_sub(cost);
        this.turn = this.turn.saturating_sub(cost);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
