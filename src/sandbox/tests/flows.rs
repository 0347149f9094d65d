//! Grants for programs that act for people, for other programs, or without a secret of their own.
use jsonwebtoken::{Algorithm, Header};
use reqwest::Method;
use serde_json::{Value, json};

use super::pages::people;
use super::signer::Signer;
use super::support::*;
use crate::sandbox::behaviour::watch;
use crate::sandbox::ids;
use crate::sandbox::shelf::Item;
use crate::sandbox::world::{IssuerFile, ManagedIdentityFile};

const NATIVE: &str = "33333333-7c3e-4a38-8a55-6c0f7ac1e2b4";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const IDENTITY: &str = "44444444-7c3e-4a38-8a55-6c0f7ac1e2b4";
const ISSUER: &str = "https://issuer.example";

async fn password(cloud: &Cloud, user: &str, word: &str, scope: &str) -> Got {
    let fields =
        [("grant_type", "password"), ("client_id", NATIVE), ("username", user), ("password", word), ("scope", scope)];
    cloud.form("organizations", &fields).await
}

#[tokio::test]
async fn a_password_is_enough_where_no_second_factor_is_wanted() {
    let cloud = Cloud::with(|w| {
        people(w);
        w.partner.users[0].password = Some("cnry-strong".to_owned());
    })
    .await;
    let got = password(&cloud, "anna@northwind.example", "cnry-word", "openid User.Read").await.is(200);
    assert_eq!(claims(&got.text("/access_token"))["amr"], json!(["pwd"]));
    assert!(got.body["id_token"].is_string() && got.body.get("refresh_token").is_none());
    let wrong = password(&cloud, "anna@northwind.example", "cnry-guess", "User.Read").await.is(400);
    assert_eq!((wrong.aadsts(), wrong.text("/error")), (50_126, "invalid_grant".to_owned()));
    let strong = password(&cloud, "svc-tenantry@northwind.example", "cnry-strong", "User.Read").await.is(400);
    assert_eq!((strong.aadsts(), strong.text("/suberror")), (50_076, "basic_action".to_owned()));
    assert_eq!(password(&cloud, "weak@northwind.example", "cnry-x", "User.Read").await.is(400).aadsts(), 50_126);
    assert_eq!(password(&cloud, "nobody@northwind.example", "cnry-x", "User.Read").await.is(400).aadsts(), 50_034);
    assert_eq!(password(&cloud, "anna@northwind.example", "cnry-word", "Mail.Read").await.is(400).aadsts(), 65_001);
}

/// The managing app becomes an API, and the native app may call it.
async fn api_of_manager(cloud: &Cloud, version: Value) {
    let api = cloud.home().await;
    let scope = json!({ "id": ids::guid(1, &["scope"], 0), "value": "call", "type": "User", "isEnabled": true, "adminConsentDisplayName": "Call", "adminConsentDescription": "Call" });
    let body = json!({ "identifierUris": [format!("api://{MANAGER}")], "api": { "requestedAccessTokenVersion": version, "oauth2PermissionScopes": [scope] } });
    api.patch(&format!("/v1.0/applications(appId='{MANAGER}')"), body).await.is(204);
    let id = async |app: &str| api.get(&format!("/v1.0/servicePrincipals(appId='{app}')")).await.is(200).text("/id");
    let body = json!({ "clientId": id(NATIVE).await, "consentType": "AllPrincipals", "resourceId": id(MANAGER).await, "scope": "call" });
    api.post("/v1.0/oauth2PermissionGrants", body).await.is(201);
}

#[tokio::test]
async fn an_apps_own_api_gets_tokens_of_the_version_that_it_wants() {
    let cloud = Cloud::with(people).await;
    api_of_manager(&cloud, json!(2)).await;
    let scope = format!("api://{MANAGER}/call");
    let got = password(&cloud, "anna@northwind.example", "cnry-word", &scope).await.is(200);
    let c = claims(&got.text("/access_token"));
    assert_eq!((&c["aud"], &c["ver"], &c["azp"]), (&json!(MANAGER), &json!("2.0"), &json!(NATIVE)));
    assert_eq!(c["iss"], json!(format!("{}/{PARTNER}/v2.0", cloud.sandbox.url())));
    assert_eq!((&c["scp"], &c["preferred_username"]), (&json!("call"), &json!("anna@northwind.example")));
    let app =
        claims(&cloud.app_token(READER, PARTNER, &format!("{MANAGER}/.default")).await.is(200).text("/access_token"));
    for name in
        ["aio", "aud", "azp", "azpacr", "exp", "iat", "iss", "nbf", "oid", "rh", "sub", "tid", "uti", "ver", "xms_ftd"]
    {
        assert!(app.get(name).is_some(), "{name}");
    }
    api_of_manager_is_v1(&cloud).await;
    let got = password(&cloud, "anna@northwind.example", "cnry-word", &scope).await.is(200);
    let c = claims(&got.text("/access_token"));
    assert_eq!((&c["aud"], &c["ver"]), (&json!(format!("api://{MANAGER}")), &json!("1.0")));
}

async fn api_of_manager_is_v1(cloud: &Cloud) {
    change(cloud, |state| {
        let apps = &mut state.tenants.get_mut(PARTNER).unwrap().applications;
        let app = apps.values_mut().find(|a| a.app_id == MANAGER).unwrap();
        app.props.get_mut("api").unwrap()["requestedAccessTokenVersion"] = Value::Null;
    });
}

#[tokio::test]
async fn an_api_goes_on_as_the_person_who_called_it() {
    let cloud = Cloud::with(people).await;
    api_of_manager(&cloud, json!(2)).await;
    let scope = format!("api://{MANAGER}/call");
    let token = password(&cloud, "anna@northwind.example", "cnry-word", &scope).await.is(200).text("/access_token");
    let obo = async |assertion: &str, scope: &str| {
        let fields = [
            ("grant_type", BEARER),
            ("client_id", MANAGER),
            ("client_secret", SECRET),
            ("assertion", assertion),
            ("scope", scope),
            ("requested_token_use", "on_behalf_of"),
        ];
        cloud.form(PARTNER, &fields).await
    };
    let got = obo(&token, GRAPH).await.is(200);
    let c = claims(&got.text("/access_token"));
    assert_eq!((&c["upn"], &c["appid"]), (&json!("anna@northwind.example"), &json!(MANAGER)));
    let missing = obo(&token, "Mail.Read").await.is(400);
    assert_eq!((missing.aadsts(), missing.text("/suberror")), (65_001, "consent_required".to_owned()));
    let graph = got.text("/access_token");
    assert_eq!(obo(&graph, GRAPH).await.is(400).aadsts(), 500_131);
    let own = cloud.app_token(READER, PARTNER, &format!("{MANAGER}/.default")).await.is(200).text("/access_token");
    assert_eq!(obo(&own, GRAPH).await.is(400).aadsts(), 7_000_114);
    assert_eq!(obo("a.b.c", GRAPH).await.is(400).aadsts(), 50_013);
    cloud.control().advance(3_700).unwrap();
    assert_eq!(obo(&token, GRAPH).await.is(400).aadsts(), 500_133);
}

async fn identity(cloud: &Cloud, resource: &str, more: &str) -> Got {
    let path = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}{more}");
    cloud.plain(Method::GET, &path, &[("metadata", "true")]).await
}

fn with_identity(w: &mut crate::sandbox::world::WorldFile) {
    let application = [("MicrosoftGraph".to_owned(), vec!["Application.Read.All".to_owned()])].into();
    w.partner.managed_identities =
        vec![ManagedIdentityFile { name: "runner".to_owned(), client_id: IDENTITY.to_owned(), application }];
}

#[tokio::test]
async fn a_managed_identity_has_tokens_and_no_secret() {
    let cloud = Cloud::with(with_identity).await;
    let got = identity(&cloud, "https://graph.microsoft.com/", "").await.is(200);
    let c = claims(&got.text("/access_token"));
    assert_eq!((&c["appid"], &c["roles"]), (&json!(IDENTITY), &json!(["Application.Read.All"])));
    assert_eq!((got.text("/token_type"), got.text("/client_id")), ("Bearer".to_owned(), IDENTITY.to_owned()));
    assert!(got.body["expires_on"].is_string() && got.body["expires_in"].is_string());
    cloud.api(got).get("/v1.0/applications").await.is(200);
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com";
    let bare = cloud.plain(Method::GET, path, &[]).await.is(400);
    assert_eq!(bare.text("/error"), "invalid_request");
    identity(&cloud, "https://graph.microsoft.com", &format!("&client_id={READER}")).await.is(400);
    let env = cloud.plain(Method::GET, "/_sandbox/env", &[]).await.is(200);
    let path = "/msi/token?api-version=2019-08-01&resource=https://graph.microsoft.com";
    let header = env.text("/managedIdentity");
    cloud.plain(Method::GET, path, &[("x-identity-header", &header)]).await.is(200);
    cloud.plain(Method::GET, path, &[("x-identity-header", "cnry-wrong")]).await.is(401);
    assert_eq!((env.text("/clientId"), env.text("/tenantId")), (MANAGER.to_owned(), PARTNER.to_owned()));
    assert_eq!(env.body["secretNames"], json!(["bootstrap"]));
}

fn federate(cloud: &Cloud, issuer: &str, subject: &str, audience: &str) {
    change(cloud, |state| {
        let now = state.clock.now();
        let tenant = state.tenants.get_mut(PARTNER).unwrap();
        let app = tenant.applications.values().find(|a| a.app_id == READER).unwrap().id.clone();
        let props = json!({ "name": "f", "issuer": issuer, "subject": subject, "audiences": [audience] });
        let props = props.as_object().unwrap().clone();
        let item = Item { id: "f".to_owned(), props, created: now, modified: now };
        tenant.shelves.entry(format!("{app}/federatedIdentityCredentials")).or_default().insert("f".to_owned(), item);
    });
}

async fn by_federation(cloud: &Cloud, assertion: &str) -> Got {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", READER),
        ("scope", GRAPH),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
    ];
    cloud.form(PARTNER, &fields).await
}

#[tokio::test]
async fn a_new_federated_credential_is_no_match_for_up_to_two_minutes() {
    let signer = Signer::new();
    let jwks = signer.jwks("k1");
    let issuers = vec![IssuerFile { issuer: ISSUER.to_owned(), jwks }];
    let cloud = Cloud::still_with(json!({ "newFederatedCredential": 120 }), |w| w.issuers = issuers).await;
    let before = change(&cloud, |state| state.tenants.share(PARTNER).unwrap());
    federate(&cloud, ISSUER, "system:serviceaccount:a:b", "api://AzureADTokenExchange");
    change(&cloud, |state| {
        let after = state.tenants.share(PARTNER).unwrap();
        watch::changed(state, &before, &after, state.clock.now());
    });
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": ISSUER, "sub": "system:serviceaccount:a:b", "aud": "api://AzureADTokenExchange", "iat": now, "nbf": now, "exp": now + 300,
    });
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("k1".to_owned());
    let assertion = jsonwebtoken::encode(&header, &claims, &signer.key).unwrap();
    assert_eq!(by_federation(&cloud, &assertion).await.aadsts(), 70_021);
    cloud.control().advance(120).unwrap();
    by_federation(&cloud, &assertion).await.is(200);
}

#[tokio::test]
async fn another_issuers_word_lets_a_workload_be_an_app() {
    let signer = Signer::new();
    let jwks = signer.jwks("k1");
    let cloud = Cloud::with(|w| w.issuers = vec![IssuerFile { issuer: ISSUER.to_owned(), jwks }]).await;
    let token = |issuer: &str, subject: &str, audience: &str| {
        let now = jiff::Timestamp::now().as_second();
        let claims =
            json!({ "iss": issuer, "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 300 });
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("k1".to_owned());
        jsonwebtoken::encode(&header, &claims, &signer.key).unwrap()
    };
    let exchange = "api://AzureADTokenExchange";
    let good = token(ISSUER, "system:serviceaccount:a:b", exchange);
    assert_eq!(by_federation(&cloud, &good).await.is(401).aadsts(), 70_025);
    federate(&cloud, ISSUER, "system:serviceaccount:a:b", exchange);
    let got = by_federation(&cloud, &good).await.is(200);
    assert_eq!(claims(&got.text("/access_token"))["appidacr"], json!("2"));
    for (assertion, code) in [
        (token("https://other.example", "system:serviceaccount:a:b", exchange), 700_211),
        (token(ISSUER, "system:serviceaccount:A:b", exchange), 700_213),
        (token(ISSUER, "system:serviceaccount:a:b", "api://Other"), 700_212),
    ] {
        assert_eq!(by_federation(&cloud, &assertion).await.is(401).aadsts(), code);
    }
    let mut forged = good.clone();
    forged.truncate(good.len() - 8);
    assert_eq!(by_federation(&cloud, &format!("{forged}AAAAAAAA")).await.is(401).aadsts(), 700_027);
    federate(&cloud, "https://nobody.example", "s", exchange);
    assert_eq!(by_federation(&cloud, &token("https://nobody.example", "s", exchange)).await.is(400).aadsts(), 90_061);
}

#[tokio::test]
async fn a_managed_identity_lets_an_app_in_without_a_secret() {
    let cloud = Cloud::with(with_identity).await;
    let got = identity(&cloud, "api://AzureADTokenExchange", "").await.is(200).text("/access_token");
    let c = claims(&got);
    assert_eq!(c["iss"], json!(format!("{}/{PARTNER}/v2.0", cloud.sandbox.url())));
    let subject = c["sub"].as_str().unwrap();
    federate(
        &cloud,
        &format!("https://login.microsoftonline.com/{PARTNER}/v2.0"),
        subject,
        "api://AzureADTokenExchange",
    );
    by_federation(&cloud, &got).await.is(200);
    federate(
        &cloud,
        &format!("https://login.microsoftonline.com/{CONTOSO}/v2.0"),
        subject,
        "api://AzureADTokenExchange",
    );
    assert_eq!(by_federation(&cloud, &got).await.is(401).aadsts(), 700_211);
}

#[tokio::test]
async fn shared_endpoints_are_for_people_not_for_programs() {
    let cloud = Cloud::new().await;
    assert_eq!(cloud.app_token(MANAGER, "common", GRAPH).await.is(400).aadsts(), 50_059);
    cloud
        .home()
        .await
        .patch(&format!("/v1.0/applications(appId='{READER}')"), json!({ "signInAudience": "AzureADMyOrg" }))
        .await
        .is(204);
    assert_eq!(cloud.app_token(READER, "organizations", GRAPH).await.is(400).aadsts(), 50_194);
}

#[tokio::test]
async fn userinfo_says_who_a_token_is_of() {
    let cloud = Cloud::new().await;
    let user = cloud.api(cloud.user_token(PARTNER, GRAPH).await);
    let got = user.get("/oidc/userinfo").await.is(200);
    assert_eq!(
        (got.text("/name"), got.text("/sub")),
        ("Tenantry service account".to_owned(), claims(&user.token)["sub"].as_str().unwrap().to_owned())
    );
    cloud.home().await.get("/oidc/userinfo").await.is(401);
    cloud.plain(Method::GET, "/oidc/userinfo", &[]).await.is(401);
}

#[tokio::test]
async fn the_older_token_endpoint_says_when_a_token_ends() {
    let cloud = Cloud::new().await;
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", MANAGER),
        ("client_secret", SECRET),
        ("resource", "https://graph.microsoft.com"),
    ];
    let got = cloud.post_form(&format!("/{PARTNER}/oauth2/token"), &fields).await.is(200);
    assert_eq!(
        (got.text("/resource"), got.text("/expires_in")),
        ("https://graph.microsoft.com".to_owned(), "3599".to_owned())
    );
    let end = got.text("/expires_on").parse::<i64>().unwrap();
    assert_eq!(claims(&got.text("/access_token"))["exp"], json!(end));
}
