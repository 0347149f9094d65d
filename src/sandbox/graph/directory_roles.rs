//! Graph: directoryRole and directoryRoleTemplate, the older view of the same role assignments.
use serde_json::{Value, json};

use super::access::ROLES;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{Ctx, Reply, membership, nav, objects, refs, roles, shape, units};
use crate::sandbox::facts::{self, GLOBAL_ADMINISTRATOR};
use crate::sandbox::http::Answer;
use crate::sandbox::state::{RoleAssignment, State, Tenant};

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "members", "directoryObject", Source::Made(members)),
    Nav::many(OF, "scopedMembers", "scopedRoleMembership", Source::Made(units::scoped_members)),
];

const OF: &str = "directoryRole";
const TEMPLATE: &str = "directoryRoleTemplate";

pub fn routes(to: &mut Routes) {
    to.read("/directoryRoles", "list-directory-roles", OF, list);
    to.write("POST", "/directoryRoles", "activate-directory-role", OF, activate).by(ROLES);
    to.read("/directoryRoles/{key}", "get-directory-role", OF, get);
    to.write("POST", "/directoryRoles/{key}/members/$ref", "add-role-member", OF, add_member).by(ROLES);
    to.write("DELETE", "/directoryRoles/{key}/members/{id}/$ref", "remove-role-member", OF, remove_member).by(ROLES);
    nav::routes(to, "/directoryRoles", OF);
    to.read("/directoryRoleTemplates", "list-role-templates", TEMPLATE, templates);
    to.read("/directoryRoleTemplates/{id}", "get-role-template", TEMPLATE, template);
}

/// Whether a tenant has a directory role: it was activated, or somebody holds it.
fn is_active(state: &State, tenant: &Tenant, role: &str) -> bool {
    role == GLOBAL_ADMINISTRATOR
        || tenant.active_roles.contains(role)
        || tenant.role_assignments.values().any(|r| r.role == role)
        || roles::foreign(state, &tenant.id).any(|r| r.role == role)
}

fn active<'a>(state: &'a State, tenant: &'a Tenant) -> impl Iterator<Item = &'static str> {
    facts::roles().keys().map(String::as_str).filter(move |role| is_active(state, tenant, role))
}

/// The template of an activated role, by the role's id.
pub fn by_id(state: &State, tenant: &Tenant, id: &str) -> Option<&'static str> {
    active(state, tenant).find(|role| membership::role_id(state, tenant, role) == id)
}

/// The template of an activated role, by id or by template.
pub fn find(state: &State, tenant: &Tenant, key: &Key) -> Result<&'static str, Failure> {
    let hit = match key {
        Key::Alternate(name, template) if name == "roleTemplateId" => {
            active(state, tenant).find(|role| role.eq_ignore_ascii_case(template))
        }
        Key::Alternate(name, _) if name != "id" => {
            return Err(Failure::bad_query(format!(
                "The key property '{name}' is not a key of type 'microsoft.graph.directoryRole'."
            )));
        }
        key => by_id(state, tenant, &key.text().to_ascii_lowercase()),
    };
    hit.ok_or_else(|| Failure::not_found(&key.text()))
}

fn render(state: &State, tenant: &Tenant, role: &str) -> Value {
    let mut shown = membership::role_object(state, tenant, role);
    shown.as_object_mut().map(|o| o.remove("@odata.type"));
    shown
}

fn list(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let items = active(ctx.state, tenant).map(|role| render(ctx.state, tenant, role)).collect();
    query::list(ctx, &List::directory(OF, "directoryRoles"), items)
}

fn get(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let role = find(ctx.state, tenant, &ctx.key(0))?;
    query::single(ctx, OF, "directoryRoles", render(ctx.state, tenant, role), 200)
}

fn activate(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(OF)?;
    let template = body.get("roleTemplateId").and_then(Value::as_str);
    let template = template.ok_or_else(|| Failure::required("roleTemplateId", "DirectoryRole"))?;
    let (role, _) =
        facts::roles().get_key_value(&template.to_ascii_lowercase()).ok_or_else(|| Failure::not_found(template))?;
    if is_active(ctx.state, ctx.tenant()?, role) {
        return Err(roles::conflict());
    }
    ctx.tenant_mut()?.active_roles.insert(role.clone());
    let tenant = ctx.tenant()?;
    let id = membership::role_id(ctx.state, tenant, role);
    ctx.touch(OF, &id)?;
    let item = render(ctx.state, ctx.tenant()?, role);
    query::single(ctx, OF, "directoryRoles", item, 201)
}

/// Those who hold the role everywhere; in a customer the partner's groups too.
fn members(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let Some(role) = by_id(state, tenant, id) else { return Vec::new() };
    let own = tenant.role_assignments.values().filter(|r| r.role == role && r.is_tenant_wide());
    let own = own.filter_map(|r| objects::object(state, tenant, &r.principal_id));
    let foreign = roles::foreign(state, &tenant.id).filter(|r| r.role == role);
    own.chain(foreign.map(|r| roles::foreign_group(state, &r.principal_id))).collect()
}

fn wide<'a>(tenant: &'a Tenant, role: &'a str, principal: &'a str) -> Option<&'a RoleAssignment> {
    tenant.role_assignments.values().find(|r| r.role == role && r.principal_id == principal && r.is_tenant_wide())
}

fn add_member(ctx: &mut Ctx) -> Reply {
    let role = find(ctx.state, ctx.tenant()?, &ctx.key(0))?;
    let body = ctx.json()?;
    let reference = body.get("@odata.id").and_then(Value::as_str);
    let reference = reference.ok_or_else(|| Failure::bad("The request body must contain '@odata.id'."))?;
    let member = ctx.bound(reference).ok_or_else(|| Failure::bad("Invalid object identifier in '@odata.id'."))?;
    if wide(ctx.tenant()?, role, &member).is_some() {
        return Err(refs::already("members"));
    }
    roles::assign(ctx, role, &member, "/")?;
    touch(ctx, role)?;
    Ok(Answer::empty(204))
}

fn touch(ctx: &mut Ctx, role: &str) -> Result<(), Failure> {
    let id = membership::role_id(ctx.state, ctx.tenant()?, role);
    ctx.touch(OF, &id)
}

fn remove_member(ctx: &mut Ctx) -> Reply {
    let role = find(ctx.state, ctx.tenant()?, &ctx.key(0))?;
    let member = ctx.id(1).to_ascii_lowercase();
    let id = wide(ctx.tenant()?, role, &member).map(|r| r.id.clone()).ok_or_else(|| Failure::not_found(&member))?;
    roles::take_back(ctx, &id)?;
    touch(ctx, role)?;
    Ok(Answer::empty(204))
}

fn render_template(id: &str, role: &facts::Role) -> Value {
    let description = membership::role_description(&role.name);
    shape::filled(TEMPLATE, json!({ "id": id, "displayName": role.name, "description": description }))
}

fn templates(ctx: &mut Ctx) -> Reply {
    let items = facts::roles().iter().map(|(id, r)| render_template(id, r)).collect();
    let how = List { default_top: 999, ..List::directory(TEMPLATE, "directoryRoleTemplates") };
    query::list(ctx, &how, items)
}

fn template(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let role = facts::roles().get(&id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, TEMPLATE, "directoryRoleTemplates", render_template(&id, role), 200)
}
