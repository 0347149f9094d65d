//! What clients ask before they ask for a token: OpenID metadata, the cloud a host belongs to, keys, and realms.
use serde_json::{Value, json};

use super::refusal::{Refusal, refuse};
use super::{Cx, scope};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::keys::standard_b64;

/// The tenant of personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// Stands for the tenant where nobody knows it yet.
const ANY: &str = "{tenantid}";

/// Who signs tokens of version 2.0 for a tenant.
pub fn issuer(base: &str, tenant: &str) -> String {
    format!("{base}/{tenant}/v2.0")
}

/// And of version 1.0.
pub fn issuer_v1(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

/// Everybody may read it from a page.
fn open(answer: Answer) -> Answer {
    answer.with("Cache-Control", "max-age=86400, private").with("Access-Control-Allow-Origin", "*")
}

/// Tenant id for issuers, and the name that endpoints go by.
fn names(cx: &Cx) -> Result<(String, String), Refusal> {
    if let Some(tenant) = cx.tenant() {
        return Ok((tenant.id.clone(), tenant.id.clone()));
    }
    let lower = cx.named.to_ascii_lowercase();
    match lower.as_str() {
        "common" | "organizations" => Ok((ANY.to_owned(), lower)),
        "consumers" => Ok((CONSUMERS.to_owned(), lower)),
        _ => Err(Refusal { error: "invalid_tenant", ..Refusal::no_tenant(cx.named) }),
    }
}

/// Entra: OpenID Connect discovery.
pub fn document(cx: &Cx) -> Result<Answer, Refusal> {
    let (tenant, name) = names(cx)?;
    let base = cx.call.base();
    let path = if cx.v1 { "oauth2" } else { "oauth2/v2.0" };
    let at = |what: &str| format!("{base}/{name}/{path}/{what}");
    let keys = if cx.v1 { "discovery/keys" } else { "discovery/v2.0/keys" };
    let claims = [
        "sub",
        "iss",
        "cloud_instance_name",
        "cloud_instance_host_name",
        "cloud_graph_host_name",
        "msgraph_host",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "acr",
        "nonce",
        "preferred_username",
        "name",
        "tid",
        "ver",
        "at_hash",
        "c_hash",
        "email",
    ];
    let document = json!({
        "token_endpoint": at("token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic", "self_signed_tls_client_auth"],
        "jwks_uri": format!("{base}/{name}/{keys}"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": scope::OPENID,
        "issuer": if cx.v1 { issuer_v1(&tenant) } else { issuer(&base, &tenant) },
        "request_uri_parameter_supported": false,
        "userinfo_endpoint":
            if cx.v1 { format!("{base}/{name}/openid/userinfo") } else { format!("{base}/oidc/userinfo") },
        "authorization_endpoint": at("authorize"),
        "device_authorization_endpoint": at("devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": at("logout"),
        "claims_supported": claims,
        "kerberos_endpoint": format!("{base}/{name}/kerberos"),
        "mtls_endpoint_aliases": { "token_endpoint": at("token") },
        "tls_client_certificate_bound_access_tokens": true,
        "tenant_region_scope": if tenant == ANY { Value::Null } else { json!("EU") },
        "cloud_instance_name": cx.call.host,
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": cx.call.host,
        "rbac_url": "https://pas.windows.net",
    });
    Ok(open(Answer::json(200, document)))
}

/// Several keys at once: tokens live longer than the key that signs today.
pub fn keys(cx: &Cx) -> Answer {
    let (tenant, _) = names(cx).unwrap_or_else(|_| (ANY.to_owned(), String::new()));
    let issuer = issuer(&cx.call.base(), &tenant);
    let shown = cx.keys.published(cx.now).map(|key| {
        json!({
            "kty": "RSA", "use": "sig", "kid": key.kid, "x5t": key.kid, "n": ids::b64(&key.modulus),
            "e": ids::b64(&key.exponent), "x5c": [standard_b64(&key.certificate)],
            "cloud_instance_name": cx.call.host, "issuer": issuer,
        })
    });
    open(Answer::json(200, json!({ "keys": shown.collect::<Vec<_>>() })))
}

/// Hosts of Microsoft's public cloud: whoever reaches the sandbox by one of them may name another.
const MICROSOFT: [&str; 5] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "login-us.microsoftonline.com",
];

fn is_known(host: &str, own: &str) -> bool {
    let name = host.rsplit_once(':').map_or(
        host,
        |(name, port)| {
            if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host }
        },
    );
    host == own || MICROSOFT.contains(&host) || ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

/// MSAL keeps talking to the host that is preferred here, so it is the one that was asked about.
pub fn instance(cx: &Cx) -> Result<Answer, Refusal> {
    let endpoint = cx.call.param("authorization_endpoint").unwrap_or_default();
    let version = cx.call.param("api-version").unwrap_or_default();
    if !["1.0", "1.1"].contains(&version) {
        return Err(refuse(
            900_144,
            "invalid_request",
            "The request must contain the parameter 'api-version' with the value 1.0 or 1.1.",
        ));
    }
    let unknown = || refuse(50_049, "invalid_instance", "Unknown or invalid instance.");
    let (scheme, rest) = endpoint.split_once("://").ok_or_else(unknown)?;
    let mut parts = rest.split('/');
    let host = parts.next().unwrap_or_default();
    let tenant = parts.next().filter(|t| !t.is_empty()).ok_or_else(unknown)?;
    if !is_known(host, &cx.call.host) {
        return Err(unknown());
    }
    let network = |host: &str| json!({ "preferred_network": host, "preferred_cache": host, "aliases": [host] });
    let mut metadata = vec![network(host)];
    if host != cx.call.host {
        metadata.push(network(&cx.call.host));
    }
    let body = json!({
        "tenant_discovery_endpoint": format!("{scheme}://{host}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": version, "metadata": metadata,
    });
    Ok(open(Answer::json(200, body)))
}

/// Every domain of the world is managed: passwords are checked here. Others are unknown.
pub fn realm(cx: &Cx, user: &str) -> Answer {
    let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut body = json!({
        "ver": "1.0", "account_type": "Unknown", "cloud_instance_name": cx.call.host,
        "cloud_audience_urn": "urn:federation:MicrosoftOnline",
    });
    if let Some(tenant) = cx.state.tenant_of_domain(domain) {
        body["account_type"] = json!("Managed");
        body["domain_name"] = json!(domain.to_ascii_lowercase());
        if cx.call.param("api-version").is_some_and(|v| v.starts_with('2')) {
            body["FederationBrandName"] = json!(tenant.display_name);
        }
    }
    open(Answer::json(200, body))
}
