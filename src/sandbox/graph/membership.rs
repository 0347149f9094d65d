//! Who is in what: groups, administrative units and directory roles, directly and through other groups.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::objects;
use crate::sandbox::facts;
use crate::sandbox::state::{State, Tenant};

/// Groups that an object is in, nearest first.
fn groups_of(tenant: &Tenant, id: &str, transitive: bool) -> Vec<String> {
    let direct = |id: &str| tenant.groups.values().filter(|g| g.members.contains(id)).map(|g| g.id.clone()).collect();
    let mut found: Vec<String> = direct(id);
    let mut seen: BTreeSet<String> = found.iter().cloned().collect();
    let mut at = 0;
    while transitive && at < found.len() {
        let next: Vec<String> = direct(&found[at]);
        found.extend(next.into_iter().filter(|g| seen.insert(g.clone())));
        at += 1;
    }
    found
}

/// Ids of all groups that an object is in, through groups too.
pub fn all_groups_of(tenant: &Tenant, id: &str) -> Vec<String> {
    groups_of(tenant, id, true)
}

/// The id under which a tenant shows a directory role.
pub fn role_id(state: &State, tenant: &Tenant, role: &str) -> String {
    crate::sandbox::ids::guid(state.seed, &[&tenant.id, "directoryRole", role], 0)
}

/// A directory role as a directory object.
pub fn role_object(state: &State, tenant: &Tenant, role: &str) -> Value {
    let id = role_id(state, tenant, role);
    let name = facts::role_name(role);
    let props = json!({ "id": id, "displayName": name, "description": role_description(name), "roleTemplateId": role });
    let mut shown = super::shape::filled("directoryRole", props);
    shown["@odata.type"] = json!("#microsoft.graph.directoryRole");
    shown
}

/// What a built-in role is described as.
pub fn role_description(name: &str) -> String {
    format!("The built-in role {name}.")
}

fn containers(state: &State, tenant: &Tenant, id: &str, transitive: bool) -> Vec<Value> {
    let groups = groups_of(tenant, id, transitive);
    let units = tenant.links.towards("members", id).map(str::to_owned);
    let mut shown: Vec<Value> =
        groups.iter().cloned().chain(units).filter_map(|g| objects::object(state, tenant, &g)).collect();
    let holds = |principal: &str| principal == id || (transitive && groups.iter().any(|g| g == principal));
    let wide = tenant.role_assignments.values().filter(|r| r.is_tenant_wide() && facts::roles().contains_key(&r.role));
    let roles: BTreeSet<&str> = wide.filter(|r| holds(&r.principal_id)).map(|r| r.role.as_str()).collect();
    shown.extend(roles.into_iter().map(|role| role_object(state, tenant, role)));
    shown
}

pub fn member_of(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    containers(state, tenant, id, false)
}

pub fn transitive_member_of(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    containers(state, tenant, id, true)
}

pub fn members(state: &State, tenant: &Tenant, group: &str) -> Vec<Value> {
    let members = tenant.groups.get(group).into_iter().flat_map(|g| &g.members);
    members.filter_map(|m| objects::object(state, tenant, m)).collect()
}

pub fn transitive_members(state: &State, tenant: &Tenant, group: &str) -> Vec<Value> {
    let mut todo = vec![group.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(next) = todo.pop() {
        for m in tenant.groups.get(&next).into_iter().flat_map(|g| &g.members) {
            if m != group && seen.insert(m.clone()) {
                todo.push(m.clone());
            }
        }
    }
    seen.iter().filter_map(|m| objects::object(state, tenant, m)).collect()
}

/// What an object owns.
pub fn owned(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    tenant.links.towards("owners", id).filter_map(|o| objects::object(state, tenant, o)).collect()
}

/// Whose manager a user is.
pub fn reports(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    tenant.links.towards("manager", id).filter_map(|u| objects::object(state, tenant, u)).collect()
}

/// Links to what the sandbox has none of.
pub fn nothing(_: &State, _: &Tenant, _: &str) -> Vec<Value> {
    Vec::new()
}
