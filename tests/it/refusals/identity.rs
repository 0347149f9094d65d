//! Who we are at Microsoft is at fault: a sign-in that is refused, a right that is lacking.

use serde_json::{Value, json};

use super::{error, kept, printed, refused};
use crate::support::msp::Msp;

#[test]
fn a_wrong_client_secret_is_refused_at_the_partner() {
    let msp = Msp::new().with("secrets.yaml", "cnry-example-client-secret", "cnry-another-secret");
    sign_in_refused(
        &msp,
        "AADSTS7000215",
        "partner.yaml:15",
        "the client secret is wrong",
        "where the manifest's secretRef points",
    );
}

/// The managing app cannot sign in: people are told once, at its root; every object that could not be read says so in JSON.
#[track_caller]
fn sign_in_refused(msp: &Msp, code: &str, place: &str, says: &str, remedy: &str) {
    for command in [&["plan"][..], &["apply", "--auto-approve"]] {
        let run = msp.run(command[0], &command[1..]);
        assert_eq!(run.code(1).stderr.matches(&format!("error[{code}]")).count(), 1, "{run}");
        for part in [&format!("Partner/northwind: the managing app cannot sign in: {says}"), &printed(place), remedy] {
            assert!(run.stderr.contains(part), "{part:?} is not told: {run}");
        }
        let run = msp.run(command[0], &[&command[1..], &["-o", "json"]].concat());
        let document = run.code(1).json();
        assert_eq!((&document["errored"], &document["changes"]), (&json!(true), &json!([])), "{run}");
        let found = document["diagnostics"].as_array().unwrap();
        let root: Vec<&Value> = found.iter().filter(|d| d["address"] == "Partner/northwind").collect();
        assert_eq!(root.len(), 1, "{run}");
        let at = format!("{}:{}", root[0]["file"].as_str().unwrap(), root[0]["line"]);
        assert_eq!((root[0]["code"].as_str().unwrap(), at), (code, printed(place)), "{run}");
        assert!(root[0]["remedy"].as_str().unwrap().contains(remedy), "{run}");
        let other = |d: &Value| d["code"] != code && d["code"] != "";
        assert!(!found.iter().any(other), "another cause is given: {run}");
    }
    assert_eq!(msp.writes(), 0);
    assert!(!kept(msp));
    let status = msp.run("status", &["-o", "json"]).json();
    for list in ["partners", "apps", "templates", "relationships", "tenants"] {
        for object in status[list].as_array().unwrap() {
            assert_ne!(object["ready"], true, "{list}: {object:#}");
        }
    }
}

#[test]
fn an_expired_client_secret_is_refused_with_what_to_do() {
    let msp = Msp::new().with(".sandbox/world.yaml", "expiresIn: 365d", "expiresIn: 2h");
    msp.plan();
    msp.advance("3h");
    let says = "the client secret has expired";
    sign_in_refused(&msp, "AADSTS7000222", "partner.yaml:15", says, "Make a new client secret for the app");
}

#[test]
fn a_client_secret_that_expires_between_two_applies_stops_the_next_one() {
    let msp = Msp::new();
    msp.apply().code(3);
    msp.approve();
    msp.drift("expire-secret", json!({"app": "Tenantry Manager", "name": "bootstrap"}));
    let writes = msp.writes();
    let run = msp.apply();
    assert!(run.code(1).stderr.contains("error[AADSTS7000222]: Partner/northwind"), "{run}");
    assert_eq!(msp.writes(), writes);
}

#[test]
fn a_secret_that_is_nowhere_is_refused_with_every_place_that_was_searched() {
    let msp = Msp::new().with("partner.yaml", "key: clientSecret", "key: clientSecrt");
    let says = "a secret cannot be read";
    sign_in_refused(&msp, "SecretNotFound", "partner.yaml:15", says, "TENANTRY_SECRET_<NAME>_<KEY>");
    let run = msp.apply();
    for place in [
        ".tenantry/secrets/tenantry-manager/clientSecrt",
        "TENANTRY_SECRET_TENANTRY_MANAGER_CLIENTSECRT",
        "secrets.yaml:7",
    ] {
        assert!(run.stderr.contains(place), "{place} is not named: {run}");
    }
}

#[test]
fn a_partner_tenant_that_does_not_exist_is_refused() {
    let (real, other) = ("5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10", "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f11");
    let msp = Msp::new().with("partner.yaml", real, other);
    sign_in_refused(&msp, "AADSTS90002", "partner.yaml:10", "there is no such tenant", "Check tenantId.");
}

#[test]
fn a_managing_app_that_does_not_exist_is_refused() {
    let (real, other) = ("0d9b6b0e-7c3e-4a38-8a55-6c0f7ac1e2b4", "0d9b6b0e-7c3e-4a38-8a55-6c0f7ac1e2b5");
    let msp = Msp::new().with("partner.yaml", real, other);
    let says = "the app has no service principal in this tenant";
    sign_in_refused(&msp, "AADSTS700016", "partner.yaml:14", says, "Check the client id and the tenant id.");
}

#[test]
fn a_refresh_token_that_is_none_is_refused_at_its_seed() {
    let msp = Msp::new().with("secrets.yaml", "cnry-example-refresh-token", "cnry-another-token");
    let says = "the service account cannot sign in: the refresh token is not one";
    refused(&msp, &[error("AADSTS9002313", "partner.yaml:23", says, "the whole new refresh token as the seed")]);
}

#[test]
fn a_service_account_that_signed_in_without_mfa_is_refused_at_its_seed() {
    let msp = Msp::new().with(".sandbox/world.yaml", "mfa: true", "mfa: false");
    let says = "the service account's sign-in had no MFA";
    refused(&msp, &[error("MfaRequired", "partner.yaml:23", says, "Sign the service account in again with MFA")]);
}

#[test]
fn a_managing_app_that_lacks_a_permission_is_named_with_it_before_any_write() {
    let without = |permission: &str| Msp::new().with(".sandbox/world.yaml", &format!("          - {permission}\n"), "");
    let table = [
        ("Application.ReadWrite.All", "lacks Application.ReadWrite.All"),
        ("Group.ReadWrite.All", "lacks Group.ReadWrite.All"),
        ("DelegatedAdminRelationship.ReadWrite.All", "lacks DelegatedAdminRelationship.ReadWrite.All"),
    ];
    for (permission, says) in table {
        let msp = without(permission);
        let run = msp.apply();
        assert!(run.code(1).stderr.contains(&format!("the managing app of Partner/northwind {says}")), "{run}");
        assert!(run.stderr.contains("with admin consent, then run this again."), "{run}");
        let document = msp.run("plan", &["-o", "json"]).code(1).json();
        let found = document["diagnostics"].as_array().unwrap();
        assert!(!found.is_empty() && found.iter().all(|d| d["code"] == "GuardRefused"), "{document:#}");
        assert!(found.iter().all(|d| d["summary"].as_str().unwrap().contains(says)), "{document:#}");
        assert!(
            found.iter().all(|d| d["line"].is_u64() && d["detail"].to_string().contains("=False/")),
            "{document:#}"
        );
        assert_eq!(msp.writes(), 0, "{permission}");
        assert!(!kept(&msp));
    }
}

#[test]
fn a_managing_app_that_may_not_grant_leaves_the_consent_to_a_person_and_says_so_in_the_plan() {
    let msp = Msp::new().with(".sandbox/world.yaml", "          - AppRoleAssignment.ReadWrite.All\n", "");
    let plan = msp.plan();
    let waits = plan["waits"].as_array().unwrap();
    let wait = waits.iter().find(|w| w["reason"] == "InsufficientConsentRole").unwrap_or_else(|| panic!("{plan:#}"));
    assert_eq!((&wait["address"], &wait["who"]), (&json!("PartnerApp/rallied"), &json!("Partner")));
    assert!(wait["message"].as_str().unwrap().contains("lacks AppRoleAssignment.ReadWrite.All"), "{wait:#}");
    let run = msp.apply();
    let link = "https://login.microsoftonline.com/5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10/";
    assert!(run.code(3).stdout.contains(link), "the link is known once the app is made: {run}");
}
