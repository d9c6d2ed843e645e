//! How a new bird.conf gets into a running BIRD (rule A9), as a machine without a clock or a socket:
//! it says what to do next, and is told what came of it.
//!
//! The order is the rule's: only when BIRD has no reconfiguration in progress; first the file that BIRD
//! runs, once more, so that what an undo returns to holds the present state; then the new file with
//! BIRD's undo timer; a look at the protocols; the confirmation; and on any doubt BIRD's own undo and
//! the old file back. One command at a time: BIRD 3.3.2 dies of a reconfiguration that is queued
//! behind another.
//!
//! The first `configure` has no undo timer. With one, an answer that comes late or an end of ours
//! before the confirmation would have BIRD go back to a state that is no longer wanted.
//!
//! ```text
//! state                     what it does                        when that fails
//!
//! Idle(LookBefore)          configure status, until idle        Done(NotStarted)
//!   │
//! LookBefore                show protocols                      Done(NotStarted)
//!   │
//! PutRunning                only if BIRD never read the file    Done(NotStarted)
//!   │
//! Idle(ConfigureRunning)    configure status, until idle        Done(NotStarted)
//! CalmBeforeRunning         no takeover or failback now?        Done(NotStarted)
//! ConfigureRunning          configure, again until answered     Done(NotStarted)
//!   │
//! Idle(PutNew)              configure status, until idle        Done(NotStarted)
//! CalmBeforeNew             no takeover or failback now?        Done(NotStarted)
//! PutNew                    new file on disk                    Done(NotStarted)
//! CheckPlace                would BIRD read that file?          PutBack(NotStarted)
//!   │
//! Idle(ConfigureNew)        configure status, until idle        PutBack(NotStarted)
//! ConfigureNew              configure timeout                   refused: PutBack(Refused)
//!   │                                                           no answer: Taken, then
//!   │                                                             PutBack or UndoWhenIdle
//! Watch                     status and protocols, until all     something lost: UndoWhenIdle,
//!   │                       has been well for WELL_FOR            Undo, PutBack(Undone)
//!   │                                                           timer gone: PutBack(Unclear)
//! Note                      write down that it is confirmed     (goes on)
//! Confirm                   configure confirm                   no answer: Confirmed, then
//!   │                                                             Confirm or Done(Applied)
//! Done(Applied)                                                 PutBack(outcome): Done(outcome)
//! ```
//!
//! When an apply may start is not decided here: not during a takeover or a failback, which the
//! daemon knows.

mod machine;
mod outcome;
mod protocol_states;
mod state;
mod step;
mod transitions;
mod waits;

pub use outcome::ApplyOutcome;
pub use protocol_states::{ProtocolStates, WantedProtocols};
pub use step::{ApplyEvent, ApplyStep, CommandFailure};
pub use transitions::Apply;

#[cfg(test)]
mod tests;
