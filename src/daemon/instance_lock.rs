//! One Falconer for one BIRD (A10): the lock is taken at the start, and kept.

use std::path::{Path, PathBuf};

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::bird::client::ConnectionStatus;
use crate::bird::lock::{LOCK_DIR, Lock, LockError, LockHolder};
use crate::config::Config;

/// Takes the lock.
pub(crate) fn lock(config: &Config, config_file: PathBuf) -> Result<Lock, LockError> {
    let since = jiff::Timestamp::now();
    let holder = LockHolder {
        site: config.site.name.clone(),
        config: config_file,
        since,
    };
    let lock = Lock::acquire(Path::new(LOCK_DIR), &config.bird.socket, &holder)?;
    if let Some(warning) = lock.warning() {
        tracing::warn!(warning, "only one of two locks taken");
    }
    Ok(lock)
}

/// Holds the lock, and takes the one beside BIRD's socket again where BIRD has taken it away. It comes
/// only where another Falconer has that one by then: two would drive one BIRD (A10).
pub(crate) async fn contested(mut lock: Lock, mut link: watch::Receiver<ConnectionStatus>) -> LockError {
    let mut connects = 0;
    // The end of the connection's task is the driver's business.
    while link.changed().await.is_ok() {
        let now = link.borrow_and_update().connects;
        if now == connects {
            continue;
        }
        connects = now;
        let renewing = spawn_blocking(move || {
            let renewed = lock.renew();
            (lock, renewed)
        });
        match renewing.await {
            Ok((held, Ok(()))) => lock = held,
            Ok((_, Err(error))) => return error,
            Err(_) => break,
        }
    }
    std::future::pending().await
}
