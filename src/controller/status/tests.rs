use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn saying(conditions: Vec<Condition>, facts: Facts) -> Saying<'static> {
    Saying { kind: Kind::Tenant, generation: 3, conditions, facts, requested: None, now: NOW }
}

fn waiting() -> Vec<Condition> {
    vec![
        Condition::no("Ready", "AwaitingCustomerApproval", "the customer has to accept"),
        Condition::yes("Synced", "Synced", ""),
        Condition::no("GdapActive", "AwaitingCustomerApproval", "the customer has to accept"),
    ]
}

fn later(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

#[test]
fn since_when_moves_only_with_the_status_of_a_condition() {
    let first = saying(waiting(), Facts::new()).status(&Value::Null);
    let mut next = saying(waiting(), Facts::new());
    next.now = later(60);
    next.conditions[0] = Condition::no("Ready", "Activating", "Microsoft is at work");
    let second = next.status(&first);
    assert_eq!(second["conditions"][0]["lastTransitionTime"], first["conditions"][0]["lastTransitionTime"]);
    let mut ready = saying(vec![Condition::yes("Ready", "Ready", "")], Facts::new());
    ready.now = later(90);
    assert_eq!(ready.status(&second)["conditions"][0]["lastTransitionTime"], json!(later(90)));
    assert_eq!(second["observedGeneration"], 3);
}

#[test]
fn facts_are_those_of_the_kind_and_the_rest_is_left_out() {
    let facts = Facts::from([
        ("waitsFor", json!("Customer")),
        ("domain", json!("contoso.com")),
        (
            "waits",
            json!([{"on": "person", "who": "Customer", "condition": "GdapActive", "reason": "AwaitingCustomerApproval",
            "since": null, "deadline": null, "link": "https://x", "what": "accept", "then": ["Tenant/contoso:foothold"]}]),
        ),
    ]);
    let status = saying(waiting(), facts).status(&Value::Null);
    assert_eq!(status["waitsFor"], "Customer");
    assert!(status.get("domain").is_none(), "the spec says it already");
    assert_eq!(status["waits"][0]["link"], "https://x");
    assert!(status["waits"][0].get("since").is_none());
}

#[test]
fn what_was_only_verified_again_is_not_worth_a_write_before_a_day_has_passed() {
    let facts = |at: i64, users: &str| {
        let facts = Facts::from([
            ("lastVerified", json!(later(at))),
            ("exchange", json!({"way": "Role", "lastProbe": later(at)})),
        ]);
        let mut saying = saying(vec![Condition::yes("Verified", "Passed", users)], facts);
        saying.now = later(at);
        saying
    };
    let old = facts(0, "25 users").status(&Value::Null);
    let new = facts(3600, "26 users").status(&old);
    assert!(same(&old, &new) && !is_due(&old, &new, 0.5));
    let tomorrow = facts(86_400, "26 users").status(&old);
    assert!(same(&old, &tomorrow) && is_due(&old, &tomorrow, 0.5));
    let worse = saying(vec![Condition::no("Verified", "Failed", "no")], Facts::new()).status(&old);
    assert!(!same(&old, &worse));
    assert_eq!(worse["lastVerified"], old["lastVerified"], "it is still the last time");
}

#[test]
fn a_wait_for_a_person_is_neither_work_nor_an_end() {
    assert_eq!(abnormal(&waiting(), false, 5), None);
}

#[test]
fn what_only_another_declaration_ends_is_stalled_with_the_reason_of_ready() {
    let conditions = vec![Condition::no("Ready", "ReferenceNotFound", "TenantClass/x is not declared")];
    let stalled = abnormal(&conditions, false, 0).unwrap();
    assert_eq!((stalled.kind, stalled.reason), ("Stalled", "ReferenceNotFound"));
    assert_eq!(stalled.message, "TenantClass/x is not declared");
}

#[test]
fn a_permanent_domain_condition_stalls_too() {
    let conditions = vec![
        Condition::no("Ready", "NameNotUnique", "taken"),
        Condition::yes("Synced", "Synced", ""),
        Condition::no("GdapActive", "NameNotUnique", "taken"),
    ];
    assert_eq!(abnormal(&conditions, false, 0).map(|c| c.kind), Some("Stalled"));
}

#[test]
fn what_could_not_be_read_is_tried_again_and_says_so() {
    let conditions = vec![Condition::new("Ready", Status::Unknown, "Unreadable", "the server answered 503")];
    let again = abnormal(&conditions, false, 3).unwrap();
    assert_eq!((again.kind, again.reason), ("Reconciling", "ProgressingWithRetry"));
}

#[test]
fn an_object_that_was_not_looked_at_has_no_blank_column() {
    let all = unknown(Kind::Tenant, "Unreadable", "its class is not there");
    let types: Vec<&str> = all.iter().map(|c| c.kind).collect();
    assert_eq!(types, ["GdapActive", "ConsentGranted", "ExchangeReady", "ConditionalAccessCompatible"]);
    assert!(all.iter().all(|c| c.status == Status::Unknown));
}
