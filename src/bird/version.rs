//! Which BIRD it is, as its greeting and `show status` say. What differs between versions is
//! decided where it matters, not here.

use std::fmt;

/// The word before the version, in the greeting and in `show status`.
const DAEMON: &str = "BIRD";

/// A version of BIRD, such as 2.0.12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdVersion {
    /// 2 or 3.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number; zero where there is none.
    pub patch: u16,
    /// All of it as BIRD says it: builds from its repository carry a suffix.
    pub text: String,
}

impl BirdVersion {
    /// Reads "2.0.12", "3.0", or a build's "2.19.2+branch..no.branch..1d201ed0360c". `None` where
    /// it does not start with two numbers.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = leading_number(numbers.next()?)?;
        let patch = numbers.next().and_then(leading_number).unwrap_or(0);
        Some(Self {
            major,
            minor,
            patch,
            text: text.to_owned(),
        })
    }

    /// Reads "BIRD 2.0.12", with or without " ready." or another word behind it.
    pub fn of_daemon(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        if words.next()? != DAEMON {
            return None;
        }
        Self::parse(words.next()?)
    }

    /// Whether it is that version or a later one.
    pub fn is_at_least(&self, major: u16, minor: u16, patch: u16) -> bool {
        (self.major, self.minor, self.patch) >= (major, minor, patch)
    }
}

impl fmt::Display for BirdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn leading_number(text: &str) -> Option<u16> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read() {
        let version = BirdVersion::parse("2.0.12").expect("a version");
        assert_eq!((version.major, version.minor, version.patch), (2, 0, 12));
        assert_eq!(version.to_string(), "2.0.12");
    }

    #[test]
    fn a_build_from_the_repository_keeps_its_suffix() {
        let version =
            BirdVersion::of_daemon("BIRD 2.19.2+branch..no.branch..1d201ed0360c ready.").expect("one");
        assert_eq!((version.major, version.minor, version.patch), (2, 19, 2));
        assert_eq!(version.text, "2.19.2+branch..no.branch..1d201ed0360c");
    }

    #[test]
    fn a_version_without_a_third_number_is_read() {
        let version = BirdVersion::parse("3.0alpha2").expect("a version");
        assert_eq!((version.major, version.minor, version.patch), (3, 0, 0));
    }

    #[test]
    fn versions_are_compared_by_number_and_not_by_letter() {
        let debian = BirdVersion::parse("2.0.12").expect("a version");
        assert!(debian.is_at_least(2, 0, 8));
        assert!(debian.is_at_least(2, 0, 12));
        assert!(!debian.is_at_least(2, 19, 2));
    }

    #[test]
    fn another_daemon_has_no_version() {
        assert_eq!(BirdVersion::of_daemon("FRRouting 8.4.4 ready."), None);
        assert_eq!(BirdVersion::of_daemon("BIRD ready."), None);
        assert_eq!(BirdVersion::of_daemon(""), None);
    }
}
