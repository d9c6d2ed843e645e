//! bird.conf from templates (rule A9): the configuration, BIRD's version, the templates and the
//! passwords go in, text comes out, the same text every time.
//!
//! It reads no file and asks no BIRD: what stands on disk, BIRD's own parse check and the writing
//! are those of the `conf_file` edge.

pub mod apply;
mod check;
mod context;
pub mod disk;
mod drift;
mod engine;
mod error;
mod freshness;
mod passwords;
pub mod statics;
mod strict_context;
mod templates;

pub(crate) use context::state_file_pattern;
pub use drift::{Drift, diff, drift, without_passwords};
pub use error::{RenderError, TemplatePosition};
pub use freshness::{FileTime, Freshness, KnownRunning, LoadTime, RunningFile};
pub use passwords::{PasswordError, Passwords};
pub use templates::Templates;

use crate::bird::version::BirdVersion;
use crate::config::Config;

/// The oldest BIRD that we render for: BFD options of a single session came with it.
const OLDEST: (u16, u16, u16) = (2, 0, 8);

/// A rendered bird.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedBirdConf {
    /// All of it. It may hold passwords: the file is nobody's but BIRD's and root's.
    pub text: String,
}

/// Renders bird.conf for the BIRD that is there. The same input gives the same bytes, and nothing
/// volatile is among them, neither a time nor a version.
///
/// # Errors
/// Everything that can be said at once: first what is not fit for any bird.conf (names that BIRD
/// would not take, strings that would inject configuration), else the template's first error.
pub fn render(
    config: &Config,
    version: &BirdVersion,
    templates: &Templates,
    passwords: &Passwords,
) -> Result<RenderedBirdConf, Vec<RenderError>> {
    let (Some(render), Some(router)) = (&config.render, &config.router) else {
        return Err(vec![RenderError::new("there is nothing to render").help(
            "[render] and [router] are missing: bird.conf is your own (attach mode)",
        )]);
    };
    let mut problems = check::problems(config, passwords);
    if (version.major, version.minor, version.patch) < OLDEST {
        problems.push(
            RenderError::new(format!("BIRD {version} is too old to render for"))
                .help("2.0.8 is the oldest; install a newer one, or leave [render] out"),
        );
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let context = context::of(config, render, router, version, templates, passwords)
        .map_err(|problem| vec![problem])?;
    let text = engine::run(&render.template, templates, &context).map_err(|problem| vec![problem])?;
    Ok(RenderedBirdConf { text: tidy(&text) })
}

/// No blanks at the end of a line, never two empty lines in a row, none at the start, and one
/// newline at the end: what templates leave behind is no matter of theirs.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push('\n');
            gap = false;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}
