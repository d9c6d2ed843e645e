//! The page during a takeover and a failback, against the real daemon, BIRD and upstream.

use std::time::Duration;

use anyhow::{Result, ensure};
use falconer::model::snapshot::Strength;
use serde_json::json;

use crate::browser::{Browser, Eyes};
use crate::console;
use falconer_lab::{Falconer, Flavour, Host, Lab, Plan, Settings, isolated};

const SOON: Duration = Duration::from_secs(30);
const PAGE: &str = "http://127.0.0.1:9180/";

const DESK: Eyes = Eyes {
    width: 1280,
    height: 1600,
    dark: false,
    language: "en-US",
};
const NIGHT: Eyes = Eyes { dark: true, ..DESK };
const CHINESE: Eyes = Eyes {
    language: "zh-CN",
    ..DESK
};
const PHONE: Eyes = Eyes {
    width: 360,
    height: 3200,
    ..DESK
};

/// What a cell of the service's row shows.
fn cell(field: &str) -> String {
    format!("document.querySelector('tr[data-service=\"web\"] [data-field=\"{field}\"]')?.textContent")
}

/// The stages that the latest transition of the timeline shows.
const STAGES: &str = "[...document.querySelectorAll('#timeline-list > li:first-child [data-stage]')].map((stage) => stage.dataset.stage).join(' ')";

/// What is not right for everybody to see, whatever the eyes.
fn must_fit(browser: &Browser, eyes: Eyes) -> Result<()> {
    let width = browser.run("return document.documentElement.scrollWidth;")?;
    ensure!(
        width == json!(eyes.width),
        "{width} pixels on a screen of {}",
        eyes.width
    );
    let unnamed = "[...document.querySelectorAll('button, input, select, svg[role=img]')].filter((one) => \
        !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length > 0)).length";
    ensure!(browser.text(unnamed)? == "0", "controls without a name");
    Ok(())
}

#[test]
fn a_takeover_is_seen_from_off_to_full_without_a_reload() {
    isolated(|| {
        let plan = Plan::with(Flavour::Bird);
        let (lab, mut falconer) =
            Lab::stand_by(&plan, &Settings::standby().service("failback_delay = \"2s\""))?;
        let browser = Browser::start(Some(&lab.namespace(Host::Hk)), &lab.directory(Host::Hk))?;
        browser.look(DESK)?;
        browser.open(PAGE)?;
        stands_by(&browser)?;
        let plot = "document.querySelector('[data-probe=ping] path.line')?.getAttribute('d')";
        browser.until("plot of answers", SOON, plot)?;
        browser.until("readiness", SOON, "document.querySelector('[data-field=level]')")?;
        browser.run("window.notReloaded = true;")?;
        browser.picture("standing-by")?;
        drilled(&browser, &falconer)?;
        lab.power_cut(Host::Cn)?;
        taken_over(&browser)?;
        overridden(&browser, &falconer)?;
        lab.power_back(Host::Cn)?;
        falconer.until_actual(Strength::Off, SOON)?;
        stands_by(&browser)?;
        let stages = format!("{STAGES}.endsWith('disable_sent disable_answered down')");
        browser.until("failback with its stages", SOON, &stages)?;
        ensure!(
            browser.text("window.notReloaded")? == "true",
            "the page was loaded anew"
        );
        console::must_be_clean(&browser, PAGE)?;
        other_eyes(&browser)?;
        silence(&browser, &falconer)?;
        restart(&browser, &mut falconer)
    });
}

fn stands_by(browser: &Browser) -> Result<()> {
    let standing_by = format!("{} === 'up' && {} === 'off'", word("verdict"), word("actual"));
    browser.until("standby that stands by", SOON, &standing_by)
}

/// A drill is no disagreement while it lasts, and stands in the timeline with its stages.
fn drilled(browser: &Browser, falconer: &Falconer) -> Result<()> {
    std::thread::scope(|scope| {
        let drill = scope.spawn(|| falconer.must(&["drill", "web", "--for", "2s"]));
        let actual = cell("actual");
        let shown = format!("{actual}.includes('drain') && document.querySelector('#headline.look')");
        let seen = browser.until("drill under way", SOON, &shown);
        drill
            .join()
            .map_err(|_| anyhow::anyhow!("the drill's thread panicked"))??;
        seen
    })?;
    // In the order in which they were seen: an upstream may carry nothing before the protocol is down.
    let all = "'enable_sent exported disable_sent down gone'.split(' ')";
    let stages = format!("{all}.every((stage) => {STAGES}.split(' ').includes(stage))");
    browser.until("drill with its stages", SOON, &stages)?;
    let told =
        "document.querySelector('#timeline-list > li:first-child .what').textContent.includes('passed')";
    browser.until("outcome of the drill", SOON, told)?;
    let tile = "document.querySelector('[data-tile=drill]').textContent.includes('passed')";
    browser.until("last drill", SOON, tile)?;
    stands_by(browser)
}

fn taken_over(browser: &Browser) -> Result<()> {
    let announced = format!("{} === 'full' && {} === '2/2'", word("actual"), cell("exported"));
    browser.until("service announced", SOON, &announced)?;
    let stages = "first_fail verdict decided enable_sent enable_answered up exported";
    let shown = format!("{STAGES} === '{stages}'");
    browser.until("transition with its stages", SOON, &shown)?;
    let fails = "document.querySelector('[data-probe=ping] path.fails').getAttribute('d')";
    browser.until("failed checks in the plot", SOON, fails)?;
    let first = "document.querySelector('#headline .say').textContent.includes('Taken over: web')";
    browser.until("first line", SOON, first)?;
    let title = browser.text("document.title")?;
    ensure!(title.contains("hk"), "the title is {title}");
    must_fit(browser, DESK)?;
    browser.picture("taken-over").map(drop)
}

/// What an operator writes is text, whatever it looks like.
fn overridden(browser: &Browser, falconer: &Falconer) -> Result<()> {
    let reason = "<img src=x onerror=alert(1)>";
    falconer.must(&["freeze", "web", "--for", "1h", "--reason", reason])?;
    let shown = format!(
        "document.querySelector('#overrides-list q')?.textContent === '{reason}' && \
         document.querySelector('[data-code=override]')"
    );
    browser.until("override and its alarm", SOON, &shown)?;
    ensure!(
        browser.text("document.images.length")? == "0",
        "an operator's words became markup"
    );
    browser.picture("overridden")?;
    falconer.must(&["auto", "web"])?;
    browser.until(
        "end of the override",
        SOON,
        "document.getElementById('overrides').hidden",
    )
}

/// The word of a cell without its sign.
fn word(field: &str) -> String {
    format!(
        "{}?.replace(/^[^a-z]+/, '').replace(/as wanted$/, '')",
        cell(field)
    )
}

/// The same page in the dark, in Chinese and on a phone.
fn other_eyes(browser: &Browser) -> Result<()> {
    let loaded = "document.querySelector('#timeline-list li') && document.querySelector('[data-probe=ping] path.line')?.getAttribute('d')";
    for (name, eyes) in [("dark", NIGHT), ("chinese", CHINESE), ("phone", PHONE)] {
        browser.look(eyes)?;
        browser.open(PAGE)?;
        browser.until("timeline and plots", SOON, loaded)?;
        must_fit(browser, eyes)?;
        browser.picture(name)?;
        let background = browser.text("getComputedStyle(document.body).backgroundColor")?;
        ensure!(
            (background == "rgb(16, 20, 24)") == eyes.dark,
            "{name} is {background}"
        );
        let heading = browser.text("document.querySelector('#services h2').textContent")?;
        ensure!(
            heading.contains("业务") == (eyes.language == "zh-CN"),
            "{name} says {heading}"
        );
        let language = browser.text("document.documentElement.lang")?;
        ensure!(
            language.starts_with(&eyes.language[..2]),
            "{name} is in {language}"
        );
    }
    console::must_be_clean(browser, PAGE)
}

/// A daemon that says nothing any more: nobody may take the page for the present.
fn silence(browser: &Browser, falconer: &Falconer) -> Result<()> {
    falconer.freeze()?;
    let stale = "!document.getElementById('lost').hidden && document.getElementById('main').classList.contains('stale')";
    browser.until("word of the lost connection", SOON, stale)?;
    let since = "/last seen \\d+ s ago/.test(document.getElementById('lost').textContent)";
    browser.until("how long ago it was seen", SOON, since)?;
    browser.picture("lost")?;
    falconer.thaw()?;
    browser.until("life again", SOON, "document.getElementById('lost').hidden")?;
    console::must_only_miss_answers(browser, PAGE)
}

/// A daemon that is started again: the page goes on by itself, and its plots begin anew.
fn restart(browser: &Browser, falconer: &mut Falconer) -> Result<()> {
    let results = "parseInt(document.querySelector('[data-probe=ping] figcaption').textContent, 10)";
    browser.run(&format!("window.notReloaded = true; window.before = {results};"))?;
    falconer.terminate()?;
    falconer.start()?;
    let shown = "document.querySelector('#events-list').textContent.includes('stopped') && \
                 document.querySelector('#events-list li:nth-child(1) time') && \
                 document.querySelector('#headline').classList.contains('good')";
    browser.until("new life of the daemon", SOON, shown)?;
    let fewer = format!("{results} < window.before");
    browser.until("plot that began anew", SOON, &fewer)?;
    stands_by(browser)?;
    ensure!(
        browser.text("window.notReloaded")? == "true",
        "the page was loaded anew"
    );
    console::must_only_miss_answers(browser, PAGE)
}
