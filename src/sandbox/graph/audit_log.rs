//! Graph: directoryAudit, signIn. Both logs show what really happened here, the newest first.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, audit, shape, skus};
use crate::sandbox::audit::{By, Entry, Target};
use crate::sandbox::facts;
use crate::sandbox::ids;
use crate::sandbox::state::{State, Tenant};

pub fn routes(to: &mut Routes) {
    to.read("/auditLogs/directoryAudits", "list-directory-audits", AUDIT, audits).by(READERS);
    to.read("/auditLogs/directoryAudits/{id}", "get-directory-audit", AUDIT, audit_entry).by(READERS);
    to.read("/auditLogs/signIns", "list-sign-ins", SIGN_IN, sign_ins).by(READERS);
    to.read("/auditLogs/signIns/{id}", "get-sign-in", SIGN_IN, sign_in).by(READERS);
}

const AUDIT: &str = "directoryAudit";
const SIGN_IN: &str = "signIn";

/// Graph: list directoryAudits, list signIns.
const READERS: &[&str] = &[
    facts::REPORTS_READER,
    facts::SECURITY_READER,
    facts::SECURITY_ADMINISTRATOR,
    facts::GLOBAL_READER,
    facts::GLOBAL_ADMINISTRATOR,
];

fn how<'a>(of: &'a str, context: &'a str) -> List<'a> {
    List { of, context, default_top: 1_000, max_top: 1_000, directory: false }
}

fn audits(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let items = tenant.audits.newest().map(|e| render(ctx.state, tenant, e)).collect();
    query::list(ctx, &how(AUDIT, "auditLogs/directoryAudits"), items)
}

fn audit_entry(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let tenant = ctx.tenant()?;
    let hit = tenant.audits.newest().find(|e| audit_id(ctx.state, tenant, e) == id);
    let item = hit.map(|e| render(ctx.state, tenant, e)).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, AUDIT, "auditLogs/directoryAudits", item, 200)
}

fn audit_id(state: &State, tenant: &Tenant, e: &Entry) -> String {
    let number = e.number.to_string();
    let hash = ids::guid(state.seed, &[&tenant.id, "audit", &number], 0);
    let tail = ids::b64(hash.as_bytes()).chars().filter(char::is_ascii_alphanumeric).take(5).collect::<String>();
    format!("Directory_{hash}_{}_{number}", tail.to_ascii_uppercase())
}

fn render(state: &State, tenant: &Tenant, e: &Entry) -> Value {
    let known = facts::activities().get(&e.of.activity);
    let name = known.map_or_else(|| audit::fallback(&e.of.activity, e.of.targets.first()), |a| a.name.clone());
    let service = known.and_then(|a| a.service.as_deref()).unwrap_or("Core Directory");
    let correlation = match e.of.correlation.as_str() {
        "" => ids::guid(state.seed, &[&tenant.id, "correlation", &e.number.to_string()], 0),
        given => given.to_owned(),
    };
    let details: Vec<Value> = e.of.agent.iter().map(|a| json!({ "key": "User-Agent", "value": a })).collect();
    shape::filled(
        AUDIT,
        json!({
            "id": audit_id(state, tenant, e),
            "category": known.map_or("DirectoryManagement", |a| a.category.as_str()),
            "correlationId": correlation, "result": "success", "resultReason": "",
            "activityDisplayName": name, "activityDateTime": e.time, "loggedByService": service,
            "operationType": operation(&name), "initiatedBy": initiator(state, tenant, &e.of.by),
            "targetResources": e.of.targets.iter().map(target).collect::<Vec<_>>(), "additionalDetails": details,
        }),
    )
}

/// Graph: directoryAudit, `operationType`: Add, Assign, Update, Unassign, Delete.
fn operation(activity: &str) -> &'static str {
    let assigns = activity.contains("member to role") || activity.contains("assignment") || activity.contains("grant");
    match activity.split(' ').next().unwrap_or_default() {
        "Add" | "Consent" if assigns => "Assign",
        "Remove" if assigns => "Unassign",
        "Add" | "Create" | "Invite" => "Add",
        "Delete" | "Remove" | "Hard" => "Delete",
        "Consent" => "Assign",
        _ => "Update",
    }
}

fn initiator(state: &State, tenant: &Tenant, by: &By) -> Value {
    match by {
        By::User { id, upn } => {
            json!({ "user": { "id": id, "displayName": null, "userPrincipalName": upn, "ipAddress": "" } })
        }
        By::App { app_id } => {
            let principal = tenant.principal_of(app_id).map(|p| &p.id);
            json!({ "app": { "appId": app_id, "displayName": audit::app_name(state, app_id), "servicePrincipalId": principal, "servicePrincipalName": null } })
        }
    }
}

fn target(t: &Target) -> Value {
    let kind = match t.of.as_str() {
        "application" => "Application",
        "servicePrincipal" => "ServicePrincipal",
        "user" => "User",
        "group" => "Group",
        "directoryRole" | "unifiedRoleDefinition" => "Role",
        "device" => "Device",
        of if of.to_ascii_lowercase().contains("policy") || of.ends_with("amedLocation") => "Policy",
        _ => "Other",
    };
    let group = (t.of == "group").then_some("azureAD");
    let changes: Vec<Value> =
        t.changes.iter().map(|c| json!({ "displayName": c.name, "oldValue": c.old, "newValue": c.new })).collect();
    json!({ "id": t.id, "displayName": t.name, "type": kind, "userPrincipalName": t.upn, "groupType": group, "modifiedProperties": changes })
}

/// Beta says what kind of sign-in it was; v1.0 shows people at a browser only.
fn kind(item: &Value) -> &'static str {
    match (item["isInteractive"].as_bool(), item["userId"].as_str().unwrap_or_default()) {
        (_, "") => "servicePrincipal",
        (Some(true), _) => "interactiveUser",
        _ => "nonInteractiveUser",
    }
}

/// Beta shows the other kinds to those who filter by kind.
fn shown(ctx: &Ctx, item: &Value) -> Option<Value> {
    let kind = kind(item);
    if ctx.version != "beta" {
        return (kind == "interactiveUser").then(|| shape::filled(SIGN_IN, item.clone()));
    }
    let asked = ctx.call.param("$filter").is_some_and(|f| f.contains("signInEventTypes"));
    if !asked && kind != "interactiveUser" {
        return None;
    }
    let mut value = shape::filled(SIGN_IN, item.clone());
    value["signInEventTypes"] = json!([kind]);
    Some(value)
}

/// The type by which the query is checked: beta's has properties that v1.0's has not.
fn type_of(ctx: &Ctx) -> &'static str {
    if ctx.version == "beta" { "betaSignIn" } else { SIGN_IN }
}

/// Only tenants with a licence for it can read the log: Graph answers with this code.
fn licensed(ctx: &Ctx) -> Result<(), Failure> {
    if skus::has_plan(ctx.tenant()?, skus::P1) {
        return Ok(());
    }
    Err(Failure::new(
        403,
        "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        "Neither tenant is B2C or tenant doesn't have premium license",
    ))
}

fn sign_ins(ctx: &mut Ctx) -> Reply {
    licensed(ctx)?;
    let items = ctx.tenant()?.sign_ins.iter().rev().filter_map(|s| shown(ctx, s)).collect();
    query::list(ctx, &how(type_of(ctx), "auditLogs/signIns"), items)
}

fn sign_in(ctx: &mut Ctx) -> Reply {
    licensed(ctx)?;
    let id = ctx.id(0);
    let hit = ctx.tenant()?.sign_ins.iter().find(|s| s["id"] == id.as_str());
    let item = hit.map(|s| shape::filled(SIGN_IN, (**s).clone())).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, SIGN_IN, "auditLogs/signIns", item, 200)
}
