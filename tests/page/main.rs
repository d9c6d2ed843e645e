//! The page at `/`, in a real headless Chromium: against the real daemon in the lab, and against the real
//! API with made-up snapshots where a lab would be too small. It takes what scripts/setup-lab installs.

pub mod browser;
pub mod console;

mod crowd;
mod takeover;
