//! The thread of the API, with a runtime of its own and less of the processor than the rest: however
//! much clients ask for, the threads that judge and that talk to BIRD go first, and never wait for it.

use std::future::Future;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::handles::Handles;
use super::serve::serve;
use crate::config::model;

/// How much less of the processor it gets (nice(2)): beside a thread of the daemon about a tenth.
const NICENESS: i32 = 10;
/// Threads that compose answers and read the disk: two listeners with two answers and one reading each,
/// a scrape, and room for one that hangs on each.
const BLOCKING: usize = 10;
/// How long it waits before it serves again after it broke down.
const REST: Duration = Duration::from_millis(500);

/// The API at work.
#[derive(Debug)]
pub(crate) struct Serving {
    ended: oneshot::Receiver<()>,
    task: AbortHandle,
}

impl Serving {
    /// The task that serves; the one that follows it is another.
    pub(crate) fn task(&self) -> AbortHandle {
        self.task.clone()
    }

    /// Waits for its end, which comes with `shutdown`.
    pub(crate) async fn ended(self) {
        // The sender goes with the thread, whichever way that ends.
        let _ = self.ended.await;
    }
}

/// Serves on a thread of its own once `open` has come, until `shutdown`. Should it break down, it says
/// so and serves again.
///
/// # Errors
/// The system has no room for another thread, or its poller.
pub(crate) fn start(
    config: model::ApiConfig,
    handles: Handles,
    open: impl Future<Output = ()> + Send + 'static,
    shutdown: CancellationToken,
) -> io::Result<Serving> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING)
        .thread_name("api")
        .build()?;
    let (ending, ended) = oneshot::channel::<()>();
    let (first, again, stop) = (config.clone(), handles.clone(), shutdown.clone());
    let serving = runtime.spawn(async move {
        open.await;
        serve(&first, again, stop).await;
    });
    let task = serving.abort_handle();
    thread::Builder::new().name("api".to_owned()).spawn(move || {
        let _ending = ending;
        // Threads that it starts are as patient. Refused, it is as quick as the others.
        let _ = setpriority_process(None, NICENESS);
        runtime.block_on(keep_serving(serving, config, handles, shutdown));
        // A disk that hangs would be waited for without an end.
        runtime.shutdown_background();
    })?;
    Ok(Serving { ended, task })
}

async fn keep_serving(
    mut serving: JoinHandle<()>,
    config: model::ApiConfig,
    handles: Handles,
    shutdown: CancellationToken,
) {
    while let Err(error) = serving.await {
        tracing::error!(%error, "the API failed and is restarted");
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(REST) => {}
        }
        let (config, handles, stop) = (config.clone(), handles.clone(), shutdown.clone());
        serving = tokio::spawn(async move { serve(&config, handles, stop).await });
    }
}
