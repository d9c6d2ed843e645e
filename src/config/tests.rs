//! The configuration as a whole: what is read, what it defaults to, and what is said about it.

use super::*;

/// The example of the documentation, without what this version does not have yet.
const CONTRACT: &str = include_str!("../../tests/fixtures/config/contract.toml");

fn loaded(text: &str) -> Config {
    match load(text, "falconer.toml") {
        Ok((config, _)) => config,
        Err(found) => panic!("{}", render(&found, text, "falconer.toml", false)),
    }
}

#[test]
fn the_documented_example_is_read_as_it_says() {
    let config = loaded(CONTRACT);
    insta::assert_debug_snapshot!(config);
}
