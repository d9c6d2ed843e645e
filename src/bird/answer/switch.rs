//! `enable` and `disable`.

/// What BIRD says to an enable or a disable: that it accepted it, and no more (A2). Only reading
/// BIRD again tells what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Switch {
    /// 0008: it was disabled before; the reason is not replaced.
    AlreadyDisabled,
    /// 0009.
    Disabled,
    /// 0010: it was enabled before, or a reconfiguration in progress is about to disable it.
    AlreadyEnabled,
    /// 0011.
    Enabled,
}
