//! Graph: application.
use serde_json::{Value, json};

use super::access::APPS;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{Ctx, Reply, create_if_missing, credentials, deleted, nav, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::keys;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Application, Certificate, Principal, Props, State, Tenant};

pub static NAVS: &[Nav] =
    &[Nav::many("application", "owners", "directoryObject", Source::Links).writable(&["user", "servicePrincipal"])];

pub fn routes(to: &mut Routes) {
    const OF: &str = "application";
    to.read("/applications", "list-applications", OF, list);
    to.write("POST", "/applications", "create-application", OF, create).by(APPS);
    to.read("/applications/{key}", "get-application", OF, get);
    to.write("PATCH", "/applications/{key}", "update-application", OF, update).by(APPS).or_owner();
    to.write("DELETE", "/applications/{key}", "delete-application", OF, delete).by(APPS).or_owner();
    to.write("POST", "/applications/{key}/addPassword", "add-password", OF, credentials::add_password)
        .by(APPS)
        .or_owner();
    to.write("POST", "/applications/{key}/removePassword", "remove-password", OF, credentials::remove_password)
        .by(APPS)
        .or_owner();
    nav::routes(to, "/applications", OF);
}

/// Set by the service; a body that names them is refused.
const READ_ONLY: [&str; 8] = [
    "id",
    "appId",
    "createdDateTime",
    "deletedDateTime",
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
        if p.get(k).is_none_or(Value::is_null) {
            p.insert(k.clone(), v.clone());
        }
    }
    p.insert("id".into(), json!(app.id));
    p.insert("appId".into(), json!(app.app_id));
    p.insert("createdDateTime".into(), json!(app.created));
    p.insert("createdByAppId".into(), json!(app.created_by));
    p.insert("publisherDomain".into(), json!(tenant.default_domain()));
    p.insert("passwordCredentials".into(), app.secrets.iter().map(super::credentials::render_secret).collect());
    p.insert(
        "keyCredentials".into(),
        app.certificates.iter().map(|c| super::credentials::render_certificate(c, false)).collect(),
    );
    shape::complete("application", p)
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let items = tenant.applications.values().map(|a| render(tenant, a)).collect();
    query::list(ctx, &List::directory("application", "applications"), items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    let app = tenant.applications.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    let mut item = render(tenant, app);
    // `key` is null unless keyCredentials are selected on a single object.
    if ctx.call.param("$select").is_some_and(|s| s.split(',').any(|s| s.trim() == "keyCredentials")) {
        item["keyCredentials"] =
            app.certificates.iter().map(|c| super::credentials::render_certificate(c, true)).collect();
    }
    query::single(ctx, "application", "applications", item, 200)
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body("application")?;
    let id = make(ctx, body)?;
    answer_created(ctx, &id)
}

fn answer_created(ctx: &Ctx, id: &str) -> Reply {
    let tenant = ctx.tenant()?;
    let app = tenant.applications.get(id).ok_or_else(|| Failure::not_found(id))?;
    let location =
        format!("{}/{}/directoryObjects/{id}/Microsoft.DirectoryServices.Application", ctx.call.base(), ctx.version);
    Ok(query::single(ctx, "application", "applications", render(tenant, app), 201)?.with("Location", location))
}

fn make(ctx: &mut Ctx, mut body: Props) -> Result<String, Failure> {
    check_writable(&body)?;
    let Some(name) = body.get("displayName").and_then(Value::as_str).map(str::to_owned).filter(|n| !n.is_empty())
    else {
        return Err(Failure::required("displayName", "Application"));
    };
    check_values(&body)?;
    if let Some(unique) = body.get("uniqueName").and_then(Value::as_str)
        && by_unique_name(ctx.tenant()?, unique).is_some()
    {
        return Err(duplicate_unique_name());
    }
    let natural = body.get("uniqueName").and_then(Value::as_str).unwrap_or(&name).to_owned();
    let tenant_id = ctx.caller.tenant.clone();
    let id = ctx.state.fresh_id(&tenant_id, "application", &natural);
    let app_id = ctx.state.fresh_id(&tenant_id, "appId", &natural);
    let certificates = take_certificates(ctx.state, &tenant_id, &app_id, &[], &mut body)?.unwrap_or_default();
    let app = Application {
        id: id.clone(),
        app_id,
        props: body,
        created_by: ctx.caller.user.is_none().then(|| ctx.caller.app_id.clone()),
        created: ctx.now,
        secrets: Vec::new(),
        certificates,
    };
    let caller = ctx.caller.object.clone();
    let tenant = ctx.tenant_mut()?;
    tenant.applications.insert(id.clone(), app);
    tenant.links.add(&id, "owners", &caller);
    ctx.touch("application", &id)?;
    Ok(id)
}

fn duplicate_unique_name() -> Failure {
    Failure::bad("Another object with the same value for property uniqueName already exists.")
}

/// Graph: update application, upsert application.
pub fn update(ctx: &mut Ctx) -> Reply {
    let key = ctx.key(0);
    let mut body = ctx.body("application")?;
    let found = find(ctx.tenant()?, &key);
    let id = match (found, &key) {
        (Ok(id), _) => id,
        (Err(_), Key::Alternate(name, value)) if name == "uniqueName" && create_if_missing(ctx.call) => {
            body.insert("uniqueName".into(), json!(value));
            let id = make(ctx, body)?;
            return answer_created(ctx, &id);
        }
        (Err(e), _) => return Err(e),
    };
    let tenant = ctx.tenant()?;
    let app = tenant.applications.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    ctx.need_owner(&id)?;
    check_writable(&body)?;
    check_values(&body)?;
    if let Some(new) = body.get("uniqueName") {
        match app.text("uniqueName") {
            Some(old) if new.as_str() != Some(old) => {
                return Err(Failure::bad("Property 'uniqueName' is read-only and cannot be changed once set."));
            }
            None if new.as_str().is_some_and(|n| by_unique_name(tenant, n).is_some()) => {
                return Err(duplicate_unique_name());
            }
            _ => {}
        }
    }
    if body.get("displayName").is_some_and(|n| n.as_str().is_none_or(str::is_empty)) {
        return Err(Failure::bad("Invalid value specified for property 'displayName' of resource 'Application'."));
    }
    let (app_id, old) = (app.app_id.clone(), app.certificates.clone());
    let tenant_id = ctx.caller.tenant.clone();
    let certificates = take_certificates(ctx.state, &tenant_id, &app_id, &old, &mut body)?;
    let app = ctx.tenant_mut()?.applications.get_mut(&id).ok_or_else(|| Failure::not_found(&id))?;
    shape::patch(&mut app.props, body);
    if let Some(certificates) = certificates {
        app.certificates = certificates;
    }
    ctx.touch("application", &id)?;
    Ok(Answer::empty(204))
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
        deleted::bin(ctx, Gone::Application(app))?;
    }
    Ok(Answer::empty(204))
}

fn check_writable(body: &Props) -> Result<(), Failure> {
    if let Some(p) = READ_ONLY.iter().find(|p| body.contains_key(**p)) {
        return Err(Failure::bad(format!("Property '{p}' is read-only and cannot be set.")));
    }
    if body.contains_key("passwordCredentials") {
        return Err(Failure::bad("Property 'passwordCredentials' cannot be set here; use addPassword."));
    }
    Ok(())
}

/// Limits of Entra's registration: validation by supported account types.
fn check_values(body: &Props) -> Result<(), Failure> {
    let invalid =
        |p: &str| Failure::bad(format!("Invalid value specified for property '{p}' of resource 'Application'."));
    if body.get("displayName").and_then(Value::as_str).is_some_and(|n| n.chars().count() > 120) {
        return Err(invalid("displayName"));
    }
    if let Some(a) = body.get("signInAudience").and_then(Value::as_str)
        && !["AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"]
            .contains(&a)
    {
        return Err(invalid("signInAudience"));
    }
    if let Some(list) = body.get("requiredResourceAccess").and_then(Value::as_array) {
        if list.len() > 50 {
            return Err(invalid("requiredResourceAccess"));
        }
        for entry in list {
            if entry.get("resourceAppId").and_then(Value::as_str).is_none_or(|id| !ids::is_guid(id)) {
                return Err(invalid("requiredResourceAccess"));
            }
            let access = entry.get("resourceAccess").and_then(Value::as_array);
            if access.is_none_or(|a| {
                a.iter().any(|a| !matches!(a.get("type").and_then(Value::as_str), Some("Role" | "Scope")))
            }) {
                return Err(invalid("resourceAccess"));
            }
        }
    }
    Ok(())
}

/// The new set of certificates when the body has one: entries with a known `keyId` and no `key` are kept.
fn take_certificates(
    state: &State,
    tenant: &str,
    app_id: &str,
    old: &[Certificate],
    body: &mut Props,
) -> Result<Option<Vec<Certificate>>, Failure> {
    let Some(Value::Array(entries)) = body.remove("keyCredentials") else { return Ok(None) };
    let mut out = Vec::new();
    for e in entries {
        let text = |p: &str| e.get(p).and_then(Value::as_str);
        let known = text("keyId").and_then(|k| old.iter().find(|c| c.key_id.eq_ignore_ascii_case(k)));
        let Some(key) = text("key") else {
            out.push(
                known
                    .cloned()
                    .ok_or_else(|| Failure::bad("New key credential must have a value for property 'key'."))?,
            );
            continue;
        };
        let der = keys::from_standard_b64(key).filter(|d| crate::sandbox::sts::certificate::public_key(d).is_some());
        let der = der.ok_or_else(|| Failure::bad("Key credential's value is not a valid certificate."))?;
        let der = keys::standard_b64(&der);
        let now = state.clock.now();
        let time = |p: &str| text(p).and_then(|t| t.parse().ok());
        out.push(Certificate {
            key_id: text("keyId")
                .map_or_else(|| state.fresh_id(tenant, "certificate", &format!("{app_id} {der}")), str::to_owned),
            display_name: text("displayName").map(str::to_owned),
            start: time("startDateTime").unwrap_or(now),
            end: time("endDateTime")
                .unwrap_or_else(|| crate::sandbox::clock::plus(now, crate::sandbox::clock::days(365))),
            der,
            usage: text("usage").unwrap_or("Verify").to_owned(),
        });
    }
    Ok(Some(out))
}

/// The principal of an app in a tenant, made when it is not there.
pub fn ensure_principal(state: &mut State, tenant_id: &str, app_id: &str) -> Option<String> {
    if let Some(p) = state.tenants.get(tenant_id)?.principal_of(app_id) {
        return Some(p.id.clone());
    }
    let id = state.fresh_id(tenant_id, "principal", app_id);
    let principal = Principal { id: id.clone(), app_id: app_id.to_owned(), props: Props::new(), created_by: None };
    state.tenants.get_mut(tenant_id)?.principals.insert(id.clone(), principal);
    Some(id)
}
