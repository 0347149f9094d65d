//! A picture of the world by natural names: equal for two runs that ended alike.
//! Without ids, times, etags, hints, secrets and the log.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::facts;
use super::graph::known_role;
use super::state::{Application, State, Tenant};

pub fn of(state: &State) -> Value {
    let tenants: Map<String, Value> =
        state.tenants.values().map(|t| (t.default_domain().to_owned(), tenant(state, t))).collect();
    json!({ "tenants": tenants, "relationships": relationships(state) })
}

/// An app's own mark, else its display name.
fn app_name(app: &Application) -> &str {
    app.text("uniqueName").unwrap_or_else(|| app.display_name())
}

/// How an app id is called: Microsoft's name, or the mark of the registration.
fn natural(state: &State, app_id: &str) -> String {
    if let Some(r) = facts::resource(app_id) {
        return r.display_name.clone();
    }
    state.application(app_id).map_or_else(|| app_id.to_owned(), |(_, a)| app_name(a).to_owned())
}

fn object(state: &State, t: &Tenant, id: &str) -> String {
    if let Some(p) = t.principals.get(id) {
        return natural(state, &p.app_id);
    }
    if let Some(g) = t.groups.get(id) {
        return g.display_name().to_owned();
    }
    t.users.get(id).map_or_else(|| id.to_owned(), |u| u.user_principal_name.clone())
}

fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(Value::to_string);
    items
}

fn tenant(state: &State, t: &Tenant) -> Value {
    let name = |id: &str| object(state, t, id);
    let app_roles = t.app_roles.values().map(|a| {
        let resource = t.principals.get(&a.resource_id).map_or("", |p| p.app_id.as_str());
        json!({ "principal": name(&a.principal_id), "resource": name(&a.resource_id), "role": known_role(state, resource, &a.app_role_id).unwrap_or_else(|| a.app_role_id.clone()) })
    });
    let grants = t.grants.values().map(|g| {
        let scopes: BTreeSet<&str> = g.scope.split_whitespace().collect();
        json!({ "client": name(&g.client_id), "resource": name(&g.resource_id), "scopes": scopes, "principal": g.principal_id.as_deref().map(name) })
    });
    let groups = t.groups.values().map(|g| {
        let members: BTreeSet<String> = g.members.iter().map(|m| name(m)).collect();
        json!({ "displayName": g.display_name(), "uniqueName": g.text("uniqueName"), "roleAssignable": g.is_role_assignable(), "members": members })
    });
    let roles = t
        .role_assignments
        .values()
        .map(|r| json!({ "principal": name(&r.principal_id), "role": facts::role_name(&r.role) }));
    let principals = t.principals.values().map(|p| {
        let enabled = p.props.get("accountEnabled") != Some(&Value::Bool(false));
        json!({ "app": natural(state, &p.app_id), "enabled": enabled })
    });
    json!({
        "displayName": t.display_name,
        "applications": sorted(t.applications.values().map(application).collect()),
        "servicePrincipals": sorted(principals.collect()),
        "appRoleAssignments": sorted(app_roles.collect()),
        "delegatedGrants": sorted(grants.collect()),
        "groups": sorted(groups.collect()),
        "roleAssignments": sorted(roles.collect()),
    })
}

fn application(a: &Application) -> Value {
    let mut uris: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for kind in ["web", "spa", "publicClient"] {
        let list = a.props.get(kind).and_then(|w| w.get("redirectUris")).and_then(Value::as_array);
        uris.insert(kind, list.into_iter().flatten().filter_map(Value::as_str).collect());
    }
    let mut permissions = BTreeSet::new();
    for entry in a.props.get("requiredResourceAccess").and_then(Value::as_array).into_iter().flatten() {
        let app_id = entry.get("resourceAppId").and_then(Value::as_str).unwrap_or_default();
        let resource = facts::resource(app_id);
        for access in entry.get("resourceAccess").and_then(Value::as_array).into_iter().flatten() {
            let text = |k: &str| access.get(k).and_then(Value::as_str).unwrap_or_default();
            let table = resource.map(|r| if text("type") == "Role" { &r.application } else { &r.delegated });
            let value =
                table.and_then(|t| t.iter().find(|(_, id)| *id == text("id"))).map_or(text("id"), |(v, _)| v.as_str());
            permissions.insert(format!(
                "{}/{} {value}",
                resource.map_or(app_id, |r| r.display_name.as_str()),
                text("type")
            ));
        }
    }
    let tags: BTreeSet<&str> =
        a.props.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut secrets: Vec<&str> = a.secrets.iter().map(|s| s.display_name.as_deref().unwrap_or("")).collect();
    secrets.sort_unstable();
    let mut certificates: Vec<&str> = a.certificates.iter().map(|c| c.display_name.as_deref().unwrap_or("")).collect();
    certificates.sort_unstable();
    json!({
        "displayName": a.display_name(), "uniqueName": a.text("uniqueName"), "audience": a.audience(), "redirectUris": uris, "permissions": permissions,
        "secrets": secrets, "certificates": certificates, "federated": [], "tags": tags, "notes": a.text("notes"),
        "isFallbackPublicClient": a.props.get("isFallbackPublicClient"), "lock": a.props.get("servicePrincipalLockConfiguration"),
    })
}

fn relationships(state: &State) -> Vec<Value> {
    let partner = state.tenants.get(&state.partner);
    let names = |roles: &[String]| roles.iter().map(|r| facts::role_name(r).to_owned()).collect::<BTreeSet<_>>();
    let all = state.relationships.values().map(|r| {
        let assignments = r.assignments.iter().filter(|a| a.is_live()).map(|a| {
            let group = partner.and_then(|t| t.groups.get(&a.group)).map_or(a.group.as_str(), |g| g.display_name());
            json!({ "group": group, "roles": names(&a.roles), "status": a.status.as_str() })
        });
        let customer = r.customer.as_ref().and_then(|c| state.tenants.get(c)).map(Tenant::default_domain);
        json!({
            "name": r.display_name, "customer": customer, "status": r.status.as_str(), "roles": names(&r.roles), "duration": r.duration,
            "autoExtend": r.auto_extend, "assignments": sorted(assignments.collect()),
        })
    });
    sorted(all.collect())
}
