//! Who asks.

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    /// A process on this machine that may open the socket; everything is open to it.
    Operator {
        /// Its user.
        uid: u32,
    },
    /// Someone on the network; reading is open to it.
    Network,
}
