//! The commands that wait for the connection: decisions before polls, equal questions asked once,
//! and none whose caller has gone away.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::bird::command::BirdCommand;
use crate::bird::error::BirdError;
use crate::bird::reply::BirdReply;

/// The most callers that wait at once: the bird-* probes of a few thousand services that are asked out
/// of turn. More are only there when BIRD hangs, and then waiting longer is of no use to anybody.
pub(crate) const WAITING_LIMIT: usize = 4096;

/// Which of the waiting commands goes first (A10). One in flight is never overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// A decision's commands, and the questions that verify it.
    Decision,
    /// Polls and bird-* probes.
    Poll,
}

/// What a caller gets.
pub(crate) type CommandResult = Result<Arc<BirdReply>, BirdError>;

/// One caller's command.
#[derive(Debug)]
pub(crate) struct QueuedCommand {
    pub(crate) question: BirdCommand,
    pub(crate) priority: Priority,
    pub(crate) answer: oneshot::Sender<CommandResult>,
}

/// One command and all who wait for its answer.
#[derive(Debug)]
pub(crate) struct PendingCommand {
    pub(crate) question: BirdCommand,
    callers: Vec<oneshot::Sender<CommandResult>>,
}

/// The commands that wait.
#[derive(Debug, Default)]
pub(crate) struct CommandQueue {
    decisions: VecDeque<PendingCommand>,
    polls: VecDeque<PendingCommand>,
}

impl CommandQueue {
    /// Takes a command in, or answers it with [`BirdError::QueueFull`].
    pub(crate) fn push(&mut self, request: QueuedCommand) {
        let QueuedCommand {
            question,
            priority,
            answer,
        } = request;
        if self.waiting() >= WAITING_LIMIT {
            self.forget_abandoned();
        }
        if self.waiting() >= WAITING_LIMIT {
            // Whoever went away meanwhile needs no answer.
            let _ = answer.send(Err(BirdError::QueueFull));
            return;
        }
        let mut pending = PendingCommand {
            question,
            callers: vec![answer],
        };
        match priority {
            Priority::Decision => {
                // A poll's question that waits further back comes along.
                if let Some(poll) = find(&self.polls, &pending.question).and_then(|at| self.polls.remove(at))
                {
                    pending.callers.extend(poll.callers);
                }
                join_or_append(&mut self.decisions, pending);
            }
            Priority::Poll if find(&self.decisions, &pending.question).is_some() => {
                join_or_append(&mut self.decisions, pending);
            }
            Priority::Poll => join_or_append(&mut self.polls, pending),
        }
    }

    /// The next command that anybody still waits for.
    pub(crate) fn pop(&mut self) -> Option<PendingCommand> {
        loop {
            let pending = self.decisions.pop_front().or_else(|| self.polls.pop_front())?;
            if pending.is_wanted() {
                return Some(pending);
            }
        }
    }

    /// Answers all that wait with an error.
    pub(crate) fn refuse(&mut self, error: &BirdError) {
        for pending in self.decisions.drain(..).chain(self.polls.drain(..)) {
            pending.answer(Err(error.clone()));
        }
    }

    fn waiting(&self) -> usize {
        self.decisions
            .iter()
            .chain(&self.polls)
            .map(|pending| pending.callers.len())
            .sum()
    }

    fn forget_abandoned(&mut self) {
        for queue in [&mut self.decisions, &mut self.polls] {
            for pending in queue.iter_mut() {
                pending.callers.retain(|caller| !caller.is_closed());
            }
            queue.retain(|pending| !pending.callers.is_empty());
        }
    }
}

impl PendingCommand {
    /// Gives every caller the answer.
    pub(crate) fn answer(self, answer: CommandResult) {
        for caller in self.callers {
            // Whoever went away meanwhile needs no answer.
            let _ = caller.send(answer.clone());
        }
    }

    fn is_wanted(&self) -> bool {
        self.callers.iter().any(|caller| !caller.is_closed())
    }
}

fn find(queue: &VecDeque<PendingCommand>, question: &BirdCommand) -> Option<usize> {
    queue
        .iter()
        .position(|pending| question.is_read() && pending.question == *question)
}

/// A question that waits already gets one more caller; anything else goes to the end.
fn join_or_append(queue: &mut VecDeque<PendingCommand>, pending: PendingCommand) {
    match find(queue, &pending.question) {
        Some(at) => queue[at].callers.extend(pending.callers),
        None => queue.push_back(pending),
    }
}

#[cfg(test)]
mod tests;
