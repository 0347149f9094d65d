//! Granular delegated admin privileges: relationships, their state machine, and who they let in.
//! Graph: delegatedAdminRelationship.
pub mod assignments;
pub mod events;
pub mod operations;
pub mod relationships;
pub mod requests;
pub mod seeded;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{self, days};
use super::due::Effect;
use super::graph::routes::Routes;
use super::ids;
use super::state::State;
use events::Kind;
use operations::Operation;

pub fn routes(to: &mut Routes) {
    const ALL: &str = "/tenantRelationships/delegatedAdminRelationships";
    let of = |rest: &str| format!("{ALL}/{{id}}{rest}");
    const CUSTOMERS: &str = "/tenantRelationships/delegatedAdminCustomers";
    to.read(CUSTOMERS, "list-customers", "delegatedAdminCustomer", relationships::customers);
    to.read(format!("{CUSTOMERS}/{{id}}"), "get-customer", "delegatedAdminCustomer", relationships::customer);
    const ONE: &str = relationships::TYPE;
    to.read(ALL, "list-relationships", ONE, relationships::list);
    to.write("POST", ALL, "create-relationship", ONE, relationships::create);
    to.read(of(""), "get-relationship", ONE, relationships::get);
    to.write("PATCH", of(""), "update-relationship", ONE, relationships::update);
    to.write("DELETE", of(""), "delete-relationship", ONE, relationships::delete);
    const REQUEST: &str = "delegatedAdminRelationshipRequest";
    to.read(of("/requests"), "list-relationship-requests", REQUEST, requests::list);
    to.write("POST", of("/requests"), "lock-relationship", REQUEST, requests::create);
    to.read(of("/requests/{request}"), "get-relationship-request", REQUEST, requests::get);
    const OPERATION: &str = "delegatedAdminRelationshipOperation";
    to.read(of("/operations"), "list-operations", OPERATION, operations::list);
    to.read(of("/operations/{operation}"), "get-operation", OPERATION, operations::get);
    const ASSIGNMENT: &str = "delegatedAdminAccessAssignment";
    to.read(of("/accessAssignments"), "list-access-assignments", ASSIGNMENT, assignments::list);
    to.write("POST", of("/accessAssignments"), "create-access-assignment", ASSIGNMENT, assignments::create);
    let one = of("/accessAssignments/{assignment}");
    to.read(one.clone(), "get-access-assignment", ASSIGNMENT, assignments::get);
    to.write("PATCH", one.clone(), "update-access-assignment", ASSIGNMENT, assignments::update);
    to.write("DELETE", one, "delete-access-assignment", ASSIGNMENT, assignments::delete);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    Created,
    ApprovalPending,
    Approved,
    Activating,
    Active,
    Expiring,
    Expired,
    TerminationRequested,
    Terminating,
    Terminated,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::ApprovalPending => "approvalPending",
            Status::Approved => "approved",
            Status::Activating => "activating",
            Status::Active => "active",
            Status::Expiring => "expiring",
            Status::Expired => "expired",
            Status::TerminationRequested => "terminationRequested",
            Status::Terminating => "terminating",
            Status::Terminated => "terminated",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    pub id: String,
    pub display_name: String,
    pub duration: String,
    pub auto_extend: String,
    /// Tenant id; `None` for an open invitation.
    pub customer: Option<String>,
    pub roles: Vec<String>,
    pub status: Status,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub locked: Option<Timestamp>,
    pub activated: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// Moves with every transition; the etag is made from it.
    pub version: u64,
    pub requests: Vec<Request>,
    pub assignments: Vec<Assignment>,
    pub operations: Vec<Operation>,
    /// Tenant id of the indirect provider that the relationship goes through: it is a reseller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indirect_provider: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    pub id: String,
    pub action: String,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AssignmentStatus {
    Pending,
    Active,
    Deleting,
    Deleted,
    Error,
}

impl AssignmentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            AssignmentStatus::Pending => "pending",
            AssignmentStatus::Active => "active",
            AssignmentStatus::Deleting => "deleting",
            AssignmentStatus::Deleted => "deleted",
            AssignmentStatus::Error => "error",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    pub id: String,
    pub group: String,
    pub roles: Vec<String>,
    pub status: AssignmentStatus,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub version: u64,
    /// It is active, and its roles have not reached the customer yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settling: bool,
}

impl Assignment {
    pub fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.modified = now;
    }

    /// Its roles are the customer's to see.
    fn is_effective(&self) -> bool {
        self.status == AssignmentStatus::Active && !self.settling
    }

    /// Deleted assignments stay in the list for ever; only these count.
    pub fn is_live(&self) -> bool {
        !matches!(self.status, AssignmentStatus::Deleted | AssignmentStatus::Deleting)
    }
}

impl Relationship {
    pub fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.modified = now;
    }
}

/// An opaque etag that changes with the version.
pub fn etag(id: &str, version: u64) -> String {
    format!("W/\"JyI{}Iic=\"", ids::b64(format!("{version:08x}-{}", &id.get(..8).unwrap_or("")).as_bytes()))
}

/// Active relationships with a customer, each with those of its assignments that have taken effect.
pub fn active_into<'a>(state: &'a State, tenant: &'a str) -> impl Iterator<Item = (&'a Relationship, &'a Assignment)> {
    state
        .relationships
        .values()
        .filter(move |r| matches!(r.status, Status::Active | Status::Expiring) && r.customer.as_deref() == Some(tenant))
        .flat_map(|r| r.assignments.iter().filter(|a| a.is_effective()).map(move |a| (r, a)))
}

/// Directory roles that a partner's user has in a customer, by the groups it is in.
pub fn roles_of(state: &State, user: &str, customer: &str) -> BTreeSet<String> {
    let Some(partner) = state.tenants.get(&state.partner) else { return BTreeSet::new() };
    active_into(state, customer)
        .filter(|(_, a)| partner.groups.get(&a.group).is_some_and(|g| g.members.contains(user)))
        .flat_map(|(_, a)| a.roles.iter().cloned())
        .collect()
}

/// Why the customer's administrator cannot approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotApproved {
    State(Status),
    TooOld,
    NoCustomer,
}

/// Plays the customer's Global Administrator on the approval page; there is no API for it.
pub fn approve(state: &mut State, now: Timestamp, id: &str, tenant: Option<&str>) -> Result<(), NotApproved> {
    let Some(r) = state.relationships.get_mut(id) else { return Err(NotApproved::NoCustomer) };
    if r.status != Status::ApprovalPending {
        return Err(NotApproved::State(r.status));
    }
    // GDAP FAQ: an invitation can be accepted for 90 days.
    if r.locked.is_some_and(|l| clock::plus(l, days(90)) < now) {
        return Err(NotApproved::TooOld);
    }
    match (&r.customer, tenant) {
        (Some(bound), Some(t)) if bound != t => return Err(NotApproved::NoCustomer),
        (Some(_), _) => {}
        (None, Some(t)) => r.customer = Some(t.to_owned()),
        (None, None) => return Err(NotApproved::NoCustomer),
    }
    arrive(state, now, id, Status::Approved);
    Ok(())
}

/// Plays the customer's administrator who does not want it.
pub fn decline(state: &mut State, now: Timestamp, id: &str) -> Result<(), NotApproved> {
    let seed = state.seed;
    let Some(r) = state.relationships.get_mut(id) else { return Err(NotApproved::NoCustomer) };
    if r.status != Status::ApprovalPending {
        return Err(NotApproved::State(r.status));
    }
    let request = ids::guid(seed, &[id, "request"], r.requests.len() as u64);
    r.requests.push(Request { id: request, action: "reject".to_owned(), created: now });
    // Which status a declined invitation shows is not documented; it is over in any case.
    r.status = Status::Terminated;
    r.end = Some(now);
    r.touch(now);
    state.tell(now, Kind::Declined, id, None);
    Ok(())
}

/// A relationship reaches a status; what follows by itself is scheduled.
pub fn arrive(state: &mut State, at: Timestamp, id: &str, to: Status) {
    let Some(r) = state.relationships.get_mut(id) else { return };
    r.status = to;
    r.touch(at);
    match to {
        Status::ApprovalPending => r.locked = Some(at),
        Status::Active => {
            r.activated = Some(at);
            let length = relationships::duration_days(&r.duration).map_or(0, days);
            return lasts(state, at, id, clock::plus(at, length));
        }
        Status::Terminated | Status::Expired => {
            r.end = Some(at);
            state.due.forget_end(id);
        }
        _ => {}
    }
    let told = match to {
        Status::Approved => Some(Kind::Approved),
        Status::Terminated => Some(Kind::Terminated),
        Status::Expired => Some(Kind::Expired),
        _ => None,
    };
    if let Some(kind) = told {
        state.tell(at, kind, id, None);
    }
    let (activation, ending) = (state.lag.relationship_activation, state.lag.relationship_termination);
    let next = match to {
        // From the click to activating nobody can look; then it takes minutes.
        Status::Approved => Some((clock::Delay(0), Status::Activating)),
        Status::Activating => Some((activation, Status::Active)),
        Status::TerminationRequested => Some((ending, Status::Terminating)),
        Status::Terminating => Some((ending, Status::Terminated)),
        Status::Expiring => Some((ending, Status::Expired)),
        _ => None,
    };
    if let Some((lag, to)) = next {
        let lag = state.lag_of(lag, &format!("{id} {}", to.as_str()));
        state.after(lag, at, Effect::Relationship { id: id.to_owned(), to });
    }
}

/// An active relationship has a new end; before it there are notices.
fn lasts(state: &mut State, at: Timestamp, id: &str, end: Timestamp) {
    if let Some(r) = state.relationships.get_mut(id) {
        r.end = Some(end);
    }
    let notices = events::NOTICES.map(|n| clock::plus(end, -days(n)));
    for moment in notices.into_iter().chain([end]).filter(|moment| *moment > at) {
        state.at(moment, Effect::RelationshipEnd { id: id.to_owned() });
    }
}

/// GDAP FAQ: a notice before the end; at the end auto-extend adds 180 days again and again, otherwise the relationship
/// expires.
pub fn end_reached(state: &mut State, at: Timestamp, id: &str) {
    let Some(r) = state.relationships.get_mut(id) else { return };
    let Some(end) = r.end.filter(|_| r.status == Status::Active) else { return };
    let left = (end.as_second() - at.as_second()) / days(1);
    if end > at {
        return state.tell(at, Kind::Expires, id, Some(left));
    }
    if r.auto_extend == "P180D" {
        r.touch(at);
        lasts(state, at, id, clock::plus(at, days(180)));
        state.tell(at, Kind::Extended, id, None);
    } else {
        arrive(state, at, id, Status::Expiring);
    }
}

fn assignment_mut<'a>(state: &'a mut State, relationship: &str, id: &str) -> Option<&'a mut Assignment> {
    state.relationships.get_mut(relationship)?.assignments.iter_mut().find(|a| a.id == id)
}

pub fn assignment_active(state: &mut State, at: Timestamp, relationship: &str, id: &str) {
    let late = state.lag_of(state.lag.delegated_roles, &format!("roles {id}"));
    let Some(a) = assignment_mut(state, relationship, id).filter(|a| a.status == AssignmentStatus::Pending) else {
        return;
    };
    a.status = AssignmentStatus::Active;
    a.settling = true;
    a.touch(at);
    let effect = Effect::DelegatedRoles { relationship: relationship.to_owned(), id: id.to_owned() };
    state.after(late, at, effect);
}

/// What the assignment gives is in the customer's directory and in new tokens.
pub fn roles_arrive(state: &mut State, relationship: &str, id: &str) {
    if let Some(a) = assignment_mut(state, relationship, id) {
        a.settling = false;
    }
}

pub fn assignment_deleted(state: &mut State, at: Timestamp, relationship: &str, id: &str) {
    if let Some(a) = assignment_mut(state, relationship, id).filter(|a| a.status == AssignmentStatus::Deleting) {
        a.status = AssignmentStatus::Deleted;
        a.touch(at);
    }
}
