//! Directory objects of every type: found by key, shown by id, owned by somebody.
use serde_json::{Value, json};

use super::access::Caller;
use super::errors::Failure;
use super::routes::path::ME;
use super::routes::{Key, Match};
use super::{Ctx, applications, groups, service_principals, sets, users};
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
            let id = caller.user.clone().filter(|id| users::by_id(state, tenant, id).is_some());
            id.ok_or_else(|| Failure::not_found(caller.user.as_deref().unwrap_or(ME)))
        }
        "user" => users::find(state, tenant, &key.text())
            .and_then(|u| u["id"].as_str().map(str::to_owned))
            .ok_or_else(|| Failure::not_found(&key.text())),
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
    sets::directory_object(tenant, id)
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

/// Whether a user owns the object that the path names first.
pub fn owned_by(state: &State, caller: &Caller, matched: &Match, user: &str) -> bool {
    let Some(tenant) = state.tenants.get(&caller.tenant) else { return false };
    let of = matched.route.pattern.split('/').nth(1).and_then(type_of_collection);
    let (Some(of), Some(key)) = (of, matched.keys.first()) else { return false };
    find(state, tenant, caller, of, key).is_ok_and(|id| tenant.links.has(&id, "owners", user))
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
