//! Numbers that a seed settles, for faults at times that nobody chose. Every test that draws prints its
//! seed, and draws the same with it again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use anyhow::{Context, Result};

/// The seed to use, in place of a new one.
const SEED: &str = "FALCONER_LAB_SEED";

/// FALCONER_LAB_SEED, or a new one.
pub fn seed() -> Result<u64> {
    match std::env::var(SEED) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{SEED} is {text:?}, and should be a number")),
        Err(_) => Ok(RandomState::new().hash_one(SEED)),
    }
}

/// splitmix64: small, seeded, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// What this seed draws.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A time between these, in whole milliseconds.
    pub fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.number() % (most - least + 1))
    }

    /// One of these.
    pub fn one_of<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        let count = u64::try_from(N).unwrap_or(u64::MAX);
        of[usize::try_from(self.number() % count).unwrap_or_default()]
    }
}
