//! Who the client is: by secret, by certificate, by another issuer's word, or a public one that proves nothing.
use std::borrow::Cow;

use serde_json::Value;

use super::{Cx, Refusal, certificate, federated, refuse};
use crate::sandbox::behaviour::tokens;
use crate::sandbox::ids;
use crate::sandbox::state::{Application, Principal, Secret, Tenant};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client proved who it is, as `appidacr` says it.
pub const NOTHING: &str = "0";
const SECRET: &str = "1";
const KEY: &str = "2";

/// The application, with the credentials that its principal in the tenant has of its own.
pub fn credentials_of<'a>(app: &'a Application, principal: Option<&Principal>) -> Cow<'a, Application> {
    let own = principal.filter(|p| !p.secrets.is_empty() || !p.certificates.is_empty());
    own.map_or(Cow::Borrowed(app), |p| {
        let mut both = app.clone();
        both.secrets.extend(p.secrets.iter().cloned());
        both.certificates.extend(p.certificates.iter().cloned());
        Cow::Owned(both)
    })
}

/// Entra: AADSTS7000215 wrong, 7000222 expired, 7000218 missing, 700027 unknown certificate.
pub fn authenticate(cx: &Cx, app: &Application, tenant: &Tenant) -> Result<&'static str, Refusal> {
    let app = &*credentials_of(app, tenant.principal_of(&app.app_id));
    if let Some(assertion) = cx.form.get("client_assertion") {
        if cx.form.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(refuse(90_023, "invalid_request", "The client_assertion_type is not supported."));
        }
        by_assertion(cx, app, tenant, assertion)?;
        return Ok(KEY);
    }
    let Some(secret) = cx.form.get("client_secret") else {
        return Err(refuse(
            7_000_218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        ));
    };
    by_secret(cx, app, secret)?;
    Ok(SECRET)
}

fn by_assertion(cx: &Cx, app: &Application, tenant: &Tenant, assertion: &str) -> Result<(), Refusal> {
    let jwt = certificate::Jwt::read(assertion).ok_or_else(certificate::malformed)?;
    // What others issued speaks for the app by a federated credential.
    let issuer = jwt.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    if issuer.contains("://") {
        return federated::check(cx, app, &jwt);
    }
    let mut names = tenant.domains.clone();
    // Assertions are often addressed to the tenant as the caller wrote it.
    names.extend([tenant.id.clone(), cx.named.to_owned()]);
    certificate::check(cx.state, app, &jwt, &tenant.id, &names, cx.now)
}

fn by_secret(cx: &Cx, app: &Application, secret: &str) -> Result<(), Refusal> {
    let hash = ids::secret_hash(secret);
    let usable = |s: &Secret| s.start <= cx.now && tokens::knows_secret(cx.state, &app.app_id, s, cx.now);
    let known = app.secrets.iter().find(|s| s.hash == hash && usable(s));
    let Some(known) = known else {
        return Err(refuse(
            7_000_215,
            "invalid_client",
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.",
                app.app_id
            ),
        ));
    };
    if known.end <= cx.now {
        return Err(refuse(
            7_000_222,
            "invalid_client",
            format!("The provided client secret keys for app '{}' are expired.", app.app_id),
        ));
    }
    Ok(())
}

fn sends_credentials(cx: &Cx) -> bool {
    cx.form.get("client_secret").is_some() || cx.form.get("client_assertion").is_some()
}

/// Whether the app lets clients without credentials use flows that end at no redirect URI.
pub fn is_public(app: &Application) -> bool {
    app.props.get("isFallbackPublicClient") == Some(&Value::Bool(true))
}

/// A public client proves nothing, and may not try; any other must.
pub fn public_or(cx: &Cx, app: &Application, tenant: &Tenant, public: bool) -> Result<&'static str, Refusal> {
    match (public, sends_credentials(cx)) {
        (true, false) => Ok(NOTHING),
        (true, true) => Err(refuse(
            700_025,
            "invalid_client",
            "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        )),
        (false, _) => authenticate(cx, app, tenant),
    }
}
