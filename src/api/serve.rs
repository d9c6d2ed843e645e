//! Both listeners, and the server behind them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::handles::Handles;
use super::listener;
use super::listener::ListenAddress;
use super::server::Server;
use crate::config::model;

/// Serves the API until `shutdown`, and then for as long as it takes to finish the answers under
/// way, at most a second. A listener that cannot be opened is logged and tried again; it never ends
/// this. Dropping the future ends every connection.
pub async fn serve(config: &model::ApiConfig, handles: Handles, shutdown: CancellationToken) {
    let server = Arc::new(Server::new(handles, Access::new(config)));
    let socket = listener::keep(
        ListenAddress::Socket(config.socket.clone()),
        server.clone(),
        shutdown.clone(),
    );
    let tcp = async {
        if let Some(address) = config.listen {
            listener::keep(ListenAddress::Tcp(address), server, shutdown).await;
        }
    };
    tokio::join!(socket, tcp);
}
