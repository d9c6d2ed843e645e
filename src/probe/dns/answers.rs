//! The answers that a dns probe expects; all of them must be there.
//!
//! They are compared as record data in canonical form (RFC 4034, section 6.2), so that the case of a
//! name, its final dot, or the notation of an IPv6 address do not matter. Text records are compared as
//! one text, however they are split into strings.

use domain::base::iana::Rtype;
use domain::base::rdata::ComposeRecordData;
use domain::base::scan::IterScanner;
use domain::base::{Message, Name, ParsedName};
use domain::rdata::{AllRecordData, Txt, ZoneRecordData};

/// Answers that are wanted, each as the operator wrote it and in its canonical form.
#[derive(Debug)]
pub(crate) struct ExpectedAnswers {
    record: Rtype,
    wanted: Vec<(String, Vec<u8>)>,
}

impl ExpectedAnswers {
    /// Reads them in presentation format; none means that any answer will do.
    ///
    /// # Errors
    /// What is wrong with one of them, in words.
    pub(crate) fn new(record: Rtype, wanted: &[String]) -> Result<Self, String> {
        let read = |text: &String| {
            let canonical = if record == Rtype::TXT {
                Ok(text_of(text))
            } else {
                data_of(record, text)
            };
            canonical.map(|canonical| (text.clone(), canonical))
        };
        Ok(Self {
            record,
            wanted: wanted.iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// The first that is not in the message, and what is there instead, in words.
    pub(crate) fn missing_from(&self, message: &Message<Vec<u8>>) -> Option<String> {
        let there = records(message, self.record);
        let is_there = |wanted: &Vec<u8>| there.iter().any(|(canonical, _)| canonical == wanted);
        let (missing, _) = self.wanted.iter().find(|(_, wanted)| !is_there(wanted))?;
        let shown: Vec<&str> = there.iter().map(|(_, shown)| shown.as_str()).collect();
        Some(match shown.as_slice() {
            [] => format!("without {} records, wanted {missing}", self.record),
            shown => format!("{} {}, wanted {missing}", self.record, shown.join(", ")),
        })
    }
}

/// "3 answers".
pub(crate) fn count(message: &Message<Vec<u8>>) -> String {
    match message.header_counts().ancount() {
        1 => "1 answer".into(),
        count => format!("{count} answers"),
    }
}

/// The answers of a type, in canonical form and as they are shown. Those that cannot be read are
/// not there.
fn records(message: &Message<Vec<u8>>, record: Rtype) -> Vec<(Vec<u8>, String)> {
    let Ok(answer) = message.answer() else {
        return Vec::new();
    };
    answer
        .limit_to::<AllRecordData<&[u8], ParsedName<&[u8]>>>()
        .flatten()
        .filter(|found| found.rtype() == record)
        .map(|found| {
            let data = found.data();
            let text = if let AllRecordData::Txt(txt) = data {
                Some(joined(txt))
            } else {
                None
            };
            (text.unwrap_or_else(|| canonical(data)), data.to_string())
        })
        .collect()
}

/// Record data in presentation format, in canonical form.
fn data_of(record: Rtype, text: &str) -> Result<Vec<u8>, String> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches('"'))
        .collect();
    let mut scanner = IterScanner::<_, Vec<u8>>::new(words);
    ZoneRecordData::<Vec<u8>, Name<Vec<u8>>>::scan(record, &mut scanner)
        .map(|data| canonical(&data))
        .map_err(|error| format!("{text} is no {record} record: {error}"))
}

fn canonical(data: &impl ComposeRecordData) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = data.compose_canonical_rdata(&mut bytes);
    bytes
}

fn joined(txt: &Txt<&[u8]>) -> Vec<u8> {
    txt.iter().flatten().copied().collect()
}

/// A text as the operator wrote it: as it is, or as quoted strings with `\"`, `\\` and `\123`.
fn text_of(text: &str) -> Vec<u8> {
    let text = text.trim();
    if !text.starts_with('"') {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::new();
    let mut inside = false;
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => inside = !inside,
            b'\\' => bytes.extend(escaped(&mut rest)),
            byte if inside => bytes.push(byte),
            _ => {}
        }
    }
    bytes
}

/// What follows a backslash: three digits for any byte, else the byte itself (RFC 1035, section 5.1).
fn escaped(rest: &mut std::str::Bytes<'_>) -> Option<u8> {
    let digits: Vec<u8> = rest.clone().take(3).take_while(u8::is_ascii_digit).collect();
    let number = std::str::from_utf8(&digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    match number {
        Some(number) if digits.len() == 3 => {
            rest.nth(2);
            Some(number)
        }
        _ => rest.next(),
    }
}
