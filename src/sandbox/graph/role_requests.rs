//! Graph: requests for role assignments and for eligibility, of administrators and of those who are eligible.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::ROLES;
use super::errors::Failure;
use super::query::{self, List};
use super::role_schedules::{self, ASSIGNED, ELIGIBLE};
use super::roles::{self, Wanted};
use super::routes::Routes;
use super::{Ctx, Reply, shape, skus};
use crate::sandbox::clock::plus;
use crate::sandbox::due::Effect;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Props, State};

const BASE: &str = "/roleManagement/directory/";
const ASSIGNMENT: &str = "unifiedRoleAssignmentScheduleRequest";
const KINDS: [(&str, &str, &str); 2] = [
    ("roleAssignmentScheduleRequests", ASSIGNMENT, "role-assignment-request"),
    ("roleEligibilityScheduleRequests", "unifiedRoleEligibilityScheduleRequest", "role-eligibility-request"),
];

pub fn routes(to: &mut Routes) {
    for (path, of, one) in KINDS {
        let all = format!("{BASE}{path}");
        to.read(all.clone(), format!("list-{one}s"), of, list);
        to.write("POST", all.clone(), format!("create-{one}"), of, create);
        to.read(format!("{all}/filterByCurrentUser/{{on}}"), format!("list-own-{one}s"), of, list_own);
        to.read(format!("{all}/{{id}}"), format!("get-{one}"), of, get);
        to.write("POST", format!("{all}/{{id}}/cancel"), format!("cancel-{one}"), of, cancel);
    }
}

/// The collection that a route is about.
fn shelf(ctx: &Ctx) -> &'static str {
    KINDS.iter().find(|(_, of, _)| *of == ctx.route.of).map_or("", |(path, ..)| path)
}

fn render(of: &str, item: &Item) -> Value {
    let mut props = item.props.clone();
    props.insert("id".into(), json!(item.id));
    props.insert("createdDateTime".into(), json!(item.created));
    shape::complete(of, props)
}

fn all(ctx: &Ctx) -> Result<Vec<Item>, Failure> {
    Ok(ctx.tenant()?.shelves.get(shelf(ctx)).into_iter().flat_map(|s| s.values().cloned()).collect())
}

fn answer(ctx: &Ctx, items: &[Item]) -> Reply {
    let of = ctx.route.of;
    let context = format!("{}{}", &BASE[1..], shelf(ctx));
    let how = List { of, context: &context, default_top: 100, max_top: 999, directory: false };
    query::list(ctx, &how, items.iter().map(|i| render(of, i)).collect())
}

fn list(ctx: &mut Ctx) -> Reply {
    let items = all(ctx)?;
    answer(ctx, &items)
}

fn list_own(ctx: &mut Ctx) -> Reply {
    let mine = role_schedules::whose(ctx)?;
    let own =
        |i: &Item| i.props.get("principalId").and_then(Value::as_str).is_some_and(|p| mine.iter().any(|m| m == p));
    let items: Vec<Item> = all(ctx)?.into_iter().filter(own).collect();
    answer(ctx, &items)
}

fn found(ctx: &Ctx) -> Result<Item, Failure> {
    let id = ctx.id(0);
    let hit = ctx.tenant()?.shelves.get(shelf(ctx)).and_then(|s| s.get(&id));
    hit.cloned().ok_or_else(|| Failure::not_found(&id))
}

fn single(ctx: &Ctx, item: &Item, status: u16) -> Reply {
    let of = ctx.route.of;
    query::single(ctx, of, &format!("{}{}", &BASE[1..], shelf(ctx)), render(of, item), status)
}

fn get(ctx: &mut Ctx) -> Reply {
    let item = found(ctx)?;
    single(ctx, &item, 200)
}

/// Only what has not begun can be cancelled.
fn cancel(ctx: &mut Ctx) -> Reply {
    let item = found(ctx)?;
    if item.props.get("status") != Some(&json!("Granted")) {
        return Err(Failure::new(
            400,
            "RoleAssignmentRequestCannotBeCancelled",
            "The request cannot be cancelled in its state.",
        ));
    }
    let (home, name) = (ctx.caller.tenant.clone(), shelf(ctx));
    ctx.state.due.forget(&Effect::RoleBegin { tenant: home, request: item.id.clone() });
    if let Some(kept) = ctx.tenant_mut()?.shelves.get_mut(name).and_then(|s| s.get_mut(&item.id)) {
        kept.props.insert("status".into(), json!("Canceled"));
    }
    Ok(Answer::empty(204))
}

/// Since and until when, as a body's `scheduleInfo` says.
fn times(ctx: &Ctx, body: &Props) -> Result<(Timestamp, Option<Timestamp>), Failure> {
    let bad = || Failure::new(400, "InvalidScheduleInfo", "The schedule of the request is not valid.");
    let info = body.get("scheduleInfo").cloned().unwrap_or(json!({}));
    let time = |pointer: &str| info.pointer(pointer).and_then(Value::as_str).and_then(|t| t.parse::<Timestamp>().ok());
    let start = time("/startDateTime").unwrap_or(ctx.now).max(ctx.now);
    let end = match info.pointer("/expiration/type").and_then(Value::as_str) {
        Some("afterDateTime") => Some(time("/expiration/endDateTime").ok_or_else(bad)?),
        Some("afterDuration") => {
            let text = info.pointer("/expiration/duration").and_then(Value::as_str).ok_or_else(bad)?;
            let span: jiff::Span = text.parse().map_err(|_| bad())?;
            let zone = start.to_zoned(jiff::tz::TimeZone::UTC);
            Some(zone.checked_add(span).map_err(|_| bad())?.timestamp())
        }
        _ => None,
    };
    if end.is_some_and(|end| end <= start) { Err(bad()) } else { Ok((start, end)) }
}

fn create(ctx: &mut Ctx) -> Reply {
    if !skus::has_plan(ctx.tenant()?, skus::P2) {
        let text = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.";
        return Err(Failure::new(400, "AadPremiumLicenseRequired", text));
    }
    let body = ctx.body(ctx.route.of)?;
    let text = |k: &str| body.get(k).and_then(Value::as_str);
    let needed =
        |k: &str| text(k).ok_or_else(|| Failure::required(k, "RoleScheduleRequest")).map(str::to_ascii_lowercase);
    let action = text("action").ok_or_else(|| Failure::required("action", "RoleScheduleRequest"))?.to_owned();
    let wanted =
        roles::checked(ctx, &needed("roleDefinitionId")?, &needed("principalId")?, &needed("directoryScopeId")?)?;
    let (start, end) = times(ctx, &body)?;
    may_ask(ctx, &action, &wanted, &body, start, end)?;
    let kind = shelf(ctx);
    let key = format!("{} {} {} {}", wanted.principal, wanted.role, wanted.scope, ctx.state.log.next);
    let id = ctx.state.fresh_id(&ctx.caller.tenant, kind, &key);
    let mut props = body;
    props.insert("directoryScopeId".into(), json!(wanted.scope));
    props.insert("status".into(), json!("Provisioned"));
    props.insert("targetScheduleId".into(), json!(id));
    props.insert("completedDateTime".into(), json!(ctx.now));
    let by = json!({ "user": { "displayName": null, "id": ctx.caller.object } });
    props.insert("createdBy".into(), by);
    let mut item = Item { id, props, created: ctx.now, modified: ctx.now };
    if item.props.get("isValidationOnly") != Some(&json!(true)) {
        if ctx.route.of == ASSIGNMENT {
            assignment(ctx, &action, wanted, &mut item, start, end)?;
        } else {
            eligibility(ctx, &action, &wanted, &mut item, start, end)?;
        }
        ctx.tenant_mut()?.shelves.entry(kind.to_owned()).or_default().insert(item.id.clone(), item.clone());
    }
    single(ctx, &item, 201)
}

/// Seconds for which who is eligible may take a role.
const LONGEST_ACTIVATION: i64 = 8 * 3600;

/// An administrator of roles asks for anybody; who is eligible, for itself and for a while.
fn may_ask(
    ctx: &Ctx,
    action: &str,
    wanted: &Wanted,
    body: &Props,
    start: Timestamp,
    end: Option<Timestamp>,
) -> Result<(), Failure> {
    if action.starts_with("admin") {
        return ctx.need_role(ROLES);
    }
    if ctx.caller.user.as_deref() != Some(&wanted.principal) {
        return Err(Failure::denied());
    }
    if action != "selfActivate" {
        return Ok(());
    }
    let mine = |s: role_schedules::Span| s.wanted == *wanted && s.start <= ctx.now;
    if !role_schedules::eligible(ctx.tenant()?, ctx.now).any(mine) {
        return Err(absent());
    }
    let long = end.is_none_or(|end| end > plus(start, LONGEST_ACTIVATION));
    let silent = body.get("justification").and_then(Value::as_str).is_none_or(str::is_empty);
    let broken: Vec<&str> =
        [("ExpirationRule", long), ("JustificationRule", silent)].iter().filter(|(_, b)| *b).map(|(n, _)| *n).collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        400,
        "RoleAssignmentRequestPolicyValidationFailed",
        format!("The following policy rules failed: {}", json!(broken)),
    ))
}

fn absent() -> Failure {
    Failure::new(400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
}

fn present() -> Failure {
    Failure::new(400, "RoleAssignmentExists", "The Role assignment already exists.")
}

fn assignment(
    ctx: &mut Ctx,
    action: &str,
    wanted: Wanted,
    item: &mut Item,
    start: Timestamp,
    end: Option<Timestamp>,
) -> Result<(), Failure> {
    let held = ctx.tenant()?.role_assignments.values().find(|r| wanted.is(r)).map(|r| r.id.clone());
    let home = ctx.caller.tenant.clone();
    match (action, held) {
        ("adminRemove" | "selfDeactivate", Some(id)) => {
            roles::take_back(ctx, &id)?;
            item.props.insert("status".into(), json!("Revoked"));
            Ok(())
        }
        ("adminAssign" | "selfActivate", Some(_)) => Err(present()),
        ("adminAssign" | "selfActivate", None) => {
            item.props.insert("until".into(), json!(end));
            if start > ctx.now {
                item.props.insert("status".into(), json!("Granted"));
                ctx.state.at(start, Effect::RoleBegin { tenant: home, request: item.id.clone() });
                return Ok(());
            }
            let now = ctx.now;
            let made = begun(ctx.state, now, &home, wanted, item);
            item.props.insert("targetScheduleId".into(), json!(made));
            Ok(())
        }
        (_, Some(id)) => {
            let now = ctx.now;
            item.props.insert("targetScheduleId".into(), json!(id));
            schedule(ctx.state, now, &home, &id, item, end);
            Ok(())
        }
        (_, None) => Err(absent()),
    }
}

/// Gives the role that a request asks for, and lets it end.
fn begun(state: &mut State, now: Timestamp, home: &str, wanted: Wanted, item: &Item) -> Option<String> {
    let made = roles::give(state, now, home, wanted)?;
    let end = item.props.get("until").and_then(Value::as_str).and_then(|t| t.parse().ok());
    schedule(state, now, home, &made.id, item, end);
    Some(made.id)
}

fn schedule(state: &mut State, now: Timestamp, home: &str, id: &str, item: &Item, end: Option<Timestamp>) {
    let over = Effect::RoleEnd { tenant: home.to_owned(), id: id.to_owned() };
    state.due.forget(&over);
    let activated = item.props.get("action") == Some(&json!("selfActivate"));
    let props = json!({ "end": end, "activated": activated, "request": item.id });
    let kept =
        Item { id: id.to_owned(), props: props.as_object().cloned().unwrap_or_default(), created: now, modified: now };
    if let Some(t) = state.tenants.get_mut(home) {
        t.shelves.entry(ASSIGNED.to_owned()).or_default().insert(id.to_owned(), kept);
    }
    if let Some(end) = end {
        state.at(end, over);
    }
}

/// The moment that a request waited for has come.
pub fn begin(state: &mut State, at: Timestamp, home: &str, request: &str) {
    let shelf = KINDS[0].0;
    let kept = state.tenants.get(home).and_then(|t| t.shelves.get(shelf)).and_then(|s| s.get(request));
    let Some(item) = kept.cloned() else { return };
    let text = |k: &str| item.props.get(k).and_then(Value::as_str).unwrap_or_default().to_owned();
    let wanted = Wanted {
        role: text("roleDefinitionId").to_ascii_lowercase(),
        principal: text("principalId").to_ascii_lowercase(),
        scope: text("directoryScopeId"),
    };
    let held = state.tenants.get(home).is_some_and(|t| t.role_assignments.values().any(|r| wanted.is(r)));
    let made = if held { None } else { begun(state, at, home, wanted, &item) };
    let kept = state.tenants.get_mut(home).and_then(|t| t.shelves.get_mut(shelf)).and_then(|s| s.get_mut(request));
    if let Some(kept) = kept {
        kept.props.insert("status".into(), json!(if made.is_some() { "Provisioned" } else { "Failed" }));
        kept.props.insert("targetScheduleId".into(), json!(made));
    }
}

fn eligibility(
    ctx: &mut Ctx,
    action: &str,
    wanted: &Wanted,
    item: &mut Item,
    start: Timestamp,
    end: Option<Timestamp>,
) -> Result<(), Failure> {
    let held = role_schedules::eligible(ctx.tenant()?, ctx.now).find(|s| s.wanted == *wanted).map(|s| s.id);
    match (action, held) {
        ("adminRemove", Some(id)) => {
            let shelves = &mut ctx.tenant_mut()?.shelves;
            shelves.get_mut(ELIGIBLE).map(|s| s.remove(&id));
            shelves.retain(|_, s| !s.is_empty());
            item.props.insert("status".into(), json!("Revoked"));
            Ok(())
        }
        ("adminAssign", Some(_)) => Err(present()),
        ("adminAssign" | "adminUpdate" | "adminExtend" | "adminRenew", held) => {
            let id = held.unwrap_or_else(|| item.id.clone());
            let props = json!({ "role": wanted.role, "principal": wanted.principal, "scope": wanted.scope, "start": start, "end": end, "request": item.id });
            let kept = Item {
                id: id.clone(),
                props: props.as_object().cloned().unwrap_or_default(),
                created: ctx.now,
                modified: ctx.now,
            };
            item.props.insert("targetScheduleId".into(), json!(id));
            ctx.tenant_mut()?.shelves.entry(ELIGIBLE.to_owned()).or_default().insert(id, kept);
            Ok(())
        }
        (_, None) => Err(absent()),
        _ => Err(Failure::denied()),
    }
}
