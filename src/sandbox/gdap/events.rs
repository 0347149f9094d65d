//! What partner and customer are told by mail. GDAP FAQ: 30, 7 and 1 day before a relationship ends, and at its end.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Relationship;
use crate::sandbox::kept::Kept;
use crate::sandbox::state::State;

/// So many are remembered.
const BOUND: usize = 1_000;

/// One notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub time: Timestamp,
    pub kind: Kind,
    pub relationship: String,
    pub name: String,
    pub customer: Option<String>,
    /// Days to the end, where that is what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    Approved,
    Declined,
    Expires,
    Expired,
    Extended,
    Terminated,
}

/// Days before the end at which there is a notice.
pub const NOTICES: [i64; 3] = [30, 7, 1];

impl State {
    pub fn tell(&mut self, at: Timestamp, kind: Kind, id: &str, days: Option<i64>) {
        let Some(Relationship { display_name, customer, .. }) = self.relationships.get(id) else { return };
        let event = Event {
            time: at,
            kind,
            relationship: id.to_owned(),
            name: display_name.clone(),
            customer: customer.clone(),
            days,
        };
        if self.events.len() >= BOUND {
            self.events.pop_front();
        }
        self.events.push_back(Kept::new(event));
    }
}
