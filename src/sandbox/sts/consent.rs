//! Consent: what an app may do in a tenant, what it asks for beyond that, who may grant it, and granting it.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::people::Person;
use super::scope::{self, OPENID, Scope};
use super::{first_party, people};
use crate::sandbox::facts::{
    self, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
};
use crate::sandbox::graph::{ensure_principal, known_role};
use crate::sandbox::state::{AppRoleAssignment, Application, Grant, State, Tenant};

/// Permissions by resource.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Wish {
    /// App id of the resource → values of scopes.
    pub scopes: BTreeMap<String, BTreeSet<String>>,
    /// App id of the resource → ids of app roles and their values.
    pub roles: BTreeMap<String, BTreeMap<String, String>>,
}

impl Wish {
    pub fn is_empty(&self) -> bool {
        self.scopes.values().all(BTreeSet::is_empty) && self.roles.values().all(BTreeMap::is_empty)
    }

    pub fn resources(&self) -> impl Iterator<Item = &String> {
        self.scopes.keys().chain(self.roles.keys())
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// All that a registration says it requires.
pub fn required(state: &State, app: &Application) -> Wish {
    let mut wish = Wish::default();
    let entries = app.props.get("requiredResourceAccess").and_then(Value::as_array);
    for entry in entries.into_iter().flatten() {
        let resource = text(entry, "resourceAppId").to_ascii_lowercase();
        for access in entry.get("resourceAccess").and_then(Value::as_array).into_iter().flatten() {
            let id = text(access, "id");
            if text(access, "type") == "Role" {
                if let Some(value) = known_role(state, &resource, id) {
                    wish.roles.entry(resource.clone()).or_default().insert(id.to_ascii_lowercase(), value);
                }
            } else if let Some(value) = scope_value(state, &resource, id) {
                wish.scopes.entry(resource.clone()).or_default().insert(value);
            }
        }
    }
    wish
}

/// The value of a delegated permission.
fn scope_value(state: &State, resource: &str, id: &str) -> Option<String> {
    if let Some(known) = facts::resource(resource) {
        return known.delegated.iter().find(|(_, i)| i.eq_ignore_ascii_case(id)).map(|(value, _)| value.clone());
    }
    let (_, app) = state.application(resource)?;
    let scopes = app.props.get("api")?.get("oauth2PermissionScopes")?.as_array()?;
    scopes.iter().find(|s| text(s, "id").eq_ignore_ascii_case(id)).map(|s| text(s, "value").to_owned())
}

/// Scopes of a resource that an app holds for a user.
pub fn granted(state: &State, tenant: &Tenant, client: &str, resource: &str, user: &str) -> BTreeSet<String> {
    let principal = |id: &str| tenant.principal_of(id).map(|p| p.id.clone());
    let mut all: BTreeSet<String> = preauthorised(state, client, resource);
    if let (Some(client), Some(resource)) = (principal(client), principal(resource)) {
        let grants = tenant.grants.values().filter(|g| g.client_id == client && g.resource_id == resource);
        let own = grants.filter(|g| g.principal_id.as_ref().is_none_or(|p| p == user));
        all.extend(own.flat_map(|g| g.scope.split_whitespace().map(str::to_owned)));
    }
    all
}

/// Scopes that an API lets named clients have without consent.
fn preauthorised(state: &State, client: &str, resource: &str) -> BTreeSet<String> {
    if let Some(scopes) = first_party::preauthorised(client, resource) {
        return scopes.iter().map(|s| (*s).to_owned()).collect();
    }
    let Some((_, app)) = state.application(resource).filter(|_| facts::resource(resource).is_none()) else {
        return BTreeSet::new();
    };
    let list = app.props.get("api").and_then(|a| a.get("preAuthorizedApplications")).and_then(Value::as_array);
    let own = list.into_iter().flatten().filter(|p| text(p, "appId").eq_ignore_ascii_case(client));
    let ids = own.filter_map(|p| p.get("delegatedPermissionIds").or_else(|| p.get("permissionIds"))?.as_array());
    ids.flatten().filter_map(Value::as_str).filter_map(|id| scope_value(state, resource, id)).collect()
}

/// What a request asks for that nobody has granted yet. `None`: a scope that the resource does not have.
pub fn missing(state: &State, tenant: &Tenant, app: &Application, person: &Person, asked: &Scope) -> Option<Wish> {
    let resource = asked.resource.clone()?;
    let held = granted(state, tenant, &app.app_id, &resource, &person.user.id);
    let mut wish = Wish::default();
    let mut wanted: BTreeSet<String> = asked.named().cloned().collect();
    if wanted.iter().any(|s| scope::delegated_scope(state, &resource, s).is_none()) {
        return None;
    }
    if asked.is_default() && held.is_empty() {
        // All that the registration requires, of every resource; of others only what users may see.
        wish.scopes = required(state, app).scopes;
    }
    if asked.names.is_empty() && held.is_empty() && tenant.principal_of(&app.app_id).is_none() {
        wanted.extend(asked.openid.iter().cloned());
    }
    wanted.retain(|s| !held.contains(s));
    if !wanted.is_empty() {
        // With its first consent an app gets those of OpenID Connect that it asks for.
        wanted.extend(asked.openid.iter().filter(|_| resource == facts::GRAPH).cloned());
        wish.scopes.entry(resource).or_default().extend(wanted);
    }
    Some(wish)
}

/// Whether a user may consent alone: only to scopes that need no administrator.
pub fn user_may(state: &State, tenant: &Tenant, wish: &Wish) -> bool {
    let alone = |(resource, scopes): (&String, &BTreeSet<String>)| {
        scopes.iter().all(|s| scope::delegated_scope(state, resource, s) == Some(true))
    };
    wish.roles.is_empty() && lets_users_consent(tenant) && wish.scopes.iter().all(alone)
}

/// The tenant's authorization policy; users may consent unless it says otherwise.
fn lets_users_consent(tenant: &Tenant) -> bool {
    let policy = tenant.shelves.get("authorizationPolicy").and_then(|s| s.values().next());
    let assigned = policy
        .and_then(|p| p.props.get("defaultUserRolePermissions")?.get("permissionGrantPoliciesAssigned"))
        .and_then(Value::as_array);
    assigned
        .is_none_or(|all| all.iter().filter_map(Value::as_str).any(|p| p.starts_with("ManagePermissionGrantsForSelf.")))
}

/// Whether an administrator may consent for everybody. App roles of Graph need more than others.
/// Entra: grant tenant-wide admin consent.
pub fn admin_may(state: &State, tenant: &Tenant, person: &Person, wish: &Wish) -> bool {
    let roles = people::roles(state, tenant, person);
    let has = |any: &[&str]| any.iter().any(|r| roles.contains(*r));
    if has(&[GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR]) {
        return true;
    }
    let graph_roles = wish.roles.get(facts::GRAPH).is_some_and(|r| !r.is_empty());
    has(&[APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR]) && !graph_roles
}

/// Grants a wish: for one user, or for the whole tenant. The app's principal appears.
/// Says which resource has no principal in the tenant.
pub fn grant(
    state: &mut State,
    tenant: &str,
    app_id: &str,
    wish: &Wish,
    user: Option<&str>,
    now: Timestamp,
) -> Result<(), String> {
    let there = |id: &String| state.tenants.get(tenant).is_some_and(|t| t.principal_of(id).is_some());
    if let Some(absent) = wish.resources().find(|id| !there(id)) {
        return Err(absent.clone());
    }
    let client = ensure_principal(state, tenant, app_id).ok_or_else(|| app_id.to_owned())?;
    if let Some(t) = state.tenants.get_mut(tenant) {
        t.history.touch("servicePrincipal", &client);
        // Nobody registered Microsoft's own tools here: their principal says itself what it is.
        if let (Some(tool), Some(p)) = (first_party::application(app_id), t.principals.get_mut(&client)) {
            p.props.insert("displayName".to_owned(), Value::from(tool.display_name()));
            p.props.insert("appOwnerOrganizationId".to_owned(), Value::from(facts::MICROSOFT_TENANT));
        }
    }
    for (resource, scopes) in wish.scopes.iter().filter(|(_, s)| !s.is_empty()) {
        add_scopes(state, tenant, &client, resource, scopes, user);
    }
    for (resource, roles) in wish.roles.iter().filter(|_| user.is_none()) {
        add_roles(state, tenant, &client, resource, roles, now);
    }
    Ok(())
}

fn add_scopes(
    state: &mut State,
    tenant: &str,
    client: &str,
    resource: &str,
    scopes: &BTreeSet<String>,
    user: Option<&str>,
) {
    let Some(t) = state.tenants.get(tenant) else { return };
    let Some(resource) = t.principal_of(resource).map(|p| p.id.clone()) else { return };
    let same = |g: &&Grant| g.client_id == client && g.resource_id == resource && g.principal_id.as_deref() == user;
    let (id, mut all): (String, Vec<String>) = match t.grants.values().find(same) {
        Some(g) => (g.id.clone(), g.scope.split_whitespace().map(str::to_owned).collect()),
        None => {
            let key = format!("{client} {resource} {}", user.unwrap_or_default());
            (state.opaque_id(tenant, "grant", &key), Vec::new())
        }
    };
    // Those of OpenID Connect come first, as consent pages ask for them first.
    let (openid, others): (Vec<&String>, Vec<&String>) = scopes.iter().partition(|s| OPENID.contains(&s.as_str()));
    for scope in openid.into_iter().chain(others) {
        if !all.contains(scope) {
            all.push(scope.clone());
        }
    }
    let grant = Grant {
        id: id.clone(),
        client_id: client.to_owned(),
        resource_id: resource,
        principal_id: user.map(str::to_owned),
        scope: all.join(" "),
    };
    if let Some(t) = state.tenants.get_mut(tenant) {
        t.history.touch("oAuth2PermissionGrant", &id);
        t.grants.insert(id, grant);
    }
}

fn add_roles(
    state: &mut State,
    tenant: &str,
    client: &str,
    resource: &str,
    roles: &BTreeMap<String, String>,
    now: Timestamp,
) {
    let Some(resource) = state.tenants.get(tenant).and_then(|t| t.principal_of(resource)).map(|p| p.id.clone()) else {
        return;
    };
    for (role, value) in roles {
        let Some(t) = state.tenants.get(tenant) else { return };
        let held = |a: &AppRoleAssignment| {
            a.principal_id == client && a.resource_id == resource && a.app_role_id.eq_ignore_ascii_case(role)
        };
        if t.app_roles.values().any(held) {
            continue;
        }
        let id = state.opaque_id(tenant, "appRole", &format!("{client} {resource} {value}"));
        let assignment = AppRoleAssignment {
            id: id.clone(),
            principal_id: client.to_owned(),
            resource_id: resource.clone(),
            app_role_id: role.clone(),
            created: now,
        };
        if let Some(t) = state.tenants.get_mut(tenant) {
            t.app_roles.insert(id, assignment);
        }
    }
}
