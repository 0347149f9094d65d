//! Graph: appRoleAssignment, that is application permissions.
use serde_json::{Value, json};

use super::access::CONSENT;
use super::errors::Failure;
use super::query;
use super::routes::Routes;
use super::service_principals as sp;
use super::{Ctx, Reply, shape};
use crate::sandbox::facts::{
    self, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::{AppRoleAssignment, State, Tenant};

pub fn routes(to: &mut Routes) {
    const OF: &str = "appRoleAssignment";
    // The right role depends on the resource, so a grant decides it itself.
    for nav in ["appRoleAssignments", "appRoleAssignedTo"] {
        let path = format!("/servicePrincipals/{{key}}/{nav}");
        to.write("POST", path.clone(), "grant-app-role", OF, create);
        to.write("DELETE", format!("{path}/{{id}}"), "revoke-app-role", OF, delete).by(CONSENT);
    }
}

fn render(state: &State, tenant: &Tenant, a: &AppRoleAssignment) -> Value {
    let name = |id: &str| tenant.principals.get(id).map(|p| sp::name(state, p));
    let props = json!({
        "id": a.id, "appRoleId": a.app_role_id, "createdDateTime": a.created, "principalId": a.principal_id,
        "principalDisplayName": name(&a.principal_id), "principalType": "ServicePrincipal",
        "resourceId": a.resource_id, "resourceDisplayName": name(&a.resource_id),
    });
    shape::complete("appRoleAssignment", props.as_object().cloned().unwrap_or_default())
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

/// The body decides; the path may name the client or the resource.
pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body("appRoleAssignment")?;
    let path_id = sp::find(ctx.tenant()?, &ctx.key(0))?;
    let field = |k: &str| {
        body.get(k)
            .and_then(Value::as_str)
            .filter(|v| ids::is_guid(v))
            .map(str::to_ascii_lowercase)
            .ok_or_else(|| Failure::required(k, "AppRoleAssignment"))
    };
    let (principal, resource, role) = (field("principalId")?, field("resourceId")?, field("appRoleId")?);
    let tenant = ctx.tenant()?;
    if !tenant.principals.contains_key(&principal) {
        return Err(Failure::not_found(&principal));
    }
    let resource_sp = tenant.principals.get(&resource).ok_or_else(|| Failure::not_found(&resource))?;
    if path_id != principal && path_id != resource {
        return Err(Failure::bad("Not a valid reference update."));
    }
    let value = known_role(ctx.state, &resource_sp.app_id, &role)
        .ok_or_else(|| Failure::bad("Permission being assigned was not found on application."))?;
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
    if tenant
        .app_roles
        .values()
        .any(|a| a.principal_id == principal && a.resource_id == resource && a.app_role_id == role)
    {
        // The wording has changed over time; which one a tenant shows is a matter of seed.
        let old = ctx.state.seed.is_multiple_of(2);
        return Err(Failure::bad(if old {
            "Permission being assigned already exists on the object"
        } else {
            "EntitlementGrant entry already exists."
        }));
    }
    let tenant_id = ctx.caller.tenant.clone();
    let id = ctx.state.opaque_id(&tenant_id, "appRole", &format!("{principal} {resource} {value}"));
    let assignment = AppRoleAssignment {
        id: id.clone(),
        principal_id: principal.clone(),
        resource_id: resource,
        app_role_id: role,
        created: ctx.now,
    };
    let item = render(ctx.state, ctx.tenant()?, &assignment);
    ctx.tenant_mut()?.app_roles.insert(id, assignment);
    query::single(ctx, "appRoleAssignment", &format!("servicePrincipals('{principal}')/appRoleAssignments"), item, 201)
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

pub fn delete(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let owner = sp::find(tenant, &ctx.key(0))?;
    let id = ctx.id(1);
    let hit = tenant.app_roles.get(&id).filter(|a| a.principal_id == owner || a.resource_id == owner);
    let hit = hit.ok_or_else(|| Failure::not_found(&id))?;
    let graph = tenant.principals.get(&hit.resource_id).is_some_and(|r| r.app_id == facts::GRAPH);
    if graph {
        ctx.need_role(&[PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR])?;
    }
    ctx.tenant_mut()?.app_roles.remove(&id);
    ctx.state.retired.insert(id);
    Ok(Answer::empty(204))
}
