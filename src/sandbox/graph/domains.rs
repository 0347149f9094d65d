//! Graph: domain. Verified domains are the tenant's own list, the default one first; what else was written of
//! them, and those that wait to be verified, is kept on a shelf.
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::domain_records as records;
use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, shape};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Props, Tenant};

pub fn routes(to: &mut Routes) {
    to.read("/domains", "list-domains", OF, list);
    to.read("/domains/{id}", "get-domain", OF, get);
    to.write("POST", "/domains", "create-domain", OF, create).by(WRITERS);
    to.write("PATCH", "/domains/{id}", "update-domain", OF, update).by(WRITERS);
    to.write("DELETE", "/domains/{id}", "delete-domain", OF, delete).by(WRITERS);
    to.write("POST", "/domains/{id}/verify", "verify-domain", OF, verify).by(WRITERS);
    to.write("POST", "/domains/{id}/promote", "promote-domain", OF, promote).by(WRITERS);
    to.write("POST", "/domains/{id}/forceDelete", "force-delete-domain", OF, force_delete).by(WRITERS);
    to.read("/domains/{id}/rootDomain", "get-root-domain", OF, root);
    records::routes(to);
}

pub const OF: &str = "domain";
const SHELF: &str = "domains";
const WRITERS: &[&str] = &[facts::DOMAIN_NAME_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];

/// Graph: update domain.
const WRITABLE: [&str; 4] =
    ["isDefault", "supportedServices", "passwordNotificationWindowInDays", "passwordValidityPeriodInDays"];

/// Graph: domain, `supportedServices`.
const SERVICES: [&str; 8] = [
    "Email",
    "SharePoint",
    "EmailInternalRelayOnly",
    "OfficeCommunicationsOnline",
    "SharePointDefaultDomain",
    "FullRedelegation",
    "SharePointPublic",
    "OrgIdAuthentication",
];

pub fn is_initial(name: &str) -> bool {
    name.ends_with(".onmicrosoft.com") && name.split('.').count() == 3
}

/// The domain that the tenant was born with.
pub fn initial(t: &Tenant) -> &str {
    t.domains.iter().find(|d| is_initial(d)).or(t.domains.last()).map_or("", String::as_str)
}

fn kept<'a>(t: &'a Tenant, name: &str) -> Option<&'a Item> {
    t.shelves.get(SHELF)?.get(name)
}

pub fn is_verified(t: &Tenant, name: &str) -> bool {
    t.domains.iter().any(|d| d.eq_ignore_ascii_case(name))
}

/// The verified domain that a name is below.
fn parent<'a>(t: &'a Tenant, name: &str) -> Option<&'a str> {
    let below = |d: &&String| name.strip_suffix(d.as_str()).is_some_and(|rest| rest.ends_with('.'));
    t.domains.iter().filter(below).map(String::as_str).min_by_key(|d| d.len())
}

fn is_root(t: &Tenant, name: &str) -> bool {
    let promoted = kept(t, name).is_some_and(|i| i.props.get("isRoot") == Some(&Value::Bool(true)));
    promoted || is_initial(name) || parent(t, name).is_none()
}

/// As `organization` lists them.
pub fn verified(t: &Tenant) -> Vec<Value> {
    let shown = t.domains.iter().enumerate().map(|(i, name)| {
        json!({ "capabilities": services(t, name).join(", "), "isDefault": i == 0, "isInitial": is_initial(name), "name": name, "type": "Managed" })
    });
    shown.collect()
}

pub fn services(t: &Tenant, name: &str) -> Vec<String> {
    let written = kept(t, name).and_then(|i| i.props.get("supportedServices")).and_then(Value::as_array);
    match written {
        Some(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None if t.exchange => vec!["Email".to_owned(), "OfficeCommunicationsOnline".to_owned()],
        None => Vec::new(),
    }
}

fn render(t: &Tenant, name: &str) -> Value {
    let number = |prop: &str, default: u32| {
        kept(t, name).and_then(|i| i.props.get(prop)).cloned().unwrap_or_else(|| json!(default))
    };
    let verified = is_verified(t, name);
    let services = if verified { services(t, name) } else { Vec::new() };
    shape::filled(
        OF,
        json!({
            "id": name, "authenticationType": "Managed", "availabilityStatus": null, "isAdminManaged": true,
            "isDefault": t.domains.first().is_some_and(|d| d == name), "isInitial": is_initial(name),
            "isRoot": is_root(t, name), "isVerified": verified, "supportedServices": services,
            "passwordNotificationWindowInDays": number("passwordNotificationWindowInDays", 14),
            "passwordValidityPeriodInDays": number("passwordValidityPeriodInDays", 2_147_483_647),
        }),
    )
}

fn names(t: &Tenant) -> Vec<&str> {
    let waiting = t.shelves.get(SHELF).into_iter().flat_map(|s| s.keys()).filter(|n| !is_verified(t, n));
    t.domains.iter().chain(waiting).map(String::as_str).collect()
}

/// The domain that the path names, verified or not.
pub fn named(ctx: &Ctx) -> Result<String, Failure> {
    let name = ctx.id(0).to_ascii_lowercase();
    let t = ctx.tenant()?;
    let hit = names(t).into_iter().find(|n| n.eq_ignore_ascii_case(&name)).map(str::to_owned);
    hit.ok_or_else(|| Failure::not_found(&name))
}

fn list(ctx: &mut Ctx) -> Reply {
    let t = ctx.tenant()?;
    let items = names(t).into_iter().map(|n| render(t, n)).collect();
    query::list(ctx, &List::directory(OF, "domains"), items)
}

fn answer(ctx: &Ctx, name: &str, status: u16) -> Reply {
    query::single(ctx, OF, "domains", render(ctx.tenant()?, name), status)
}

fn get(ctx: &mut Ctx) -> Reply {
    let name = named(ctx)?;
    answer(ctx, &name, 200)
}

fn root(ctx: &mut Ctx) -> Reply {
    let name = named(ctx)?;
    let t = ctx.tenant()?;
    let root = if is_root(t, &name) { name } else { parent(t, &name).map_or(name.clone(), str::to_owned) };
    answer(ctx, &root, 200)
}

fn is_valid(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

fn invalid(property: &str) -> Failure {
    Failure::bad(format!("Invalid value specified for property '{property}' of resource 'Domain'."))
}

/// The written part of a domain, made when there is none.
fn written<'a>(ctx: &'a mut Ctx, name: &str) -> Result<&'a mut Item, Failure> {
    let now = ctx.now;
    let shelf = ctx.tenant_mut()?.shelves.entry(SHELF.to_owned()).or_default();
    let item = shelf.entry(name.to_owned()).or_insert_with(|| Item {
        id: name.to_owned(),
        props: Props::new(),
        created: now,
        modified: now,
    });
    item.modified = now;
    Ok(item)
}

fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(OF)?;
    let name = body.get("id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if name.is_empty() {
        return Err(Failure::required("id", "Domain"));
    }
    if let Some(other) = body.keys().find(|k| !k.contains('@') && k.as_str() != "id" && !body[k.as_str()].is_null()) {
        return Err(Failure::bad(format!("Property '{other}' is read-only and cannot be set.")));
    }
    if !is_valid(&name) || name.ends_with(".onmicrosoft.com") {
        return Err(invalid("id"));
    }
    let t = ctx.tenant()?;
    if names(t).iter().any(|n| n.eq_ignore_ascii_case(&name)) {
        return Err(Failure::bad(
            "A conflicting object with one or more of the specified property values is present in the directory.",
        ));
    }
    // Who has proved the domain has proved what is below it.
    let proved = parent(t, &name).is_some();
    written(ctx, &name)?.props.insert("supportedServices".to_owned(), json!([]));
    if proved {
        join(ctx, &name)?;
    }
    answer(ctx, &name, 201)
}

/// The name belongs to the tenant from now on. The initial domain stays the last.
fn join(ctx: &mut Ctx, name: &str) -> Result<(), Failure> {
    let domains = &mut ctx.tenant_mut()?.domains;
    let at = domains.len().saturating_sub(1);
    domains.insert(at, name.to_owned());
    ctx.state.domains = OnceLock::new();
    Ok(())
}

/// There is no DNS in the sandbox: who asks has the record in place, unless the domain is somebody else's.
fn verify(ctx: &mut Ctx) -> Reply {
    let name = named(ctx)?;
    if is_verified(ctx.tenant()?, &name) {
        return answer(ctx, &name, 200);
    }
    if ctx.state.tenant_of_domain(&name).is_some() {
        return Err(Failure::bad(format!(
            "The domain '{name}' is already verified by another organization and cannot be verified again."
        )));
    }
    join(ctx, &name)?;
    if ctx.tenant()?.exchange {
        written(ctx, &name)?.props.insert("supportedServices".to_owned(), json!(["Email"]));
    }
    answer(ctx, &name, 200)
}

/// A subdomain becomes a root of its own.
fn promote(ctx: &mut Ctx) -> Reply {
    let name = named(ctx)?;
    let t = ctx.tenant()?;
    if !is_verified(t, &name) || is_root(t, &name) {
        return Err(Failure::bad(format!("The domain '{name}' is not a verified subdomain and cannot be promoted.")));
    }
    written(ctx, &name)?.props.insert("isRoot".to_owned(), json!(true));
    let context = format!("{}/{}/$metadata#Edm.Boolean", ctx.call.base(), ctx.version);
    Ok(Answer::json(200, json!({ "@odata.context": context, "value": true })))
}

fn update(ctx: &mut Ctx) -> Reply {
    let name = named(ctx)?;
    let mut body = ctx.body(OF)?;
    body.remove("id");
    if let Some(other) = body.keys().find(|k| !k.contains('@') && !WRITABLE.contains(&k.as_str())) {
        return Err(Failure::bad(format!("Property '{other}' is read-only and cannot be set.")));
    }
    let known = |s: &Value| s.as_str().is_some_and(|s| SERVICES.contains(&s));
    if !body.get("supportedServices").and_then(Value::as_array).is_none_or(|all| all.iter().all(known)) {
        return Err(invalid("supportedServices"));
    }
    let is_default = body.remove("isDefault").and_then(|d| d.as_bool());
    let verified = is_verified(ctx.tenant()?, &name);
    if !verified {
        return Err(Failure::bad(format!("The domain '{name}' is not verified and cannot be changed.")));
    }
    match is_default {
        Some(true) => make_default(ctx, &name)?,
        Some(false) if ctx.tenant()?.default_domain() == name => return Err(invalid("isDefault")),
        _ => {}
    }
    if !body.is_empty() {
        written(ctx, &name)?.props.extend(body);
    }
    Ok(Answer::empty(204))
}

/// Only a root can be the default. Contracts keep the old one.
fn make_default(ctx: &mut Ctx, name: &str) -> Result<(), Failure> {
    if !is_root(ctx.tenant()?, name) {
        return Err(invalid("isDefault"));
    }
    let t = ctx.tenant_mut()?;
    t.remember_names();
    let Some(at) = t.domains.iter().position(|d| d == name) else { return Ok(()) };
    let domain = t.domains.remove(at);
    t.domains.insert(0, domain);
    Ok(())
}

fn refuse_fixed(t: &Tenant, name: &str) -> Result<(), Failure> {
    if t.default_domain() == name {
        return Err(Failure::bad(format!("The domain '{name}' is the default domain and cannot be deleted.")));
    }
    if is_initial(name) {
        return Err(Failure::bad(format!("The domain '{name}' is the initial domain and cannot be deleted.")));
    }
    let below = t.domains.iter().find(|d| d.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')));
    match below {
        Some(below) => Err(Failure::bad(format!("The domain '{name}' cannot be deleted: '{below}' is below it."))),
        None => Ok(()),
    }
}

fn leave(ctx: &mut Ctx, name: &str) -> Reply {
    let t = ctx.tenant_mut()?;
    t.domains.retain(|d| d != name);
    if let Some(shelf) = t.shelves.get_mut(SHELF) {
        shelf.remove(name);
    }
    t.shelves.retain(|_, s| !s.is_empty());
    ctx.state.domains = OnceLock::new();
    Ok(Answer::empty(204))
}

/// Refused while anything has the domain in its name.
fn delete(ctx: &mut Ctx) -> Reply {
    let name = named(ctx)?;
    let t = ctx.tenant()?;
    refuse_fixed(t, &name)?;
    if !records::references(t, &name).is_empty() {
        return Err(Failure::bad(format!(
            "The domain '{name}' is referenced by other objects and cannot be deleted. Use forceDelete."
        )));
    }
    leave(ctx, &name)
}

/// Graph: domain, forceDelete. Who is called by the domain is called by the initial one from then on.
fn force_delete(ctx: &mut Ctx) -> Reply {
    let name = named(ctx)?;
    let t = ctx.tenant()?;
    refuse_fixed(t, &name)?;
    let wish = if ctx.call.body.is_empty() { Value::Null } else { ctx.json()? };
    let disable = wish.get("disableUserAccounts").and_then(Value::as_bool).unwrap_or(false);
    let own = records::references(t, &name);
    if own.len() > 1_000 {
        return Err(Failure::bad(format!("The domain '{name}' has more than 1000 references.")));
    }
    let initial = initial(t).to_owned();
    let t = ctx.tenant_mut()?;
    for id in &own {
        rename(t, id, &name, &initial, disable);
    }
    for id in &own {
        ctx.touch("user", id)?;
    }
    leave(ctx, &name)
}

fn rename(t: &mut Tenant, id: &str, name: &str, initial: &str, disable: bool) {
    let moved = |text: &str| text.strip_suffix(name).map(|rest| format!("{rest}{initial}"));
    if let Some(user) = t.users.get_mut(id) {
        if let Some(upn) = moved(&user.user_principal_name) {
            user.user_principal_name = upn;
        }
        if disable {
            user.props.insert("accountEnabled".to_owned(), json!(false));
        }
    }
    if let Some(app) = t.applications.get_mut(id)
        && let Some(Value::Array(uris)) = app.props.get_mut("identifierUris")
    {
        uris.retain(|u| u.as_str().is_none_or(|u| !records::is_of(u, name)));
    }
    if let Some(group) = t.groups.get_mut(id)
        && let Some(mail) = group.text("mail").and_then(moved)
    {
        group.props.insert("mail".to_owned(), json!(mail));
    }
}
