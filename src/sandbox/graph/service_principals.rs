//! Graph: servicePrincipal.
use serde_json::{Value, json};

use super::access::APPS;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{
    Ctx, Reply, app_role_assignments as ara, applications, create_if_missing, deleted, grants, membership, nav, shape,
};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Principal, State, Tenant};

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "owners", "directoryObject", Source::Links).writable(&["user", "servicePrincipal"]),
    Nav::many(OF, "memberOf", "directoryObject", Source::Made(membership::member_of)),
    Nav::many(OF, "transitiveMemberOf", "directoryObject", Source::Made(membership::transitive_member_of)),
    Nav::many(OF, "ownedObjects", "directoryObject", Source::Made(membership::owned)),
    Nav::many(OF, "appRoleAssignments", "appRoleAssignment", Source::Made(ara::of_principal)),
    Nav::many(OF, "appRoleAssignedTo", "appRoleAssignment", Source::Made(ara::of_resource)),
    Nav::many(OF, "oauth2PermissionGrants", "oAuth2PermissionGrant", Source::Made(grants::of_principal)),
];

const OF: &str = "servicePrincipal";

pub fn routes(to: &mut Routes) {
    to.read("/servicePrincipals", "list-service-principals", OF, list);
    to.write("POST", "/servicePrincipals", "create-service-principal", OF, create).by(APPS);
    to.read("/servicePrincipals/{key}", "get-service-principal", OF, get);
    to.write("PATCH", "/servicePrincipals/{key}", "update-service-principal", OF, update).by(APPS).or_owner();
    to.write("DELETE", "/servicePrincipals/{key}", "delete-service-principal", OF, delete).by(APPS).or_owner();
    nav::routes(to, "/servicePrincipals", OF);
}

const WRITABLE: [&str; 15] = [
    "accountEnabled",
    "appRoleAssignmentRequired",
    "alternativeNames",
    "description",
    "homepage",
    "keyCredentials",
    "loginUrl",
    "notes",
    "notificationEmailAddresses",
    "preferredSingleSignOnMode",
    "samlSingleSignOnSettings",
    "servicePrincipalNames",
    "tags",
    "displayName",
    "customSecurityAttributes",
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
        None => state.application(&p.app_id).map(|(_, a)| a.display_name().to_owned()).unwrap_or_default(),
    }
}

pub fn render(state: &State, p: &Principal, with_permissions: bool) -> Value {
    let mut out = p.props.clone();
    let name = name(state, p);
    let mut set = |k: &str, v: Value| {
        out.entry(k).or_insert(v);
    };
    set("id", json!(p.id));
    set("appId", json!(p.app_id));
    set("displayName", json!(name));
    set("appDisplayName", json!(name));
    set("accountEnabled", json!(true));
    set("servicePrincipalType", json!("Application"));
    set("signInAudience", json!("AzureADMultipleOrgs"));
    set("createdByAppId", json!(p.created_by));
    match facts::resource(&p.app_id) {
        Some(r) => {
            set("appOwnerOrganizationId", json!(facts::MICROSOFT_TENANT));
            set("servicePrincipalNames", json!(r.names));
            if with_permissions {
                let role = |(value, id): (&String, &String)| json!({ "allowedMemberTypes": ["Application"], "description": value, "displayName": value, "id": id, "isEnabled": true, "origin": "Application", "value": value });
                set("appRoles", r.application.iter().map(role).collect());
                let scope = |(value, id): (&String, &String)| json!({ "adminConsentDescription": value, "adminConsentDisplayName": value, "id": id, "isEnabled": true, "type": "Admin", "userConsentDescription": null, "userConsentDisplayName": null, "value": value });
                set("oauth2PermissionScopes", r.delegated.iter().map(scope).collect());
            }
        }
        None => {
            let home = state.application(&p.app_id);
            set("appOwnerOrganizationId", json!(home.map(|(t, _)| &t.id)));
            set("servicePrincipalNames", json!([p.app_id]));
            if let Some((_, app)) = home {
                set("signInAudience", json!(app.audience()));
                set("appRoles", app.props.get("appRoles").cloned().unwrap_or(json!([])));
                set("tags", app.props.get("tags").cloned().unwrap_or(json!([])));
                let uris = ["web", "spa", "publicClient"]
                    .iter()
                    .filter_map(|k| app.props.get(*k)?.get("redirectUris")?.as_array())
                    .flatten()
                    .cloned();
                set("replyUrls", uris.collect());
            }
        }
    }
    shape::complete("servicePrincipal", out)
}

/// The permission tables of Graph are large: they are made only for those who read them.
fn wants_permissions(ctx: &Ctx) -> bool {
    ctx.call
        .param("$select")
        .is_none_or(|s| s.contains("appRoles") || s.contains("oauth2PermissionScopes") || s.contains('*'))
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let with = wants_permissions(ctx);
    let items = tenant.principals.values().map(|p| render(ctx.state, p, with)).collect();
    query::list(ctx, &List::directory("servicePrincipal", "servicePrincipals"), items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    let p = tenant.principals.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    let item = render(ctx.state, p, wants_permissions(ctx));
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

fn make(ctx: &mut Ctx, mut body: serde_json::Map<String, Value>) -> Result<String, Failure> {
    let Some(Value::String(app_id)) = body.remove("appId") else {
        return Err(Failure::required("appId", "ServicePrincipal"));
    };
    check_writable(&body)?;
    let app_id = app_id.to_ascii_lowercase();
    let tenant = ctx.tenant()?;
    if tenant.principal_of(&app_id).is_some() {
        return Err(name_in_use(&app_id));
    }
    let no_application = || {
        Failure::bad(format!(
            "The appId '{app_id}' of the service principal does not reference a valid application object."
        ))
    };
    if facts::resource(&app_id).is_some() {
        if app_id == facts::EXCHANGE && !tenant.exchange {
            return Err(no_application());
        }
        if ctx.owned_only {
            return Err(Failure::denied());
        }
    } else {
        let (home, app) = ctx.state.application(&app_id).ok_or_else(no_application)?;
        if home.id != tenant.id {
            if app.audience() == "AzureADMyOrg" {
                return Err(no_application());
            }
            if ctx.owned_only {
                return Err(Failure::new(
                    403,
                    "Authorization_RequestDenied",
                    "When using this permission, the backing application of the service principal being created must in the local tenant",
                ));
            }
        }
        let (own, app) = (home.id == tenant.id, app.id.clone());
        if own {
            ctx.need_owner(&app)?;
        }
    }
    let tenant_id = ctx.caller.tenant.clone();
    let creator = ctx.caller.user.is_none().then(|| ctx.caller.app_id.clone());
    let id = applications::ensure_principal(ctx.state, &tenant_id, &app_id).ok_or_else(no_application)?;
    if let Some(p) = ctx.tenant_mut()?.principals.get_mut(&id) {
        p.props = body;
        p.created_by = creator;
    }
    let caller = ctx.caller.object.clone();
    ctx.tenant_mut()?.links.add(&id, "owners", &caller);
    ctx.touch(OF, &id)?;
    Ok(id)
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
    check_writable(&body)?;
    ctx.need_owner(&id)?;
    if let Some(p) = ctx.tenant_mut()?.principals.get_mut(&id) {
        shape::patch(&mut p.props, body);
    }
    ctx.touch(OF, &id)?;
    Ok(Answer::empty(204))
}

fn check_writable(body: &serde_json::Map<String, Value>) -> Result<(), Failure> {
    match body.keys().find(|k| !k.contains('@') && !WRITABLE.contains(&k.as_str())) {
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
