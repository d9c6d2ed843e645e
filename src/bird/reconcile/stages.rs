//! Which stages of the decision in force are reported already, so that each is reported once, and only what
//! was done for this decision. Pure.

use std::collections::BTreeSet;

use super::report::TransitionStage;

/// The stages of one decision.
#[derive(Debug, Default)]
pub(crate) struct StageReports {
    /// It was reached: a write from then on only puts back what somebody else changed.
    closed: bool,
    done: BTreeSet<(TransitionStage, String)>,
}

impl StageReports {
    /// What was decided is reached.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether that stage is to be reported; it is not a second time.
    pub(crate) fn is_new(&mut self, stage: TransitionStage, protocol: &str) -> bool {
        let due = match stage {
            TransitionStage::EnableSent | TransitionStage::DisableSent => !self.closed,
            TransitionStage::EnableAnswered | TransitionStage::Up => {
                self.has(TransitionStage::EnableSent, protocol)
            }
            TransitionStage::Exported => self.has(TransitionStage::Up, protocol),
            TransitionStage::DisableAnswered | TransitionStage::Down => {
                self.has(TransitionStage::DisableSent, protocol)
            }
            TransitionStage::Gone => self.has(TransitionStage::Down, protocol),
        };
        due && self.done.insert((stage, protocol.to_owned()))
    }

    /// Whether a protocol was enabled, and is not seen exported yet.
    pub(crate) fn awaits_export(&self, protocol: &str) -> bool {
        self.has(TransitionStage::EnableSent, protocol)
            && !self.has(TransitionStage::Exported, protocol)
            && !self.has(TransitionStage::DisableSent, protocol)
    }

    /// Whether a protocol was disabled, and is not seen down yet.
    pub(crate) fn awaits_silence(&self, protocol: &str) -> bool {
        self.has(TransitionStage::DisableSent, protocol) && !self.has(TransitionStage::Down, protocol)
    }

    /// Whether a protocol was seen down, and not that nobody carries it.
    pub(crate) fn awaits_gone(&self, protocol: &str) -> bool {
        self.has(TransitionStage::Down, protocol) && !self.has(TransitionStage::Gone, protocol)
    }

    fn has(&self, stage: TransitionStage, protocol: &str) -> bool {
        self.done.contains(&(stage, protocol.to_owned()))
    }
}
