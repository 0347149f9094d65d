//! The two grants: client credentials (app-only) and refresh token (delegated, also into customers).
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::{Form, Refusal, Scope, claims, client, refuse};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::facts;
use crate::sandbox::gdap;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::keys::{Keys, Refresh};
use crate::sandbox::state::{Application, Principal, State, Tenant, User};

/// Entra: a refresh token that was not used for 90 days is dead.
const INACTIVITY: i64 = 90;

fn application<'a>(state: &'a State, tenant: &Tenant, client: &str) -> Result<&'a Application, Refusal> {
    state.application(client).map(|(_, a)| a).ok_or_else(|| not_in_tenant(tenant, client))
}

fn not_in_tenant(tenant: &Tenant, client: &str) -> Refusal {
    refuse(
        700_016,
        "unauthorized_client",
        format!(
            "Application with identifier '{client}' was not found in the directory '{}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
            tenant.display_name
        ),
    )
}

fn resource<'a>(tenant: &'a Tenant, scope: &Scope) -> Result<&'a Principal, Refusal> {
    scope.resource.and_then(|id| tenant.principal_of(id)).ok_or_else(|| {
        refuse(500_011, "invalid_resource", format!("The resource principal named {} was not found in the tenant named {}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", scope.uri, tenant.display_name))
    })
}

/// The audience as it was asked for: Graph by the sandbox's own address stays that address.
fn audience(scope: &Scope) -> String {
    match scope.resource.and_then(facts::resource) {
        Some(r) if !scope.own => r.audience().to_owned(),
        _ => scope.uri.clone(),
    }
}

fn signed(keys: &Keys, claims: &serde_json::Value) -> Result<String, Refusal> {
    keys.sign(claims).map_err(|e| {
        Refusal::new(503, "temporarily_unavailable", 90_033, format!("A transient error has occurred: {e}"))
    })
}

pub fn client_credentials(
    state: &State,
    keys: &Keys,
    tenant: &Tenant,
    client_id: &str,
    form: &Form,
    scope: &Scope,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    if scope.names.iter().any(|n| n != ".default") {
        return Err(refuse(
            70_011,
            "invalid_scope",
            format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {} is not valid.",
                scope.raw
            ),
        ));
    }
    let app = application(state, tenant, client_id)?;
    let Some(principal) = tenant.principal_of(client_id) else {
        // Which of the two a tenant says is a matter of its seed; both mean the same.
        let seeded =
            ids::guid(state.seed, &["no principal", &tenant.id], 0).as_bytes().first().is_some_and(|b| b % 2 == 0);
        return Err(if seeded {
            refuse(
                7_000_229,
                "invalid_client",
                format!(
                    "The client application '{client_id}' is missing service principal in the tenant '{}'.",
                    tenant.id
                ),
            )
        } else {
            not_in_tenant(tenant, client_id)
        });
    };
    if principal.props.get("accountEnabled") == Some(&json!(false)) {
        return Err(refuse(7_000_112, "unauthorized_client", format!("Application '{client_id}' is disabled.")));
    }
    client::authenticate(state, app, tenant, form, now)?;
    let resource = resource(tenant, scope)?;
    let claims = claims::app_only(state, tenant, principal, resource, &audience(scope), now);
    Ok(Answer::json(
        200,
        json!({ "token_type": "Bearer", "expires_in": claims::LIFETIME, "ext_expires_in": claims::LIFETIME, "access_token": signed(keys, &claims)? }),
    ))
}

/// Who a refresh token belongs to, when it is still good for this client.
fn owner<'a>(state: &'a State, keys: &Keys, token: &str, client_id: &str, now: Timestamp) -> Result<&'a User, Refusal> {
    let malformed = || refuse(9_002_313, "invalid_request", "Invalid request. Request is malformed or invalid.");
    let (user, owner, issued) = match state.refresh_tokens.get(&ids::secret_hash(token)) {
        Some(s) => (s.user.clone(), s.client_id.clone(), s.issued),
        None => {
            let r = keys.unseal(token).ok_or_else(malformed)?;
            let issued = Timestamp::from_second(r.issued).map_err(|_| malformed())?;
            (r.user, r.client, issued)
        }
    };
    if !owner.eq_ignore_ascii_case(client_id) {
        return Err(refuse(
            70_000,
            "invalid_grant",
            "Provided grant is invalid or malformed: the refresh token was issued to another client.",
        ));
    }
    let home = state.tenants.get(&state.partner);
    let user = home
        .and_then(|t| t.users.get(&user))
        .ok_or_else(|| refuse(50_034, "invalid_grant", "The user account does not exist in the directory."))?;
    if issued < user.tokens_valid_from {
        return Err(refuse(
            50_173,
            "invalid_grant",
            "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        ));
    }
    if plus(issued, days(INACTIVITY)) <= now {
        return Err(refuse(
            700_082,
            "invalid_grant",
            format!(
                "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for 90.00:00:00."
            ),
        ));
    }
    Ok(user)
}

pub fn refresh(
    state: &State,
    keys: &Keys,
    tenant: &Tenant,
    client_id: &str,
    form: &Form,
    scope: &Scope,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let token = form.get("refresh_token").ok_or_else(|| {
        refuse(900_144, "invalid_request", "The request body must contain the following parameter: 'refresh_token'.")
    })?;
    let app = application(state, tenant, client_id)?;
    client::authenticate(state, app, tenant, form, now)?;
    let user = owner(state, keys, token, client_id, now)?;
    if tenant.id != state.partner && gdap::roles_of(state, &user.id, &tenant.id).is_empty() {
        return Err(refuse(
            50_020,
            "invalid_grant",
            format!(
                "User account '{}' from identity provider 'https://sts.windows.net/{}/' does not exist in tenant '{}' and cannot access the application '{client_id}' in that tenant.",
                user.user_principal_name, state.partner, tenant.display_name
            ),
        ));
    }
    let no_consent = || {
        refuse(
            65_001,
            "invalid_grant",
            format!(
                "The user or administrator has not consented to use the application with ID '{client_id}' named '{}'. Send an interactive authorization request for this user and resource.",
                app.display_name()
            ),
        )
    };
    let principal = tenant.principal_of(client_id).ok_or_else(no_consent)?;
    let resource = resource(tenant, scope)?;
    let grants = tenant.grants.values().filter(|g| g.client_id == principal.id && g.resource_id == resource.id);
    let grants = grants.filter(|g| g.principal_id.as_ref().is_none_or(|p| *p == user.id));
    let scopes: BTreeSet<String> = grants.flat_map(|g| g.scope.split_whitespace().map(str::to_owned)).collect();
    let asked = scope.names.iter().filter(|n| *n != ".default");
    if scopes.is_empty() || !asked.clone().all(|n| scopes.contains(n)) {
        return Err(no_consent());
    }
    let audience = audience(scope);
    let claims = claims::delegated(state, tenant, client_id, user, &scopes, &audience, now);
    // Bound to user and client, not to tenant or resource; the old token stays valid.
    let next = Refresh {
        user: user.id.clone(),
        client: client_id.to_ascii_lowercase(),
        issued: now.as_second(),
        serial: state.log.next,
    };
    let mut granted: Vec<String> = scopes.iter().map(|s| format!("{}/{s}", audience.trim_end_matches('/'))).collect();
    // Some clients treat a scope that is missing here as declined, so what was asked is said back.
    granted.extend(scope.raw.split_whitespace().map(str::to_owned));
    granted.dedup();
    Ok(Answer::json(
        200,
        json!({
            "token_type": "Bearer", "scope": granted.join(" "), "expires_in": claims::LIFETIME, "ext_expires_in": claims::LIFETIME,
            "access_token": signed(keys, &claims)?, "refresh_token": keys.seal(&next),
        }),
    ))
}
