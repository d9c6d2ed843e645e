//! Suggestions for misspelt names, and lists of names in a sentence.

/// How alike two names must be, from 0 to 1, for one to be suggested for the other.
pub(crate) const ALIKE: f64 = 0.82;

/// The name in `names` that is most like `name`, where one is like it at all.
pub(crate) fn most_alike<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| {
        let (name, other) = (name.to_lowercase(), other.to_lowercase());
        let slips = strsim::damerau_levenshtein(&name, &other);
        // Two slips in a long word are a misspelling; in a short one they are another word.
        let misspelt = slips <= 1 + other.chars().count() / 6;
        strsim::jaro_winkler(&name, &other).max(if misspelt { 1.0 - 0.05 * slips as f64 } else { 0.0 })
    };
    let rated = names.into_iter().map(|other| (likeness(other), other));
    let best = rated
        .filter(|(rate, _)| *rate >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, other)| other)
}

/// Names, as a sentence lists them.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
