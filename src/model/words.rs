//! The words that stand for the snapshot's states in JSON, and everywhere else that a person or a
//! machine reads them.

use super::snapshot::{
    AlarmCode, BirdState, FollowedState, Isolation, OverrideAction, ProbeState, Role, Verdict,
};

impl BirdState {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Busy => "busy",
            Self::Down => "down",
        }
    }
}

impl Role {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Primary => "primary",
        }
    }
}

impl Verdict {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unclear => "unclear",
        }
    }
}

impl Isolation {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Open => "open",
            Self::Isolated => "isolated",
            Self::CutOff => "cut_off",
        }
    }
}

impl OverrideAction {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Announce => "announce",
            Self::Withdraw => "withdraw",
            Self::Freeze => "freeze",
        }
    }
}

impl ProbeState {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

impl FollowedState {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Follows => "follows",
            Self::PrefersAnother => "prefers_another",
            Self::CannotBeHeard => "cannot_be_heard",
        }
    }
}

impl AlarmCode {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotExported => "not_exported",
            Self::Drift => "drift",
            Self::ForeignRoutes => "foreign_routes",
            Self::ForeignAnnouncement => "foreign_announcement",
            Self::Isolated => "isolated",
            Self::CutOff => "cut_off",
            Self::Latched => "latched",
            Self::Override => "override",
            Self::BirdDown => "bird_down",
            Self::UpstreamDown => "upstream_down",
            Self::StateDir => "state_dir",
            Self::RenderDrift => "render_drift",
            Self::Lease => "lease",
            Self::Tunnel => "tunnel",
            Self::NotServing => "not_serving",
            Self::Probe => "probe",
            Self::Drill => "drill",
            Self::Rival => "rival",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[test]
    fn each_word_is_the_one_in_the_json() {
        fn json(state: impl Serialize) -> String {
            serde_json::to_value(state).unwrap().as_str().unwrap().to_owned()
        }
        for state in [BirdState::Up, BirdState::Busy, BirdState::Down] {
            assert_eq!(json(state), state.word());
        }
        for role in [Role::Standby, Role::Primary] {
            assert_eq!(json(role), role.word());
        }
        for verdict in [Verdict::Up, Verdict::Down, Verdict::Unclear] {
            assert_eq!(json(verdict), verdict.word());
        }
        for isolation in [
            Isolation::Connected,
            Isolation::Open,
            Isolation::Isolated,
            Isolation::CutOff,
        ] {
            assert_eq!(json(isolation), isolation.word());
        }
        for action in [
            OverrideAction::Announce,
            OverrideAction::Withdraw,
            OverrideAction::Freeze,
        ] {
            assert_eq!(json(action), action.word());
        }
        for state in [ProbeState::Up, ProbeState::Down, ProbeState::Unknown] {
            assert_eq!(json(state), state.word());
        }
        for state in [
            FollowedState::Follows,
            FollowedState::PrefersAnother,
            FollowedState::CannotBeHeard,
        ] {
            assert_eq!(json(state), state.word());
        }
        for code in AlarmCode::ALL {
            assert_eq!(json(code), code.word());
        }
    }
}
