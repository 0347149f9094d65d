//! Graph: unifiedRoleDefinition and unifiedRoleAssignment.
use serde_json::{Value, json};

use super::access::ROLES;
use super::errors::Failure;
use super::objects;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, shape};
use crate::sandbox::due::Effect;
use crate::sandbox::facts;
use crate::sandbox::gdap;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::{RoleAssignment, State};

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
    let expand = match ctx.call.param("$expand") {
        None => false,
        Some("principal") => true,
        Some(other) => {
            return Err(Failure::bad_query(format!(
                "Could not find a property named '{other}' on type 'microsoft.graph.unifiedRoleAssignment' that can be expanded here."
            )));
        }
    };
    let tenant = ctx.caller.tenant.clone();
    let mut items = all(ctx.state, &tenant);
    if expand {
        for i in &mut items {
            let (id, organization) = (
                i["principalId"].as_str().unwrap_or_default(),
                i["principalOrganizationId"].as_str().unwrap_or_default(),
            );
            let home = ctx.state.tenants.get(organization);
            // Of a foreign principal only its kind, id and organisation are known here.
            i["principal"] = if organization == tenant {
                home.and_then(|t| objects::object(ctx.state, t, id)).unwrap_or(Value::Null)
            } else {
                json!({ "@odata.type": "#microsoft.graph.group", "id": id, "organizationId": organization, "displayName": home.and_then(|t| t.groups.get(id)).map(|g| g.display_name()) })
            };
        }
    }
    let how = List {
        of: TYPE,
        context: "roleManagement/directory/roleAssignments",
        default_top: 100,
        max_top: 999,
        directory: false,
    };
    let mut answer = query::list(ctx, &how, items.clone())?;
    if expand
        && ctx.call.param("$select").is_some()
        && let crate::sandbox::http::Body::Json(body) = &mut answer.body
        && let Some(Value::Array(shown)) = body.get_mut("value")
    {
        // `$expand` survives `$select`.
        for s in shown {
            if let Some(full) = items.iter().find(|i| i["id"] == s["id"]) {
                s["principal"] = full["principal"].clone();
            }
        }
    }
    Ok(answer)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let tenant = ctx.caller.tenant.clone();
    let item =
        all(ctx.state, &tenant).into_iter().find(|i| i["id"] == json!(id)).ok_or_else(|| Failure::not_found(&id))?;
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
    let (lag, now) = (ctx.state.lag.exchange_role, ctx.now);
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
