//! Who may do what to whom: the roles that count over an object, and what admins are protected from.
//! Graph: users, who can reset passwords and perform sensitive actions.
use std::collections::BTreeSet;

use super::Ctx;
use super::access::Caller;
use super::errors::Failure;
use crate::sandbox::facts::{GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR, USER_ADMINISTRATOR};
use crate::sandbox::state::Tenant;

pub const AUTHENTICATION_ADMINISTRATOR: &str = "c4e39bd9-1100-46d3-8c65-fb160da0071f";
pub const PRIVILEGED_AUTHENTICATION_ADMINISTRATOR: &str = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13";
pub const HELPDESK_ADMINISTRATOR: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
pub const PASSWORD_ADMINISTRATOR: &str = "966707d0-3269-4727-9be2-8c3a10f19b9d";
pub const DIRECTORY_READERS: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
pub const DIRECTORY_WRITERS: &str = "9360feb5-f418-4baa-8175-e2a00bac4301";
pub const GUEST_INVITER: &str = "95e79109-95c0-4d8e-aee3-d01accf2d47b";
pub const LICENSE_ADMINISTRATOR: &str = "4d6ac14f-3453-41d0-bef9-a3e0c569773a";
pub const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
pub const REPORTS_READER: &str = "4a5d8f65-41da-4de4-8968-e035b65339cf";
const MESSAGE_CENTER_READER: &str = "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b";
const USAGE_SUMMARY_REPORTS_READER: &str = "75934031-6c7e-415a-99d7-48dbd49e875e";

/// Who may reset passwords, of somebody at least.
pub const RESETTERS: &[&str] = &[
    AUTHENTICATION_ADMINISTRATOR,
    HELPDESK_ADMINISTRATOR,
    PASSWORD_ADMINISTRATOR,
    USER_ADMINISTRATOR,
    PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
];

/// Roles that a principal was given over an object: for itself, or for a unit that it is in.
pub fn scoped_over(tenant: &Tenant, principal: &str, id: &str) -> BTreeSet<String> {
    let holds = |p: &str| p == principal || tenant.groups.get(p).is_some_and(|g| g.members.contains(principal));
    let reaches = |scope: &str| match scope.strip_prefix("/administrativeUnits/") {
        Some(unit) => unit == id || tenant.links.has(unit, "members", id),
        None => scope.strip_prefix('/') == Some(id),
    };
    let scoped = tenant.role_assignments.values().filter(|r| !r.is_tenant_wide() && reaches(&r.scope));
    scoped.filter(|r| holds(&r.principal_id)).map(|r| r.role.clone()).collect()
}

/// All roles that the caller has over an object.
pub fn over(tenant: &Tenant, caller: &Caller, id: &str) -> BTreeSet<String> {
    let mut roles = scoped_over(tenant, &caller.object, id);
    roles.extend(caller.wids.iter().cloned());
    roles
}

/// Units of restricted management that an object is in.
fn restricted_units<'a>(tenant: &'a Tenant, id: &'a str) -> impl Iterator<Item = &'a str> {
    let units = tenant.shelves.get("administrativeUnits");
    tenant.links.towards("members", id).filter(move |unit| {
        let props = units.and_then(|u| u.get(*unit)).map(|item| &item.props);
        props.and_then(|p| p.get("isMemberManagementRestricted")).is_some_and(|v| v == true)
    })
}

pub fn is_restricted(tenant: &Tenant, id: &str) -> bool {
    tenant.shelves.contains_key("administrativeUnits") && restricted_units(tenant, id).next().is_some()
}

/// Members of a unit of restricted management are changed only by who was given a role over that unit.
pub fn need_unrestricted(ctx: &Ctx, id: &str) -> Result<(), Failure> {
    let tenant = ctx.tenant()?;
    if !is_restricted(tenant, id) || !scoped_over(tenant, &ctx.caller.object, id).is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation. Target object is a member of a restricted management administrative unit and can only be modified by administrators scoped to that administrative unit.",
    ))
}

/// The directory roles of a user, and whether it is in or owns a role-assignable group.
fn standing(tenant: &Tenant, id: &str) -> (BTreeSet<&'static str>, bool) {
    let groups: BTreeSet<&str> =
        tenant.groups.values().filter(|g| g.members.contains(id)).map(|g| g.id.as_str()).collect();
    let own =
        tenant.role_assignments.values().filter(|r| r.principal_id == id || groups.contains(r.principal_id.as_str()));
    let roles = own.map(|r| rank(&r.role)).collect();
    let assignable = |g: &str| tenant.groups.get(g).is_some_and(|g| g.is_role_assignable());
    let tied = groups.iter().any(|g| assignable(g)) || tenant.links.towards("owners", id).any(assignable);
    (roles, tied)
}

/// A role as one of those that the table of protections tells apart; any other is `""`.
fn rank(role: &str) -> &'static str {
    let known = [
        DIRECTORY_READERS,
        GUEST_INVITER,
        PASSWORD_ADMINISTRATOR,
        HELPDESK_ADMINISTRATOR,
        MESSAGE_CENTER_READER,
        REPORTS_READER,
        USAGE_SUMMARY_REPORTS_READER,
        GROUPS_ADMINISTRATOR,
        USER_ADMINISTRATOR,
        AUTHENTICATION_ADMINISTRATOR,
    ];
    known.into_iter().find(|k| *k == role).unwrap_or("")
}

/// Who may reset the password of, or do something as grave to, a user with a role.
fn guards(role: &str) -> &'static [&'static str] {
    const ALL: &[&str] = RESETTERS;
    const NOT_PASSWORD: &[&str] = &[
        AUTHENTICATION_ADMINISTRATOR,
        HELPDESK_ADMINISTRATOR,
        USER_ADMINISTRATOR,
        PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
        GLOBAL_ADMINISTRATOR,
    ];
    match role {
        DIRECTORY_READERS | GUEST_INVITER | PASSWORD_ADMINISTRATOR => ALL,
        HELPDESK_ADMINISTRATOR | MESSAGE_CENTER_READER | REPORTS_READER | USAGE_SUMMARY_REPORTS_READER => NOT_PASSWORD,
        GROUPS_ADMINISTRATOR | USER_ADMINISTRATOR => {
            &[USER_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR]
        }
        AUTHENTICATION_ADMINISTRATOR => {
            &[AUTHENTICATION_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR]
        }
        _ => &[PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR],
    }
}

/// Whether a caller with these roles outranks a user, for what is sensitive.
pub fn outranks(tenant: &Tenant, roles: &BTreeSet<String>, id: &str) -> bool {
    let (held, tied) = standing(tenant, id);
    let any = |those: &[&str]| those.iter().any(|r| roles.contains(*r));
    let strong = any(&[PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR]);
    (strong || !tied) && held.iter().all(|role| any(guards(role)))
}

/// Whether a user has any directory role, or is bound to a role-assignable group.
pub fn is_admin(tenant: &Tenant, id: &str) -> bool {
    let (held, tied) = standing(tenant, id);
    tied || !held.is_empty()
}

/// Changing what is sensitive of an admin needs a role that outranks it, for apps too.
pub fn need_outranking(ctx: &Ctx, id: &str) -> Result<(), Failure> {
    let tenant = ctx.tenant()?;
    let own = ctx.caller.user.as_deref() == Some(id);
    if own || !is_admin(tenant, id) || outranks(tenant, &over(tenant, ctx.caller, id), id) {
        Ok(())
    } else {
        Err(Failure::denied())
    }
}
