//! Directory objects of every type: found by key, shown by id, owned by somebody.
use serde_json::{Value, json};

use super::access::Caller;
use super::errors::Failure;
use super::routes::path::ME;
use super::routes::{Key, Match};
use super::{
    Ctx, applications, directory_roles, groups, membership, people, privilege, service_principals, sets, users,
};
use crate::sandbox::facts;
use crate::sandbox::state::{State, Tenant};

/// The id of an object of a type, by its id or an alternate key.
pub fn find(state: &State, tenant: &Tenant, caller: &Caller, of: &str, key: &Key) -> Result<String, Failure> {
    match of {
        "application" => applications::find(tenant, key),
        "servicePrincipal" => service_principals::find(tenant, key),
        "group" => groups::find(tenant, key),
        "user" if *key == Key::Plain(ME.to_owned()) => {
            // A technician of the partner is no object of the customer.
            let id = caller.user.clone().filter(|id| people::exists(state, tenant, id));
            id.ok_or_else(|| Failure::not_found(caller.user.as_deref().unwrap_or(ME)))
        }
        "user" if matches!(key, Key::Alternate(name, _) if !["id", "userPrincipalName"].contains(&name.as_str())) => {
            Err(Failure::bad_query("The key property is not a key of type 'microsoft.graph.user'."))
        }
        "user" => people::find(state, tenant, &key.text()).ok_or_else(|| Failure::not_found(&key.text())),
        "directoryRole" => {
            directory_roles::find(state, tenant, key).map(|role| membership::role_id(state, tenant, role))
        }
        "permissionGrantPolicy" => super::app_policies::find_grant_policy(tenant, key),
        _ => {
            let id = key.text().to_ascii_lowercase();
            let hit = sets::shelf_item(tenant, of, &id).map(|item| item.id.clone());
            hit.ok_or_else(|| Failure::not_found(&key.text()))
        }
    }
}

impl Ctx<'_> {
    /// The id behind the path's n-th key.
    pub fn found(&self, of: &str, n: usize) -> Result<String, Failure> {
        find(self.state, self.tenant()?, self.caller, of, &self.key(n))
    }
}

/// An object as Graph shows it on its own, without `@odata.type`, and its type.
pub fn shown(state: &State, tenant: &Tenant, id: &str) -> Option<(&'static str, Value)> {
    if let Some(p) = tenant.principals.get(id) {
        return Some(("servicePrincipal", service_principals::render(state, p, false)));
    }
    if let Some(g) = tenant.groups.get(id) {
        return Some(("group", groups::render(g)));
    }
    if let Some(a) = tenant.applications.get(id) {
        return Some(("application", applications::render(tenant, a)));
    }
    if let Some(u) = users::by_id(state, tenant, id) {
        return Some(("user", u));
    }
    sets::directory_object(tenant, id).or_else(|| {
        let role = directory_roles::by_id(state, tenant, id)?;
        let mut shown = membership::role_object(state, tenant, role);
        shown.as_object_mut().map(|o| o.remove("@odata.type"));
        Some(("directoryRole", shown))
    })
}

/// The type of an object, when it exists.
pub fn type_of(state: &State, tenant: &Tenant, id: &str) -> Option<&'static str> {
    if tenant.principals.contains_key(id) {
        return Some("servicePrincipal");
    }
    if tenant.groups.contains_key(id) {
        return Some("group");
    }
    if tenant.applications.contains_key(id) {
        return Some("application");
    }
    if people::exists(state, tenant, id) {
        return Some("user");
    }
    let kept = sets::directory_object(tenant, id).map(|(of, _)| of);
    kept.or_else(|| directory_roles::by_id(state, tenant, id).map(|_| "directoryRole"))
}

/// As part of a list of objects of several types: with `@odata.type`.
pub fn object(state: &State, tenant: &Tenant, id: &str) -> Option<Value> {
    let (of, mut value) = shown(state, tenant, id)?;
    value["@odata.type"] = json!(format!("#microsoft.graph.{of}"));
    Some(value)
}

/// Those of a list that are of a type.
pub fn of_type(items: &mut Vec<Value>, cast: &str) {
    items.retain(|i| {
        let own = i["@odata.type"].as_str().and_then(|t| t.strip_prefix("#microsoft.graph."));
        own.is_some_and(|own| facts::types().is_a(own, cast))
    });
}

/// The id of the object that the path names first.
fn first(state: &State, caller: &Caller, matched: &Match) -> Option<(&'static str, String)> {
    let tenant = state.tenants.get(&caller.tenant)?;
    let of = type_of_collection(matched.route.pattern.split('/').nth(1)?)?;
    let id = find(state, tenant, caller, of, matched.keys.first()?).ok()?;
    Some((of, id))
}

/// Whether a user owns the object that the path names first; of itself a user needs no owner.
pub fn owned_by(state: &State, caller: &Caller, matched: &Match, user: &str) -> bool {
    let Some(tenant) = state.tenants.get(&caller.tenant) else { return false };
    match first(state, caller, matched) {
        Some(("user", id)) => id == user && matched.route.nav.is_none(),
        Some((_, id)) => tenant.links.has(&id, "owners", user),
        None => false,
    }
}

/// Whether the path is about the caller itself.
pub fn is_self(state: &State, caller: &Caller, matched: &Match) -> bool {
    matched.of_caller
        || first(state, caller, matched).is_some_and(|(of, id)| of == "user" && caller.user.as_deref() == Some(&id))
}

/// Whether the caller holds one of a route's roles over just this object.
pub fn scoped_role(state: &State, caller: &Caller, matched: &Match) -> bool {
    let Some(tenant) = state.tenants.get(&caller.tenant) else { return false };
    let id = first(state, caller, matched).map(|(_, id)| id).or_else(|| unit_of(matched));
    let roles = id.map(|id| privilege::scoped_over(tenant, &caller.object, &id)).unwrap_or_default();
    matched.route.roles.iter().any(|r| roles.contains(*r))
}

/// The unit that the path is about: a role over it counts for what is made in it.
fn unit_of(matched: &Match) -> Option<String> {
    matched.route.pattern.contains("/administrativeUnits/").then(|| matched.keys.first().map(Key::text)).flatten()
}

/// The collection at the top of a path that objects of a type stand in.
pub fn collection_of(of: &str) -> Option<&'static str> {
    let all = ["applications", "servicePrincipals", "users", "groups", "directoryRoles"];
    all.into_iter().find(|c| type_of_collection(c) == Some(of))
}

/// The type of the objects of a collection at the top of a path.
pub fn type_of_collection(name: &str) -> Option<&'static str> {
    Some(match name {
        "applications" => "application",
        "servicePrincipals" => "servicePrincipal",
        "users" => "user",
        "groups" => "group",
        "directoryRoles" => "directoryRole",
        _ => return None,
    })
}
