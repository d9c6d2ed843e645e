//! The lab tests: real BIRDs, FRR and kernels, in network namespaces, on real time. They take root and
//! what scripts/setup-lab installs.

mod applying;
mod crowd;
mod drills;
mod followed;
mod in_an_outage;
mod judgement;
mod logs;
mod networks;
mod never_passed;
mod open_files;
mod patterns;
mod power_cut;
mod readiness;
mod reloading;
mod serving;
mod slow_answers;
mod votes;
