//! The partner's side, once per MSP: registration, secret, AdminAgents, and who may do it.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::cmd::Run;
use crate::support::msp::{APP, CUSTOMER, HOME, MARK, Msp, PARTNER, addresses, change, condition, names, object, wait};

const SINK: [&str; 5] = ["clientId", "clientSecret", "tenantId", "keyId", "expiresAt"];

/// An MSP that manages its app only: neither template nor tenants.
fn app_only(msp: Msp) -> Msp {
    for file in ["gdap.yaml", "tenants.yaml"] {
        fs::remove_file(msp.dir.path().join("examples/first").join(file)).unwrap();
    }
    msp
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
    assert_eq!(msp.registered()["displayName"], APP);
}

#[test]
fn the_app_lives_only_at_home_and_is_a_service_principal_in_the_customer_tenant() {
    let msp = Msp::onboarded();
    msp.registered();
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
    assert_eq!(msp.registered()["audience"], "AzureADMultipleOrgs");
    let path = format!("/applications(uniqueName='{MARK}')");
    msp.portal("PATCH", &path, &json!({"signInAudience": "AzureADMyOrg"}));
    assert_eq!(condition(&msp.app(), "AppRegistered"), "False/AudienceMismatch");
    let plan = msp.plan();
    let planned = change(&plan, "PartnerApp/rallied:application");
    assert_eq!(planned["before"]["signInAudience"], "AzureADMyOrg");
    assert_eq!(planned["after"]["signInAudience"], "AzureADMultipleOrgs");
    msp.apply().ok();
    assert_eq!(msp.registered()["audience"], "AzureADMultipleOrgs");
    assert_eq!(condition(&msp.app(), "AppRegistered"), "True/Registered");
}

#[test]
fn an_unexpected_redirect_uri_is_reported_as_drift_and_removed() {
    let none = json!({"web": [], "spa": [], "publicClient": []});
    let msp = Msp::onboarded();
    assert_eq!(msp.registered()["redirectUris"], none);
    msp.drift("add-redirect-uri", json!({"app": APP, "uri": "https://evil.example/"}));
    assert_eq!(condition(&msp.app(), "AppRegistered"), "False/RedirectUriMismatch");
    let plan = msp.plan();
    assert_eq!(addresses(&plan), ["PartnerApp/rallied:application"]);
    assert_eq!(plan["changes"][0]["before"]["redirectUris"]["web"], json!(["https://evil.example/"]));
    assert_eq!(plan["changes"][0]["after"]["redirectUris"]["web"], json!([]));
    // Where Tenantry only observes, it is drift and stays.
    let msp = msp.with("partner.yaml", "management: Enforce", "management: Observe");
    let (plan, writes) = (msp.plan(), msp.writes());
    assert_eq!(plan["changes"], json!([]));
    assert_eq!(plan["drift"][0]["address"], "PartnerApp/rallied:application");
    assert_eq!(condition(&msp.app(), "Ready"), "False/Drifted");
    msp.apply();
    assert_eq!(msp.writes(), writes);
    let msp = msp.with("partner.yaml", "management: Observe", "management: Enforce");
    msp.apply().ok();
    assert_eq!(msp.registered()["redirectUris"], none);
}

#[test]
fn the_status_carries_client_id_and_tenant_id() {
    let msp = Msp::new().with_portal();
    msp.apply().code(3);
    let (app, live) = (msp.app(), msp.live_app());
    assert_eq!((&app["appId"], &app["tenantId"]), (&live["appId"], &json!(HOME)));
    assert_eq!(app["objectId"], live["id"]);
}

// 1.2 Client secret

/// The one secret of the app, as Entra has it.
#[track_caller]
fn only_secret(msp: &Msp) -> Value {
    let live = msp.live_app();
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
    assert_eq!(msp.registered()["secrets"], json!(["rallied-production#1"]));
    msp.apply().code(3);
    assert_eq!(msp.registered()["secrets"], json!(["rallied-production#1"]), "a valid one is not made again");
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
    let (live, secret) = (msp.live_app(), only_secret(&msp));
    assert_eq!([&held[0], &held[2], &held[3]], [&live["appId"], &json!(HOME), &secret["keyId"]]);
    assert!(held[1].starts_with(secret["hint"].as_str().unwrap()), "it is the value of that credential");
    let asked = msp.requests().iter().filter(|r| r["path"].as_str().unwrap().ends_with("/addPassword")).count();
    assert_eq!(asked, 1, "captured in the call that made it");
    assert_eq!(condition(&msp.app(), "SecretValid"), "True/Valid");
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
    assert_eq!(msp.registered()["secrets"], json!([]), "the credential was removed again");
    assert!(SINK.iter().all(|key| msp.sink(key).is_none()));
    let removed = msp.requests().iter().any(|r| r["path"].as_str().unwrap().ends_with("/removePassword"));
    assert!(removed, "it had been made");
    // The way is free: the next run makes one and nothing is left over.
    fs::remove_file(msp.dir.path().join(".tenantry/secrets/rallied-credentials/..1")).unwrap();
    msp.apply().code(3);
    assert_eq!(msp.registered()["secrets"].as_array().unwrap().len(), 1);
}

#[test]
fn a_secret_of_somebody_else_is_never_overwritten_and_none_is_made_for_it() {
    let msp = Msp::new();
    msp.dir.write(".tenantry/secrets/rallied-credentials/clientSecret", "cnry-of-somebody-else");
    msp.apply().code(1);
    assert_eq!(msp.sink("clientSecret").unwrap(), "cnry-of-somebody-else");
    assert_eq!(msp.registered()["secrets"], json!([]));
}

#[test]
fn a_secret_whose_value_is_lost_is_never_recovered_a_new_one_is_offered_and_the_old_one_stays() {
    let msp = Msp::onboarded();
    fs::remove_dir_all(msp.dir.path().join(".tenantry/secrets/rallied-credentials")).unwrap();
    assert_eq!(condition(&msp.app(), "SecretValid"), "False/ValueUnknown");
    let plan = msp.plan();
    let planned = change(&plan, "PartnerApp/rallied:credential/production");
    assert_eq!(planned["before"]["displayName"], "production#1");
    assert_eq!(planned["after"]["displayName"], "production#2");
    msp.apply();
    assert_eq!(msp.registered()["secrets"], json!(["production#1", "production#2"]));
    assert_eq!(condition(&msp.app(), "SecretValid"), "True/Valid");
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
    assert_eq!(condition(&msp.app(), "AdminAgentsMember"), "True/Member");
    let writes = msp.writes();
    msp.apply().ok();
    assert_eq!(msp.writes(), writes, "when it is a member already, nothing is written");
    let id = msp.app()["servicePrincipalId"].clone();
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
    assert_ne!(msp.app()["appId"], "11111111-2222-4333-8444-555555555555");
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
    let app = msp.app();
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
