//! Graph: group and its members.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::access::GROUPERS;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{Ctx, Reply, bound_id, create_if_missing, membership, nav, objects, refs, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::state::{Group, Props, State, Tenant};

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "owners", "directoryObject", Source::Links).writable(&["user", "servicePrincipal"]),
    Nav::many(OF, "members", "directoryObject", Source::Made(membership::members)),
    Nav::many(OF, "transitiveMembers", "directoryObject", Source::Made(membership::transitive_members)),
    Nav::many(OF, "memberOf", "directoryObject", Source::Made(membership::member_of)),
    Nav::many(OF, "transitiveMemberOf", "directoryObject", Source::Made(membership::transitive_member_of)),
];

const OF: &str = "group";

pub fn routes(to: &mut Routes) {
    to.read("/groups", "list-groups", OF, list);
    to.write("POST", "/groups", "create-group", OF, create).by(GROUPERS);
    to.read("/groups/{key}", "get-group", OF, get);
    to.write("PATCH", "/groups/{key}", "update-group", OF, update).by(GROUPERS).or_owner();
    to.write("DELETE", "/groups/{key}", "delete-group", OF, delete).by(GROUPERS).or_owner();
    to.write("POST", "/groups/{key}/members/$ref", "add-member", OF, add_member).by(GROUPERS).or_owner();
    to.write("DELETE", "/groups/{key}/members/{id}/$ref", "remove-member", OF, remove_member).by(GROUPERS).or_owner();
    nav::routes(to, "/groups", OF);
}

const READ_ONLY: [&str; 8] = [
    "id",
    "createdDateTime",
    "deletedDateTime",
    "mail",
    "proxyAddresses",
    "securityIdentifier",
    "renewedDateTime",
    "organizationId",
];

pub fn find(tenant: &Tenant, key: &Key) -> Result<String, Failure> {
    let hit = match key {
        Key::Plain(id) => tenant.groups.get(&id.to_ascii_lowercase()),
        Key::Alternate(name, v) if name == "uniqueName" => by_unique_name(tenant, v),
        Key::Alternate(name, v) if name == "id" => tenant.groups.get(&v.to_ascii_lowercase()),
        Key::Alternate(name, _) => {
            return Err(Failure::bad_query(format!(
                "The key property '{name}' is not a key of type 'microsoft.graph.group'."
            )));
        }
    };
    hit.map(|g| g.id.clone()).ok_or_else(|| Failure::not_found(&key.text()))
}

fn by_unique_name<'a>(tenant: &'a Tenant, name: &str) -> Option<&'a Group> {
    tenant.groups.values().find(|g| g.text("uniqueName") == Some(name))
}

pub fn render(g: &Group) -> Value {
    let mut p = g.props.clone();
    p.insert("id".into(), json!(g.id));
    p.insert("createdDateTime".into(), json!(g.created));
    p.insert("renewedDateTime".into(), json!(g.created));
    p.entry("groupTypes").or_insert(json!([]));
    shape::complete("group", p)
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = ctx.tenant()?.groups.values().map(render).collect();
    query::list(ctx, &List::directory("group", "groups"), items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    let item = render(tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?);
    query::single(ctx, "group", "groups", item, 200)
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body("group")?;
    let id = make(ctx, body)?;
    created(ctx, &id)
}

fn created(ctx: &Ctx, id: &str) -> Reply {
    let g = ctx.tenant()?.groups.get(id).ok_or_else(|| Failure::not_found(id))?;
    let location =
        format!("{}/{}/directoryObjects/{id}/Microsoft.DirectoryServices.Group", ctx.call.base(), ctx.version);
    Ok(query::single(ctx, "group", "groups", render(g), 201)?.with("Location", location))
}

fn make(ctx: &mut Ctx, mut body: Props) -> Result<String, Failure> {
    check_writable(&body)?;
    let text = |k: &str| body.get(k).and_then(Value::as_str).filter(|v| !v.is_empty());
    let name = text("displayName").ok_or_else(|| Failure::required("displayName", "Group"))?.to_owned();
    let nickname = text("mailNickname").ok_or_else(|| Failure::required("mailNickname", "Group"))?;
    for k in ["mailEnabled", "securityEnabled"] {
        if !body.get(k).is_some_and(Value::is_boolean) {
            return Err(Failure::required(k, "Group"));
        }
    }
    let invalid = |p: &str| Failure::bad(format!("Invalid value specified for property '{p}' of resource 'Group'."));
    if name.chars().count() > 256 {
        return Err(invalid("displayName"));
    }
    // Graph: create group, the characters a nickname may not have.
    if nickname.chars().count() > 64
        || !nickname.is_ascii()
        || nickname.contains(['@', '(', ')', '\\', '[', ']', '"', ';', ':', '.', '<', '>', ',', ' '])
    {
        return Err(invalid("mailNickname"));
    }
    if body["mailEnabled"] == json!(true) && !body.get("groupTypes").is_some_and(|t| t.to_string().contains("Unified"))
    {
        return Err(Failure::bad(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set.",
        ));
    }
    if body.get("isAssignableToRole") == Some(&json!(true)) {
        need_role_management(ctx)?;
        if body["securityEnabled"] != json!(true) || body["mailEnabled"] == json!(true) {
            return Err(Failure::bad("Role-assignable groups must be security enabled and not mail enabled."));
        }
    }
    if let Some(unique) = text("uniqueName")
        && by_unique_name(ctx.tenant()?, unique).is_some()
    {
        return Err(Failure::bad("Another object with the same value for property uniqueName already exists."));
    }
    let natural = text("uniqueName").unwrap_or(&name).to_owned();
    let members = take_bound(ctx, &mut body, "members@odata.bind")?;
    let owners = refs::take_bound(ctx, &mut body, "owners", &["user", "servicePrincipal"])?;
    let tenant_id = ctx.caller.tenant.clone();
    let id = ctx.state.fresh_id(&tenant_id, "group", &natural);
    let group = Group { id: id.clone(), props: body, members, created: ctx.now };
    // A user becomes the owner of what it makes; an app only when it says so.
    let creator = ctx.caller.user.clone();
    let tenant = ctx.tenant_mut()?;
    tenant.groups.insert(id.clone(), group);
    for owner in owners.iter().chain(&creator) {
        tenant.links.add(&id, "owners", owner);
    }
    ctx.touch(OF, &id)?;
    Ok(id)
}

fn take_bound(ctx: &Ctx, body: &mut Props, name: &str) -> Result<BTreeSet<String>, Failure> {
    let Some(value) = body.remove(name) else { return Ok(BTreeSet::new()) };
    let list = value.as_array().ok_or_else(|| Failure::bad(format!("'{name}' must be a list of references.")))?;
    if list.len() > 20 {
        return Err(Failure::bad("The number of relationships in the request exceeds 20."));
    }
    list.iter()
        .map(|r| {
            let id = r.as_str().and_then(bound_id).ok_or_else(|| Failure::bad("Invalid object reference."))?;
            if member_exists(ctx.state, ctx.tenant()?, &id) { Ok(id) } else { Err(Failure::not_found(&id)) }
        })
        .collect()
}

/// Membership and creation of role-assignable groups need more than the group permissions.
fn need_role_management(ctx: &Ctx) -> Result<(), Failure> {
    const P: &str = "RoleManagement.ReadWrite.Directory";
    let held = if ctx.caller.user.is_some() { &ctx.caller.scopes } else { &ctx.caller.roles };
    if held.iter().any(|p| p == P) {
        ctx.need_role(&[
            crate::sandbox::facts::PRIVILEGED_ROLE_ADMINISTRATOR,
            crate::sandbox::facts::GLOBAL_ADMINISTRATOR,
        ])
    } else {
        Err(Failure::denied())
    }
}

fn check_writable(body: &Props) -> Result<(), Failure> {
    match READ_ONLY.iter().find(|p| body.contains_key(**p)) {
        Some(p) => Err(Failure::bad(format!("Property '{p}' is read-only and cannot be set."))),
        None => Ok(()),
    }
}

pub fn update(ctx: &mut Ctx) -> Reply {
    let key = ctx.key(0);
    let mut body = ctx.body("group")?;
    let id = match (find(ctx.tenant()?, &key), &key) {
        (Ok(id), _) => id,
        (Err(_), Key::Alternate(name, value)) if name == "uniqueName" && create_if_missing(ctx.call) => {
            body.insert("uniqueName".into(), json!(value));
            let id = make(ctx, body)?;
            return created(ctx, &id);
        }
        (Err(e), _) => return Err(e),
    };
    check_writable(&body)?;
    let members = take_bound(ctx, &mut body, "members@odata.bind")?;
    let tenant = ctx.tenant()?;
    let g = tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    if body.get("isAssignableToRole").is_some_and(|v| v.as_bool().unwrap_or(false) != g.is_role_assignable()) {
        return Err(Failure::bad("Property 'isAssignableToRole' is immutable."));
    }
    if g.is_role_assignable() {
        need_role_management(ctx)?;
    }
    if let Some(new) = body.get("uniqueName").and_then(Value::as_str) {
        match g.text("uniqueName") {
            Some(old) if old != new => {
                return Err(Failure::bad("Property 'uniqueName' is read-only and cannot be changed once set."));
            }
            None if by_unique_name(tenant, new).is_some() => {
                return Err(Failure::bad("Another object with the same value for property uniqueName already exists."));
            }
            _ => {}
        }
    }
    if members.iter().any(|m| g.members.contains(m)) {
        return Err(refs::already("members"));
    }
    if let Some(g) = ctx.tenant_mut()?.groups.get_mut(&id) {
        shape::patch(&mut g.props, body);
        g.members.extend(members);
    }
    ctx.touch(OF, &id)?;
    Ok(Answer::empty(204))
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    if tenant.groups.get(&id).is_some_and(Group::is_role_assignable) {
        need_role_management(ctx)?;
    }
    let tenant = ctx.tenant_mut()?;
    tenant.groups.remove(&id);
    tenant.links.forget(&id);
    tenant.history.remove(OF, &id, true);
    ctx.state.retired.insert(id);
    Ok(Answer::empty(204))
}

fn member_exists(state: &State, tenant: &Tenant, id: &str) -> bool {
    !tenant.applications.contains_key(id) && objects::shown(state, tenant, id).is_some()
}

pub fn add_member(ctx: &mut Ctx) -> Reply {
    let body = ctx.json()?;
    let id = find(ctx.tenant()?, &ctx.key(0))?;
    let reference = body
        .get("@odata.id")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::bad("The request body must contain '@odata.id'."))?;
    let member = bound_id(reference).ok_or_else(|| Failure::bad("Invalid object identifier in '@odata.id'."))?;
    let tenant = ctx.tenant()?;
    let g = tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    check_membership(ctx, g)?;
    if !member_exists(ctx.state, tenant, &member) {
        return Err(Failure::not_found(&member));
    }
    if g.is_role_assignable() && tenant.groups.contains_key(&member) {
        return Err(Failure::bad("Groups cannot be members of a role-assignable group."));
    }
    if g.members.contains(&member) {
        return Err(refs::already("members"));
    }
    if let Some(g) = ctx.tenant_mut()?.groups.get_mut(&id) {
        g.members.insert(member);
    }
    ctx.touch(OF, &id)?;
    Ok(Answer::empty(204))
}

/// `RoleManagement.ReadWrite.Directory` opens only role-assignable groups, and those need it.
fn check_membership(ctx: &Ctx, g: &Group) -> Result<(), Failure> {
    if g.is_role_assignable() {
        return need_role_management(ctx);
    }
    let held = if ctx.caller.user.is_some() { &ctx.caller.scopes } else { &ctx.caller.roles };
    let plain = ["Directory.ReadWrite.All", "Group.ReadWrite.All", "GroupMember.ReadWrite.All"];
    if held.iter().any(|p| plain.contains(&p.as_str())) { Ok(()) } else { Err(Failure::denied()) }
}

pub fn remove_member(ctx: &mut Ctx) -> Reply {
    let id = find(ctx.tenant()?, &ctx.key(0))?;
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
