//! Graph: users, their licences, guests and authentication methods.
use reqwest::Method;
use serde_json::{Value, json};

use super::callers::*;
use super::support::*;

async fn made(api: &Api<'_>, name: &str) -> String {
    api.post("/v1.0/users", new_user(name)).await.is(201).text("/id")
}

#[tokio::test]
async fn a_user_is_made_read_by_id_and_name_changed_deleted_and_restored() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    // As SDKs send it.
    let mut body = new_user("adele");
    body["@odata.type"] = json!("#microsoft.graph.user");
    let created = api.post("/v1.0/users", body).await.is(201);
    assert!(created.body.get("@odata.type").is_none());
    assert_eq!(created.body["userPrincipalName"], "adele@northwind.example");
    assert!(created.body.get("accountEnabled").is_none() && !created.text.contains("Passw0rd"));
    let id = created.text("/id");
    for path in ["/v1.0/users/adele@northwind.example", "/v1.0/users('ADELE@northwind.example')"] {
        assert_eq!(api.get(path).await.is(200).text("/id"), id);
    }
    let change = json!({ "jobTitle": "Engineer", "usageLocation": "DE", "businessPhones": ["+49 30 1"], "userPrincipalName": "adele.v@northwind.example" });
    api.patch(&format!("/v1.0/users/{id}"), change).await.is(204);
    let seen = api.get(&format!("/v1.0/users/{id}?$select=jobTitle,userPrincipalName,mail,passwordProfile,identities,securityIdentifier,onPremisesSyncEnabled")).await.is(200);
    assert_eq!(
        (&seen.body["jobTitle"], &seen.body["userPrincipalName"]),
        (&json!("Engineer"), &json!("adele.v@northwind.example"))
    );
    assert_eq!((&seen.body["mail"], &seen.body["passwordProfile"]["password"]), (&Value::Null, &Value::Null));
    assert_eq!(seen.body["identities"][0]["issuerAssignedId"], "adele.v@northwind.example");
    assert!(seen.text("/securityIdentifier").starts_with("S-1-12-1-"));
    api.get("/v1.0/users/adele@northwind.example").await.is(404);
    assert!(!std::fs::read_to_string(cloud.state_file()).unwrap().contains("Passw0rd"));
    api.delete(&format!("/v1.0/users/{id}")).await.is(204);
    api.get(&format!("/v1.0/users/{id}")).await.is(404);
    let bin = api.list("/v1.0/directory/deletedItems/microsoft.graph.user").await;
    assert_eq!(bin[0]["id"], json!(id));
    api.post(&format!("/v1.0/directory/deletedItems/{id}/restore"), json!({})).await.is(200);
    assert_eq!(api.get(&format!("/v1.0/users/{id}")).await.is(200).body["jobTitle"], "Engineer");
}

#[tokio::test]
async fn a_user_that_could_not_be_is_refused_with_the_words_of_graph() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    made(&api, "taken").await;
    let with = |name: &str, value: Value| {
        let mut body = new_user("fresh");
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = new_user("fresh");
        body.as_object_mut().unwrap().remove(name);
        body
    };
    let upn = "userPrincipalName";
    let cases = [
        (without("accountEnabled"), "A value is required for property 'accountEnabled' of resource 'User'."),
        (without("displayName"), "A value is required for property 'displayName' of resource 'User'."),
        (without("mailNickname"), "A value is required for property 'mailNickname' of resource 'User'."),
        (without(upn), "A value is required for property 'userPrincipalName' of resource 'User'."),
        (without("passwordProfile"), "A password must be specified to create a new user."),
        (
            with("passwordProfile", json!({ "password": "short" })),
            "The specified password does not comply with password complexity requirements. Please provide a different password.",
        ),
        (
            with(upn, json!("Taken@northwind.example")),
            "Another object with the same value for property userPrincipalName already exists.",
        ),
        (
            with(upn, json!("x@elsewhere.example")),
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
        ),
        (with(upn, json!("no-at-sign")), "Property userPrincipalName is invalid."),
        (
            with("createdDateTime", json!("2024-01-01T00:00:00Z")),
            "Property 'createdDateTime' is read-only and cannot be set.",
        ),
        (
            with("usageLocation", json!("Germany")),
            "Invalid value specified for property 'usageLocation' of resource 'User'.",
        ),
        (
            with("businessPhones", json!(["1", "2"])),
            "Invalid value specified for property 'businessPhones' of resource 'User'.",
        ),
        (
            with("jobTitle", json!("x".repeat(129))),
            "Invalid value specified for property 'jobTitle' of resource 'User'.",
        ),
        (with("mailNickname", json!("a b")), "Invalid value specified for property 'mailNickname' of resource 'User'."),
    ];
    for (body, message) in cases {
        let got = api.post("/v1.0/users", body).await.is(400);
        assert_eq!((got.code(), got.message()), ("Request_BadRequest", message));
    }
    api.get("/v1.0/users/fresh@northwind.example").await.is(404);
}

#[tokio::test]
async fn a_made_up_user_that_is_written_stays_itself_and_the_rest_stay_made_up() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, CONTOSO, ALL);
    let before = api.list("/v1.0/users?$select=id,displayName&$top=999").await;
    assert_eq!(before.len(), 25);
    let third = api.get("/v1.0/users/user003@contoso.com").await.is(200).text("/id");
    api.patch(&format!("/v1.0/users/{third}"), json!({ "displayName": "Renamed" })).await.is(204);
    let after = api.list("/v1.0/users?$select=id,displayName&$top=999").await;
    let ids = |all: &[Value]| {
        all.iter().map(|u| u["id"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(&before), ids(&after));
    assert_eq!(api.get("/v1.0/users/user003@contoso.com").await.is(200).body["displayName"], "Renamed");
    api.delete("/v1.0/users/user004@contoso.com").await.is(204);
    api.get("/v1.0/users/user004@contoso.com").await.is(404);
    assert_eq!(api.list("/v1.0/users?$top=999").await.len(), 24);
    let count = api.send(Method::GET, "/v1.0/users/$count", &[("ConsistencyLevel", "eventual")], None).await.is(200);
    assert_eq!(count.text, "24");
}

#[tokio::test]
async fn a_password_of_an_administrator_is_reset_only_by_who_outranks_it() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let (boss, plain) = (made(&api, "boss").await, made(&api, "plain").await);
    let body = json!({ "roleDefinitionId": GLOBAL, "principalId": boss, "directoryScopeId": "/" });
    api.post("/v1.0/roleManagement/directory/roleAssignments", body).await.is(201);
    let password = json!({ "passwordProfile": { "password": "cnry-An0ther!" } });
    let by = |roles: &[&str]| user(&cloud, PARTNER, NOBODY, &["User.ReadWrite.All"], roles);
    by(&[HELPDESK]).patch(&format!("/v1.0/users/{plain}"), password.clone()).await.is(204);
    by(&[HELPDESK]).patch(&format!("/v1.0/users/{boss}"), password.clone()).await.is(403);
    by(&[USER_ADMIN]).patch(&format!("/v1.0/users/{boss}"), password.clone()).await.is(403);
    by(&[USER_ADMIN]).patch(&format!("/v1.0/users/{boss}"), json!({ "accountEnabled": false })).await.is(403);
    by(&[USER_ADMIN]).patch(&format!("/v1.0/users/{boss}"), json!({ "jobTitle": "Chief" })).await.is(204);
    by(&[USER_ADMIN]).delete(&format!("/v1.0/users/{boss}")).await.is(403);
    by(&[HELPDESK]).patch(&format!("/v1.0/users/{plain}"), json!({ "jobTitle": "x" })).await.is(403);
    by(&[]).patch(&format!("/v1.0/users/{plain}"), json!({ "jobTitle": "x" })).await.is(403);
    by(&[GLOBAL]).patch(&format!("/v1.0/users/{boss}"), password.clone()).await.is(204);
    // An app needs more than the permission.
    let bare = app(&cloud, PARTNER, &["User.ReadWrite.All"]);
    bare.patch(&format!("/v1.0/users/{plain}"), password.clone()).await.is(403);
    bare.patch(&format!("/v1.0/users/{plain}"), json!({ "jobTitle": "y" })).await.is(204);
    bare.delete(&format!("/v1.0/users/{boss}")).await.is(403);
    let strong = app_with_roles(&cloud, PARTNER, &["User.ReadWrite.All"], &[GLOBAL]);
    strong.patch(&format!("/v1.0/users/{boss}"), password).await.is(204);
    strong.delete(&format!("/v1.0/users/{boss}")).await.is(204);
}

#[tokio::test]
async fn a_user_reads_and_changes_itself_and_nobody_else() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let (me, other) = (made(&api, "me").await, made(&api, "other").await);
    let own = user(&cloud, PARTNER, &me, &["User.Read", "User.ReadWrite"], &[]);
    assert_eq!(own.get("/v1.0/me").await.is(200).text("/id"), me);
    own.get(&format!("/v1.0/users/{me}")).await.is(200);
    own.get(&format!("/v1.0/users/{other}")).await.is(403);
    own.get("/v1.0/users").await.is(403);
    own.patch("/v1.0/me", json!({ "@odata.type": "#microsoft.graph.user", "mobilePhone": "+1 555" })).await.is(204);
    own.patch("/v1.0/me", json!({ "accountEnabled": false })).await.is(403);
    own.patch(&format!("/v1.0/users/{other}"), json!({ "mobilePhone": "+1 555" })).await.is(403);
    let passwords = user(&cloud, PARTNER, &me, &["User-PasswordProfile.ReadWrite.All"], &[]);
    let change = |old: &str, new: &str| json!({ "currentPassword": old, "newPassword": new });
    passwords.post("/v1.0/me/changePassword", change("cnry-wrong", "cnry-N3w-one")).await.is(400);
    passwords.post("/v1.0/me/changePassword", change("cnry-Passw0rd!", "short")).await.is(400);
    passwords.post("/v1.0/me/changePassword", change("cnry-Passw0rd!", "cnry-N3w-one")).await.is(204);
    passwords.post("/v1.0/me/changePassword", change("cnry-Passw0rd!", "cnry-N3w-two")).await.is(400);
}

#[tokio::test]
async fn who_may_read_only_basics_sees_only_basics() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let id = made(&api, "seen").await;
    api.patch(&format!("/v1.0/users/{id}"), json!({ "jobTitle": "Engineer" })).await.is(204);
    let basic = app(&cloud, PARTNER, &["User.ReadBasic.All"]);
    let got = basic.get(&format!("/v1.0/users/{id}?$select=displayName,jobTitle")).await.is(200);
    assert_eq!((&got.body["displayName"], &got.body["jobTitle"]), (&json!("seen"), &Value::Null));
    let all = basic.list("/v1.0/users?$select=displayName,jobTitle").await;
    assert!(all.iter().all(|u| u["jobTitle"].is_null() && u["displayName"].is_string()));
}

#[tokio::test]
async fn revoked_sessions_end_refresh_tokens() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    cloud.user_token(PARTNER, GRAPH).await.is(200);
    let got = api.post("/v1.0/users/svc-tenantry@northwind.example/revokeSignInSessions", json!({})).await.is(200);
    assert_eq!(got.body["value"], true);
    assert_eq!(cloud.user_token(PARTNER, GRAPH).await.is(400).aadsts(), 50_173);
}

#[tokio::test]
async fn managers_and_sponsors_are_set_read_from_both_ends_and_removed() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let (boss, me) = (made(&api, "boss").await, made(&api, "worker").await);
    let path = format!("/v1.0/users/{me}/manager");
    api.get(&path).await.is(404);
    api.send(Method::PUT, &format!("{path}/$ref"), &[], Some(reference(&boss))).await.is(204);
    assert_eq!(api.get(&path).await.is(200).text("/id"), boss);
    assert_eq!(api.list(&format!("/v1.0/users/{boss}/directReports")).await[0]["id"], json!(me));
    api.delete(&format!("{path}/$ref")).await.is(204);
    api.get(&path).await.is(404);
    let sponsors = format!("/v1.0/users/{me}/sponsors");
    api.post(&format!("{sponsors}/$ref"), reference(&boss)).await.is(204);
    api.post(&format!("{sponsors}/$ref"), reference(&boss)).await.is(400);
    assert_eq!(api.list(&sponsors).await.len(), 1);
    api.delete(&format!("{sponsors}/{boss}/$ref")).await.is(204);
    assert!(api.list(&sponsors).await.is_empty());
}

const SPB: &str = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46";
const MAILBOX: &str = "9aaf7827-d63c-4b61-89c3-182f06f82e5c";

#[tokio::test]
async fn a_licence_needs_a_location_brings_a_mailbox_and_can_be_taken_back() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let id = made(&api, "licensed").await;
    let path = format!("/v1.0/users/{id}");
    let wish = |add: Value, remove: Value| json!({ "addLicenses": add, "removeLicenses": remove });
    let add = wish(json!([{ "skuId": SPB }]), json!([]));
    let got = api.post(&format!("{path}/assignLicense"), add.clone()).await.is(400);
    assert_eq!(got.message(), "License assignment cannot be done for user with invalid usage location.");
    api.patch(&path, json!({ "usageLocation": "US" })).await.is(204);
    let unknown = wish(json!([{ "skuId": NOBODY }]), json!([]));
    let got = api.post(&format!("{path}/assignLicense"), unknown).await.is(400);
    assert_eq!(got.message(), format!("License {NOBODY} does not correspond to a valid company License."));
    api.post(&format!("{path}/assignLicense"), json!({ "addLicenses": [] })).await.is(400);
    api.post(&format!("{path}/assignLicense"), add).await.is(200);
    let seen =
        api.get(&format!("{path}?$select=mail,assignedLicenses,assignedPlans,licenseAssignmentStates")).await.is(200);
    assert_eq!(seen.body["mail"], "licensed@northwind.example");
    assert_eq!(seen.body["assignedLicenses"], json!([{ "skuId": SPB, "disabledPlans": [] }]));
    assert_eq!(seen.body["licenseAssignmentStates"][0]["state"], "Active");
    let details = api.list(&format!("{path}/licenseDetails")).await;
    assert_eq!(details[0]["skuPartNumber"], "SPB");
    let less = wish(json!([{ "skuId": SPB, "disabledPlans": [MAILBOX] }]), json!([]));
    api.post(&format!("{path}/assignLicense"), less).await.is(200);
    assert_eq!(api.get(&format!("{path}?$select=mail")).await.is(200).body["mail"], Value::Null);
    api.post(&format!("{path}/assignLicense"), wish(json!([]), json!([SPB]))).await.is(200);
    let got = api.post(&format!("{path}/assignLicense"), wish(json!([]), json!([SPB]))).await.is(400);
    assert_eq!(got.message(), "User does not have a corresponding license.");
}

#[tokio::test]
async fn an_invited_guest_is_there_at_once_and_may_not_look_around() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let body = json!({ "invitedUserEmailAddress": "ann@fabrikam.example", "inviteRedirectUrl": "https://portal.example", "invitedUserDisplayName": "Ann" });
    let made = api.post("/v1.0/invitations", body.clone()).await.is(201);
    assert_eq!((&made.body["status"], &made.body["invitedUserType"]), (&json!("PendingAcceptance"), &json!("Guest")));
    assert!(made.text("/inviteRedeemUrl").contains("/redeem?"));
    let guest = made.text("/invitedUser/id");
    let seen = api
        .get(&format!("/v1.0/users/{guest}?$select=userType,userPrincipalName,externalUserState,mail,creationType"))
        .await
        .is(200);
    assert_eq!(seen.body["userPrincipalName"], "ann_fabrikam.example#EXT#@northwind.onmicrosoft.com");
    assert_eq!(
        (&seen.body["userType"], &seen.body["externalUserState"]),
        (&json!("Guest"), &json!("PendingAcceptance"))
    );
    assert_eq!(api.post("/v1.0/invitations", body).await.is(201).text("/invitedUser/id"), guest);
    api.post(
        "/v1.0/invitations",
        json!({ "invitedUserEmailAddress": "x" , "inviteRedirectUrl": "https://portal.example" }),
    )
    .await
    .is(400);
    api.post("/v1.0/invitations", json!({ "invitedUserEmailAddress": "a@b.example" })).await.is(400);
    let own = user(&cloud, PARTNER, &guest, &["User.Read", "User.Read.All", "Directory.Read.All"], &[]);
    own.get("/v1.0/me").await.is(200);
    own.get("/v1.0/organization").await.is(200);
    own.get("/v1.0/users").await.is(403);
}

#[tokio::test]
async fn authentication_methods_are_registered_reported_and_reset() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let id = made(&api, "phoned").await;
    let base = format!("/v1.0/users/{id}/authentication");
    let kinds = |all: &[Value]| all.iter().map(|m| m["@odata.type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(kinds(&api.list(&format!("{base}/methods")).await), ["#microsoft.graph.passwordAuthenticationMethod"]);
    let phone = json!({ "phoneNumber": "+1 2065555555", "phoneType": "mobile" });
    let made = api.post(&format!("{base}/phoneMethods"), phone.clone()).await.is(201);
    assert_eq!(made.text("/id"), "3179e48a-750b-4051-897c-87b9720928f7");
    api.post(&format!("{base}/phoneMethods"), phone).await.is(400);
    api.post(&format!("{base}/phoneMethods"), json!({ "phoneNumber": "555", "phoneType": "office" })).await.is(400);
    let one = format!("{base}/phoneMethods/{}", made.text("/id"));
    api.patch(&one, json!({ "phoneNumber": "+1 2065550000" })).await.is(204);
    assert_eq!(api.get(&one).await.is(200).body["phoneNumber"], "+1 2065550000");
    let report = format!("/v1.0/reports/authenticationMethods/userRegistrationDetails/{id}");
    let said = api.get(&report).await.is(200);
    assert_eq!(
        (&said.body["isMfaRegistered"], &said.body["methodsRegistered"]),
        (&json!(true), &json!(["mobilePhone"]))
    );
    api.delete(&one).await.is(204);
    api.get(&one).await.is(404);
    assert_eq!(api.get(&report).await.is(200).body["isMfaRegistered"], false);
    let pass =
        api.post(&format!("{base}/temporaryAccessPassMethods"), json!({ "lifetimeInMinutes": 60 })).await.is(201);
    let shown = pass.text("/temporaryAccessPass");
    assert!(!api.get(&format!("{base}/temporaryAccessPassMethods")).await.is(200).text.contains(&shown));
    let reset = format!("{base}/methods/28c10230-6103-485e-b985-444c60001490/resetPassword");
    api.post(&reset, json!({})).await.is(403);
    let admin = user(&cloud, PARTNER, NOBODY, &["UserAuthenticationMethod.ReadWrite.All"], &[USER_ADMIN]);
    assert!(admin.post(&reset, json!({})).await.is(202).text("/newPassword").starts_with("cnry-"));
}

#[tokio::test]
async fn the_authenticator_of_a_persona_with_a_second_factor_can_be_removed() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let base = "/v1.0/users/svc-tenantry@northwind.example/authentication/microsoftAuthenticatorMethods";
    let apps = api.list(base).await;
    assert_eq!(apps.len(), 1);
    api.delete(&format!("{base}/{}", apps[0]["id"].as_str().unwrap())).await.is(204);
    assert!(api.list(base).await.is_empty());
    assert!(
        api.list("/v1.0/users/weak@northwind.example/authentication/microsoftAuthenticatorMethods").await.is_empty()
    );
}

#[tokio::test]
async fn a_reference_may_name_a_user_by_its_principal_name() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let id = made(&api, "adele").await;
    let boss = json!({ "@odata.id": "https://graph.microsoft.com/v1.0/users/svc-tenantry@northwind.example" });
    let manager = format!("/v1.0/users/{id}/manager");
    api.send(Method::PUT, &format!("{manager}/$ref"), &[], Some(boss)).await.is(204);
    assert_eq!(api.get(&manager).await.is(200).text("/userPrincipalName"), "svc-tenantry@northwind.example");
    let nobody = json!({ "@odata.id": "https://graph.microsoft.com/v1.0/users/nobody@northwind.example" });
    api.send(Method::PUT, &format!("{manager}/$ref"), &[], Some(nobody)).await.is(400);
}

#[tokio::test]
async fn the_last_sign_ins_are_told_by_name_and_to_who_may_read_the_logs() {
    let cloud = Cloud::new().await;
    cloud.user_token(PARTNER, GRAPH).await.is(200);
    let path = "/v1.0/users/svc-tenantry@northwind.example?$select=id,signInActivity";
    app(&cloud, PARTNER, &["User.Read.All"]).get(path).await.is(403);
    let api = app(&cloud, PARTNER, &["User.Read.All", "AuditLog.Read.All"]);
    let seen = api.get(path).await.is(200).body["signInActivity"].clone();
    assert!(seen["lastNonInteractiveSignInDateTime"].is_string() && seen["lastSuccessfulSignInDateTime"].is_string());
    assert_eq!(seen["lastSignInDateTime"], Value::Null, "{seen}");
    let others = api.list("/v1.0/users?$select=userPrincipalName,signInActivity").await;
    assert!(others.iter().any(|u| u["signInActivity"].is_null()) && others.len() > 1);
}
