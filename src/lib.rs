//! Falconer: a sidecar to the BIRD routing daemon.
//!
//! It watches a primary site from a standby site, makes the local BIRD announce the service's
//! prefixes when the primary is really dead, and withdraws them when it is really back.
//!
//! The modules ("rooms") from top to bottom: each imports only what stands below it. Deciders are
//! pure: no runtime, socket, file system, clock, randomness or logging. Edges own one thing outside of
//! the process each and never import one another; the daemon passes on what one learns and another
//! needs. docs/architecture.md draws this, and follows a probe's result and an operator's command
//! through it; tests/architecture checks it.
//!
//! | module | kind | what it is for |
//! |---|---|---|
//! | [`cli`] | - | the commands, their output and their exit codes |
//! | [`daemon`] | - | starts the parts, connects them, and runs the loop that feeds [`core`] |
//! | [`api`] | edge | HTTP over a Unix socket and TCP, for the CLI, for machines and for browsers |
//! | [`log`] | edge | the format of log lines, and where they go |
//! | [`systemd`] | edge | readiness and watchdog messages to systemd |
//! | [`store`] | edge | `state.json`, the history and recordings on disk |
//! | [`probe`] | edge | the checks: icmp, tcp, http, dns, exec, bird-route, bird-protocol |
//! | [`ready`] | decider | if the primary died now, would this site take over? |
//! | [`bird_conf`] | decider and edge | bird.conf: templates, the file on disk, applying it to a running BIRD |
//! | [`bird`] | decider and edge | BIRD's control socket: codec and parsers decide, client and reconciler act |
//! | [`process_files`] | edge | files as another process sees them |
//! | [`core`] | decider | the decisions: probe states, verdicts, isolation, overrides, drills, simulation |
//! | [`metrics`] | decider | counters, and the page that Prometheus reads |
//! | [`config`] | decider | falconer.toml, parsed into types that cannot hold a wrong value |
//! | [`model`] | decider | the words that all rooms share: states, events, the snapshot, times |

pub mod api;
pub mod bird;
pub mod bird_conf;
pub mod cli;
pub mod config;
pub mod core;
pub mod daemon;
pub mod log;
pub mod metrics;
pub mod model;
pub mod probe;
pub mod process_files;
pub mod ready;
pub mod store;
pub mod systemd;
