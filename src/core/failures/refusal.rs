//! What a failure showed of a service whose verdict does not come, and the change that would mend it.

use super::scene::{ExpectedOutcome, SceneStep};
use crate::model::snapshot::ProbeState;

/// A service whose verdict does not come as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// In which failure.
    pub(crate) step: SceneStep,
    /// What the verdict should have led to.
    pub(crate) expected: ExpectedOutcome,
    /// The states of its probes at the end of the step.
    pub(crate) states: Vec<ProbeState>,
    /// One change that would mend it, where there is one.
    pub(crate) mend: Option<Mend>,
}

/// One change of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// This probe votes up only.
    VotesUp(usize),
    /// This probe is asked in drain (D8).
    VotesFailback(usize),
    /// No answer is an error for this probe.
    SilenceIsAnError(usize),
    /// Both.
    VotesUpAndSilenceIsAnError(usize),
    /// No answer is a fail for this probe.
    SilenceIsAFail(usize),
    /// This probe decides nothing alone.
    DecidesNothing(usize),
    /// Any probe that is down is enough.
    DownWhenAny,
    /// All probes must be up.
    UpWhenAll,
}

impl Mend {
    /// The probe that it changes, where it changes one.
    pub(crate) fn probe(self) -> Option<usize> {
        match self {
            Self::VotesUp(index)
            | Self::VotesFailback(index)
            | Self::SilenceIsAnError(index)
            | Self::VotesUpAndSilenceIsAnError(index)
            | Self::SilenceIsAFail(index)
            | Self::DecidesNothing(index) => Some(index),
            Self::DownWhenAny | Self::UpWhenAll => None,
        }
    }
}
