//! Runs every check of a finished configuration.

use crate::config::finding::Findings;
use crate::config::model::Config;

/// Everything that is wrong between the tables.
pub(crate) fn all(config: &Config, found: &mut Findings) {
    crate::config::checks::names::check(config, found);
    crate::config::checks::sessions::check(config, found);
    crate::config::checks::prefixes::check(config, found);
    crate::config::checks::patterns::check(config, found);
    crate::config::checks::thresholds::check(config, found);
    crate::config::checks::targets::check(config, found);
    crate::config::checks::serving::check(config, found);
    crate::config::checks::blind::check(config, found);
    crate::config::checks::advice::check(config, found);
}
