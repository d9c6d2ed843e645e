//! Falconer: a sidecar to the BIRD routing daemon.
//!
//! It watches a primary site from a standby site, makes the local BIRD announce the service's
//! prefixes when the primary is really dead, and withdraws them when it is really back.
//!
//! The modules in reading order. Deciders are pure: no runtime, socket, file system, clock,
//! randomness or logging. Edges own one outside thing each and never import one another; what one
//! learns and another needs goes through the daemon.
//!
//! | module | kind | what it is |
//! |---|---|---|
//! | [`time`] | decider | the core's own notion of now |
//! | [`config`] | decider | falconer.toml, parsed into types that cannot be wrong |
//! | [`health`] | decider | one probe: its rows, its state, and when it is asked next |
//! | [`failover`] | decider | the judgement: verdicts, isolation, overrides, what we want of BIRD |
//! | [`render`] | decider | bird.conf from templates |
//! | [`status`] | decider | the snapshot that people and machines read |
//! | [`ready`] | decider | would we take over if the primary died now? |
//! | [`history`] | decider | what happened, an entry each |
//! | [`drill`] | decider | what a drill came to, to print and to file |
//! | [`metrics`] | decider | what a scrape is told |
//! | [`conf_file`] | edge | bird.conf on disk, BIRD's own parser, and a new file's way into BIRD |
//! | [`process_files`] | edge | files as another process sees them |
//! | [`bird`] | edge | BIRD's control socket: codec and parser are deciders, client and steering act |
//! | [`probe`] | edge | the checks themselves: icmp, tcp, http, dns, exec, bird-route, bird-protocol |
//! | [`api`] | edge | HTTP over a Unix socket and TCP, for the CLI, for machines and for browsers |
//! | [`store`] | edge | what survives a restart, the history and recordings on disk |
//! | [`systemd`] | edge | what systemd is told |
//! | [`log`] | edge | how the log looks and where it goes |
//! | [`daemon`] | - | puts the parts together; its driver alone feeds the judgement |
//! | [`cli`] | - | the commands and their exit codes |

// Scaffolding that unit tests share with the tests outside names this crate as they do.
#[cfg(test)]
extern crate self as falconer;

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
