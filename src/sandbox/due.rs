//! What the cloud will do later: every lag is one entry here, counted on the virtual clock.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{self, Delay};
use super::gdap::{self, Status};
use super::partner_center;
use super::state::State;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Due {
    pub at: Timestamp,
    pub effect: Effect,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Effect {
    Relationship {
        id: String,
        to: Status,
    },
    /// The end date of a relationship: extended or expired. No lag: nobody waits for it.
    RelationshipEnd {
        id: String,
    },
    AssignmentActive {
        relationship: String,
        id: String,
    },
    /// While pending, the token service does not know the secret.
    SecretUsable {
        app_id: String,
        key_id: String,
    },
    /// While pending, Exchange does not honour the role.
    ExchangeRole {
        tenant: String,
        principal: String,
        role: String,
    },
    Consent {
        tenant: String,
        app_id: String,
        grants: Vec<(String, String)>,
    },
}

impl Effect {
    fn is_lag(&self) -> bool {
        !matches!(self, Effect::RelationshipEnd { .. })
    }
}

impl State {
    /// Lets an effect happen after a lag; without lag it happens now.
    pub fn after(&mut self, lag: Delay, now: Timestamp, effect: Effect) {
        if lag.0 <= 0 {
            self.happen(now, effect);
        } else {
            self.due.push(Due { at: clock::plus(now, lag.0), effect });
        }
    }

    pub fn at(&mut self, at: Timestamp, effect: Effect) {
        self.due.push(Due { at, effect });
    }

    pub fn is_pending(&self, effect: &Effect) -> bool {
        self.due.iter().any(|d| d.effect == *effect)
    }

    /// Does what has become due, in order of time. Returns whether anything happened.
    pub fn settle(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        // Each effect may schedule the next, so the earliest is looked for anew each time.
        while let Some(i) = self.earliest(|d| d.at <= now) {
            let due = self.due.swap_remove(i);
            self.happen(due.at, due.effect);
            any = true;
        }
        any
    }

    /// Seconds to the next pending lag; `None` when nothing is due.
    pub fn next_lag(&self, now: Timestamp) -> Option<i64> {
        let i = self.earliest(|d| d.effect.is_lag())?;
        self.due.get(i).map(|d| (d.at.as_second() - now.as_second()).max(0))
    }

    fn earliest(&self, which: impl Fn(&Due) -> bool) -> Option<usize> {
        self.due.iter().enumerate().filter(|(_, d)| which(d)).min_by_key(|(_, d)| d.at).map(|(i, _)| i)
    }

    fn happen(&mut self, at: Timestamp, effect: Effect) {
        match effect {
            Effect::Relationship { id, to } => gdap::arrive(self, at, &id, to),
            Effect::RelationshipEnd { id } => gdap::end_reached(self, at, &id),
            Effect::AssignmentActive { relationship, id } => gdap::assignment_active(self, at, &relationship, &id),
            Effect::Consent { tenant, app_id, grants } => partner_center::appear(self, &tenant, &app_id, &grants),
            // These two are what *pending* means; when they are due there is nothing left to do.
            Effect::SecretUsable { .. } | Effect::ExchangeRole { .. } => {}
        }
    }
}
