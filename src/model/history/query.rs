//! Which entries of the history somebody asks for, and the page that answers: the latest ones that
//! fit, gathered from the newest back. Where they come from is not known here.

use jiff::Timestamp;

use super::HistoryEntry;

/// The most entries on one page.
pub const LIMIT: usize = 1000;

/// The most that a page holds, in bytes: a client that reads slowly keeps its page in memory for as
/// long as it takes.
const ROOM: usize = 1 << 20;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only what happened to this service.
    pub service: Option<String>,
    /// Only what happened at this time or later.
    pub since: Option<Timestamp>,
    /// Only entries with a larger number.
    pub after: Option<u64>,
    /// Only entries with a smaller number.
    pub before: Option<u64>,
    /// How many at most, the latest ones; never more than [`LIMIT`].
    pub limit: usize,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self {
            service: None,
            since: None,
            after: None,
            before: None,
            limit: LIMIT,
        }
    }
}

impl HistoryQuery {
    fn wants(&self, entry: &HistoryEntry) -> bool {
        let of_service = self.service.is_none() || self.service == entry.service;
        of_service
            && self.since.is_none_or(|since| entry.at >= since)
            && self.after.is_none_or(|after| entry.seq > after)
            && self.before.is_none_or(|before| entry.seq < before)
    }
}

/// A page in the making.
#[derive(Clone, Debug)]
pub struct HistoryPageBuilder {
    query: HistoryQuery,
    /// Lines of JSON, newest first.
    lines: Vec<String>,
    bytes: usize,
    /// The number of the last entry that was looked at, wanted or not.
    reached: u64,
    /// The number of the last entry that was taken.
    taken: Option<u64>,
    /// There was no room for more.
    full: bool,
}

impl HistoryPageBuilder {
    /// An empty page.
    pub fn new(query: HistoryQuery) -> Self {
        Self {
            query,
            lines: Vec::new(),
            bytes: 0,
            reached: u64::MAX,
            taken: None,
            full: false,
        }
    }

    /// Whether there may still be entries that are wanted below those that were offered.
    pub fn wants_more(&self) -> bool {
        !self.full
            && self.reached > 1
            && self
                .query
                .after
                .is_none_or(|after| self.reached > after.saturating_add(1))
    }

    /// Whether an entry of that number has been looked at already.
    pub fn has_passed(&self, seq: u64) -> bool {
        seq >= self.reached
    }

    /// Takes an entry in, if it is asked for. Entries come newest first; one that is newer than the
    /// last is passed over, so that two sources may overlap. `line` is its JSON.
    pub fn offer(&mut self, entry: &HistoryEntry, line: impl FnOnce() -> String) {
        if self.full || self.has_passed(entry.seq) {
            return;
        }
        if self.query.wants(entry) {
            let line = line();
            let room = self.lines.len() < self.query.limit.min(LIMIT) && self.bytes + line.len() <= ROOM;
            // One entry always fits: a page of nothing would lead nowhere.
            if !room && !self.lines.is_empty() {
                self.full = true;
                return;
            }
            self.bytes += line.len();
            self.lines.push(line);
            self.taken = Some(entry.seq);
        }
        self.reached = entry.seq;
    }

    /// `{"events": [...], "next": SEQ}`, oldest first; `next` is null where nothing older is asked for.
    pub fn page(&self) -> String {
        let mut page = String::with_capacity(self.bytes + 64);
        page.push_str("{\"events\":[");
        for (at, line) in self.lines.iter().rev().enumerate() {
            if at > 0 {
                page.push(',');
            }
            page.push_str(line.trim_end());
        }
        page.push_str("],\"next\":");
        match self.taken.filter(|_| self.full) {
            Some(seq) => page.push_str(&seq.to_string()),
            None => page.push_str("null"),
        }
        page.push('}');
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::{HistoryEvent, entries, line};

    fn entry(seq: u64) -> HistoryEntry {
        HistoryEntry {
            seq,
            at: Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(i64::try_from(seq).unwrap()),
            service: Some(if seq.is_multiple_of(2) { "web" } else { "mail" }.to_owned()),
            what: HistoryEvent::Latched,
        }
    }

    /// The numbers on the page, and the next one.
    fn page(query: HistoryQuery, offered: impl IntoIterator<Item = u64>) -> (Vec<u64>, Option<u64>) {
        let mut gathering = HistoryPageBuilder::new(query);
        for seq in offered {
            let entry = entry(seq);
            gathering.offer(&entry, || line(&entry));
        }
        let page: serde_json::Value = serde_json::from_str(&gathering.page()).unwrap();
        let lines: String = page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect();
        let (found, damaged) = entries(&lines);
        assert_eq!(damaged, 0);
        (
            found.iter().map(|entry| entry.seq).collect(),
            page["next"].as_u64(),
        )
    }

    fn all() -> HistoryQuery {
        HistoryQuery::default()
    }

    #[test]
    fn the_latest_entries_come_oldest_first_and_say_where_to_go_on() {
        let query = |before| HistoryQuery {
            limit: 3,
            before,
            ..all()
        };
        assert_eq!(page(query(None), (1..=7).rev()), (vec![5, 6, 7], Some(5)));
        assert_eq!(page(query(Some(5)), (1..=7).rev()), (vec![2, 3, 4], Some(2)));
        assert_eq!(page(query(Some(2)), (1..=7).rev()), (vec![1], None));
    }

    #[test]
    fn a_page_that_ends_exactly_with_the_history_has_no_next() {
        assert_eq!(
            page(HistoryQuery { limit: 3, ..all() }, (1..=3).rev()),
            (vec![1, 2, 3], None)
        );
    }

    #[test]
    fn service_and_time_and_number_choose() {
        let of_web = HistoryQuery {
            service: Some("web".into()),
            ..all()
        };
        assert_eq!(page(of_web, (1..=6).rev()), (vec![2, 4, 6], None));
        let since = HistoryQuery {
            since: Some(entry(4).at),
            ..all()
        };
        assert_eq!(page(since, (1..=6).rev()), (vec![4, 5, 6], None));
        let after = HistoryQuery {
            after: Some(4),
            ..all()
        };
        assert_eq!(page(after, (1..=6).rev()), (vec![5, 6], None));
    }

    #[test]
    fn sources_that_overlap_give_no_entry_twice() {
        let twice = (3..=6).rev().chain((1..=5).rev());
        assert_eq!(page(all(), twice), (vec![1, 2, 3, 4, 5, 6], None));
    }

    #[test]
    fn a_page_is_bounded_in_bytes_and_holds_one_entry_at_least() {
        let mut gathering = HistoryPageBuilder::new(all());
        let big = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
        gathering.offer(&entry(3), || big(2 * ROOM));
        gathering.offer(&entry(2), || big(10));
        assert!(!gathering.wants_more());
        assert!(gathering.page().ends_with(",\"next\":3}") || gathering.page().ends_with("],\"next\":3}"));
    }

    #[test]
    fn nothing_more_is_wanted_of_the_past_once_it_can_hold_nothing() {
        let reached = |query: HistoryQuery, to: u64| {
            let mut gathering = HistoryPageBuilder::new(query);
            for seq in (to..=9).rev() {
                gathering.offer(&entry(seq), || line(&entry(seq)));
            }
            gathering.wants_more()
        };
        assert!(reached(all(), 2));
        assert!(!reached(all(), 1));
        assert!(!reached(
            HistoryQuery {
                after: Some(4),
                ..all()
            },
            5
        ));
        assert!(!reached(HistoryQuery { limit: 2, ..all() }, 5));
    }
}
