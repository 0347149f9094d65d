//! Graph: appRoleAssignment, that is application permissions, and roles of users and groups in an application.
use serde_json::{Value, json};

use super::access::CONSENT;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query;
use super::routes::Routes;
use super::service_principals as sp;
use super::{Ctx, Reply, objects, shape, users};
use crate::sandbox::facts::{
    self, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::{AppRoleAssignment, State, Tenant};

const OF: &str = "appRoleAssignment";

/// Those of principals stand among the links of principals.
pub static NAVS: &[Nav] = &[
    Nav::many("user", "appRoleAssignments", OF, Source::Made(of_principal)),
    Nav::many("group", "appRoleAssignments", OF, Source::Made(of_principal)),
];

pub fn routes(to: &mut Routes) {
    // The right role depends on the resource, so a grant decides it itself.
    let paths = [
        ("/servicePrincipals/{key}/appRoleAssignments", "app-role"),
        ("/servicePrincipals/{key}/appRoleAssignedTo", "app-role"),
        ("/users/{key}/appRoleAssignments", "user-app-role"),
        ("/groups/{key}/appRoleAssignments", "group-app-role"),
    ];
    for (path, what) in paths {
        to.write("POST", path, format!("grant-{what}"), OF, create);
        to.read(format!("{path}/{{id}}"), format!("get-{what}-assignment"), OF, get);
        to.write("DELETE", format!("{path}/{{id}}"), format!("revoke-{what}"), OF, delete).by(CONSENT);
    }
}

/// What kind of object a principal is, and its name.
fn principal(state: &State, tenant: &Tenant, id: &str) -> Option<(&'static str, String)> {
    if let Some(p) = tenant.principals.get(id) {
        return Some(("ServicePrincipal", sp::name(state, p)));
    }
    if let Some(g) = tenant.groups.get(id) {
        return Some(("Group", g.display_name().to_owned()));
    }
    let user = users::by_id(state, tenant, id)?;
    Some(("User", user["displayName"].as_str().unwrap_or_default().to_owned()))
}

fn render(state: &State, tenant: &Tenant, a: &AppRoleAssignment) -> Value {
    let (kind, name) = principal(state, tenant, &a.principal_id).unzip();
    let resource = tenant.principals.get(&a.resource_id).map(|p| sp::name(state, p));
    let props = json!({
        "id": a.id, "appRoleId": a.app_role_id, "createdDateTime": a.created, "principalId": a.principal_id,
        "principalDisplayName": name, "principalType": kind.unwrap_or("ServicePrincipal"),
        "resourceId": a.resource_id, "resourceDisplayName": resource,
    });
    shape::filled(OF, props)
}

fn those(state: &State, tenant: &Tenant, which: impl Fn(&AppRoleAssignment) -> bool) -> Vec<Value> {
    tenant.app_roles.values().filter(|a| which(a)).map(|a| render(state, tenant, a)).collect()
}

pub fn of_principal(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    those(state, tenant, |a| a.principal_id == id)
}

pub fn of_resource(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    those(state, tenant, |a| a.resource_id == id)
}

/// The object that the path is about.
fn of_path(ctx: &Ctx) -> Result<String, Failure> {
    let of = ctx.route.pattern.split('/').nth(1).and_then(objects::type_of_collection).unwrap_or("servicePrincipal");
    ctx.found(of, 0)
}

/// The body decides; the path may name the client or the resource.
pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(OF)?;
    let path_id = of_path(ctx)?;
    let field = |k: &str| {
        body.get(k)
            .and_then(Value::as_str)
            .filter(|v| ids::is_guid(v))
            .map(str::to_ascii_lowercase)
            .ok_or_else(|| Failure::required(k, "AppRoleAssignment"))
    };
    let (client, resource, role) = (field("principalId")?, field("resourceId")?, field("appRoleId")?);
    let tenant = ctx.tenant()?;
    let (kind, _) = principal(ctx.state, tenant, &client).ok_or_else(|| Failure::not_found(&client))?;
    let resource_sp = tenant.principals.get(&resource).ok_or_else(|| Failure::not_found(&resource))?;
    if path_id != client && path_id != resource {
        return Err(Failure::bad("Not a valid reference update."));
    }
    let value = assignable(ctx.state, &resource_sp.app_id, &role, kind)?;
    // Cloud Application Administrator may grant any app role except Microsoft Graph's.
    if resource_sp.app_id == facts::GRAPH {
        ctx.need_role(&[PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR])?;
    } else {
        ctx.need_role(&[
            APPLICATION_ADMINISTRATOR,
            CLOUD_APPLICATION_ADMINISTRATOR,
            PRIVILEGED_ROLE_ADMINISTRATOR,
            GLOBAL_ADMINISTRATOR,
        ])?;
    }
    check_room(ctx, &client, &resource, &role)?;
    let tenant_id = ctx.caller.tenant.clone();
    let id = ctx.state.opaque_id(&tenant_id, "appRole", &format!("{client} {resource} {value}"));
    let assignment = AppRoleAssignment {
        id: id.clone(),
        principal_id: client.clone(),
        resource_id: resource,
        app_role_id: role,
        created: ctx.now,
    };
    let item = render(ctx.state, ctx.tenant()?, &assignment);
    ctx.tenant_mut()?.app_roles.insert(id, assignment);
    let collection = match kind {
        "User" => "users",
        "Group" => "groups",
        _ => "servicePrincipals",
    };
    query::single(ctx, OF, &format!("{collection}('{client}')/appRoleAssignments"), item, 201)
}

/// Each is there once, and a principal has 1,500 at most.
fn check_room(ctx: &Ctx, client: &str, resource: &str, role: &str) -> Result<(), Failure> {
    let tenant = ctx.tenant()?;
    let own = || tenant.app_roles.values().filter(|a| a.principal_id == client);
    if own().any(|a| a.resource_id == resource && a.app_role_id == role) {
        // The wording has changed over time; which one a tenant shows is a matter of seed.
        let old = ctx.state.seed.is_multiple_of(2);
        return Err(Failure::bad(if old {
            "Permission being assigned already exists on the object"
        } else {
            "EntitlementGrant entry already exists."
        }));
    }
    if own().count() >= 1_500 {
        let text =
            "The size of the object has exceeded its limit. Please reduce the number of values and retry your request.";
        return Err(Failure::new(403, "Directory_ResourceSizeExceeded", text));
    }
    Ok(())
}

/// Stands for access to an application that declares no role for this kind of principal.
const DEFAULT_ROLE: &str = "00000000-0000-0000-0000-000000000000";

/// The value of a role that can be given to this kind of principal.
fn assignable(state: &State, app_id: &str, role: &str, kind: &str) -> Result<String, Failure> {
    let missing = || Failure::bad(format!("Permission being assigned was not found on application '{app_id}'."));
    let member = if kind == "ServicePrincipal" { "Application" } else { "User" };
    let resource = facts::resource(app_id);
    let declared = state.application(app_id).and_then(|(_, a)| a.props.get("appRoles")?.as_array());
    let declared = declared.map_or(&[][..], Vec::as_slice);
    let is_for = |r: &&Value| r["allowedMemberTypes"].as_array().is_some_and(|m| m.iter().any(|m| m == member));
    if role == DEFAULT_ROLE {
        let none = !declared.iter().any(|r| is_for(&r)) && (resource.is_none() || member == "User");
        return if none { Ok(String::new()) } else { Err(missing()) };
    }
    if let Some(r) = resource {
        let value = r.role_value(role).filter(|_| member == "Application");
        return value.map(str::to_owned).ok_or_else(missing);
    }
    let named = |r: &&Value| r["id"].as_str().is_some_and(|i| i.eq_ignore_ascii_case(role));
    let hit = declared.iter().find(named).filter(|r| r["isEnabled"] != false).filter(is_for).ok_or_else(missing)?;
    // A role may have no value: then its id tells it apart.
    Ok(hit["value"].as_str().unwrap_or(role).to_owned())
}

/// The value of an app role of Microsoft's or of a registered application.
pub fn known_role(state: &State, app_id: &str, role: &str) -> Option<String> {
    if let Some(r) = facts::resource(app_id) {
        return r.role_value(role).map(str::to_owned);
    }
    let (_, app) = state.application(app_id)?;
    let roles = app.props.get("appRoles")?.as_array()?;
    let hit =
        roles.iter().find(|r| r.get("id").and_then(Value::as_str).is_some_and(|i| i.eq_ignore_ascii_case(role)))?;
    hit.get("value").and_then(Value::as_str).map(str::to_owned)
}

/// The assignment that the path names, of the object that it names.
fn found(ctx: &Ctx) -> Result<AppRoleAssignment, Failure> {
    let owner = of_path(ctx)?;
    let id = ctx.id(1);
    let hit = ctx.tenant()?.app_roles.get(&id).filter(|a| a.principal_id == owner || a.resource_id == owner);
    hit.cloned().ok_or_else(|| Failure::not_found(&id))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let item = render(ctx.state, ctx.tenant()?, &found(ctx)?);
    query::single(ctx, OF, "appRoleAssignments", item, 200)
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let hit = found(ctx)?;
    let graph = ctx.tenant()?.principals.get(&hit.resource_id).is_some_and(|r| r.app_id == facts::GRAPH);
    if graph {
        ctx.need_role(&[PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR])?;
    }
    ctx.tenant_mut()?.app_roles.remove(&hit.id);
    ctx.state.retired.insert(hit.id);
    Ok(Answer::empty(204))
}
