//! The token service: `POST /{tenant}/oauth2/v2.0/token`, with Entra's error codes and texts.
pub mod certificate;
mod claims;
mod client;
mod grant;

use jiff::Timestamp;
use serde_json::json;

use super::graph::access::{audience_app, is_own};
use super::http::{Answer, Call, pairs};
use super::ids;
use super::keys::Keys;
use super::state::{State, Tenant};

/// An AADSTS error. Codes and their `error` values: Entra error-code reference, and captures of real answers.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub error: &'static str,
    pub code: u32,
    pub text: String,
}

impl Refusal {
    pub fn new(status: u16, error: &'static str, code: u32, text: impl Into<String>) -> Refusal {
        Refusal { status, error, code, text: text.into() }
    }

    fn answer(self, state: &State, call: &Call, now: Timestamp) -> Answer {
        let trace = ids::guid(state.seed, &["trace", &call.request_id], 0);
        let correlation = call
            .header("client-request-id")
            .map_or_else(|| ids::guid(state.seed, &["correlation", &call.request_id], 0), str::to_owned);
        let time = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        // The prose is Microsoft's to change: callers must go by the code.
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}",
            self.code, self.text
        );
        let mut body = json!({
            "error": self.error, "error_description": description, "error_codes": [self.code], "timestamp": time,
            "trace_id": trace, "correlation_id": correlation,
        });
        if ![700_038, 70_003].contains(&self.code) {
            body["error_uri"] = json!(format!("{}/error?code={}", call.base(), self.code));
        }
        Answer::json(self.status, body)
    }
}

/// The form of a token request, with HTTP Basic credentials taken in.
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(call: &Call) -> Form {
        let mut fields = pairs(&String::from_utf8_lossy(&call.body));
        if let Some((id, secret)) = call.header("authorization").and_then(basic) {
            fields.push(("client_id".to_owned(), id));
            fields.push(("client_secret".to_owned(), secret));
        }
        Form { fields }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }
}

/// RFC 6749 2.3.1: both parts are form-encoded inside the Basic credentials.
fn basic(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ").or_else(|| header.strip_prefix("basic "))?;
    let text = String::from_utf8(super::keys::from_standard_b64(encoded)?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |t: &str| pairs(&format!("x={t}")).pop().map(|(_, v)| v);
    Some((decode(id)?, decode(secret)?))
}

/// What a good request gets, and who got it, for the log.
pub struct Granted {
    pub answer: Answer,
    pub caller: String,
    pub tenant: Option<String>,
}

/// `{tenant}` of a token or discovery path, and what follows it.
pub fn path(path: &str) -> Option<(&str, &str)> {
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    let known = ["oauth2/v2.0/token", "oauth2/token", "discovery/v2.0/keys", "v2.0/.well-known/openid-configuration"];
    known.contains(&rest).then_some((tenant, rest))
}

pub fn serve(state: &State, keys: &Keys, call: &Call, now: Timestamp) -> Granted {
    let (tenant, rest) = path(&call.path).unwrap_or_default();
    let found = state.tenant_named(tenant);
    let tenant_id = found.map(|t| t.id.clone());
    let form = Form::read(call);
    let caller = form.get("client_id").filter(|c| ids::is_guid(c)).unwrap_or("anonymous").to_ascii_lowercase();
    let answer = match rest {
        "discovery/v2.0/keys" => Answer::json(200, jwks(keys)),
        "v2.0/.well-known/openid-configuration" => Answer::json(200, discovery(call, tenant)),
        _ if call.method != "POST" => {
            refuse(900_561, "invalid_request", "The endpoint only accepts POST requests.").answer(state, call, now)
        }
        _ => issue(state, keys, call, found, tenant, &form, now).unwrap_or_else(|r| r.answer(state, call, now)),
    };
    Granted { answer: answer.with("Cache-Control", "no-store, no-cache"), caller, tenant: tenant_id }
}

/// Entra: AADSTS90033.
pub fn unavailable(state: &State, call: &Call, now: Timestamp) -> Answer {
    let text = "A transient error has occurred. Please try again.";
    Refusal::new(503, "temporarily_unavailable", 90_033, text).answer(state, call, now)
}

pub fn refuse(code: u32, error: &'static str, text: impl Into<String>) -> Refusal {
    Refusal::new(if error == "invalid_client" { 401 } else { 400 }, error, code, text)
}

fn issue(
    state: &State,
    keys: &Keys,
    call: &Call,
    tenant: Option<&Tenant>,
    named: &str,
    form: &Form,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let tenant = tenant.ok_or_else(|| {
        if ["common", "organizations", "consumers"].contains(&named) {
            refuse(50_194, "invalid_request", "A tenant-specific endpoint is needed here.")
        } else {
            refuse(90_002, "invalid_request", format!("Tenant '{named}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."))
        }
    })?;
    let kind = form.get("grant_type").ok_or_else(|| {
        refuse(900_144, "invalid_request", "The request body must contain the following parameter: 'grant_type'.")
    })?;
    let client = form.get("client_id").ok_or_else(|| {
        refuse(900_144, "invalid_request", "The request body must contain the following parameter: 'client_id'.")
    })?;
    if !ids::is_guid(client) {
        return Err(refuse(700_038, "unauthorized_client", format!("{client} is not a valid application identifier.")));
    }
    let scope = scope(form, &call.host)?;
    match kind {
        "client_credentials" => grant::client_credentials(state, keys, tenant, client, form, &scope, now),
        "refresh_token" => grant::refresh(state, keys, tenant, client, form, &scope, now),
        other => Err(refuse(
            70_003,
            "unsupported_grant_type",
            format!("The app requested an unsupported grant type '{other}'."),
        )),
    }
}

/// The one resource of a request, and the scopes of it that were named.
pub struct Scope {
    /// App id of the resource; `None` when nobody knows it.
    pub resource: Option<&'static str>,
    pub uri: String,
    /// The sandbox's own address is the resource.
    pub own: bool,
    pub names: Vec<String>,
    pub raw: String,
}

fn scope(form: &Form, host: &str) -> Result<Scope, Refusal> {
    // The v1 form names a resource instead of scopes.
    let raw = match (form.get("scope"), form.get("resource")) {
        (Some(s), _) => s.to_owned(),
        (None, Some(r)) => format!("{}/.default", r.trim_end_matches('/')),
        (None, None) => {
            return Err(refuse(
                900_144,
                "invalid_request",
                "The request body must contain the following parameter: 'scope'.",
            ));
        }
    };
    let mut uri: Option<String> = None;
    let mut names = Vec::new();
    for part in raw.split_whitespace().filter(|p| !["openid", "profile", "offline_access", "email"].contains(p)) {
        // Without a resource in front, a scope is Graph's.
        let (of, name) = match part.rsplit_once('/') {
            Some((of, name)) if !of.is_empty() && !of.ends_with('/') => (of.to_owned(), name.to_owned()),
            Some((of, name)) if of.ends_with('/') => (of.trim_end_matches('/').to_owned(), name.to_owned()),
            _ => ("https://graph.microsoft.com".to_owned(), part.to_owned()),
        };
        if uri.as_ref().is_some_and(|u| audience_app(u, host) != audience_app(&of, host)) {
            return Err(refuse(
                28_002,
                "invalid_request",
                "Provided value for the input parameter scope is not valid because it contains more than one resource.",
            ));
        }
        uri = Some(of);
        names.push(name);
    }
    let uri = uri.ok_or_else(|| refuse(70_011, "invalid_scope", format!("The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {raw} is not valid.")))?;
    let own = is_own(&uri, host);
    Ok(Scope { resource: audience_app(&uri, host), uri, own, names, raw })
}

fn jwks(keys: &Keys) -> serde_json::Value {
    json!({ "keys": [{ "kty": "RSA", "use": "sig", "kid": keys.kid, "x5t": keys.kid, "n": ids::b64(&keys.modulus), "e": ids::b64(&keys.exponent), "alg": "RS256" }] })
}

fn discovery(call: &Call, tenant: &str) -> serde_json::Value {
    let base = format!("{}/{tenant}", call.base());
    json!({
        "issuer": format!("{base}/v2.0"), "token_endpoint": format!("{base}/oauth2/v2.0/token"), "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
    })
}
