//! Errands that concern no single service: `reload`, and `render --apply`.
//!
//! They are waited for to their end, however long that takes: an apply's limit is BIRD's undo timer,
//! and not ours.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;
use tokio::sync::oneshot;

use super::{Desk, outcome, whole};
use crate::api::reply::{self, Reply};
use crate::api::{Errand, Task, account, order};

impl Desk {
    /// Has bird.conf brought into BIRD.
    pub(super) async fn apply<B>(&self, uid: u32, body: B) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = match whole(body).await {
            Ok(body) => body,
            Err((status, said)) => return reply::failure(status, said),
        };
        match order::force(&body) {
            Ok(force) => self.run(uid, Task::Apply { force }).await,
            Err(said) => reply::failure(StatusCode::BAD_REQUEST, &said),
        }
    }

    /// Has falconer.toml read again. There is nothing to say beside it: a body is not read.
    pub(super) async fn reload(&self, uid: u32) -> Reply {
        self.run(uid, Task::Reload).await
    }

    async fn run(&self, uid: u32, task: Task) -> Reply {
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
