//! Errands that concern no single service: `reload`, and `render --apply`.
//!
//! They are waited for to their end, however long that takes: an apply's limit is BIRD's undo timer,
//! and not ours.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;
use tokio::sync::oneshot;

use super::{Server, outcome, whole};
use crate::api::request::{Errand, Task};
use crate::api::response;
use crate::api::response::ApiResponse;
use crate::api::{account, command_body};

impl Server {
    /// Has bird.conf brought into BIRD.
    pub(crate) async fn apply<B>(&self, uid: u32, body: B) -> ApiResponse
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = match whole(body).await {
            Ok(body) => body,
            Err((status, said)) => return response::failure(status, said),
        };
        match command_body::force(&body) {
            Ok(force) => self.run(uid, Task::Apply { force }).await,
            Err(said) => response::failure(StatusCode::BAD_REQUEST, &said),
        }
    }

    /// Has falconer.toml read again. There is nothing to say beside it: a body is not read.
    pub(crate) async fn reload(&self, uid: u32) -> ApiResponse {
        self.run(uid, Task::Reload).await
    }

    async fn run(&self, uid: u32, task: Task) -> ApiResponse {
        let (answer, answered) = oneshot::channel();
        let actor = account::user_name(uid);
        let errand = Errand { task, actor, answer };
        let told = match self.handles.errands.send(errand).await {
            Ok(()) => answered.await.ok(),
            Err(_) => None,
        };
        outcome(told)
    }
}
