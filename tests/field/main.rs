//! Hosts as people who do this job have them: a bird.conf of their own and a falconer.toml each
//! (tests/fixtures/field), with a real BIRD, a real daemon, an ISP, and a primary that can die. What makes
//! each of them hard stands at its test. They take root and what scripts/setup-lab installs.

mod site;

mod carried_by_nobody;
mod drilled;
mod hosts;
mod in_the_way;
