//! Plans and standings made by hand, for the tests of the renderers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::engine::conditions::{self, Condition};
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::plan::{Cost, Plan, PlannedWait};
use crate::engine::step::{Action, Change, Class, Wait, Who};
use crate::engine::value::{StepId, Val};
use crate::pass::{Looked, Standing};

pub const LINK: &str =
    "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/3f2a";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn cost() -> Cost {
    Cost { http: 12, tokens: 1, reads: 31, writes: 0, resource_units: 40 }
}

pub fn change(address: &str, class: Class, action: Action, before: Value, after: Value) -> Change {
    Change {
        address: address.into(),
        class,
        action,
        before,
        after,
        volatile: &["endsAt"],
        sensitive: vec![],
        origin: String::new(),
        reason: String::new(),
    }
}

pub fn acceptance(link: Option<Val>, since: Option<Timestamp>) -> PlannedWait {
    PlannedWait {
        address: "Tenant/contoso".into(),
        wait: Wait {
            condition: "GdapActive",
            reason: "AwaitingCustomerApproval",
            who: Who::Customer,
            link,
            since,
            deadline: Some(at("2027-02-21T10:00:00Z")),
            address: "Tenant/contoso".into(),
            what: "A Global Administrator of contoso.com accepts the relationship NW-contoso-standard.".into(),
        },
        then: vec!["Tenant/contoso:consent/rallied".into(), "Tenant/contoso:exchange/rallied".into()],
    }
}

/// Nothing is there yet: creates, and a customer who will have to accept.
pub fn first() -> Plan {
    let mut app = change(
        "PartnerApp/rallied:application",
        Class::Application,
        Action::Create,
        Value::Null,
        json!({"displayName": "Northwind – Rallied Integration", "audience": "AzureADMultipleOrgs",
               "permissions": [{"resource": "MicrosoftGraph", "application": ["Group.ReadWrite.All", "User.ReadWrite.All"]}]}),
    );
    app.origin = "permissions from profile rallied v1".into();
    app.reason = "no application carries our mark".into();
    let mut secret = change(
        "PartnerApp/rallied:credential/production",
        Class::CredentialRotation,
        Action::Create,
        Value::Null,
        json!({"lifetime": "730d", "endsAt": null, "writeTo": "Secret rallied-credentials", "clientSecret": "canary"}),
    );
    secret.sensitive = vec!["clientSecret".into()];
    let relationship = change(
        "GdapRelationship/contoso",
        Class::Relationship,
        Action::Create,
        Value::Null,
        json!({"name": "NW-contoso-standard", "duration": "730d", "autoExtend": true,
               "roles": ["Cloud Application Administrator", "Privileged Role Administrator"]}),
    );
    let mut consent = change(
        "Tenant/contoso:consent/rallied",
        Class::Consent,
        Action::Create,
        Value::Null,
        json!({"granted": ["Group.ReadWrite.All", "User.ReadWrite.All"]}),
    );
    consent.reason = "the customer has not consented".into();
    let exchange = change(
        "Tenant/contoso:exchange/rallied",
        Class::DirectoryRole,
        Action::Create,
        Value::Null,
        json!({"role": "Exchange Administrator"}),
    );
    let made = StepId::new("GdapRelationship/contoso", "create");
    Plan {
        changes: vec![relationship, app, secret],
        behind: vec![consent, exchange],
        waits: vec![acceptance(Some(Val::out(&made, "/id")), None)],
        notes: vec!["AdminAgents has 2 members that are left alone: Ada, Grace".into()],
        unchanged: 3,
        ..Plan::default()
    }
}

/// What the sandbox's `drift` did, found again.
pub fn drifted() -> Plan {
    let mut grant = change(
        "Tenant/contoso:consent/rallied",
        Class::Consent,
        Action::Update,
        json!({"granted": ["Directory.Read.All", "User.ReadWrite.All"]}),
        json!({"granted": ["Directory.Read.All", "Group.ReadWrite.All", "User.ReadWrite.All"]}),
    );
    grant.reason = "a grant was removed".into();
    let uri = change(
        "PartnerApp/rallied:application/redirects",
        Class::Application,
        Action::Delete,
        json!({"redirectUris": ["https://evil.example/\u{1b}[2J"]}),
        Value::Null,
    );
    let member = change(
        "GdapTemplate/standard:group/security-reader",
        Class::GroupMembership,
        Action::Update,
        json!({"members": []}),
        json!({"members": ["svc-tenantry@northwind.example"]}),
    );
    Plan { changes: vec![member, uri, grant], unchanged: 40, ..Plan::default() }
}

/// A wrong secret, and a warning.
pub fn wrong() -> Plan {
    let place = Place { file: "msp/partner.yaml".into(), line: 7 };
    let mut refused = Diagnostic::error("Partner/northwind", "the managing app cannot sign in: its secret is wrong")
        .code("AADSTS7000215")
        .detail("Invalid client secret provided.")
        .remedy("Put the value of the secret, not its id, into tenantry-manager/clientSecret.")
        .at(Some(&place));
    refused.request_id = Some("6f1d2c1e-0000-4000-8000-000000000001".into());
    let warning = Diagnostic::warning("PartnerApp/rallied", "the display name is generic");
    Plan { diagnostics: vec![refused, warning], ..Plan::default() }
}

fn standing(address: &str, conditions: Vec<Condition>, facts: Value) -> Standing {
    const NAMES: [&str; 7] = ["tenantId", "domain", "relationship", "links", "appId", "displayName", "apps"];
    let facts: BTreeMap<&'static str, Value> =
        NAMES.into_iter().filter_map(|name| Some((name, facts.get(name)?.clone()))).collect();
    Standing { address: address.into(), conditions, facts }
}

/// With `Ready` and `Synced`, as a pass would have it.
fn finished(domain: Vec<Condition>) -> Vec<Condition> {
    conditions::finish(domain, &conditions::Standing::default())
}

fn partner() -> Standing {
    let conditions = vec![
        Condition::yes("AppOnlyReady", "Ready", "the managing app signs in by itself"),
        Condition::yes("DelegatedReady", "Ready", "the service account signs in through it"),
    ];
    standing("Partner/northwind", finished(conditions), json!({"tenantId": "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10"}))
}

fn app() -> Standing {
    let conditions = vec![
        Condition::yes("AppRegistered", "Registered", "registered with 6 permissions"),
        Condition::unknown("SecretValid", "the server answered 503"),
        Condition::no("Connected", "AwaitingHandover", "the secret has to be pasted at the vendor"),
    ];
    standing("PartnerApp/rallied", finished(conditions), json!({"appId": "7e57ab1e-0000-4000-8000-000000000002"}))
}

/// Applied once; the customer has not accepted yet.
pub fn waiting() -> Looked {
    let conditions = vec![
        Condition::no("GdapActive", "AwaitingCustomerApproval", "the customer has not accepted"),
        Condition::no("ConsentGranted", "Pending", "comes after GDAP"),
        Condition::no("ExchangeReady", "Pending", "comes after consent"),
    ];
    let facts = json!({"tenantId": "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", "domain": "contoso.com",
                       "links": {"gdapApproval": LINK}});
    let since = at("2026-11-23T10:00:00Z");
    Looked {
        plan: Plan { waits: vec![acceptance(Some(Val::text(LINK)), Some(since))], unchanged: 12, ..first_behind() },
        objects: vec![partner(), app(), standing("Tenant/contoso", finished(conditions), facts)],
        cost: cost(),
        now: at("2026-11-23T13:00:00Z"),
    }
}

fn first_behind() -> Plan {
    Plan { changes: vec![], notes: vec![], ..first() }
}

/// Everything works.
pub fn ready() -> Looked {
    let conditions = vec![
        Condition::yes("GdapActive", "Active", "until 2028-11-22"),
        Condition::yes("ConsentGranted", "Granted", "6 of 6"),
        Condition::yes("ExchangeReady", "Working", "Exchange answered"),
    ];
    let facts = json!({"tenantId": "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", "domain": "contoso.com",
                       "displayName": "Contoso", "apps": [{"name": "rallied", "granted": 6, "wanted": 6}],
                       "relationship": {"name": "NW-contoso-standard", "endsAt": "2028-11-22T10:00:00Z"}});
    Looked {
        plan: Plan { unchanged: 24, ..Plan::default() },
        objects: vec![partner(), standing("Tenant/contoso", finished(conditions), facts)],
        cost: cost(),
        now: at("2026-11-23T13:00:00Z"),
    }
}
