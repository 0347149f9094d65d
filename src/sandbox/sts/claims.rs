//! What an access token says: frozen when it is issued.
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::behaviour::tokens;
use crate::sandbox::gdap;
use crate::sandbox::graph::known_role;
use crate::sandbox::state::{Principal, State, Tenant, User};

/// Seconds that an access token lives.
pub const LIFETIME: i64 = 3599;

fn base(state: &State, tenant: &Tenant, client: &str, audience: &str, now: Timestamp) -> Value {
    let t = now.as_second();
    let name = state.application(client).map(|(_, a)| a.display_name().to_owned());
    json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{}/", tenant.id), "iat": t, "nbf": t, "exp": t + LIFETIME,
        "appid": client.to_ascii_lowercase(), "app_displayname": name, "tid": tenant.id, "ver": "1.0",
    })
}

/// App-only: roles are the app-role assignments on this resource, wids the principal's directory roles.
pub fn app_only(
    state: &State,
    tenant: &Tenant,
    principal: &Principal,
    resource: &Principal,
    audience: &str,
    now: Timestamp,
) -> Value {
    let mut claims = base(state, tenant, &principal.app_id, audience, now);
    let unseen = tokens::unseen(state, tenant);
    let held = tenant.app_roles.values().filter(|a| a.principal_id == principal.id && a.resource_id == resource.id);
    let held = held.filter(|a| !unseen.contains(a.id.as_str())).map(|a| a.app_role_id.as_str());
    let held = held.chain(tokens::lingering(state, tenant, &principal.id, Some(&resource.id)));
    let roles: BTreeSet<String> = held.filter_map(|role| known_role(state, &resource.app_id, role)).collect();
    claims["oid"] = json!(principal.id);
    claims["sub"] = json!(principal.id);
    claims["idtyp"] = json!("app");
    claims["appidacr"] = json!("1");
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    claims["wids"] = json!(directory_roles(state, tenant, &principal.id));
    claims
}

/// Delegated: scopes of the grants, directory roles of the user at home or through GDAP.
pub fn delegated(
    state: &State,
    tenant: &Tenant,
    client: &str,
    user: &User,
    scopes: &BTreeSet<String>,
    audience: &str,
    now: Timestamp,
) -> Value {
    let mut claims = base(state, tenant, client, audience, now);
    let wids = if tenant.id == state.partner {
        directory_roles(state, tenant, &user.id)
    } else {
        gdap::roles_of(state, &user.id, &tenant.id)
    };
    claims["oid"] = json!(user.id);
    claims["sub"] = json!(user.id);
    claims["upn"] = json!(user.user_principal_name);
    claims["name"] = json!(user.display_name);
    claims["idtyp"] = json!("user");
    claims["scp"] = json!(scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
    claims["amr"] = if user.mfa { json!(["pwd", "mfa"]) } else { json!(["pwd"]) };
    claims["wids"] = json!(wids);
    if tenant.id != state.partner {
        claims["idp"] = json!(format!("https://sts.windows.net/{}/", state.partner));
    }
    claims
}

/// Roles given directly, or through role-assignable groups.
fn directory_roles(state: &State, tenant: &Tenant, id: &str) -> BTreeSet<String> {
    let unseen = tokens::unseen(state, tenant);
    let holds =
        |principal: &str| principal == id || tenant.groups.get(principal).is_some_and(|g| g.members.contains(id));
    let held = tenant
        .role_assignments
        .values()
        .filter(|r| r.is_tenant_wide() && holds(&r.principal_id) && !unseen.contains(r.id.as_str()));
    let held = held.map(|r| r.role.as_str()).chain(tokens::lingering(state, tenant, id, None));
    held.map(str::to_owned).collect()
}
