//! Who the client is: by secret or by certificate assertion.
use jiff::Timestamp;

use super::{Form, Refusal, certificate, refuse};
use crate::sandbox::behaviour::tokens;
use crate::sandbox::ids;
use crate::sandbox::state::{Application, Secret, State, Tenant};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Entra: AADSTS7000215 wrong, 7000222 expired, 7000218 missing, 700027 unknown certificate.
pub fn authenticate(
    state: &State,
    app: &Application,
    tenant: &Tenant,
    form: &Form,
    now: Timestamp,
) -> Result<(), Refusal> {
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
