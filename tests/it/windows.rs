//! Microsoft takes its time: what is inside its window waits, what is outside is overdue, and only a live probe says Ready.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::msp::{APP, CUSTOMER, Msp, condition, object, wait};

const CONTOSO: &str = "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11";

/// Onboarded as far as it goes in a cloud whose Exchange learns of a role that much later.
fn slow_exchange(lag: &str) -> Msp {
    let lag = format!("lag: {{ exchangeRole: {lag} }}\npartner:\n");
    let msp = Msp::new().with(".sandbox/world.yaml", "partner:\n", &lag);
    msp.apply().code(3);
    msp.approve();
    msp.apply().code(3);
    msp
}

fn contoso(msp: &Msp) -> Value {
    object(&msp.status(), "tenants", "contoso").clone()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("no time: {value}")).parse().unwrap()
}

fn probes(msp: &Msp) -> usize {
    msp.requests().iter().filter(|r| r["path"].as_str().unwrap().ends_with("/InvokeCommand")).count()
}

#[test]
fn a_refusal_within_two_hours_of_the_role_is_a_wait_and_no_failure() {
    let msp = slow_exchange("45m");
    let refused =
        msp.requests().iter().any(|r| r["path"].as_str().unwrap().ends_with("/InvokeCommand") && r["status"] == 403);
    assert!(refused, "Exchange was asked and said 403");
    for minutes in ["20m", "24m"] {
        let tenant = contoso(&msp);
        assert_eq!(condition(&tenant, "Propagated"), "False/Waiting");
        assert_eq!(condition(&tenant, "ExchangeReady"), "False/Pending");
        assert_eq!(condition(&tenant, "Ready"), "False/Pending", "not failed");
        assert_eq!(condition(&tenant, "Verified"), "False/Pending", "not failed either");
        assert_eq!(condition(&tenant, "Synced"), "True/Synced");
        let plan = msp.plan();
        let told = wait(&plan, "Propagated");
        assert_eq!((&told["who"], &told["on"]), (&json!("Microsoft"), &json!("microsoft")));
        let window = time(&told["deadline"]).duration_since(time(&told["since"]));
        assert_eq!(window, SignedDuration::from_hours(2));
        assert_eq!(plan["changes"], json!([]), "the role is not assigned again");
        msp.apply().code(3);
        msp.advance(minutes);
    }
    msp.advance("2m");
    msp.apply().ok();
    let tenant = contoso(&msp);
    assert_eq!(condition(&tenant, "Propagated"), "True/Elapsed");
    assert_eq!(condition(&tenant, "Ready"), "True/Ready");
}

#[test]
fn after_two_hours_of_refusals_it_is_overdue_with_a_diagnosis() {
    let msp = slow_exchange("5h");
    msp.advance("115m");
    assert_eq!(condition(&contoso(&msp), "Propagated"), "False/Waiting");
    msp.advance("10m");
    let tenant = contoso(&msp);
    assert_eq!(condition(&tenant, "Propagated"), "False/Overdue");
    let all = tenant["conditions"].as_array().unwrap();
    let message = all.iter().find(|c| c["type"] == "Propagated").unwrap()["message"].as_str().unwrap();
    assert!(message.contains("2h after the change"), "{message}");
    assert!(message.contains("check the role in the tenant and the app's sign-in logs"), "{message}");
    let plan = msp.plan();
    let told = wait(&plan, "Propagated");
    assert_eq!(
        (&told["reason"], &told["on"]),
        (&json!("Overdue"), &json!("person")),
        "nobody is told to go on waiting"
    );
    msp.apply().code(3);
    // When Microsoft is done after all, that is seen.
    msp.advance("4h");
    msp.apply().ok();
    assert_eq!(condition(&contoso(&msp), "Propagated"), "True/Elapsed");
}

#[test]
fn one_tenant_can_be_verified_again_at_any_time_and_no_other_is_asked() {
    let msp = Msp::new().with_fabrikam();
    msp.onboard();
    msp.drift("remove-grant", json!({"tenant": CUSTOMER, "app": APP, "permission": "Group.ReadWrite.All"}));
    msp.drift("remove-directory-role", json!({"tenant": CUSTOMER, "app": APP, "role": "Exchange Administrator"}));
    let seen = msp.requests().len();
    let files = ["partner", "app", "gdap", "secrets", "tenants"].map(|f| format!("examples/first/{f}.yaml"));
    let files: Vec<&str> = files.iter().flat_map(|f| ["-f", f]).collect();
    let run = msp.dir.run([&["status", "--sandbox", "-o", "json"], &files[..]].concat());
    let status = run.ok().json();
    let tenant = object(&status, "tenants", "contoso");
    assert_eq!(condition(tenant, "ConsentGranted"), "False/PartiallyGranted");
    assert_eq!(condition(tenant, "ExchangeReady"), "False/Pending");
    assert_eq!(status["tenants"].as_array().unwrap().len(), 1);
    let asked = msp.requests()[seen..].iter().filter(|r| r["tenant"] == "1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22").count();
    assert_eq!(asked, 0, "the other tenant");
}

#[test]
fn within_the_window_it_is_verified_again_by_itself() {
    let msp = slow_exchange("45m");
    let (before, began) = (probes(&msp), time(&msp.status()["now"]));
    msp.run("apply", &["--auto-approve", "--wait=3h"]).ok();
    let tenant = contoso(&msp);
    assert_eq!(condition(&tenant, "ExchangeReady"), "True/Working");
    assert_eq!(condition(&tenant, "ConsentGranted"), "True/Granted");
    assert!(probes(&msp) > before + 3, "asked again and again");
    let took = time(&tenant["lastVerified"]).duration_since(began);
    assert!(took < SignedDuration::from_hours(2), "{took:#}");
}

#[test]
fn a_tenant_is_verified_by_live_probes_with_time_and_counts_and_only_then_ready() {
    let msp = Msp::new();
    msp.apply().code(3);
    let before = contoso(&msp);
    assert_eq!(condition(&before, "Verified"), "False/Stale");
    assert_eq!((&before["ready"], &before["lastVerified"]), (&json!(false), &Value::Null));
    msp.approve();
    let seen = msp.requests().len();
    msp.apply().ok();
    let client = msp.sink("clientId").unwrap();
    let requests = msp.requests();
    let by_the_app = |path: &str| {
        let own = requests[seen..].iter().filter(|r| r["caller"] == client.as_str() && r["tenant"] == CONTOSO);
        own.filter(|r| r["path"].as_str().unwrap().ends_with(path) && r["status"] == 200).count()
    };
    assert!(by_the_app("/v1.0/users") >= 1, "users are listed by the app itself");
    assert!(by_the_app("/InvokeCommand") >= 1, "Exchange answers the app itself");
    let (status, now) = (msp.status(), "now");
    let tenant = object(&status, "tenants", "contoso");
    assert_eq!(condition(tenant, "Verified"), "True/Passed");
    let all = tenant["conditions"].as_array().unwrap();
    let message = &all.iter().find(|c| c["type"] == "Verified").unwrap()["message"];
    assert_eq!(message, "25 users; 0 distribution groups asked for and answered");
    assert_eq!(tenant["lastVerified"], status[now]);
    assert_eq!(tenant["ready"], true);
    // Granted and not answering is not verified.
    msp.drift("remove-directory-role", json!({"tenant": CUSTOMER, "app": APP, "role": "Exchange Administrator"}));
    let after = contoso(&msp);
    assert_eq!(condition(&after, "Verified"), "False/Failed");
    assert_eq!((&after["ready"], &after["lastVerified"]), (&json!(false), &Value::Null));
}
