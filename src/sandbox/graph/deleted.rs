//! Graph: directory deleted items. What was deleted softly can be restored for 30 days.
//!
//! An area that deletes an object softly takes it out of its own collection and hands it over:
//! `deleted::bin(ctx, Gone::User(user))`. The bin takes it out of every link and group, tells `delta`, and puts all
//! that back when the object is restored.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, applications, groups, objects, service_principals, sets, users};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::facts::{
    APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR, USER_ADMINISTRATOR,
};
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::{Binned, Gone};
use crate::sandbox::state::{Group, State, Tenant};

const OF: &str = "directoryObject";

pub fn routes(to: &mut Routes) {
    const PATH: &str = "/directory/deletedItems";
    to.read(PATH, "list-deleted-items", OF, list);
    to.ask("/directory/deletedItems/getUserOwnedObjects", "list-deleted-of-user", OF, owned_by_user);
    to.read("/directory/deletedItems/{id}", "get-deleted-item", OF, get);
    to.write("DELETE", "/directory/deletedItems/{id}", "delete-permanently", OF, delete);
    to.write("POST", "/directory/deletedItems/{id}/restore", "restore-deleted-item", OF, restore);
}

/// Days for which an object can come back.
const KEPT: i64 = 30;

/// Puts an object, already taken out of its own collection, among the deleted items.
pub fn bin(ctx: &mut Ctx, object: Gone) -> Result<(), Failure> {
    let now = ctx.now;
    let gone_at_once = matches!(&object, Gone::Group(g) if ctx.state.limits.security_groups_are_gone && !is_unified(g));
    let id = object.id().to_owned();
    let dropped = put(ctx.tenant_mut()?, object, now);
    ctx.state.retired.extend(dropped);
    if gone_at_once { purge(ctx, &id) } else { Ok(()) }
}

fn is_unified(g: &Group) -> bool {
    let types = g.props.get("groupTypes").and_then(Value::as_array);
    types.is_some_and(|t| t.iter().any(|t| t == "Unified"))
}

/// As [`bin`]; answers ids that will never be given again.
pub fn put(tenant: &mut Tenant, object: Gone, now: Timestamp) -> Vec<String> {
    let id = object.id().to_owned();
    let of = type_of(&object);
    let mut gone = Binned::new(object, now);
    gone.towards = tenant.links.inbound(&id);
    gone.links = tenant.links.forget(&id);
    for g in tenant.groups.values_mut().filter(|g| g.members.contains(&id)) {
        g.members.remove(&id);
        gone.groups.push(g.id.clone());
    }
    gone.app_roles = taken(&mut tenant.app_roles, |a| a.principal_id == id || a.resource_id == id);
    let names = |g: &crate::sandbox::state::Grant| {
        g.client_id == id || g.resource_id == id || g.principal_id.as_deref() == Some(id.as_str())
    };
    gone.grants = taken(&mut tenant.grants, names);
    gone.role_assignments = taken(&mut tenant.role_assignments, |r| r.principal_id == id);
    let mut dropped = Vec::new();
    // Consent has to be given anew to a principal that comes back.
    if of == "servicePrincipal" {
        dropped.extend(gone.app_roles.drain(..).map(|a| a.id));
        dropped.extend(gone.grants.drain(..).map(|g| g.id));
        dropped.extend(gone.role_assignments.drain(..).map(|r| r.id));
    }
    tenant.history.remove(of, &id, false);
    tenant.bin.insert(id, gone);
    dropped
}

fn taken<T>(from: &mut std::collections::BTreeMap<String, T>, which: impl Fn(&T) -> bool) -> Vec<T> {
    let ids: Vec<String> = from.iter().filter(|(_, v)| which(v)).map(|(k, _)| k.clone()).collect();
    ids.iter().filter_map(|id| from.remove(id)).collect()
}

/// The Graph type of a deleted object.
pub fn type_of(object: &Gone) -> &'static str {
    match object {
        Gone::Application(_) => "application",
        Gone::ServicePrincipal(_) => "servicePrincipal",
        Gone::User(_) => "user",
        Gone::Group(_) => "group",
        Gone::Item { shelf, .. } => sets::type_of_shelf(shelf),
    }
}

fn is_over(b: &Binned, now: Timestamp) -> bool {
    plus(b.deleted, days(KEPT)) <= now
}

/// Deletes for good what has been here for 30 days.
pub fn sweep(ctx: &mut Ctx) -> Result<(), Failure> {
    let now = ctx.now;
    let over: Vec<String> =
        ctx.tenant()?.bin.iter().filter(|(_, b)| is_over(b, now)).map(|(id, _)| id.clone()).collect();
    over.iter().try_for_each(|id| purge(ctx, id))
}

fn purge(ctx: &mut Ctx, id: &str) -> Result<(), Failure> {
    let tenant = ctx.tenant_mut()?;
    if let Some(b) = tenant.bin.remove(id) {
        tenant.history.remove(type_of(&b.object), id, true);
        let inner = format!("{id}/");
        tenant.shelves.retain(|shelf, _| !shelf.starts_with(&inner));
        ctx.state.retired.insert(id.to_owned());
    }
    Ok(())
}

/// A deleted object as Graph shows it.
fn shown(state: &State, tenant: &Tenant, b: &Binned) -> Value {
    let mut value = match &b.object {
        Gone::Application(a) => applications::render(tenant, a),
        Gone::ServicePrincipal(p) => service_principals::render(state, p, false),
        Gone::User(u) => users::real(tenant, u),
        Gone::Group(g) => groups::render(g),
        Gone::Item { shelf, item } => sets::render_as(sets::type_of_shelf(shelf), item),
    };
    value["deletedDateTime"] = json!(b.deleted);
    value
}

/// Those that are here now.
fn all(tenant: &Tenant, now: Timestamp) -> impl Iterator<Item = &Binned> {
    tenant.bin.values().filter(move |b| !is_over(b, now))
}

fn list(ctx: &mut Ctx) -> Reply {
    sweep(ctx)?;
    let Some(cast) = ctx.cast.clone() else {
        let text = "Searches against this resource are not supported. Only specific instances can be queried.";
        return Err(Failure::unsupported(text));
    };
    let collection = match cast.as_str() {
        "application" => "applications",
        "servicePrincipal" => "servicePrincipals",
        "user" => "users",
        "group" => "groups",
        "administrativeUnit" => "administrativeUnits",
        _ => return Err(Failure::unsupported(format!("Unsupported resource type 'microsoft.graph.{cast}'."))),
    };
    let tenant = ctx.tenant()?;
    let items = all(tenant, ctx.now).filter(|b| type_of(&b.object) == cast).map(|b| shown(ctx.state, tenant, b));
    query::list(ctx, &List::directory(&cast, collection), items.collect())
}

fn found(ctx: &Ctx, id: &str) -> Result<Binned, Failure> {
    let hit = ctx.tenant()?.bin.get(&id.to_ascii_lowercase()).filter(|b| !is_over(b, ctx.now));
    let of_cast = |b: &&Binned| ctx.cast.as_deref().is_none_or(|c| c == type_of(&b.object) || c == OF);
    hit.filter(of_cast).cloned().ok_or_else(|| Failure::not_found(id))
}

fn get(ctx: &mut Ctx) -> Reply {
    let gone = found(ctx, &ctx.id(0))?;
    need_permission(ctx, &gone, "Read")?;
    let item = typed(&gone.object, shown(ctx.state, ctx.tenant()?, &gone));
    query::single(ctx, OF, "directoryObjects", item, 200)
}

fn typed(object: &Gone, mut item: Value) -> Value {
    item["@odata.type"] = json!(format!("#microsoft.graph.{}", type_of(object)));
    item
}

/// Graph: get, delete and restore a deleted item; the permission depends on the type.
fn need_permission(ctx: &Ctx, gone: &Binned, what: &str) -> Result<(), Failure> {
    let stem = match type_of(&gone.object) {
        "application" | "servicePrincipal" => "Application",
        "user" => "User",
        "group" => "Group",
        _ => "AdministrativeUnit",
    };
    let writes = ["ReadWrite", "DeleteRestore"];
    let opens = |p: &String| {
        let Some((of, rest)) = p.split_once('.') else { return false };
        let verb = rest.split('.').next().unwrap_or_default();
        (of == stem || of == "Directory") && (verb == what || writes.contains(&verb)) && rest.ends_with(".All")
    };
    if ctx.caller.held().iter().any(opens) { Ok(()) } else { Err(Failure::denied()) }
}

fn need_role(ctx: &Ctx, gone: &Binned) -> Result<(), Failure> {
    ctx.need_role(match type_of(&gone.object) {
        "application" | "servicePrincipal" => {
            &[APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR]
        }
        "user" => &[USER_ADMINISTRATOR, GLOBAL_ADMINISTRATOR],
        "group" => &[GROUPS_ADMINISTRATOR, USER_ADMINISTRATOR, GLOBAL_ADMINISTRATOR],
        _ => &[PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR],
    })
}

fn delete(ctx: &mut Ctx) -> Reply {
    let gone = found(ctx, &ctx.id(0))?;
    need_permission(ctx, &gone, "ReadWrite")?;
    need_role(ctx, &gone)?;
    let id = gone.object.id().to_owned();
    purge(ctx, &id)?;
    Ok(Answer::empty(204))
}

fn restore(ctx: &mut Ctx) -> Reply {
    let mut gone = found(ctx, &ctx.id(0))?;
    need_permission(ctx, &gone, "ReadWrite")?;
    need_role(ctx, &gone)?;
    let body = if ctx.call.body.is_empty() { json!({}) } else { ctx.json()? };
    rename(&mut gone.object, &body)?;
    check_conflicts(ctx.tenant()?, &gone.object)?;
    let id = gone.object.id().to_owned();
    let principal = match &gone.object {
        Gone::Application(a) => principal_in_bin(ctx.tenant()?, &a.app_id),
        _ => None,
    };
    bring_back(ctx, gone)?;
    ctx.state.forget_homes();
    if let Some(principal) = principal {
        let gone = found(ctx, &principal)?;
        bring_back(ctx, gone)?;
    }
    let item = objects::object(ctx.state, ctx.tenant()?, &id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, OF, "directoryObjects", item, 200)
}

/// Graph: restore deleted item, the parameters for users.
fn rename(object: &mut Gone, body: &Value) -> Result<(), Failure> {
    let known = ["autoReconcileProxyConflict", "newUserPrincipalName"];
    if let Some(k) = body.as_object().into_iter().flatten().map(|(k, _)| k).find(|k| !known.contains(&k.as_str())) {
        return Err(Failure::bad_query(format!(
            "The parameter '{k}' in the request payload is not a valid parameter for the operation 'restore'."
        )));
    }
    if let (Gone::User(u), Some(name)) = (object, body.get("newUserPrincipalName").and_then(Value::as_str)) {
        name.clone_into(&mut u.user_principal_name);
    }
    Ok(())
}

/// What an object is known by may have been taken while it was away.
fn check_conflicts(tenant: &Tenant, object: &Gone) -> Result<(), Failure> {
    let taken =
        |name: &str| Failure::bad(format!("Another object with the same value for property {name} already exists."));
    match object {
        Gone::User(u) => {
            let mine = &u.user_principal_name;
            let hit = tenant.users.values().any(|o| o.user_principal_name.eq_ignore_ascii_case(mine));
            if hit { Err(taken("userPrincipalName")) } else { Ok(()) }
        }
        Gone::ServicePrincipal(p) if tenant.principal_of(&p.app_id).is_some() => {
            Err(service_principals::name_in_use(&p.app_id))
        }
        Gone::Application(a) => match applications::taken_identifier(tenant, &a.id, &a.props) {
            Some(_) => Err(taken("identifierUris")),
            None if applications::has_unique_name(tenant, a.text("uniqueName")) => Err(taken("uniqueName")),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn principal_in_bin(tenant: &Tenant, app_id: &str) -> Option<String> {
    let free = tenant.principal_of(app_id).is_none();
    let hit = tenant.bin.values().filter_map(|b| match &b.object {
        Gone::ServicePrincipal(p) if p.app_id == app_id => Some((b.deleted, &p.id)),
        _ => None,
    });
    hit.max().map(|(_, id)| id.clone()).filter(|_| free)
}

/// Puts an object back where it was, with its id and its links as far as their other ends still exist.
fn bring_back(ctx: &mut Ctx, gone: Binned) -> Result<(), Failure> {
    let id = gone.object.id().to_owned();
    let of = type_of(&gone.object);
    let tenant = ctx.tenant_mut()?;
    tenant.bin.remove(&id);
    match gone.object {
        Gone::Application(a) => drop(tenant.applications.insert(id.clone(), a)),
        Gone::ServicePrincipal(p) => drop(tenant.principals.insert(id.clone(), p)),
        Gone::User(u) => drop(tenant.users.insert(id.clone(), u)),
        Gone::Group(g) => drop(tenant.groups.insert(id.clone(), g)),
        Gone::Item { shelf, item } => drop(tenant.shelves.entry(shelf).or_default().insert(id.clone(), item)),
    }
    tenant.links.restore(&id, gone.links);
    let here = |tenant: &Tenant, id: &str| tenant.holds(id) && !tenant.bin.contains_key(id);
    for (source, name) in &gone.towards {
        if here(tenant, source) {
            tenant.links.add(source, name, &id);
        }
    }
    for group in &gone.groups {
        if let Some(g) = tenant.groups.get_mut(group) {
            g.members.insert(id.clone());
        }
    }
    let roles = gone.app_roles.into_iter().filter(|a| here(tenant, &a.principal_id) && here(tenant, &a.resource_id));
    let roles: Vec<_> = roles.map(|a| (a.id.clone(), a)).collect();
    let grants = gone.grants.into_iter().filter(|g| here(tenant, &g.client_id) && here(tenant, &g.resource_id));
    let grants: Vec<_> = grants.map(|g| (g.id.clone(), g)).collect();
    tenant.app_roles.extend(roles);
    tenant.grants.extend(grants);
    tenant.role_assignments.extend(gone.role_assignments.into_iter().map(|r| (r.id.clone(), r)));
    tenant.history.touch(of, &id);
    Ok(())
}

/// Graph: list deleted items owned by a user.
fn owned_by_user(ctx: &mut Ctx) -> Reply {
    let body = ctx.json()?;
    let text = |k: &str| body.get(k).and_then(Value::as_str).ok_or_else(|| Failure::required(k, "DeletedItems"));
    let (user, of) = (text("userId")?.to_ascii_lowercase(), text("type")?);
    let of = match of.to_ascii_lowercase().as_str() {
        "group" => "group",
        "application" => "application",
        _ => return Err(Failure::bad("Invalid value specified for property 'type' of resource 'DeletedItems'.")),
    };
    let tenant = ctx.tenant()?;
    let owned = |b: &&Binned| b.links.get("owners").is_some_and(|o| o.contains(&user));
    let items = all(tenant, ctx.now).filter(|b| type_of(&b.object) == of).filter(owned);
    let items = items.map(|b| typed(&b.object, shown(ctx.state, tenant, b))).collect();
    query::list(ctx, &List::directory(OF, "directoryObjects"), items)
}
