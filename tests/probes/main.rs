//! Every type of probe against real sockets, kernels and programs, in network namespaces that the
//! tests make and leave behind nothing of. Needs root.
//!
//! Every type has tests in which it must not pass: a check that cannot fail is worse than none.
#![cfg(test)]

mod blind;
mod dns;
mod exec;
mod forge;
mod http;
mod icmp;
mod make;
mod names;
mod serving;
mod tcp;
mod view;
