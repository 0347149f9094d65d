//! The world moves behind our back: the plan shows exactly what moved, and apply repairs exactly that.

use serde_json::{Value, json};

use crate::support::msp::{APP, CUSTOMER, Msp, PARTNER, addresses, condition, object};

const RELATIONSHIP: &str = "NW-contoso-standard";
const PRIVILEGED: &str = "GDAP Tenantry – Privileged Role Administrator";
const SERVICE_ACCOUNT: &str = "svc-tenantry@northwind.example";
const MANAGER: &str = "Tenantry Manager";
const GRANT: &str = "POST /servicePrincipals/{id}/appRoleAssignments";

/// After this drift the plan has these changes, and apply makes these writes and no others.
#[track_caller]
fn repaired(kind: &str, what: Value, planned: &[&str], written: &[&str]) {
    let msp = Msp::settled();
    msp.drift(kind, what);
    let plan = msp.plan();
    assert_eq!(addresses(&plan), planned, "{plan:#}");
    assert_eq!(plan["waits"], json!([]));
    assert_eq!(plan["drift"], json!([]), "what we enforce is a change");
    repairs(&msp, written);
}

/// Apply makes these writes and no others, in any order, and the world is as if nothing had moved.
#[track_caller]
fn repairs(msp: &Msp, written: &[&str]) {
    let seen = msp.requests().len();
    msp.apply().ok();
    let mut done = msp.written(seen);
    done.sort();
    let mut wanted = written.to_vec();
    wanted.sort_unstable();
    assert_eq!(done, wanted);
    msp.assert_undisturbed("after the repair");
    assert_eq!(object(&msp.status(), "tenants", "contoso")["ready"], true);
}

#[test]
fn a_grant_that_the_customer_took_back_is_granted_again() {
    let what = json!({"tenant": CUSTOMER, "app": APP, "permission": "User.ReadWrite.All"});
    repaired("remove-grant", what, &["Tenant/contoso:consent/rallied"], &[GRANT]);
}

#[test]
fn a_grant_that_was_taken_back_at_home_is_granted_again() {
    let what = json!({"tenant": PARTNER, "app": APP, "permission": "Exchange.ManageAsApp"});
    repaired("remove-grant", what, &["PartnerApp/rallied:partnerConsent"], &[GRANT]);
}

#[test]
fn a_member_that_was_taken_out_of_our_group_is_put_back() {
    let what = json!({"group": PRIVILEGED, "member": SERVICE_ACCOUNT});
    let planned = "GdapTemplate/standard:members/tenantry/privileged-role-administrator";
    repaired("remove-group-member", what, &[planned], &["POST /groups/{id}/members/$ref"]);
}

#[test]
fn an_access_assignment_that_was_removed_is_made_again() {
    let what = json!({"relationship": RELATIONSHIP, "group": PRIVILEGED});
    let planned = "GdapRelationship/contoso-standard:assignment/tenantry/privileged-role-administrator";
    let written = "POST /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments";
    repaired("remove-access-assignment", what, &[planned], &[written]);
}

#[test]
fn the_exchange_role_that_was_removed_is_assigned_again() {
    let what = json!({"tenant": CUSTOMER, "app": APP, "role": "Exchange Administrator"});
    let written = "POST /roleManagement/directory/roleAssignments";
    repaired("remove-directory-role", what, &["Tenant/contoso:exchangeRole/rallied"], &[written]);
}

#[test]
fn a_redirect_uri_that_nobody_declared_is_removed() {
    let what = json!({"app": APP, "uri": "https://elsewhere.example/callback"});
    repaired("add-redirect-uri", what, &["PartnerApp/rallied:application"], &["PATCH /applications/{id}"]);
}

#[test]
fn an_app_that_was_renamed_gets_its_name_back() {
    let what = json!({"app": APP, "displayName": "Something else"});
    repaired("rename-app", what, &["PartnerApp/rallied:application"], &["PATCH /applications/{id}"]);
}

#[test]
fn a_permission_that_the_registration_lost_is_asked_for_again() {
    let what = json!({"app": APP, "permission": "Group.ReadWrite.All"});
    repaired("remove-app-permission", what, &["PartnerApp/rallied:application"], &["PATCH /applications/{id}"]);
}

#[test]
fn a_foothold_that_the_customer_removed_is_made_again_and_nothing_else_is_sent() {
    let what = json!({"tenant": CUSTOMER, "app": MANAGER});
    let written = "POST /customers/{id}/applicationconsents";
    repaired("remove-delegated-grant", what, &["Tenant/contoso:foothold"], &[written]);
}

#[test]
fn the_managing_apps_principal_that_the_customer_deleted_is_made_again_and_nothing_else_is_sent() {
    let what = json!({"tenant": CUSTOMER, "app": MANAGER});
    let written = "POST /customers/{id}/applicationconsents";
    repaired("delete-service-principal", what, &["Tenant/contoso:foothold"], &[written]);
}

#[test]
fn an_app_that_was_deleted_in_the_customer_tenant_is_consented_anew_with_its_role() {
    let what = json!({"tenant": CUSTOMER, "app": APP});
    let planned =
        ["Tenant/contoso:consent/rallied", "Tenant/contoso:exchangeRole/rallied", "Tenant/contoso:principal/rallied"];
    let role = "POST /roleManagement/directory/roleAssignments";
    let written = ["POST /servicePrincipals", GRANT, GRANT, GRANT, GRANT, GRANT, GRANT, role];
    repaired("delete-service-principal", what, &planned, &written);
}

#[test]
fn an_app_that_was_deleted_at_home_is_consented_anew_and_an_admin_agent_again() {
    let what = json!({"tenant": PARTNER, "app": APP});
    let planned =
        ["PartnerApp/rallied:adminAgents", "PartnerApp/rallied:partnerConsent", "PartnerApp/rallied:principal"];
    let member = "POST /groups/{id}/members/$ref";
    let written = ["POST /servicePrincipals", GRANT, GRANT, GRANT, GRANT, GRANT, GRANT, member];
    repaired("delete-service-principal", what, &planned, &written);
}

/// What several people did on one bad day, with what each of it takes to repair.
fn a_bad_day(msp: &Msp) -> ([&'static str; 6], [&'static str; 6]) {
    msp.drift("remove-grant", json!({"tenant": CUSTOMER, "app": APP, "permission": "Directory.Read.All"}));
    msp.drift("remove-directory-role", json!({"tenant": CUSTOMER, "app": APP, "role": "Exchange Administrator"}));
    msp.drift("remove-access-assignment", json!({"relationship": RELATIONSHIP, "group": PRIVILEGED}));
    msp.drift("remove-group-member", json!({"group": PRIVILEGED, "member": SERVICE_ACCOUNT}));
    msp.drift("add-redirect-uri", json!({"app": APP, "uri": "https://elsewhere.example/callback"}));
    msp.drift("remove-app-permission", json!({"app": APP, "permission": "Group.ReadWrite.All"}));
    msp.drift("remove-grant", json!({"tenant": PARTNER, "app": APP, "permission": "Directory.Read.All"}));
    msp.drift("rename-app", json!({"app": APP, "displayName": "Something else"}));
    let planned = [
        "GdapRelationship/contoso-standard:assignment/tenantry/privileged-role-administrator",
        "GdapTemplate/standard:members/tenantry/privileged-role-administrator",
        "PartnerApp/rallied:application",
        "PartnerApp/rallied:partnerConsent",
        "Tenant/contoso:consent/rallied",
        "Tenant/contoso:exchangeRole/rallied",
    ];
    let written = [
        "POST /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments",
        "POST /groups/{id}/members/$ref",
        "PATCH /applications/{id}",
        GRANT,
        GRANT,
        "POST /roleManagement/directory/roleAssignments",
    ];
    (planned, written)
}

#[test]
fn several_drifts_at_once_are_shown_as_they_are_and_repaired_in_one_apply() {
    let msp = Msp::settled();
    let (planned, written) = a_bad_day(&msp);
    let plan = msp.plan();
    assert_eq!(addresses(&plan), planned, "{plan:#}");
    let run = msp.run("plan", &["--detailed-exitcode"]);
    run.code(2);
    repairs(&msp, &written);
}

#[test]
fn a_relationship_that_the_customer_ended_is_held_and_not_asked_for_again() {
    let msp = Msp::settled();
    msp.drift("terminate-relationship", json!({"relationship": RELATIONSHIP}));
    let seen = msp.requests().len();
    let plan = msp.run("plan", &["-o", "json", "--detailed-exitcode"]).ok().json();
    assert_eq!(plan["changes"], json!([]));
    assert_eq!(plan["waits"].as_array().unwrap().len(), 1, "{plan:#}");
    let wait = &plan["waits"][0];
    let told = ["address", "condition", "reason", "on", "who"].map(|field| wait[field].as_str().unwrap());
    assert_eq!(told, ["Tenant/contoso", "GdapActive", "TerminatedByCustomer", "person", "Partner"]);
    assert!(wait["message"].as_str().unwrap().contains("NW-contoso-standard was ended"), "{wait:#}");
    for _ in 0..2 {
        let run = msp.apply();
        run.code(3);
        assert!(run.stdout.contains("Partner must act for Tenant/contoso: NW-contoso-standard was ended"), "{run}");
    }
    assert_eq!(msp.written(seen), [""; 0]);
    let status = msp.status();
    assert_eq!(condition(object(&status, "tenants", "contoso"), "GdapActive"), "False/TerminatedByCustomer");
    assert_eq!(object(&status, "tenants", "contoso")["ready"], false);
    assert_eq!(object(&status, "apps", "rallied")["ready"], true, "the partner's side is as it was");
}

/// With this in the Partner nothing is written: what differs is reported, and stays.
#[track_caller]
fn reported_only(field: &str, other: &str, reason: &str) {
    let msp = Msp::settled().with("partner.yaml", field, other);
    let seen = msp.requests().len();
    let plan = msp.run("plan", &["-o", "json", "--detailed-exitcode"]).ok().json();
    assert_eq!((&plan["changes"], &plan["drift"]), (&json!([]), &json!([])), "a world as it is declared has no drift");
    let (planned, _) = a_bad_day(&msp);
    let run = msp.run("plan", &["-o", "json", "--detailed-exitcode"]);
    let plan = run.ok().json();
    assert_eq!(plan["changes"], json!([]));
    assert_eq!(plan["waits"], json!([]));
    let drift: Vec<&str> = plan["drift"].as_array().unwrap().iter().map(|d| d["address"].as_str().unwrap()).collect();
    assert_eq!(drift, planned);
    let text = msp.run("plan", &[]);
    for address in planned {
        let (object, rest) = address.split_once(':').unwrap();
        assert!(text.ok().stdout.contains(object) && text.stdout.contains(rest), "{address} is not told: {text}");
    }
    let moved = msp.world();
    msp.apply().ok();
    let done = msp.run("apply", &["--auto-approve", "--wait=1h", "-o", "json"]).ok().json();
    assert_eq!((&done["applied"], done["drift"].as_array().unwrap().len()), (&json!([]), planned.len()));
    assert_eq!(msp.world(), moved);
    // No write verb at all, but for signing in and the envelope of reads.
    let verbs: Vec<String> = msp.requests()[seen..]
        .iter()
        .filter(|r| r["token"] == false && r["method"] != "GET")
        .map(|r| format!("{} {}", r["method"], r["path"]))
        .filter(|call| !call.contains("/$batch") && !call.contains("/InvokeCommand"))
        .collect();
    assert_eq!(verbs, [""; 0]);
    let status = msp.status();
    assert_eq!(condition(object(&status, "apps", "rallied"), "Ready"), reason);
}

#[test]
fn a_partner_that_is_only_observed_is_reported_and_never_written() {
    reported_only("management: Enforce", "management: Observe", "False/Drifted");
}

#[test]
fn a_partner_that_is_suspended_is_reported_and_never_written() {
    reported_only("management: Enforce", "management: Enforce\n  suspend: true", "False/Suspended");
}

#[test]
fn a_new_partner_that_is_only_observed_shows_all_that_is_missing_and_gets_nothing() {
    let msp = Msp::new().with("partner.yaml", "management: Enforce", "management: Observe");
    let plan = msp.run("plan", &["-o", "json", "--detailed-exitcode"]).ok().json();
    assert_eq!(plan["changes"], json!([]));
    let drift: Vec<&str> = plan["drift"].as_array().unwrap().iter().map(|d| d["address"].as_str().unwrap()).collect();
    let enforced = Msp::new().plan();
    let behind = enforced["waits"][0]["then"].as_array().unwrap().iter().map(|a| a.as_str().unwrap());
    let mut made: Vec<&str> = addresses(&enforced).into_iter().chain(behind).collect();
    made.sort_unstable();
    assert_eq!(drift, made, "the same as would be made, now and after the click");
    msp.apply().ok();
    assert_eq!(msp.writes(), 0);
}
