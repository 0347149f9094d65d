use serde_json::{Value, json};

use super::*;
use crate::sandbox::state::Props;

const PARTNER: &str = "11111111-1111-4111-8111-111111111111";
const OTHER: &str = "22222222-2222-4222-8222-222222222222";

fn decided(users: Value, rest: Value, grant: Value, attempt: &Attempt) -> Verdict {
    let mut conditions = json!({ "users": users, "applications": { "includeApplications": ["All"] } });
    for (name, value) in rest.as_object().unwrap() {
        conditions[name] = value.clone();
    }
    let policy = json!({ "state": "enabled", "displayName": "p", "conditions": conditions, "grantControls": grant });
    let policy: Props = policy.as_object().unwrap().clone();
    decide(std::iter::once(("id", &policy)), attempt).0
}

fn block() -> Value {
    json!({ "operator": "OR", "builtInControls": ["block"] })
}

fn member<'a>(groups: &'a [String]) -> Attempt<'a> {
    Attempt {
        subject: "anna",
        groups,
        roles: vec!["role".to_owned()],
        resource: "graph",
        client: "app",
        ..Attempt::default()
    }
}

fn technician<'a>() -> Attempt<'a> {
    Attempt {
        subject: "tech",
        external: Some(("serviceProvider", PARTNER)),
        resource: "graph",
        client: "app",
        ..Attempt::default()
    }
}

#[test]
fn users_are_meant_by_id_group_role_or_all_together_unless_they_are_excluded() {
    let groups = ["g1".to_owned()];
    for (users, verdict) in [
        (json!({ "includeUsers": ["All"] }), Verdict::Blocked),
        (json!({ "includeUsers": ["anna"] }), Verdict::Blocked),
        (json!({ "includeUsers": ["bert"] }), Verdict::Allowed),
        (json!({ "includeGroups": ["g1"] }), Verdict::Blocked),
        (json!({ "includeRoles": ["role"] }), Verdict::Blocked),
        (json!({ "includeUsers": ["All"], "excludeUsers": ["anna"] }), Verdict::Allowed),
        (json!({ "includeUsers": ["All"], "excludeGroups": ["g1"] }), Verdict::Allowed),
        (json!({ "includeUsers": ["All"], "excludeRoles": ["role"] }), Verdict::Allowed),
        (json!({ "includeUsers": ["GuestsOrExternalUsers"] }), Verdict::Allowed),
        (json!({ "includeUsers": ["None"] }), Verdict::Allowed),
    ] {
        assert_eq!(decided(users.clone(), json!({}), block(), &member(&groups)), verdict, "{users}");
    }
}

#[test]
fn users_of_a_service_provider_are_foreign_and_excluded_by_their_tenant() {
    let exclude = |kinds: &str, tenants: Value| json!({ "includeUsers": ["All"], "excludeGuestsOrExternalUsers": { "guestOrExternalUserTypes": kinds, "externalTenants": tenants } });
    let only = |id: &str| json!({ "membershipKind": "enumerated", "members": [id] });
    for (users, verdict) in [
        (json!({ "includeUsers": ["All"] }), Verdict::Blocked),
        (json!({ "includeUsers": ["GuestsOrExternalUsers"] }), Verdict::Blocked),
        (exclude("serviceProvider", json!({ "membershipKind": "all" })), Verdict::Allowed),
        (exclude("internalGuest, serviceProvider", only(PARTNER)), Verdict::Allowed),
        (exclude("serviceProvider", only(OTHER)), Verdict::Blocked),
        (exclude("b2bCollaborationGuest", json!({ "membershipKind": "all" })), Verdict::Blocked),
        (json!({ "includeUsers": ["All"], "excludeGroups": ["g1"] }), Verdict::Blocked),
    ] {
        assert_eq!(decided(users.clone(), json!({}), block(), &technician()), verdict, "{users}");
    }
}

#[test]
fn what_a_policy_cannot_know_is_no_reason_to_apply() {
    let all = json!({ "includeUsers": ["All"] });
    for (rest, verdict) in [
        (json!({ "applications": { "includeApplications": ["graph"] } }), Verdict::Blocked),
        (json!({ "applications": { "includeApplications": ["other"] } }), Verdict::Allowed),
        (
            json!({ "applications": { "includeApplications": ["All"], "excludeApplications": ["graph"] } }),
            Verdict::Allowed,
        ),
        (json!({ "signInRiskLevels": ["high"] }), Verdict::Allowed),
        (json!({ "locations": { "includeLocations": ["All"], "excludeLocations": ["AllTrusted"] } }), Verdict::Blocked),
        (json!({ "locations": { "includeLocations": ["b"] } }), Verdict::Allowed),
        (json!({ "clientAppTypes": ["exchangeActiveSync", "other"] }), Verdict::Allowed),
        (json!({ "clientAppTypes": ["all"] }), Verdict::Blocked),
        (json!({ "authenticationFlows": { "transferMethods": "deviceCodeFlow" } }), Verdict::Allowed),
    ] {
        assert_eq!(decided(all.clone(), rest.clone(), block(), &member(&[])), verdict, "{rest}");
    }
    let device = Attempt { device_code: true, ..member(&[]) };
    let flow = json!({ "authenticationFlows": { "transferMethods": "deviceCodeFlow,authenticationTransfer" } });
    assert_eq!(decided(all, flow, block(), &device), Verdict::Blocked);
}

#[test]
fn controls_are_all_needed_or_one_of_them() {
    let all = json!({ "includeUsers": ["All"] });
    let strong = Attempt { mfa: true, ..member(&[]) };
    for (grant, weak, with) in [
        (json!({ "operator": "OR", "builtInControls": ["mfa"] }), Verdict::NeedsMfa, Verdict::Allowed),
        (
            json!({ "operator": "OR", "builtInControls": ["compliantDevice", "mfa"] }),
            Verdict::NeedsMfa,
            Verdict::Allowed,
        ),
        (
            json!({ "operator": "AND", "builtInControls": ["mfa", "compliantDevice"] }),
            Verdict::NeedsMfa,
            Verdict::NeedsDevice,
        ),
        (
            json!({ "operator": "OR", "builtInControls": [], "authenticationStrength": { "id": "s" } }),
            Verdict::NeedsMfa,
            Verdict::Allowed,
        ),
        (Value::Null, Verdict::Allowed, Verdict::Allowed),
    ] {
        assert_eq!(decided(all.clone(), json!({}), grant.clone(), &member(&[])), weak, "{grant}");
        assert_eq!(decided(all.clone(), json!({}), grant.clone(), &strong), with, "{grant}");
    }
}

#[test]
fn a_policy_that_only_reports_blocks_nobody() {
    let policy = json!({ "state": "enabledForReportingButNotEnforced", "conditions": { "users": { "includeUsers": ["All"] }, "applications": { "includeApplications": ["All"] } }, "grantControls": block() });
    let policy = policy.as_object().unwrap();
    assert_eq!(decide(std::iter::once(("id", policy)), &member(&[])), (Verdict::Allowed, Vec::new()));
}

#[test]
fn workloads_are_blocked_by_policies_that_name_them() {
    let app = Attempt { subject: "sp", workload: true, resource: "graph", client: "app", ..Attempt::default() };
    let rest = |name: &str| json!({ "clientApplications": { "includeServicePrincipals": [name] } });
    let nobody = json!({ "includeUsers": ["None"] });
    assert_eq!(decided(nobody.clone(), rest("sp"), block(), &app), Verdict::Blocked);
    assert_eq!(decided(nobody.clone(), rest("ServicePrincipalsInMyTenant"), block(), &app), Verdict::Blocked);
    assert_eq!(decided(nobody, rest("other"), block(), &app), Verdict::Allowed);
    assert_eq!(decided(json!({ "includeUsers": ["All"] }), json!({}), block(), &app), Verdict::Allowed);
}
