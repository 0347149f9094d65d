//! What a world says of identities beside the partner's users and apps: users of customers, managed identities, and
//! outside issuers.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::SandboxError;
use super::facts;
use super::ids;
use super::state::{AppRoleAssignment, Principal, Props, RoleAssignment, State, Tenant, User};
use super::sts::managed_identity::resource_id;
use super::world::{ManagedIdentityFile, UserFile, WorldFile};

fn world(reason: String) -> SandboxError {
    SandboxError::World(reason)
}

/// Adds them to a state that has all tenants.
pub fn add(state: &mut State, file: &WorldFile, now: Timestamp) -> Result<(), SandboxError> {
    for customer in file.customers.iter().filter(|c| !c.user_accounts.is_empty()) {
        let id = customer.tenant_id.to_ascii_lowercase();
        let seed = state.seed;
        let Some(tenant) = state.tenants.get_mut(&id) else { continue };
        for user in &customer.user_accounts {
            add_user(seed, tenant, user, now)?;
        }
    }
    let partner = state.partner.clone();
    for identity in &file.partner.managed_identities {
        add_identity(state.seed, state.tenants.get_mut(&partner), identity, now)?;
    }
    for issuer in &file.issuers {
        if issuer.jwks.get("keys").and_then(Value::as_array).is_none() {
            return Err(world(format!("the jwks of the issuer {} has no `keys`", issuer.issuer)));
        }
        state.issuers.insert(issuer.issuer.clone(), issuer.jwks.clone());
    }
    Ok(())
}

fn add_user(seed: u64, tenant: &mut Tenant, file: &UserFile, now: Timestamp) -> Result<(), SandboxError> {
    let upn = file.user_principal_name.to_ascii_lowercase();
    let domain = upn.rsplit_once('@').map_or("", |(_, domain)| domain);
    if !tenant.domains.iter().any(|d| d == domain) {
        return Err(world(format!("the user {upn} is of no domain of {}", tenant.display_name)));
    }
    if file.admin_agents || !file.refresh_tokens.is_empty() {
        return Err(world(format!("{upn} is a customer's user: adminAgents and refreshTokens are the partner's")));
    }
    let id = ids::guid(seed, &[&tenant.id, "user", &upn], 0);
    for name in &file.roles {
        let known = facts::role_named(name);
        let (role, _) =
            known.ok_or_else(|| world(format!("no built-in directory role is called `{name}` (user {upn})")))?;
        let assignment = ids::guid(seed, &[&tenant.id, "roleAssignment", &format!("{id} {role}")], 0);
        let made: Result<RoleAssignment, _> =
            serde_json::from_value(json!({ "id": assignment, "role": role, "principalId": id }));
        tenant.role_assignments.extend(made.ok().map(|r| (assignment, r)));
    }
    let name = file.display_name.clone().unwrap_or_else(|| upn.split('@').next().unwrap_or(&upn).to_owned());
    let user = User {
        id: id.clone(),
        user_principal_name: upn.clone(),
        display_name: name,
        mfa: file.mfa,
        props: Props::new(),
        created: now,
        tokens_valid_from: now,
        password: file.password.as_deref().map(ids::secret_hash),
    };
    match tenant.users.insert(id, user) {
        None => Ok(()),
        Some(_) => Err(world(format!("user {upn} is declared twice"))),
    }
}

fn add_identity(
    seed: u64,
    tenant: Option<&mut Tenant>,
    file: &ManagedIdentityFile,
    now: Timestamp,
) -> Result<(), SandboxError> {
    let Some(tenant) = tenant else { return Ok(()) };
    if !ids::is_guid(&file.client_id) {
        return Err(world(format!("the clientId of {}, `{}`, is no GUID", file.name, file.client_id)));
    }
    let app_id = file.client_id.to_ascii_lowercase();
    let id = ids::guid(seed, &[&tenant.id, "principal", &app_id], 0);
    let props = json!({
        "displayName": file.name, "servicePrincipalType": "ManagedIdentity", "servicePrincipalNames": [app_id],
        "appOwnerOrganizationId": null, "signInAudience": null, "alternativeNames": ["isExplicit=True", resource_id(&file.name)],
    });
    for (name, values) in &file.application {
        let known = facts::resource_named(name);
        let resource = known.ok_or_else(|| {
            world(format!("{} asks for permissions of `{name}`, which is no resource here", file.name))
        })?;
        let Some(resource_id) = tenant.principal_of(&resource.app_id).map(|p| p.id.clone()) else { continue };
        for value in values {
            let role = resource.application.get(value).ok_or_else(|| {
                world(format!("{} has no application permission `{value}` ({})", resource.display_name, file.name))
            })?;
            let key = ids::opaque(seed, &[&tenant.id, "appRole", &id, &resource.app_id, value], |_| false);
            let assignment = AppRoleAssignment {
                id: key.clone(),
                principal_id: id.clone(),
                resource_id: resource_id.clone(),
                app_role_id: role.clone(),
                created: now,
            };
            tenant.app_roles.insert(key, assignment);
        }
    }
    let principal = Principal {
        id: id.clone(),
        app_id,
        props: props.as_object().cloned().unwrap_or_default(),
        created_by: None,
        secrets: Vec::new(),
        certificates: Vec::new(),
    };
    match tenant.principals.insert(id, principal) {
        None => Ok(()),
        Some(_) => Err(world(format!("the managed identity {} is declared twice", file.name))),
    }
}

/// Redirect URIs by platform, as a registration has them.
pub fn redirects(uris: &BTreeMap<String, Vec<String>>, props: &mut Props) -> Result<(), SandboxError> {
    for (platform, list) in uris {
        if !["web", "spa", "publicClient"].contains(&platform.as_str()) {
            return Err(world(format!("redirectUris are of `web`, `spa` or `publicClient`, not of `{platform}`")));
        }
        props.insert(platform.clone(), json!({ "redirectUris": list }));
    }
    Ok(())
}
