//! Graph: credentials with a proof of possession, and those that principals have of their own.
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::app_objects::{made, with};
use super::support::*;
use crate::sandbox::facts::APPLICATION_ADMINISTRATOR;
use crate::sandbox::keys::{from_standard_b64, standard_b64};
use crate::sandbox::store::Saving;
use crate::sandbox::{Door, Serving, open_with};

/// A certificate and the key that proofs are signed with.
struct Holder {
    key: EncodingKey,
    der: String,
}

impl Holder {
    fn new() -> Holder {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().unwrap();
        assert!(!pair.public_key().as_ref().is_empty());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", standard_b64(pkcs8.as_ref()));
        let der = rustls_pki_types::PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec());
        let own = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256).unwrap();
        let params = rcgen::CertificateParams::new(vec!["proof.example".to_owned()]).unwrap();
        let der = standard_b64(params.self_signed(&own).unwrap().der());
        Holder { key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), der }
    }

    fn credential(&self) -> Value {
        json!({ "type": "AsymmetricX509Cert", "usage": "Verify", "key": self.der })
    }

    fn proof(&self, of: &str, change: impl FnOnce(&mut Value)) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut claims =
            json!({ "aud": "00000002-0000-0000-c000-000000000000", "iss": of, "nbf": now, "exp": now + 600 });
        change(&mut claims);
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key).unwrap()
    }
}

#[tokio::test]
async fn a_key_is_added_and_removed_with_the_proof_of_one_that_is_there() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (first, second) = (Holder::new(), Holder::new());
    let (app, got) = made(&api, json!({ "displayName": "x" })).await;
    let id = got.text("/id");
    let add =
        |proof: String| json!({ "keyCredential": second.credential(), "passwordCredential": null, "proof": proof });
    let path = format!("{app}/addKey");
    // Without a certificate nothing can be proved.
    let refused = api.post(&path, add(first.proof(&id, |_| ()))).await.is(401);
    assert_eq!(
        (refused.code(), refused.message()),
        ("Authentication_MissingOrMalformed", "Access Token missing or malformed.")
    );
    api.patch(&app, json!({ "keyCredentials": [first.credential()] })).await.is(204);
    for bad in [
        second.proof(&id, |_| ()),
        first.proof(CONTOSO, |_| ()),
        first.proof(&id, |c| c["aud"] = json!("00000003-0000-0000-c000-000000000000")),
        first.proof(&id, |c| c["exp"] = json!(c["nbf"].as_i64().unwrap() + 3600)),
        first.proof(&id, |c| c["nbf"] = Value::Null),
        "nonsense".to_owned(),
    ] {
        api.post(&path, add(bad)).await.is(401);
    }
    let added = api.post(&path, add(first.proof(&id, |_| ()))).await.is(200);
    assert_eq!((added.body["usage"].as_str(), added.body["key"].is_null()), (Some("Verify"), true));
    let keys = api.get(&format!("{app}?$select=keyCredentials")).await.body["keyCredentials"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 2);
    assert!(keys[1]["key"].is_string() && keys[1]["customKeyIdentifier"].as_str().unwrap().len() == 40);
    let remove = json!({ "keyId": keys[0]["keyId"], "proof": second.proof(&id, |_| ()) });
    api.post(&format!("{app}/removeKey"), remove.clone()).await.is(204);
    api.post(&format!("{app}/removeKey"), remove).await.is(400);
    assert_eq!(api.get(&app).await.body["keyCredentials"][0]["keyId"], added.body["keyId"]);
}

async fn principal_of(api: &Api<'_>, app_id: &str) -> String {
    let got = api.post("/v1.0/servicePrincipals", json!({ "appId": app_id })).await.is(201);
    format!("/v1.0/servicePrincipals/{}", got.text("/id"))
}

#[tokio::test]
async fn a_principal_signs_in_with_a_secret_of_its_own() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (_, app) = made(&api, json!({ "displayName": "x" })).await;
    let principal = principal_of(&api, &app.text("/appId")).await;
    let secret = api
        .post(&format!("{principal}/addPassword"), json!({ "passwordCredential": { "displayName": "s" } }))
        .await
        .is(200);
    let (text, key) = (secret.text("/secretText"), secret.text("/keyId"));
    assert_eq!(api.get(&principal).await.body["passwordCredentials"][0]["keyId"], key.as_str());
    cloud.app_token_by(&app.text("/appId"), &text, PARTNER, GRAPH).await.is(200);
    let again = json!({ "passwordCredential": { "displayName": "s" } });
    assert_ne!(api.post(&format!("{principal}/addPassword"), again).await.is(200).text("/keyId"), key);
    api.post(&format!("{principal}/removePassword"), json!({ "keyId": key })).await.is(204);
    cloud.app_token_by(&app.text("/appId"), &text, PARTNER, GRAPH).await.is(401);
}

#[tokio::test]
async fn locked_principals_take_no_credentials() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let lock = json!({ "isEnabled": true, "allProperties": true });
    let (_, app) = made(&api, json!({ "displayName": "x", "servicePrincipalLockConfiguration": lock })).await;
    let principal = principal_of(&api, &app.text("/appId")).await;
    let refused = api.post(&format!("{principal}/addPassword"), json!({})).await.is(400);
    assert_eq!(refused.code(), "CannotUpdateLockedServicePrincipalProperty");
    api.patch(&principal, json!({ "keyCredentials": [] })).await.is(204);
    api.patch(&principal, json!({ "keyCredentials": [Holder::new().credential()] })).await.is(400);
}

/// A cloud whose clock stands.
async fn fixed() -> Cloud {
    let folder = tempfile::tempdir().unwrap();
    let wish = options(folder.path().join("sandbox.json"), Some(world()));
    let serving = Serving { clock: "fixed@2026-11-23T10:00:00Z".parse().ok(), ..Serving::default() };
    let (door, _) = open_with(wish, serving, Saving::EveryChange).await.unwrap();
    let Door::Opened(sandbox) = door else { panic!("it is another's") };
    Cloud { sandbox, http: reqwest::Client::new(), folder }
}

#[tokio::test]
async fn a_token_signing_certificate_is_a_pair_of_keys_and_the_same_for_the_same_history() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let cloud = fixed().await;
        let api = cloud.home().await;
        let (_, app) = made(&api, json!({ "displayName": "x" })).await;
        let principal = principal_of(&api, &app.text("/appId")).await;
        let path = format!("{principal}/addTokenSigningCertificate");
        api.post(&path, json!({ "displayName": "no prefix" })).await.is(400);
        let got = api.post(&path, json!({ "displayName": "CN=x" })).await.is(200);
        let der = from_standard_b64(&got.text("/key")).unwrap();
        assert!(webpki::EndEntityCert::try_from(&rustls_pki_types::CertificateDer::from(der.as_slice())).is_ok());
        let shown = api.get(&principal).await;
        let keys = shown.body["keyCredentials"].as_array().unwrap();
        let usages: Vec<_> = keys.iter().map(|k| (k["type"].as_str().unwrap(), k["usage"].as_str().unwrap())).collect();
        assert_eq!(usages, [("X509CertAndPassword", "Sign"), ("AsymmetricX509Cert", "Verify")]);
        assert!(keys.iter().all(|k| k["customKeyIdentifier"] == got.body["thumbprint"]));
        let thumbprint = json!({ "preferredTokenSigningKeyThumbprint": got.body["thumbprint"] });
        api.patch(&principal, thumbprint).await.is(204);
        seen.push(got.text("/key"));
        // Clients take it away again by writing both lists without it.
        api.patch(&principal, json!({ "keyCredentials": [], "passwordCredentials": [] })).await.is(204);
        assert_eq!(api.get(&principal).await.body["passwordCredentials"], json!([]));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_principal_shows_what_its_application_says() {
    let cloud = with(&["Policy.ReadWrite.PermissionGrant"]).await;
    let api = cloud.home().await;
    let role = json!({ "id": "b1a3c9d0-1111-4c1e-9a55-000000000001", "value": "Read", "displayName": "r", "description": "r", "allowedMemberTypes": ["Application"], "isEnabled": true });
    let body = json!({ "displayName": "x", "description": "d", "identifierUris": ["https://northwind.example/x"], "appRoles": [role],
        "web": { "homePageUrl": "https://h.example", "logoutUrl": "https://l.example", "redirectUris": ["https://r.example"] },
        "api": { "oauth2PermissionScopes": [{ "id": "b1a3c9d0-1111-4c1e-9a55-000000000002", "value": "read", "adminConsentDisplayName": "a", "adminConsentDescription": "a", "type": "User", "isEnabled": true }] } });
    let (app, got) = made(&api, body).await;
    let app_id = got.text("/appId");
    let principal = principal_of(&api, &app_id).await;
    let seen = api.get(&principal).await.is(200).body;
    assert_eq!(seen["servicePrincipalNames"], json!(["https://northwind.example/x", app_id]));
    assert_eq!(
        (&seen["homepage"], &seen["logoutUrl"], &seen["replyUrls"]),
        (&json!("https://h.example"), &json!("https://l.example"), &json!(["https://r.example"]))
    );
    assert_eq!(
        (&seen["appRoles"][0]["value"], &seen["oauth2PermissionScopes"][0]["value"]),
        (&json!("Read"), &json!("read"))
    );
    assert_eq!((&seen["appOwnerOrganizationId"], &seen["appDescription"]), (&json!(PARTNER), &json!("d")));
    let classified = format!("{principal}/delegatedPermissionClassifications");
    let made = api.post(&classified, json!({ "permissionName": "read", "classification": "low" })).await.is(201);
    assert_eq!(made.body["permissionId"], "b1a3c9d0-1111-4c1e-9a55-000000000002");
    api.post(&classified, json!({ "permissionName": "read", "classification": "low" })).await.is(409);
    api.post(&classified, json!({ "permissionName": "write", "classification": "low" })).await.is(400);
    api.patch(&app, json!({ "displayName": "renamed" })).await.is(204);
    assert_eq!(api.get(&principal).await.body["displayName"], "renamed");
    let upsert = format!("/v1.0/servicePrincipals(appId='{app_id}')");
    api.patch(&upsert, json!({ "tags": ["a"], "accountEnabled": false })).await.is(204);
    api.patch(&upsert, json!({ "servicePrincipalType": "Legacy" })).await.is(400);
    assert_eq!(api.get(&principal).await.body["tags"], json!(["a"]));
}

#[tokio::test]
async fn a_verified_publisher_is_set_by_an_administrator_and_shows_on_both_objects() {
    let cloud = Cloud::with(|w| {
        w.partner.users[0].roles = vec![APPLICATION_ADMINISTRATOR.to_owned()];
        w.partner.apps[0].delegated.get_mut("MicrosoftGraph").unwrap().push("Application.ReadWrite.All".to_owned());
    })
    .await;
    let manager = cloud.home().await;
    let (app, got) = made(&manager, json!({ "displayName": "x" })).await;
    let principal = principal_of(&manager, &got.text("/appId")).await;
    let (path, body) = (format!("{app}/setVerifiedPublisher"), json!({ "verifiedPublisherId": "1234567" }));
    manager.post(&path, body.clone()).await.is(403);
    let admin = cloud.api(cloud.user_token(PARTNER, GRAPH).await);
    admin.post(&path, json!({ "verifiedPublisherId": "nonsense" })).await.is(400);
    admin.post(&path, body).await.is(204);
    for object in [&app, &principal] {
        let publisher = manager.get(object).await.body["verifiedPublisher"].clone();
        assert_eq!(
            (&publisher["verifiedPublisherId"], &publisher["displayName"]),
            (&json!("1234567"), &json!("Northwind MSP"))
        );
    }
    admin.post(&format!("{app}/unsetVerifiedPublisher"), json!({})).await.is(204);
    assert!(manager.get(&principal).await.body["verifiedPublisher"]["verifiedPublisherId"].is_null());
}

#[tokio::test]
async fn a_principal_without_a_role_makes_no_more_objects_than_its_quota() {
    let cloud = Cloud::new().await;
    let path = cloud.state_file();
    let api = cloud.home().await;
    made(&api, json!({ "displayName": "first" })).await;
    let (app, _) = made(&api, json!({ "displayName": "second" })).await;
    api.delete(&app).await.is(204);
    let Cloud { sandbox, folder, .. } = cloud;
    sandbox.stop().await;
    let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    state["limits"] = json!({ "objectsOfPrincipal": 3 });
    std::fs::write(&path, state.to_string()).unwrap();
    let sandbox = crate::sandbox::Sandbox::start(options(path, None)).await.unwrap();
    let cloud = Cloud { sandbox, http: reqwest::Client::new(), folder };
    let api = cloud.home().await;
    // The one that can be restored counts too.
    made(&api, json!({ "displayName": "third" })).await;
    let refused = api.post("/v1.0/applications", json!({ "displayName": "fourth" })).await.is(403);
    assert_eq!(refused.code(), "Directory_QuotaExceeded");
}
