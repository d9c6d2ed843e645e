//! docs/usual-setup.md claims nothing without a test.

use std::collections::BTreeSet;
use std::path::Path;

/// The names of all tests below a directory.
fn tests_below(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let tests = text.split("#[test]\n").skip(1);
            let after = tests.chain(text.split("#[tokio::test").skip(1));
            let found = after.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
            let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            names.extend(found.map(|(name, _)| name).filter(is_name).map(str::to_owned));
        }
    }
}

/// The names in backquotes within the last brackets of a claim.
fn named(claim: &str) -> Vec<&str> {
    let Some((_, brackets)) = claim.trim_end().rsplit_once("[test") else {
        return Vec::new();
    };
    brackets.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_claim_of_the_page_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for directory in ["tests", "src"] {
        tests_below(&root.join(directory), &mut tests);
    }
    let page = std::fs::read_to_string(root.join("docs/usual-setup.md")).expect("the page");
    let claims: Vec<String> = page
        .split("\n- ")
        .skip(1)
        .map(|claim| claim.split("\n\n").next().unwrap_or_default().replace('\n', " "))
        .collect();
    assert!(claims.len() > 20, "{} claims", claims.len());
    for claim in &claims {
        let named = named(claim);
        assert!(!named.is_empty(), "no test is named: {claim}");
        for name in named {
            assert!(tests.contains(name), "there is no test {name}: {claim}");
        }
    }
}

#[test]
fn every_test_of_the_usual_set_up_is_named_by_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    tests_below(&root.join("tests/usual_setup"), &mut tests);
    let page = std::fs::read_to_string(root.join("docs/usual-setup.md")).expect("the page");
    let of_the_page_itself = |name: &str| name.starts_with("every_");
    for name in tests.iter().filter(|name| !of_the_page_itself(name)) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
