//! AADSTS errors. Codes and their `error` values: Entra error-code reference, and captures of real answers.
use jiff::Timestamp;
use serde_json::json;

use super::sign_in::Seen;
use crate::sandbox::http::{Answer, Call};
use crate::sandbox::ids;
use crate::sandbox::state::{State, Tenant};

#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub error: &'static str,
    pub code: u32,
    pub text: String,
    pub suberror: Option<&'static str>,
    /// Who was refused, as far as it was known then; for the log of sign-ins.
    pub seen: Option<Box<Seen>>,
}

/// 401 for clients that do not prove who they are, else 400.
pub fn refuse(code: u32, error: &'static str, text: impl Into<String>) -> Refusal {
    Refusal::new(if error == "invalid_client" { 401 } else { 400 }, error, code, text)
}

/// These come without `error_uri`.
const WITHOUT_URI: [u32; 2] = [700_038, 70_003];

impl Refusal {
    pub fn new(status: u16, error: &'static str, code: u32, text: impl Into<String>) -> Refusal {
        Refusal { status, error, code, text: text.into(), suberror: None, seen: None }
    }

    pub fn with_suberror(self, suberror: &'static str) -> Refusal {
        Refusal { suberror: Some(suberror), ..self }
    }

    /// The same for somebody who is known.
    pub fn of(self, seen: &Seen) -> Refusal {
        Refusal { seen: self.seen.or_else(|| Some(Box::new(seen.clone()))), ..self }
    }

    pub fn missing(parameter: &str) -> Refusal {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        refuse(900_144, "invalid_request", text)
    }

    pub fn no_tenant(named: &str) -> Refusal {
        refuse(
            90_002,
            "invalid_request",
            format!(
                "Tenant '{named}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
            ),
        )
    }

    pub fn consumers(client: &str) -> Refusal {
        let text = format!(
            "Application '{client}' is not configured for use with personal accounts: the /consumers endpoint cannot be used."
        );
        refuse(9_002_346, "invalid_request", text)
    }

    pub fn not_in_tenant(tenant: &str, client: &str) -> Refusal {
        refuse(
            700_016,
            "unauthorized_client",
            format!(
                "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
            ),
        )
    }

    pub fn no_consent(client: &str, name: &str) -> Refusal {
        let text = format!(
            "The user or administrator has not consented to use the application with ID '{client}' named '{name}'. Send an interactive authorization request for this user and resource."
        );
        refuse(65_001, "invalid_grant", text).with_suberror("consent_required")
    }

    pub fn no_user(name: &str, tenant: &Tenant) -> Refusal {
        let text = format!(
            "The user account {name} does not exist in the {} directory. To sign into this application, the account must be added to the directory.",
            tenant.id
        );
        refuse(50_034, "invalid_grant", text)
    }

    /// As the log of sign-ins and the callback of a page say it.
    pub fn description(&self, state: &State, call: &Call, now: Timestamp) -> String {
        let (trace, correlation, time) = self.marks(state, call, now);
        format!("AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}", self.code, self.text)
    }

    fn marks(&self, state: &State, call: &Call, now: Timestamp) -> (String, String, String) {
        (trace(state, call), correlation(state, call), now.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
    }

    pub fn answer(self, state: &State, call: &Call, now: Timestamp) -> Answer {
        let (trace, correlation, time) = self.marks(state, call, now);
        // The prose is Microsoft's to change: callers must go by the code.
        let mut body = json!({
            "error": self.error, "error_description": self.description(state, call, now), "error_codes": [self.code],
            "timestamp": time, "trace_id": trace, "correlation_id": correlation,
        });
        if !WITHOUT_URI.contains(&self.code) {
            body["error_uri"] = json!(format!("{}/error?code={}", call.base(), self.code));
        }
        if let Some(suberror) = self.suberror {
            body["suberror"] = json!(suberror);
        }
        if self.code == 53_003 || self.code == 50_076 {
            body["claims"] = json!("{\"access_token\":{\"capolids\":{\"essential\":true}}}");
        }
        Answer::json(self.status, body)
    }
}

pub fn trace(state: &State, call: &Call) -> String {
    ids::guid(state.seed, &["trace", &call.request_id], 0)
}

pub fn correlation(state: &State, call: &Call) -> String {
    call.header("client-request-id")
        .filter(|id| ids::is_guid(id))
        .map_or_else(|| ids::guid(state.seed, &["correlation", &call.request_id], 0), str::to_owned)
}
