//! The log of what was asked of the cloud: never bodies, never secrets.
use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const BOUND: usize = 20_000;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Log {
    pub next: u64,
    pub entries: VecDeque<Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub seq: u64,
    /// Virtual time.
    pub time: Timestamp,
    pub method: String,
    pub path: String,
    /// For an item of a `$batch`: the sequence number of the request that carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// App id, `user@app id`, or `anonymous`.
    pub caller: String,
    pub status: u16,
    pub write: bool,
    pub token: bool,
}

impl Log {
    /// Takes a sequence number; the entry follows when the answer is known.
    pub fn reserve(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn add(&mut self, entry: Entry) {
        if self.entries.len() >= BOUND {
            self.entries.pop_front();
        }
        // A batch reserves its number before its items do theirs and is written after them.
        let at = self.entries.iter().rposition(|e| e.seq < entry.seq).map_or(0, |i| i + 1);
        self.entries.insert(at, entry);
    }

    pub fn since(&self, seq: u64, writes_only: bool) -> Vec<Entry> {
        self.entries.iter().filter(|e| e.seq > seq && (!writes_only || e.write)).cloned().collect()
    }
}
