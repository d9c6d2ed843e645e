//! What must never be: an error in the console, a violation of the policy, a request to elsewhere.

use anyhow::{Result, ensure};

use crate::browser::Browser;

/// The console has no error and no warning, and only `origin` was asked for anything, since the last
/// call of this.
pub fn must_be_clean(browser: &Browser, origin: &str) -> Result<()> {
    let said = browser.console()?;
    ensure!(said.is_empty(), "the console says: {said:#?}");
    must_stay_at(browser, origin)
}

/// The same where requests are meant to fail: nothing else is wrong.
pub fn must_only_miss_answers(browser: &Browser, origin: &str) -> Result<()> {
    let said = browser.console()?;
    let other: Vec<_> = said
        .iter()
        .filter(|said| !said.contains("Failed to load resource") && !said.contains("net::ERR_"))
        .collect();
    ensure!(other.is_empty(), "the console says: {other:#?}");
    must_stay_at(browser, origin)
}

fn must_stay_at(browser: &Browser, origin: &str) -> Result<()> {
    let asked = browser.requests()?;
    ensure!(
        asked.iter().any(|asked| asked.starts_with(origin)),
        "nothing was asked: {asked:?}"
    );
    let elsewhere: Vec<_> = asked.iter().filter(|asked| !asked.starts_with(origin)).collect();
    ensure!(elsewhere.is_empty(), "asked for {elsewhere:?}");
    Ok(())
}
