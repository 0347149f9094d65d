//! Graph: schedules of role assignments and of eligibility, and their instances. Who was given a role without an end
//! has a schedule without an end.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::roles::{self, Wanted};
use super::routes::Routes;
use super::{Ctx, Reply, membership, shape};
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{RoleAssignment, State, Tenant};

const BASE: &str = "/roleManagement/directory/";

/// Where it is kept what a schedule of an assignment says beyond the assignment, by the assignment's id.
pub const ASSIGNED: &str = "roleAssignmentSchedules";
/// Where schedules of eligibility are kept.
pub const ELIGIBLE: &str = "roleEligibilitySchedules";

/// A collection of schedules or instances, and their type.
const KINDS: [(&str, &str, &str); 4] = [
    (ASSIGNED, "unifiedRoleAssignmentSchedule", "role-assignment-schedule"),
    ("roleAssignmentScheduleInstances", "unifiedRoleAssignmentScheduleInstance", "role-assignment-instance"),
    (ELIGIBLE, "unifiedRoleEligibilitySchedule", "role-eligibility-schedule"),
    ("roleEligibilityScheduleInstances", "unifiedRoleEligibilityScheduleInstance", "role-eligibility-instance"),
];

pub fn routes(to: &mut Routes) {
    for (path, of, one) in KINDS {
        to.read(format!("{BASE}{path}"), format!("list-{one}s"), of, list);
        to.read(format!("{BASE}{path}/filterByCurrentUser/{{on}}"), format!("list-own-{one}s"), of, list_own);
        to.read(format!("{BASE}{path}/{{id}}"), format!("get-{one}"), of, get);
    }
}

/// A role that somebody has or may take, and since and until when.
pub struct Span {
    pub id: String,
    pub wanted: Wanted,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    /// It was activated by who is eligible.
    activated: bool,
    /// The request that made it.
    request: Option<String>,
}

fn time(item: &Item, name: &str) -> Option<Timestamp> {
    item.props.get(name).and_then(Value::as_str).and_then(|t| t.parse().ok())
}

fn text(item: &Item, name: &str) -> String {
    item.props.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn of_assignment(tenant: &Tenant, r: &RoleAssignment) -> Span {
    let kept = tenant.shelves.get(ASSIGNED).and_then(|s| s.get(&r.id));
    Span {
        id: r.id.clone(),
        wanted: Wanted { role: r.role.clone(), principal: r.principal_id.clone(), scope: r.scope.clone() },
        start: kept.map_or(Timestamp::UNIX_EPOCH, |k| k.created),
        end: kept.and_then(|k| time(k, "end")),
        activated: kept.is_some_and(|k| k.props.get("activated") == Some(&json!(true))),
        request: kept.map(|k| text(k, "request")),
    }
}

fn of_eligibility(item: &Item) -> Span {
    Span {
        id: item.id.clone(),
        wanted: Wanted { role: text(item, "role"), principal: text(item, "principal"), scope: text(item, "scope") },
        start: time(item, "start").unwrap_or(item.created),
        end: time(item, "end"),
        activated: false,
        request: Some(text(item, "request")),
    }
}

/// Those who may take a role, as long as it lasts.
pub fn eligible(tenant: &Tenant, now: Timestamp) -> impl Iterator<Item = Span> {
    let kept = tenant.shelves.get(ELIGIBLE).into_iter().flat_map(|s| s.values());
    kept.map(of_eligibility).filter(move |s| s.end.is_none_or(|end| end > now))
}

/// Forgets the schedule of an assignment that is taken back.
pub fn forget(tenant: &mut Tenant, id: &str) {
    if let Some(shelf) = tenant.shelves.get_mut(ASSIGNED) {
        shelf.remove(id);
    }
    tenant.shelves.retain(|_, s| !s.is_empty());
}

/// An assignment has come to its end.
pub fn end(state: &mut State, tenant: &str, id: &str) {
    roles::withdraw(state, tenant, id);
}

fn spans(ctx: &Ctx) -> Result<Vec<Span>, Failure> {
    let tenant = ctx.tenant()?;
    let instances = ctx.route.of.ends_with("Instance");
    if ctx.route.of.starts_with("unifiedRoleAssignment") {
        return Ok(tenant.role_assignments.values().map(|r| of_assignment(tenant, r)).collect());
    }
    Ok(eligible(tenant, ctx.now).filter(|s| !instances || s.start <= ctx.now).collect())
}

/// How a schedule's times are written.
fn schedule_info(span: &Span) -> Value {
    let expiration = match span.end {
        Some(end) => json!({ "type": "afterDateTime", "endDateTime": end, "duration": null }),
        None => json!({ "type": "noExpiration", "endDateTime": null, "duration": null }),
    };
    json!({ "startDateTime": span.start, "recurrence": null, "expiration": expiration })
}

fn render(of: &str, span: &Span) -> Value {
    let mut props = json!({
        "id": span.id, "principalId": span.wanted.principal, "roleDefinitionId": span.wanted.role,
        "directoryScopeId": span.wanted.scope, "memberType": "Direct",
    });
    let assignment = of.starts_with("unifiedRoleAssignment");
    let more = if of.ends_with("Instance") {
        let schedule = if assignment { "roleAssignmentScheduleId" } else { "roleEligibilityScheduleId" };
        json!({ "startDateTime": span.start, "endDateTime": span.end, schedule: span.id })
    } else {
        json!({ "createdDateTime": span.start, "createdUsing": span.request, "status": "Provisioned", "scheduleInfo": schedule_info(span) })
    };
    let kind = if span.activated { "Activated" } else { "Assigned" };
    let own = match (assignment, of.ends_with("Instance")) {
        (true, true) => json!({ "assignmentType": kind, "roleAssignmentOriginId": span.id }),
        (true, false) => json!({ "assignmentType": kind }),
        _ => json!({}),
    };
    for map in [more, own] {
        map.as_object().into_iter().flatten().for_each(|(k, v)| props[k] = v.clone());
    }
    shape::filled(of, props)
}

fn answer(ctx: &Ctx, spans: &[Span]) -> Reply {
    let of = ctx.route.of;
    let path = KINDS.iter().find(|(_, t, _)| *t == of).map_or("", |(path, ..)| path);
    let context = format!("{}{path}", &BASE[1..]);
    let items = spans.iter().map(|s| render(of, s)).collect();
    query::list(ctx, &List { of, context: &context, default_top: 100, max_top: 999, directory: false }, items)
}

fn list(ctx: &mut Ctx) -> Reply {
    let all = spans(ctx)?;
    answer(ctx, &all)
}

/// Graph: filterByCurrentUser, `principal` being what the user holds itself or through groups.
fn list_own(ctx: &mut Ctx) -> Reply {
    let mine = whose(ctx)?;
    let all: Vec<Span> = spans(ctx)?.into_iter().filter(|s| mine.contains(&s.wanted.principal)).collect();
    answer(ctx, &all)
}

/// The signed-in user and its groups.
pub fn whose(ctx: &Ctx) -> Result<Vec<String>, Failure> {
    let on = ctx.id(0);
    if !["principal", "createdBy", "approver"].contains(&on.as_str()) {
        return Err(Failure::bad_query(format!("Invalid value '{on}' for parameter 'on'.")));
    }
    let user = ctx.caller.user.clone().ok_or_else(Failure::denied)?;
    let mut mine = membership::all_groups_of(ctx.tenant()?, &user);
    mine.push(user);
    Ok(if on == "approver" { Vec::new() } else { mine })
}

fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let span = spans(ctx)?.into_iter().find(|s| s.id == id).ok_or_else(|| Failure::not_found(&id))?;
    let of = ctx.route.of;
    let path = KINDS.iter().find(|(_, t, _)| *t == of).map_or("", |(path, ..)| path);
    query::single(ctx, of, &format!("{}{path}", &BASE[1..]), render(of, &span), 200)
}
