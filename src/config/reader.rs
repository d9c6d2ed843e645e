//! Reads tables of the syntax tree, key by key, and writes down what it reads.
//!
//! One call reads a key and describes it: `t.key("fall", integer(1..=1000)).doc("...").default(3)`.
//! Run over a file it yields the value, or reports what is wrong with it and goes on; run over
//! nothing, in the describing mode, it fills the [`ConfigSchema`]. A table that was read reports the keys
//! that nobody asked for. It knows the form of values, not what they mean to each other.

mod form;
mod key;
mod table;

pub(crate) use table::{ConfigReader, TableReader, Variant};
