//! What others see of Falconer: metrics, alerts and the API, held against the tools of others.
//!
//! promtool, an OpenMetrics parser, an OpenAPI validator and schemathesis judge here; scripts/setup-lab
//! brings them. A tool that is missing fails the test, because a judge that stays away has judged
//! nothing.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

mod alerts;
mod api;
mod disk;

mod tools;
