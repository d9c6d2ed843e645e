//! A real Chromium, driven over WebDriver (W3C) and, for what that has no word for, Chromium's own
//! DevTools commands. It knows nothing of the page.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use falconer_lab::netns::Netns;
use falconer_lab::process::Process;
use falconer_lab::wait;

/// Where chromedriver listens, in a namespace of its own.
const PORT: u16 = 9515;
/// A new profile, on a file system of the test's own.
const PROFILE: &str = "/var/tmp/chromium";
/// How long the browser may take to start: it may share two cores with six labs.
const START: Duration = Duration::from_secs(60);
/// How long one command may take.
const ANSWER: Duration = Duration::from_secs(60);

/// Chromium without a screen, and without anything that it would like to tell its maker.
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
];

/// A running browser with one page; it ends when it is dropped.
#[derive(Debug)]
pub struct Browser {
    namespace: Option<Netns>,
    session: String,
    _driver: Process,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Eyes {
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// What the browser prefers.
    pub dark: bool,
    /// What the browser asks for, such as "zh-CN".
    pub language: &'static str,
}

impl Browser {
    /// Starts it, in a host's namespace where one is given; `directory` is for its files and log.
    pub fn start(namespace: Option<&Netns>, directory: &Path) -> Result<Self> {
        let mut command = match namespace {
            Some(namespace) => namespace.command("chromedriver"),
            None => Command::new("chromedriver"),
        };
        command.arg(format!("--port={PORT}")).env("HOME", directory);
        let driver = Process::start("chromedriver", &mut command, &directory.join("chromedriver.log"))?;
        let mut browser = Self {
            namespace: namespace.cloned(),
            session: String::new(),
            _driver: driver,
        };
        wait::until_true("chromedriver", START, || {
            Ok(browser.ask("GET", "/status", None)?["ready"] == json!(true))
        })?;
        let profile = format!("--user-data-dir={PROFILE}");
        let flags: Vec<&str> = FLAGS.iter().copied().chain([profile.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}});
        let made = browser.ask("POST", "/session", Some(&wanted))?;
        let session = made["sessionId"].as_str().context("a session has an id")?;
        browser.session = format!("/session/{session}");
        // It began with a page of its own, which has things to say and to ask for.
        browser.open("about:blank")?;
        browser.console()?;
        browser.requests()?;
        Ok(browser)
    }

    /// Looks with these eyes from the next page on; the size, at once.
    pub fn look(&self, eyes: Eyes) -> Result<()> {
        let scheme = if eyes.dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": eyes.width, "height": eyes.height, "deviceScaleFactor": 1, "mobile": eyes.width < 500 }),
        )?;
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        )?;
        let agent = json!({ "userAgent": "a real Chromium", "acceptLanguage": eyes.language });
        self.devtools("Emulation.setUserAgentOverride", &agent)?;
        Ok(())
    }

    /// Goes to an address, and waits until it is loaded.
    pub fn open(&self, address: &str) -> Result<()> {
        self.command("/url", &json!({ "url": address })).map(drop)
    }

    /// What a piece of JavaScript, the body of a function, returns.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.command("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The same for one that awaits, the body of an async function.
    pub fn run_async(&self, script: &str) -> Result<Value> {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {script} }})().then(done, (error) => done(String(error)));"
        );
        self.command("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// The text that a JavaScript expression gives, "" for null.
    pub fn text(&self, expression: &str) -> Result<String> {
        let value = self.run(&format!("return {expression};"))?;
        Ok(value.as_str().map_or_else(
            || {
                if value.is_null() {
                    String::new()
                } else {
                    value.to_string()
                }
            },
            str::to_owned,
        ))
    }

    /// Waits until a JavaScript expression is true; an error with what the page shows.
    pub fn until(&self, what: &str, deadline: Duration, expression: &str) -> Result<()> {
        let script = format!("return Boolean({expression});");
        wait::until_true(what, deadline, || Ok(self.run(&script)? == json!(true))).with_context(|| {
            let shown = self.text("document.body.innerText").unwrap_or_default();
            format!("{expression} stayed false; the page shows:\n{shown}")
        })
    }

    /// Types into an element.
    pub fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.command("/element", &wanted)?;
        let id = found
            .as_object()
            .and_then(|found| found.values().next()?.as_str());
        let id = id.with_context(|| format!("there is no {selector}"))?;
        self.command(&format!("/element/{id}/value"), &json!({ "text": text }))
            .map(drop)
    }

    /// What the console said since the last call: level and message, a line each.
    pub fn console(&self) -> Result<Vec<String>> {
        let told = self.command("/se/log", &json!({ "type": "browser" }))?;
        let entries = told.as_array().cloned().unwrap_or_default();
        Ok(entries
            .iter()
            .map(|entry| format!("{} {}", entry["level"], entry["message"]))
            .collect())
    }

    /// Every address that was asked for since the last call.
    pub fn requests(&self) -> Result<Vec<String>> {
        let told = self.command("/se/log", &json!({ "type": "performance" }))?;
        let entries = told.as_array().cloned().unwrap_or_default();
        let address = |entry: &Value| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            let asked = message["method"] == json!("Network.requestWillBeSent");
            let url = message["params"]["request"]["url"].as_str()?.to_owned();
            asked.then_some(url)
        };
        Ok(entries.iter().filter_map(address).collect())
    }

    /// The whole page as a picture, kept as target/page/NAME.png for people to look at.
    pub fn picture(&self, name: &str) -> Result<PathBuf> {
        let taken = self.devtools(
            "Page.captureScreenshot",
            &json!({ "format": "png", "captureBeyondViewport": true }),
        )?;
        let data = taken["data"].as_str().context("a picture has data")?;
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page");
        std::fs::create_dir_all(&directory)?;
        let path = directory.join(format!("{name}.png"));
        std::fs::write(&path, base64(data)?)?;
        Ok(path)
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.command(
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    fn command(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask("POST", &format!("{}{path}", self.session), Some(body))
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let exchange = || exchange(method, path, &body);
        let (status, answer) = match &self.namespace {
            Some(namespace) => namespace.inside(exchange)?,
            None => exchange()?,
        };
        let answer: Value = serde_json::from_str(&answer).with_context(|| format!("{path}: {answer}"))?;
        if status != 200 {
            bail!("{method} {path}: {status} {answer}");
        }
        Ok(answer["value"].clone())
    }
}

/// One question to chromedriver.
fn exchange(method: &str, path: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT)).context("reaching chromedriver")?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost:{PORT}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    // It keeps the connection, whatever it is told.
    let mut stream = BufReader::new(stream);
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest.split(' ').next().unwrap_or_default().parse()?;
        } else if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        } else {
            break;
        }
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok((status, String::from_utf8_lossy(&answer).into_owned()))
}

/// Base 64 (RFC 4648), as pictures come.
fn base64(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => bail!("{letter} is no base 64"),
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Ok(bytes)
}
