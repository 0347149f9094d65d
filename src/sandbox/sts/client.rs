//! Who the client is: by secret or by certificate assertion.
use jiff::Timestamp;

use super::{Form, Refusal, certificate, refuse};
use crate::sandbox::due::Effect;
use crate::sandbox::ids;
use crate::sandbox::state::{Application, State, Tenant};

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
        return certificate::check(app, assertion, &tenant.id, &names, now);
    }
    let Some(secret) = form.get("client_secret") else {
        return Err(refuse(
            7_000_218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        ));
    };
    let hash = ids::secret_hash(secret);
    let pending = |key_id: &str| {
        state.is_pending(&Effect::SecretUsable { app_id: app.app_id.clone(), key_id: key_id.to_owned() })
    };
    let known = app.secrets.iter().find(|s| s.hash == hash && s.start <= now && !pending(&s.key_id));
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
