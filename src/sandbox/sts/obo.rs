//! On behalf of: an API goes on as the person whose token it was given.
use serde_json::Value;

use super::delegated::{self, Ask};
use super::flows::Login;
use super::scope::{Scope, app_of};
use super::{Cx, Granted, Realm, Refusal, client, grant, people, refuse};
use crate::sandbox::keys::Refresh;

/// Entra: AADSTS50013 not a token of ours, 500133 not in its time, 500131 for somebody else, 7000114 an app's own.
pub fn redeem(cx: &Cx, client_id: &str) -> Result<Granted, Refusal> {
    if cx.form.get("requested_token_use") != Some("on_behalf_of") {
        return Err(refuse(
            70_002,
            "invalid_request",
            "The request must contain the parameter 'requested_token_use' with the value 'on_behalf_of'.",
        ));
    }
    let assertion = cx.form.need("assertion")?;
    let tenant = match cx.realm()? {
        Realm::Of(tenant) => Some(tenant),
        Realm::Any => None,
    };
    let app = grant::application(cx, tenant.map_or(cx.named, |t| &t.display_name), client_id)?;
    let proof = client::authenticate(cx, app, tenant.map_or_else(|| grant::home_of(cx, app), Ok)?)?;
    let claims = cx.keys.verify(assertion).ok_or_else(|| {
        refuse(50_013, "invalid_grant", "Assertion failed signature validation. [Reason - The key was not found.]")
    })?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or(0);
    if time("exp") <= cx.now.as_second() {
        return Err(refuse(
            500_133,
            "invalid_grant",
            "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token.",
        ));
    }
    if app_of(cx.state, text("aud"), &cx.call.host).is_none_or(|id| !id.eq_ignore_ascii_case(client_id)) {
        return Err(refuse(
            500_131,
            "invalid_grant",
            format!(
                "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '{}' and the expected audience is '{client_id}'.",
                text("aud")
            ),
        ));
    }
    if text("scp").is_empty() {
        return Err(refuse(
            7_000_114,
            "unauthorized_client",
            format!("Application '{client_id}' is not allowed to make application on-behalf-of calls."),
        ));
    }
    // A user of another tenant came in by the one that its token says.
    let home = text("idp").trim_end_matches('/').rsplit('/').next().filter(|h| !h.is_empty()).unwrap_or(text("tid"));
    let from = cx.state.tenants.get(text("tid")).ok_or_else(|| Refusal::no_tenant(text("tid")))?;
    let person = people::by_id(cx.state, home, text("oid")).ok_or_else(|| Refusal::no_user(text("oid"), from))?;
    // Version 2.0 does not say whether there was a second factor: it is as the user is.
    let mfa = match claims.get("amr").and_then(Value::as_array) {
        Some(ways) => ways.iter().any(|w| w == "mfa"),
        None => person.user.mfa,
    };
    let login = Login { user: person.user.id.clone(), home: home.to_owned(), mfa, at: time("iat") };
    let scope = Scope::of_form(cx.state, cx.form, &cx.call.host)?;
    let refresh = scope.openid.contains("offline_access").then(Refresh::default);
    let ask = Ask {
        app,
        tenant: tenant.unwrap_or(from),
        person: &person,
        login: &login,
        scope: &scope,
        proof,
        nonce: None,
        refresh,
        error: "interaction_required",
        interactive: false,
        protocol: "oAuth2",
    };
    delegated::issue(cx, &ask)
}
