//! The reconciler: BIRD is brought to what is wanted of it, held there, and watched (A1 to A7).
//!
//! One task. It is handed the latest intents through a `watch`, reads BIRD, compares, writes only the
//! difference, and reports what it saw. Nothing is queued: whatever happened in between, the next look at
//! BIRD starts from what is wanted now. What to write is decided in [`plan`] and [`guard`]; what to want
//! is decided by the daemon.
//!
//! ```text
//!   new intent ──┐
//!   write due ───┼──> quick pass ──> show protocols ──> drift? ask BIRD who undid it
//!   follow-up ───┘                          │
//!                                           v
//!                        for each service, for each family:
//!                          plan: AskGuard, AskRoutes ──> state files ──> enable, disable
//!                                           │
//!                                           v
//!                        exported? (only what is on its way) ──> reports of stages
//!
//!   poll ────────┐
//!   connection ──┴──> full pass ──> show status, and the same as a quick pass, then
//!                                   upstreams ──> guard, a few protocols ──> others' routes
//!                                     ──> exports of all ──> enable again what reaches nobody
//!                                     ──> what neighbours tell of our prefixes
//!                                     ──> report of everything seen
//!
//!   A pass ends early:  new intent ──> quick pass at once
//!                       queue full ──> again in 50 ms
//!                       BIRD lost ───> state files only, for a BIRD that starts
//!   A pass wrote something, or something is on its way: a follow-up within 0 to 200 ms.
//! ```
//!
//! [`plan`]: super::plan
//! [`guard`]: super::guard

mod backoff;
mod decision;
mod drift;
mod drift_backoff;
mod export_queries;
mod exports;
mod family;
mod guard_queries;
mod handle;
mod io;
mod kernel;
mod not_exported;
mod observation;
mod obstacles;
mod re_enable;
mod report;
mod rival_queries;
mod rivals;
mod route_queries;
mod routes;
mod service;
mod stages;
mod state_files;
mod summary;
mod target;
mod task;
mod view;
mod writes;

pub use handle::{Reconciler, spawn};
pub use observation::{
    DrillState, LimitHit, Observed, ObservedDrill, ObservedRival, ObservedService, ObservedUpstream,
    PreferredWay, SeenChannel,
};
pub use report::{ReconcilerReport, Repeated, ReportReceiver, StageReport, TransitionStage};
#[cfg(test)]
pub(crate) use report::{ReportSender, channel as report_channel};
pub use rivals::RIVALS_SHOWN;
pub use target::{Intents, ReconcileTarget, ReconcilerConfig, SessionImport};
