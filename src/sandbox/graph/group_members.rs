//! Graph: members of groups, by reference.
use std::collections::BTreeSet;

use serde_json::Value;

use super::errors::Failure;
use super::routes::Routes;
use super::{Ctx, Reply, bound_id, membership, objects, privilege, refs};
use crate::sandbox::facts::{GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR};
use crate::sandbox::http::Answer;
use crate::sandbox::state::{Group, Props};

const OF: &str = "group";

pub fn routes(to: &mut Routes, writers: &'static [&'static str]) {
    to.write("POST", "/groups/{key}/members/$ref", "add-member", OF, add).by(writers).or_owner();
    to.write("DELETE", "/groups/{key}/members/{id}/$ref", "remove-member", OF, remove).by(writers).or_owner();
}

/// The members that a body binds.
pub fn take_bound(ctx: &Ctx, body: &mut Props) -> Result<BTreeSet<String>, Failure> {
    let name = "members@odata.bind";
    let Some(value) = body.remove(name) else { return Ok(BTreeSet::new()) };
    let list = value.as_array().ok_or_else(|| Failure::bad(format!("'{name}' must be a list of references.")))?;
    if list.len() > 20 {
        return Err(Failure::bad("The number of relationships in the request exceeds 20."));
    }
    let found = |r: &Value| {
        let id = r.as_str().and_then(bound_id).ok_or_else(|| Failure::bad("Invalid object reference."))?;
        if objects::type_of(ctx.state, ctx.tenant()?, &id).is_some() { Ok(id) } else { Err(Failure::not_found(&id)) }
    };
    list.iter().map(found).collect()
}

pub fn dynamic() -> Failure {
    Failure::bad(
        "The members of a group with dynamic membership cannot be changed: its membership rule says who they are.",
    )
}

/// Graph: add members, which objects may be in which group.
pub fn check_member(ctx: &Ctx, g: &Group, member: &str) -> Result<(), Failure> {
    let tenant = ctx.tenant()?;
    let of = objects::type_of(ctx.state, tenant, member).ok_or_else(|| Failure::not_found(member))?;
    let unified = g.is_of_type("Unified");
    let fits = match of {
        "user" | "device" => true,
        "servicePrincipal" => !unified,
        "group" => !unified && !tenant.groups.get(member).is_some_and(|m| m.is_of_type("Unified")),
        _ => false,
    };
    if !fits {
        return Err(Failure::bad("An invalid operation was included in the following modified references: 'members'."));
    }
    if of == "group" && g.is_role_assignable() {
        return Err(Failure::bad("Groups cannot be members of a role-assignable group."));
    }
    if member == g.id || (of == "group" && membership::all_groups_of(tenant, &g.id).iter().any(|c| c == member)) {
        return Err(Failure::bad("A group cannot be a member of itself, directly or through other groups."));
    }
    Ok(())
}

/// Membership and creation of role-assignable groups need more than the group permissions.
pub fn need_role_management(ctx: &Ctx) -> Result<(), Failure> {
    need_permission(ctx)?;
    ctx.need_role(&[PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR])
}

fn need_permission(ctx: &Ctx) -> Result<(), Failure> {
    let held = ctx.caller.held().iter().any(|p| p == "RoleManagement.ReadWrite.Directory");
    if held { Ok(()) } else { Err(Failure::denied()) }
}

/// `RoleManagement.ReadWrite.Directory` opens only role-assignable groups, and those need it.
fn check_membership(ctx: &Ctx, g: &Group) -> Result<(), Failure> {
    privilege::need_unrestricted(ctx, &g.id)?;
    if g.is_role_assignable() {
        let owns = |u: &String| ctx.tenant().is_ok_and(|t| t.links.has(&g.id, "owners", u));
        let owner = ctx.caller.user.as_ref().is_some_and(owns);
        return if owner { need_permission(ctx) } else { need_role_management(ctx) };
    }
    let plain = ["Directory.ReadWrite.All", "Group.ReadWrite.All", "GroupMember.ReadWrite.All"];
    if !ctx.caller.held().iter().any(|p| plain.contains(&p.as_str())) {
        return Err(Failure::denied());
    }
    if g.is_of_type("DynamicMembership") { Err(dynamic()) } else { Ok(()) }
}

fn add(ctx: &mut Ctx) -> Reply {
    let body = ctx.json()?;
    let id = ctx.found(OF, 0)?;
    let reference = body.get("@odata.id").and_then(Value::as_str);
    let reference = reference.ok_or_else(|| Failure::bad("The request body must contain '@odata.id'."))?;
    let member = bound_id(reference).ok_or_else(|| Failure::bad("Invalid object identifier in '@odata.id'."))?;
    let tenant = ctx.tenant()?;
    let g = tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    check_membership(ctx, g)?;
    if g.members.contains(&member) {
        return Err(refs::already("members"));
    }
    check_member(ctx, g, &member)?;
    if let Some(g) = ctx.tenant_mut()?.groups.get_mut(&id) {
        g.members.insert(member);
    }
    ctx.touch(OF, &id)?;
    Ok(Answer::empty(204))
}

fn remove(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    let member = ctx.id(1).to_ascii_lowercase();
    let g = ctx.tenant()?.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    check_membership(ctx, g)?;
    if !g.members.contains(&member) {
        return Err(Failure::not_found(&member));
    }
    if let Some(g) = ctx.tenant_mut()?.groups.get_mut(&id) {
        g.members.remove(&member);
    }
    ctx.touch(OF, &id)?;
    Ok(Answer::empty(204))
}
