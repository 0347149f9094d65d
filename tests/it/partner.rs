//! The partner's side, once per MSP: registration, secret, permissions, consent, AdminAgents, and who may do it.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::cmd::Run;
use crate::support::msp::{APP, CUSTOMER, HOME, Msp, PARTNER, addresses, change, condition, object, wait};

const MARK: &str = "tenantry-partnerapp-rallied";
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
const SINK: [&str; 5] = ["clientId", "clientSecret", "tenantId", "keyId", "expiresAt"];

/// Our app as the partner tenant has it, by natural names.
#[track_caller]
fn registered(msp: &Msp) -> Value {
    let all = msp.world_of(PARTNER, "applications");
    let mut ours = all.into_iter().filter(|a| a["uniqueName"] == MARK);
    let app = ours.next().expect("it is registered");
    assert!(ours.next().is_none(), "it is registered twice");
    app
}

/// Our app as Graph has it, ids and dates included.
fn live(msp: &Msp) -> Value {
    msp.portal("GET", &format!("/applications(uniqueName='{MARK}')"), &Value::Null)
}

fn app(msp: &Msp) -> Value {
    object(&msp.status(), "apps", "rallied").clone()
}

/// An MSP that manages its app only: neither template nor tenants.
fn app_only(msp: Msp) -> Msp {
    for file in ["gdap.yaml", "tenants.yaml"] {
        fs::remove_file(msp.dir.path().join("examples/first").join(file)).unwrap();
    }
    msp
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

// 1.1 Registration

#[test]
fn an_app_that_is_absent_is_planned_as_create_and_made_in_the_partner_tenant() {
    let msp = Msp::new();
    let plan = msp.plan();
    let planned = change(&plan, "PartnerApp/rallied:application");
    assert_eq!((&planned["actions"], &planned["before"]), (&json!(["create"]), &Value::Null));
    assert_eq!(planned["after"]["displayName"], APP);
    assert!(!msp.world_of(PARTNER, "applications").iter().any(|a| a["displayName"] == APP), "a plan writes nothing");
    msp.apply().code(3);
    assert_eq!(registered(&msp)["displayName"], APP);
}

#[test]
fn the_app_lives_only_at_home_and_is_a_service_principal_in_the_customer_tenant() {
    let msp = Msp::onboarded();
    registered(&msp);
    assert_eq!(msp.world_of(CUSTOMER, "applications"), [] as [Value; 0]);
    let principals = msp.world_of(CUSTOMER, "servicePrincipals");
    assert!(principals.iter().any(|p| p["app"] == MARK), "{principals:?}");
}

#[test]
fn a_display_name_is_required_and_one_that_says_nothing_is_warned_about() {
    let named = |name: &str| Msp::new().with("app.yaml", "displayName: Northwind – Rallied Integration", name);
    let run = |msp: &Msp| msp.dir.run(["validate", "-f", "examples/first", "-o", "json"]);
    let missing = run(&named(""));
    missing.code(1);
    assert!(missing.stdout.contains("displayName"), "{missing}");
    for name in ["App", "Test", "Integration", "My App"] {
        let msp = named(&format!("displayName: {name}"));
        let document = run(&msp).ok().json();
        let warning = &document["diagnostics"][0];
        assert_eq!((&warning["severity"], &warning["address"]), (&json!("warning"), &json!("PartnerApp/rallied")));
        assert!(warning["detail"].as_str().unwrap().contains("role pickers"), "{warning}");
        assert_eq!(msp.plan()["diagnostics"][0]["severity"], "warning", "a plan says it too");
    }
    assert_eq!(run(&named("displayName: Rallied Integration")).ok().json()["diagnostics"], json!([]));
}

#[test]
fn an_app_of_another_audience_is_reported_and_made_multitenant_again() {
    let msp = Msp::new().with_portal();
    msp.onboard();
    assert_eq!(registered(&msp)["audience"], "AzureADMultipleOrgs");
    let path = format!("/applications(uniqueName='{MARK}')");
    msp.portal("PATCH", &path, &json!({"signInAudience": "AzureADMyOrg"}));
    assert_eq!(condition(&app(&msp), "AppRegistered"), "False/AudienceMismatch");
    let plan = msp.plan();
    let planned = change(&plan, "PartnerApp/rallied:application");
    assert_eq!(planned["before"]["signInAudience"], "AzureADMyOrg");
    assert_eq!(planned["after"]["signInAudience"], "AzureADMultipleOrgs");
    msp.apply().ok();
    assert_eq!(registered(&msp)["audience"], "AzureADMultipleOrgs");
    assert_eq!(condition(&app(&msp), "AppRegistered"), "True/Registered");
}

#[test]
fn an_unexpected_redirect_uri_is_reported_as_drift_and_removed() {
    let none = json!({"web": [], "spa": [], "publicClient": []});
    let msp = Msp::onboarded();
    assert_eq!(registered(&msp)["redirectUris"], none);
    msp.drift("add-redirect-uri", json!({"app": APP, "uri": "https://evil.example/"}));
    assert_eq!(condition(&app(&msp), "AppRegistered"), "False/RedirectUriMismatch");
    let plan = msp.plan();
    assert_eq!(addresses(&plan), ["PartnerApp/rallied:application"]);
    assert_eq!(plan["changes"][0]["before"]["redirectUris"]["web"], json!(["https://evil.example/"]));
    assert_eq!(plan["changes"][0]["after"]["redirectUris"]["web"], json!([]));
    // Where Tenantry only observes, it is drift and stays.
    let msp = msp.with("partner.yaml", "management: Enforce", "management: Observe");
    let (plan, writes) = (msp.plan(), msp.writes());
    assert_eq!(plan["changes"], json!([]));
    assert_eq!(plan["drift"][0]["address"], "PartnerApp/rallied:application");
    assert_eq!(condition(&app(&msp), "Ready"), "False/Drifted");
    msp.apply();
    assert_eq!(msp.writes(), writes);
    let msp = msp.with("partner.yaml", "management: Observe", "management: Enforce");
    msp.apply().ok();
    assert_eq!(registered(&msp)["redirectUris"], none);
}

#[test]
fn the_status_carries_client_id_and_tenant_id() {
    let msp = Msp::new().with_portal();
    msp.apply().code(3);
    let (app, live) = (app(&msp), live(&msp));
    assert_eq!((&app["appId"], &app["tenantId"]), (&live["appId"], &json!(HOME)));
    assert_eq!(app["objectId"], live["id"]);
}

// 1.2 Client secret

/// The one secret of the app, as Entra has it.
#[track_caller]
fn only_secret(msp: &Msp) -> Value {
    let live = live(msp);
    let all = live["passwordCredentials"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_secret_is_made_with_the_declared_description() {
    let msp = Msp::new().with("app.yaml", "- name: production", "- name: rallied-production");
    let plan = msp.plan();
    assert_eq!(change(&plan, "PartnerApp/rallied:credential/rallied-production")["actions"], json!(["create"]));
    msp.apply().code(3);
    // The number tells it from its successors.
    assert_eq!(registered(&msp)["secrets"], json!(["rallied-production#1"]));
    msp.apply().code(3);
    assert_eq!(registered(&msp)["secrets"], json!(["rallied-production#1"]), "a valid one is not made again");
}

#[test]
fn a_secret_lives_two_years_or_as_long_as_declared_and_the_plan_shows_its_end() {
    for (declared, days) in [("lifetime: 730d", 730), ("", 730), ("lifetime: 180d", 180)] {
        let msp = Msp::new().with_portal().with("app.yaml", "lifetime: 730d", declared);
        let plan = msp.plan();
        let planned = change(&plan, "PartnerApp/rallied:credential/production")["after"].clone();
        let before = time(&msp.status()["now"]);
        msp.apply().code(3);
        let end = time(&only_secret(&msp)["endDateTime"]);
        let skew = end.duration_since(before) - SignedDuration::from_hours(24 * days);
        assert!(skew.abs() < SignedDuration::from_mins(5), "{declared:?}: {end} is {skew:#} off");
        let shown = planned["endsAt"].as_str().unwrap();
        let around = [end, end - SignedDuration::from_mins(5)].map(|t| t.strftime("%Y-%m-%d").to_string());
        assert!(around.iter().any(|day| day == shown), "{shown} is not the day of {end}");
        assert_eq!(msp.sink("expiresAt").unwrap().parse::<Timestamp>().unwrap(), end);
    }
}

#[test]
fn the_value_of_a_secret_is_in_its_sink_when_success_is_reported() {
    let msp = Msp::new().with_portal();
    let run = msp.apply();
    run.code(3);
    assert!(run.stderr.contains("✔ PartnerApp/rallied:credential/production"), "{run}");
    let held = SINK.map(|key| msp.sink(key).unwrap_or_else(|| panic!("no {key} in the sink")));
    let (live, secret) = (live(&msp), only_secret(&msp));
    assert_eq!([&held[0], &held[2], &held[3]], [&live["appId"], &json!(HOME), &secret["keyId"]]);
    assert!(held[1].starts_with(secret["hint"].as_str().unwrap()), "it is the value of that credential");
    let asked = msp.requests().iter().filter(|r| r["path"].as_str().unwrap().ends_with("/addPassword")).count();
    assert_eq!(asked, 1, "captured in the call that made it");
    assert_eq!(condition(&app(&msp), "SecretValid"), "True/Valid");
}

#[test]
fn a_secret_that_cannot_be_stored_is_taken_back_and_no_success_is_reported() {
    let msp = Msp::new();
    // The place where the values appear is taken by something that is not ours to remove.
    msp.dir.write(".tenantry/secrets/rallied-credentials/..1", "in the way");
    let run = msp.apply();
    run.code(1);
    assert!(run.stderr.contains("the secret \"rallied-credentials\" could not be stored"), "{run}");
    assert!(!run.stderr.contains("✔ PartnerApp/rallied:credential"), "{run}");
    assert_eq!(registered(&msp)["secrets"], json!([]), "the credential was removed again");
    assert!(SINK.iter().all(|key| msp.sink(key).is_none()));
    let removed = msp.requests().iter().any(|r| r["path"].as_str().unwrap().ends_with("/removePassword"));
    assert!(removed, "it had been made");
    // The way is free: the next run makes one and nothing is left over.
    fs::remove_file(msp.dir.path().join(".tenantry/secrets/rallied-credentials/..1")).unwrap();
    msp.apply().code(3);
    assert_eq!(registered(&msp)["secrets"].as_array().unwrap().len(), 1);
}

#[test]
fn a_secret_of_somebody_else_is_never_overwritten_and_none_is_made_for_it() {
    let msp = Msp::new();
    msp.dir.write(".tenantry/secrets/rallied-credentials/clientSecret", "cnry-of-somebody-else");
    msp.apply().code(1);
    assert_eq!(msp.sink("clientSecret").unwrap(), "cnry-of-somebody-else");
    assert_eq!(registered(&msp)["secrets"], json!([]));
}

#[test]
fn a_secret_whose_value_is_lost_is_never_recovered_a_new_one_is_offered_and_the_old_one_stays() {
    let msp = Msp::onboarded();
    fs::remove_dir_all(msp.dir.path().join(".tenantry/secrets/rallied-credentials")).unwrap();
    assert_eq!(condition(&app(&msp), "SecretValid"), "False/ValueUnknown");
    let plan = msp.plan();
    let planned = change(&plan, "PartnerApp/rallied:credential/production");
    assert_eq!(planned["before"]["displayName"], "production#1");
    assert_eq!(planned["after"]["displayName"], "production#2");
    msp.apply();
    assert_eq!(registered(&msp)["secrets"], json!(["production#1", "production#2"]));
    assert_eq!(condition(&app(&msp), "SecretValid"), "True/Valid");
}

// 1.3 Permissions

fn with_added(permission: &str) -> Msp {
    let added = format!("  permissions: {{ add: [{permission}] }}\n  displayName:");
    Msp::new().with("app.yaml", "  displayName:", &added)
}

#[test]
fn a_permission_that_the_resource_does_not_have_fails_the_plan() {
    let msp = with_added("{ resource: MicrosoftGraph, application: [User.ReadWrit.All] }");
    let run = msp.run("plan", &["-o", "json"]);
    run.code(1);
    let error = &run.json()["diagnostics"][0];
    assert_eq!((&error["code"], &error["severity"]), (&json!("UnknownPermission"), &json!("error")));
    assert!(error["summary"].as_str().unwrap().contains("User.ReadWrit.All"), "{error}");
    assert!(error["remedy"].as_str().unwrap().contains("User.ReadWrite.All"), "{error}");
    let status = msp.run("status", &["-o", "json"]).json();
    assert_eq!(condition(object(&status, "apps", "rallied"), "PermissionsDeclared"), "False/UnknownPermission");
    msp.apply().code(1);
    assert_eq!(msp.writes(), 0);
}

#[test]
fn a_permission_that_is_declared_as_delegated_fails_validation() {
    let graph = [
        "User.ReadWrite.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
        "UserAuthenticationMethod.Read.All",
        "IdentityRiskyUser.Read.All",
    ];
    for permission in graph {
        let msp = with_added(&format!("{{ resource: MicrosoftGraph, delegated: [{permission}] }}"));
        let run = msp.dir.run(["validate", "-f", "examples/first"]);
        run.code(1);
        assert!(run.stderr.contains(permission) && run.stderr.contains("delegated"), "{run}");
        assert!(run.stderr.contains("app.yaml:"), "{run}");
    }
    let msp = Msp::onboarded();
    let app = app(&msp);
    let types = app["permissions"].as_array().unwrap().iter().map(|p| &p["type"]);
    assert!(types.clone().count() == 6 && types.into_iter().all(|t| t == "Application"), "{app}");
}

/// What the registration asks for: resource → sorted ids of app roles.
fn asked_for(msp: &Msp, resource: &str) -> Vec<String> {
    let live = live(msp);
    let all = live["requiredResourceAccess"].as_array().unwrap();
    let of = all.iter().find(|r| r["resourceAppId"] == resource).unwrap_or_else(|| panic!("nothing of {resource}"));
    let mut ids: Vec<String> = Vec::new();
    for access in of["resourceAccess"].as_array().unwrap() {
        assert_eq!(access["type"], "Role");
        ids.push(access["id"].as_str().unwrap().to_owned());
    }
    ids.sort();
    ids
}

/// Ids that a resource's own principal gives these names, sorted.
fn published(msp: &Msp, resource: &str, names: &[&str]) -> Vec<String> {
    let principal = msp.portal("GET", &format!("/servicePrincipals(appId='{resource}')"), &Value::Null);
    let roles = principal["appRoles"].as_array().unwrap();
    let id = |name: &&str| roles.iter().find(|r| r["value"] == **name).unwrap()["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = names.iter().map(id).collect();
    ids.sort();
    ids
}

#[test]
fn graph_is_found_by_its_app_id_and_names_become_the_ids_that_it_publishes() {
    let msp = Msp::new().with_portal();
    msp.plan();
    let read = format!("/v1.0/servicePrincipals(appId='{GRAPH}')");
    assert!(msp.requests().iter().any(|r| r["path"] == read && r["tenant"] == HOME), "{read} was not asked for");
    msp.apply().code(3);
    let names = [
        "User.ReadWrite.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
        "UserAuthenticationMethod.Read.All",
        "IdentityRiskyUser.Read.All",
    ];
    assert_eq!(asked_for(&msp, GRAPH), published(&msp, GRAPH, &names));
}

#[test]
fn exchange_online_is_found_by_its_app_id_and_a_tenant_without_it_is_told() {
    let msp = Msp::new().with_portal();
    msp.apply().code(3);
    assert_eq!(asked_for(&msp, EXCHANGE), published(&msp, EXCHANGE, &["Exchange.ManageAsApp"]));
    let without = Msp::new().with(".sandbox/world.yaml", "exchange: true", "exchange: false");
    without.apply().code(3);
    without.approve();
    without.apply().code(1);
    let status = without.run("status", &["-o", "json"]).json();
    let tenant = object(&status, "tenants", "contoso");
    assert_eq!(condition(tenant, "ConsentGranted"), "False/ResourceNotProvisioned");
    assert_eq!(tenant["ready"], false);
}

/// The app with one family of operations asks for these permissions (name, id, purpose) and no other, and they are
/// granted in the partner tenant.
#[track_caller]
fn family(operation: &str, resource: &str, wanted: &[(&str, &str, &str)]) {
    let operations = format!("  operations: [{operation}]\n  displayName:");
    let msp = Msp::new().with_portal().with("app.yaml", "  displayName:", &operations);
    msp.apply().code(3);
    let mut ids: Vec<String> = wanted.iter().map(|(_, id, _)| (*id).to_owned()).collect();
    ids.sort();
    assert_eq!(asked_for(&msp, resource), ids, "{operation}");
    let own =
        msp.portal("GET", &format!("/servicePrincipals(appId='{}')", msp.sink("clientId").unwrap()), &Value::Null);
    let path = format!("/servicePrincipals/{}/appRoleAssignments", own["id"].as_str().unwrap());
    let granted = msp.portal("GET", &path, &Value::Null);
    let mut granted: Vec<&str> =
        granted["value"].as_array().unwrap().iter().map(|g| g["appRoleId"].as_str().unwrap()).collect();
    granted.sort_unstable();
    assert_eq!(granted, ids, "{operation}");
    let app = app(&msp);
    for (name, _, purpose) in wanted {
        let all = app["permissions"].as_array().unwrap();
        let one = all.iter().find(|p| p["permission"].as_str().unwrap().ends_with(&format!("/{name}"))).unwrap();
        assert!(one["purpose"].as_str().unwrap().contains(purpose), "{one}");
    }
}

const USERS: (&str, &str, &str) = ("User.ReadWrite.All", "741f803b-c850-494e-b5df-cde7c675a1ca", "users");
const DIRECTORY: (&str, &str, &str) = ("Directory.Read.All", "7ab1d382-f21e-4acd-a863-ba3e13f7da61", "licences");

#[test]
fn user_lifecycle_asks_for_users_and_directory() {
    family("UserLifecycle", GRAPH, &[USERS, DIRECTORY]);
}

#[test]
fn password_reset_asks_for_users_alone() {
    family("PasswordReset", GRAPH, &[("User.ReadWrite.All", USERS.1, "passwords")]);
}

#[test]
fn group_management_asks_for_groups() {
    family("GroupManagement", GRAPH, &[("Group.ReadWrite.All", "62a82d76-70ea-41e2-9197-370581804d09", "groups")]);
}

#[test]
fn security_checks_ask_for_authentication_methods_and_risky_users() {
    let methods = ("UserAuthenticationMethod.Read.All", "38d9df27-64da-44fd-b7c5-a6fbac20248f", "MFA");
    let risky = ("IdentityRiskyUser.Read.All", "dc5007c0-2d7d-4c42-879c-2dab87571379", "risky users");
    family("SecurityChecks", GRAPH, &[methods, risky, DIRECTORY]);
}

#[test]
fn exchange_mailboxes_ask_for_exchange_manage_as_app() {
    let exchange = ("Exchange.ManageAsApp", "dc50a0fb-09a3-484d-be87-e023b12c6440", "shared mailboxes");
    family("ExchangeMailboxes", EXCHANGE, &[exchange]);
}

#[test]
fn a_family_of_operations_that_is_taken_away_takes_its_permissions_with_it() {
    let four = "  operations: [UserLifecycle, PasswordReset, SecurityChecks, ExchangeMailboxes]\n  displayName:";
    let msp = Msp::onboarded().with("app.yaml", "  displayName:", four);
    let plan = msp.plan();
    let planned = change(&plan, "PartnerApp/rallied:application");
    let (before, after) = (names(&planned["before"]["permissions"]), names(&planned["after"]["permissions"]));
    let gone: Vec<&str> = before.into_iter().filter(|p| !after.contains(p)).collect();
    assert_eq!(gone, ["MicrosoftGraph/Group.ReadWrite.All"]);
    msp.apply().ok();
    for tenant in [PARTNER, CUSTOMER] {
        let grants = msp.world_of(tenant, "appRoleAssignments");
        let ours: Vec<&Value> = grants.iter().filter(|g| g["principal"] == MARK).map(|g| &g["role"]).collect();
        assert!(ours.len() == 5 && !ours.contains(&&json!("Group.ReadWrite.All")), "{tenant}: {ours:?}");
    }
}

#[test]
fn every_permission_in_the_status_says_what_it_is_for() {
    let msp = Msp::new();
    let app = app(&msp);
    let purposes: Vec<(&str, &str)> = app["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["permission"].as_str().unwrap(), p["purpose"].as_str().unwrap()))
        .collect();
    assert_eq!(purposes.len(), 6);
    for (permission, words) in [
        ("ExchangeOnline/Exchange.ManageAsApp", "shared mailboxes"),
        ("MicrosoftGraph/Directory.Read.All", "licences"),
        ("MicrosoftGraph/Group.ReadWrite.All", "groups"),
        ("MicrosoftGraph/IdentityRiskyUser.Read.All", "risky users"),
        ("MicrosoftGraph/User.ReadWrite.All", "users"),
        ("MicrosoftGraph/UserAuthenticationMethod.Read.All", "MFA status"),
    ] {
        let (_, purpose) = purposes.iter().find(|(p, _)| *p == permission).unwrap();
        assert!(purpose.contains(words), "{permission}: {purpose}");
    }
}

// 1.4 Consent in the partner tenant

fn grants_at_home(msp: &Msp) -> Vec<String> {
    let grants = msp.world_of(PARTNER, "appRoleAssignments");
    let ours = grants.iter().filter(|g| g["principal"] == MARK);
    let mut roles: Vec<String> = ours.map(|g| g["role"].as_str().unwrap().to_owned()).collect();
    roles.sort();
    roles
}

#[test]
fn all_six_permissions_are_granted_in_the_partner_tenant() {
    let msp = Msp::new();
    msp.apply().code(3);
    let six = [
        "Directory.Read.All",
        "Exchange.ManageAsApp",
        "Group.ReadWrite.All",
        "IdentityRiskyUser.Read.All",
        "User.ReadWrite.All",
        "UserAuthenticationMethod.Read.All",
    ];
    assert_eq!(grants_at_home(&msp), six);
    assert_eq!(condition(&app(&msp), "PartnerConsentGranted"), "True/Granted");
}

#[test]
fn consent_is_told_for_each_permission_as_entra_has_it_and_all_six_are_needed() {
    let msp = Msp::onboarded();
    msp.drift("remove-grant", json!({"tenant": PARTNER, "app": APP, "permission": "Group.ReadWrite.All"}));
    let app = app(&msp);
    let not_granted: Vec<&Value> =
        app["permissions"].as_array().unwrap().iter().filter(|p| p["granted"] == false).collect();
    assert_eq!(not_granted.len(), 1, "{app}");
    assert_eq!(not_granted[0]["permission"], "MicrosoftGraph/Group.ReadWrite.All");
    assert_eq!(condition(&app, "PartnerConsentGranted"), "False/PartiallyGranted");
    assert_eq!(condition(&app, "Ready"), "False/PartiallyGranted");
    assert_eq!(addresses(&msp.plan()), ["PartnerApp/rallied:partnerConsent"]);
    msp.apply().ok();
    assert_eq!(condition(&self::app(&msp), "Ready"), "True/Ready");
}

/// A managing app whose only role at home is Cloud Application Administrator: it may not consent.
fn cloud_application_administrator() -> Msp {
    let msp = Msp::new().without("AppRoleAssignment.ReadWrite.All").with_portal();
    let manager = "/servicePrincipals(appId='0d9b6b0e-7c3e-4a38-8a55-6c0f7ac1e2b4')";
    let id = msp.portal("GET", manager, &Value::Null)["id"].clone();
    let role =
        json!({"roleDefinitionId": "158c047a-c907-4556-b7ef-446551a6b5f7", "principalId": id, "directoryScopeId": "/"});
    msp.portal("POST", "/roleManagement/directory/roleAssignments", &role);
    msp
}

#[test]
fn an_identity_that_may_not_consent_is_told_so_in_the_plan_before_any_call() {
    let msp = cloud_application_administrator();
    let writes = msp.writes();
    let plan = msp.plan();
    let told = wait(&plan, "PartnerConsentGranted");
    assert_eq!(
        (&told["reason"], &told["on"], &told["who"]),
        (&json!("InsufficientConsentRole"), &json!("person"), &json!("Partner"))
    );
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("Global Administrator or Privileged Role Administrator"), "{message}");
    assert!(!addresses(&plan).contains(&"PartnerApp/rallied:partnerConsent"));
    assert_eq!(condition(&app(&msp), "PartnerConsentGranted"), "False/InsufficientConsentRole");
    assert_eq!(msp.writes(), writes);
    msp.apply().code(3);
    let tried = |r: &Value| {
        r["tenant"] == HOME && r["write"] == true && r["path"].as_str().unwrap().ends_with("/appRoleAssignments")
    };
    assert!(!msp.requests().iter().any(tried), "it is not tried");
}

#[test]
fn where_nobody_may_consent_the_link_is_given_and_the_click_is_waited_for() {
    let msp = cloud_application_administrator();
    msp.apply().code(3);
    let client = msp.sink("clientId").unwrap();
    let link = format!("https://login.microsoftonline.com/{HOME}/adminconsent?client_id={client}");
    let status = app(&msp);
    assert_eq!(condition(&status, "PartnerConsentGranted"), "False/Pending");
    assert_eq!(status["waits"][0]["link"], link.as_str());
    let run = msp.apply();
    run.code(3);
    assert!(run.stdout.contains(&link) && run.stdout.contains("Partner must act for PartnerApp/rallied"), "{run}");
    assert_eq!(grants_at_home(&msp), [""; 0]);
    consent_by_hand(&msp, &client);
    assert_eq!(condition(&app(&msp), "PartnerConsentGranted"), "True/Granted");
    assert!(!msp.apply().stdout.contains(&link), "nobody is asked any more");
}

/// An administrator accepts what the app asks for.
fn consent_by_hand(msp: &Msp, client: &str) {
    let own = msp.portal("GET", &format!("/servicePrincipals(appId='{client}')"), &Value::Null);
    for resource in [GRAPH, EXCHANGE] {
        let to = msp.portal("GET", &format!("/servicePrincipals(appId='{resource}')"), &Value::Null);
        for role in asked_for(msp, resource) {
            let path = format!("/servicePrincipals/{}/appRoleAssignments", own["id"].as_str().unwrap());
            let grant = json!({"principalId": own["id"], "resourceId": to["id"], "appRoleId": role});
            msp.portal("POST", &path, &grant);
        }
    }
}

// 1.5 AdminAgents

fn admin_agents(msp: &Msp) -> Vec<String> {
    let groups = msp.world_of(PARTNER, "groups");
    let group = groups.iter().find(|g| g["displayName"] == "AdminAgents").unwrap();
    names(&group["members"]).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_principal_becomes_a_member_of_admin_agents_once() {
    let msp = Msp::onboarded();
    assert!(admin_agents(&msp).iter().any(|m| m == MARK));
    assert_eq!(condition(&app(&msp), "AdminAgentsMember"), "True/Member");
    let writes = msp.writes();
    msp.apply().ok();
    assert_eq!(msp.writes(), writes, "when it is a member already, nothing is written");
    let id = app(&msp)["servicePrincipalId"].clone();
    msp.drift("remove-group-member", json!({"group": "AdminAgents", "member": id}));
    assert_eq!(addresses(&msp.plan()), ["PartnerApp/rallied:adminAgents"]);
    msp.apply().ok();
    assert!(admin_agents(&msp).iter().any(|m| m == MARK));
}

#[test]
fn of_two_apps_of_one_name_the_one_with_our_mark_and_app_id_is_taken() {
    let twin = format!(
        "    - displayName: {APP}\n      clientId: 11111111-2222-4333-8444-555555555555\n      application:\n        MicrosoftGraph: [User.Read.All]\ncustomers:\n"
    );
    let msp = Msp::new().with(".sandbox/world.yaml", "customers:\n", &twin);
    msp.onboard();
    let named = |a: &&Value| a["displayName"] == APP;
    assert_eq!(msp.world_of(PARTNER, "applications").iter().filter(named).count(), 2);
    // The picture calls ours by its mark and the other one by the name that both have.
    let members = admin_agents(&msp);
    assert!(members.iter().any(|m| m == MARK) && !members.iter().any(|m| m == APP), "{members:?}");
    let of_twin: Vec<Value> =
        msp.world_of(PARTNER, "appRoleAssignments").into_iter().filter(|g| g["principal"] == APP).collect();
    assert_eq!(of_twin.len(), 1, "nothing is granted to the other one: {of_twin:?}");
    assert_ne!(app(&msp)["appId"], "11111111-2222-4333-8444-555555555555");
}

#[test]
fn without_admin_agents_partner_center_is_not_asked_and_the_reason_is_told() {
    let msp = Msp::new().with(".sandbox/world.yaml", "adminAgents: true", "adminAgents: false");
    let partner_center =
        |msp: &Msp| msp.requests().iter().filter(|r| r["path"].as_str().unwrap().starts_with("/v1/customers")).count();
    msp.apply().code(3);
    msp.approve();
    let run = msp.apply();
    run.code(3);
    assert_eq!(partner_center(&msp), 0, "{run}");
    let status = msp.status();
    let partner = object(&status, "partners", "northwind");
    assert_eq!(condition(partner, "AdminAgentsMember"), "False/NotMember");
    assert_eq!(condition(object(&status, "tenants", "contoso"), "ConsentGranted"), "False/Pending");
    let plan = msp.plan();
    let told = wait(&plan, "AdminAgentsMember");
    assert!(told["message"].as_str().unwrap().contains("svc-tenantry@northwind.example"), "{told}");
    assert!(names(&told["then"]).contains(&"Tenant/contoso:foothold"), "{told}");
    assert!(run.stdout.contains("Partner must act for Partner/northwind"), "{run}");
}

#[test]
fn an_identity_that_may_not_change_admin_agents_gives_the_steps_and_the_object_id() {
    let msp = app_only(Msp::new().without("Group.ReadWrite.All"));
    let plan = msp.plan();
    assert!(!addresses(&plan).contains(&"PartnerApp/rallied:adminAgents"));
    assert_eq!(wait(&plan, "AdminAgentsMember")["reason"], "NotMember");
    msp.apply().code(3);
    let app = app(&msp);
    assert_eq!(condition(&app, "AdminAgentsMember"), "False/NotMember");
    let steps = app["waits"][0]["what"].as_str().unwrap();
    for part in [
        "Settings → Account settings → User management → Admin Agents → Add member",
        app["servicePrincipalId"].as_str().unwrap(),
    ] {
        assert!(steps.contains(part), "{steps}");
    }
    assert!(app["waits"][0]["link"].as_str().unwrap().starts_with("https://partner.microsoft.com/"));
    assert!(!admin_agents(&msp).iter().any(|m| m == MARK));
}

// Who may do what

/// Nothing is written, and what is lacking is named with the step that needs it.
#[track_caller]
fn refused(msp: &Msp, permission: &str, address: &str) -> Run {
    let run = msp.run("apply", &["--auto-approve", "-o", "json"]);
    run.code(1);
    let document = run.json();
    let all = document["diagnostics"].as_array().unwrap();
    let told = all.iter().find(|d| d["address"] == address && d["severity"] == "error");
    let told = told.unwrap_or_else(|| panic!("nothing about {address}: {document:#}"));
    assert!(told["summary"].as_str().unwrap().contains(permission), "{told}");
    assert!(told["summary"].as_str().unwrap().contains("the managing app of Partner/northwind"), "{told}");
    assert_eq!(msp.writes(), 0, "{run}");
    run
}

#[test]
fn to_register_make_a_secret_and_declare_permissions_the_managing_app_must_write_applications() {
    let msp = Msp::new().without("Application.ReadWrite.All");
    for step in ["application", "principal", "credential/production"] {
        refused(&msp, "Application.ReadWrite.All", &format!("PartnerApp/rallied:{step}"));
    }
}

#[test]
fn to_consent_at_home_the_managing_app_must_write_grants_and_else_an_administrator_is_asked() {
    let msp = Msp::new().without("AppRoleAssignment.ReadWrite.All");
    let told = wait(&msp.plan(), "PartnerConsentGranted").clone();
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("lacks AppRoleAssignment.ReadWrite.All"), "{message}");
    assert!(message.contains("Global Administrator or Privileged Role Administrator"), "{message}");
    assert_eq!(msp.writes(), 0);
}

#[test]
fn to_change_admin_agents_the_managing_app_must_write_groups_and_else_partner_center_is_pointed_at() {
    let msp = Msp::new().without("Group.ReadWrite.All");
    let plan = msp.run("plan", &["-o", "json"]).json();
    let told = wait(&plan, "AdminAgentsMember");
    assert!(told["link"].as_str().unwrap().starts_with("https://partner.microsoft.com/"), "{told}");
    refused(&msp, "Group.ReadWrite.All", "GdapTemplate/standard:group/tenantry/privileged-role-administrator");
}

#[test]
fn to_ask_customers_for_gdap_the_managing_app_must_write_relationships() {
    let msp = Msp::new().without("DelegatedAdminRelationship.ReadWrite.All");
    refused(&msp, "DelegatedAdminRelationship.ReadWrite.All", "GdapRelationship/contoso-standard:relationship");
}
