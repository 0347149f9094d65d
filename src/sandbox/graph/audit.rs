//! What a write of Graph leaves in the audit log: taken before and after every handler, in this one place.
use serde_json::{Value, json};

use super::access::Caller;
use super::routes::{Key, Route};
use super::{Ctx, objects, sets};
use crate::sandbox::audit::{By, Change, Event, Target};
use crate::sandbox::facts;
use crate::sandbox::http::{Answer, Body};
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{State, Tenant};

/// The object that a path names, as it was.
pub struct Subject {
    of: &'static str,
    id: String,
    shown: Option<Value>,
}

/// Looks at what is about to be changed; `None` for what only reads.
pub fn before(ctx: &Ctx) -> Option<Subject> {
    if !ctx.route.write {
        return None;
    }
    Some(subject(ctx).unwrap_or(Subject { of: ctx.route.of, id: String::new(), shown: None }))
}

fn subject(ctx: &Ctx) -> Option<Subject> {
    let first = ctx.route.pattern.split('/').nth(1)?;
    let key = ctx.keys.first();
    let last = ctx.keys.last().map(Key::text).unwrap_or_default();
    if let Some(shown) = ctx.tenant().ok().and_then(|t| relation(t, &last)) {
        return Some(Subject { of: ctx.route.of, id: last, shown: Some(shown) });
    }
    if let (Some(of), Some(_)) = (objects::type_of_collection(first), key) {
        let id = ctx.found(of, 0).ok()?;
        return Some(look(ctx, of, id));
    }
    if let Some(set) = ctx.route.set.filter(|s| s.owner.is_none() && key.is_some()) {
        let item = sets::find(ctx, set).ok()?;
        return Some(Subject { of: set.of, shown: Some(sets::shown(ctx, set, &item)), id: item.id });
    }
    let Some(key) = key else { return Some(the_only(ctx)) };
    Some(look(ctx, ctx.route.of, key.text()))
}

/// An object that a tenant has one of.
fn the_only(ctx: &Ctx) -> Subject {
    let set = ctx.route.set.filter(|_| ctx.route.method != "POST");
    let item = set.and_then(|set| Some((set, sets::the_one(ctx, set).ok()?)));
    let id = item.as_ref().map(|(_, item)| item.id.clone()).unwrap_or_default();
    Subject { of: ctx.route.of, id, shown: item.map(|(set, item)| sets::shown(ctx, set, &item)) }
}

fn look(ctx: &Ctx, of: &'static str, id: String) -> Subject {
    let object = ctx.tenant().ok().and_then(|t| objects::shown(ctx.state, t, &id));
    match object {
        Some((of, shown)) => Subject { of, id, shown: Some(shown) },
        None => binned(ctx, &id).unwrap_or(Subject { of, id, shown: None }),
    }
}

/// A deleted object that is restored, or deleted for good.
fn binned(ctx: &Ctx, id: &str) -> Option<Subject> {
    let (of, name) = match &ctx.tenant().ok()?.bin.get(&id.to_ascii_lowercase())?.object {
        Gone::Application(a) => ("application", a.display_name().to_owned()),
        Gone::ServicePrincipal(p) => ("servicePrincipal", app_name(ctx.state, &p.app_id).unwrap_or_default()),
        Gone::User(u) => ("user", u.display_name.clone()),
        Gone::Group(g) => ("group", g.display_name().to_owned()),
        Gone::Item { .. } => return None,
    };
    Some(Subject { of, id: id.to_owned(), shown: Some(json!({ "displayName": name })) })
}

/// Assignments and grants, which are no directory objects.
fn relation(tenant: &Tenant, id: &str) -> Option<Value> {
    if let Some(a) = tenant.app_roles.get(id) {
        return Some(json!({ "principalId": a.principal_id, "resourceId": a.resource_id, "appRoleId": a.app_role_id }));
    }
    if let Some(g) = tenant.grants.get(id) {
        return Some(json!({ "clientId": g.client_id, "resourceId": g.resource_id, "scope": g.scope }));
    }
    let r = tenant.role_assignments.get(id)?;
    Some(json!({ "principalId": r.principal_id, "roleDefinitionId": r.role }))
}

/// Enters what was done, when it was done.
pub fn after(ctx: &mut Ctx, before: Option<Subject>, answer: &Answer) {
    let Some(before) = before.filter(|_| answer.status < 300) else { return };
    let targets = targets(ctx, before, answer);
    let event = Event {
        activity: format!("{} {}", ctx.route.method, ctx.route.rule_path()),
        by: by(ctx.caller),
        correlation: ctx.call.request_id.clone(),
        agent: ctx.call.header("user-agent").map(str::to_owned),
        targets,
    };
    let (tenant, now) = (ctx.caller.tenant.clone(), ctx.now);
    ctx.state.audit(&tenant, now, event);
}

/// Who a token speaks for.
pub fn by(caller: &Caller) -> By {
    match &caller.user {
        Some(id) => By::User { id: id.clone(), upn: caller.upn.clone().unwrap_or_default() },
        None => By::App { app_id: caller.app_id.clone() },
    }
}

fn targets(ctx: &Ctx, before: Subject, answer: &Answer) -> Vec<Target> {
    let made = match &answer.body {
        Body::Json(body) if ctx.route.method != "PATCH" && body.get("id").is_some() => Some(body),
        _ => None,
    };
    let relation = made.or(before.shown.as_ref());
    if let Some(targets) = relation.and_then(|r| of_relation(ctx, r)) {
        return targets;
    }
    let Some(body) = made else { return of_subject(ctx, before) };
    let text = |k: &str| body.get(k).and_then(Value::as_str);
    let mut target = named(ctx.route.of, text("id").unwrap_or_default(), body);
    let name = target.name.clone();
    target.changes.extend(name.map(|n| change("DisplayName", None, Some(&json!(n)))));
    vec![target]
}

fn of_subject(ctx: &Ctx, before: Subject) -> Vec<Target> {
    let nothing = Value::Null;
    let was = before.shown.as_ref().unwrap_or(&nothing);
    let mut target = named(before.of, &before.id, was);
    if ctx.route.method == "PATCH" || ctx.route.method == "PUT" {
        let is = subject(ctx).and_then(|s| s.shown).unwrap_or_default();
        target.changes = changes(was, &is);
    }
    let linked = if ctx.route.pattern.contains("$ref") { linked(ctx) } else { None };
    linked.into_iter().chain([target]).collect()
}

/// The other end of a link that was made or removed.
fn linked(ctx: &Ctx) -> Option<Target> {
    let body = ctx.json().ok();
    let reference = body.as_ref().and_then(|b| b.get("@odata.id")).and_then(Value::as_str);
    let id = match reference {
        Some(reference) => ctx.bound(reference)?,
        None => ctx.keys.get(1).map(Key::text)?,
    };
    Some(object(ctx, &id))
}

fn object(ctx: &Ctx, id: &str) -> Target {
    match ctx.tenant().ok().and_then(|t| objects::shown(ctx.state, t, id)) {
        Some((of, shown)) => named(of, id, &shown),
        None => Target::new("directoryObject", id, None),
    }
}

fn named(of: &str, id: &str, shown: &Value) -> Target {
    let text = |k: &str| shown.get(k).and_then(Value::as_str).map(str::to_owned);
    let name = text("displayName").or_else(|| text("name"));
    Target { id: id.to_owned(), of: of.to_owned(), name, upn: text("userPrincipalName"), changes: Vec::new() }
}

/// Grants and assignments are logged as changes of what they join.
fn of_relation(ctx: &Ctx, shown: &Value) -> Option<Vec<Target>> {
    let text = |k: &str| shown.get(k).and_then(Value::as_str);
    let gone = ctx.route.method == "DELETE";
    let new = |name: &str, value: &str| {
        let value = json!(value);
        let (old, new) = if gone { (Some(&value), None) } else { (None, Some(&value)) };
        change(name, old, new)
    };
    if let Some(role) = text("appRoleId") {
        let mut resource = object(ctx, text("resourceId")?);
        let app = ctx.tenant().ok()?.principals.get(&resource.id).map(|p| p.app_id.clone()).unwrap_or_default();
        resource.changes.push(new("AppRole.Id", role));
        resource.changes.extend(super::known_role(ctx.state, &app, role).map(|v| new("AppRole.Value", &v)));
        return Some(vec![resource, object(ctx, text("principalId")?)]);
    }
    if let (Some(client), Some(scope)) = (text("clientId"), text("scope")) {
        let mut resource = object(ctx, text("resourceId")?);
        resource.changes.push(new("DelegatedPermissionGrant.Scope", scope));
        return Some(vec![resource, object(ctx, client)]);
    }
    let role = text("roleDefinitionId")?;
    let mut principal = object(ctx, text("principalId")?);
    principal.changes.push(new("Role.DisplayName", facts::role_name(role)));
    principal.changes.push(new("Role.TemplateId", role));
    Some(vec![principal, Target::new("directoryRole", role, Some(facts::role_name(role)))])
}

/// Longer values say nothing that a reader of the log needs.
const LONGEST: usize = 2_000;

/// Old and new value, each as a list, as the directory logs them.
fn change(name: &str, old: Option<&Value>, new: Option<&Value>) -> Change {
    let shown = |v: Option<&Value>| match v {
        None | Some(Value::Null) => Some("[]".to_owned()),
        Some(v) => {
            let text = if v.is_array() { v.to_string() } else { json!([v]).to_string() };
            (text.len() <= LONGEST).then_some(text)
        }
    };
    Change { name: name.to_owned(), old: shown(old), new: shown(new) }
}

/// What differs between two states of an object; values of what is secret are never looked at.
fn changes(was: &Value, is: &Value) -> Vec<Change> {
    let (Some(was), Some(is)) = (was.as_object(), is.as_object()) else { return Vec::new() };
    let names: Vec<&String> = is.keys().filter(|k| was.get(*k) != is.get(*k) && !k.contains('@')).collect();
    let mut out: Vec<Change> = names
        .iter()
        .map(|k| {
            let name = capital(k);
            if is_secret(k) { Change { name, old: None, new: None } } else { change(&name, was.get(*k), is.get(*k)) }
        })
        .collect();
    if !out.is_empty() {
        let all = names.iter().map(|k| capital(k)).collect::<Vec<_>>().join(", ");
        let new = Some(json!(all).to_string());
        out.push(Change { name: "Included Updated Properties".to_owned(), old: None, new });
    }
    out
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["password", "secret", "keycredential"].iter().any(|s| lower.contains(s))
}

/// `displayName` → `DisplayName`.
fn capital(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// What an activity that the table does not know is called: the verb, and the type in words.
pub fn fallback(activity: &str, target: Option<&Target>) -> String {
    let (method, path) = activity.split_once(' ').unwrap_or(("", activity));
    let deleted = path.starts_with("/directory/deleteditems/");
    let verb = match method {
        "POST" if deleted => "Restore",
        "DELETE" if deleted => "Hard Delete",
        "POST" => "Add",
        "DELETE" => "Delete",
        _ => "Update",
    };
    let route = super::routes::all().iter().find(|r: &&Route| r.method == method && r.rule_path() == path);
    let of = target.filter(|_| deleted).map(|t| t.of.as_str()).or(route.map(|r| r.of));
    let mut words = String::new();
    for c in of.unwrap_or("object").chars() {
        if c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    format!("{verb} {words}")
}

/// The name of an app, wherever it is registered.
pub fn app_name(state: &State, app_id: &str) -> Option<String> {
    let own = state.application(app_id).map(|(_, a)| a.display_name().to_owned());
    own.or_else(|| facts::resource(app_id).map(|r| r.display_name.clone()))
}
