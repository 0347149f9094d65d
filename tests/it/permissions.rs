//! What the app may do: permissions by name and type, and the consent to them in the partner tenant.

use serde_json::{Value, json};

use crate::support::msp::{APP, CUSTOMER, HOME, MARK, Msp, PARTNER, addresses, change, condition, names, object, wait};

const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

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
    let app = msp.app();
    let types = app["permissions"].as_array().unwrap().iter().map(|p| &p["type"]);
    assert!(types.clone().count() == 6 && types.into_iter().all(|t| t == "Application"), "{app}");
}

/// What the registration asks for: resource → sorted ids of app roles.
fn asked_for(msp: &Msp, resource: &str) -> Vec<String> {
    let live = msp.live_app();
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
    let app = msp.app();
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
    let app = msp.app();
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
    assert_eq!(condition(&msp.app(), "PartnerConsentGranted"), "True/Granted");
}

#[test]
fn consent_is_told_for_each_permission_as_entra_has_it_and_all_six_are_needed() {
    let msp = Msp::onboarded();
    msp.drift("remove-grant", json!({"tenant": PARTNER, "app": APP, "permission": "Group.ReadWrite.All"}));
    let app = msp.app();
    let not_granted: Vec<&Value> =
        app["permissions"].as_array().unwrap().iter().filter(|p| p["granted"] == false).collect();
    assert_eq!(not_granted.len(), 1, "{app}");
    assert_eq!(not_granted[0]["permission"], "MicrosoftGraph/Group.ReadWrite.All");
    assert_eq!(condition(&app, "PartnerConsentGranted"), "False/PartiallyGranted");
    assert_eq!(condition(&app, "Ready"), "False/PartiallyGranted");
    assert_eq!(addresses(&msp.plan()), ["PartnerApp/rallied:partnerConsent"]);
    msp.apply().ok();
    assert_eq!(condition(&msp.app(), "Ready"), "True/Ready");
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
    assert_eq!(condition(&msp.app(), "PartnerConsentGranted"), "False/InsufficientConsentRole");
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
    let status = msp.app();
    assert_eq!(condition(&status, "PartnerConsentGranted"), "False/Pending");
    assert_eq!(status["waits"][0]["link"], link.as_str());
    let run = msp.apply();
    run.code(3);
    assert!(run.stdout.contains(&link) && run.stdout.contains("Partner must act for PartnerApp/rallied"), "{run}");
    assert_eq!(grants_at_home(&msp), [""; 0]);
    consent_by_hand(&msp, &client);
    assert_eq!(condition(&msp.app(), "PartnerConsentGranted"), "True/Granted");
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
