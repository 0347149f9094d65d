//! Graph: application.
use serde_json::{Value, json};

use super::access::APPS;
use super::app_rules::{self, Subject};
use super::credentials::{Holder, add_secret, new_secret, render_secret};
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{
    Ctx, Reply, app_limits, create_if_missing, credentials, deleted, federated, keys, logo, narrow, nav, publisher,
    refs, shape,
};
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Application, Principal, Props, Secret, State, Tenant};

const OF: &str = "application";

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "owners", "directoryObject", Source::Links).writable(OWNERS),
    Nav::many(OF, "tokenLifetimePolicies", "tokenLifetimePolicy", Source::Links).writable(&["tokenLifetimePolicy"]),
    Nav::many(OF, "tokenIssuancePolicies", "tokenIssuancePolicy", Source::Links).writable(&["tokenIssuancePolicy"]),
    Nav::many(OF, "appManagementPolicies", "appManagementPolicy", Source::Links).writable(&["appManagementPolicy"]),
    Nav::many(OF, "homeRealmDiscoveryPolicies", "homeRealmDiscoveryPolicy", Source::Links)
        .writable(&["homeRealmDiscoveryPolicy"]),
];

const OWNERS: &[&str] = &["user", "servicePrincipal"];

pub fn routes(to: &mut Routes) {
    to.read("/applications", "list-applications", OF, list);
    to.write("POST", "/applications", "create-application", OF, create).by(APPS);
    to.read("/applications/{key}", "get-application", OF, get);
    to.write("PATCH", "/applications/{key}", "update-application", OF, update).by(APPS).or_owner();
    to.write("DELETE", "/applications/{key}", "delete-application", OF, delete).by(APPS).or_owner();
    let actions: [(&str, &str, super::routes::Handler); 6] = [
        ("addPassword", "add-password", credentials::add_password),
        ("removePassword", "remove-password", credentials::remove_password),
        ("addKey", "add-key", keys::add),
        ("removeKey", "remove-key", keys::remove),
        ("setVerifiedPublisher", "set-verified-publisher", publisher::set),
        ("unsetVerifiedPublisher", "unset-verified-publisher", publisher::unset),
    ];
    for (action, name, handler) in actions {
        to.write("POST", format!("/applications/{{key}}/{action}"), name, OF, handler).by(APPS).or_owner();
    }
    logo::routes(to);
    federated::routes(to);
    nav::routes(to, "/applications", OF);
}

/// Set by the service; a body that names them is refused.
const READ_ONLY: [&str; 10] = [
    "id",
    "appId",
    "applicationTemplateId",
    "createdDateTime",
    "deletedDateTime",
    "disabledByMicrosoftStatus",
    "publisherDomain",
    "createdByAppId",
    "certification",
    "verifiedPublisher",
];

pub fn find(tenant: &Tenant, key: &Key) -> Result<String, Failure> {
    let hit = match key {
        Key::Plain(id) => tenant.applications.get(&id.to_ascii_lowercase()),
        Key::Alternate(name, v) if name == "appId" => {
            tenant.applications.values().find(|a| a.app_id.eq_ignore_ascii_case(v))
        }
        Key::Alternate(name, v) if name == "uniqueName" => by_unique_name(tenant, v),
        Key::Alternate(name, v) if name == "id" => tenant.applications.get(&v.to_ascii_lowercase()),
        Key::Alternate(name, _) => {
            return Err(Failure::bad_query(format!(
                "The key property '{name}' is not a key of type 'microsoft.graph.application'."
            )));
        }
    };
    hit.map(|a| a.id.clone()).ok_or_else(|| Failure::not_found(&key.text()))
}

fn by_unique_name<'a>(tenant: &'a Tenant, name: &str) -> Option<&'a Application> {
    tenant.applications.values().find(|a| a.text("uniqueName") == Some(name))
}

pub fn has_unique_name(tenant: &Tenant, name: Option<&str>) -> bool {
    name.is_some_and(|name| by_unique_name(tenant, name).is_some())
}

/// An identifier URI that another application of the tenant has.
pub fn taken_identifier(tenant: &Tenant, own: &str, props: &Props) -> Option<String> {
    let uris = |props: &Props| props.get("identifierUris").and_then(Value::as_array).cloned().unwrap_or_default();
    let wanted = uris(props);
    let others = tenant.applications.values().filter(|a| a.id != own && !wanted.is_empty());
    let held: Vec<Value> = others.flat_map(|a| uris(&a.props)).collect();
    wanted.iter().find(|u| held.contains(u)).and_then(Value::as_str).map(str::to_owned)
}

/// The application as Graph shows it.
pub fn render(tenant: &Tenant, app: &Application) -> Value {
    let mut p = app.props.clone();
    let defaults = json!({
        "web": { "implicitGrantSettings": { "enableAccessTokenIssuance": false, "enableIdTokenIssuance": false } },
        "spa": {}, "publicClient": {}, "info": {}, "api": {},
        "parentalControlSettings": { "countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow" },
        "verifiedPublisher": {}, "signInAudience": "AzureADMultipleOrgs", "isFallbackPublicClient": null,
    });
    for (k, v) in defaults.as_object().into_iter().flatten() {
        match (p.get_mut(k), v) {
            // Parts of it may have been set.
            (Some(Value::Object(set)), Value::Object(whole)) => {
                for (part, v) in whole {
                    if set.get(part).is_none_or(Value::is_null) {
                        set.insert(part.clone(), v.clone());
                    }
                }
            }
            (None | Some(Value::Null), v) => drop(p.insert(k.clone(), v.clone())),
            _ => {}
        }
    }
    if let Some(Value::Array(roles)) = p.get_mut("appRoles") {
        roles.iter_mut().filter(|r| r["origin"].is_null()).for_each(|r| r["origin"] = json!("Application"));
    }
    p.insert("id".into(), json!(app.id));
    p.insert("appId".into(), json!(app.app_id));
    p.insert("createdDateTime".into(), json!(app.created));
    p.insert("createdByAppId".into(), json!(app.created_by));
    p.insert("publisherDomain".into(), json!(tenant.default_domain()));
    p.insert("passwordCredentials".into(), app.secrets.iter().map(render_secret).collect());
    p.insert("keyCredentials".into(), app.certificates.iter().map(|c| keys::render(c, false)).collect());
    shape::complete("application", p)
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let mut apps: Vec<&Application> = tenant.applications.values().collect();
    if let Some(app_id) = narrow::sought(ctx.call, "appId") {
        apps.retain(|a| a.app_id.eq_ignore_ascii_case(&app_id));
    }
    if let Some(name) = narrow::sought(ctx.call, "displayName").map(|n| n.to_lowercase()) {
        apps.retain(|a| a.display_name().to_lowercase() == name);
    }
    query::lazy(ctx, &List::directory(OF, "applications"), apps, |a| render(tenant, a))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    let app = tenant.applications.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    let mut item = render(tenant, app);
    keys::show_selected(ctx, &mut item, &app.certificates);
    query::single(ctx, "application", "applications", item, 200)
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(OF)?;
    let (id, secrets) = make(ctx, body)?;
    answer_created(ctx, &id, secrets)
}

/// The texts of new secrets are in this answer only.
fn answer_created(ctx: &Ctx, id: &str, secrets: Vec<String>) -> Reply {
    let tenant = ctx.tenant()?;
    let app = tenant.applications.get(id).ok_or_else(|| Failure::not_found(id))?;
    let location =
        format!("{}/{}/directoryObjects/{id}/Microsoft.DirectoryServices.Application", ctx.call.base(), ctx.version);
    let mut item = render(tenant, app);
    for (n, text) in secrets.into_iter().enumerate() {
        item["passwordCredentials"][n]["secretText"] = json!(text);
    }
    Ok(query::single(ctx, OF, "applications", item, 201)?.with("Location", location))
}

pub fn make(ctx: &mut Ctx, mut body: Props) -> Result<(String, Vec<String>), Failure> {
    deleted::sweep(ctx)?;
    app_limits::check_quota(ctx)?;
    let passwords = take_passwords(&mut body)?;
    let owners = refs::take_bound(ctx, &mut body, "owners", OWNERS)?;
    shape::without_echo(OF, &mut body, &Value::Null)?;
    check_writable(&body)?;
    let Some(name) = body.get("displayName").and_then(Value::as_str).map(str::to_owned).filter(|n| !n.is_empty())
    else {
        return Err(Failure::required("displayName", "Application"));
    };
    let unique = body.get("uniqueName").and_then(Value::as_str);
    if has_unique_name(ctx.tenant()?, unique) {
        return Err(duplicate_unique_name());
    }
    let natural = unique.unwrap_or(&name).to_owned();
    let tenant_id = ctx.caller.tenant.clone();
    let id = ctx.state.fresh_id(&tenant_id, OF, &natural);
    let app_id = ctx.state.fresh_id(&tenant_id, "appId", &natural);
    let certificates = keys::take(ctx.state, &tenant_id, &app_id, &[], &mut body)?.unwrap_or_default();
    // A change may say so afterwards.
    if ctx.owned_only && body.get("api").is_some_and(|a| a["acceptMappedClaims"] == true) {
        return Err(Failure::denied());
    }
    app_rules::fill(&mut body);
    let holder = Holder { of: OF, id: id.clone(), app_id: app_id.clone() };
    let only_own_uris = app_limits::only_own_uris(ctx, &holder)?;
    app_rules::check(
        &Subject { tenant: ctx.tenant()?, id: &id, app_id: &app_id, only_own_uris },
        &Props::new(),
        &body,
    )?;
    app_limits::check_certificates(ctx, &holder, &certificates)?;
    let app = Application {
        id: id.clone(),
        app_id,
        props: body,
        created_by: Some(ctx.caller.app_id.clone()),
        created: ctx.now,
        secrets: Vec::new(),
        certificates,
    };
    check_secret_count(app.audience(), passwords.len())?;
    let secrets = new_secrets(ctx, &holder, &passwords)?;
    // Who makes it owns it, unless it names others.
    let owners = if owners.is_empty() { vec![ctx.caller.object.clone()] } else { owners };
    let tenant = ctx.tenant_mut()?;
    tenant.applications.insert(id.clone(), app);
    ctx.state.forget_homes();
    let tenant = ctx.tenant_mut()?;
    for owner in &owners {
        tenant.links.add(&id, "owners", owner);
    }
    ctx.touch(OF, &id)?;
    let (secrets, texts): (Vec<_>, Vec<_>) = secrets.into_iter().unzip();
    secrets.into_iter().try_for_each(|s| add_secret(ctx, &holder, s))?;
    Ok((id, texts))
}

/// Graph: create application takes secrets to be made; only their names and times are the caller's.
fn take_passwords(body: &mut Props) -> Result<Vec<Props>, Failure> {
    let Some(Value::Array(list)) = body.remove("passwordCredentials") else { return Ok(Vec::new()) };
    let one = |wanted: Value| match wanted {
        Value::Object(map) if !["secretText", "hint", "keyId"].iter().any(|k| map.contains_key(*k)) => Ok(map),
        _ => Err(Failure::bad("Invalid value specified for property 'passwordCredentials' of resource 'Application'.")),
    };
    list.into_iter().map(one).collect()
}

fn new_secrets(ctx: &Ctx, holder: &Holder, wanted: &[Props]) -> Result<Vec<(Secret, String)>, Failure> {
    let mut made = Vec::new();
    for (n, w) in wanted.iter().enumerate() {
        let natural = if n == 0 { holder.app_id.clone() } else { format!("{} {n}", holder.app_id) };
        let (secret, text) = new_secret(ctx.state, &ctx.caller.tenant, &natural, w, ctx.now)?;
        app_limits::check_password(ctx, holder, Some((secret.start, secret.end)))?;
        made.push((secret, text));
    }
    Ok(made)
}

/// Entra: an application for personal accounts has two secrets at most.
pub fn check_secret_count(audience: &str, count: usize) -> Result<(), Failure> {
    let consumers = ["AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"].contains(&audience);
    if consumers && count > 2 {
        return Err(Failure::bad("The number of password credentials of this application exceeds its limit of 2."));
    }
    Ok(())
}

fn duplicate_unique_name() -> Failure {
    Failure::bad("Another object with the same value for property uniqueName already exists.")
}

/// Graph: update application, upsert application.
pub fn update(ctx: &mut Ctx) -> Reply {
    let key = ctx.key(0);
    let mut body = ctx.body(OF)?;
    let found = find(ctx.tenant()?, &key);
    let id = match (found, &key) {
        (Ok(id), _) => id,
        (Err(_), Key::Alternate(name, value)) if name == "uniqueName" && create_if_missing(ctx.call) => {
            body.insert("uniqueName".into(), json!(value));
            no_passwords(&body)?;
            let (id, secrets) = make(ctx, body)?;
            return answer_created(ctx, &id, secrets);
        }
        (Err(e), _) => return Err(e),
    };
    ctx.need_owner(&id)?;
    let tenant = ctx.tenant()?;
    let shown = tenant.applications.get(&id).map(|app| render(tenant, app)).unwrap_or_default();
    shape::without_echo(OF, &mut body, &shown)?;
    no_passwords(&body)?;
    check_writable(&body)?;
    change(ctx, &id, body)?;
    Ok(Answer::empty(204))
}

fn no_passwords(body: &Props) -> Result<(), Failure> {
    if body.contains_key("passwordCredentials") {
        return Err(Failure::bad("Property 'passwordCredentials' cannot be set here; use addPassword."));
    }
    Ok(())
}

/// Applies a change that the caller may make.
fn change(ctx: &mut Ctx, id: &str, mut body: Props) -> Result<(), Failure> {
    let tenant = ctx.tenant()?;
    let app = tenant.applications.get(id).ok_or_else(|| Failure::not_found(id))?;
    check_unique_name(tenant, app, &body)?;
    let certificates = keys::take(ctx.state, &tenant.id, &app.app_id, &app.certificates, &mut body)?;
    let holder = Holder { of: OF, id: app.id.clone(), app_id: app.app_id.clone() };
    let is_new = |c: &&crate::sandbox::state::Certificate| app.certificates.iter().all(|o| o.key_id != c.key_id);
    let new: Vec<_> = certificates.iter().flatten().filter(is_new).cloned().collect();
    app_limits::check_certificates(ctx, &holder, &new)?;
    let mut after = app.props.clone();
    shape::patch(&mut after, body);
    let only_own_uris = app_limits::only_own_uris(ctx, &holder)?;
    app_rules::check(&Subject { tenant, id, app_id: &app.app_id, only_own_uris }, &app.props, &after)?;
    let app = ctx.tenant_mut()?.applications.get_mut(id).ok_or_else(|| Failure::not_found(id))?;
    app.props = after;
    if let Some(certificates) = certificates {
        app.certificates = certificates;
    }
    ctx.touch(OF, id)
}

/// Set once, and by nobody else.
fn check_unique_name(tenant: &Tenant, app: &Application, body: &Props) -> Result<(), Failure> {
    let Some(new) = body.get("uniqueName") else { return Ok(()) };
    match app.text("uniqueName") {
        Some(old) if new.as_str() != Some(old) => {
            Err(Failure::bad("Property 'uniqueName' is read-only and cannot be changed once set."))
        }
        None if has_unique_name(tenant, new.as_str()) => Err(duplicate_unique_name()),
        _ => Ok(()),
    }
}

/// Soft: the object goes to the deleted items, its principal at home goes too.
pub fn delete(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    let app = tenant.applications.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    ctx.need_owner(&id)?;
    let principal = tenant.principal_of(&app.app_id).map(|p| p.id.clone());
    let tenant_id = tenant.id.clone();
    if let Some(p) = principal {
        super::service_principals::remove(ctx.state, &tenant_id, &p);
    }
    if let Some(app) = ctx.tenant_mut()?.applications.remove(&id) {
        ctx.state.forget_homes();
        deleted::bin(ctx, Gone::Application(app))?;
    }
    Ok(Answer::empty(204))
}

fn check_writable(body: &Props) -> Result<(), Failure> {
    match READ_ONLY.iter().find(|p| body.contains_key(**p)) {
        Some(p) => Err(Failure::bad(format!("Property '{p}' is read-only and cannot be set."))),
        None => Ok(()),
    }
}

/// The principal of an app in a tenant, made when it is not there.
pub fn ensure_principal(state: &mut State, tenant_id: &str, app_id: &str) -> Option<String> {
    if let Some(p) = state.tenants.get(tenant_id)?.principal_of(app_id) {
        return Some(p.id.clone());
    }
    let id = state.fresh_id(tenant_id, "principal", app_id);
    let principal = Principal::new(id.clone(), app_id.to_owned());
    let tenant = state.tenants.get_mut(tenant_id)?;
    tenant.principals.insert(id.clone(), principal);
    tenant.history.touch("servicePrincipal", &id);
    Some(id)
}
