//! Conditional access: what the engine takes, what it answers, and what it refuses.
use serde_json::{Value, json};

use super::policy_support::*;
use super::support::*;

const PHISHING_RESISTANT: &str = "00000000-0000-0000-0000-000000000004";

#[tokio::test]
async fn a_policy_is_answered_complete() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let made = api.post(POLICIES, policy("MFA")).await.is(201);
    let id = made.text("/id");
    let seen = api.get(&format!("{POLICIES}/{id}")).await.is(200).body;
    assert_eq!(
        seen["@odata.context"],
        format!("{}/v1.0/$metadata#identity/conditionalAccess/policies/$entity", cloud.sandbox.url())
    );
    let users = &seen["conditions"]["users"];
    for list in ["excludeUsers", "includeGroups", "excludeGroups", "includeRoles", "excludeRoles"] {
        assert_eq!(users[list], json!([]), "{list}");
    }
    assert_eq!(seen["conditions"]["clientAppTypes"], json!(["all"]));
    assert_eq!(seen["conditions"]["signInRiskLevels"], json!([]));
    for null in [
        "/conditions/platforms",
        "/conditions/locations",
        "/conditions/users/includeGuestsOrExternalUsers",
        "/sessionControls",
        "/templateId",
        "/modifiedDateTime",
        "/grantControls/authenticationStrength",
    ] {
        assert_eq!(seen.pointer(null), Some(&Value::Null), "{null}");
    }
    assert_eq!(seen["grantControls"]["termsOfUse"], json!([]));
    assert!(seen["createdDateTime"].is_string());
    assert_eq!(api.list(POLICIES).await.len(), 1);
    assert_eq!(api.list("/v1.0/policies/conditionalAccessPolicies").await[0]["id"], id.as_str());
}

#[tokio::test]
async fn a_change_leaves_the_rest_and_sends_nested_objects_whole() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let made = api.post(POLICIES, policy("MFA")).await.is(201);
    let path = format!("{POLICIES}/{}", made.text("/id"));
    let users = json!({ "includeUsers": ["All"], "excludeRoles": [GLOBAL] });
    assert!(api.patch(&path, json!({ "conditions": { "users": users } })).await.is(204).text.is_empty());
    let seen = api.get(&path).await.is(200).body;
    assert_eq!(seen["conditions"]["users"]["excludeRoles"], json!([GLOBAL]));
    assert_eq!(seen["conditions"]["applications"]["includeApplications"], json!(["All"]));
    assert!(seen["displayName"] == "MFA" && seen["modifiedDateTime"].is_string());
    api.patch(&path, json!({ "state": "on" })).await.is(400);
    assert_eq!(
        api.patch(&format!("{POLICIES}/{CONTOSO}"), json!({ "state": "disabled" })).await.is(404).code(),
        "NotFound"
    );
}

#[tokio::test]
async fn what_is_no_policy_is_refused() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let nobody = json!([CONTOSO]);
    let bad = [
        json!({ "displayName": "x", "state": "enabled" }),
        with(policy("x"), "/state", json!("sometimes")),
        with(policy("x"), "/conditions/users", json!({})),
        with(policy("x"), "/conditions/applications", json!({})),
        with(policy("x"), "/conditions/users/includeUsers", nobody.clone()),
        with(policy("x"), "/conditions/users/includeGroups", nobody.clone()),
        with(policy("x"), "/conditions/users/includeRoles", nobody.clone()),
        with(policy("x"), "/conditions/applications/includeApplications", nobody.clone()),
        with(policy("x"), "/conditions/locations", json!({ "includeLocations": [CONTOSO] })),
        with(policy("x"), "/conditions/clientAppTypes", json!(["fax"])),
        with(policy("x"), "/conditions/colour", json!("red")),
        with(policy("x"), "/grantControls", json!(null)),
        with(policy("x"), "/grantControls/operator", json!("XOR")),
        with(policy("x"), "/grantControls/builtInControls", json!(["block", "mfa"])),
        with(policy("x"), "/grantControls/builtInControls", json!(["passwordChange"])),
        with(policy("x"), "/grantControls/authenticationStrength", json!({ "id": PHISHING_RESISTANT })),
        with(
            policy("x"),
            "/sessionControls",
            json!({ "signInFrequency": { "isEnabled": true, "value": 30, "type": "hours" } }),
        ),
        with(
            policy("x"),
            "/conditions/users/includeGuestsOrExternalUsers",
            json!({ "guestOrExternalUserTypes": "tourist" }),
        ),
    ];
    for body in bad {
        let got = api.post(POLICIES, body.clone()).await;
        assert_eq!(got.status, 400, "{body} → {}", got.text);
    }
    assert_eq!(api.list(POLICIES).await.len(), 0);
}

fn excluding(types: &str, tenants: Value) -> Value {
    let guests = json!({ "guestOrExternalUserTypes": types, "externalTenants": tenants });
    with(policy("GDAP"), "/conditions/users/excludeGuestsOrExternalUsers", guests)
}

#[tokio::test]
async fn service_providers_are_excluded_by_tenant() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let one = json!({ "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants", "membershipKind": "enumerated", "members": [CONTOSO] });
    let types = "internalGuest,b2bCollaborationGuest,b2bCollaborationMember,serviceProvider";
    let made = api.post(POLICIES, excluding(types, one.clone())).await.is(201);
    let seen = api.get(&format!("{POLICIES}/{}", made.text("/id"))).await.is(200).body;
    let guests = &seen["conditions"]["users"]["excludeGuestsOrExternalUsers"];
    assert_eq!(
        (&guests["externalTenants"]["members"][0], &guests["externalTenants"]["membershipKind"]),
        (&json!(CONTOSO), &json!("enumerated"))
    );
    let mut shown: Vec<&str> = guests["guestOrExternalUserTypes"].as_str().unwrap().split(',').collect();
    shown.sort_unstable();
    assert_eq!(shown, ["b2bCollaborationGuest", "b2bCollaborationMember", "internalGuest", "serviceProvider"]);
    // `members` is no property of the type that is declared.
    let untyped = json!({ "membershipKind": "enumerated", "members": [CONTOSO] });
    let got = api.post(POLICIES, excluding("serviceProvider", untyped)).await.is(400);
    assert!(got.code() == "BadRequest" && got.message().starts_with("1007:"), "{}", got.text);
    let mixed =
        with(excluding("serviceProvider", one), "/conditions/users/excludeUsers", json!(["GuestsOrExternalUsers"]));
    let got = api.post(POLICIES, mixed).await.is(400);
    assert!(got.message().contains("'GuestsOrExternalUsers' cannot be combined"), "{}", got.text);
}

#[tokio::test]
async fn flags_come_in_an_order_of_their_own() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let types = "internalGuest,b2bCollaborationGuest,b2bCollaborationMember,serviceProvider";
    let all = json!({ "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants", "membershipKind": "all" });
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let made = api.post(POLICIES, excluding(types, all.clone())).await.is(201);
        orders.insert(made.text("/conditions/users/excludeGuestsOrExternalUsers/guestOrExternalUserTypes"));
    }
    assert!(orders.len() > 1, "{orders:?}");
}

#[tokio::test]
async fn a_strength_is_linked_by_id_and_shown_in_full() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let controls = json!({ "operator": "OR", "authenticationStrength": { "id": PHISHING_RESISTANT } });
    let made = api.post(POLICIES, with(policy("Strong"), "/grantControls", controls)).await.is(201);
    let strength = &made.body["grantControls"]["authenticationStrength"];
    assert_eq!(strength["displayName"], "Phishing-resistant MFA");
    assert_eq!(
        strength["allowedCombinations"],
        json!(["windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"])
    );
    let by_path = format!("/policies/authenticationStrengthPolicies/{PHISHING_RESISTANT}");
    let controls = json!({ "operator": "OR", "authenticationStrength": { "id": by_path } });
    api.patch(&format!("{POLICIES}/{}", made.text("/id")), json!({ "grantControls": controls })).await.is(204);
    let missing = json!({ "operator": "OR", "authenticationStrength": { "id": CONTOSO } });
    api.post(POLICIES, with(policy("x"), "/grantControls", missing)).await.is(400);
    let used =
        api.get(&format!("/v1.0/policies/authenticationStrengthPolicies/{PHISHING_RESISTANT}/usage")).await.is(200);
    assert_eq!((used.body["mfa"][0]["id"].clone(), used.body["none"].clone()), (json!(made.text("/id")), json!([])));
}

#[tokio::test]
async fn a_deleted_policy_waits_thirty_days_to_be_restored() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let id = api.post(POLICIES, policy("MFA")).await.is(201).text("/id");
    api.delete(&format!("{POLICIES}/{id}")).await.is(204);
    api.get(&format!("{POLICIES}/{id}")).await.is(404);
    let bin = "/v1.0/identity/conditionalAccess/deletedItems/policies";
    assert!(api.list(bin).await[0]["deletedDateTime"].is_string());
    let back = api.send(reqwest::Method::POST, &format!("{bin}/{id}/restore"), &[], None).await.is(200);
    assert_eq!(back.body["deletedDateTime"], Value::Null);
    api.get(&format!("{POLICIES}/{id}")).await.is(200);
    api.delete(&format!("{POLICIES}/{id}")).await.is(204);
    cloud.control().advance(31 * 86_400).unwrap();
    let api = cloud.home().await;
    assert_eq!(api.list(bin).await.len(), 0);
    let other = api.post(POLICIES, policy("Other")).await.is(201).text("/id");
    api.delete(&format!("{POLICIES}/{other}")).await.is(204);
    api.delete(&format!("{bin}/{other}")).await.is(204);
    assert_eq!(api.list(bin).await.len(), 0);
}

#[tokio::test]
async fn tenants_without_a_licence_have_no_policies() {
    let cloud = Cloud::with(|w| {
        widen(w);
        w.partner.licences = Some(vec!["O365_BUSINESS_PREMIUM".into()]);
    })
    .await;
    let api = cloud.home().await;
    let got = api.post(POLICIES, policy("MFA")).await.is(403);
    assert_eq!(got.message(), "Your tenant is not licensed for this feature.");
    let got = api.get("/v1.0/auditLogs/signIns").await.is(403);
    assert_eq!(got.code(), "Authentication_RequestFromNonPremiumTenantOrB2CTenant");
}

#[tokio::test]
async fn risk_needs_the_second_premium_plan() {
    let cloud = Cloud::with(|w| {
        widen(w);
        w.partner.licences = Some(vec!["AAD_PREMIUM".into()]);
    })
    .await;
    let api = cloud.home().await;
    let risky = with(policy("Risk"), "/conditions/signInRiskLevels", json!(["high"]));
    assert!(
        api.post(POLICIES, risky)
            .await
            .is(400)
            .message()
            .starts_with("1039: Cannot create or update policies with premium P2")
    );
    api.post(POLICIES, policy("MFA")).await.is(201);
}

#[tokio::test]
async fn security_defaults_and_enabled_policies_exclude_each_other() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let defaults = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy";
    api.patch(defaults, json!({ "isEnabled": true })).await.is(204);
    let enabled = with(policy("MFA"), "/state", json!("enabled"));
    assert!(api.post(POLICIES, enabled.clone()).await.is(400).message().contains("Security Defaults is enabled"));
    api.patch(defaults, json!({ "isEnabled": false })).await.is(204);
    api.post(POLICIES, enabled).await.is(201);
    api.patch(defaults, json!({ "isEnabled": true })).await.is(400);
}

fn addresses(name: &str, ranges: &[&str]) -> Value {
    let kind = |r: &&str| if r.contains(':') { "iPv6CidrRange" } else { "iPv4CidrRange" };
    let ranges: Vec<Value> = ranges
        .iter()
        .map(|r| json!({ "@odata.type": format!("#microsoft.graph.{}", kind(r)), "cidrAddress": r }))
        .collect();
    json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": name, "isTrusted": false, "ipRanges": ranges })
}

#[tokio::test]
async fn named_locations_are_of_two_kinds() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let made = api.post(LOCATIONS, addresses("Office", &["203.0.113.0/24", "2001:db8::/32"])).await.is(201);
    assert_eq!(made.body["@odata.type"], "#microsoft.graph.ipNamedLocation");
    assert_eq!(made.body["ipRanges"][1]["cidrAddress"], "2001:db8::/32");
    let country = json!({ "@odata.type": "#microsoft.graph.countryNamedLocation", "displayName": "DACH", "countriesAndRegions": ["DE", "AT"], "includeUnknownCountriesAndRegions": false });
    let made_too = api.post(LOCATIONS, country).await.is(201);
    assert_eq!(
        (&made_too.body["countryLookupMethod"], made_too.body.get("isTrusted")),
        (&json!("clientIpAddress"), None)
    );
    for bad in [
        json!({ "displayName": "x", "ipRanges": [] }),
        addresses("x", &[]),
        addresses("x", &["203.0.113.0"]),
        addresses("x", &["203.0.113.0/33"]),
        addresses("x", &["999.0.113.0/24"]),
        json!({ "@odata.type": "#microsoft.graph.countryNamedLocation", "displayName": "x", "countriesAndRegions": ["Germany"] }),
        json!({ "@odata.type": "#microsoft.graph.user", "displayName": "x" }),
    ] {
        let got = api.post(LOCATIONS, bad.clone()).await;
        assert_eq!(got.status, 400, "{bad} → {}", got.text);
    }
    let path = format!("{LOCATIONS}/{}", made.text("/id"));
    api.patch(&path, json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": true })).await.is(204);
    assert_eq!(api.get(&path).await.is(200).body["isTrusted"], true);
    api.delete(&path).await.is(400);
    api.patch(&path, json!({ "isTrusted": false })).await.is(204);
    let here = with(
        policy("Here"),
        "/conditions/locations",
        json!({ "includeLocations": ["All"], "excludeLocations": [made.text("/id")] }),
    );
    let using = api.post(POLICIES, here).await.is(201).text("/id");
    api.delete(&path).await.is(400);
    api.delete(&format!("{POLICIES}/{using}")).await.is(204);
    api.delete(&path).await.is(204);
    assert_eq!(api.list(LOCATIONS).await.len(), 1);
}

#[tokio::test]
async fn authentication_contexts_have_numbers() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences";
    api.post(path, json!({ "id": "c1", "displayName": "Secrets", "isAvailable": true })).await.is(201);
    api.post(path, json!({ "id": "x1", "displayName": "x" })).await.is(400);
    api.patch(&format!("{path}/c1"), json!({ "isAvailable": false })).await.is(204);
    assert_eq!(api.get(&format!("{path}/c1")).await.is(200).body["isAvailable"], false);
    api.delete(&format!("{path}/c1")).await.is(204);
    api.get(&format!("{path}/c1")).await.is(404);
}

#[tokio::test]
async fn strengths_are_built_in_or_custom() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = "/v1.0/policies/authenticationStrengthPolicies";
    assert_eq!(api.list(path).await.len(), 3);
    let body = json!({ "displayName": "Keys", "allowedCombinations": ["fido2"] });
    let made = api.post(path, body).await.is(201);
    assert_eq!((&made.body["policyType"], &made.body["requirementsSatisfied"]), (&json!("custom"), &json!("mfa")));
    let one = format!("{path}/{}", made.text("/id"));
    let other = format!("/v1.0/identity/conditionalAccess/authenticationStrength/policies/{}", made.text("/id"));
    assert_eq!(api.get(&other).await.is(200).body["displayName"], "Keys");
    api.patch(&one, json!({ "allowedCombinations": ["fido2", "password,sms"] })).await.is(400);
    let wish = json!({ "allowedCombinations": ["fido2", "sms,password"] });
    let got = api.post(&format!("{one}/updateAllowedCombinations"), wish).await.is(200).body;
    assert_eq!(
        (&got["previousCombinations"], &got["currentCombinations"]),
        (&json!(["fido2"]), &json!(["fido2", "sms,password"]))
    );
    api.post(&format!("{one}/updateAllowedCombinations"), json!({ "allowedCombinations": ["fido2,sms"] }))
        .await
        .is(400);
    let keys = json!({ "@odata.type": "#microsoft.graph.fido2CombinationConfiguration", "allowedAAGUIDs": ["486be136-0000-4000-8000-000000000000"], "appliesToCombinations": ["fido2"] });
    api.post(&format!("{one}/combinationConfigurations"), keys.clone()).await.is(201);
    assert_eq!(api.get(&one).await.body["combinationConfigurations"][0]["allowedAAGUIDs"], keys["allowedAAGUIDs"]);
    api.delete(&format!("{path}/{PHISHING_RESISTANT}")).await.is(400);
    api.patch(&format!("{path}/{PHISHING_RESISTANT}"), json!({ "displayName": "Mine" })).await.is(400);
    assert_eq!(api.list(&format!("{path}/findByMethodMode(authenticationMethodModes='sms')")).await.len(), 2);
    api.delete(&one).await.is(204);
    let modes = api.list("/v1.0/identity/conditionalAccess/authenticationStrength/authenticationMethodModes").await;
    assert!(modes.iter().any(|m| m["id"] == "fido2" && m["authenticationMethod"] == "fido2"));
}

#[tokio::test]
async fn reading_does_not_open_writing() {
    let cloud = Cloud::with(|w| {
        w.partner.apps[1].application.insert("MicrosoftGraph".into(), vec!["Policy.Read.All".into()]);
    })
    .await;
    let api = cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await);
    api.get(POLICIES).await.is(200);
    assert_eq!(api.post(POLICIES, policy("x")).await.is(403).code(), "Authorization_RequestDenied");
}
