//! What docs/usual-setup.md claims of the usual set-up, claim by claim, on real BIRDs, kernels and a
//! real keepalived: each test reproduces what goes wrong, and, where it takes a daemon, that it does
//! not with what Falconer renders. It takes root and what scripts/setup-lab installs.

mod bird_conf;
mod hand_made;
mod keepalived;
mod page;
mod sessions;
