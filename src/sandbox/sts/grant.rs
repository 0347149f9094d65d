//! The two grants of programs: client credentials (app-only) and refresh token (delegated, also into customers).
use jiff::Timestamp;
use serde_json::json;

use super::claims::{self, Token};
use super::conditional_access::{self, Attempt};
use super::delegated::{self, Ask, signed};
use super::flows::Login;
use super::people::{self, Person};
use super::scope::{self, Scope};
use super::sign_in::{self, Seen};
use super::{Cx, Granted, Realm, Refusal, client, refuse};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::ids;
use crate::sandbox::keys::{Kind, Refresh};
use crate::sandbox::state::{Application, Principal, Tenant};

/// Entra: a refresh token that was not used for 90 days is dead.
const INACTIVITY: i64 = 90;

/// The registration of the client that asks.
pub fn application<'a>(cx: &Cx<'a>, tenant: &str, client: &str) -> Result<&'a Application, Refusal> {
    scope::client(cx.state, client).ok_or_else(|| Refusal::not_in_tenant(tenant, client))
}

pub fn client_credentials(cx: &Cx, client_id: &str) -> Result<Granted, Refusal> {
    let tenant = match cx.realm()? {
        Realm::Of(tenant) => tenant,
        Realm::Any => return Err(no_tenant_named(cx, client_id)),
    };
    let scope = Scope::of_form(cx.state, cx.form, &cx.call.host)?;
    if scope.names.is_empty() || scope.named().next().is_some() {
        return Err(refuse(
            70_011,
            "invalid_scope",
            format!(
                "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {} is not valid. Scopes of client credentials end in /.default.",
                scope.raw
            ),
        ));
    }
    let app = application(cx, &tenant.display_name, client_id)?;
    let mut seen = Seen {
        tenant: tenant.id.clone(),
        client: app.app_id.clone(),
        resource: scope.resource.clone(),
        protocol: "oAuth2",
        ..Seen::default()
    };
    let done = app_only(cx, tenant, app, &scope, &mut seen);
    done.map_err(|r| r.of(&seen)).map(|body| Granted { body, seen: seen.clone(), redeemed: None })
}

/// Entra: AADSTS50194 for an app of one tenant, 50059 for others.
fn no_tenant_named(cx: &Cx, client_id: &str) -> Refusal {
    let single = scope::client(cx.state, client_id).is_some_and(|a| a.audience() == "AzureADMyOrg");
    if single {
        return not_multi_tenant(client_id);
    }
    refuse(
        50_059,
        "invalid_request",
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
    )
}

pub fn not_multi_tenant(client_id: &str) -> Refusal {
    refuse(
        50_194,
        "invalid_request",
        format!(
            "Application '{client_id}' is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant."
        ),
    )
}

fn app_only(
    cx: &Cx,
    tenant: &Tenant,
    app: &Application,
    scope: &Scope,
    seen: &mut Seen,
) -> Result<serde_json::Value, Refusal> {
    let client_id = app.app_id.as_str();
    let Some(principal) = tenant.principal_of(client_id) else {
        // Which of the two a tenant says is a matter of its seed; both mean the same.
        let seeded = ids::guid(cx.state.seed, &["no principal", &tenant.id], 0);
        return Err(if seeded.as_bytes().first().is_some_and(|b| b % 2 == 0) {
            refuse(
                7_000_229,
                "invalid_client",
                format!(
                    "The client application '{client_id}' is missing service principal in the tenant '{}'.",
                    tenant.id
                ),
            )
        } else {
            Refusal::not_in_tenant(&tenant.display_name, client_id)
        });
    };
    if principal.props.get("accountEnabled") == Some(&json!(false)) {
        return Err(delegated::disabled(client_id));
    }
    let proof = client::authenticate(cx, app, tenant)?;
    issue_app_only(cx, tenant, principal, proof, scope, seen)
}

/// Policies for workloads, the resource, and the token.
pub fn issue_app_only(
    cx: &Cx,
    tenant: &Tenant,
    principal: &Principal,
    proof: &'static str,
    scope: &Scope,
    seen: &mut Seen,
) -> Result<serde_json::Value, Refusal> {
    if let Some(policies) = tenant.shelves.get("policies") {
        let attempt = Attempt {
            subject: &principal.id,
            workload: true,
            resource: scope.resource.as_deref().unwrap_or_default(),
            client: &principal.app_id,
            ..Attempt::default()
        };
        let all = policies.iter().map(|(id, item)| (id.as_str(), &item.props));
        let (verdict, applied) = conditional_access::decide(all, &attempt);
        seen.applied = applied;
        if let Some(refused) = sign_in::refusal(verdict, "invalid_grant", false) {
            return Err(refused);
        }
    }
    let resource = scope.principal(tenant)?;
    let audience = scope.audience(cx.state);
    let token = Token { tenant, client: &principal.app_id, proof, resource, audience };
    let claims = claims::app_only(cx, &token, principal);
    let mut body = json!({
        "token_type": "Bearer", "expires_in": claims::LIFETIME, "ext_expires_in": claims::LIFETIME,
        "access_token": signed(cx.keys, &claims)?,
    });
    if cx.v1 {
        body["resource"] = json!(token.audience);
        body["expires_in"] = json!(claims::LIFETIME.to_string());
        body["ext_expires_in"] = json!(claims::LIFETIME.to_string());
        body["expires_on"] = json!(claims::end(cx.now).to_string());
        body["not_before"] = json!(cx.now.as_second().to_string());
    }
    Ok(body)
}

/// What a refresh token says, and whose it is, when it is still good for this client.
fn owner(cx: &Cx, token: &str, client_id: &str) -> Result<(Refresh, Person), Refusal> {
    let state = cx.state;
    let malformed = || refuse(9_002_313, "invalid_request", "Invalid request. Request is malformed or invalid.");
    let refresh: Refresh = match state.refresh_tokens.get(&ids::secret_hash(token)) {
        Some(s) => Refresh {
            user: s.user.clone(),
            client: s.client_id.clone(),
            issued: s.issued.as_second(),
            ..Refresh::default()
        },
        None => cx.keys.unseal(Kind::Refresh, token).ok_or_else(malformed)?,
    };
    let issued = Timestamp::from_second(refresh.issued).map_err(|_| malformed())?;
    if !refresh.client.eq_ignore_ascii_case(client_id) {
        return Err(refuse(
            70_000,
            "invalid_grant",
            "Provided grant is invalid or malformed: the refresh token was issued to another client.",
        ));
    }
    let home = refresh.home.as_deref().unwrap_or(&state.partner);
    let person = people::by_id(state, home, &refresh.user)
        .ok_or_else(|| refuse(50_034, "invalid_grant", "The user account does not exist in the directory."))?;
    if issued < person.user.tokens_valid_from {
        return Err(refuse(
            50_173,
            "invalid_grant",
            "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        ));
    }
    if let Some(since) = refresh.spa_since
        && since + days(1) <= cx.now.as_second()
    {
        return Err(refuse(
            700_084,
            "invalid_grant",
            format!(
                "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on {issued}."
            ),
        ));
    }
    if plus(issued, days(INACTIVITY)) <= cx.now {
        return Err(refuse(
            700_082,
            "invalid_grant",
            format!(
                "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for 90.00:00:00."
            ),
        ));
    }
    Ok((refresh, person))
}

pub fn refresh(cx: &Cx, client_id: &str) -> Result<Granted, Refusal> {
    let token = cx.form.need("refresh_token")?;
    let named = cx.tenant_name();
    let realm = cx.realm()?;
    let app = application(cx, named, client_id)?;
    let known: Option<Refresh> = cx.keys.unseal(Kind::Refresh, token);
    let public = known.as_ref().is_some_and(|r| r.public);
    let spa = known.as_ref().is_some_and(|r| r.spa_since.is_some());
    let proof = match &realm {
        Realm::Of(tenant) => client::public_or(cx, app, tenant, public)?,
        Realm::Any => client::public_or(cx, app, home_of(cx, app)?, public)?,
    };
    super::code::check_origin(cx, spa)?;
    let (refresh, person) = owner(cx, token, client_id)?;
    let tenant = cx.tenant_for(realm, &person.home)?;
    let scope = match (cx.form.get("scope"), cx.form.get("resource")) {
        (None, None) if !refresh.scope.is_empty() => Scope::parse(cx.state, &refresh.scope, &cx.call.host)?,
        _ => Scope::of_form(cx.state, cx.form, &cx.call.host)?,
    };
    let mfa = refresh.mfa.unwrap_or(person.user.mfa);
    let login = Login { user: person.user.id.clone(), home: person.home.clone(), mfa, at: refresh.issued };
    let ask = Ask {
        app,
        tenant,
        person: &person,
        login: &login,
        scope: &scope,
        proof,
        nonce: None,
        refresh: Some(refresh),
        error: "invalid_grant",
        interactive: false,
        protocol: "oAuth2",
    };
    delegated::issue(cx, &ask)
}

/// Where an app is registered; Microsoft's own tools are nobody's, so the partner's tenant stands for theirs.
pub fn home_of<'a>(cx: &Cx<'a>, app: &Application) -> Result<&'a Tenant, Refusal> {
    let home = cx.state.application(&app.app_id).map(|(t, _)| t);
    home.or_else(|| cx.state.tenants.get(&cx.state.partner)).ok_or_else(|| Refusal::no_tenant(cx.named))
}
