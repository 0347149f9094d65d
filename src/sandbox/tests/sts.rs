//! The token service.
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::support::*;
use crate::sandbox::keys::standard_b64;
use crate::sandbox::world::CertificateFile;
use crate::sandbox::{Delay, ids};

#[tokio::test]
async fn an_app_only_token_says_who_where_and_what() {
    let cloud = Cloud::new().await;
    let got = cloud.app_token(READER, PARTNER, GRAPH).await.is(200);
    let mut keys: Vec<_> = got.body.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["access_token", "expires_in", "ext_expires_in", "token_type"]);
    let c = claims(&got.text("/access_token"));
    assert_eq!(
        (&c["aud"], &c["tid"], &c["appid"]),
        (&json!("https://graph.microsoft.com"), &json!(PARTNER), &json!(READER))
    );
    assert_eq!((&c["idtyp"], &c["ver"], &c["wids"]), (&json!("app"), &json!("1.0"), &json!([])));
    assert_eq!(c["roles"], json!(["Application.Read.All", "Group.ReadWrite.All"]));
    assert_eq!(c["exp"].as_i64().unwrap() - c["iat"].as_i64().unwrap(), 3599);
}

#[tokio::test]
async fn a_token_without_any_grant_is_issued_without_roles() {
    let cloud = Cloud::new().await;
    let c = claims(&cloud.app_token(READER, PARTNER, EXCHANGE).await.is(200).text("/access_token"));
    assert!(c.get("roles").is_none());
}

#[tokio::test]
async fn a_tenant_may_be_named_by_its_domain() {
    let cloud = Cloud::new().await;
    cloud.app_token(READER, "northwind.example", GRAPH).await.is(200);
}

#[tokio::test]
async fn errors_have_entras_shape_codes_and_statuses() {
    let cloud = Cloud::new().await;
    let wrong = cloud.app_token_by(MANAGER, "cnry-wrong", PARTNER, GRAPH).await.is(401);
    assert_eq!((wrong.aadsts(), wrong.text("/error")), (7_000_215, "invalid_client".to_owned()));
    assert!(wrong.text("/error_description").starts_with("AADSTS7000215: "));
    for k in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
        assert!(wrong.body[k].is_string(), "{k}");
    }
    assert!(!wrong.text.contains("cnry-"));
    assert_eq!(cloud.app_token_by(MANAGER, "cnry-expired-secret", PARTNER, GRAPH).await.is(401).aadsts(), 7_000_222);
    let none = [("grant_type", "client_credentials"), ("client_id", MANAGER), ("scope", GRAPH)];
    assert_eq!(cloud.form(PARTNER, &none).await.is(401).aadsts(), 7_000_218);
    let unknown = cloud.app_token(MANAGER, "5c1f0a52-0000-4a52-9a55-0f3b7f1f6f10", GRAPH).await.is(400);
    assert_eq!((unknown.aadsts(), unknown.text("/error")), (90_002, "invalid_request".to_owned()));
    let stranger = cloud.app_token("aaaaaaaa-0000-4a52-9a55-0f3b7f1f6f10", PARTNER, GRAPH).await.is(400);
    assert_eq!((stranger.aadsts(), stranger.text("/error")), (700_016, "unauthorized_client".to_owned()));
    assert_eq!(cloud.app_token("no-guid", PARTNER, GRAPH).await.is(400).aadsts(), 700_038);
    let grant = [("grant_type", "password"), ("client_id", MANAGER), ("scope", GRAPH)];
    assert_eq!(cloud.form(PARTNER, &grant).await.is(400).aadsts(), 70_003);
}

#[tokio::test]
async fn scopes_are_one_resource_by_default_and_known() {
    let cloud = Cloud::new().await;
    let named = cloud.app_token(MANAGER, PARTNER, "https://graph.microsoft.com/User.Read.All").await.is(400);
    assert_eq!((named.aadsts(), named.text("/error")), (70_011, "invalid_scope".to_owned()));
    assert_eq!(cloud.app_token(MANAGER, PARTNER, &format!("{GRAPH} {EXCHANGE}")).await.is(400).aadsts(), 28_002);
    let nobody = cloud.app_token(MANAGER, PARTNER, "https://nobody.example/.default").await.is(400);
    assert_eq!((nobody.aadsts(), nobody.text("/error")), (500_011, "invalid_resource".to_owned()));
}

#[tokio::test]
async fn the_sandboxs_own_address_is_a_name_of_graph() {
    let cloud = Cloud::new().await;
    let scope = format!("{}/.default", cloud.sandbox.url());
    cloud.api(cloud.app_token(READER, PARTNER, &scope).await).get("/v1.0/applications").await.is(200);
}

#[tokio::test]
async fn an_app_without_a_principal_in_the_tenant_gets_no_token() {
    let cloud = Cloud::new().await;
    for tenant in [CONTOSO, FABRIKAM] {
        assert!([700_016, 7_000_229].contains(&cloud.app_token(MANAGER, tenant, GRAPH).await.aadsts()));
    }
}

#[tokio::test]
async fn basic_credentials_are_accepted() {
    let cloud = Cloud::new().await;
    let url = format!("{}/{PARTNER}/oauth2/v2.0/token", cloud.sandbox.url());
    let form = [("grant_type", "client_credentials"), ("scope", GRAPH)];
    let r = cloud.http.post(url).basic_auth(MANAGER, Some(SECRET)).form(&form).send().await.unwrap();
    assert_eq!(r.status(), 200);
}

#[tokio::test]
async fn a_new_secret_works_after_its_lag() {
    let cloud = Cloud::with(|w| w.lag.new_secret = Delay(12)).await;
    let api = cloud.home().await;
    let path = format!("/v1.0/applications(appId='{MANAGER}')/addPassword");
    let secret = api.post(&path, json!({})).await.is(200).text("/secretText");
    assert_eq!(cloud.app_token_by(MANAGER, &secret, PARTNER, GRAPH).await.is(401).aadsts(), 7_000_215);
    assert!(cloud.control().advance_to_next().unwrap() > 0);
    cloud.app_token_by(MANAGER, &secret, PARTNER, GRAPH).await.is(200);
}

#[tokio::test]
async fn refresh_gives_a_new_token_and_leaves_the_old_one_good() {
    let cloud = Cloud::new().await;
    let first = cloud.user_token(PARTNER, GRAPH).await.is(200);
    let next = first.text("/refresh_token");
    assert_ne!(next, REFRESH);
    cloud.user_token_by(&next, PARTNER, GRAPH).await.is(200);
    cloud.user_token(PARTNER, GRAPH).await.is(200);
    let c = claims(&first.text("/access_token"));
    assert_eq!((&c["upn"], &c["idtyp"]), (&json!("svc-tenantry@northwind.example"), &json!("user")));
    assert_eq!(
        (&c["scp"], &c["amr"]),
        (&json!("DelegatedAdminRelationship.ReadWrite.All Directory.Read.All"), &json!(["pwd", "mfa"]))
    );
}

#[tokio::test]
async fn a_user_without_mfa_has_no_mfa_in_its_token() {
    let cloud = Cloud::new().await;
    let token = cloud.user_token_by(WEAK_REFRESH, PARTNER, GRAPH).await.is(200).text("/access_token");
    assert_eq!(claims(&token)["amr"], json!(["pwd"]));
}

#[tokio::test]
async fn a_refresh_token_dies_of_ninety_days_without_use() {
    let cloud = Cloud::new().await;
    cloud.control().advance(89 * 86_400).unwrap();
    let next = cloud.user_token(PARTNER, GRAPH).await.is(200).text("/refresh_token");
    cloud.control().advance(2 * 86_400).unwrap();
    let old = cloud.user_token(PARTNER, GRAPH).await.is(400);
    assert_eq!((old.aadsts(), old.text("/error")), (700_082, "invalid_grant".to_owned()));
    cloud.user_token_by(&next, PARTNER, GRAPH).await.is(200);
}

#[tokio::test]
async fn a_revoked_refresh_token_is_50173_everywhere() {
    let cloud = Cloud::new().await;
    let next = cloud.user_token(PARTNER, GRAPH).await.is(200).text("/refresh_token");
    let wish = json!({ "kind": "revoke-refresh-tokens", "user": "svc-tenantry@northwind.example" });
    cloud.control().drift(&wish).unwrap();
    for token in [REFRESH, &next] {
        let got = cloud.user_token_by(token, PARTNER, GRAPH).await.is(400);
        assert_eq!((got.aadsts(), got.text("/error")), (50_173, "invalid_grant".to_owned()));
    }
}

#[tokio::test]
async fn a_forged_refresh_token_is_refused() {
    let cloud = Cloud::new().await;
    let mut next = cloud.user_token(PARTNER, GRAPH).await.is(200).text("/refresh_token");
    next.push('A');
    assert_eq!(cloud.user_token_by(&next, PARTNER, GRAPH).await.is(400).aadsts(), 9_002_313);
    assert_eq!(cloud.user_token_by("cnry-nonsense", PARTNER, GRAPH).await.is(400).aadsts(), 9_002_313);
}

#[tokio::test]
async fn a_foreign_user_without_gdap_is_unknown_in_the_customer() {
    let cloud = Cloud::new().await;
    let got = cloud.user_token(CONTOSO, GRAPH).await.is(400);
    assert_eq!((got.aadsts(), got.text("/error")), (50_020, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn with_gdap_but_without_consent_the_answer_is_65001() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let got = cloud.user_token(CONTOSO, GRAPH).await.is(400);
    assert_eq!((got.aadsts(), got.text("/error")), (65_001, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn access_tokens_end_with_the_virtual_hour() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    api.get("/v1.0/applications").await.is(200);
    cloud.control().advance(3600).unwrap();
    let got = api.get("/v1.0/applications").await.is(401);
    assert_eq!(got.code(), "InvalidAuthenticationToken");
}

/// DER: tag, length, content.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let mut out = vec![tag];
    match n {
        0..=127 => out.push(n as u8),
        128..=255 => out.extend([0x81, n as u8]),
        _ => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

/// A certificate around a public key; nobody looks at its signature.
fn certificate(spki: &[u8]) -> Vec<u8> {
    let sha256_rsa = tlv(0x30, &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00]);
    let validity = tlv(0x30, &[tlv(0x17, b"260101000000Z"), tlv(0x17, b"360101000000Z")].concat());
    let name = tlv(0x30, &[]);
    let parts = [tlv(0xa0, &[2, 1, 2]), vec![2, 1, 1], sha256_rsa.clone(), name.clone(), validity, name, spki.to_vec()];
    tlv(0x30, &[tlv(0x30, &parts.concat()), sha256_rsa, tlv(0x03, &[0, 1, 2, 3])].concat())
}

pub struct Signer {
    key: EncodingKey,
    pub der: Vec<u8>,
}

impl Signer {
    pub fn new() -> Signer {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().unwrap();
        let spki: aws_lc_rs::encoding::PublicKeyX509Der = pair.public_key().as_der().unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", standard_b64(pkcs8.as_ref()));
        Signer { key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), der: certificate(spki.as_ref()) }
    }

    /// As Graph takes it.
    pub fn key(&self) -> String {
        crate::sandbox::keys::standard_b64(&self.der)
    }

    pub fn pem(&self) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", standard_b64(&self.der))
    }

    pub fn assertion(&self, algorithm: Algorithm, change: impl FnOnce(&mut Value)) -> String {
        let now = jiff::Timestamp::now().as_second();
        let aud = format!("https://login.microsoftonline.com/{PARTNER}/oauth2/v2.0/token");
        let mut claims =
            json!({ "aud": aud, "iss": MANAGER, "sub": MANAGER, "jti": "1", "nbf": now, "iat": now, "exp": now + 300 });
        change(&mut claims);
        let mut header = Header::new(algorithm);
        header.x5t_s256 = Some(ids::b64(&Sha256::digest(&self.der)));
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

pub async fn by_assertion(cloud: &Cloud, assertion: &str) -> Got {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let fields = [("grant_type", "client_credentials"), ("client_id", MANAGER), ("scope", GRAPH)];
    cloud
        .form(PARTNER, &[&fields[..], &[("client_assertion_type", kind), ("client_assertion", assertion)]].concat())
        .await
}

#[tokio::test]
async fn a_certificate_signs_assertions_that_are_checked() {
    let signer = Signer::new();
    let pem = signer.pem();
    let cloud =
        Cloud::with(|w| w.partner.apps[0].certificates = vec![CertificateFile { pem, ..Default::default() }]).await;
    by_assertion(&cloud, &signer.assertion(Algorithm::PS256, |_| ())).await.is(200);
    by_assertion(&cloud, &signer.assertion(Algorithm::RS256, |_| ())).await.is(200);
    let stranger = Signer::new();
    assert_eq!(by_assertion(&cloud, &stranger.assertion(Algorithm::PS256, |_| ())).await.is(401).aadsts(), 700_027);
    let mut forged = signer.assertion(Algorithm::PS256, |_| ());
    forged.truncate(forged.len() - 8);
    assert_eq!(by_assertion(&cloud, &format!("{forged}AAAAAAAA")).await.is(401).aadsts(), 700_027);
    let old = signer.assertion(Algorithm::PS256, |c| {
        c["nbf"] = json!(1_000);
        c["exp"] = json!(2_000);
    });
    assert_eq!(by_assertion(&cloud, &old).await.is(401).aadsts(), 700_024);
    let other = signer.assertion(Algorithm::PS256, |c| c["sub"] = json!(READER));
    assert_eq!(by_assertion(&cloud, &other).await.is(401).aadsts(), 700_021);
    let elsewhere = signer.assertion(Algorithm::PS256, |c| {
        c["aud"] = json!(format!("https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0/token"))
    });
    assert_eq!(by_assertion(&cloud, &elsewhere).await.is(401).aadsts(), 700_023);
    assert_eq!(by_assertion(&cloud, "nonsense").await.is(401).aadsts(), 50_027);
}

#[tokio::test]
async fn certificates_are_replaced_as_a_set_and_kept_by_key_id() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (first, second) = (Signer::new(), Signer::new());
    let path = format!("/v1.0/applications(appId='{MANAGER}')");
    let entry = |s: &Signer| json!({ "type": "AsymmetricX509Cert", "usage": "Verify", "key": standard_b64(&s.der), "displayName": "c" });
    api.patch(&path, json!({ "keyCredentials": [entry(&first)] })).await.is(204);
    let kept = api.get(&path).await.body["keyCredentials"][0].clone();
    assert!(kept["key"].is_null() && kept["keyId"].is_string());
    api.patch(&path, json!({ "keyCredentials": [kept, entry(&second)] })).await.is(204);
    by_assertion(&cloud, &first.assertion(Algorithm::PS256, |_| ())).await.is(200);
    by_assertion(&cloud, &second.assertion(Algorithm::PS256, |_| ())).await.is(200);
    api.patch(&path, json!({ "keyCredentials": [] })).await.is(204);
    assert_eq!(by_assertion(&cloud, &first.assertion(Algorithm::PS256, |_| ())).await.is(401).aadsts(), 700_027);
    api.patch(&path, json!({ "keyCredentials": [{ "key": "bm90IGEgY2VydA==", "usage": "Verify" }] })).await.is(400);
}
