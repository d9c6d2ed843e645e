//! The falconer command. Everything is in the library.

fn main() {}
