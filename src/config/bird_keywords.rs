//! Names that BIRD accepts: its grammar of symbols, and its reserved words.
//!
//! The reserved words differ between versions, so a name that only some versions refuse depends on the
//! version that runs. A name with `-`, `.` or `:`, or with a digit first, has to be quoted in
//! apostrophes; Falconer adds them.

use std::sync::LazyLock;

/// The longest name in bytes (`SYM_MAX_LEN` of BIRD's `conf/conf.h`).
pub(crate) const LONGEST: usize = 64;

/// The longest name of hexadecimal digits alone. From twenty on, newer versions of BIRD take it for
/// a string of bytes (`conf/cf-lex.l`).
const LONGEST_HEX: usize = 16;

/// The longest service name: the longest name made of it ends in `_v4_shadow`.
pub(crate) const LONGEST_SERVICE: usize = LONGEST - "_v4_shadow".len();

/// Every word that 2.0.12, 2.19.2 or 3.3.2 refuses as the name of a protocol or a filter, found by
/// handing each keyword, constant, attribute and table of these versions to `bird -p`. Sorted.
static KEPT: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("bird_words.txt").split_ascii_whitespace().collect());

/// Why BIRD, or we, would not take a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidSymbol {
    /// Nothing there.
    Empty,
    /// Longer than [`LONGEST`].
    TooLong,
    /// Other characters than letters, digits, `_`, `-`, `.` and `:`.
    Letters,
    /// Hexadecimal digits alone, and many of them: a string of bytes to BIRD.
    Hex,
    /// Begins with `falconer_`, which is for what we render.
    Ours,
}

/// Whether some version of BIRD keeps a word for itself.
pub(crate) fn is_kept(name: &str) -> bool {
    KEPT.binary_search(&name).is_ok()
}

/// Whether a name will do for a protocol or a filter (conf/cf-lex.l), in apostrophes if need be.
///
/// # Errors
/// Says why it will not.
pub(crate) fn symbol(name: &str) -> Result<(), InvalidSymbol> {
    if name.is_empty() {
        return Err(InvalidSymbol::Empty);
    }
    let letters = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'));
    if !letters {
        return Err(InvalidSymbol::Letters);
    }
    if name.len() > LONGEST {
        return Err(InvalidSymbol::TooLong);
    }
    if name.len() > LONGEST_HEX && name.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(InvalidSymbol::Hex);
    }
    if name.starts_with("falconer_") {
        return Err(InvalidSymbol::Ours);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
