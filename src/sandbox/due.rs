//! What the cloud will do later: every lag is one entry here, counted on the virtual clock.
use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::clock::{self, Delay};
use super::gdap::operations::{Change, OperationStatus};
use super::gdap::{self, Status};
use super::graph;
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
    /// A directory role begins or ends with its schedule. No lag: nobody waits for it.
    RoleBegin {
        tenant: String,
        request: String,
    },
    RoleEnd {
        tenant: String,
        id: String,
    },
    Consent {
        tenant: String,
        app_id: String,
        grants: Vec<(String, String)>,
    },
    /// While pending, the token service does not know the certificate.
    CertificateUsable {
        app_id: String,
        key_id: String,
    },
    /// While pending, the token service does not know the federated identity credential.
    FederatedUsable {
        app_id: String,
        id: String,
    },
    /// While pending, tokens do not show the app role or directory role of this assignment.
    InTokens {
        tenant: String,
        assignment: String,
    },
    /// While pending, tokens still show a role that was taken away; without a resource it is a directory role.
    OutOfTokens {
        tenant: String,
        principal: String,
        resource: Option<String>,
        role: String,
    },
    /// The roles of an access assignment reach the customer.
    DelegatedRoles {
        relationship: String,
        id: String,
    },
    AssignmentDeleted {
        relationship: String,
        id: String,
    },
    /// A GDAP operation goes on; when it has succeeded the change is made.
    Operation {
        relationship: String,
        id: String,
        to: OperationStatus,
        change: Change,
    },
}

/// All that is due, earliest first; what is due at the same moment, in the order in which it was scheduled.
///
/// The ends of relationships are kept apart: a fleet has thousands of them, years ahead, and nobody waits for them.
/// So are the schedules of roles.
#[derive(Debug, Default, Clone)]
pub struct Dues {
    lags: VecDeque<Due>,
    ends: BTreeSet<(Timestamp, String)>,
    schedules: VecDeque<Due>,
}

impl Dues {
    pub fn add(&mut self, at: Timestamp, effect: Effect) {
        match effect {
            Effect::RelationshipEnd { id } => drop(self.ends.insert((at, id))),
            effect => {
                let scheduled = matches!(effect, Effect::RoleBegin { .. } | Effect::RoleEnd { .. });
                let list = if scheduled { &mut self.schedules } else { &mut self.lags };
                let place = list.partition_point(|d| d.at <= at);
                list.insert(place, Due { at, effect });
            }
        }
    }

    /// Effects that somebody waits for.
    pub fn pending(&self) -> impl Iterator<Item = &Effect> {
        self.lags.iter().map(|d| &d.effect)
    }

    /// When something that is pending happens.
    pub fn when(&self, effect: &Effect) -> Option<Timestamp> {
        self.lags.iter().find(|d| d.effect == *effect).map(|d| d.at)
    }

    pub fn forget(&mut self, effect: &Effect) {
        self.lags.retain(|d| d.effect != *effect);
        self.schedules.retain(|d| d.effect != *effect);
    }

    pub fn forget_end(&mut self, relationship: &str) {
        self.ends.retain(|(_, id)| id != relationship);
    }

    fn take(&mut self, now: Timestamp) -> Option<Due> {
        let first = |list: &VecDeque<Due>| list.front().map(|d| d.at).filter(|at| *at <= now);
        let (lag, scheduled) = (first(&self.lags), first(&self.schedules));
        let earliest = lag.into_iter().chain(self.ends.first().map(|(at, _)| *at)).min();
        if scheduled.is_some_and(|at| earliest.is_none_or(|e| at < e)) {
            return self.schedules.pop_front();
        }
        let end = self.ends.first().map(|(at, _)| *at).filter(|at| *at <= now);
        match (lag, end) {
            (None, None) => None,
            (Some(lag), end) if end.is_none_or(|end| lag <= end) => self.lags.pop_front(),
            _ => self.ends.pop_first().map(|(at, id)| Due { at, effect: Effect::RelationshipEnd { id } }),
        }
    }
}

impl Serialize for Dues {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let ends = self.ends.iter().map(|(at, id)| Due { at: *at, effect: Effect::RelationshipEnd { id: id.clone() } });
        s.collect_seq(self.lags.iter().chain(&self.schedules).cloned().chain(ends))
    }
}

impl<'de> Deserialize<'de> for Dues {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut all = Dues::default();
        Vec::<Due>::deserialize(d)?.into_iter().for_each(|Due { at, effect }| all.add(at, effect));
        Ok(all)
    }
}

impl State {
    /// Lets an effect happen after a lag; without lag it happens now.
    pub fn after(&mut self, lag: Delay, now: Timestamp, effect: Effect) {
        if lag.0 <= 0 {
            self.happen(now, effect);
        } else {
            self.due.add(clock::plus(now, lag.0), effect);
        }
    }

    pub fn at(&mut self, at: Timestamp, effect: Effect) {
        self.due.add(at, effect);
    }

    pub fn is_pending(&self, effect: &Effect) -> bool {
        self.due.pending().any(|e| e == effect)
    }

    /// Does what has become due, in order of time. Returns whether anything happened.
    pub fn settle(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        // Each effect may schedule the next, so the earliest is looked for anew each time.
        while let Some(due) = self.due.take(now) {
            self.happen(due.at, due.effect);
            any = true;
        }
        any
    }

    /// Seconds to the next pending lag; `None` when nothing is due.
    pub fn next_lag(&self, now: Timestamp) -> Option<i64> {
        self.due.lags.front().map(|d| (d.at.as_second() - now.as_second()).max(0))
    }

    fn happen(&mut self, at: Timestamp, effect: Effect) {
        match effect {
            Effect::Relationship { id, to } => gdap::arrive(self, at, &id, to),
            Effect::RelationshipEnd { id } => gdap::end_reached(self, at, &id),
            Effect::AssignmentActive { relationship, id } => gdap::assignment_active(self, at, &relationship, &id),
            Effect::RoleBegin { tenant, request } => graph::begin_role(self, at, &tenant, &request),
            Effect::RoleEnd { tenant, id } => graph::end_role(self, &tenant, &id),
            Effect::Consent { tenant, app_id, grants } => partner_center::appear(self, &tenant, &app_id, &grants),
            Effect::DelegatedRoles { relationship, id } => gdap::roles_arrive(self, &relationship, &id),
            Effect::AssignmentDeleted { relationship, id } => gdap::assignment_deleted(self, at, &relationship, &id),
            Effect::Operation { relationship, id, to, change } => {
                gdap::operations::reach(self, at, &relationship, &id, to, change);
            }
            // These are what *pending* means; when they are due there is nothing left to do.
            Effect::SecretUsable { .. }
            | Effect::ExchangeRole { .. }
            | Effect::CertificateUsable { .. }
            | Effect::FederatedUsable { .. }
            | Effect::InTokens { .. }
            | Effect::OutOfTokens { .. } => {}
        }
    }
}
