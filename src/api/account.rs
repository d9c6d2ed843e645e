//! Users and groups of this machine, as far as /etc/passwd and /etc/group know them: who a peer is,
//! and which group may use the socket. Directory services are not asked, because a network's answer
//! must not stand between an operator and a withdrawal; who is unknown here is shown as "uid N".

use std::path::Path;

/// The group whose members may use the socket.
pub(crate) const GROUP: &str = "falconer";

/// What a user is called in records: the name, or "uid N".
pub(crate) fn user_name(uid: u32) -> String {
    let passwd = read(Path::new("/etc/passwd"));
    name_of(&passwd, uid).map_or_else(|| format!("uid {uid}"), str::to_owned)
}

/// The number of a group, where this machine has it.
pub(crate) fn group_id(name: &str) -> Option<u32> {
    id_of(&read(Path::new("/etc/group")), name)
}

/// The name of a group's number, where this machine knows it.
pub(crate) fn group_name(gid: u32) -> Option<String> {
    name_of(&read(Path::new("/etc/group")), gid).map(str::to_owned)
}

/// The file's text; nobody is known where it cannot be read.
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The first name with this number. Both files hold `name:password:number:...` (passwd(5), group(5)).
fn name_of(file: &str, id: u32) -> Option<&str> {
    entries(file)
        .find(|(_, number)| *number == id)
        .map(|(name, _)| name)
}

/// The number of the first entry with this name.
fn id_of(file: &str, wanted: &str) -> Option<u32> {
    entries(file)
        .find(|(name, _)| *name == wanted)
        .map(|(_, number)| number)
}

/// Name and number of each well-formed line.
fn entries(file: &str) -> impl Iterator<Item = (&str, u32)> {
    file.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number = fields.nth(1)?.parse().ok()?;
        Some((name, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP_FILE: &str = "root:x:0:\n\nbroken\n:x:7:\nbird:x:105:\nfalconer:x:998:alice,bob\n";

    #[test]
    fn names_and_numbers_are_found_both_ways() {
        assert_eq!(id_of(GROUP_FILE, "falconer"), Some(998));
        assert_eq!(name_of(GROUP_FILE, 105), Some("bird"));
    }

    #[test]
    fn broken_lines_and_unknown_names_are_passed_over() {
        assert_eq!(id_of(GROUP_FILE, "broken"), None);
        assert_eq!(id_of(GROUP_FILE, ""), None);
        assert_eq!(name_of(GROUP_FILE, 7), None);
    }

    #[test]
    fn root_is_called_root() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_294_967_000), "uid 4294967000");
    }
}
