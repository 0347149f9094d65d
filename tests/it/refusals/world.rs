//! What is declared does not fit what Microsoft has.

use serde_json::{Value, json};

use super::{Error, error, printed, refused, refused_by};
use crate::support::msp::{Msp, condition, object};

#[test]
fn a_permission_that_microsoft_does_not_have_is_refused_at_its_line() {
    let added = "  permissions:\n    add:\n      - resource: MicrosoftGraph\n        application:\n          - Reports.Read.All\n          - User.Raed.All\n  displayName:";
    let msp = Msp::new().with("app.yaml", "  displayName:", added);
    let says = "Microsoft Graph has no application permission \"User.Raed.All\"";
    refused(&msp, &[error("UnknownPermission", "app.yaml:17", says, "User.Read.All")]);
}

/// One bad customer stops no other object; nothing of its own is written, at home or in its tenant.
#[track_caller]
fn customer_refused(msp: &Msp, code: &str, place: &str, says: &str, remedy: &str) {
    let document = msp.run("plan", &["-o", "json"]).code(1).json();
    let found = document["diagnostics"].as_array().unwrap();
    assert!(found.iter().any(|d| d["code"] == code && d["summary"].as_str().unwrap().contains(says)), "{document:#}");
    let run = msp.apply();
    for part in [says, remedy, &printed(place)] {
        assert!(run.code(1).stderr.contains(part), "{part:?} is not told: {run}");
    }
    let customers: Vec<Value> = msp
        .requests()
        .into_iter()
        .filter(|r| r["write"] == true)
        .filter(|r| {
            r["path"].to_string().contains("elationship")
                || r["path"].to_string().contains("/customers/")
                || r["tenant"] != PARTNER_ID
        })
        .collect();
    assert_eq!(customers, [json!(null); 0], "something of the customer was written");
    let status = msp.run("status", &["-o", "json"]).json();
    assert_eq!(object(&status, "tenants", "contoso")["ready"], false);
    assert_eq!(object(&status, "apps", "rallied")["ready"], true, "the partner's side is not held up");
    assert_eq!(condition(object(&status, "tenants", "contoso"), "GdapActive"), format!("False/{code}"));
}

const PARTNER_ID: &str = "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10";

#[test]
fn a_domain_that_belongs_to_another_tenant_is_refused() {
    let msp = Msp::new().with("tenants.yaml", "domain: contoso.com", "domain: northwind.example");
    let says = "northwind.example belongs to tenant 5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10";
    customer_refused(&msp, "DomainMismatch", "tenants.yaml:23", says, "Correct spec.tenantId or spec.domain");
}

#[test]
fn a_tenant_id_that_does_not_exist_is_refused() {
    let other = "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b12";
    let msp = Msp::new().with("tenants.yaml", "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", other);
    let says = "contoso.com belongs to tenant 9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11, not to";
    customer_refused(&msp, "DomainMismatch", "tenants.yaml:23", says, "Correct spec.tenantId or spec.domain");
}

#[test]
fn a_domain_that_nobody_has_is_refused() {
    let msp = Msp::new().with("tenants.yaml", "domain: contoso.com", "domain: fabrikam.com");
    let says = "no tenant has the domain fabrikam.com";
    customer_refused(&msp, "DomainMismatch", "tenants.yaml:23", says, "Correct spec.domain");
}

#[test]
fn a_relationship_name_that_another_customer_has_is_refused() {
    let customer = "customers:\n  - { tenantId: 1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22, displayName: Fabrikam, domain: fabrikam.com }\n";
    let msp = Msp::new().with(".sandbox/world.yaml", "customers:\n", customer);
    msp.apply().code(3);
    let msp = msp
        .with("tenants.yaml", "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", "1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22")
        .with("tenants.yaml", "domain: contoso.com", "domain: fabrikam.com");
    let says = "a relationship with another customer is called NW-contoso-standard";
    refused_and_kept(&msp, &[error("NameNotUnique", "tenants.yaml:18", says, "Names stay taken after the end")]);
}

/// As [`refused`], where an earlier apply has stored its secret.
#[track_caller]
fn refused_and_kept(msp: &Msp, wanted: &[Error]) {
    let writes = msp.writes();
    refused_by(wanted, |args| msp.run(args[0], &args[1..]));
    assert_eq!(msp.writes(), writes, "something was written");
}
