//! Numbers of BGP.

use super::number;
use super::text::{TextValue, symbol};
use crate::config::key_docs::ValueSchema;
use crate::config::model::ImportPolicy;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, wrong_type};
use serde_json::json;
use toml::de::DeValue;

/// An AS number.
pub(crate) struct Asn;

impl ValueType for Asn {
    type Value = u32;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> u32 {
        let read = match number(value) {
            Some(number) => asn(number),
            None => {
                let complaint = wrong_type("an AS number", value);
                let digits = value
                    .as_str()
                    .map(|text| text.trim_start_matches(['A', 'S', 'a', 's']));
                Err(match digits.and_then(|digits| digits.parse::<u32>().ok()) {
                    Some(number) => complaint.better(number.to_string()),
                    None => complaint.help("write it as a number, such as 64501"),
                })
            }
        };
        read.unwrap_or_else(|complaint| {
            site.refuse(complaint);
            self.stand_in()
        })
    }

    fn stand_in(&self) -> u32 {
        1
    }

    fn shape(&self) -> ValueSchema {
        ValueSchema::new(
            "AS number",
            json!({ "type": "integer", "minimum": 1, "maximum": 4_294_967_294_u32 }),
        )
    }
}

fn asn(number: i128) -> Result<u32, ValueError> {
    let complaint =
        |label: &str| Err(ValueError::new("bad-asn", "no network has this AS number").label(label));
    match u32::try_from(number) {
        Err(_) => complaint("not from 1 to 4294967294"),
        Ok(0) => complaint("AS 0 is reserved (RFC 7607)"),
        Ok(23456) => complaint("AS_TRANS stands for larger numbers on the wire (RFC 6793)"),
        Ok(65535 | u32::MAX) => complaint("reserved (RFC 7300)"),
        Ok(number) => Ok(number),
    }
}

/// A community (RFC 1997), such as `64500:80`.
pub(crate) const COMMUNITY: TextValue<(u16, u16)> = TextValue {
    words: "community, `\"64500:80\"`",
    pattern: Some("^[0-9]{1,5}:[0-9]{1,5}$"),
    parse: community,
    stand_in: || (0, 0),
};

fn community(text: &str) -> Result<(u16, u16), ValueError> {
    let complaint = || ValueError::new("bad-community", "this is not a community");
    match parts(text).as_deref() {
        Some([Some(asn), Some(value)]) => {
            let (asn, value) = (u16::try_from(*asn), u16::try_from(*value));
            asn.ok().zip(value.ok()).ok_or_else(|| {
                complaint()
                    .label("a part is larger than 65535")
                    .help("for an AS number of 32 bits use `large_communities`, such as \"64501:1:344\"")
            })
        }
        Some([_, _, _]) => Err(complaint()
            .label("three parts: a large community")
            .help("write it into `large_communities`")),
        _ => Err(complaint()
            .label("not two numbers with `:` between them")
            .help("write it such as \"64500:80\"")),
    }
}

/// A large community (RFC 8092), such as `64501:1:344`.
pub(crate) const LARGE_COMMUNITY: TextValue<(u32, u32, u32)> = TextValue {
    words: "large community, `\"64501:1:344\"`",
    pattern: Some("^[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$"),
    parse: large_community,
    stand_in: || (0, 0, 0),
};

fn large_community(text: &str) -> Result<(u32, u32, u32), ValueError> {
    let complaint = || ValueError::new("bad-community", "this is not a large community");
    match parts(text).as_deref() {
        Some([Some(a), Some(b), Some(c)]) => {
            let parts = (u32::try_from(*a), u32::try_from(*b), u32::try_from(*c));
            match parts {
                (Ok(a), Ok(b), Ok(c)) => Ok((a, b, c)),
                (_, _, _) => Err(complaint().label("a part is larger than 4294967295")),
            }
        }
        Some([_, _]) => Err(complaint()
            .label("two parts: a community")
            .help("write it into `communities`")),
        _ => Err(complaint()
            .label("not three numbers with `:` between them")
            .help("write it such as \"64501:1:344\"")),
    }
}

/// The parts between colons; `None` for a part that is no number of at most ten digits.
fn parts(text: &str) -> Option<Vec<Option<u64>>> {
    let digits = |part: &str| (1..=10).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<_> = text
        .split(':')
        .map(|part| part.parse().ok().filter(|_| digits(part)))
        .collect();
    parts.iter().all(Option::is_some).then_some(parts)
}

/// What is taken from a neighbour.
pub(crate) const IMPORT: TextValue<ImportPolicy> = TextValue {
    words: "`\"none\"`, `\"default-route\"`, `\"services\"`, or the name of a filter of your own",
    pattern: Some("^(none|default-route|services|[A-Za-z_][A-Za-z0-9_]{0,63})$"),
    parse: import,
    stand_in: || ImportPolicy::None,
};

fn import(text: &str) -> Result<ImportPolicy, ValueError> {
    match text {
        "none" => Ok(ImportPolicy::None),
        "default-route" => Ok(ImportPolicy::DefaultRoute),
        "services" => Ok(ImportPolicy::Services),
        "all" | "default" => Err(ValueError::new("bad-import", "this is not an import policy")
            .label(if text == "all" {
                "everything that the neighbour sends"
            } else {
                "did you mean \"default-route\"?"
            })
            .help("write \"none\", \"default-route\", \"services\", or the name of a filter of your own")),
        filter => symbol(filter).map(ImportPolicy::Filter),
    }
}
