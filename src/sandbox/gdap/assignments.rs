//! Graph: delegatedAdminAccessAssignment: which group of the partner gets which roles of a relationship.
use serde_json::{Value, json};

use super::operations::{self, Change};
use super::relationships::{bad, find, find_mut, if_match, roles, unified};
use super::{Assignment, AssignmentStatus, Relationship, Status, etag};
use crate::sandbox::due::Effect;
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::query::{self, List};
use crate::sandbox::graph::{Ctx, Reply, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::State;

const TYPE: &str = "delegatedAdminAccessAssignment";

/// These groups are Partner Center's own and cannot carry roles.
const RESERVED: [&str; 4] = ["AdminAgents", "HelpdeskAgents", "SalesAgents", "All Users"];

fn render(a: &Assignment) -> Value {
    let props = json!({
        "@odata.etag": etag(&a.id, a.version), "id": a.id, "status": a.status.as_str(), "createdDateTime": a.created, "lastModifiedDateTime": a.modified,
        "accessContainer": { "accessContainerId": a.group, "accessContainerType": "securityGroup" }, "accessDetails": unified(&a.roles),
    });
    shape::complete(TYPE, props.as_object().cloned().unwrap_or_default())
}

fn context(ctx: &Ctx) -> String {
    format!("tenantRelationships/delegatedAdminRelationships('{}')/accessAssignments", ctx.id(0))
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = find(ctx)?.assignments.iter().map(render).collect();
    query::list(ctx, &List::gdap(TYPE, &context(ctx)), items)
}

fn assignment<'a>(ctx: &Ctx, r: &'a Relationship) -> Result<&'a Assignment, Failure> {
    let id = ctx.id(1);
    r.assignments
        .iter()
        .find(|a| a.id.eq_ignore_ascii_case(&id))
        .ok_or_else(|| Failure::gdap(404, "notFound", "The resource could not be found."))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let item = render(assignment(ctx, find(ctx)?)?);
    let tag = item["@odata.etag"].as_str().unwrap_or_default().to_owned();
    Ok(query::single(ctx, TYPE, &context(ctx), item, 200)?.with("ETag", tag))
}

fn check_roles(r: &Relationship, wanted: &[String]) -> Result<(), Failure> {
    match wanted.iter().find(|w| !r.roles.contains(w)) {
        Some(w) => Err(bad(format!("The role '{w}' is not part of the relationship's access details."))),
        None => Ok(()),
    }
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    let r = find(ctx)?;
    if r.status != Status::Active {
        return Err(refused(
            ctx.state.switches.inactive_relationship,
            format!(
                "Access assignments can only be created in an active relationship; this one is {}.",
                r.status.as_str()
            ),
        ));
    }
    let container = body.get("accessContainer").ok_or_else(|| bad("The accessContainer is required."))?;
    if container.get("accessContainerType").and_then(Value::as_str) != Some("securityGroup") {
        return Err(bad("The accessContainerType must be securityGroup."));
    }
    let group = container.get("accessContainerId").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let wanted = roles(body.get("accessDetails").ok_or_else(|| bad("The accessDetails are required."))?)?;
    check_roles(r, &wanted)?;
    let held = ctx.tenant()?.groups.get(&group);
    let held = held.ok_or_else(|| bad(format!("The access container does not exist: '{group}'.")))?;
    if RESERVED.contains(&held.display_name()) {
        return Err(bad("The access container is not supported."));
    }
    if r.assignments.iter().any(|a| a.group == group && a.status != AssignmentStatus::Deleted) {
        return Err(Failure::gdap(409, "conflict", "The resource already exists."));
    }
    let now = ctx.now;
    let relationship = r.id.clone();
    let id = ids::guid(
        ctx.state.seed,
        &[&relationship, "assignment", &group],
        r.assignments.iter().filter(|a| a.group == group).count() as u64,
    );
    let a = Assignment {
        id: id.clone(),
        group,
        roles: wanted,
        status: AssignmentStatus::Pending,
        created: now,
        modified: now,
        version: 1,
        settling: false,
    };
    let roles_count = a.roles.len();
    let item = render(&a);
    find_mut(ctx)?.assignments.push(a);
    if !is_stuck(ctx.state, &id, roles_count) {
        let lag = ctx.state.lag_of(ctx.state.lag.access_assignment, &id);
        ctx.state.after(lag, now, Effect::AssignmentActive { relationship: relationship.clone(), id: id.clone() });
    }
    let location = format!(
        "{}/{}/tenantRelationships/delegatedAdminRelationships/{relationship}/accessAssignments/{id}",
        ctx.call.base(),
        ctx.version
    );
    Ok(query::single(ctx, TYPE, &context(ctx), item, 201)?.with("Location", location))
}

/// Seen: assignments with more than ten roles that never leave `pending`; not all of them.
fn is_stuck(state: &State, id: &str, roles: usize) -> bool {
    roles > 10 && state.switches.moods && state.chance(&["stuck", id], 2) == 0
}

/// 409 or 400: which of them it is could not be sourced, so a switch says it.
pub fn refused(status: u16, message: String) -> Failure {
    if status == 400 { bad(message) } else { Failure::gdap(409, "conflict", message) }
}

pub fn update(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    let r = find(ctx)?;
    let a = assignment(ctx, r)?;
    if_match(ctx, &etag(&a.id, a.version))?;
    if let Some(k) = body.keys().find(|k| !k.contains('@') && *k != "accessDetails") {
        return Err(bad(format!("The property '{k}' cannot be changed.")));
    }
    let wanted = roles(body.get("accessDetails").ok_or_else(|| bad("The accessDetails are required."))?)?;
    check_roles(r, &wanted)?;
    if a.status != AssignmentStatus::Active {
        return Err(Failure::gdap(
            409,
            "conflict",
            format!("An access assignment in status {} cannot be changed.", a.status.as_str()),
        ));
    }
    if a.roles == wanted {
        let item = render(a);
        return query::single(ctx, TYPE, &context(ctx), item, 200);
    }
    let (relationship, assignment) = (r.id.clone(), Some(a.id.clone()));
    operations::begin(ctx, &relationship, Change { assignment, roles: wanted })
}

/// A deleted assignment stays listed; its group may be assigned again under a new id.
pub fn delete(ctx: &mut Ctx) -> Reply {
    let a = assignment(ctx, find(ctx)?)?;
    if_match(ctx, &etag(&a.id, a.version))?;
    if !matches!(a.status, AssignmentStatus::Active | AssignmentStatus::Error) {
        return Err(Failure::gdap(
            409,
            "conflict",
            format!("An access assignment in status {} cannot be deleted.", a.status.as_str()),
        ));
    }
    let (now, id) = (ctx.now, a.id.clone());
    if let Some(a) = find_mut(ctx)?.assignments.iter_mut().find(|a| a.id == id) {
        a.status = AssignmentStatus::Deleting;
        a.touch(now);
    }
    let lag = ctx.state.lag_of(ctx.state.lag.assignment_removal, &id);
    let relationship = find(ctx)?.id.clone();
    ctx.state.after(lag, now, Effect::AssignmentDeleted { relationship, id });
    Ok(Answer::empty(204))
}
