//! Templates and strings that are wrong.
