//! The machine against a BIRD that is a handful of fields, on virtual time. Every scenario is also a
//! golden file of steps and events: read them as the story that they tell.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::{Apply, ApplyEvent, ApplyOutcome, ApplyStep, CommandFailure, ProtocolStates, WantedProtocols};
use crate::bird::parse::{ConfigureReply, ConfigureStatus};
use crate::model::time::Moment;

const WITHIN: Duration = Duration::from_secs(60);

/// What may be on disk, and what BIRD may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// What BIRD runs at first.
    Running,
    /// What is to be brought in.
    New,
    /// What somebody put on disk and nobody had BIRD read.
    Unread,
}

/// A BIRD and a disk.
struct World {
    now: Moment,
    /// Which file is on disk, and which BIRD runs.
    disk: Which,
    runs: Which,
    /// What `configure undo` and the timer go back to, and when the timer runs out.
    undo: Option<Moment>,
    /// A reconfiguration takes that long.
    busy_until: Moment,
    takes: Duration,
    /// While true, somebody else's reconfiguration waits to be confirmed.
    somebody_elses: bool,
    /// Whether BIRD has read once more what it runs.
    refreshed: bool,
    deaf_until: Moment,
    asked_calm: u32,
    fault: Fault,
    log: String,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// The new file loses the session for good.
    LosesSession,
    /// The new file restarts the session, which is back after that long.
    RestartsSession(Duration),
    /// The new file's export filter lets nothing through.
    LosesExport,
    /// The new file has a syntax error.
    Syntax,
    /// BIRD is stopped for that long when it is told to read once more what it runs. It reads it then,
    /// and nobody gets the answer.
    StoppedAtFirst(Duration),
    /// A takeover begins before the first file is configured, or before the second.
    TakeoverBegins {
        before_first: bool,
    },
    /// BIRD would not read the file that was put in place.
    ReadsAnother,
    /// The connection breaks after BIRD has taken the new file.
    AnswerLost,
    /// The connection breaks before BIRD has taken the new file.
    CommandLost,
    /// The connection breaks after BIRD has taken the confirmation of the new file.
    ConfirmationAnswerLost,
    /// Somebody confirms, or undoes, by hand while we watch the new file.
    Meddling,
    /// BIRD answers nothing from the new file on.
    Deaf,
    /// The file cannot be written.
    Disk,
    /// We are suspended after the new file until long after the timer ran out.
    Suspended,
}

impl World {
    fn new(fault: Fault) -> Self {
        Self {
            now: Moment::START,
            disk: Which::Running,
            runs: Which::Running,
            undo: None,
            busy_until: Moment::START,
            takes: Duration::from_millis(700),
            somebody_elses: false,
            refreshed: false,
            deaf_until: Moment::START,
            asked_calm: 0,
            fault,
            log: String::new(),
        }
    }

    /// Runs an apply to its end.
    fn run(&mut self) -> ApplyOutcome {
        let unread = self.disk == Which::Unread;
        let mut machine = Apply::new(plan(), unread, self.now);
        for _ in 0..1000 {
            let step = machine.step(self.now);
            self.tick();
            let event = match step {
                ApplyStep::Done(outcome) => {
                    let _ = writeln!(self.log, "{} end: {outcome}", self.stamp());
                    return outcome;
                }
                ApplyStep::Wait(until) => {
                    self.now = until;
                    continue;
                }
                ApplyStep::AskStatus => ApplyEvent::Status(self.status()),
                ApplyStep::Look => ApplyEvent::Look(self.look()),
                ApplyStep::AskCalm => ApplyEvent::Calm(self.calm()),
                ApplyStep::ConfigureRunning => ApplyEvent::Configured {
                    sent_at: self.now,
                    answer: self.configure_running(),
                },
                ApplyStep::ConfigureNew { .. } => ApplyEvent::Configured {
                    sent_at: self.now,
                    answer: self.configure(),
                },
                ApplyStep::Confirm => ApplyEvent::Confirmed(self.confirm()),
                ApplyStep::Undo => ApplyEvent::Undone(self.undo()),
                ApplyStep::PutRunning => ApplyEvent::File(self.put(Which::Running)),
                ApplyStep::CheckPlace => ApplyEvent::Place(if self.fault == Fault::ReadsAnother {
                    Err("BIRD reads another file".to_owned())
                } else {
                    Ok(())
                }),
                ApplyStep::PutNew => ApplyEvent::File(self.put(Which::New)),
                ApplyStep::PutBack => ApplyEvent::File(self.put(Which::Running)),
                ApplyStep::NoteConfirming => ApplyEvent::File(Ok(())),
            };
            self.write(&format!("{step:?} -> {}", told(&event)));
            self.now = self.now + Duration::from_millis(1);
            machine.handle(self.now, event);
        }
        panic!("no end:\n{}", self.log);
    }

    /// Adds a line to the story. What only repeats one of the last two, save for its numbers, is left
    /// out.
    fn write(&mut self, line: &str) {
        let bare = |line: &str| line.replace(|c: char| c.is_ascii_digit(), "");
        let told_before = self
            .log
            .lines()
            .rev()
            .take(2)
            .any(|old| bare(&old[7..]).trim() == bare(line));
        if !told_before {
            let _ = writeln!(self.log, "{} {line}", self.stamp());
        }
    }

    fn stamp(&self) -> String {
        format!("{:7.3}", self.now.since_start().as_secs_f64())
    }

    /// BIRD's timer.
    fn tick(&mut self) {
        if self.undo.is_some_and(|at| self.now >= at) {
            let _ = writeln!(self.log, "{} BIRD's undo timer runs out", self.stamp());
            self.go_back();
        }
    }

    fn go_back(&mut self) {
        self.undo = None;
        self.runs = Which::Running;
        self.busy_until = self.now + self.takes;
    }

    fn is_deaf(&self) -> bool {
        self.fault == Fault::Deaf && self.runs == Which::New || self.now < self.deaf_until
    }

    fn calm(&mut self) -> Result<(), String> {
        self.asked_calm += 1;
        let before_first = self.asked_calm == 1;
        if self.fault == (Fault::TakeoverBegins { before_first }) {
            Err("web is being announced".to_owned())
        } else {
            Ok(())
        }
    }

    fn configure_running(&mut self) -> Result<ConfigureReply, CommandFailure> {
        assert_eq!(
            self.disk, self.runs,
            "it brings in what nobody asked for\n{}",
            self.log
        );
        self.must_be_idle();
        self.refreshed = true;
        self.busy_until = self.now + self.takes;
        if let Fault::StoppedAtFirst(time) = self.fault
            && self.deaf_until == Moment::START
        {
            self.deaf_until = self.now + time;
            self.busy_until = self.deaf_until + self.takes;
            return Err(CommandFailure::Unknown("no answer within 5s".to_owned()));
        }
        Ok(ConfigureReply::InProgress)
    }

    fn must_be_idle(&self) {
        assert!(
            self.now >= self.busy_until,
            "queued behind another: BIRD 3 dies\n{}",
            self.log
        );
        assert!(
            self.undo.is_none() && !self.somebody_elses,
            "confirms somebody else's\n{}",
            self.log
        );
    }

    fn status(&self) -> Result<ConfigureStatus, CommandFailure> {
        if self.is_deaf() {
            return Err(CommandFailure::Unknown("no answer within 5s".to_owned()));
        }
        Ok(ConfigureStatus {
            in_progress: self.now < self.busy_until,
            queued: false,
            shutting_down: false,
            undo_in: if self.somebody_elses {
                Some(Duration::from_secs(200))
            } else {
                self.undo.map(|at| at.since(self.now))
            },
        })
    }

    fn look(&mut self) -> Result<ProtocolStates, CommandFailure> {
        if self.is_deaf() {
            return Err(CommandFailure::Unknown("no answer within 5s".to_owned()));
        }
        let new = self.runs == Which::New;
        let lost = new
            && (self.fault == Fault::LosesSession
                || matches!(self.fault, Fault::RestartsSession(time) if self.now < self.busy_until + time));
        if new && self.fault == Fault::Meddling {
            self.undo = None;
        }
        if new && self.fault == Fault::Suspended {
            self.now = self.now + Duration::from_secs(300);
        }
        let upstream = "isp_upstream".to_owned();
        let prefix = "198.51.100.0/24".parse().unwrap();
        let filtered = new && self.fault == Fault::LosesExport;
        let exported = !(lost || filtered);
        Ok(ProtocolStates {
            established: BTreeSet::from_iter((!lost).then(|| upstream.clone())),
            up: ["web_v4".to_owned()].into(),
            exported: BTreeSet::from_iter(exported.then_some((prefix, upstream))),
        })
    }

    fn configure(&mut self) -> Result<ConfigureReply, CommandFailure> {
        self.must_be_idle();
        assert!(
            self.refreshed,
            "an undo would bring back an old state\n{}",
            self.log
        );
        if self.disk == Which::New {
            if self.fault == Fault::Syntax {
                return Err(CommandFailure::NotDone("bird.conf:3:1 syntax error".to_owned()));
            }
            if self.fault == Fault::CommandLost {
                return Err(CommandFailure::Unknown("the connection broke".to_owned()));
            }
        }
        self.runs = self.disk;
        self.undo = Some(self.now + WITHIN);
        self.busy_until = self.now + self.takes;
        if self.disk == Which::New && matches!(self.fault, Fault::AnswerLost | Fault::Deaf) {
            return Err(CommandFailure::Unknown("the connection broke".to_owned()));
        }
        Ok(ConfigureReply::InProgress)
    }

    fn confirm(&mut self) -> Result<ConfigureReply, CommandFailure> {
        let confirmed = self.undo.take().is_some();
        if self.fault == Fault::ConfirmationAnswerLost && self.runs == Which::New {
            return Err(CommandFailure::Unknown("the connection broke".to_owned()));
        }
        Ok(if confirmed {
            ConfigureReply::Confirmed
        } else {
            ConfigureReply::NothingToDo
        })
    }

    fn undo(&mut self) -> Result<ConfigureReply, CommandFailure> {
        assert!(
            self.now >= self.busy_until,
            "queued behind another: BIRD 3 dies\n{}",
            self.log
        );
        self.go_back();
        Ok(ConfigureReply::InProgress)
    }

    fn put(&mut self, which: Which) -> Result<(), String> {
        if self.fault == Fault::Disk {
            return Err("No space left on device".to_owned());
        }
        self.disk = which;
        Ok(())
    }
}

/// The event as the golden files have it.
fn told(event: &ApplyEvent) -> String {
    match event {
        ApplyEvent::Status(Ok(status)) => match (status.in_progress, status.undo_in) {
            (true, _) => "in progress".to_owned(),
            (false, None) => "idle".to_owned(),
            (false, Some(left)) => format!("undo in {:.1} s", left.as_secs_f64()),
        },
        ApplyEvent::Look(Ok(look)) => {
            format!(
                "{} established, {} exported",
                look.established.len(),
                look.exported.len()
            )
        }
        ApplyEvent::Configured {
            answer: Ok(answer), ..
        }
        | ApplyEvent::Confirmed(Ok(answer))
        | ApplyEvent::Undone(Ok(answer)) => {
            format!("{answer:?}")
        }
        ApplyEvent::File(Ok(())) => "done".to_owned(),
        ApplyEvent::Calm(Ok(())) => "nothing is under way".to_owned(),
        ApplyEvent::Place(Ok(())) => "it is".to_owned(),
        ApplyEvent::File(Err(why)) | ApplyEvent::Calm(Err(why)) | ApplyEvent::Place(Err(why)) => why.clone(),
        ApplyEvent::Status(Err(trouble))
        | ApplyEvent::Look(Err(trouble))
        | ApplyEvent::Configured {
            answer: Err(trouble), ..
        }
        | ApplyEvent::Confirmed(Err(trouble))
        | ApplyEvent::Undone(Err(trouble)) => format!("{trouble:?}"),
    }
}

fn plan() -> WantedProtocols {
    WantedProtocols {
        confirm_within: WITHIN,
        sessions: ["isp_upstream".to_owned()].into(),
        statics: ["web_v4".to_owned()].into(),
        carries: [("198.51.100.0/24".parse().unwrap(), "isp_upstream".to_owned())].into(),
    }
}

/// Runs a scenario, holds its story against the golden file, and checks what holds in all of them:
/// BIRD ends with the file that is on disk, and with the old one unless it was applied.
fn scenario(name: &str, mut world: World) -> (ApplyOutcome, World) {
    let outcome = world.run();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/golden/apply");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, world.log));
    let left = world.undo.is_some();
    if let Some(at) = world.undo {
        world.now = at;
        world.tick();
    }
    if outcome == ApplyOutcome::Applied {
        assert!(!left, "applied, and yet BIRD would undo it");
        assert_eq!((world.disk, world.runs), (Which::New, Which::New));
    } else {
        assert_eq!(world.disk, Which::Running);
    }
    (outcome, world)
}

#[test]
fn a9_the_running_file_is_configured_before_the_new_one_which_is_confirmed() {
    let (outcome, _) = scenario("all_well", World::new(Fault::Nothing));
    assert_eq!(outcome, ApplyOutcome::Applied);
}

#[test]
fn a9_a_file_that_bird_has_not_read_never_goes_live_on_the_way() {
    let mut world = World::new(Fault::Nothing);
    world.disk = Which::Unread;
    assert_eq!(scenario("unread_file", world).0, ApplyOutcome::Applied);
    let mut world = World::new(Fault::LosesSession);
    world.disk = Which::Unread;
    let (outcome, world) = scenario("unread_file_and_session_lost", world);
    assert!(matches!(outcome, ApplyOutcome::Undone { .. }), "{outcome:?}");
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_what_bird_runs_is_read_once_more_however_late_it_answers() {
    let fault = Fault::StoppedAtFirst(Duration::from_secs(90));
    assert_eq!(
        scenario("stopped_at_first", World::new(fault)).0,
        ApplyOutcome::Applied
    );
    let fault = Fault::StoppedAtFirst(Duration::from_secs(600));
    let (outcome, world) = scenario("stopped_for_good", World::new(fault));
    assert!(matches!(outcome, ApplyOutcome::NotStarted { .. }), "{outcome:?}");
    assert!(world.undo.is_none(), "nothing is left that would be undone");
}

#[test]
fn a9_calm_is_asked_again_right_before_each_file() {
    let (outcome, world) = scenario(
        "takeover_before_the_first",
        World::new(Fault::TakeoverBegins { before_first: true }),
    );
    assert!(matches!(outcome, ApplyOutcome::NotStarted { .. }), "{outcome:?}");
    assert!(!world.refreshed, "{}", world.log);
    let (outcome, world) = scenario(
        "takeover_before_the_second",
        World::new(Fault::TakeoverBegins { before_first: false }),
    );
    assert!(matches!(outcome, ApplyOutcome::NotStarted { .. }), "{outcome:?}");
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_a_file_that_bird_would_not_read_is_taken_back_before_bird_is_told() {
    let (outcome, world) = scenario("reads_another", World::new(Fault::ReadsAnother));
    let why = "BIRD reads another file".to_owned();
    assert_eq!(outcome, ApplyOutcome::NotStarted { why });
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_a_lost_session_is_undone_and_named() {
    let (outcome, world) = scenario("session_lost", World::new(Fault::LosesSession));
    let ApplyOutcome::Undone { why } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        why,
        "the session isp_upstream is lost; 198.51.100.0/24 is not exported to anybody any more"
    );
    assert_eq!(world.runs, Which::Running);
    assert!(
        world.now < Moment::START + WITHIN,
        "undone by us, and within the time"
    );
}

#[test]
fn a9_a_session_that_restarts_is_waited_for() {
    let fault = Fault::RestartsSession(Duration::from_secs(8));
    assert_eq!(
        scenario("session_restarts", World::new(fault)).0,
        ApplyOutcome::Applied
    );
}

#[test]
fn a9_a_lost_export_is_undone_though_all_sessions_stand() {
    let (outcome, world) = scenario("export_lost", World::new(Fault::LosesExport));
    let ApplyOutcome::Undone { why } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        why.starts_with("198.51.100.0/24 is not exported to isp_upstream any more"),
        "{why}"
    );
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_a_file_that_bird_refuses_is_taken_back_and_bird_is_left_alone() {
    let (outcome, world) = scenario("refused", World::new(Fault::Syntax));
    assert_eq!(
        outcome,
        ApplyOutcome::Refused {
            why: "bird.conf:3:1 syntax error".to_owned()
        }
    );
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_a_lost_answer_is_found_out_about_and_undone() {
    let (outcome, world) = scenario("answer_lost", World::new(Fault::AnswerLost));
    assert!(matches!(outcome, ApplyOutcome::Undone { .. }), "{outcome:?}");
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_a_lost_command_is_found_out_about_and_the_old_file_is_back() {
    let (outcome, world) = scenario("command_lost", World::new(Fault::CommandLost));
    assert!(matches!(outcome, ApplyOutcome::NotStarted { .. }), "{outcome:?}");
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_a_confirmation_whose_answer_is_lost_counts_if_the_timer_is_gone() {
    assert_eq!(
        scenario("confirmation_lost", World::new(Fault::ConfirmationAnswerLost)).0,
        ApplyOutcome::Applied
    );
}

#[test]
fn a9_somebody_elses_configure_in_the_middle_is_a_doubt_and_not_undone_by_us() {
    let (outcome, world) = scenario("meddling", World::new(Fault::Meddling));
    assert!(matches!(outcome, ApplyOutcome::Unclear { .. }), "{outcome:?}");
    assert!(!world.log.contains("Undo "), "{}", world.log);
}

#[test]
fn a9_a_bird_that_answers_nothing_is_left_to_its_own_timer() {
    let (outcome, world) = scenario("deaf", World::new(Fault::Deaf));
    assert!(
        matches!(
            outcome,
            ApplyOutcome::Unclear { .. } | ApplyOutcome::NotStarted { .. }
        ),
        "{outcome:?}"
    );
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_a_disk_that_takes_nothing_ends_it_before_bird_hears_of_the_new_file() {
    let (outcome, world) = scenario("disk_full", World::new(Fault::Disk));
    assert!(matches!(outcome, ApplyOutcome::NotStarted { .. }), "{outcome:?}");
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_the_old_file_is_back_after_a_suspension_that_outlived_the_timer() {
    let (outcome, world) = scenario("suspended", World::new(Fault::Suspended));
    assert!(matches!(outcome, ApplyOutcome::Undone { .. }), "{outcome:?}");
    assert_eq!(world.runs, Which::Running);
}

#[test]
fn a9_somebody_elses_unconfirmed_configuration_is_never_confirmed_by_us() {
    let mut world = World::new(Fault::Nothing);
    world.somebody_elses = true;
    let (outcome, _) = scenario("somebody_elses_timer", world);
    assert!(matches!(outcome, ApplyOutcome::NotStarted { .. }), "{outcome:?}");
}

#[test]
fn a9_a_reconfiguration_in_progress_is_waited_for() {
    let mut world = World::new(Fault::Nothing);
    world.busy_until = Moment::START + Duration::from_secs(4);
    assert_eq!(scenario("busy_at_first", world).0, ApplyOutcome::Applied);
}

#[test]
fn a9_what_the_new_configuration_no_longer_wants_is_not_lost() {
    let upstream = |name: &str| (name.parse().unwrap(), "old".to_owned());
    let before = ProtocolStates {
        established: ["old".to_owned()].into(),
        up: ["old_v4".to_owned()].into(),
        exported: [upstream("192.0.2.0/24")].into(),
    };
    assert_eq!(
        plan().lost(&before, &ProtocolStates::default()),
        Vec::<String>::new()
    );
}

#[test]
fn a9_a_prefix_that_nobody_gets_any_more_is_lost_even_if_the_upstream_has_a_new_name() {
    let before = ProtocolStates {
        established: ["old".to_owned()].into(),
        up: BTreeSet::new(),
        exported: [("198.51.100.0/24".parse().unwrap(), "old".to_owned())].into(),
    };
    let lost = plan().lost(&before, &ProtocolStates::default());
    assert_eq!(lost, ["198.51.100.0/24 is not exported to anybody any more"]);
}
