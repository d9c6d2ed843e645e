//! The set of templates: those built in, and the user's own, which win by their name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// In front of a name it always means the one built in, so that a template of the user's own can
/// extend the one whose name it took.
const BUILT_IN_PREFIX: &str = "builtin/";

/// Our own, by name.
const BUILT_IN: [(&str, &str); 11] = [
    ("standby.conf", include_str!("../../bird-templates/standby.conf")),
    ("primary.conf", include_str!("../../bird-templates/primary.conf")),
    (
        "parts/header.conf",
        include_str!("../../bird-templates/parts/header.conf"),
    ),
    (
        "parts/log.conf",
        include_str!("../../bird-templates/parts/log.conf"),
    ),
    (
        "parts/router.conf",
        include_str!("../../bird-templates/parts/router.conf"),
    ),
    (
        "parts/local.conf",
        include_str!("../../bird-templates/parts/local.conf"),
    ),
    (
        "parts/statics.conf",
        include_str!("../../bird-templates/parts/statics.conf"),
    ),
    (
        "parts/kernel.conf",
        include_str!("../../bird-templates/parts/kernel.conf"),
    ),
    (
        "parts/filters.conf",
        include_str!("../../bird-templates/parts/filters.conf"),
    ),
    (
        "parts/rehearsal.conf",
        include_str!("../../bird-templates/parts/rehearsal.conf"),
    ),
    (
        "parts/sessions.conf",
        include_str!("../../bird-templates/parts/sessions.conf"),
    ),
];

/// The templates that a rendering can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    dir: PathBuf,
    own: BTreeMap<String, Arc<str>>,
}

impl Templates {
    /// Only those built in.
    pub fn built_in() -> Self {
        Self::default()
    }

    /// Those built in, and the user's own from `dir`, by their path below it. One with the name of
    /// one built in is used in its place.
    pub fn with_own(dir: PathBuf, own: BTreeMap<String, String>) -> Self {
        let own = own.into_iter().map(|(name, text)| (name, text.into())).collect();
        Self { dir, own }
    }

    /// The text of a template.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<str>> {
        match name.strip_prefix(BUILT_IN_PREFIX) {
            Some(ours) => built_in(ours),
            None => self.own.get(name).cloned().or_else(|| built_in(name)),
        }
    }

    /// Where a template comes from, for people: its path, or that it is built in.
    pub(crate) fn origin(&self, name: &str) -> String {
        if self.own.contains_key(name) {
            self.dir.join(name).display().to_string()
        } else {
            "built in".to_owned()
        }
    }

    /// How errors name the file: its path, or its name among those built in.
    pub(crate) fn shown(&self, name: &str) -> String {
        if self.own.contains_key(name) {
            self.dir.join(name).display().to_string()
        } else {
            format!(
                "{BUILT_IN_PREFIX}{}",
                name.strip_prefix(BUILT_IN_PREFIX).unwrap_or(name)
            )
        }
    }

    /// The names of whole files among those built in, for `[render] template`.
    pub fn whole_files() -> impl Iterator<Item = &'static str> {
        let names = BUILT_IN.iter().map(|(name, _)| *name);
        names.filter(|name| !name.contains('/'))
    }

    /// Every name that [`Templates::find`] knows, in order, without the aliases.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        names.extend(self.own.keys().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn built_in(name: &str) -> Option<Arc<str>> {
    BUILT_IN
        .iter()
        .find(|(ours, _)| *ours == name)
        .map(|(_, text)| Arc::from(*text))
}
