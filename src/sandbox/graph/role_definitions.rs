//! Graph: unifiedRoleDefinition. Built-in roles, and those that a tenant made.
use serde_json::{Value, json};

use super::access::ROLES;
use super::errors::Failure;
use super::routes::Routes;
use super::sets::{self, Set};
use super::{Ctx, Reply, licences, membership};
use crate::sandbox::facts;
use crate::sandbox::state::{Props, Tenant};

pub static SET: Set = Set {
    required: &["displayName", "isEnabled", "rolePermissions"],
    fixed: &["id", "isBuiltIn", "resourceScopes"],
    once: &["templateId"],
    unique: &["displayName"],
    page: 999,
    built_in,
    fill,
    check,
    ..Set::new(OF, PATH, "role-definition", "role-definitions")
};

const OF: &str = "unifiedRoleDefinition";
const PATH: &str = "/roleManagement/directory/roleDefinitions";

pub fn routes(to: &mut Routes) {
    to.write("DELETE", format!("{PATH}/{{key}}"), "delete-role-definition", OF, delete).by(ROLES).set = Some(&SET);
    to.set(&SET, &[], ROLES);
}

/// A built-in role as Graph shows it.
pub fn of_role(id: &str, role: &facts::Role) -> Value {
    let actions = facts::role_actions();
    let actions = actions.get(id).or_else(|| actions.get("")).cloned().unwrap_or_default();
    json!({
        "id": id, "templateId": id, "displayName": role.name, "description": membership::role_description(&role.name), "isBuiltIn": true, "isEnabled": true,
        "resourceScopes": ["/"], "version": "1", "rolePermissions": [{ "allowedResourceActions": actions, "condition": null }],
    })
}

fn built_in(_: &Tenant) -> Vec<Props> {
    facts::roles().iter().filter_map(|(id, r)| of_role(id, r).as_object().cloned()).collect()
}

fn fill(ctx: &Ctx, body: &mut Props) {
    body.remove("@odata.type");
    let name = body.get("displayName").and_then(Value::as_str).unwrap_or_default();
    let made = ctx.state.fresh_id(&ctx.caller.tenant, OF, name);
    let id = body.get("templateId").and_then(Value::as_str).map_or(made, str::to_ascii_lowercase);
    body.insert("id".into(), json!(id));
    body.insert("templateId".into(), json!(id));
    body.insert("isBuiltIn".into(), json!(false));
    body.entry("resourceScopes").or_insert(json!(["/"]));
}

fn check(ctx: &Ctx, before: Option<&Props>, after: &Props) -> Result<(), Failure> {
    if before.is_some_and(|b| b.get("isBuiltIn") == Some(&json!(true))) {
        return Err(Failure::bad("A built-in role definition cannot be changed."));
    }
    if !licences::has_premium(ctx.tenant()?) {
        return Err(Failure::bad("The tenant has no license for custom roles."));
    }
    let permissions = after.get("rolePermissions").and_then(Value::as_array).into_iter().flatten();
    let actions: Vec<&Value> = permissions.filter_map(|p| p["allowedResourceActions"].as_array()).flatten().collect();
    if actions.is_empty() {
        return Err(Failure::bad(
            "Invalid value specified for property 'rolePermissions' of resource 'UnifiedRoleDefinition'.",
        ));
    }
    let known = |a: &str| a.starts_with("microsoft.") && a.split('/').count() >= 3;
    match actions.iter().find(|a| !a.as_str().is_some_and(known)) {
        Some(bad) => Err(Failure::bad(format!("The action {bad} is not supported for custom role definitions."))),
        None => Ok(()),
    }
}

/// Whether a role can be assigned: its id, when it exists and is enabled.
pub fn assignable(tenant: &Tenant, id: &str) -> bool {
    let own = tenant.shelves.get("roleDefinitions").and_then(|s| s.get(id));
    facts::roles().contains_key(id) || own.is_some_and(|r| r.props.get("isEnabled") == Some(&json!(true)))
}

/// A role by id, as Graph shows it.
pub fn shown(tenant: &Tenant, id: &str) -> Option<Value> {
    if let Some(role) = facts::roles().get(id) {
        return Some(super::shape::filled(OF, of_role(id, role)));
    }
    let item = tenant.shelves.get("roleDefinitions")?.get(id)?;
    let mut props = item.props.clone();
    props.insert("id".into(), json!(item.id));
    Some(super::shape::complete(OF, props))
}

fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    if ctx.tenant()?.role_assignments.values().any(|r| r.role == id) {
        return Err(Failure::bad("The role definition has role assignments and cannot be deleted."));
    }
    sets::delete(ctx)
}
