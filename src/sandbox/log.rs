//! The log of what was asked of the cloud: never bodies, never secrets.
use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kept::Kept;

const BOUND: usize = 20_000;

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Log {
    pub next: u64,
    #[serde(default)]
    pub counts: Counts,
    pub entries: VecDeque<Kept<Entry>>,
}

/// What was asked since the state was made, also of what the bounded log no longer has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests on the wire, without those for tokens; a `$batch` counts once.
    pub http: u64,
    /// Requests to the token service.
    pub tokens: u64,
    /// Mutating requests that were asked for, on the wire or in a batch, also those that were refused.
    pub writes: u64,
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
        match (entry.batch, entry.token) {
            (None, true) => self.counts.tokens += 1,
            (None, false) => self.counts.http += 1,
            (Some(_), _) => {}
        }
        self.counts.writes += u64::from(entry.write);
        if self.entries.len() >= BOUND {
            self.entries.pop_front();
        }
        // A batch reserves its number before its items do theirs and is written after them.
        let at = self.entries.iter().rposition(|e| e.seq < entry.seq).map_or(0, |i| i + 1);
        self.entries.insert(at, Kept::new(entry));
    }

    pub fn since(&self, seq: u64, writes_only: bool) -> Vec<Entry> {
        let from = self.entries.partition_point(|e| e.seq <= seq);
        self.entries.range(from..).filter(|e| !writes_only || e.write).map(|e| (**e).clone()).collect()
    }
}
