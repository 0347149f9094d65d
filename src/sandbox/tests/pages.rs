//! Signing in with a browser.
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::browser::Browser;
use super::support::*;
use crate::sandbox::ids;
use crate::sandbox::world::{UserFile, WorldFile};

const NATIVE: &str = "33333333-7c3e-4a38-8a55-6c0f7ac1e2b4";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-1234567890";
const BACK: &str = "http://localhost:53211/cb";
const SERVICE: &str = "svc-tenantry@northwind.example";
const WEAK: &str = "weak@northwind.example";

/// A native app with User.Read, a page, a server's redirect URI on the managing app, and a user with a password.
pub fn people(world: &mut WorldFile) {
    let app: Value = json!({
        "displayName": "Native", "clientId": NATIVE, "publicClient": true,
        "redirectUris": { "publicClient": ["http://localhost/cb"], "spa": ["https://app.example/spa"] },
        "delegated": { "MicrosoftGraph": ["User.Read"] },
    });
    world.partner.apps.push(serde_json::from_value(app).unwrap());
    world.partner.apps[0].redirect_uris = [("web".to_owned(), vec!["https://app.example/web".to_owned()])].into();
    let anna: UserFile = serde_json::from_value(json!({
        "userPrincipalName": "anna@northwind.example", "displayName": "Anna <b>", "mfa": false, "password": "cnry-word",
    }))
    .unwrap();
    world.partner.users.push(anna);
}

fn challenge() -> String {
    ids::b64(&Sha256::digest(VERIFIER.as_bytes()))
}

fn authorize(tenant: &str, more: &str) -> String {
    format!(
        "/{tenant}/oauth2/v2.0/authorize?client_id={NATIVE}&response_type=code&redirect_uri={}&scope=openid%20profile%20offline_access%20User.Read&state=s%261&nonce=n1&code_challenge={}&code_challenge_method=S256{more}",
        crate::sandbox::http::encode(BACK),
        challenge()
    )
}

async fn redeem(cloud: &Cloud, code: &str, verifier: &str) -> Got {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", NATIVE),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", verifier),
        ("client_info", "1"),
    ];
    cloud.form("organizations", &fields).await
}

async fn code(cloud: &Cloud, upn: &str) -> String {
    let mut browser = Browser::new(cloud);
    let page = browser.open(&authorize(PARTNER, "")).await;
    browser.sign_in(&page, upn).await.back(BACK)["code"].clone()
}

#[tokio::test]
async fn a_person_signs_in_with_a_second_factor_and_the_program_gets_tokens_for_the_code() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&authorize("common", "")).await.has("Native");
    assert!(page.cookies.iter().all(|c| c.contains("HttpOnly; SameSite=Lax")));
    let factor = browser.press(&page, ("login", SERVICE), &[]).await.has("Approve sign in request");
    let wrong = browser.press(&factor, ("action", "factor"), &[("number", "9")]).await.has("AADSTS500121");
    let number = wrong.number();
    let done = browser.press(&wrong, ("action", "factor"), &[("number", &number)]).await;
    let back = done.back(BACK);
    assert_eq!(back["state"], "s&1");
    let got = redeem(&cloud, &back["code"], VERIFIER).await.is(200);
    let access = claims(&got.text("/access_token"));
    assert_eq!((&access["scp"], &access["amr"]), (&json!("User.Read"), &json!(["pwd", "mfa"])));
    assert_eq!((&access["upn"], &access["appidacr"]), (&json!(SERVICE), &json!("0")));
    let id = claims(&got.text("/id_token"));
    assert_eq!((&id["aud"], &id["tid"], &id["nonce"]), (&json!(NATIVE), &json!(PARTNER), &json!("n1")));
    assert_eq!((&id["ver"], &id["preferred_username"]), (&json!("2.0"), &json!(SERVICE)));
    assert_eq!(id["iss"], json!(format!("{}/{PARTNER}/v2.0", cloud.sandbox.url())));
    assert_eq!(id["sub"].as_str().unwrap().len(), 43);
    assert_ne!((&id["sub"], &id["oid"]), (&access["sub"], &access["sub"]));
    let info: Value = serde_json::from_slice(&ids::unb64(&got.text("/client_info")).unwrap()).unwrap();
    assert_eq!(info, json!({ "uid": id["oid"], "utid": PARTNER }));
    assert!(got.text("/scope").split(' ').any(|s| s == "User.Read"));
    cloud.api(got).get("/v1.0/me").await.is(200);
}

#[tokio::test]
async fn a_code_is_good_once_for_its_program_its_verifier_and_ten_minutes() {
    let cloud = Cloud::with(people).await;
    let first = code(&cloud, WEAK).await;
    assert_eq!(
        redeem(&cloud, &first, "not-the-verifier-but-as-long-as-one-needs-to-be").await.is(400).aadsts(),
        501_481
    );
    redeem(&cloud, &first, VERIFIER).await.is(200);
    let again = redeem(&cloud, &first, VERIFIER).await.is(400);
    assert_eq!((again.aadsts(), again.text("/error")), (54_005, "invalid_grant".to_owned()));
    let late = code(&cloud, WEAK).await;
    cloud.control().advance(601).unwrap();
    assert_eq!(redeem(&cloud, &late, VERIFIER).await.is(400).aadsts(), 70_008);
    assert_eq!(redeem(&cloud, "cnry-2.forged.code", VERIFIER).await.is(400).aadsts(), 9_002_313);
    let elsewhere = [
        ("grant_type", "authorization_code"),
        ("client_id", NATIVE),
        ("code", &code(&cloud, WEAK).await),
        ("redirect_uri", "http://localhost:53212/cb"),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(cloud.form(PARTNER, &elsewhere).await.is(400).aadsts(), 500_112);
}

#[tokio::test]
async fn a_programs_refresh_token_needs_no_secret_and_takes_none() {
    let cloud = Cloud::with(people).await;
    let got = redeem(&cloud, &code(&cloud, WEAK).await, VERIFIER).await.is(200);
    let token = got.text("/refresh_token");
    let fields = [("grant_type", "refresh_token"), ("client_id", NATIVE), ("refresh_token", &token)];
    let next = cloud.form("common", &fields).await.is(200);
    assert_eq!(claims(&next.text("/access_token"))["amr"], json!(["pwd"]));
    let with = [&fields[..], &[("client_secret", "cnry-x")]].concat();
    let refused = cloud.form("common", &with).await.is(401);
    assert_eq!((refused.aadsts(), refused.text("/error")), (700_025, "invalid_client".to_owned()));
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let page = authorize(PARTNER, "").replace("localhost%3A53211", "evil%2Eexample");
    let shown = browser.open(&page).await.has("AADSTS50011");
    assert_eq!((shown.status, shown.location), (400, None));
    browser.open(&authorize("no-tenant.example", "")).await.has("AADSTS90002");
    browser
        .open(&authorize(PARTNER, "").replace(NATIVE, "aaaaaaaa-7c3e-4a38-8a55-6c0f7ac1e2b4"))
        .await
        .has("AADSTS700016");
    let out =
        browser.open(&format!("/{PARTNER}/oauth2/v2.0/logout?post_logout_redirect_uri=https://evil.example")).await;
    assert_eq!((out.status, out.location), (200, None));
    let home =
        browser.open(&format!("/{PARTNER}/oauth2/v2.0/logout?post_logout_redirect_uri=https://app.example/spa")).await;
    assert_eq!(home.location.as_deref(), Some("https://app.example/spa"));
}

#[tokio::test]
async fn a_password_is_asked_for_where_the_world_has_one() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&authorize(PARTNER, "")).await;
    assert!(!page.text.contains("anna@"), "whoever has a password is nobody's to choose");
    let ask =
        browser.press(&page, ("action", "account"), &[("login", "ANNA@northwind.example")]).await.has("Enter password");
    let wrong = browser.press(&ask, ("action", "password"), &[("passwd", "cnry-guess")]).await.has("AADSTS50126");
    let done = browser.press(&wrong, ("action", "password"), &[("passwd", "cnry-word")]).await;
    redeem(&cloud, &done.back(BACK)["code"], VERIFIER).await.is(200);
    browser.open(&authorize(PARTNER, "&prompt=login")).await.has("Sign in");
    let nobody = browser.open(&authorize(PARTNER, "&prompt=login&login_hint=nobody%40northwind.example")).await;
    browser.press(&nobody, ("action", "account"), &[("login", "nobody@northwind.example")]).await.has("AADSTS50034");
}

#[tokio::test]
async fn a_session_signs_in_silently_and_no_session_is_said() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let none = browser.open(&authorize(PARTNER, "&prompt=none")).await.back(BACK);
    assert_eq!(none["error"], "login_required");
    assert!(none["error_description"].starts_with("AADSTS50058: "));
    let page = browser.open(&authorize(PARTNER, "")).await;
    browser.sign_in(&page, WEAK).await.back(BACK);
    let silent = browser.open(&authorize(PARTNER, "&prompt=none")).await.back(BACK);
    redeem(&cloud, &silent["code"], VERIFIER).await.is(200);
    let other = browser.open(&authorize(PARTNER, &format!("&prompt=none&login_hint={SERVICE}"))).await.back(BACK);
    assert_eq!(other["error"], "login_required");
    let more = authorize(PARTNER, "&prompt=none").replace("User.Read", "Mail.Read");
    assert_eq!(browser.open(&more).await.back(BACK)["error"], "consent_required");
    browser.open("/common/oauth2/v2.0/logout").await.has("You signed out");
    assert_eq!(browser.open(&authorize(PARTNER, "&prompt=none")).await.back(BACK)["error"], "login_required");
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&authorize(PARTNER, "")).await;
    let fields = [("action", "account"), ("login", WEAK)].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let refused = browser.send(&page.url, &fields).await;
    assert_eq!((refused.status, refused.location), (403, None));
    let stolen = browser.press(&page, ("login", WEAK), &[("canary", "cnry-other")]).await;
    assert_eq!(stolen.status, 403);
    // Another browser has another canary.
    let mut other = Browser::new(&cloud);
    other.open("/devicelogin").await;
    assert_eq!(other.press(&page, ("login", WEAK), &[]).await.status, 403);
}

#[tokio::test]
async fn a_user_consents_to_what_needs_no_administrator_and_no_more() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let more = authorize(PARTNER, "").replace("User.Read", "Mail.Read");
    let page = browser.open(&more).await;
    let consent = browser.sign_in(&page, WEAK).await.has("Permissions requested").has("<li>Mail.Read</li>");
    assert!(!consent.text.contains("organization\""), "only administrators consent for all");
    let no = browser.press(&consent, ("action", "decline"), &[]).await.back(BACK);
    assert_eq!(no["error"], "access_denied");
    assert!(no["error_description"].starts_with("AADSTS65004: "));
    let consent = browser.open(&more).await;
    let code = browser.press(&consent, ("action", "accept"), &[]).await.back(BACK)["code"].clone();
    let got = redeem(&cloud, &code, VERIFIER).await.is(200);
    assert!(claims(&got.text("/access_token"))["scp"].as_str().unwrap().contains("Mail.Read"));
    let grants = cloud.home().await.list("/v1.0/oauth2PermissionGrants").await;
    let own: Vec<&Value> = grants.iter().filter(|g| g["consentType"] == "Principal").collect();
    assert_eq!((own.len(), &own[0]["scope"]), (1, &json!("offline_access openid profile Mail.Read")));
    let much = authorize(PARTNER, "").replace("User.Read", "Directory.ReadWrite.All");
    browser.open(&much).await.has("AADSTS90094");
    let unknown = browser.open(&authorize(PARTNER, "").replace("User.Read", "No.Such")).await.back(BACK);
    assert!(unknown["error_description"].starts_with("AADSTS650053: "));
}

#[tokio::test]
async fn a_page_redeems_its_codes_from_its_own_origin_only() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let uri = "https://app.example/spa";
    let path = authorize(PARTNER, "&response_mode=fragment").replace(&crate::sandbox::http::encode(BACK), uri);
    let page = browser.open(&path).await;
    let shown = browser.sign_in(&page, WEAK).await;
    assert!(shown.location.as_ref().unwrap().starts_with("https://app.example/spa#"));
    let code = shown.back(uri)["code"].clone();
    let post = |origin: Option<&'static str>| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", NATIVE),
            ("code", &code),
            ("redirect_uri", uri),
            ("code_verifier", VERIFIER),
        ];
        let request = cloud.http.post(format!("{}/{PARTNER}/oauth2/v2.0/token", cloud.sandbox.url())).form(&fields);
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        async { request.send().await.unwrap() }
    };
    let plain: Value = post(None).await.json().await.unwrap();
    assert_eq!(plain["error_codes"], json!([9_002_327]));
    let other = post(Some("https://evil.example")).await;
    assert!(other.headers().get("access-control-allow-origin").is_none());
    let path = path.replace("&code_challenge=", "&x=");
    assert!(browser.open(&path).await.back(uri)["error_description"].starts_with("AADSTS9002325: "));
}

#[tokio::test]
async fn an_id_token_comes_by_a_form_when_the_app_takes_it() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let path = format!(
        "/{PARTNER}/oauth2/v2.0/authorize?client_id={MANAGER}&response_type=code%20id_token&response_mode=form_post&redirect_uri=https://app.example/web&scope=openid%20profile&state=x&nonce=n2"
    );
    assert!(browser.open(&path).await.text.contains("AADSTS700054"));
    let settings = json!({ "web": { "redirectUris": ["https://app.example/web"], "implicitGrantSettings": { "enableIdTokenIssuance": true } } });
    cloud.home().await.patch(&format!("/v1.0/applications(appId='{MANAGER}')"), settings).await.is(204);
    let page = browser.open(&path).await;
    let form = browser.sign_in(&page, WEAK).await.has("action=\"https://app.example/web\"").has("name=\"code\"");
    let token =
        regex::Regex::new("name=\"id_token\" value=\"([^\"]+)\"").unwrap().captures(&form.text).unwrap()[1].to_owned();
    let id = claims(&token);
    assert_eq!((&id["nonce"], &id["aud"]), (&json!("n2"), &json!(MANAGER)));
    assert!(id["c_hash"].is_string());
}

#[tokio::test]
async fn a_disabled_user_and_a_foreign_one_do_not_get_in() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&authorize(CONTOSO, "")).await;
    let typed = [("login", WEAK)];
    browser.press(&page, ("action", "account"), &typed).await.has("AADSTS50020");
    change(&cloud, |state| {
        let user = state.tenants.get_mut(PARTNER).unwrap().users.values_mut().find(|u| u.user_principal_name == WEAK);
        user.unwrap().props.insert("accountEnabled".to_owned(), json!(false));
    });
    let page = Browser::new(&cloud).open(&authorize(PARTNER, "")).await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(page.url.strip_prefix(&cloud.sandbox.url()).unwrap()).await;
    browser.sign_in(&page, WEAK).await.has("AADSTS50057");
}

#[tokio::test]
async fn a_customers_administrator_signs_in_at_home_and_consents_for_everybody() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&authorize("organizations", "")).await;
    let consent = browser.press(&page, ("action", "account"), &[("login", "admin@contoso.com")]).await;
    let consent = consent.has("Consent on behalf of your organization");
    let done = browser.press(&consent, ("action", "accept"), &[("organization", "on")]).await;
    let got = redeem(&cloud, &done.back(BACK)["code"], VERIFIER).await.is(200);
    let c = claims(&got.text("/access_token"));
    assert_eq!((&c["tid"], &c["wids"]), (&json!(CONTOSO), &json!([GLOBAL])));
    let refresh = got.text("/refresh_token");
    cloud.api(got).get("/v1.0/me").await.is(200);
    let fields = [("grant_type", "refresh_token"), ("client_id", NATIVE), ("refresh_token", refresh.as_str())];
    let again = cloud.form(CONTOSO, &fields).await.is(200);
    assert_eq!(claims(&again.text("/access_token"))["upn"], json!("admin@contoso.com"));
    // Elsewhere she is a stranger.
    assert_eq!(cloud.form(PARTNER, &fields).await.is(400).aadsts(), 50_020);
    // And so a plain user of hers needs no consent any more, and no role to read about herself.
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&authorize("contoso.com", "")).await;
    let done = browser.press(&page, ("action", "account"), &[("login", "user004@contoso.com")]).await;
    let user = redeem(&cloud, &done.back(BACK)["code"], VERIFIER).await.is(200);
    assert_eq!(cloud.api(user).get("/v1.0/me").await.is(200).text("/userPrincipalName"), "user004@contoso.com");
}

#[tokio::test]
async fn an_app_that_wants_assignment_takes_only_whom_it_was_given() {
    let cloud = Cloud::with(people).await;
    let api = cloud.home().await;
    let path = format!("/v1.0/servicePrincipals(appId='{NATIVE}')");
    api.patch(&path, json!({ "appRoleAssignmentRequired": true })).await.is(204);
    let code = code(&cloud, WEAK).await;
    assert_eq!(redeem(&cloud, &code, VERIFIER).await.is(400).aadsts(), 50_105);
    let (app, user) = (api.get(&path).await.text("/id"), api.get(&format!("/v1.0/users/{WEAK}")).await.text("/id"));
    change(&cloud, |state| {
        let tenant = state.tenants.get_mut(PARTNER).unwrap();
        let role = json!({ "id": "r", "principalId": user, "resourceId": app, "appRoleId": "00000000-0000-0000-0000-000000000000", "created": "2026-01-01T00:00:00Z" });
        tenant.app_roles.insert("r".to_owned(), serde_json::from_value(role).unwrap());
    });
    redeem(&cloud, &code, VERIFIER).await.is(200);
}

#[tokio::test]
async fn an_app_of_one_tenant_is_unknown_elsewhere_and_on_shared_endpoints() {
    let cloud = Cloud::with(|w| {
        people(w);
        w.partner.apps[3].sign_in_audience = Some("AzureADMyOrg".to_owned());
    })
    .await;
    let mut browser = Browser::new(&cloud);
    browser.open(&authorize("common", "")).await.has("AADSTS50194");
    browser.open(&authorize(CONTOSO, "")).await.has("AADSTS700016");
    browser.open(&authorize("consumers", "")).await.has("AADSTS9002346");
    browser.open(&authorize(PARTNER, "")).await.has("Sign in");
}
