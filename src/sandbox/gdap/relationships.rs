//! Graph: delegatedAdminRelationship (create, list, get, update, delete) and delegatedAdminCustomer.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::operations::{self, Change};
use super::{Relationship, Status, assignments, etag};
use crate::sandbox::facts;
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::query::{self, List};
use crate::sandbox::graph::{Ctx, Reply, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::State;

pub const TYPE: &str = "delegatedAdminRelationship";
const CONTEXT: &str = "tenantRelationships/delegatedAdminRelationships";

pub fn unified(roles: &[String]) -> Value {
    json!({ "unifiedRoles": roles.iter().map(|r| json!({ "roleDefinitionId": r })).collect::<Vec<_>>() })
}

/// Graph: resellerDelegatedAdminRelationship, which lists may contain.
const RESELLER: &str = "resellerDelegatedAdminRelationship";

pub fn render(state: &State, r: &Relationship) -> Value {
    let mut props = props(state, r);
    let Some(provider) = &r.indirect_provider else { return shape::filled(TYPE, props) };
    props["@odata.type"] = json!(format!("#microsoft.graph.{RESELLER}"));
    props["indirectProviderTenantId"] = json!(provider);
    props["isPartnerConsentPending"] = json!(false);
    shape::filled(RESELLER, props)
}

fn props(state: &State, r: &Relationship) -> Value {
    let customer = r
        .customer
        .as_ref()
        .map(|id| json!({ "tenantId": id, "displayName": state.tenants.get(id).map(|t| &t.display_name) }));
    json!({
        "@odata.etag": etag(&r.id, r.version), "id": r.id, "displayName": r.display_name, "duration": r.duration, "autoExtendDuration": r.auto_extend,
        "customer": customer, "accessDetails": unified(&r.roles), "status": r.status.as_str(), "createdDateTime": r.created,
        "lastModifiedDateTime": r.modified, "activatedDateTime": r.activated, "endDateTime": r.end,
    })
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let all: Vec<&Relationship> = ctx.state.relationships.values().collect();
    // Of two types: each is made whole by itself.
    if all.iter().any(|r| r.indirect_provider.is_some()) {
        let items = all.into_iter().map(|r| render(ctx.state, r)).collect();
        return query::list(ctx, &List::gdap(TYPE, CONTEXT), items);
    }
    query::lazy(ctx, &List::gdap(TYPE, CONTEXT), all, |r| props(ctx.state, r))
}

/// Ids are two GUIDs joined; anything else is refused before it is looked for.
pub fn find<'a>(ctx: &'a Ctx) -> Result<&'a Relationship, Failure> {
    let id = ctx.id(0).to_ascii_lowercase();
    if id.len() != 73 {
        return Err(Failure::gdap(400, "badRequest", "The delegatedAdminRelationshipId is invalid."));
    }
    ctx.state.relationships.get(&id).ok_or_else(|| Failure::gdap(404, "notFound", "The resource could not be found."))
}

pub fn find_mut<'a>(ctx: &'a mut Ctx) -> Result<&'a mut Relationship, Failure> {
    let id = find(ctx)?.id.clone();
    ctx.state
        .relationships
        .get_mut(&id)
        .ok_or_else(|| Failure::gdap(404, "notFound", "The resource could not be found."))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let item = render(ctx.state, find(ctx)?);
    let tag = item["@odata.etag"].as_str().unwrap_or_default().to_owned();
    Ok(query::single(ctx, TYPE, CONTEXT, item, 200)?.with("ETag", tag))
}

/// Days of `P730D`, `P2Y`, `P1Y6M` …: months count 30 days, years 365.
pub fn duration_days(text: &str) -> Option<i64> {
    let span: jiff::Span = text.parse().ok()?;
    let short = i64::from(span.get_hours()) * 3600 + span.get_minutes() * 60 + span.get_seconds();
    let whole = i64::from(span.get_years()) * 365
        + i64::from(span.get_months()) * 30
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    Some(whole + short / 86_400)
}

/// `PT0S` or `P180D`, as it is read back.
fn auto_extend(value: Option<&Value>) -> Result<String, Failure> {
    match value.and_then(Value::as_str).map(|t| (t, duration_days(t))) {
        None | Some((_, Some(0))) => Ok("PT0S".to_owned()),
        Some((_, Some(180))) => Ok("P180D".to_owned()),
        Some((t, _)) => {
            Err(bad(format!("The autoExtendDuration '{t}' is invalid. Supported values are P0D, PT0S and P180D.")))
        }
    }
}

pub fn bad(message: impl Into<String>) -> Failure {
    Failure::gdap(400, "badRequest", message)
}

/// Role ids of `accessDetails`, checked to be GDAP-assignable built-in roles, without repetition.
pub fn roles(details: &Value) -> Result<Vec<String>, Failure> {
    let list = details.get("unifiedRoles").and_then(Value::as_array).filter(|l| !l.is_empty());
    let mut out: Vec<String> = Vec::new();
    for entry in list.ok_or_else(|| bad("accessDetails must contain at least one unified role."))? {
        let id = entry.get("roleDefinitionId").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        if !facts::roles().get(&id).is_some_and(|r| r.gdap) {
            return Err(bad(format!(
                "The roleDefinitionId '{id}' is not a supported role for a delegated admin relationship."
            )));
        }
        if !out.contains(&id) {
            out.push(id);
        }
    }
    out.sort();
    Ok(out)
}

fn check_name(name: &str) -> Result<(), Failure> {
    if name.trim().is_empty() || name.chars().count() > 50 {
        return Err(bad("The displayName must have between 1 and 50 characters."));
    }
    if name.contains(['<', '>', '%', '&', '\\', '?', '/', '*', '#', '"']) || name.chars().any(char::is_control) {
        return Err(bad("The displayName contains unsupported characters."));
    }
    Ok(())
}

fn check_duration(text: &str) -> Result<(), Failure> {
    if duration_days(text).is_some_and(|d| (1..=730).contains(&d)) {
        Ok(())
    } else {
        Err(bad(format!("The duration '{text}' is invalid. It must be between P1D and P2Y.")))
    }
}

/// Customers of these may not be extended without a person.
fn check_extension(extend: &str, roles: &[String]) -> Result<(), Failure> {
    if extend != "PT0S" && roles.iter().any(|r| r == facts::GLOBAL_ADMINISTRATOR) {
        return Err(bad("A relationship with the Global Administrator role cannot be auto-extended."));
    }
    Ok(())
}

const WRITABLE: [&str; 5] = ["displayName", "duration", "autoExtendDuration", "customer", "accessDetails"];

fn check_writable(body: &serde_json::Map<String, Value>) -> Result<(), Failure> {
    match body.keys().find(|k| !k.contains('@') && !WRITABLE.contains(&k.as_str())) {
        Some(k) => Err(bad(format!("The property '{k}' is read-only."))),
        None => Ok(()),
    }
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    check_writable(&body)?;
    let text = |k: &str| body.get(k).and_then(Value::as_str);
    let name = text("displayName").ok_or_else(|| bad("The displayName is required."))?.to_owned();
    let duration = text("duration").ok_or_else(|| bad("The duration is required."))?.to_owned();
    let roles = roles(body.get("accessDetails").ok_or_else(|| bad("The accessDetails are required."))?)?;
    check_name(&name)?;
    check_duration(&duration)?;
    let extend = auto_extend(body.get("autoExtendDuration"))?;
    check_extension(&extend, &roles)?;
    let customer = customer_of(ctx.state, body.get("customer"))?;
    check_unique(ctx.state, &name, None)?;
    let (seed, partner) = (ctx.state.seed, ctx.state.partner.clone());
    let second = ids::guid(seed, &[&partner, "relationship tail", &name], 0);
    let held = |id: &str| {
        ctx.state.retired.contains(&format!("{id}-{second}"))
            || ctx.state.relationships.contains_key(&format!("{id}-{second}"))
    };
    let id = format!("{}-{second}", ids::fresh(seed, &[&partner, "relationship", &name], held));
    let now = ctx.now;
    let r = Relationship {
        id: id.clone(),
        display_name: name,
        duration,
        auto_extend: extend,
        customer,
        roles,
        status: Status::Created,
        created: now,
        modified: now,
        locked: None,
        activated: None,
        end: None,
        version: 1,
        requests: Vec::new(),
        assignments: Vec::new(),
        operations: Vec::new(),
        indirect_provider: None,
    };
    let item = render(ctx.state, &r);
    ctx.state.relationships.insert(id.clone(), r);
    let location = format!("{}/{}/{CONTEXT}/{id}", ctx.call.base(), ctx.version);
    let tag = item["@odata.etag"].as_str().unwrap_or_default().to_owned();
    Ok(query::single(ctx, TYPE, CONTEXT, item, 201)?.with("Location", location).with("ETag", tag))
}

fn customer_of(state: &State, value: Option<&Value>) -> Result<Option<String>, Failure> {
    let Some(value) = value.filter(|v| !v.is_null()) else { return Ok(None) };
    let id = value
        .get("tenantId")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("The customer's tenantId is required."))?
        .to_ascii_lowercase();
    if !state.tenants.contains_key(&id) || id == state.partner {
        return Err(bad(format!("The customer tenant '{id}' is invalid.")));
    }
    Ok(Some(id))
}

/// Names are unique over all of the partner's relationships, ended ones included.
fn check_unique(state: &State, name: &str, but: Option<&str>) -> Result<(), Failure> {
    if state.relationships.values().any(|r| r.display_name.eq_ignore_ascii_case(name) && but != Some(r.id.as_str())) {
        return Err(Failure::gdap(409, "conflict", "The resource already exists."));
    }
    Ok(())
}

/// Writes on relationships and assignments need the etag that was read.
pub fn if_match(ctx: &Ctx, current: &str) -> Result<(), Failure> {
    match ctx.call.header("if-match") {
        None => {
            let status = ctx.state.switches.missing_etag;
            let code = match status {
                400 => "badRequest",
                412 => "preconditionFailed",
                _ => "preconditionRequired",
            };
            Err(Failure::gdap(status, code, "The If-Match header is required."))
        }
        Some(tag) if tag == current || tag == "*" => Ok(()),
        Some(_) => Err(Failure::gdap(412, "preconditionFailed", "The ETag provided does not match the current one.")),
    }
}

pub fn update(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    let r = find(ctx)?;
    if_match(ctx, &etag(&r.id, r.version))?;
    check_writable(&body)?;
    let mut next = r.clone();
    let mut fewer = None;
    for (k, v) in &body {
        match (k.as_str(), r.status) {
            ("autoExtendDuration", Status::Created | Status::Active) => next.auto_extend = auto_extend(Some(v))?,
            ("accessDetails", Status::Created) => next.roles = roles(v)?,
            ("accessDetails", Status::Active) => {
                let wanted = roles(v)?;
                let without: Vec<String> =
                    r.roles.iter().filter(|r| *r != facts::GLOBAL_ADMINISTRATOR).cloned().collect();
                if wanted != r.roles && wanted != without {
                    return Err(bad("In an active relationship only the Global Administrator role can be removed."));
                }
                fewer = Some(wanted).filter(|wanted| *wanted != r.roles);
            }
            ("displayName", Status::Created) => {
                next.display_name = v.as_str().unwrap_or_default().to_owned();
                check_name(&next.display_name)?;
                check_unique(ctx.state, &next.display_name, Some(&r.id))?;
            }
            ("duration", Status::Created) => {
                next.duration = v.as_str().unwrap_or_default().to_owned();
                check_duration(&next.duration)?;
            }
            ("customer", Status::Created) => next.customer = customer_of(ctx.state, Some(v))?,
            (k, status) => {
                return Err(bad(format!("The property '{k}' cannot be changed in status {}.", status.as_str())));
            }
        }
    }
    check_extension(&next.auto_extend, fewer.as_ref().unwrap_or(&next.roles))?;
    next.touch(ctx.now);
    let id = next.id.clone();
    let item = render(ctx.state, &next);
    ctx.state.relationships.insert(id.clone(), next);
    match fewer {
        Some(roles) => operations::begin(ctx, &id, Change { assignment: None, roles }),
        None => query::single(ctx, TYPE, CONTEXT, item, 200),
    }
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let r = find(ctx)?;
    if_match(ctx, &etag(&r.id, r.version))?;
    if r.status != Status::Created {
        let text = format!("A relationship in status {} cannot be deleted.", r.status.as_str());
        return Err(assignments::refused(ctx.state.switches.undeletable_relationship, text));
    }
    let id = r.id.clone();
    ctx.state.relationships.remove(&id);
    ctx.state.retired.insert(id);
    Ok(Answer::empty(204))
}

const CUSTOMER: &str = "delegatedAdminCustomer";
const CUSTOMERS: &str = "tenantRelationships/delegatedAdminCustomers";

fn all_customers(state: &State) -> BTreeSet<&str> {
    let active = state.relationships.values().filter(|r| matches!(r.status, Status::Active | Status::Expiring));
    active.filter_map(|r| r.customer.as_deref()).collect()
}

fn customer_props(state: &State, id: &str) -> Value {
    let name = state.tenants.get(id).map(|t| &t.display_name);
    json!({ "id": id, "tenantId": id, "displayName": name })
}

/// Only customers with GDAP.
pub fn customers(ctx: &mut Ctx) -> Reply {
    let all = all_customers(ctx.state).into_iter().collect();
    query::lazy(ctx, &List::gdap(CUSTOMER, CUSTOMERS), all, |id| customer_props(ctx.state, id))
}

pub fn customer(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let found = all_customers(ctx.state).contains(id.as_str());
    let item = found.then(|| customer_props(ctx.state, &id));
    let item = item.ok_or_else(|| Failure::gdap(404, "notFound", "The resource could not be found."))?;
    query::single(ctx, CUSTOMER, CUSTOMERS, item, 200)
}
