//! Graph: delegatedAdminRelationshipOperation: changes that take their time.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::relationships::find;
use super::{Relationship, etag};
use crate::sandbox::clock::Delay;
use crate::sandbox::due::Effect;
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::query::{self, List};
use crate::sandbox::graph::{Ctx, Reply, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::State;

const TYPE: &str = "delegatedAdminRelationshipOperation";
pub const OF_ASSIGNMENT: &str = "delegatedAdminAccessAssignmentUpdate";
pub const OF_RELATIONSHIP: &str = "delegatedAdminRelationshipUpdate";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    pub id: String,
    pub kind: String,
    #[serde(default)]
    pub status: OperationStatus,
    pub created: Timestamp,
    pub modified: Timestamp,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OperationStatus {
    NotStarted,
    Running,
    #[default]
    Succeeded,
}

/// The roles that something has when an operation has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// An access assignment; none: the relationship itself.
    pub assignment: Option<String>,
    pub roles: Vec<String>,
}

/// Begins a change and answers where it can be watched.
pub fn begin(ctx: &mut Ctx, relationship: &str, change: Change) -> Reply {
    let now = ctx.now;
    let made = ctx.state.relationships.get(relationship).map_or(0, |r| r.operations.len());
    let id = ids::guid(ctx.state.seed, &[relationship, "operation"], made as u64);
    let kind = if change.assignment.is_some() { OF_ASSIGNMENT } else { OF_RELATIONSHIP };
    if let Some(r) = ctx.state.relationships.get_mut(relationship) {
        let status = OperationStatus::NotStarted;
        r.operations.push(Operation { id: id.clone(), kind: kind.to_owned(), status, created: now, modified: now });
    }
    let lag = ctx.state.lag_of(ctx.state.lag.operation, &id);
    let next = |to| Effect::Operation { relationship: relationship.to_owned(), id: id.clone(), to, change };
    ctx.state.after(Delay(lag.0 / 2), now, next(OperationStatus::Running));
    let (base, version) = (ctx.call.base(), ctx.version);
    let at = format!("{base}/{version}/tenantRelationships/delegatedAdminRelationships/{relationship}/operations/{id}");
    Ok(Answer::json(202, json!({})).with("Location", at).with("Retry-After", "10"))
}

/// An operation goes on; in the end what it was about is changed.
pub fn reach(state: &mut State, at: Timestamp, relationship: &str, id: &str, to: OperationStatus, change: Change) {
    let lag = state.lag_of(state.lag.operation, id);
    let Some(r) = state.relationships.get_mut(relationship) else { return };
    let Some(operation) = r.operations.iter_mut().find(|o| o.id == id) else { return };
    (operation.status, operation.modified) = (to, at);
    if to == OperationStatus::Succeeded {
        return take_effect(r, at, change);
    }
    let (relationship, id) = (relationship.to_owned(), id.to_owned());
    let next = Effect::Operation { relationship, id, to: OperationStatus::Succeeded, change };
    state.after(Delay(lag.0 - lag.0 / 2), at, next);
}

fn take_effect(r: &mut Relationship, at: Timestamp, Change { assignment, roles }: Change) {
    match assignment {
        Some(id) => {
            if let Some(a) = r.assignments.iter_mut().find(|a| a.id == id) {
                a.roles = roles;
                a.touch(at);
            }
        }
        None => {
            for a in &mut r.assignments {
                a.roles.retain(|role| roles.contains(role));
            }
            r.roles = roles;
            r.touch(at);
        }
    }
}

fn render(ctx: &Ctx, o: &Operation) -> Value {
    // Evolvable: shown only to those who ask for unknown members.
    let kind = if o.kind == OF_RELATIONSHIP && !wants_unknown(ctx) { "unknownFutureValue" } else { &o.kind };
    shape::filled(
        TYPE,
        json!({
            "@odata.etag": etag(&o.id, o.status as u64 + 1), "id": o.id, "operationType": kind, "status": o.status, "data": "{}",
            "createdDateTime": o.created, "lastModifiedDateTime": o.modified,
        }),
    )
}

/// Graph: evolvable enumerations. Whether the caller wants members that came later.
pub fn wants_unknown(ctx: &Ctx) -> bool {
    ctx.call.header("prefer").is_some_and(|p| p.contains("include-unknown-enum-members"))
}

fn context(ctx: &Ctx) -> String {
    format!("tenantRelationships/delegatedAdminRelationships('{}')/operations", ctx.id(0))
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = find(ctx)?.operations.iter().map(|o| render(ctx, o)).collect();
    query::list(ctx, &List::gdap(TYPE, &context(ctx)), items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(1);
    let item = find(ctx)?.operations.iter().find(|o| o.id == id).map(|o| render(ctx, o));
    let item = item.ok_or_else(|| Failure::gdap(404, "notFound", "The resource could not be found."))?;
    query::single(ctx, TYPE, &context(ctx), item, 200)
}
