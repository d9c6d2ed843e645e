//! The judges: how each is called, and what to do when it is not there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the sources are.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of the tests' own Python environment.
pub(crate) fn python(program: &str) -> PathBuf {
    // target/debug/falconer, or wherever cargo was told to put it.
    let built = Path::new(env!("CARGO_BIN_EXE_falconer"));
    let target = built.ancestors().nth(2).unwrap();
    let found = [target, &root().join("target")]
        .map(|target| target.join("venv/bin").join(program))
        .into_iter()
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{program} is missing: run scripts/setup-lab tests"))
}

/// Runs a judge, and shows what it said if it is not content.
pub(crate) fn judged_well(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: run scripts/setup-lab tests"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
