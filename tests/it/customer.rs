//! Customer tenants: consent and the Exchange role, each in its own tenant, by GDAP or by a person, and who may do it.

use serde_json::{Value, json};

use crate::support::msp::{APP, CUSTOMER, MARK, Msp, addresses, change, condition, object, wait};

const CONTOSO: &str = "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11";
const NEEDS: &str = "      from: Needs\n";

fn tenant(msp: &Msp, name: &str) -> Value {
    // With an error, the status is told and the exit code is 1.
    let status = msp.run("status", &["-o", "json"]).json();
    object(&status, "tenants", name).clone()
}

/// The relationship has these roles and no other.
fn with_roles(msp: Msp, roles: &str) -> Msp {
    msp.with("gdap.yaml", NEEDS, &format!("      from: Roles\n      roles: [{roles}]\n"))
}

fn of_rallied(msp: &Msp, domain: &str, list: &str) -> Vec<Value> {
    msp.world_of(domain, list).into_iter().filter(|one| one["principal"] == MARK || one["app"] == MARK).collect()
}

fn writes_in(msp: &Msp, tenant: &str) -> usize {
    msp.requests().iter().filter(|r| r["write"] == true && r["tenant"] == tenant).count()
}

// Each tenant for itself

#[test]
fn a_grant_in_one_tenant_changes_nothing_in_another() {
    let msp = Msp::new().with_fabrikam();
    msp.apply().code(3);
    msp.dir.run(["sandbox", "approve", "NW-contoso-standard"]).ok();
    msp.apply().code(3);
    let (contoso, fabrikam) = (tenant(&msp, "contoso"), tenant(&msp, "fabrikam"));
    assert_eq!(
        (condition(&contoso, "ConsentGranted"), condition(&contoso, "ExchangeReady")),
        ("True/Granted".into(), "True/Working".into())
    );
    assert_eq!(
        (condition(&fabrikam, "ConsentGranted"), condition(&fabrikam, "ExchangeReady")),
        ("False/Pending".into(), "False/Pending".into())
    );
    assert_eq!((&contoso["ready"], &fabrikam["ready"]), (&json!(true), &json!(false)));
    for list in ["servicePrincipals", "appRoleAssignments", "roleAssignments"] {
        assert!(!of_rallied(&msp, CUSTOMER, list).is_empty(), "{list}");
        assert_eq!(of_rallied(&msp, "fabrikam.com", list), [] as [Value; 0], "{list}");
    }
    // And what is taken away in one is not taken away in the other.
    msp.approve();
    msp.apply().ok();
    msp.drift("remove-grant", json!({"tenant": CUSTOMER, "app": APP, "permission": "Group.ReadWrite.All"}));
    assert_eq!(condition(&tenant(&msp, "contoso"), "ConsentGranted"), "False/PartiallyGranted");
    assert_eq!(condition(&tenant(&msp, "fabrikam"), "ConsentGranted"), "True/Granted");
    assert_eq!(addresses(&msp.plan()), ["Tenant/contoso:consent/rallied"]);
}

#[test]
fn the_fleet_table_has_a_row_for_each_tenant_with_its_badges_and_who_acts_next() {
    let msp = Msp::new().with_fabrikam();
    msp.apply().code(3);
    msp.dir.run(["sandbox", "approve", "NW-contoso-standard"]).ok();
    msp.apply().code(3);
    let run = msp.run("status", &[]);
    let cells = |row: &str| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let head = run.stdout.lines().find(|l| l.starts_with("NAME")).unwrap_or_else(|| panic!("no table: {run}"));
    let head = cells(head);
    let row = |name: &str| {
        let rows: Vec<&str> = run.stdout.lines().filter(|l| l.starts_with(name)).collect();
        assert_eq!(rows.len(), 1, "{run}");
        let cells = cells(rows[0]);
        let of = |column: &str| cells[head.iter().position(|h| h == column).expect(column)].clone();
        ["GDAP", "CONSENT", "EXCHANGE", "READY", "WAITS-FOR"].map(of)
    };
    assert_eq!(row("contoso"), ["Active", "Granted", "Working", "True", "-"]);
    assert_eq!(row("fabrikam"), ["AwaitingCustomerApproval", "Pending", "Pending", "False", "Customer"]);
    // `kubectl get tenants` has the same columns.
    let crds = msp.dir.run(["crds"]);
    let of_tenants = crds.ok().stdout.split("---").find(|d| d.contains("plural: tenants\n")).unwrap().to_owned();
    for column in ["Gdap", "Consent", "Exchange", "Ready"] {
        assert!(of_tenants.contains(&format!("name: {column}\n")), "no column {column}");
    }
}

// Who may act

#[test]
fn by_gdap_with_privileged_role_administrator_or_with_global_administrator_and_the_plan_says_so() {
    let accepted = |msp: Msp| {
        msp.apply().code(3);
        msp.approve();
        let plan = msp.plan();
        let reason = |what: &str| {
            change(&plan, &format!("Tenant/contoso:{what}/rallied"))["reason"].as_str().unwrap().to_owned()
        };
        let reasons = [reason("consent"), reason("exchangeRole")];
        msp.apply().ok();
        assert_eq!(tenant(&msp, "contoso")["ready"], true);
        reasons
    };
    for reason in accepted(Msp::new()) {
        assert!(reason.contains("by the service account through GDAP, as "), "{reason}");
        assert!(reason.contains("Privileged Role Administrator"), "{reason}");
    }
    let global =
        with_roles(Msp::new(), "Global Administrator").with("gdap.yaml", "autoExtend: true", "autoExtend: false");
    for reason in accepted(global) {
        assert!(reason.ends_with("by the service account through GDAP, as Global Administrator"), "{reason}");
    }
}

#[test]
fn a_template_with_application_administrators_only_is_not_enough_to_consent_and_nothing_is_asked_of_the_customer() {
    for role in ["Cloud Application Administrator", "Application Administrator"] {
        let msp = with_roles(Msp::new(), role);
        let run = msp.run("plan", &["-o", "json"]);
        run.code(1);
        let plan = run.json();
        let told = plan["diagnostics"].as_array().unwrap().iter().find(|d| d["severity"] == "error").unwrap();
        assert_eq!((&told["code"], &told["address"]), (&json!("RolesMissing"), &json!("Tenant/contoso")));
        assert!(told["summary"].as_str().unwrap().contains("an app role of Microsoft Graph"), "names the rung: {told}");
        assert!(
            told["detail"].as_str().unwrap().contains("Privileged Role Administrator or Global Administrator"),
            "{told}"
        );
        let contoso = tenant(&msp, "contoso");
        assert_eq!(condition(&contoso, "ConsentGranted"), "False/InsufficientConsentRole");
        let all = contoso["conditions"].as_array().unwrap();
        let message = all.iter().find(|c| c["type"] == "ConsentGranted").unwrap()["message"].as_str().unwrap();
        assert!(message.contains("needs Privileged Role Administrator or Global Administrator"), "{message}");
        msp.apply().code(1);
        assert_eq!(msp.world()["relationships"], json!([]), "the customer is not asked for what would not do");
        assert_eq!(writes_in(&msp, CONTOSO), 0);
    }
}

#[test]
fn a_relationship_with_cloud_application_administrator_only_is_not_enough_to_consent() {
    // Somebody made the relationship by hand, with one role.
    let msp = Msp::new().with_portal();
    let backend = json!({"appId": "2832473f-ec63-45fb-976f-5d45a7d4bb91"});
    msp.portal("POST", "/servicePrincipals", &backend);
    let path = "/tenantRelationships/delegatedAdminRelationships";
    let made = msp.portal(
        "POST",
        path,
        &json!({
            "displayName": "NW-contoso-standard", "duration": "P730D", "customer": {"tenantId": CONTOSO},
            "accessDetails": {"unifiedRoles": [{"roleDefinitionId": "158c047a-c907-4556-b7ef-446551a6b5f7"}]},
        }),
    );
    let requests = format!("{path}/{}/requests", made["id"].as_str().unwrap());
    msp.portal("POST", &requests, &json!({"action": "lockForApproval"}));
    msp.approve();
    msp.apply().code(1);
    let contoso = tenant(&msp, "contoso");
    assert_eq!(condition(&contoso, "GdapActive"), "False/RolesMissing");
    assert_eq!(condition(&contoso, "ConsentGranted"), "False/InsufficientConsentRole");
    assert_eq!(of_rallied(&msp, CUSTOMER, "appRoleAssignments"), [] as [Value; 0]);
}

#[test]
fn without_privileged_role_administrator_the_exchange_role_is_left_to_the_customer_with_link_and_path() {
    let exchange_only = "  operations: [ExchangeMailboxes]\n  displayName:";
    let msp =
        with_roles(Msp::new(), "Cloud Application Administrator").with("app.yaml", "  displayName:", exchange_only);
    msp.apply().code(3);
    msp.approve();
    let run = msp.apply();
    run.code(3);
    let plan = msp.plan();
    let warning = &plan["diagnostics"][0];
    assert_eq!((&warning["severity"], &warning["code"]), (&json!("warning"), &json!("RolesMissing")));
    assert!(warning["summary"].as_str().unwrap().contains("a directory role on a principal"), "{warning}");
    let told = wait(&plan, "ExchangeReady");
    assert_eq!((&told["reason"], &told["who"]), (&json!("Pending"), &json!("Customer")));
    let link = told["link"].as_str().unwrap();
    assert!(link.starts_with(&format!("https://entra.microsoft.com/{CONTOSO}/")) && link.contains("Roles"), "{link}");
    let client = msp.sink("clientId").unwrap();
    let path = "Identity → Roles & admins → Exchange Administrator → Add assignment";
    for part in [path, APP, &client, "Privileged Role Administrator"] {
        assert!(told["message"].as_str().unwrap().contains(part), "no {part} in {told}");
    }
    assert!(run.stdout.contains(link), "{run}");
    let contoso = tenant(&msp, "contoso");
    assert_eq!(condition(&contoso, "ExchangeReady"), "False/Pending");
    assert_eq!(condition(&contoso, "ConsentGranted"), "True/Granted", "what can be done is done");
    assert!(
        !msp.requests().iter().any(|r| r["write"] == true && r["path"].as_str().unwrap().contains("roleAssignments"))
    );
}

// Consent

#[test]
fn a_tenant_whose_consent_is_missing_is_pending_and_shows_the_link_to_consent() {
    let msp = Msp::new();
    msp.apply().code(3);
    let contoso = tenant(&msp, "contoso");
    assert_eq!(condition(&contoso, "ConsentGranted"), "False/Pending");
    let client = msp.sink("clientId").unwrap();
    let link = format!("https://login.microsoftonline.com/{CONTOSO}/adminconsent?client_id={client}");
    assert_eq!(contoso["links"]["adminConsent"], link.as_str());
    assert_eq!(contoso["apps"][0]["adminConsent"], link.as_str());
    msp.approve();
    msp.apply().ok();
    assert_eq!(tenant(&msp, "contoso")["links"]["adminConsent"], Value::Null, "nobody needs it any more");
}

#[test]
fn with_a_sufficient_role_consent_is_granted_without_any_click() {
    let msp = Msp::onboarded();
    assert_eq!(of_rallied(&msp, CUSTOMER, "appRoleAssignments").len(), 6);
    for permission in ["User.ReadWrite.All", "Exchange.ManageAsApp"] {
        msp.drift("remove-grant", json!({"tenant": CUSTOMER, "app": APP, "permission": permission}));
    }
    assert_ne!(condition(&tenant(&msp, "contoso"), "ConsentGranted"), "True/Granted");
    let plan = msp.plan();
    assert_eq!(addresses(&plan), ["Tenant/contoso:consent/rallied"]);
    assert_eq!(plan["waits"], json!([]), "no person is waited for");
    msp.apply().ok();
    assert_eq!(condition(&tenant(&msp, "contoso"), "ConsentGranted"), "True/Granted");
    assert_eq!(of_rallied(&msp, CUSTOMER, "appRoleAssignments").len(), 6);
}

#[test]
fn the_permissions_of_the_dialog_are_shown_beforehand() {
    // Microsoft's dialog shows what the registration asks for.
    let msp = Msp::new().without("AppRoleAssignment.ReadWrite.All");
    let mut shown: Vec<String> = list(&change(&msp.plan(), "PartnerApp/rallied:application")["after"]["permissions"]);
    shown.sort();
    msp.apply().code(3);
    let apps = msp.world_of("northwind.example", "applications");
    let asked = list(&apps.iter().find(|a| a["uniqueName"] == MARK).unwrap()["permissions"]);
    assert_eq!(asked.len(), 6);
    let plan = msp.plan();
    let at_home = wait(&plan, "PartnerConsentGranted")["message"].as_str().unwrap();
    let missing = list(&tenant(&msp, "contoso")["apps"][0]["missing"]);
    for permission in asked {
        let value = permission.rsplit(' ').next().unwrap();
        let names = |all: &[String]| all.iter().filter(|p| p.rsplit('/').next() == Some(value)).count();
        assert_eq!((names(&shown), names(&missing)), (1, 1), "{value}: {shown:?} {missing:?}");
        assert!(at_home.contains(value), "no {value} in: {at_home}");
    }
    assert_eq!((shown.len(), missing.len()), (6, 6));
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

// Exchange

#[test]
fn the_exchange_role_is_assigned_to_the_principal_in_that_tenant() {
    let msp = Msp::onboarded();
    let holds = || of_rallied(&msp, CUSTOMER, "roleAssignments");
    let wanted = [json!({"principal": MARK, "role": "Exchange Administrator"})];
    assert_eq!(holds(), wanted);
    assert_eq!(of_rallied(&msp, "northwind.example", "roleAssignments"), [] as [Value; 0], "not at home");
    msp.drift(
        "remove-directory-role",
        json!({"tenant": CUSTOMER, "app": APP, "role": "29232cdf-9323-42fd-ade2-1d097af3e4de"}),
    );
    assert_eq!(condition(&tenant(&msp, "contoso"), "ExchangeReady"), "False/Pending");
    assert_eq!(addresses(&msp.plan()), ["Tenant/contoso:exchangeRole/rallied"]);
    msp.apply().ok();
    assert_eq!(holds(), wanted);
    assert_eq!(condition(&tenant(&msp, "contoso"), "ExchangeReady"), "True/Working");
}

#[test]
fn an_app_that_works_in_graph_only_needs_no_exchange_and_is_ready_without_it() {
    let graph = "  operations: [UserLifecycle, PasswordReset, SecurityChecks, GroupManagement]\n  displayName:";
    let msp = Msp::new().with("app.yaml", "  displayName:", graph).with(
        ".sandbox/world.yaml",
        "exchange: true",
        "exchange: false",
    );
    msp.onboard();
    let contoso = tenant(&msp, "contoso");
    assert_eq!(condition(&contoso, "ExchangeReady"), "True/NotRequired");
    assert_eq!(condition(&contoso, "Ready"), "True/Ready");
    assert_eq!(of_rallied(&msp, CUSTOMER, "roleAssignments"), [] as [Value; 0]);
    assert!(
        !msp.requests().iter().any(|r| r["path"].as_str().unwrap().ends_with("/InvokeCommand")),
        "Exchange is not asked"
    );
}

// Ended by the customer

#[test]
fn a_customer_who_ended_the_relationship_is_marked_and_not_asked_again() {
    let msp = Msp::onboarded();
    msp.drift("terminate-relationship", json!({"relationship": "NW-contoso-standard"}));
    let contoso = tenant(&msp, "contoso");
    assert_eq!(condition(&contoso, "GdapActive"), "False/TerminatedByCustomer");
    assert_eq!(contoso["ready"], false);
    let writes = msp.writes();
    msp.apply().code(3);
    assert_eq!(msp.writes(), writes);
    let relationships = msp.world()["relationships"].clone();
    assert_eq!(relationships.as_array().unwrap().len(), 1, "no new one: {relationships}");
    assert!(
        msp.run("status", &[]).stdout.lines().any(|l| l.starts_with("contoso") && l.contains("TerminatedByCustomer"))
    );
}
