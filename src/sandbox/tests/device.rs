//! Devices without a browser.
use serde_json::json;

use super::browser::Browser;
use super::pages::people;
use super::support::*;

const NATIVE: &str = "33333333-7c3e-4a38-8a55-6c0f7ac1e2b4";
const CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const URN: &str = "urn:ietf:params:oauth:grant-type:device_code";
const WEAK: &str = "weak@northwind.example";
const SCOPE: &str = "openid profile offline_access User.Read";

async fn begin(cloud: &Cloud, path: &str, fields: &[(&str, &str)]) -> Got {
    cloud.post_form(path, fields).await
}

async fn poll(cloud: &Cloud, client: &str, kind: &str, code: &str) -> Got {
    cloud.form("organizations", &[("grant_type", kind), ("client_id", client), ("device_code", code)]).await
}

#[tokio::test]
async fn a_device_waits_while_a_person_signs_in_elsewhere() {
    let cloud = Cloud::with(people).await;
    let begun = begin(&cloud, "/organizations/oauth2/v2.0/devicecode", &[("client_id", NATIVE), ("scope", SCOPE)])
        .await
        .is(200);
    assert_eq!((&begun.body["expires_in"], &begun.body["interval"]), (&json!(900), &json!(5)));
    let (device, user) = (begun.text("/device_code"), begun.text("/user_code"));
    assert_eq!(begun.text("/verification_uri"), format!("{}/devicelogin", cloud.sandbox.url()));
    assert!(begun.text("/message").contains(&user));
    let waiting = poll(&cloud, NATIVE, URN, &device).await.is(400);
    assert_eq!((waiting.aadsts(), waiting.text("/error")), (70_016, "authorization_pending".to_owned()));
    assert_eq!(poll(&cloud, NATIVE, URN, &device).await.is(400).text("/error"), "slow_down");

    let mut browser = Browser::new(&cloud);
    let page = browser.open("/common/oauth2/deviceauth").await.has("Enter code");
    browser.press(&page, ("canary", &canary(&page.text)), &[("otc", "WRONG")]).await.has("AADSTS70018");
    let account = browser.press(&page, ("canary", &canary(&page.text)), &[("otc", &user.to_lowercase())]).await;
    let confirm = browser.sign_in(&account, WEAK).await.has("Are you trying to sign in to Native?");
    browser.press(&confirm, ("action", "continue"), &[]).await.has("You have signed in");

    // Some clients send the grant by its bare name.
    let got = poll(&cloud, NATIVE, "device_code", &device).await.is(200);
    assert_eq!(claims(&got.text("/access_token"))["upn"], json!(WEAK));
    assert!(got.body["refresh_token"].is_string() && got.body["id_token"].is_string());
    assert_eq!(poll(&cloud, NATIVE, URN, &device).await.is(400).text("/error"), "bad_verification_code");
}

fn canary(text: &str) -> String {
    regex::Regex::new("name=\"canary\" value=\"([^\"]*)\"").unwrap().captures(text).unwrap()[1].to_owned()
}

#[tokio::test]
async fn a_device_learns_that_the_person_declined_or_was_too_late() {
    let cloud = Cloud::with(people).await;
    let ask = [("client_id", NATIVE), ("scope", SCOPE)];
    let begun = begin(&cloud, "/common/oauth2/v2.0/devicecode", &ask).await.is(200);
    let mut browser = Browser::new(&cloud);
    let page = browser.open("/devicelogin").await;
    let account = browser.press(&page, ("canary", &canary(&page.text)), &[("otc", &begun.text("/user_code"))]).await;
    browser.press(&account, ("action", "cancel"), &[]).await.has("cancelled");
    let got = poll(&cloud, NATIVE, URN, &begun.text("/device_code")).await.is(400);
    assert_eq!(got.text("/error"), "authorization_declined");

    let begun = begin(&cloud, "/common/oauth2/v2.0/devicecode", &ask).await.is(200);
    cloud.control().advance(901).unwrap();
    let late = poll(&cloud, NATIVE, URN, &begun.text("/device_code")).await.is(400);
    assert_eq!((late.aadsts(), late.text("/error")), (70_020, "expired_token".to_owned()));
    let unknown = poll(&cloud, NATIVE, URN, "cnry-nothing").await.is(400);
    assert_eq!(unknown.text("/error"), "bad_verification_code");
}

#[tokio::test]
async fn the_older_endpoint_says_texts_and_takes_a_resource() {
    let cloud = Cloud::with(people).await;
    let fields = [("client_id", NATIVE), ("resource", "https://graph.microsoft.com")];
    let begun = begin(&cloud, &format!("/{PARTNER}/oauth2/devicecode"), &fields).await.is(200);
    assert_eq!((&begun.body["expires_in"], &begun.body["interval"]), (&json!("900"), &json!("5")));
    assert!(begun.body["verification_url"].is_string());
    let mut browser = Browser::new(&cloud);
    let page = browser.open("/devicelogin").await;
    let account = browser.press(&page, ("canary", &canary(&page.text)), &[("otc", &begun.text("/user_code"))]).await;
    let confirm = browser.sign_in(&account, WEAK).await;
    browser.press(&confirm, ("action", "continue"), &[]).await.has("You have signed in");
    let code = begun.text("/device_code");
    let fields = [("grant_type", "device_code"), ("client_id", NATIVE), ("code", code.as_str())];
    let got = begin(&cloud, &format!("/{PARTNER}/oauth2/token"), &fields).await.is(200);
    assert_eq!(
        (&got.body["expires_in"], &got.body["resource"]),
        (&json!("3599"), &json!("https://graph.microsoft.com"))
    );
    assert_eq!(claims(&got.text("/id_token"))["ver"], json!("1.0"));
}

#[tokio::test]
async fn microsofts_own_tools_sign_in_without_a_registration() {
    let cloud = Cloud::new().await;
    let fields = [("client_id", CLI), ("scope", "https://graph.microsoft.com/.default openid offline_access")];
    let begun = begin(&cloud, "/organizations/oauth2/v2.0/devicecode", &fields).await.is(200);
    let mut browser = Browser::new(&cloud);
    let page = browser.open("/devicelogin").await;
    let account = browser.press(&page, ("canary", &canary(&page.text)), &[("otc", &begun.text("/user_code"))]).await;
    let confirm = browser.sign_in(&account, "svc-tenantry@northwind.example").await.has("Microsoft Azure CLI");
    browser.press(&confirm, ("action", "continue"), &[]).await.has("You have signed in");
    let got = poll(&cloud, CLI, URN, &begun.text("/device_code")).await.is(200);
    assert!(claims(&got.text("/access_token"))["scp"].as_str().unwrap().contains("Directory.AccessAsUser.All"));
}

#[tokio::test]
async fn an_app_without_public_flows_needs_its_credential() {
    let cloud = Cloud::with(people).await;
    let fields = [("client_id", MANAGER), ("scope", GRAPH)];
    let begun = begin(&cloud, &format!("/{PARTNER}/oauth2/v2.0/devicecode"), &fields).await.is(200);
    assert_eq!(poll(&cloud, MANAGER, URN, &begun.text("/device_code")).await.is(401).aadsts(), 7_000_218);
    let none = begin(&cloud, "/common/oauth2/v2.0/devicecode", &[("client_id", NATIVE)]).await.is(400);
    assert_eq!(none.aadsts(), 900_144);
    let nobody = begin(
        &cloud,
        "/common/oauth2/v2.0/devicecode",
        &[("client_id", "aaaaaaaa-7c3e-4a38-8a55-6c0f7ac1e2b4"), ("scope", SCOPE)],
    )
    .await;
    assert_eq!(nobody.is(400).aadsts(), 700_016);
}
