//! Operators' commands: those for the judgement, and those that are passed on to who keeps the files.

use tokio::sync::mpsc::error::TrySendError;

use super::state::Driver;
use crate::api::{OperatorRequest, Refusal, ReplySender};
use crate::core::{Event, Input, OperatorCommand};
use crate::daemon::requests;
use crate::model::command::{DaemonCommand, FilesCommand};

impl Driver {
    pub(crate) fn take_request(&mut self, request: OperatorRequest) {
        let OperatorRequest {
            command,
            actor,
            answer,
        } = request;
        match command {
            DaemonCommand::Files(command) => self.pass_on(OperatorRequest {
                command,
                actor,
                answer,
            }),
            DaemonCommand::Explain { service } => {
                if let Some((service, answer)) = self.known(&service, answer) {
                    let mut said = self.site.explain(service, self.clock.now()).unwrap_or_default();
                    said.push_str(&self.explain_rivals(service));
                    self.waiting.answer(answer, said, None);
                }
            }
            DaemonCommand::Service { service, command } => {
                let Some((service, answer)) = self.known(&service, answer) else {
                    return;
                };
                match command {
                    OperatorCommand::Drill(plan) => self.take_drill(service, &plan, &actor, answer),
                    OperatorCommand::Announce(_)
                    | OperatorCommand::Withdraw(_)
                    | OperatorCommand::Freeze(_)
                    | OperatorCommand::Auto { .. }
                    | OperatorCommand::Failback { .. } => {
                        self.take_command(service, command, actor, answer);
                    }
                }
            }
        }
    }

    /// The service of that name; where there is none any more, the operator is told.
    fn known(&mut self, name: &str, answer: ReplySender) -> Option<(usize, ReplySender)> {
        // What the clocks say comes first: the machine may have slept since the last fact.
        self.feed(None);
        let mut services = self.config.services.iter();
        match services.position(|service| service.name == name) {
            Some(service) => Some((service, answer)),
            None => {
                drop(answer.send(Err(Refusal::NoSuchService)));
                None
            }
        }
    }

    fn take_command(&mut self, service: usize, command: OperatorCommand, actor: String, answer: ReplySender) {
        let number = self.memory.number;
        let input = Input {
            now: self.clock.now(),
            event: Some(Event::Asked {
                service,
                ask: command.clone(),
                actor,
            }),
        };
        self.take_down(&input);
        match self.site.ask(&input) {
            Ok(starts) => {
                self.flush(&starts);
                self.flush_memory();
                self.publication.asked();
                let said = requests::said(&self.site, service, &command);
                let kept_with = (self.memory.number != number).then_some(self.memory.number);
                self.waiting.answer(answer, said, kept_with);
            }
            Err(refusal) => drop(answer.send(Err(Refusal::NotNow(refusal.0)))),
        }
    }

    /// The keeping of the files does one thing at a time, and refuses the others itself.
    fn pass_on(&mut self, request: OperatorRequest<FilesCommand>) {
        match self.edges.files.try_send(request) {
            Ok(()) => {}
            Err(TrySendError::Full(request)) => {
                let said = "another apply or reload is under way; ask again when it is done".to_owned();
                drop(request.answer.send(Err(Refusal::NotNow(said))));
            }
            // It has ended, and so does the daemon: without an answer the operator is told so.
            Err(TrySendError::Closed(_)) => {}
        }
    }
}
