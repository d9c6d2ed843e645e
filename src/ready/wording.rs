//! Lists and verbs of the texts that the checks write.

/// How many of a kind a text names before it only counts them.
const NAMED: usize = 5;

/// "a, b and 3 more".
pub(crate) fn list<T: ToString>(all: &[T]) -> String {
    let named: Vec<String> = all.iter().take(NAMED).map(T::to_string).collect();
    match all.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The verb for so many of them: "is" or "are", "takes" or "take".
pub(crate) fn verb(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}
