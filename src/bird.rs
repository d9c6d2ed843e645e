//! BIRD, over its control socket.
