//! Who the client is: by secret or by certificate assertion.
use std::borrow::Cow;

use jiff::Timestamp;

use super::{Form, Refusal, certificate, refuse};
use crate::sandbox::behaviour::tokens;
use crate::sandbox::ids;
use crate::sandbox::state::{Application, Principal, Secret, State, Tenant};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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
pub fn authenticate(
    state: &State,
    app: &Application,
    tenant: &Tenant,
    form: &Form,
    now: Timestamp,
) -> Result<(), Refusal> {
    let app = &*credentials_of(app, tenant.principal_of(&app.app_id));
    if let Some(assertion) = form.get("client_assertion") {
        if form.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(refuse(90_023, "invalid_request", "The client_assertion_type is not supported."));
        }
        let mut names = tenant.domains.clone();
        // Assertions are often addressed to the tenant as the caller wrote it.
        names.push(tenant.id.clone());
        return certificate::check(state, app, assertion, &tenant.id, &names, now);
    }
    let Some(secret) = form.get("client_secret") else {
        return Err(refuse(
            7_000_218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        ));
    };
    let hash = ids::secret_hash(secret);
    let usable = |s: &Secret| s.start <= now && tokens::knows_secret(state, &app.app_id, s, now);
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
    if known.end <= now {
        return Err(refuse(
            7_000_222,
            "invalid_client",
            format!("The provided client secret keys for app '{}' are expired.", app.app_id),
        ));
    }
    Ok(())
}
