//! Graph: administrativeUnit, under either of its paths, and the roles given over one.
use serde_json::{Value, json};

use super::access::ROLES;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::Routes;
use super::sets::{self, Set};
use super::{
    Ctx, Reply, deleted, directory_roles, group_changes, groups, licences, membership, nav, objects, roles, shape,
};
use crate::sandbox::facts::{
    GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR, USER_ADMINISTRATOR,
};
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Props, RoleAssignment, State, Tenant};

pub static NAVS: &[Nav] =
    &[Nav::many(OF, "members", "directoryObject", Source::Links).writable(&["user", "group", "device"]).by(ROLES)];

const OF: &str = "administrativeUnit";
const SCOPED: &str = "scopedRoleMembership";
/// The shelf of both collections.
const SHELF: &str = "administrativeUnits";

static UNITS: Set = Set {
    required: &["displayName"],
    fixed: &["id", "deletedDateTime"],
    once: &["isMemberManagementRestricted", "visibility"],
    is_directory: true,
    fill,
    check,
    ..Set::new(OF, "/directory/administrativeUnits", "administrative-unit", "administrative-units")
};

/// The path that it had before.
static OLDER: Set = Set {
    required: UNITS.required,
    fixed: UNITS.fixed,
    once: UNITS.once,
    is_directory: true,
    fill,
    check,
    ..Set::new(OF, "/administrativeUnits", "administrative-unit", "administrative-units")
};

pub fn routes(to: &mut Routes) {
    for set in [&UNITS, &OLDER] {
        let one = format!("{}/{{key}}", set.path);
        to.write("DELETE", one.clone(), "delete-administrative-unit", OF, delete).by(ROLES).set = Some(set);
        to.set(set, &[], ROLES);
        to.write("POST", format!("{one}/members"), "create-unit-member", "group", create_member).by(&[
            PRIVILEGED_ROLE_ADMINISTRATOR,
            GLOBAL_ADMINISTRATOR,
            GROUPS_ADMINISTRATOR,
            USER_ADMINISTRATOR,
        ]);
        let scoped = format!("{one}/scopedRoleMembers");
        to.read(scoped.clone(), "list-scoped-role-members", SCOPED, list_scoped);
        to.write("POST", scoped.clone(), "add-scoped-role-member", SCOPED, add_scoped).by(ROLES);
        to.read(format!("{scoped}/{{id}}"), "get-scoped-role-member", SCOPED, get_scoped);
        to.write("DELETE", format!("{scoped}/{{id}}"), "remove-scoped-role-member", SCOPED, remove_scoped).by(ROLES);
        nav::routes(to, set.path, OF);
    }
}

fn fill(_: &Ctx, body: &mut Props) {
    body.remove("@odata.type");
    body.entry("isMemberManagementRestricted").or_insert(json!(false));
}

fn invalid(name: &str) -> Failure {
    Failure::bad(format!("Invalid value specified for property '{name}' of resource 'AdministrativeUnit'."))
}

fn check(ctx: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let text = |name: &str| after.get(name).and_then(Value::as_str);
    if text("displayName").is_none_or(|n| n.is_empty() || n.chars().count() > 256) {
        return Err(invalid("displayName"));
    }
    let few: [(&str, &[&str]); 3] = [
        ("visibility", &["Public", "HiddenMembership"]),
        ("membershipType", &["Assigned", "Dynamic"]),
        ("membershipRuleProcessingState", &["On", "Paused"]),
    ];
    for (name, choices) in few {
        if text(name).is_some_and(|v| !choices.contains(&v)) {
            return Err(invalid(name));
        }
    }
    let dynamic = text("membershipType") == Some("Dynamic");
    if dynamic != text("membershipRule").is_some_and(|r| !r.trim().is_empty()) {
        return Err(invalid("membershipRule"));
    }
    if dynamic && !licences::has_premium(ctx.tenant()?) {
        return Err(Failure::denied());
    }
    Ok(())
}

/// The members of a dynamic unit follow from its rule.
pub fn need_assigned(ctx: &Ctx, id: &str) -> Result<(), Failure> {
    let item = sets::shelf_item(ctx.tenant()?, OF, id).ok_or_else(|| Failure::not_found(id))?;
    if item.props.get("membershipType") == Some(&json!("Dynamic")) {
        return Err(Failure::bad("The members of an administrative unit with dynamic membership cannot be changed."));
    }
    Ok(())
}

fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    remove(ctx, &id)
}

/// Soft: the unit goes to the deleted items; the roles given over it end.
pub fn remove(ctx: &mut Ctx, id: &str) -> Reply {
    let scope = format!("/administrativeUnits/{id}");
    let tenant = ctx.tenant_mut()?;
    let item = tenant.shelves.get_mut(SHELF).and_then(|s| s.remove(id)).ok_or_else(|| Failure::not_found(id))?;
    tenant.shelves.retain(|_, s| !s.is_empty());
    tenant.role_assignments.retain(|_, r| r.scope != scope);
    deleted::bin(ctx, Gone::Item { shelf: SHELF.to_owned(), item })?;
    Ok(Answer::empty(204))
}

/// Graph: administrativeUnit post members, a new group that is a member from the beginning.
fn create_member(ctx: &mut Ctx) -> Reply {
    let unit = ctx.found(OF, 0)?;
    need_assigned(ctx, &unit)?;
    let mut body = ctx.json()?;
    let kind = body.as_object_mut().and_then(|b| b.remove("@odata.type"));
    if kind.as_ref().and_then(Value::as_str).map(|k| k.trim_start_matches('#')) != Some("microsoft.graph.group") {
        return Err(Failure::bad("Only a group can be created in an administrative unit: '@odata.type' must say so."));
    }
    let body = shape::check("group", &body)?;
    let id = group_changes::make(ctx, body)?;
    ctx.tenant_mut()?.links.add(&unit, "members", &id);
    ctx.touch(OF, &unit)?;
    let tenant = ctx.tenant()?;
    let group = tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    let mut item = groups::render(group);
    item["@odata.type"] = json!("#microsoft.graph.group");
    query::single(ctx, "group", "directoryObjects", item, 201)
}

/// A role over a unit as its scoped membership.
fn scoped(state: &State, tenant: &Tenant, r: &RoleAssignment) -> Option<Value> {
    let unit = r.scope.strip_prefix("/administrativeUnits/")?;
    let name = objects::shown(state, tenant, &r.principal_id).map(|(_, o)| o["displayName"].clone());
    Some(json!({
        "id": r.id, "roleId": membership::role_id(state, tenant, &r.role), "administrativeUnitId": unit,
        "roleMemberInfo": { "id": r.principal_id, "displayName": name },
    }))
}

fn those(state: &State, tenant: &Tenant, which: impl Fn(&RoleAssignment) -> bool) -> Vec<Value> {
    tenant.role_assignments.values().filter(|r| which(r)).filter_map(|r| scoped(state, tenant, r)).collect()
}

/// Graph: user list scopedRoleMemberOf.
pub fn scoped_roles_of(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    those(state, tenant, |r| r.principal_id == id)
}

/// Graph: directoryRole list scopedMembers.
pub fn scoped_members(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let role = directory_roles::by_id(state, tenant, id);
    those(state, tenant, |r| Some(r.role.as_str()) == role)
}

fn context(ctx: &Ctx, unit: &str) -> String {
    let path = ctx.route.pattern.split_once("/{").map_or("", |(path, _)| path).trim_start_matches('/');
    format!("{path}('{unit}')/scopedRoleMembers")
}

fn list_scoped(ctx: &mut Ctx) -> Reply {
    let unit = ctx.found(OF, 0)?;
    let scope = format!("/administrativeUnits/{unit}");
    let items = those(ctx.state, ctx.tenant()?, |r| r.scope == scope);
    query::list(ctx, &List::directory(SCOPED, &context(ctx, &unit)), items)
}

fn found(ctx: &Ctx, unit: &str) -> Result<RoleAssignment, Failure> {
    let id = ctx.id(1);
    let hit = ctx.tenant()?.role_assignments.get(&id);
    let hit = hit.filter(|r| r.scope == format!("/administrativeUnits/{unit}"));
    hit.cloned().ok_or_else(|| Failure::not_found(&id))
}

fn answer(ctx: &Ctx, unit: &str, r: &RoleAssignment, status: u16) -> Reply {
    let item = scoped(ctx.state, ctx.tenant()?, r).ok_or_else(|| Failure::not_found(&r.id))?;
    query::single(ctx, SCOPED, &context(ctx, unit), item, status)
}

fn get_scoped(ctx: &mut Ctx) -> Reply {
    let unit = ctx.found(OF, 0)?;
    let r = found(ctx, &unit)?;
    answer(ctx, &unit, &r, 200)
}

fn add_scoped(ctx: &mut Ctx) -> Reply {
    let unit = ctx.found(OF, 0)?;
    // What the type never leaves empty, a body may.
    let body = ctx.json()?;
    let role = body
        .get("roleId")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::required("roleId", "ScopedRoleMembership"))?;
    let member = body.pointer("/roleMemberInfo/id").and_then(Value::as_str);
    let member =
        member.ok_or_else(|| Failure::required("roleMemberInfo", "ScopedRoleMembership"))?.to_ascii_lowercase();
    let role = directory_roles::by_id(ctx.state, ctx.tenant()?, &role.to_ascii_lowercase());
    let role = role.ok_or_else(|| Failure::not_found(body["roleId"].as_str().unwrap_or_default()))?;
    let made = roles::assign(ctx, role, &member, &format!("/administrativeUnits/{unit}"))?;
    answer(ctx, &unit, &made, 201)
}

fn remove_scoped(ctx: &mut Ctx) -> Reply {
    let unit = ctx.found(OF, 0)?;
    let r = found(ctx, &unit)?;
    roles::take_back(ctx, &r.id)?;
    Ok(Answer::empty(204))
}
