//! What an access token says: frozen when it is issued.
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::flows::Login;
use super::people::{self, Person};
use super::{Cx, discovery, scope};
use crate::sandbox::behaviour::tokens;
use crate::sandbox::graph::known_role;
use crate::sandbox::ids;
use crate::sandbox::state::{Principal, State, Tenant};

/// Seconds that an access token lives.
pub const LIFETIME: i64 = 3599;

/// For whom and for what a token is.
pub struct Token<'a> {
    pub tenant: &'a Tenant,
    /// App id.
    pub client: &'a str,
    /// How the client proved itself: `0` not at all, `1` by a secret, `2` by a key.
    pub proof: &'static str,
    /// The resource's principal.
    pub resource: &'a Principal,
    pub audience: String,
}

/// A subject that no other client knows by the same name.
pub fn pairwise(subject: &str, audience: &str) -> String {
    ids::b64(&Sha256::digest(format!("{subject} {audience}")))
}

/// A token's own mark, and what the service keeps for itself.
pub fn marks(cx: &Cx, tenant: &str, client: &str, claims: &mut Value) {
    let of = |what: &str| Sha256::digest(format!("{} {} {tenant} {client} {what}", cx.state.seed, cx.call.request_id));
    claims["uti"] = json!(ids::b64(&of("uti")[..16]));
    claims["aio"] = json!(ids::b64(&of("aio")[..24]));
    claims["rh"] = json!(format!("1.A{}.", ids::b64(&Sha256::digest(format!("{tenant} {client}"))[..30])));
}

fn base(cx: &Cx, token: &Token) -> Value {
    let t = cx.now.as_second();
    let client = token.client.to_ascii_lowercase();
    let mut claims = json!({
        "aud": token.audience, "iat": t, "nbf": t, "exp": t + LIFETIME, "tid": token.tenant.id,
    });
    if is_v2(cx.state, token) {
        claims["iss"] = json!(discovery::issuer(&cx.call.base(), &token.tenant.id));
        claims["azp"] = json!(client);
        claims["azpacr"] = json!(token.proof);
        claims["ver"] = json!("2.0");
        claims["xms_ftd"] = json!(pairwise(&token.tenant.id, "xms_ftd"));
    } else {
        claims["iss"] = json!(discovery::issuer_v1(&token.tenant.id));
        claims["appid"] = json!(client);
        claims["appidacr"] = json!(token.proof);
        claims["app_displayname"] = json!(name_of(cx.state, token.tenant, &client));
        claims["ver"] = json!("1.0");
    }
    marks(cx, &token.tenant.id, &client, &mut claims);
    claims
}

fn is_v2(state: &State, token: &Token) -> bool {
    scope::is_v2(state, &token.resource.app_id)
}

/// An app's name; a managed identity has a principal only.
fn name_of(state: &State, tenant: &Tenant, client: &str) -> Option<String> {
    let registered = scope::client(state, client).map(|a| a.display_name().to_owned());
    registered.or_else(|| tenant.principal_of(client)?.props.get("displayName")?.as_str().map(str::to_owned))
}

/// Values of the app roles that somebody holds on a resource.
fn app_roles(state: &State, tenant: &Tenant, holders: &[&str], resource: &Principal) -> BTreeSet<String> {
    let held = tenant.app_roles.values();
    let held = held.filter(|a| holders.contains(&a.principal_id.as_str()) && a.resource_id == resource.id);
    let unseen = tokens::unseen(state, tenant);
    let held = held.filter(|a| !unseen.contains(a.id.as_str())).map(|a| a.app_role_id.as_str());
    let lingering = holders.iter().flat_map(|h| tokens::lingering(state, tenant, h, Some(&resource.id)));
    held.chain(lingering).filter_map(|role| known_role(state, &resource.app_id, role)).collect()
}

/// App-only: roles are the app-role assignments on this resource, wids the principal's directory roles.
pub fn app_only(cx: &Cx, token: &Token, principal: &Principal) -> Value {
    let mut claims = base(cx, token);
    let roles = app_roles(cx.state, token.tenant, &[&principal.id], token.resource);
    claims["oid"] = json!(principal.id);
    claims["sub"] = json!(principal.id);
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    if !is_v2(cx.state, token) {
        claims["idtyp"] = json!("app");
        claims["idp"] = json!(discovery::issuer_v1(&token.tenant.id));
        claims["wids"] = json!(directory_roles(cx.state, token.tenant, &principal.id));
    }
    claims
}

/// Delegated: scopes of the grants, directory roles of the user at home or through GDAP.
pub fn delegated(cx: &Cx, token: &Token, person: &Person, login: &Login, scopes: &BTreeSet<String>) -> Value {
    let mut claims = base(cx, token);
    let (user, tenant) = (&person.user, token.tenant);
    let groups = people::groups(tenant, person);
    let holders: Vec<&str> = std::iter::once(user.id.as_str()).chain(groups.iter().map(String::as_str)).collect();
    let roles = app_roles(cx.state, tenant, &holders, token.resource);
    claims["oid"] = json!(user.id);
    claims["sub"] = json!(pairwise(&user.id, &token.resource.app_id));
    claims["name"] = json!(user.display_name);
    claims["scp"] = json!(scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    if is_v2(cx.state, token) {
        claims["preferred_username"] = json!(user.user_principal_name);
    } else {
        claims["acr"] = json!("1");
        claims["upn"] = json!(user.user_principal_name);
        claims["unique_name"] = json!(user.user_principal_name);
        claims["idtyp"] = json!("user");
        claims["amr"] = if login.mfa { json!(["pwd", "mfa"]) } else { json!(["pwd"]) };
        claims["wids"] = json!(people::roles(cx.state, tenant, person));
    }
    if tenant.id != person.home {
        claims["idp"] = json!(discovery::issuer_v1(&person.home));
    }
    claims
}

/// Roles given directly, or through role-assignable groups.
pub fn directory_roles(state: &State, tenant: &Tenant, id: &str) -> BTreeSet<String> {
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

/// When a token of now ends.
pub fn end(now: Timestamp) -> i64 {
    now.as_second() + LIFETIME
}
