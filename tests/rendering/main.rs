//! Rendering, from the outside: golden files, BIRD's own parser, templates that are wrong.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod birds;
mod configs;
mod docs;
mod errors;
mod golden;
mod running;
