//! Graph: unifiedRoleDefinition and unifiedRoleAssignment.
use serde_json::{Value, json};

use super::access::ROLES;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::objects;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, shape};
use crate::sandbox::due::Effect;
use crate::sandbox::facts;
use crate::sandbox::gdap;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::{RoleAssignment, State, Tenant};

pub fn routes(to: &mut Routes) {
    const ASSIGNMENTS: &str = "/roleManagement/directory/roleAssignments";
    const ASSIGNMENT: &str = "/roleManagement/directory/roleAssignments/{id}";
    const DEFINITION: &str = "unifiedRoleDefinition";
    to.read("/roleManagement/directory/roleDefinitions", "list-role-definitions", DEFINITION, definitions);
    to.read("/roleManagement/directory/roleDefinitions/{id}", "get-role-definition", DEFINITION, definition);
    to.read(ASSIGNMENTS, "list-role-assignments", TYPE, list);
    to.write("POST", ASSIGNMENTS, "assign-directory-role", TYPE, create).by(ROLES);
    to.read(ASSIGNMENT, "get-role-assignment", TYPE, get);
    to.write("DELETE", ASSIGNMENT, "remove-directory-role", TYPE, delete).by(ROLES);
}

const TYPE: &str = "unifiedRoleAssignment";

fn render_definition(id: &str, role: &facts::Role) -> Value {
    let props = json!({
        "id": id, "templateId": id, "displayName": role.name, "isBuiltIn": true, "isEnabled": true, "resourceScopes": ["/"], "version": "1",
    });
    shape::complete("unifiedRoleDefinition", props.as_object().cloned().unwrap_or_default())
}

pub fn definitions(ctx: &mut Ctx) -> Reply {
    let items = facts::roles().iter().map(|(id, r)| render_definition(id, r)).collect();
    let how = List {
        of: "unifiedRoleDefinition",
        context: "roleManagement/directory/roleDefinitions",
        default_top: 999,
        max_top: 999,
        directory: false,
    };
    query::list(ctx, &how, items)
}

pub fn definition(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let role = facts::roles().get(&id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(
        ctx,
        "unifiedRoleDefinition",
        "roleManagement/directory/roleDefinitions",
        render_definition(&id, role),
        200,
    )
}

fn render(id: &str, role: &str, principal: &str, organization: &str) -> Value {
    let props = json!({
        "id": id, "roleDefinitionId": role, "principalId": principal, "principalOrganizationId": organization, "directoryScopeId": "/",
    });
    shape::complete(TYPE, props.as_object().cloned().unwrap_or_default())
}

/// Own assignments, and those of the partner's groups that GDAP brings into a customer.
fn all(state: &State, tenant: &str) -> Vec<Value> {
    let own = state.tenants.get(tenant).into_iter().flat_map(|t| t.role_assignments.values());
    let own = own.map(|r| render(&r.id, &r.role, &r.principal_id, tenant));
    let foreign = gdap::active_into(state, tenant).flat_map(|(_, a)| {
        a.roles.iter().map(move |role| {
            let id = ids::opaque(state.seed, &[tenant, "gdap role", &a.id, role], |_| false);
            render(&id, role, &a.group, &state.partner)
        })
    });
    own.chain(foreign).collect()
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = all(ctx.state, &ctx.caller.tenant);
    let how = List {
        of: TYPE,
        context: "roleManagement/directory/roleAssignments",
        default_top: 100,
        max_top: 999,
        directory: false,
    };
    query::list(ctx, &how, items)
}

pub static NAVS: &[Nav] = &[
    Nav::one(TYPE, "principal", "directoryObject", Source::Made(principal)),
    Nav::one(TYPE, "roleDefinition", "unifiedRoleDefinition", Source::Made(role_definition)),
    Nav::one(TYPE, "directoryScope", "directoryObject", Source::Made(directory_scope)),
];

fn assignment(state: &State, tenant: &Tenant, id: &str) -> Option<Value> {
    all(state, &tenant.id).into_iter().find(|a| a["id"] == id)
}

fn text<'a>(of: &'a Value, property: &str) -> &'a str {
    of[property].as_str().unwrap_or_default()
}

/// Of a foreign principal only its kind, id, name and organisation are known here.
fn principal(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let Some(own) = assignment(state, tenant, id) else { return Vec::new() };
    let (id, organization) = (text(&own, "principalId"), text(&own, "principalOrganizationId"));
    if organization == tenant.id {
        return objects::object(state, tenant, id).into_iter().collect();
    }
    let name = state.tenants.get(organization).and_then(|t| t.groups.get(id)).map(|g| g.display_name());
    vec![
        json!({ "@odata.type": "#microsoft.graph.group", "id": id, "organizationId": organization, "displayName": name }),
    ]
}

fn role_definition(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let own = assignment(state, tenant, id);
    let role = own.as_ref().and_then(|a| facts::roles().get_key_value(text(a, "roleDefinitionId")));
    role.map(|(id, role)| render_definition(id, role)).into_iter().collect()
}

/// The directory itself is no object.
fn directory_scope(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let own = assignment(state, tenant, id);
    let scope = own.as_ref().and_then(|a| text(a, "directoryScopeId").rsplit('/').next());
    scope.and_then(|id| objects::object(state, tenant, id)).into_iter().collect()
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let item = all(ctx.state, &ctx.caller.tenant)
        .into_iter()
        .find(|i| i["id"] == json!(id))
        .ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, TYPE, "roleManagement/directory/roleAssignments", item, 200)
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    let text = |k: &str| {
        body.get(k)
            .and_then(Value::as_str)
            .map(str::to_ascii_lowercase)
            .ok_or_else(|| Failure::required(k, "UnifiedRoleAssignment"))
    };
    let (role, principal, scope) = (text("roleDefinitionId")?, text("principalId")?, text("directoryScopeId")?);
    if scope != "/" {
        return Err(Failure::bad("Only the directory scope '/' is served."));
    }
    if !facts::roles().contains_key(&role) {
        return Err(Failure::not_found(&role));
    }
    let tenant = ctx.tenant()?;
    if objects::object(ctx.state, tenant, &principal).is_none() || tenant.applications.contains_key(&principal) {
        return Err(Failure::not_found(&principal));
    }
    if tenant.groups.get(&principal).is_some_and(|g| !g.is_role_assignable()) {
        return Err(Failure::bad("The group is not role-assignable."));
    }
    if tenant.role_assignments.values().any(|r| r.role == role && r.principal_id == principal) {
        return Err(Failure::bad(
            "A conflicting object with one or more of the specified property values is present in the directory.",
        ));
    }
    let tenant_id = ctx.caller.tenant.clone();
    let id = ctx.state.opaque_id(&tenant_id, "roleAssignment", &format!("{principal} {role}"));
    let item = render(&id, &role, &principal, &tenant_id);
    ctx.tenant_mut()?
        .role_assignments
        .insert(id.clone(), RoleAssignment { id, role: role.clone(), principal_id: principal.clone() });
    let lag = ctx.state.lag_of(ctx.state.lag.exchange_role, &format!("exchange {principal} {role}"));
    let now = ctx.now;
    ctx.state.after(lag, now, Effect::ExchangeRole { tenant: tenant_id, principal, role });
    query::single(ctx, TYPE, "roleManagement/directory/roleAssignments", item, 201)
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let Some(gone) = ctx.tenant_mut()?.role_assignments.remove(&id) else { return Err(Failure::not_found(&id)) };
    let tenant = ctx.caller.tenant.clone();
    let pending = Effect::ExchangeRole { tenant, principal: gone.principal_id, role: gone.role };
    ctx.state.due.forget(&pending);
    ctx.state.retired.insert(id);
    Ok(Answer::empty(204))
}
