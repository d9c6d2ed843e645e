//! Names in a rendered bird.conf that other rooms need, too, such as the rehearsal tables for
//! readiness. Fixed names are here as well, so that a configured name that clashes with one is refused.

use crate::config::model::Family;

/// The longest name that BIRD takes, in bytes (`SYM_MAX_LEN` in its conf/conf.h).
pub const MAX_LEN: usize = 64;

/// The filter that decides what `upstream` is told in that family.
pub fn export_filter(upstream: &str, family: Family) -> String {
    format!("to_{upstream}_{}", suffix(family))
}

/// The table in which export filters are rehearsed; nothing exports it.
pub fn rehearsal_table(family: Family) -> &'static str {
    match family {
        Family::V4 => "rehearsal4",
        Family::V6 => "rehearsal6",
    }
}

/// The protocol in the rehearsal table that has the routes of the static protocol `name`.
pub fn shadow(name: &str) -> String {
    format!("{name}_shadow")
}

/// A name as it is written in bird.conf and in birdc where a symbol is meant: in apostrophes where
/// it has more than letters, digits and underscores.
pub fn symbol(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        format!("'{name}'")
    }
}

/// Whether BIRD takes it as a name, in apostrophes if need be. Keywords are not looked at: which
/// words those are differs from version to version.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_LEN
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

/// The kernel protocol of a family.
pub(crate) fn kernel(family: Family) -> &'static str {
    match family {
        Family::V4 => "kernel4",
        Family::V6 => "kernel6",
    }
}

/// The filter in front of [`kernel`].
pub(crate) fn kernel_filter(family: Family) -> &'static str {
    match family {
        Family::V4 => "to_kernel4",
        Family::V6 => "to_kernel6",
    }
}

/// The filter behind `import = "services"`.
pub(crate) fn import_filter(family: Family) -> &'static str {
    match family {
        Family::V4 => "services_of_others4",
        Family::V6 => "services_of_others6",
    }
}

/// What the shared templates, and BIRD by itself, call their own.
pub fn reserved() -> Vec<&'static str> {
    let mut names = vec!["bfd1", "device1", "master4", "master6"];
    for family in [Family::V4, Family::V6] {
        names.extend([
            kernel(family),
            kernel_filter(family),
            import_filter(family),
            rehearsal_table(family),
        ]);
    }
    names
}

/// How a family ends a name.
fn suffix(family: Family) -> &'static str {
    match family {
        Family::V4 => "v4",
        Family::V6 => "v6",
    }
}
