//! Kinds of values: how each is read from the text, the error if it is wrong, and how the reference and
//! the JSON Schema describe it. How values fit together is not checked here.

pub(crate) mod address;
pub(crate) mod bgp;
mod choice;
pub(crate) mod duration;
pub(crate) mod http;
mod list;
mod number;
mod table;
pub(crate) mod text;
mod value_type;
pub(crate) mod window;
mod witnesses;

pub(crate) use value_type::{ValueContext, ValueError, ValueType, name_of_type, quoted};

pub(crate) use choice::{Choice, Tag};

pub(crate) use list::{LONGEST_LIST, list_of, one_or_more};

pub(crate) use number::{Flag, integer, number};

pub(crate) use table::{AnyJson, Dictionary};

pub(crate) use witnesses::Witnesses;
