//! What the audit log of a tenant remembers: who changed what and when; the oldest entries go.
use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids;
use super::kept::Kept;
use super::state::{State, Tenant};

const BOUND: usize = 1_000;

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Audits {
    next: u64,
    entries: VecDeque<Kept<Entry>>,
}

/// One change that really happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub number: u64,
    pub time: Timestamp,
    pub of: Event,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// A key of the table of activities, or `POST /path` of a route that the table does not know.
    pub activity: String,
    pub by: By,
    /// The id of the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub correlation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    pub targets: Vec<Target>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum By {
    App { app_id: String },
    User { id: String, upn: String },
}

/// An object that was changed, or that a change is about.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Target {
    pub id: String,
    /// Graph type.
    pub of: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// A property before and after, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

impl Audits {
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// The newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev().map(|e| &**e)
    }

    fn add(&mut self, time: Timestamp, of: Event) {
        self.next += 1;
        if self.entries.len() >= BOUND {
            self.entries.pop_front();
        }
        self.entries.push_back(Kept::new(Entry { number: self.next, time, of }));
    }
}

impl Target {
    pub fn new(of: &str, id: &str, name: Option<&str>) -> Target {
        Target { id: id.to_owned(), of: of.to_owned(), name: name.map(str::to_owned), ..Target::default() }
    }
}

impl State {
    /// Enters a change in the log of the tenant where it happened.
    pub fn audit(&mut self, tenant: &str, now: Timestamp, event: Event) {
        if let Some(t) = self.tenants.get_mut(tenant) {
            t.audits.add(now, event);
        }
    }

    /// What a person of a tenant did in a portal: its administrator, whom no request names.
    pub fn audit_person(&mut self, tenant: &str, now: Timestamp, activity: &str, targets: Vec<Target>) {
        let Some(by) = self.tenants.get(tenant).map(|t| administrator(self.seed, t)) else { return };
        let event = Event { activity: activity.to_owned(), by, correlation: String::new(), agent: None, targets };
        self.audit(tenant, now, event);
    }
}

fn administrator(seed: u64, tenant: &Tenant) -> By {
    let id = ids::guid(seed, &[&tenant.id, "administrator"], 0);
    By::User { id, upn: format!("admin@{}", tenant.default_domain()) }
}
