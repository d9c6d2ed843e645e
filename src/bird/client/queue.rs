//! The commands that wait for the connection: decisions before polls, equal questions asked once,
//! and none whose caller has gone away.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Priority;
use crate::bird::error::BirdError;
use crate::bird::question::Question;
use crate::bird::reply::Reply;

/// The most callers that wait at once. A busy site has some dozens of questions a second, so this
/// many are only there when BIRD hangs, and then waiting longer is of no use to anybody.
pub(super) const WAITING_LIMIT: usize = 512;

/// What a caller gets.
pub(super) type Answer = Result<Arc<Reply>, BirdError>;

/// One caller's command.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) question: Question,
    pub(super) priority: Priority,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// One command and all who wait for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) question: Question,
    callers: Vec<oneshot::Sender<Answer>>,
}

/// The commands that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    decisions: VecDeque<Asked>,
    polls: VecDeque<Asked>,
}

impl Queue {
    /// Takes a command in, or answers it with [`BirdError::QueueFull`].
    pub(super) fn push(&mut self, request: Request) {
        let Request {
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
        let mut asked = Asked {
            question,
            callers: vec![answer],
        };
        match priority {
            Priority::Decision => {
                // A poll's question that waits further back comes along.
                if let Some(poll) = find(&self.polls, &asked.question).and_then(|at| self.polls.remove(at)) {
                    asked.callers.extend(poll.callers);
                }
                join_or_append(&mut self.decisions, asked);
            }
            Priority::Poll if find(&self.decisions, &asked.question).is_some() => {
                join_or_append(&mut self.decisions, asked);
            }
            Priority::Poll => join_or_append(&mut self.polls, asked),
        }
    }

    /// The next command that anybody still waits for.
    pub(super) fn pop(&mut self) -> Option<Asked> {
        loop {
            let asked = self.decisions.pop_front().or_else(|| self.polls.pop_front())?;
            if asked.is_wanted() {
                return Some(asked);
            }
        }
    }

    /// Answers all that wait with an error.
    pub(super) fn refuse(&mut self, error: &BirdError) {
        for asked in self.decisions.drain(..).chain(self.polls.drain(..)) {
            asked.answer(Err(error.clone()));
        }
    }

    fn waiting(&self) -> usize {
        self.decisions
            .iter()
            .chain(&self.polls)
            .map(|asked| asked.callers.len())
            .sum()
    }

    fn forget_abandoned(&mut self) {
        for queue in [&mut self.decisions, &mut self.polls] {
            for asked in queue.iter_mut() {
                asked.callers.retain(|caller| !caller.is_closed());
            }
            queue.retain(|asked| !asked.callers.is_empty());
        }
    }
}

impl Asked {
    /// Gives every caller the answer.
    pub(super) fn answer(self, answer: Answer) {
        for caller in self.callers {
            // Whoever went away meanwhile needs no answer.
            let _ = caller.send(answer.clone());
        }
    }

    fn is_wanted(&self) -> bool {
        self.callers.iter().any(|caller| !caller.is_closed())
    }
}

fn find(queue: &VecDeque<Asked>, question: &Question) -> Option<usize> {
    queue
        .iter()
        .position(|asked| question.is_read() && asked.question == *question)
}

/// A question that waits already gets one more caller; anything else goes to the end.
fn join_or_append(queue: &mut VecDeque<Asked>, asked: Asked) {
    match find(queue, &asked.question) {
        Some(at) => queue[at].callers.extend(asked.callers),
        None => queue.push_back(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Caller = oneshot::Receiver<Answer>;

    fn push(queue: &mut Queue, priority: Priority, question: Question) -> Caller {
        let (answer, caller) = oneshot::channel();
        queue.push(Request {
            question,
            priority,
            answer,
        });
        caller
    }

    fn lines(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop())
            .map(|asked| asked.question.line().to_owned())
            .collect()
    }

    fn enable(name: &str) -> Question {
        Question::enable(name, "").expect("fit")
    }

    #[test]
    fn a10_decisions_go_before_polls_and_each_in_its_order() {
        let mut queue = Queue::default();
        let _callers = [
            push(&mut queue, Priority::Poll, Question::status()),
            push(&mut queue, Priority::Poll, Question::protocols()),
            push(&mut queue, Priority::Decision, enable("a")),
            push(&mut queue, Priority::Decision, enable("b")),
        ];
        assert_eq!(
            lines(&mut queue),
            ["enable \"a\"", "enable \"b\"", "show status", "show protocols"]
        );
    }

    #[test]
    fn a10_equal_questions_are_asked_once() {
        let mut queue = Queue::default();
        let _callers = [
            push(&mut queue, Priority::Poll, Question::protocols()),
            push(&mut queue, Priority::Poll, Question::status()),
            push(&mut queue, Priority::Poll, Question::protocols()),
        ];
        assert_eq!(lines(&mut queue), ["show protocols", "show status"]);
    }

    #[test]
    fn a_decision_pulls_the_same_question_of_a_poll_forward() {
        let mut queue = Queue::default();
        let _status = push(&mut queue, Priority::Poll, Question::status());
        let mut poll = push(&mut queue, Priority::Poll, Question::protocols());
        let mut decision = push(&mut queue, Priority::Decision, Question::protocols());
        let mut late_poll = push(&mut queue, Priority::Poll, Question::protocols());
        queue.pop().expect("one").answer(Err(BirdError::Restricted));
        for caller in [&mut poll, &mut decision, &mut late_poll] {
            assert_eq!(caller.try_recv(), Ok(Err(BirdError::Restricted)));
        }
        assert_eq!(lines(&mut queue), ["show status"]);
    }

    #[test]
    fn what_changes_bird_is_never_shared() {
        let mut queue = Queue::default();
        let _callers = [
            push(&mut queue, Priority::Decision, enable("a")),
            push(&mut queue, Priority::Decision, enable("a")),
        ];
        assert_eq!(lines(&mut queue).len(), 2);
    }

    #[test]
    fn a_command_whose_caller_has_gone_is_skipped() {
        let mut queue = Queue::default();
        drop(push(&mut queue, Priority::Decision, enable("a")));
        let _caller = push(&mut queue, Priority::Decision, enable("b"));
        assert_eq!(lines(&mut queue), ["enable \"b\""]);
    }

    #[test]
    fn a_question_stays_while_one_of_its_callers_does() {
        let mut queue = Queue::default();
        drop(push(&mut queue, Priority::Poll, Question::status()));
        let _caller = push(&mut queue, Priority::Poll, Question::status());
        assert_eq!(lines(&mut queue), ["show status"]);
    }

    #[test]
    fn a_full_queue_says_so_and_makes_room_as_callers_leave() {
        let mut queue = Queue::default();
        let mut callers: Vec<Caller> = (0..WAITING_LIMIT)
            .map(|_| push(&mut queue, Priority::Decision, enable("a")))
            .collect();
        assert_eq!(
            push(&mut queue, Priority::Decision, enable("b")).try_recv(),
            Ok(Err(BirdError::QueueFull))
        );
        callers.truncate(WAITING_LIMIT / 2);
        let _caller = push(&mut queue, Priority::Decision, enable("b"));
        assert_eq!(lines(&mut queue).len(), WAITING_LIMIT / 2 + 1);
    }

    #[test]
    fn a_refusal_reaches_all_that_wait() {
        let mut queue = Queue::default();
        let mut decision = push(&mut queue, Priority::Decision, enable("a"));
        let mut poll = push(&mut queue, Priority::Poll, Question::status());
        let gone = BirdError::Unreachable { why: "gone".into() };
        queue.refuse(&gone);
        assert_eq!(decision.try_recv(), Ok(Err(gone.clone())));
        assert_eq!(poll.try_recv(), Ok(Err(gone)));
        assert_eq!(lines(&mut queue), [""; 0]);
    }
}
