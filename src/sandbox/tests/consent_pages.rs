//! What administrators of customers do with a browser: consent, and a partner's relationship.
use serde_json::json;

use super::browser::Browser;
use super::pages::people;
use super::support::*;

const ADMIN: &str = "admin@contoso.com";
const WEB: &str = "https://app.example/web";

fn consent(tenant: &str, version: &str, more: &str) -> String {
    format!("/{tenant}{version}/adminconsent?client_id={MANAGER}&state=st&redirect_uri={WEB}{more}")
}

/// What Contoso's audit log says last, and of whom.
fn newest(cloud: &Cloud) -> (String, String) {
    change(cloud, |state| {
        let entry = state.tenants.get(CONTOSO).unwrap().audits.newest().next().unwrap();
        let crate::sandbox::audit::By::User { upn, .. } = &entry.of.by else { panic!("not by a person") };
        (entry.of.activity.clone(), upn.clone())
    })
}

#[tokio::test]
async fn an_administrator_lets_an_app_in_with_all_that_it_requires() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&consent(CONTOSO, "/v2.0", "&scope=https://graph.microsoft.com/.default")).await;
    let page = browser.sign_in(&page, ADMIN).await.has("<li>Application.ReadWrite.All</li>").has("Contoso");
    let back = browser.press(&page, ("action", "accept"), &[]).await.back(WEB);
    assert_eq!((&back["admin_consent"][..], &back["tenant"][..], &back["state"][..]), ("True", CONTOSO, "st"));
    assert!(back["scope"].contains("https://graph.microsoft.com/Directory.Read.All"), "{}", back["scope"]);
    let token = cloud.app_token(MANAGER, CONTOSO, GRAPH).await.is(200);
    assert!(
        claims(&token.text("/access_token"))["roles"].as_array().unwrap().contains(&json!("Application.ReadWrite.All"))
    );
    let api = cloud.api(token);
    let grants = api.list("/v1.0/oauth2PermissionGrants").await;
    assert!(!grants.is_empty() && grants.iter().all(|g| g["consentType"] == "AllPrincipals"));
    assert_eq!(newest(&cloud), ("consent".to_owned(), ADMIN.to_owned()));
    // The made-up administrator is a user since.
    api.get(&format!("/v1.0/users/{ADMIN}")).await.is(200);
    let again = browser.open(&consent(CONTOSO, "", "")).await.has("Application.ReadWrite.All");
    let back = browser.press(&again, ("action", "accept"), &[]).await.back(WEB);
    assert!(!back.contains_key("scope") && back["admin_consent"] == "True");
}

#[tokio::test]
async fn a_consent_that_is_asked_for_wrongly_or_declined_grants_nothing() {
    let cloud = Cloud::with(people).await;
    let mut browser = Browser::new(&cloud);
    browser.open(&consent(CONTOSO, "/v2.0", "")).await.has("AADSTS900144");
    browser.open(&consent(CONTOSO, "", "").replace(WEB, "https://evil.example")).await.has("AADSTS50011");
    let page = browser.open(&consent(CONTOSO, "", "")).await;
    let page = browser.sign_in(&page, ADMIN).await;
    let no = browser.press(&page, ("action", "decline"), &[]).await.back(WEB);
    assert_eq!((&no["error"][..], &no["state"][..]), ("permission_denied", "st"));
    assert!(no["error_description"].starts_with("AADSTS65004: "));
    assert!(cloud.app_token(MANAGER, CONTOSO, GRAPH).await.status.is_client_error());
}

#[tokio::test]
async fn whoever_is_no_administrator_is_told_to_ask_one() {
    let cloud = Cloud::with(|w| {
        people(w);
        w.customers[0].user_accounts = serde_json::from_value(json!([
            { "userPrincipalName": "carl@contoso.com", "mfa": false },
            { "userPrincipalName": "cleo@contoso.com", "mfa": false, "roles": ["Cloud Application Administrator"] },
        ]))
        .unwrap();
    })
    .await;
    let plain = consent(CONTOSO, "/v2.0", "&scope=https://graph.microsoft.com/Directory.Read.All");
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&plain).await;
    let refused = browser.sign_in(&page, "carl@contoso.com").await.has("AADSTS90094");
    assert_eq!(refused.status, 403);
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&plain).await;
    browser.sign_in(&page, "cleo@contoso.com").await.has("<li>Directory.Read.All</li>");
    // Application permissions of Graph need more than her role.
    browser.open(&consent(CONTOSO, "", "")).await.has("AADSTS90094");
}

#[tokio::test]
async fn without_an_address_to_go_back_to_the_consent_counts_all_the_same() {
    let cloud = Cloud::new().await;
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&format!("/{CONTOSO}/adminconsent?client_id={READER}")).await;
    let page = browser.sign_in(&page, ADMIN).await;
    browser.press(&page, ("action", "accept"), &[]).await.has("AADSTS500113");
    cloud.app_token(READER, CONTOSO, GRAPH).await.is(200);
}

#[tokio::test]
async fn consent_is_played_by_control_too() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let got = api.post("/_sandbox/consent", json!({ "tenant": "Contoso", "app": "Reader" })).await.is(200);
    assert_eq!((&got.body["tenant"], &got.body["roles"]), (&json!(CONTOSO), &json!(2)));
    cloud.app_token(READER, CONTOSO, GRAPH).await.is(200);
    assert!(
        api.post("/_sandbox/consent", json!({ "tenant": "Contoso", "app": "Nobody" }))
            .await
            .is(400)
            .text("/error")
            .contains("Reader")
    );
}

#[tokio::test]
async fn a_partners_relationship_is_approved_on_its_page() {
    let cloud = Cloud::with(people).await;
    let id = waiting(&cloud, "NW-contoso-standard", &[CLOUD_APP, EXCHANGE_ADMIN]).await;
    let mut browser = Browser::new(&cloud);
    browser.open("/AdminPortal/Home").await.has("location.hash").has("name=\"relationship\"");
    browser.open("/AdminPortal/Home?relationship=nothing").await.has("There is no such relationship.");
    let page = browser.open(&format!("/AdminPortal/Home?relationship={id}")).await.has(ADMIN);
    let page = browser.sign_in(&page, ADMIN).await.has("Northwind MSP").has("730 days");
    let page = page.has("<li>Cloud Application Administrator</li>").has("<li>Exchange Administrator</li>");
    browser.press(&page, ("action", "approve"), &[]).await.has("Roles approved");
    let api = cloud.home().await;
    assert_eq!(api.get(&format!("{RELATIONSHIPS}/{id}")).await.is(200).text("/status"), "active");
    assert_eq!(newest(&cloud), ("approve".to_owned(), ADMIN.to_owned()));
    let over = browser.open(&format!("/AdminPortal/Home?relationship={id}")).await.has("can no longer be approved");
    assert!(!over.text.contains("value=\"approve\""));
}

#[tokio::test]
async fn a_relationship_is_for_administrators_of_its_customer() {
    let cloud = Cloud::with(people).await;
    let id = waiting(&cloud, "NW-contoso-standard", &[CLOUD_APP]).await;
    let path = format!("/AdminPortal/Home?relationship={id}");
    for upn in ["admin@fabrikam.example", "weak@northwind.example", "user004@contoso.com"] {
        let mut browser = Browser::new(&cloud);
        let page = browser.open(&path).await;
        let refused = browser.press(&page, ("action", "account"), &[("login", upn)]).await;
        assert!(refused.status == 403 && !refused.text.contains("value=\"approve\""), "{upn}: {}", refused.text);
    }
    let mut browser = Browser::new(&cloud);
    let page = browser.open(&path).await;
    let page = browser.sign_in(&page, ADMIN).await;
    browser.press(&page, ("action", "decline"), &[]).await.has("Request declined");
    let got = cloud.home().await.get(&format!("{RELATIONSHIPS}/{id}")).await.is(200);
    assert_eq!(got.text("/status"), "terminated");
}
