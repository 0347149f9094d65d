//! The main job, as a new user does it: one customer from nothing to Ready.

use crate::support::msp::{Msp, addresses, condition, object};

const FABRIKAM: &str = "1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22";

#[test]
fn the_first_apply_ends_at_the_customers_click_and_says_where_it_is() {
    let msp = Msp::new();
    let run = msp.apply();
    run.code(3);
    let table: Vec<&str> = run.stdout.lines().filter(|l| l.starts_with("contoso")).collect();
    assert_eq!(table.len(), 1, "{run}");
    assert!(table[0].contains("AwaitingCustomerApproval") && table[0].contains("Customer"), "{run}");
    let link = "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/";
    assert!(run.stdout.contains(link), "{run}");
    assert!(run.stdout.contains("Customer must act for Tenant/contoso"), "{run}");
}

#[test]
fn after_the_click_one_apply_reaches_ready_and_the_next_plan_is_empty() {
    let msp = Msp::onboarded();
    let status = msp.status();
    assert_eq!(object(&status, "tenants", "contoso")["ready"], true);
    assert_eq!(object(&status, "partners", "northwind")["ready"], true);
    let before = msp.writes();
    let run = msp.run("plan", &["--detailed-exitcode", "-o", "json"]);
    let plan = run.ok().json();
    assert_eq!(plan["changes"], serde_json::json!([]));
    assert_eq!(plan["waits"], serde_json::json!([]));
    assert_eq!(plan["cost"]["writes"], 0);
    assert_eq!(msp.writes(), before);
}

#[test]
fn a_converged_tenant_costs_three_requests_and_three_tokens_beyond_the_partners_own() {
    let msp = Msp::onboarded();
    let seen = msp.requests().len();
    let cost = msp.plan()["cost"].clone();
    let new = &msp.requests()[seen..];
    let partner = "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10";
    let of_partner = |tokens: bool| {
        let mine = new.iter().filter(|r| r["tenant"] == partner && r["batch"].is_null());
        mine.filter(|r| (r["token"] == true) == tokens).count() as u64
    };
    let http = cost["http"].as_u64().unwrap() - of_partner(false);
    let tokens = cost["tokens"].as_u64().unwrap() - of_partner(true);
    assert!(http <= 3 && tokens <= 3, "{http} requests, {tokens} tokens: {cost}");
    assert_eq!(cost["writes"], 0);
    let customer = "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11";
    let reads = new.iter().filter(|r| r["tenant"] == customer && r["token"] == false).count();
    assert!(reads <= 12, "{reads} reads in the customer tenant");
}

#[test]
fn onboarding_one_tenant_takes_at_most_fifteen_requests_beyond_the_partners_own() {
    let customer =
        format!("customers:\n  - {{ tenantId: {FABRIKAM}, displayName: Fabrikam, domain: fabrikam.com, users: 5 }}\n");
    let msp = Msp::new().with(".sandbox/world.yaml", "customers:\n", &customer);
    let tenants = msp.dir.read("examples/first/tenants.yaml");
    let (class, tenant) = tenants.rsplit_once("---\n").unwrap();
    // The partner's side first: nobody is a customer yet, but the roles that customers will need are known.
    msp.onboard();
    let own = msp.plan()["cost"]["http"].as_u64().unwrap() - 3;
    let second = tenant.replace("contoso", "fabrikam").replace("9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", FABRIKAM);
    msp.dir.write("examples/first/tenants.yaml", format!("{class}---\n{tenant}\n---\n{second}"));
    let http = |run: crate::support::cmd::Run| run.json()["cost"]["http"].as_u64().unwrap();
    let before = http(msp.run("apply", &["--auto-approve", "-o", "json"]));
    msp.approve();
    let after = http(msp.run("apply", &["--auto-approve", "-o", "json"]));
    let (contoso, partner) = (2 * 3, 2 * own);
    assert!(before + after - contoso - partner <= 15, "{before} + {after}, of them {contoso} and {partner}");
    assert_eq!(object(&msp.status(), "tenants", "fabrikam")["ready"], true);
}

#[test]
fn a_plan_before_the_click_shows_what_follows_it_and_its_hash_covers_that() {
    let msp = Msp::new();
    let plan = msp.plan();
    let waits = plan["waits"].as_array().unwrap();
    assert_eq!(waits.len(), 1, "{plan:#}");
    let then: Vec<&str> = waits[0]["then"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    assert!(then.contains(&"Tenant/contoso:foothold"), "{then:?}");
    assert!(then.contains(&"Tenant/contoso:consent/rallied"), "{then:?}");
    assert!(then.contains(&"Tenant/contoso:exchangeRole/rallied"), "{then:?}");
    assert_eq!(plan["summary"]["waiting"], then.len());
    assert!(!addresses(&plan).iter().any(|a| then.contains(a)), "what waits is not among the changes");
    // Only what stands behind the wait differs, and the hash differs with it.
    let other = Msp::new().with("app.yaml", "  displayName:", "  operations: [UserLifecycle]\n  displayName:");
    let without_exchange = other.plan();
    assert!(!without_exchange["waits"][0]["then"].to_string().contains("exchangeRole"));
    assert_ne!(plan["hash"], without_exchange["hash"]);
    assert_eq!(plan["hash"], Msp::new().plan()["hash"], "the same inputs and world give the same hash");
}

#[test]
fn apply_refuses_to_ask_where_nobody_can_answer_and_writes_nothing() {
    let msp = Msp::new();
    let run = msp.run("apply", &[]);
    run.code(1);
    assert!(run.stderr.contains("--auto-approve"), "{run}");
    assert_eq!(msp.writes(), 0);
}

#[test]
fn apply_with_wait_goes_through_to_ready_in_seconds_of_real_time() {
    let msp = Msp::new().with(
        ".sandbox/world.yaml",
        "partner:\n",
        "lag: { exchangeRole: 45m, accessAssignment: 2m }\npartner:\n",
    );
    msp.apply().code(3);
    msp.approve();
    msp.run("apply", &["--auto-approve", "--wait=3h"]).ok();
    let status = msp.status();
    assert_eq!(condition(object(&status, "tenants", "contoso"), "ExchangeReady"), "True/Working");
}

#[test]
fn a_wait_is_no_failure_where_waiting_is_allowed() {
    let msp = Msp::new();
    msp.run("apply", &["--auto-approve", "--allow-waiting"]).ok();
}

#[test]
fn a_consent_that_takes_minutes_to_show_is_waited_for_and_not_asked_for_twice() {
    let world = "lag: { consent: 2m }\npartner:\n";
    let msp = Msp::new().with(".sandbox/world.yaml", "partner:\n", world);
    msp.apply().code(3);
    msp.approve();
    msp.run("apply", &["--auto-approve", "--wait"]).ok();
    assert_eq!(object(&msp.status(), "tenants", "contoso")["ready"], true);
    let consents = msp.requests();
    let consents = consents.iter().filter(|r| r["path"].as_str().unwrap().ends_with("applicationconsents"));
    assert_eq!(consents.count(), 1);
}
