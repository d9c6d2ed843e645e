//! bird.conf as BIRD reads it: the file that the running BIRD was started with, and everything that it
//! includes. What the text means is not decided here, and nothing is written. Everything here blocks.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::ready::bird_conf::{includes, is_pattern, matches};

/// More text than any bird.conf but one full of prefix lists has; what is longer is not read.
const MAX_LEN: usize = 4 << 20;

/// How deep files may include one another: BIRD's own limit (conf/cf-lex.l:MAX_INCLUDE_DEPTH).
const MAX_DEPTH: usize = 8;

/// How many files are read at the most.
const MAX_FILES: usize = 256;

/// What BIRD's process is called.
const NAME: &str = "bird";

/// The configuration file that a running BIRD was told on its command line; `None` where it was told
/// none, or that cannot be seen.
pub fn told(pid: i32) -> Option<PathBuf> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let line = fs::read(process.join("cmdline")).ok()?;
    let mut words = line
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned());
    // It may have gone, and its number be another's.
    if Path::new(&words.next()?).file_name()? != NAME {
        return None;
    }
    let file = told_by(words)?;
    Some(if file.is_absolute() {
        file
    } else {
        fs::read_link(process.join("cwd")).ok()?.join(file)
    })
}

/// The argument of `-c` (sysdep/unix/main.c:parse_args).
fn told_by(mut words: impl Iterator<Item = String>) -> Option<PathBuf> {
    while let Some(word) = words.next() {
        if word == "-c" {
            return words.next().map(PathBuf::from);
        }
        if let Some(file) = word.strip_prefix("-c").filter(|file| !file.is_empty()) {
            return Some(file.into());
        }
        if word == "-l" {
            return Some("bird.conf".into());
        }
    }
    None
}

/// The file's text with every included file in the place of the line that includes it, but for those
/// below `leave`, whose lines stay.
///
/// # Errors
/// What cannot be read, in words.
pub fn whole(file: &Path, leave: &Path) -> Result<String, String> {
    let mut reading = Reading {
        leave,
        text: String::new(),
        files: 0,
    };
    reading.take(file, 0)?;
    Ok(reading.text)
}

struct Reading<'a> {
    leave: &'a Path,
    text: String,
    files: usize,
}

impl Reading<'_> {
    fn take(&mut self, file: &Path, depth: usize) -> Result<(), String> {
        let shown = file.display();
        self.files += 1;
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            return Err(format!("{shown} is included too deep, or among too many files"));
        }
        let text = self
            .read(file)
            .map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let found = includes(&text);
        for (number, line) in text.lines().enumerate() {
            match found.iter().find(|include| include.line == number) {
                Some(include) if !self.is_left(&include.pattern) => {
                    self.include(file, &include.pattern, depth)?;
                }
                Some(_) | None => {
                    self.text.push_str(line);
                    self.text.push('\n');
                }
            }
        }
        Ok(())
    }

    fn read(&self, file: &Path) -> Result<String, String> {
        let room = MAX_LEN.saturating_sub(self.text.len());
        let mut bytes = Vec::new();
        let opened = fs::File::open(file).map_err(|error| error.to_string())?;
        let limit = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
        opened
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        if bytes.len() > room {
            return Err(format!(
                "with what it includes it is longer than {} MiB",
                MAX_LEN >> 20
            ));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether a pattern names one of the files that are left: their directory matches its own.
    fn is_left(&self, pattern: &str) -> bool {
        let directory = Path::new(pattern).parent().unwrap_or(Path::new(""));
        matches(&directory.to_string_lossy(), &self.leave.to_string_lossy())
    }

    fn include(&mut self, from: &Path, pattern: &str, depth: usize) -> Result<(), String> {
        // Relative to the file that includes it, as BIRD takes it.
        let pattern = from.parent().unwrap_or(Path::new("/")).join(pattern);
        for file in expand(&pattern) {
            self.take(&file, depth + 1)?;
        }
        Ok(())
    }
}

/// The paths that a pattern stands for, sorted; a path without one is itself.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = component.as_os_str().to_string_lossy();
        let plain = !matches!(component, Component::Normal(_)) || !is_pattern(&name);
        found = found
            .iter()
            .flat_map(|path| {
                if plain {
                    vec![path.join(component)]
                } else {
                    children(path, &name)
                }
            })
            .collect();
    }
    // A pattern may match nothing; a plain name that is missing is an error of whoever reads it.
    if is_pattern(&pattern.to_string_lossy()) {
        found.retain(|path| path.exists());
    }
    found
}

fn children(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let hidden = |name: &String| name.starts_with('.') && !pattern.starts_with('.');
    let mut names: Vec<String> = names
        .filter(|name| matches(pattern, name) && !hidden(name))
        .collect();
    names.sort();
    names.iter().map(|name| directory.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_the_file() {
        let of = |words: &[&str]| told_by(words.iter().map(ToString::to_string));
        assert_eq!(of(&["-f", "-u", "bird", "-g", "bird"]), None);
        assert_eq!(of(&["-f", "-c", "/etc/x.conf"]), Some("/etc/x.conf".into()));
        assert_eq!(of(&["-c/etc/x.conf"]), Some("/etc/x.conf".into()));
        assert_eq!(of(&["-l"]), Some("bird.conf".into()));
    }

    #[test]
    fn a_process_that_is_not_bird_was_told_nothing() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(told(own), None);
        assert_eq!(told(i32::MAX), None);
    }

    #[test]
    fn what_is_included_stands_in_the_place_of_its_line_and_state_files_are_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("conf.d")).unwrap();
        fs::write(path("conf.d/b.conf"), "two\n").unwrap();
        fs::write(path("conf.d/a.conf"), "one\ninclude \"../deep.conf\";\n").unwrap();
        fs::write(path("conf.d/a.conf~"), "never\n").unwrap();
        fs::write(path("deep.conf"), "deep\n").unwrap();
        let state = "  include \"/run/falcone[r]/bird/web_v4.conf\";";
        let text = format!("head\ninclude \"conf.d/*.conf\";\n{state}\ninclude \"none*/x\";\ntail\n");
        fs::write(path("bird.conf"), text).unwrap();
        let whole = whole(&path("bird.conf"), Path::new("/run/falconer/bird")).unwrap();
        assert_eq!(whole, format!("head\none\ndeep\ntwo\n{state}\ntail\n"));
    }

    #[test]
    fn a_file_that_is_missing_or_includes_itself_is_an_error_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bird.conf");
        let leave = Path::new("/run/falconer/bird");
        assert!(whole(&file, leave).unwrap_err().contains("cannot be read"));
        fs::write(&file, "include \"bird.conf\";\n").unwrap();
        assert!(whole(&file, leave).unwrap_err().contains("too deep"));
        fs::write(&file, vec![b'#'; MAX_LEN + 1]).unwrap();
        assert!(whole(&file, leave).unwrap_err().contains("longer than 4 MiB"));
    }
}
