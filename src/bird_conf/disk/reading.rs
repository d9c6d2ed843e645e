//! bird.conf as BIRD reads it: the file that the running BIRD was started with, and everything that it
//! includes. What the text means is not decided here, and nothing is written. Everything here blocks.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;

use crate::bird_conf::statics::{includes, is_pattern, matches};
use crate::process_files::ProcessFiles;

/// More text than a bird.conf with prefix lists of half a million entries has; what is longer is not
/// read.
const MAX_LEN: usize = 32 << 20;

/// How deep files may include one another: BIRD's own limit (conf/cf-lex.l:MAX_INCLUDE_DEPTH).
const MAX_DEPTH: usize = 8;

/// How many files are read at the most: more than a route server has members, each with a file.
const MAX_FILES: usize = 20_000;

/// Why BIRD's process is not known, though BIRD answers (SO_PEERCRED of unix(7)).
pub const OTHER_PIDS: &str = "BIRD runs in another PID namespace, so its files are not provable";

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
    let file = config_option(words)?;
    Some(if file.is_absolute() {
        file
    } else {
        fs::read_link(process.join("cwd")).ok()?.join(file)
    })
}

/// The argument of `-c` (sysdep/unix/main.c:parse_args).
fn config_option(mut words: impl Iterator<Item = String>) -> Option<PathBuf> {
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

/// Whether the file that BIRD, which is the process `pid`, reads by the path `read` is the very file
/// `ours`, and stays it when that is replaced.
///
/// # Errors
/// Why it is not, or why that cannot be told; in words.
pub fn is_read(pid: i32, read: &Path, ours: &Path) -> Result<(), String> {
    let files = ProcessFiles::of(pid).map_err(|error| not_provable(read, &no_view(pid, &error)))?;
    let theirs = files.identity(read).map_err(|error| {
        format!(
            "BIRD reads {}, which cannot be seen there: {error}",
            read.display()
        )
    })?;
    let own = ProcessFiles::Ours
        .identity(ours)
        .map_err(|error| format!("cannot look at {}: {error}", ours.display()))?;
    if theirs != own {
        return Err(format!(
            "BIRD reads another file: its {} (process {pid}) is not our {}. Name the file that BIRD reads as `output` \
             in [render]; where BIRD runs in a container, share the directory that the file is in",
            read.display(),
            ours.display()
        ));
    }
    if files.is_mount_point(read).unwrap_or(false) {
        return Err(format!(
            "BIRD (process {pid}) has {} as a single file mounted into a mount namespace of its own: it would keep the \
             old file when ours is replaced. Mount the directory that the file is in",
            read.display()
        ));
    }
    Ok(())
}

/// Whether the file that BIRD, which is the process `pid`, was told is our file `ours`; by their paths
/// where its view cannot be seen.
pub fn is_same(pid: i32, told: &Path, ours: &Path) -> bool {
    let theirs = ProcessFiles::of(pid).and_then(|files| files.identity(told));
    match (theirs, ProcessFiles::Ours.identity(ours)) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        (Ok(_), Err(_)) | (Err(_), Ok(_) | Err(_)) => told == ours,
    }
}

/// That nobody can tell whether BIRD reads our file.
pub fn not_provable(read: &Path, why: &str) -> String {
    format!(
        "that BIRD's {} is the file that we write is not provable: {why}. Bring the file in by hand: `falconer render \
         --write`, then `birdc configure`",
        read.display()
    )
}

/// Why another process's files cannot be seen, in words.
pub fn no_view(pid: i32, error: &std::io::Error) -> String {
    let advice = if error.kind() == ErrorKind::PermissionDenied {
        " (it takes root with CAP_SYS_PTRACE)"
    } else {
        ""
    };
    format!("the files of BIRD's process {pid} cannot be seen: {error}{advice}")
}

/// The first file that `file` includes, but for those below `leave`, and that was changed after
/// `loaded_at`. `None`, too, where they cannot be seen.
pub fn changed_include(pid: i32, file: &Path, leave: &Path, loaded_at: Timestamp) -> Option<PathBuf> {
    let view = View::of(Some(pid), leave).ok()?;
    let read = view.whole(file).ok()?;
    let is_later = |path: &&PathBuf| {
        let changed = view
            .files
            .metadata(path)
            .map(|meta| meta.ctime().max(meta.mtime()));
        changed.is_ok_and(|seconds| seconds > loaded_at.as_second())
    };
    read.files.iter().skip(1).find(is_later).cloned()
}

/// Everything that BIRD reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// The text, with every included file in the place of the line that includes it.
    pub text: String,
    /// The files, in the order in which they are read; one that is included twice stands there twice.
    pub files: Vec<PathBuf>,
}

/// Whose view of the files it is, and which are left out.
#[derive(Debug)]
pub struct View<'a> {
    files: ProcessFiles,
    leave: &'a Path,
}

impl<'a> View<'a> {
    /// That of the process `pid`, else our own. Included files below `leave` are not read: their
    /// lines stay.
    ///
    /// # Errors
    /// The process's files cannot be seen; in words.
    pub fn of(pid: Option<i32>, leave: &'a Path) -> Result<Self, String> {
        let files = match pid {
            Some(0) => return Err(OTHER_PIDS.to_owned()),
            Some(pid) => ProcessFiles::of(pid).map_err(|error| no_view(pid, &error))?,
            None => ProcessFiles::Ours,
        };
        Ok(Self { files, leave })
    }

    /// The file's text with every included file in the place of the line that includes it.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub fn whole(&self, file: &Path) -> Result<Whole, String> {
        let mut reading = BirdConfReader {
            view: self,
            whole: Whole::default(),
        };
        reading.take(file, 0)?;
        Ok(reading.whole)
    }

    /// The paths that a pattern stands for, sorted; a path without one is itself.
    fn expand(&self, pattern: &Path) -> Vec<PathBuf> {
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
                        self.children(path, &name)
                    }
                })
                .collect();
        }
        // A pattern may match nothing; a plain name that is missing is an error of whoever reads it.
        if is_pattern(&pattern.to_string_lossy()) {
            found.retain(|path| self.files.metadata(path).is_ok());
        }
        found
    }

    fn children(&self, directory: &Path, pattern: &str) -> Vec<PathBuf> {
        let names = self.files.list(directory).unwrap_or_default();
        let hidden = |name: &String| name.starts_with('.') && !pattern.starts_with('.');
        let names = names
            .iter()
            .filter(|name| matches(pattern, name) && !hidden(name));
        names.map(|name| directory.join(name)).collect()
    }
}

struct BirdConfReader<'a> {
    view: &'a View<'a>,
    whole: Whole,
}

impl BirdConfReader<'_> {
    fn take(&mut self, file: &Path, depth: usize) -> Result<(), String> {
        let shown = file.display();
        if depth > MAX_DEPTH {
            return Err(format!(
                "{shown} is included through more than {MAX_DEPTH} files, which BIRD does not do either"
            ));
        }
        if self.whole.files.len() >= MAX_FILES {
            return Err(format!(
                "it includes more than {MAX_FILES} files, and Falconer reads no more"
            ));
        }
        self.whole.files.push(file.to_owned());
        let text = self
            .read(file)
            .map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let mut found = includes(&text).into_iter().peekable();
        for (number, line) in text.lines().enumerate() {
            match found.next_if(|include| include.line == number) {
                Some(include) if !self.is_left(&include.pattern) => {
                    self.include(file, &include.pattern, depth)?;
                }
                Some(_) | None => {
                    self.whole.text.push_str(line);
                    self.whole.text.push('\n');
                }
            }
        }
        Ok(())
    }

    fn read(&self, file: &Path) -> Result<String, String> {
        let room = MAX_LEN.saturating_sub(self.whole.text.len());
        let mut bytes = Vec::new();
        let opened = self.view.files.open(file).map_err(|error| {
            if error.kind() == ErrorKind::PermissionDenied {
                format!("{error}; let Falconer's user read it (on Debian the group bird may)")
            } else {
                error.to_string()
            }
        })?;
        let limit = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
        opened
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        if bytes.len() > room {
            return Err(format!(
                "with what it includes it is longer than {} MiB, and Falconer reads no more",
                MAX_LEN >> 20
            ));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether a pattern names one of the files that are left: their directory matches its own.
    fn is_left(&self, pattern: &str) -> bool {
        let directory = Path::new(pattern).parent().unwrap_or(Path::new(""));
        matches(&directory.to_string_lossy(), &self.view.leave.to_string_lossy())
    }

    fn include(&mut self, from: &Path, pattern: &str, depth: usize) -> Result<(), String> {
        // Relative to the file that includes it, as BIRD takes it.
        let pattern = from.parent().unwrap_or(Path::new("/")).join(pattern);
        for file in self.view.expand(&pattern) {
            self.take(&file, depth + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(file: &Path) -> Result<Whole, String> {
        View::of(None, Path::new("/run/falconer/bird"))?.whole(file)
    }

    #[test]
    fn the_command_line_names_the_file() {
        let of = |words: &[&str]| config_option(words.iter().map(ToString::to_string));
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
        let whole = whole(&path("bird.conf")).unwrap().text;
        assert_eq!(whole, format!("head\none\ndeep\ntwo\n{state}\ntail\n"));
    }

    #[test]
    fn a_file_that_is_missing_or_includes_itself_is_an_error_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bird.conf");
        assert!(whole(&file).unwrap_err().contains("cannot be read"));
        fs::write(&file, "include \"bird.conf\";\n").unwrap();
        assert!(whole(&file).unwrap_err().contains("more than 8 files"));
        fs::write(&file, vec![b'#'; MAX_LEN + 1]).unwrap();
        assert!(whole(&file).unwrap_err().contains("longer than 32 MiB"));
    }
}
