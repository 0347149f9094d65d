//! Graph: servicePrincipal.
use serde_json::{Value, json};

use super::access::APPS;
use super::credentials::{Holder, locked, render_secret};
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::{Handler, Key, Routes};
use super::sets::{self, Set};
use super::{
    Ctx, Reply, app_limits, app_role_assignments as ara, applications, classifications, create_if_missing, credentials,
    deleted, grants, keys, membership, narrow, nav, objects, refs, shape,
};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Principal, Props, State, Tenant};

const OF: &str = "servicePrincipal";
const OWNERS: &[&str] = &["user", "servicePrincipal"];

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "owners", "directoryObject", Source::Links).writable(OWNERS),
    Nav::many(OF, "memberOf", "directoryObject", Source::Made(membership::member_of)),
    Nav::many(OF, "transitiveMemberOf", "directoryObject", Source::Made(membership::transitive_member_of)),
    Nav::many(OF, "ownedObjects", "directoryObject", Source::Made(membership::owned)),
    Nav::many(OF, "createdObjects", "directoryObject", Source::Made(created_objects)),
    Nav::many(OF, "appRoleAssignments", "appRoleAssignment", Source::Made(ara::of_principal)),
    Nav::many(OF, "appRoleAssignedTo", "appRoleAssignment", Source::Made(ara::of_resource)),
    Nav::many(OF, "oauth2PermissionGrants", "oAuth2PermissionGrant", Source::Made(grants::of_principal)),
    Nav::many(OF, "claimsMappingPolicies", "claimsMappingPolicy", Source::Links).writable(&["claimsMappingPolicy"]),
    Nav::many(OF, "homeRealmDiscoveryPolicies", "homeRealmDiscoveryPolicy", Source::Links)
        .writable(&["homeRealmDiscoveryPolicy"]),
    Nav::many(OF, "tokenLifetimePolicies", "tokenLifetimePolicy", Source::Links).writable(&["tokenLifetimePolicy"]),
    Nav::many(OF, "tokenIssuancePolicies", "tokenIssuancePolicy", Source::Links).writable(&["tokenIssuancePolicy"]),
    Nav::many(OF, "appManagementPolicies", "appManagementPolicy", Source::Links).writable(&["appManagementPolicy"]),
];

static CLASSIFICATIONS: Set = Set {
    owner: Some(OF),
    required: &["classification"],
    check: classifications::check,
    fill: classifications::fill,
    ..Set::new(
        "delegatedPermissionClassification",
        "/servicePrincipals/{key}/delegatedPermissionClassifications",
        "permission-classification",
        "permission-classifications",
    )
};

pub fn routes(to: &mut Routes) {
    to.read("/servicePrincipals", "list-service-principals", OF, list);
    to.write("POST", "/servicePrincipals", "create-service-principal", OF, create).by(APPS);
    to.read("/servicePrincipals/{key}", "get-service-principal", OF, get);
    to.write("PATCH", "/servicePrincipals/{key}", "update-service-principal", OF, update).by(APPS).or_owner();
    to.write("DELETE", "/servicePrincipals/{key}", "delete-service-principal", OF, delete).by(APPS).or_owner();
    let actions: [(&str, &str, Handler); 5] = [
        ("addPassword", "add-principal-password", credentials::add_password),
        ("removePassword", "remove-principal-password", credentials::remove_password),
        ("addKey", "add-principal-key", keys::add),
        ("removeKey", "remove-principal-key", keys::remove),
        ("addTokenSigningCertificate", "add-token-signing-certificate", keys::add_token_signing),
    ];
    for (action, name, handler) in actions {
        to.write("POST", format!("/servicePrincipals/{{key}}/{action}"), name, OF, handler).by(APPS).or_owner();
    }
    let (path, of) = (CLASSIFICATIONS.path, CLASSIFICATIONS.of);
    let item = format!("{path}/{{key}}");
    to.read(path, "list-permission-classifications", of, sets::list).of_set(&CLASSIFICATIONS);
    to.read(item.clone(), "get-permission-classification", of, sets::get).of_set(&CLASSIFICATIONS);
    let create = to.write("POST", path, "create-permission-classification", of, sets::create);
    create.of_set(&CLASSIFICATIONS).by(APPS);
    let delete = to.write("DELETE", item, "delete-permission-classification", of, sets::delete);
    delete.of_set(&CLASSIFICATIONS).by(APPS);
    nav::routes(to, "/servicePrincipals", OF);
}

/// What was made by the principal's application.
fn created_objects(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let Some(app_id) = tenant.principals.get(id).map(|p| p.app_id.as_str()) else { return Vec::new() };
    let apps = tenant.applications.values().filter(|a| a.created_by.as_deref() == Some(app_id)).map(|a| &a.id);
    let principals = tenant.principals.values().filter(|p| p.created_by.as_deref() == Some(app_id)).map(|p| &p.id);
    apps.chain(principals).filter_map(|o| objects::object(state, tenant, o)).collect()
}

const WRITABLE: [&str; 24] = [
    "accountEnabled",
    "addIns",
    "alternativeNames",
    "appRoleAssignmentRequired",
    "appRoles",
    "customSecurityAttributes",
    "description",
    "displayName",
    "homepage",
    "info",
    "keyCredentials",
    "loginUrl",
    "logoutUrl",
    "notes",
    "notificationEmailAddresses",
    "oauth2PermissionScopes",
    "passwordCredentials",
    "preferredSingleSignOnMode",
    "preferredTokenSigningKeyThumbprint",
    "replyUrls",
    "samlSingleSignOnSettings",
    "servicePrincipalNames",
    "tags",
    "tokenEncryptionKeyId",
];

pub fn find(tenant: &Tenant, key: &Key) -> Result<String, Failure> {
    let hit = match key {
        Key::Plain(id) => tenant.principals.get(&id.to_ascii_lowercase()),
        Key::Alternate(name, v) if name == "appId" => tenant.principal_of(v),
        Key::Alternate(name, v) if name == "id" => tenant.principals.get(&v.to_ascii_lowercase()),
        Key::Alternate(name, _) => {
            return Err(Failure::bad_query(format!(
                "The key property '{name}' is not a key of type 'microsoft.graph.servicePrincipal'."
            )));
        }
    };
    hit.map(|p| p.id.clone()).ok_or_else(|| Failure::not_found(&key.text()))
}

/// Its display name: Microsoft's own, or that of the registration it belongs to.
pub fn name(state: &State, p: &Principal) -> String {
    if let Some(own) = p.props.get("displayName").and_then(Value::as_str) {
        return own.to_owned();
    }
    match facts::resource(&p.app_id) {
        Some(r) => r.display_name.clone(),
        None => state.registration(&p.app_id).map(|(_, a)| a.display_name().to_owned()).unwrap_or_default(),
    }
}

pub fn render(state: &State, p: &Principal, with_permissions: bool) -> Value {
    let mut out = p.props.clone();
    let shared = match facts::resource(&p.app_id) {
        Some(r) => of_microsoft(r, with_permissions),
        None => of_registration(state, &p.app_id),
    };
    let usual = json!({
        "id": p.id, "appId": p.app_id, "displayName": name(state, p), "appDisplayName": name(state, p),
        "accountEnabled": true, "servicePrincipalType": "Application", "signInAudience": "AzureADMultipleOrgs",
        "createdByAppId": p.created_by, "info": {}, "verifiedPublisher": {},
        "passwordCredentials": p.secrets.iter().map(render_secret).collect::<Vec<_>>(),
        "keyCredentials": p.certificates.iter().map(|c| keys::render(c, false)).collect::<Vec<_>>(),
    });
    // What is set on the principal itself comes first, then what its application says.
    for (k, v) in
        [shared, usual].into_iter().filter_map(|v| if let Value::Object(m) = v { Some(m) } else { None }).flatten()
    {
        if out.get(&k).is_none_or(Value::is_null) {
            out.insert(k, v);
        }
    }
    shape::complete(OF, out)
}

/// What the principals of a resource of Microsoft's show.
fn of_microsoft(r: &facts::Resource, with_permissions: bool) -> Value {
    let mut out = json!({ "appOwnerOrganizationId": facts::MICROSOFT_TENANT, "servicePrincipalNames": r.names });
    if with_permissions {
        let role = |(value, id): (&String, &String)| json!({ "allowedMemberTypes": ["Application"], "description": value, "displayName": value, "id": id, "isEnabled": true, "origin": "Application", "value": value });
        out["appRoles"] = r.application.iter().map(role).collect();
        let scope = |(value, id): (&String, &String)| json!({ "adminConsentDescription": value, "adminConsentDisplayName": value, "id": id, "isEnabled": true, "type": "Admin", "userConsentDescription": null, "userConsentDisplayName": null, "value": value });
        out["oauth2PermissionScopes"] = r.delegated.iter().map(scope).collect();
    }
    out
}

/// What a principal shows of the application that it stands for.
fn of_registration(state: &State, app_id: &str) -> Value {
    let Some((home, app)) = state.registration(app_id) else { return json!({ "servicePrincipalNames": [app_id] }) };
    let at = |path: &[&str]| {
        let first = path.first().and_then(|p| app.props.get(*p));
        path.iter().skip(1).fold(first, |v, p| v.and_then(|v| v.get(*p))).filter(|v| !v.is_null()).cloned()
    };
    let list = |path: &[&str]| at(path).and_then(|v| v.as_array().cloned()).unwrap_or_default();
    let uris = ["web", "spa", "publicClient"].iter().flat_map(|k| list(&[k, "redirectUris"]));
    let names = list(&["identifierUris"]).into_iter().chain([json!(app.app_id)]);
    let mut roles = list(&["appRoles"]);
    roles.iter_mut().filter(|r| r["origin"].is_null()).for_each(|r| r["origin"] = json!("Application"));
    json!({
        "appOwnerOrganizationId": home.id, "appDisplayName": app.display_name(), "appDescription": at(&["description"]),
        "applicationTemplateId": at(&["applicationTemplateId"]), "appRoles": roles, "homepage": at(&["web", "homePageUrl"]),
        "info": at(&["info"]).unwrap_or(json!({})), "logoutUrl": at(&["web", "logoutUrl"]),
        "oauth2PermissionScopes": list(&["api", "oauth2PermissionScopes"]), "replyUrls": uris.collect::<Vec<_>>(),
        "servicePrincipalNames": names.collect::<Vec<_>>(), "signInAudience": app.audience(), "tags": list(&["tags"]),
        "tokenEncryptionKeyId": at(&["tokenEncryptionKeyId"]), "verifiedPublisher": at(&["verifiedPublisher"]).unwrap_or(json!({})),
    })
}

/// Whether the application's owner has locked credentials of a usage on all its principals.
pub fn is_locked(state: &State, app_id: &str, usage: &str) -> bool {
    let lock = state.application(app_id).and_then(|(_, app)| app.props.get("servicePrincipalLockConfiguration"));
    let is = |k: &str| lock.is_some_and(|l| l[k] == true);
    is("isEnabled") && (is("allProperties") || is(&format!("credentialsWithUsage{usage}")))
}

/// The permission tables of Graph are large: they are made only for those who read them.
fn wants_permissions(ctx: &Ctx) -> bool {
    ctx.call
        .param("$select")
        .is_none_or(|s| s.contains("appRoles") || s.contains("oauth2PermissionScopes") || s.contains('*'))
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let with = wants_permissions(ctx);
    let mut all: Vec<&Principal> = ctx.tenant()?.principals.values().collect();
    if let Some(app_id) = narrow::sought(ctx.call, "appId") {
        all.retain(|p| p.app_id.eq_ignore_ascii_case(&app_id));
    }
    if let Some(wanted) = narrow::sought(ctx.call, "displayName").map(|n| n.to_lowercase()) {
        all.retain(|p| name(ctx.state, p).to_lowercase() == wanted);
    }
    query::lazy(ctx, &List::directory(OF, "servicePrincipals"), all, |p| render(ctx.state, p, with))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    let p = tenant.principals.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    let mut item = render(ctx.state, p, wants_permissions(ctx));
    keys::show_selected(ctx, &mut item, &p.certificates);
    query::single(ctx, "servicePrincipal", "servicePrincipals", item, 200)
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body("servicePrincipal")?;
    let id = make(ctx, body)?;
    created(ctx, &id)
}

fn created(ctx: &Ctx, id: &str) -> Reply {
    let p = ctx.tenant()?.principals.get(id).ok_or_else(|| Failure::not_found(id))?;
    let location = format!(
        "{}/{}/directoryObjects/{id}/Microsoft.DirectoryServices.ServicePrincipal",
        ctx.call.base(),
        ctx.version
    );
    Ok(query::single(ctx, "servicePrincipal", "servicePrincipals", render(ctx.state, p, true), 201)?
        .with("Location", location))
}

pub fn make(ctx: &mut Ctx, mut body: Props) -> Result<String, Failure> {
    deleted::sweep(ctx)?;
    app_limits::check_quota(ctx)?;
    let Some(Value::String(app_id)) = body.remove("appId") else {
        return Err(Failure::required("appId", "ServicePrincipal"));
    };
    check_writable(&body)?;
    let app_id = app_id.to_ascii_lowercase();
    let owners = refs::take_bound(ctx, &mut body, "owners", OWNERS)?;
    shape::without_echo(OF, &mut body, &Value::Null)?;
    check_application(ctx, &app_id)?;
    let tenant_id = ctx.caller.tenant.clone();
    let certificates = keys::take(ctx.state, &tenant_id, &app_id, &[], &mut body)?.unwrap_or_default();
    if body.remove("passwordCredentials").is_some_and(|p| p.as_array().is_none_or(|a| !a.is_empty())) {
        return Err(Failure::bad("Property 'passwordCredentials' cannot be set here; use addPassword."));
    }
    let id = applications::ensure_principal(ctx.state, &tenant_id, &app_id).ok_or_else(|| no_application(&app_id))?;
    let creator = ctx.caller.app_id.clone();
    let owners = if owners.is_empty() { vec![ctx.caller.object.clone()] } else { owners };
    let tenant = ctx.tenant_mut()?;
    if let Some(p) = tenant.principals.get_mut(&id) {
        p.props = body;
        p.created_by = Some(creator);
        p.certificates = certificates;
    }
    for owner in &owners {
        tenant.links.add(&id, "owners", owner);
    }
    ctx.touch(OF, &id)?;
    Ok(id)
}

fn no_application(app_id: &str) -> Failure {
    Failure::bad(format!(
        "The appId '{app_id}' of the service principal does not reference a valid application object."
    ))
}

/// Whether the tenant may have a principal of this application, and the caller may make it.
fn check_application(ctx: &Ctx, app_id: &str) -> Result<(), Failure> {
    let tenant = ctx.tenant()?;
    if tenant.principal_of(app_id).is_some() {
        return Err(name_in_use(app_id));
    }
    if facts::resource(app_id).is_some() {
        if app_id == facts::EXCHANGE && !tenant.exchange {
            return Err(no_application(app_id));
        }
        if ctx.owned_only {
            return Err(Failure::denied());
        }
    } else {
        let (home, app) = ctx.state.application(app_id).ok_or_else(|| no_application(app_id))?;
        if home.id != tenant.id {
            if app.audience() == "AzureADMyOrg" {
                return Err(no_application(app_id));
            }
            if ctx.owned_only {
                return Err(Failure::new(
                    403,
                    "Authorization_RequestDenied",
                    "When using this permission, the backing application of the service principal being created must in the local tenant",
                ));
            }
        }
        if home.id == tenant.id {
            ctx.need_owner(&app.id)?;
        }
    }
    Ok(())
}

pub fn name_in_use(name: &str) -> Failure {
    let text = format!(
        "The service principal cannot be created, updated, or restored because the service principal name {name} is already in use."
    );
    Failure::new(409, "Request_MultipleObjectsWithSameKeyValue", text)
}

pub fn update(ctx: &mut Ctx) -> Reply {
    let key = ctx.key(0);
    let mut body = ctx.body("servicePrincipal")?;
    let id = match (find(ctx.tenant()?, &key), &key) {
        (Ok(id), _) => id,
        (Err(_), Key::Alternate(name, value)) if name == "appId" && create_if_missing(ctx.call) => {
            body.insert("appId".into(), json!(value));
            let id = make(ctx, body)?;
            return created(ctx, &id);
        }
        (Err(e), _) => return Err(e),
    };
    ctx.need_owner(&id)?;
    let shown = ctx.tenant()?.principals.get(&id).map(|p| render(ctx.state, p, true)).unwrap_or_default();
    shape::without_echo(OF, &mut body, &shown)?;
    check_writable(&body)?;
    change(ctx, &id, body)?;
    Ok(Answer::empty(204))
}

/// Applies a change that the caller may make. Credentials can be kept or removed here; new secrets have their own way.
fn change(ctx: &mut Ctx, id: &str, mut body: Props) -> Result<(), Failure> {
    let p = ctx.tenant()?.principals.get(id).ok_or_else(|| Failure::not_found(id))?;
    for (property, usage) in
        [("keyCredentials", "Verify"), ("passwordCredentials", "Verify"), ("tokenEncryptionKeyId", "")]
    {
        if body.contains_key(property) && is_locked(ctx.state, &p.app_id, usage) {
            return Err(locked(property));
        }
    }
    let kept = kept_secrets(p, &mut body)?;
    let certificates = keys::take(ctx.state, &ctx.caller.tenant, &p.app_id, &p.certificates, &mut body)?;
    let holder = Holder { of: OF, id: p.id.clone(), app_id: p.app_id.clone() };
    let is_new = |c: &&crate::sandbox::state::Certificate| p.certificates.iter().all(|o| o.key_id != c.key_id);
    let new: Vec<_> = certificates.iter().flatten().filter(is_new).cloned().collect();
    app_limits::check_certificates(ctx, &holder, &new)?;
    let p = ctx.tenant_mut()?.principals.get_mut(id).ok_or_else(|| Failure::not_found(id))?;
    shape::patch(&mut p.props, body);
    if let Some(kept) = kept {
        p.secrets.retain(|s| kept.contains(&s.key_id));
    }
    if let Some(certificates) = certificates {
        p.certificates = certificates;
    }
    ctx.touch(OF, id)
}

/// Key ids of the secrets that a body keeps.
fn kept_secrets(p: &Principal, body: &mut Props) -> Result<Option<Vec<String>>, Failure> {
    let Some(list) = body.remove("passwordCredentials") else { return Ok(None) };
    let known = |e: &Value| {
        let id =
            e["keyId"].as_str().map(str::to_ascii_lowercase).filter(|id| p.secrets.iter().any(|s| s.key_id == *id));
        id.ok_or_else(|| Failure::bad("Property 'passwordCredentials' cannot be set here; use addPassword."))
    };
    list.as_array().into_iter().flatten().map(known).collect::<Result<_, _>>().map(Some)
}

fn check_writable(body: &Props) -> Result<(), Failure> {
    match body.keys().find(|k| !k.contains('@') && !k.starts_with("extension_") && !WRITABLE.contains(&k.as_str())) {
        Some(k) => Err(Failure::bad(format!("Property '{k}' is read-only and cannot be set."))),
        None => Ok(()),
    }
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    ctx.need_owner(&id)?;
    let tenant_id = tenant.id.clone();
    remove(ctx.state, &tenant_id, &id);
    Ok(Answer::empty(204))
}

/// Puts a principal among the deleted items; consent to it and its roles are gone.
pub fn remove(state: &mut State, tenant_id: &str, id: &str) {
    let now = state.clock.now();
    let Some(tenant) = state.tenants.get_mut(tenant_id) else { return };
    if let Some(p) = tenant.principals.remove(id) {
        let dropped = deleted::put(tenant, Gone::ServicePrincipal(p), now);
        state.retired.extend(dropped);
    }
}
