use super::*;

type Caller = oneshot::Receiver<CommandResult>;

fn push(queue: &mut CommandQueue, priority: Priority, question: BirdCommand) -> Caller {
    let (answer, caller) = oneshot::channel();
    queue.push(QueuedCommand {
        question,
        priority,
        answer,
    });
    caller
}

fn lines(queue: &mut CommandQueue) -> Vec<String> {
    std::iter::from_fn(|| queue.pop())
        .map(|asked| asked.question.line().to_owned())
        .collect()
}

fn enable(name: &str) -> BirdCommand {
    BirdCommand::enable(name, "").expect("fit")
}

#[test]
fn a10_decisions_go_before_polls_and_each_in_its_order() {
    let mut queue = CommandQueue::default();
    let _callers = [
        push(&mut queue, Priority::Poll, BirdCommand::status()),
        push(&mut queue, Priority::Poll, BirdCommand::protocols()),
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
    let mut queue = CommandQueue::default();
    let _callers = [
        push(&mut queue, Priority::Poll, BirdCommand::protocols()),
        push(&mut queue, Priority::Poll, BirdCommand::status()),
        push(&mut queue, Priority::Poll, BirdCommand::protocols()),
    ];
    assert_eq!(lines(&mut queue), ["show protocols", "show status"]);
}

#[test]
fn a_decision_pulls_the_same_question_of_a_poll_forward() {
    let mut queue = CommandQueue::default();
    let _status = push(&mut queue, Priority::Poll, BirdCommand::status());
    let mut poll = push(&mut queue, Priority::Poll, BirdCommand::protocols());
    let mut decision = push(&mut queue, Priority::Decision, BirdCommand::protocols());
    let mut late_poll = push(&mut queue, Priority::Poll, BirdCommand::protocols());
    queue.pop().expect("one").answer(Err(BirdError::Restricted));
    for caller in [&mut poll, &mut decision, &mut late_poll] {
        assert_eq!(caller.try_recv(), Ok(Err(BirdError::Restricted)));
    }
    assert_eq!(lines(&mut queue), ["show status"]);
}

#[test]
fn what_changes_bird_is_never_shared() {
    let mut queue = CommandQueue::default();
    let _callers = [
        push(&mut queue, Priority::Decision, enable("a")),
        push(&mut queue, Priority::Decision, enable("a")),
    ];
    assert_eq!(lines(&mut queue).len(), 2);
}

#[test]
fn a_command_whose_caller_has_gone_is_skipped() {
    let mut queue = CommandQueue::default();
    drop(push(&mut queue, Priority::Decision, enable("a")));
    let _caller = push(&mut queue, Priority::Decision, enable("b"));
    assert_eq!(lines(&mut queue), ["enable \"b\""]);
}

#[test]
fn a_question_stays_while_one_of_its_callers_does() {
    let mut queue = CommandQueue::default();
    drop(push(&mut queue, Priority::Poll, BirdCommand::status()));
    let _caller = push(&mut queue, Priority::Poll, BirdCommand::status());
    assert_eq!(lines(&mut queue), ["show status"]);
}

#[test]
fn a_full_queue_says_so_and_makes_room_as_callers_leave() {
    let mut queue = CommandQueue::default();
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
    let mut queue = CommandQueue::default();
    let mut decision = push(&mut queue, Priority::Decision, enable("a"));
    let mut poll = push(&mut queue, Priority::Poll, BirdCommand::status());
    let gone = BirdError::Unreachable { why: "gone".into() };
    queue.refuse(&gone);
    assert_eq!(decision.try_recv(), Ok(Err(gone.clone())));
    assert_eq!(poll.try_recv(), Ok(Err(gone)));
    assert_eq!(lines(&mut queue), [""; 0]);
}
