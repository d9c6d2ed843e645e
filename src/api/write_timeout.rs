//! A connection that is given up when its peer does not read: a write that makes too little progress
//! for too long is an error, because an answer stays in memory until it is written. Reading is not its
//! business; hyper has time-outs of its own for that.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What has to be written within the patience, in bytes, where there is so much: 3 KiB a second, less
/// than any link that people still use.
const ENOUGH: usize = 32 * 1024;

/// See the module.
pub(crate) struct WriteTimeout<S> {
    stream: S,
    patience: Duration,
    /// When the writing is given up; `None` while nothing waits to be written.
    waiting: Option<Pin<Box<Sleep>>>,
    /// How much has been written since it began to wait, in bytes.
    progress: usize,
}

impl<S> WriteTimeout<S> {
    /// Gives a write `patience` to make progress.
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            waiting: None,
            progress: 0,
        }
    }

    /// So much was written. Little by little is not enough.
    fn advance(&mut self, written: usize) {
        self.progress += written;
        if self.progress >= ENOUGH {
            self.rest();
        }
    }

    /// Nothing waits to be written any more, or enough was.
    fn rest(&mut self) {
        self.waiting = None;
        self.progress = 0;
    }

    /// What the stream said, or the error if it has said "not yet" for too long.
    fn judge<T>(&mut self, said: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            return said;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        if waiting.as_mut().poll(cx).is_ready() {
            waiting.as_mut().reset(Instant::now() + patience);
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the peer does not read",
            )));
        }
        Poll::Pending
    }

    fn judge_write(
        &mut self,
        said: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = &said {
            self.advance(*written);
        }
        self.judge(said, cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge_write(said, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has written all that it has.
        let said = Pin::new(&mut self.stream).poll_flush(cx);
        if said.is_ready() {
            self.rest();
        }
        self.judge(said, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(said, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge_write(said, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (near, _far) = duplex(8);
        let began = Instant::now();
        let error = WriteTimeout::new(near, PATIENCE)
            .write_all(&[0; 64])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), PATIENCE);
    }

    /// Writes `much` to a peer that reads `bite` at a time, a moment before the patience ends.
    async fn written_to_a_slow_peer(much: usize, bite: usize) -> io::Result<()> {
        let (near, mut far) = duplex(bite);
        let reader = tokio::spawn(async move {
            let mut read = 0;
            while read < much {
                sleep(PATIENCE - Duration::from_secs(1)).await;
                match far.read(&mut vec![0; bite]).await {
                    Ok(0) | Err(_) => break,
                    Ok(some) => read += some,
                }
            }
        });
        let mut near = WriteTimeout::new(near, PATIENCE);
        let written = near.write_all(&vec![0; much]).await;
        drop(near);
        reader.await.unwrap();
        written
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_that_reads_on_is_waited_for() {
        written_to_a_slow_peer(8 * ENOUGH, ENOUGH).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_a_little_now_and_then_is_given_up() {
        let error = written_to_a_slow_peer(8 * ENOUGH, 64).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_that_once_waited_may_be_quiet_for_long() {
        let (near, mut far) = duplex(8);
        let mut near = WriteTimeout::new(near, PATIENCE);
        let reader = tokio::spawn(async move {
            sleep(Duration::from_secs(1)).await;
            far.read_exact(&mut [0; 12]).await.unwrap();
            sleep(PATIENCE * 10 + Duration::from_secs(1)).await;
            far.read_exact(&mut [0; 12]).await.unwrap();
        });
        near.write_all(&[0; 12]).await.unwrap();
        near.flush().await.unwrap();
        sleep(PATIENCE * 10).await;
        near.write_all(&[0; 12]).await.unwrap();
        reader.await.unwrap();
    }
}
