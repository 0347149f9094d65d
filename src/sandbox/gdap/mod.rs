//! Granular delegated admin privileges: relationships, their state machine, and who they let in.
//! Graph: delegatedAdminRelationship.
pub mod assignments;
pub mod relationships;
pub mod requests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{self, Delay, days};
use super::due::Effect;
use super::graph::routes::Routes;
use super::ids;
use super::state::State;

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
    to.read(of("/operations"), "list-operations", OPERATION, requests::operations);
    to.read(of("/operations/{operation}"), "get-operation", OPERATION, requests::operation);
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
}

impl Assignment {
    /// Deleted assignments stay in the list for ever; only these count.
    pub fn is_live(&self) -> bool {
        !matches!(self.status, AssignmentStatus::Deleted | AssignmentStatus::Deleting)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    pub id: String,
    pub kind: String,
    pub created: Timestamp,
    pub modified: Timestamp,
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

/// Active relationships with a customer, each with its active assignments.
pub fn active_into<'a>(state: &'a State, tenant: &'a str) -> impl Iterator<Item = (&'a Relationship, &'a Assignment)> {
    state
        .relationships
        .values()
        .filter(move |r| matches!(r.status, Status::Active | Status::Expiring) && r.customer.as_deref() == Some(tenant))
        .flat_map(|r| r.assignments.iter().filter(|a| a.status == AssignmentStatus::Active).map(move |a| (r, a)))
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

/// A relationship reaches a status; what follows by itself is scheduled.
pub fn arrive(state: &mut State, at: Timestamp, id: &str, to: Status) {
    let lag = state.lag.relationship_activation;
    let Some(r) = state.relationships.get_mut(id) else { return };
    r.status = to;
    r.touch(at);
    let next = match to {
        Status::Approved => Some(Status::Activating),
        Status::Activating => Some(Status::Active),
        Status::TerminationRequested => Some(Status::Terminating),
        Status::Terminating => Some(Status::Terminated),
        Status::Expiring => Some(Status::Expired),
        _ => None,
    };
    if to == Status::Active {
        let end = clock::plus(at, relationships::duration_days(&r.duration).map_or(0, days));
        r.activated = Some(at);
        r.end = Some(end);
        state.at(end, Effect::RelationshipEnd { id: id.to_owned() });
        return;
    }
    if matches!(to, Status::Terminated | Status::Expired) {
        r.end = Some(at);
        state.due.forget_end(id);
    }
    if let Some(to) = next {
        // Only the last step towards active takes time; the others are over before anybody can look.
        let lag = if to == Status::Active { lag } else { Delay(0) };
        state.after(lag, at, Effect::Relationship { id: id.to_owned(), to });
    }
}

/// GDAP FAQ: auto-extend adds 180 days again and again; otherwise the relationship expires.
pub fn end_reached(state: &mut State, at: Timestamp, id: &str) {
    let Some(r) = state.relationships.get_mut(id) else { return };
    if r.status != Status::Active {
        return;
    }
    if r.auto_extend == "P180D" {
        let end = clock::plus(at, days(180));
        r.end = Some(end);
        r.touch(at);
        state.at(end, Effect::RelationshipEnd { id: id.to_owned() });
    } else {
        arrive(state, at, id, Status::Expiring);
    }
}

pub fn assignment_active(state: &mut State, at: Timestamp, relationship: &str, id: &str) {
    let Some(r) = state.relationships.get_mut(relationship) else { return };
    if let Some(a) = r.assignments.iter_mut().find(|a| a.id == id && a.status == AssignmentStatus::Pending) {
        a.status = AssignmentStatus::Active;
        a.modified = at;
        a.version += 1;
    }
}
