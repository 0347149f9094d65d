//! What clients ask before they sign in.
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;
use crate::sandbox::{ids, keys};

async fn get(cloud: &Cloud, path: &str) -> Got {
    cloud.plain(Method::GET, path, &[]).await
}

#[tokio::test]
async fn openid_metadata_has_all_that_entras_has() {
    let cloud = Cloud::new().await;
    let base = cloud.sandbox.url();
    let got = get(&cloud, "/northwind.example/v2.0/.well-known/openid-configuration").await.is(200);
    assert_eq!(got.text("/issuer"), format!("{base}/{PARTNER}/v2.0"));
    assert_eq!(got.text("/token_endpoint"), format!("{base}/{PARTNER}/oauth2/v2.0/token"));
    assert_eq!(got.header("access-control-allow-origin"), "*");
    for name in [
        "authorization_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "device_authorization_endpoint",
        "end_session_endpoint",
        "kerberos_endpoint",
        "mtls_endpoint_aliases",
        "response_types_supported",
        "response_modes_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "scopes_supported",
        "claims_supported",
        "tenant_region_scope",
        "cloud_instance_name",
        "cloud_graph_host_name",
        "msgraph_host",
        "rbac_url",
        "http_logout_supported",
        "frontchannel_logout_supported",
        "tls_client_certificate_bound_access_tokens",
        "request_uri_parameter_supported",
    ] {
        assert!(got.body.get(name).is_some(), "{name}");
    }
    let shared = get(&cloud, "/organizations/v2.0/.well-known/openid-configuration").await.is(200);
    assert_eq!(shared.text("/issuer"), format!("{base}/{{tenantid}}/v2.0"));
    assert_eq!(shared.text("/authorization_endpoint"), format!("{base}/organizations/oauth2/v2.0/authorize"));
    let old = get(&cloud, &format!("/{CONTOSO}/.well-known/openid-configuration")).await.is(200);
    assert_eq!(old.text("/issuer"), format!("https://sts.windows.net/{CONTOSO}/"));
    assert_eq!(old.text("/token_endpoint"), format!("{base}/{CONTOSO}/oauth2/token"));
    let nobody = get(&cloud, "/nobody.example/v2.0/.well-known/openid-configuration").await.is(400);
    assert_eq!((nobody.aadsts(), nobody.text("/error")), (90_002, "invalid_tenant".to_owned()));
}

#[tokio::test]
async fn the_cloud_instance_is_the_host_that_was_asked_about() {
    let cloud = Cloud::new().await;
    let base = cloud.sandbox.url();
    let host = base.trim_start_matches("http://");
    let ask = |endpoint: &str| format!("/common/discovery/instance?api-version=1.1&authorization_endpoint={endpoint}");
    let got = get(&cloud, &ask(&format!("{base}/{PARTNER}/oauth2/v2.0/authorize"))).await.is(200);
    assert_eq!(
        got.body["metadata"],
        json!([{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }])
    );
    assert_eq!(
        got.text("/tenant_discovery_endpoint"),
        format!("{base}/{PARTNER}/v2.0/.well-known/openid-configuration")
    );
    let evil = get(&cloud, &ask("https://evil.example/common/oauth2/v2.0/authorize")).await.is(400);
    assert_eq!((evil.aadsts(), evil.text("/error")), (50_049, "invalid_instance".to_owned()));
}

#[tokio::test]
async fn a_users_realm_is_managed_where_the_world_has_its_domain() {
    let cloud = Cloud::new().await;
    let known = get(&cloud, "/common/UserRealm/weak@northwind.example?api-version=1.0").await.is(200);
    assert_eq!(
        (known.text("/account_type"), known.text("/domain_name")),
        ("Managed".to_owned(), "northwind.example".to_owned())
    );
    let other = get(&cloud, "/common/userrealm/a@elsewhere.example?api-version=2.1").await.is(200);
    assert_eq!(other.text("/account_type"), "Unknown");
}

/// Checks a token as any client would.
fn verify(keys: &Value, token: &str) -> bool {
    let set: JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let Some(key) = set.find(&kid) else { return false };
    let mut rules = Validation::new(Algorithm::RS256);
    (rules.validate_aud, rules.validate_exp) = (false, false);
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &rules).is_ok()
}

#[tokio::test]
async fn keys_verify_tokens_and_old_ones_stay_while_their_tokens_live() {
    let cloud = Cloud::new().await;
    let jwks = || get(&cloud, "/common/discovery/v2.0/keys");
    let first = jwks().await.is(200).body;
    let key = &first["keys"][0];
    for name in ["kty", "use", "kid", "x5t", "n", "e", "x5c", "issuer"] {
        assert!(key.get(name).is_some(), "{name}");
    }
    // The certificate is the key's own.
    let der = keys::from_standard_b64(key["x5c"][0].as_str().unwrap()).unwrap();
    let spki = crate::sandbox::sts::certificate::public_key(&der).unwrap();
    let modulus = ids::unb64(key["n"].as_str().unwrap()).unwrap();
    assert!(spki.windows(modulus.len()).any(|w| w == modulus));
    let old = cloud.home().await;
    let refresh = cloud.user_token(PARTNER, GRAPH).await.is(200).text("/refresh_token");
    let rotated = cloud.plain(Method::POST, "/_sandbox/rotate-keys", &[]).await.is(200);
    assert_eq!(rotated.body["keys"].as_array().unwrap().len(), 2);
    let both = jwks().await.body;
    let new = cloud.home().await;
    assert!(verify(&both, &old.token) && verify(&both, &new.token) && !verify(&first, &new.token));
    old.get("/v1.0/applications").await.is(200);
    new.get("/v1.0/applications").await.is(200);
    cloud.user_token_by(&refresh, PARTNER, GRAPH).await.is(200);
    cloud.control().advance(3 * 86_400).unwrap();
    assert_eq!(get(&cloud, &format!("/{PARTNER}/discovery/keys")).await.body["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_key_that_signs_changes_by_itself_after_some_weeks() {
    let cloud = Cloud::new().await;
    let kid = async || jsonwebtoken::decode_header(&cloud.home().await.token).unwrap().kid.unwrap();
    let before = kid().await;
    assert_eq!(kid().await, before);
    cloud.control().advance(43 * 86_400).unwrap();
    assert_ne!(kid().await, before);
}

#[tokio::test]
async fn azures_cloud_is_all_on_this_host() {
    let cloud = Cloud::new().await;
    let base = cloud.sandbox.url();
    let one = get(&cloud, "/metadata/endpoints?api-version=2022-09-01").await.is(200).body;
    for name in ["resourceManager", "microsoftGraphResourceId", "portal", "graph", "batch"] {
        assert_eq!(one[name], json!(base), "{name}");
    }
    assert_eq!((&one["name"], &one["authentication"]["loginEndpoint"]), (&json!("AzureCloud"), &json!(base)));
    assert!(one["suffixes"]["keyVaultDns"].is_string());
    for version in ["2019-05-01", "2020-06-01"] {
        let all = get(&cloud, &format!("/metadata/endpoints?api-version={version}")).await.is(200).body;
        assert_eq!(all[0]["microsoftGraphResourceId"], json!(base));
    }
    get(&cloud, "/metadata/endpoints").await.is(400);
    // What the metadata names is a resource of the token service, and Graph behind it.
    let token = cloud.app_token(MANAGER, PARTNER, &format!("{base}/.default")).await;
    cloud.api(token).get("/v1.0/applications").await.is(200);
}

#[tokio::test]
async fn browsers_may_ask_graph_from_anywhere_and_read_its_headers() {
    let cloud = Cloud::new().await;
    let origin = ("origin", "https://app.example");
    let ask = [origin, ("access-control-request-method", "PATCH"), ("access-control-request-headers", "authorization")];
    let may = cloud.plain(Method::OPTIONS, "/v1.0/users", &ask).await.is(200);
    assert_eq!(may.header("access-control-allow-origin"), "*");
    assert_eq!(
        (may.header("access-control-allow-methods"), may.header("access-control-allow-headers")),
        ("PATCH", "authorization")
    );
    let got = cloud.plain(Method::GET, "/v1.0/users", &[origin]).await.is(401);
    assert_eq!(got.header("access-control-allow-origin"), "*");
    assert!(
        got.header("access-control-expose-headers").contains("ETag")
            && got.header("access-control-expose-headers").contains("Location")
    );
    let may = cloud.plain(Method::OPTIONS, &format!("/{PARTNER}/oauth2/v2.0/token"), &ask).await.is(200);
    assert_eq!(may.header("access-control-allow-origin"), "*");
    let control = cloud.plain(Method::OPTIONS, "/_sandbox/approve", &ask).await;
    assert_eq!(control.header("access-control-allow-origin"), "");
}
