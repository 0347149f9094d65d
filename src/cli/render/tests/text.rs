use super::fixtures;
use crate::cli::render::text::{plan as changes, verdict};
use crate::cli::render::{diagnostics, json};
use crate::cli::style::Paint;
use crate::engine::plan::Plan;

fn told(plan: &Plan, paint: Paint) -> String {
    format!("{}{}", changes(plan, paint), verdict(plan, &fixtures::cost(), paint))
}

#[test]
fn a_first_plan_shows_what_is_made_and_what_follows_the_customers_click() {
    insta::assert_snapshot!(told(&fixtures::first(), Paint::PLAIN), @"
    GdapRelationship/contoso
      + GdapRelationship/contoso (Relationship)
          + autoExtend: true
          + duration: 730d
          + name: NW-contoso-standard
          + roles:
          +   - Cloud Application Administrator
          +   - Privileged Role Administrator

    PartnerApp/rallied
      + application (Application)
          + audience: AzureADMultipleOrgs
          + displayName: Northwind – Rallied Integration
          + permissions:
          +   - application:
          +       - Group.ReadWrite.All
          +       - User.ReadWrite.All
          +     resource: MicrosoftGraph
          # no application carries our mark; permissions from profile rallied v1
      + credential/production (CredentialRotation)
          + clientSecret: (sensitive)
          + endsAt: (known after apply)
          + lifetime: 730d
          + writeTo: Secret rallied-credentials

    Waits:

      ⏳ Tenant/contoso waits for Customer (GdapActive: AwaitingCustomerApproval)
         A Global Administrator of contoso.com accepts the relationship NW-contoso-standard.
         link      (known after apply)
         deadline  2027-02-21 10:00 UTC
         then
           + Tenant/contoso:consent/rallied  # the customer has not consented
           + Tenant/contoso:exchange/rallied

    Notes:
      AdminAgents has 2 members that are left alone: Ada, Grace

    Plan: 3 to create, 0 to update, 0 to delete; 3 unchanged, 2 behind waits.
    Cost: 12 requests, 1 token, 31 reads, 0 writes, 40 resource units. Hash: 208539ea9d9a
    ");
}

#[test]
fn a_first_plan_as_json_is_the_document_that_scripts_depend_on() {
    insta::assert_snapshot!(json::plan(&fixtures::first(), &fixtures::cost()).to_text(), @r#"
    {
      "format_version": "1.0",
      "tool": "tenantry 0.1.0",
      "complete": true,
      "errored": false,
      "hash": "208539ea9d9aa37108b1983c15b41d9146efc6c869b8c56ba041b6e7d4c68fcd",
      "summary": {
        "create": 3,
        "update": 0,
        "delete": 0,
        "unchanged": 3,
        "waiting": 2
      },
      "changes": [
        {
          "address": "GdapRelationship/contoso",
          "class": "Relationship",
          "actions": [
            "create"
          ],
          "before": null,
          "after": {
            "autoExtend": true,
            "duration": "730d",
            "name": "NW-contoso-standard",
            "roles": [
              "Cloud Application Administrator",
              "Privileged Role Administrator"
            ]
          },
          "sensitive": [],
          "origin": "",
          "reason": "",
          "digest": "5cb9b924266db607e9b6f0904ec7660536efabb030c06c25e6099135c919f58b"
        },
        {
          "address": "PartnerApp/rallied:application",
          "class": "Application",
          "actions": [
            "create"
          ],
          "before": null,
          "after": {
            "audience": "AzureADMultipleOrgs",
            "displayName": "Northwind – Rallied Integration",
            "permissions": [
              {
                "application": [
                  "Group.ReadWrite.All",
                  "User.ReadWrite.All"
                ],
                "resource": "MicrosoftGraph"
              }
            ]
          },
          "sensitive": [],
          "origin": "permissions from profile rallied v1",
          "reason": "no application carries our mark",
          "digest": "b032fdfd078c4544793b543ffff86bb2a79a4e97ef8bd6556ac70ea52f74e30c"
        },
        {
          "address": "PartnerApp/rallied:credential/production",
          "class": "CredentialRotation",
          "actions": [
            "create"
          ],
          "before": null,
          "after": {
            "clientSecret": "(sensitive)",
            "endsAt": null,
            "lifetime": "730d",
            "writeTo": "Secret rallied-credentials"
          },
          "sensitive": [
            "clientSecret"
          ],
          "origin": "",
          "reason": "",
          "digest": "4485db5622b6a6cd177db50d3024faf7d5896b5326f3d568b0fbf028a593b6bc"
        }
      ],
      "drift": [],
      "undeclared": [],
      "waits": [
        {
          "address": "Tenant/contoso",
          "condition": "GdapActive",
          "reason": "AwaitingCustomerApproval",
          "on": "person",
          "who": "Customer",
          "link": null,
          "since": null,
          "deadline": "2027-02-21T10:00:00Z",
          "then": [
            "Tenant/contoso:consent/rallied",
            "Tenant/contoso:exchange/rallied"
          ],
          "message": "A Global Administrator of contoso.com accepts the relationship NW-contoso-standard."
        }
      ],
      "diagnostics": [],
      "cost": {
        "http": 12,
        "tokens": 1,
        "reads": 31,
        "writes": 0,
        "resource_units": 40
      }
    }
    "#);
}

#[test]
fn a_repair_shows_only_what_differs_and_nothing_that_drives_a_terminal() {
    insta::assert_snapshot!(told(&fixtures::drifted(), Paint::PLAIN), @r#"
    GdapTemplate/standard
      ~ group/security-reader (GroupMembership)
          - members: []
          + members:
          +   - svc-tenantry@northwind.example

    PartnerApp/rallied
      - application/redirects (Application)
          - redirectUris:
          -   - "https://evil.example/\u001b[2J"

    Tenant/contoso
      ~ consent/rallied (Consent)
            granted:
              - Directory.Read.All
          +   - Group.ReadWrite.All
              - User.ReadWrite.All
          # a grant was removed

    Plan: 0 to create, 2 to update, 1 to delete; 40 unchanged, 0 behind waits.
    Cost: 12 requests, 1 token, 31 reads, 0 writes, 40 resource units. Hash: 1365ff3eec88
    "#);
}

#[test]
fn a_repair_as_json_has_before_and_after() {
    insta::assert_snapshot!(json::plan(&fixtures::drifted(), &fixtures::cost()).to_text(), @r#"
    {
      "format_version": "1.0",
      "tool": "tenantry 0.1.0",
      "complete": true,
      "errored": false,
      "hash": "1365ff3eec88151312861e716a784a0debe38340608ad9ef20e79abe3d657da6",
      "summary": {
        "create": 0,
        "update": 2,
        "delete": 1,
        "unchanged": 40,
        "waiting": 0
      },
      "changes": [
        {
          "address": "GdapTemplate/standard:group/security-reader",
          "class": "GroupMembership",
          "actions": [
            "update"
          ],
          "before": {
            "members": []
          },
          "after": {
            "members": [
              "svc-tenantry@northwind.example"
            ]
          },
          "sensitive": [],
          "origin": "",
          "reason": "",
          "digest": "4def845b9b87e428c2b5795bd57bcbe27e8ae4781619983a3896cfedc2269e97"
        },
        {
          "address": "PartnerApp/rallied:application/redirects",
          "class": "Application",
          "actions": [
            "delete"
          ],
          "before": {
            "redirectUris": [
              "https://evil.example/\u001b[2J"
            ]
          },
          "after": null,
          "sensitive": [],
          "origin": "",
          "reason": "",
          "digest": "3caf112b68b084728b0b6da18a157ee6c73aad9841cff8a17e3fe4bf94c5ea72"
        },
        {
          "address": "Tenant/contoso:consent/rallied",
          "class": "Consent",
          "actions": [
            "update"
          ],
          "before": {
            "granted": [
              "Directory.Read.All",
              "User.ReadWrite.All"
            ]
          },
          "after": {
            "granted": [
              "Directory.Read.All",
              "Group.ReadWrite.All",
              "User.ReadWrite.All"
            ]
          },
          "sensitive": [],
          "origin": "",
          "reason": "a grant was removed",
          "digest": "1f4401ce3171edb4436c045ced508d852dcadac8921dae6c1ec45a1af7bec322"
        }
      ],
      "drift": [],
      "undeclared": [],
      "waits": [],
      "diagnostics": [],
      "cost": {
        "http": 12,
        "tokens": 1,
        "reads": 31,
        "writes": 0,
        "resource_units": 40
      }
    }
    "#);
}

#[test]
fn differences_that_are_only_observed_stand_apart() {
    let plan = Plan { drift: fixtures::drifted().changes, ..Plan::default() };
    let told = told(&plan, Paint::PLAIN);
    assert!(told.starts_with("Differences that are reported and not repaired"), "{told}");
    assert!(told.contains("Plan: 0 to create, 0 to update, 0 to delete"), "{told}");
}

#[test]
fn colour_marks_what_is_added_and_what_is_removed() {
    let told = told(&fixtures::drifted(), Paint::COLOUR);
    assert!(told.contains("\u{1b}[32m+\u{1b}[0m") && told.contains("\u{1b}[31m-\u{1b}[0m"), "{told}");
}

#[test]
fn errors_name_place_code_remedy_and_request() {
    let plan = fixtures::wrong();
    insta::assert_snapshot!(diagnostics::all(&plan.diagnostics, Paint::PLAIN), @"
    error[AADSTS7000215]: Partner/northwind: the managing app cannot sign in: its secret is wrong
      --> msp/partner.yaml:7
      Invalid client secret provided.
      help: Put the value of the secret, not its id, into tenantry-manager/clientSecret.
      request id: 6f1d2c1e-0000-4000-8000-000000000001

    warning: PartnerApp/rallied: the display name is generic
    ");
    assert_eq!(diagnostics::tally(&plan.diagnostics), "1 error, 1 warning");
    assert!(!told(&plan, Paint::PLAIN).contains("No changes"));
}

#[test]
fn errors_as_json_have_every_field() {
    insta::assert_snapshot!(json::plan(&fixtures::wrong(), &fixtures::cost()).to_text(), @r#"
    {
      "format_version": "1.0",
      "tool": "tenantry 0.1.0",
      "complete": false,
      "errored": true,
      "hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "summary": {
        "create": 0,
        "update": 0,
        "delete": 0,
        "unchanged": 0,
        "waiting": 0
      },
      "changes": [],
      "drift": [],
      "undeclared": [],
      "waits": [],
      "diagnostics": [
        {
          "severity": "error",
          "address": "Partner/northwind",
          "file": "msp/partner.yaml",
          "line": 7,
          "summary": "the managing app cannot sign in: its secret is wrong",
          "detail": "Invalid client secret provided.",
          "code": "AADSTS7000215",
          "remedy": "Put the value of the secret, not its id, into tenantry-manager/clientSecret.",
          "request_id": "6f1d2c1e-0000-4000-8000-000000000001"
        },
        {
          "severity": "warning",
          "address": "PartnerApp/rallied",
          "file": null,
          "line": null,
          "summary": "the display name is generic",
          "detail": "",
          "code": "",
          "remedy": "",
          "request_id": null
        }
      ],
      "cost": {
        "http": 12,
        "tokens": 1,
        "reads": 31,
        "writes": 0,
        "resource_units": 40
      }
    }
    "#);
}

#[test]
fn an_empty_plan_says_so() {
    let plan = Plan { unchanged: 42, ..Plan::default() };
    insta::assert_snapshot!(told(&plan, Paint::PLAIN), @"
    No changes. What is declared is what Microsoft has.
    Cost: 12 requests, 1 token, 31 reads, 0 writes, 40 resource units. Hash: e3b0c44298fc
    ");
}

#[test]
fn an_apply_as_json_has_what_was_made_what_waits_now_and_what_failed() {
    let (plan, after) = (fixtures::first(), fixtures::waiting());
    let made = vec!["GdapRelationship/contoso".to_owned()];
    let failed = fixtures::wrong().diagnostics;
    let document = json::plan(&plan, &after.cost).applied(&made, &after.plan.waits, &failed);
    let document = serde_json::to_value(&document).unwrap();
    assert_eq!(document["applied"], serde_json::json!(["GdapRelationship/contoso"]));
    assert_eq!(document["waits"][0]["link"], fixtures::LINK);
    assert_eq!(document["diagnostics"][0]["code"], "AADSTS7000215");
    assert_eq!((&document["complete"], &document["errored"]), (&false.into(), &true.into()));
    assert_eq!(document["summary"]["create"], 3);
}

#[test]
fn no_renderer_shows_a_secret() {
    let plan = fixtures::first();
    assert!(!told(&plan, Paint::COLOUR).contains("canary"));
    assert!(!json::plan(&plan, &fixtures::cost()).to_text().contains("canary"));
}
