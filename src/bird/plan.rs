//! What to ask BIRD, what to write to it and what to leave on disk, so that a service's static
//! protocols become what is wanted (A1, A2, A6, A7, D8).
//!
//! Level-triggered: the same facts give the same steps, and where nothing differs there are none.
//! One pair of protocols (full and drain, of one address family) at a time, so that one family
//! never waits for the other. It does not talk to BIRD, and remembers nothing.

use crate::bird::parse::{ProtocolState, SwitchReply};
use crate::core::Strength;

/// What is known of one static protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KnownState {
    /// What BIRD says of it.
    pub state: ProtocolState,
    /// What the guard says of it (A7); `None`: not asked.
    pub fits: Option<bool>,
    /// Whether all its routes stand in BIRD's tables; `None`: not asked.
    pub routed: Option<bool>,
}

impl KnownState {
    /// Only a state, neither guard nor table asked.
    pub const fn state(state: ProtocolState) -> Self {
        Self {
            state,
            fits: None,
            routed: None,
        }
    }

    fn carries(self) -> bool {
        self.state == ProtocolState::Up && self.routed == Some(true)
    }
}

/// The protocols of one service and one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProtocolPair {
    /// The one of strength full.
    pub full: KnownState,
    /// The one of strength drain; `None` where none is configured.
    pub drain: Option<KnownState>,
}

/// Which of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairSide {
    /// The protocol of strength full.
    Full,
    /// The protocol of strength drain.
    Drain,
}

impl PairSide {
    /// The protocol that announces at that strength; `None` for off.
    pub fn of(strength: Strength) -> Option<Self> {
        match strength {
            Strength::Off => None,
            Strength::Drain => Some(Self::Drain),
            Strength::Full => Some(Self::Full),
        }
    }
}

/// One thing to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Ask the guard: its routes and channels.
    AskGuard(PairSide),
    /// Ask whether its routes stand in the tables.
    AskRoutes(PairSide),
    /// `enable` or `disable` it.
    Switch(PairSide, SwitchAction),
}

/// A write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SwitchAction {
    /// `enable`.
    Enable,
    /// `disable`.
    Disable,
}

impl SwitchAction {
    /// Whether BIRD's answer says that this was news to it.
    pub(crate) fn changed(self, answer: SwitchReply) -> bool {
        match (self, answer) {
            (Self::Enable, SwitchReply::Enabled) | (Self::Disable, SwitchReply::Disabled) => true,
            (
                Self::Enable,
                SwitchReply::AlreadyEnabled | SwitchReply::Disabled | SwitchReply::AlreadyDisabled,
            )
            | (
                Self::Disable,
                SwitchReply::AlreadyDisabled | SwitchReply::Enabled | SwitchReply::AlreadyEnabled,
            ) => false,
        }
    }
}

/// What a protocol's state file must say (A6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateFileValue {
    /// `disabled no;`
    Enabled,
    /// `disabled;`
    Disabled,
}

impl ProtocolPair {
    /// How strongly this family is announced: what is up.
    pub fn strength(&self) -> Strength {
        let up = |known: KnownState| known.state == ProtocolState::Up;
        if up(self.full) {
            Strength::Full
        } else if self.drain.is_some_and(up) {
            Strength::Drain
        } else {
            Strength::Off
        }
    }

    /// What an adopting daemon may settle on (D10): `None` while anything moves or is not there.
    /// A drain protocol that BIRD does not have is as good as one that is down.
    pub fn adoptable(&self) -> Option<Strength> {
        let settled = |known: KnownState| matches!(known.state, ProtocolState::Up | ProtocolState::Down);
        let drain_settled = self
            .drain
            .is_none_or(|drain| settled(drain) || drain.state == ProtocolState::Missing);
        (settled(self.full) && drain_settled).then(|| self.strength())
    }

    /// Whether nothing differs from `wanted`. A drain that is wanted and not configured counts as
    /// reached: there is nothing that could be done about it.
    pub fn reached(&self, wanted: Strength) -> bool {
        let silent = |known: KnownState| matches!(known.state, ProtocolState::Down | ProtocolState::Missing);
        let drain_silent = self.drain.is_none_or(silent);
        match (wanted, self.drain) {
            (Strength::Off, _) => silent(self.full) && drain_silent,
            (Strength::Full, _) => self.full.state == ProtocolState::Up && drain_silent,
            (Strength::Drain, Some(drain)) => drain.state == ProtocolState::Up && silent(self.full),
            (Strength::Drain, None) => true,
        }
    }

    /// What is known of one of them; `None` where it is not configured.
    pub fn get(&self, side: PairSide) -> Option<KnownState> {
        match side {
            PairSide::Full => Some(self.full),
            PairSide::Drain => self.drain,
        }
    }

    /// The same, to write what was learnt.
    pub fn get_mut(&mut self, side: PairSide) -> Option<&mut KnownState> {
        match side {
            PairSide::Full => Some(&mut self.full),
            PairSide::Drain => self.drain.as_mut(),
        }
    }

    /// The next steps towards `wanted`, in order. Questions come alone: answer them into the pair and
    /// ask again. Writes end a round: look at BIRD before the next.
    pub fn steps(&self, wanted: Strength) -> Vec<Step> {
        match wanted {
            // The weaker one first: with both up the last UPDATE is a plain withdrawal, and the
            // neighbour never sees the drain's attributes.
            Strength::Off => [PairSide::Drain, PairSide::Full]
                .into_iter()
                .filter_map(|side| self.disable_step(side))
                .collect(),
            Strength::Full => self.replace(PairSide::Full, PairSide::Drain),
            Strength::Drain if self.drain.is_none() => Vec::new(),
            Strength::Drain => self.replace(PairSide::Drain, PairSide::Full),
        }
    }

    /// What the state files must say, full then drain; `None`: leave the file as it is. Ask once the
    /// questions of [`ProtocolPair::steps`] are answered, and before its writes are made.
    pub fn files(&self, wanted: Strength) -> [Option<StateFileValue>; 2] {
        match wanted {
            Strength::Off => [Some(StateFileValue::Disabled); 2],
            Strength::Full => {
                let full = file_of_wanted(self.full);
                [
                    full,
                    self.drain.and_then(|drain| file_of_other(drain, self.full, full)),
                ]
            }
            Strength::Drain => match self.drain {
                Some(drain) => {
                    let value = file_of_wanted(drain);
                    [file_of_other(self.full, drain, value), value]
                }
                None => [None; 2],
            },
        }
    }

    /// Make before break (D8): `new` is enabled and seen to carry before `old` is disabled.
    fn replace(&self, new: PairSide, old: PairSide) -> Vec<Step> {
        let (Some(known), break_old) = (self.get(new), self.disable_step(old)) else {
            return Vec::new();
        };
        match (known.state, break_old) {
            (ProtocolState::Down | ProtocolState::Stopping, _) => match known.fits {
                None => vec![Step::AskGuard(new)],
                Some(true) => vec![Step::Switch(new, SwitchAction::Enable)],
                Some(false) => Vec::new(),
            },
            (ProtocolState::Up, Some(step)) => match known.routed {
                None => vec![Step::AskRoutes(new)],
                Some(true) => vec![step],
                Some(false) => Vec::new(),
            },
            (ProtocolState::Up, None)
            | (ProtocolState::Starting | ProtocolState::Missing | ProtocolState::Unknown, _) => Vec::new(),
        }
    }

    /// A disable where one is due. One that stops already may come up again (it was restarted, or
    /// enabled while it stopped), and to disable twice does no harm.
    pub fn disable_step(&self, side: PairSide) -> Option<Step> {
        match self.get(side)?.state {
            ProtocolState::Starting | ProtocolState::Up | ProtocolState::Stopping => {
                Some(Step::Switch(side, SwitchAction::Disable))
            }
            ProtocolState::Unknown | ProtocolState::Missing | ProtocolState::Down => None,
        }
    }
}

/// The file of the protocol that is wanted up. Where BIRD cannot be asked the file is all that can
/// be done, and only a refusal that is known forbids it.
fn file_of_wanted(known: KnownState) -> Option<StateFileValue> {
    match (known.state, known.fits) {
        // Found wrong while announced: nothing is withdrawn, now or at BIRD's next start.
        (ProtocolState::Starting | ProtocolState::Up, Some(false)) => None,
        (ProtocolState::Starting | ProtocolState::Up, Some(true) | None) => Some(StateFileValue::Enabled),
        (ProtocolState::Down | ProtocolState::Stopping | ProtocolState::Unknown, Some(false)) => {
            Some(StateFileValue::Disabled)
        }
        (ProtocolState::Down | ProtocolState::Stopping, None) => None,
        (ProtocolState::Down | ProtocolState::Stopping, Some(true)) => Some(StateFileValue::Enabled),
        (ProtocolState::Unknown, Some(true) | None) => Some(StateFileValue::Enabled),
        (ProtocolState::Missing, _) => None,
    }
}

/// The file of the protocol that must fall silent. While it is announced and the other one does not
/// carry yet, its file keeps it announced, so that a `configure` in between leaves no gap (D8, A6).
fn file_of_other(
    other: KnownState,
    wanted: KnownState,
    wanted_file: Option<StateFileValue>,
) -> Option<StateFileValue> {
    let announced_after_all = wanted_file == Some(StateFileValue::Enabled);
    match (other.state, other.fits) {
        (ProtocolState::Down | ProtocolState::Missing, _) => Some(StateFileValue::Disabled),
        (ProtocolState::Unknown, _) => announced_after_all.then_some(StateFileValue::Disabled),
        (ProtocolState::Starting | ProtocolState::Up | ProtocolState::Stopping, _) if wanted.carries() => {
            Some(StateFileValue::Disabled)
        }
        (ProtocolState::Up, Some(true) | None) => Some(StateFileValue::Enabled),
        (ProtocolState::Up, Some(false)) | (ProtocolState::Starting | ProtocolState::Stopping, _) => None,
    }
}

#[cfg(test)]
mod tests;
