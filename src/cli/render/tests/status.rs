use super::fixtures;
use crate::cli::render::json as documents;
use crate::cli::render::status::{blocks, clicks, document};
use crate::cli::render::table::fleet;
use crate::cli::style::Paint;

#[test]
fn the_table_of_a_fleet_that_waits_has_no_blank_cell() {
    let table = fleet(&fixtures::waiting(), Paint::PLAIN);
    insta::assert_snapshot!(table, @"
    NAME     DOMAIN       GDAP                      CONSENT  EXCHANGE  CA  READY  WAITS-FOR  SINCE  ENDS  AGE
    contoso  contoso.com  AwaitingCustomerApproval  Pending  Pending   -   False  Customer   3h     -     -
    ");
    let cells = |line: &str| line.split_whitespace().count();
    assert!(table.lines().all(|line| cells(line) == 11), "{table}");
}

#[test]
fn the_table_of_a_fleet_that_is_ready() {
    insta::assert_snapshot!(fleet(&fixtures::ready(), Paint::PLAIN), @"
    NAME     DOMAIN       GDAP    CONSENT  EXCHANGE  CA  READY  WAITS-FOR  SINCE  ENDS        AGE
    contoso  contoso.com  Active  Granted  Working   -   True   -          -      2028-11-22  -
    ");
}

#[test]
fn conditions_stand_in_the_phases_of_an_integration() {
    insta::assert_snapshot!(blocks(&fixtures::waiting(), Paint::PLAIN), @"
    Partner tenant
      Partner/northwind  ✔ Ready  ✔ Synced
        ✔ AppOnlyReady    Ready  the managing app signs in by itself
        ✔ DelegatedReady  Ready  the service account signs in through it
      PartnerApp/rallied  ? Ready: Unreadable  ✔ Synced
        ✔ AppRegistered  Registered  registered with 6 permissions
        ? SecretValid    Unreadable  the server answered 503

    Connection
      PartnerApp/rallied
        ✘ Connected  AwaitingHandover  the secret has to be pasted at the vendor

    Customer tenants
      Tenant/contoso  ⏳ Ready: AwaitingCustomerApproval  ✔ Synced
        ⏳ GdapActive      AwaitingCustomerApproval  the customer has not accepted
                          https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/3f2a
        ✘ ConsentGranted  Pending                   comes after GDAP
        ✘ ExchangeReady   Pending                   comes after consent
    ");
}

#[test]
fn conditions_of_a_fleet_that_is_ready() {
    insta::assert_snapshot!(blocks(&fixtures::ready(), Paint::PLAIN), @"
    Partner tenant
      Partner/northwind  ✔ Ready  ✔ Synced
        ✔ AppOnlyReady    Ready  the managing app signs in by itself
        ✔ DelegatedReady  Ready  the service account signs in through it

    Customer tenants
      Tenant/contoso  ✔ Ready  ✔ Synced
        ✔ GdapActive      Active   until 2028-11-22
        ✔ ConsentGranted  Granted  6 of 6
        ✔ ExchangeReady   Working  Exchange answered
    ");
}

#[test]
fn who_must_click_which_link() {
    insta::assert_snapshot!(clicks(&fixtures::waiting().plan.waits, Paint::PLAIN), @"
    Customer must act for Tenant/contoso: A Global Administrator of contoso.com accepts the relationship NW-contoso-standard.
      https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/3f2a
    ");
}

#[test]
fn a_fleet_that_waits_as_json() {
    insta::assert_snapshot!(documents::pretty(&document(&fixtures::waiting())), @r#"
    {
      "tenants": [
        {
          "name": "contoso",
          "tenantId": "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11",
          "ready": false,
          "conditions": [
            {
              "type": "Ready",
              "status": "False",
              "reason": "AwaitingCustomerApproval",
              "message": "the customer has not accepted",
              "lastTransitionTime": null
            },
            {
              "type": "Synced",
              "status": "True",
              "reason": "Synced",
              "message": "everything that can be done has been done and read back",
              "lastTransitionTime": null
            },
            {
              "type": "GdapActive",
              "status": "False",
              "reason": "AwaitingCustomerApproval",
              "message": "the customer has not accepted",
              "lastTransitionTime": "2026-11-23T10:00:00Z"
            },
            {
              "type": "ConsentGranted",
              "status": "False",
              "reason": "Pending",
              "message": "comes after GDAP",
              "lastTransitionTime": null
            },
            {
              "type": "ExchangeReady",
              "status": "False",
              "reason": "Pending",
              "message": "comes after consent",
              "lastTransitionTime": null
            }
          ],
          "links": {
            "adminConsent": null,
            "gdapApproval": "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/3f2a"
          },
          "domain": "contoso.com"
        }
      ],
      "partners": [
        {
          "name": "northwind",
          "tenantId": "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10",
          "ready": true,
          "conditions": [
            {
              "type": "Ready",
              "status": "True",
              "reason": "Ready",
              "message": "all that the declared apps need works",
              "lastTransitionTime": null
            },
            {
              "type": "Synced",
              "status": "True",
              "reason": "Synced",
              "message": "everything that can be done has been done and read back",
              "lastTransitionTime": null
            },
            {
              "type": "AppOnlyReady",
              "status": "True",
              "reason": "Ready",
              "message": "the managing app signs in by itself",
              "lastTransitionTime": null
            },
            {
              "type": "DelegatedReady",
              "status": "True",
              "reason": "Ready",
              "message": "the service account signs in through it",
              "lastTransitionTime": null
            }
          ]
        }
      ],
      "apps": [
        {
          "name": "rallied",
          "ready": false,
          "conditions": [
            {
              "type": "Ready",
              "status": "Unknown",
              "reason": "Unreadable",
              "message": "the server answered 503",
              "lastTransitionTime": null
            },
            {
              "type": "Synced",
              "status": "True",
              "reason": "Synced",
              "message": "everything that can be done has been done and read back",
              "lastTransitionTime": null
            },
            {
              "type": "AppRegistered",
              "status": "True",
              "reason": "Registered",
              "message": "registered with 6 permissions",
              "lastTransitionTime": null
            },
            {
              "type": "SecretValid",
              "status": "Unknown",
              "reason": "Unreadable",
              "message": "the server answered 503",
              "lastTransitionTime": null
            },
            {
              "type": "Connected",
              "status": "False",
              "reason": "AwaitingHandover",
              "message": "the secret has to be pasted at the vendor",
              "lastTransitionTime": null
            }
          ],
          "appId": "7e57ab1e-0000-4000-8000-000000000002"
        }
      ],
      "templates": [],
      "classes": [],
      "relationships": [],
      "now": "2026-11-23T13:00:00Z",
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
fn a_fleet_that_is_ready_as_json() {
    insta::assert_snapshot!(documents::pretty(&document(&fixtures::ready())), @r#"
    {
      "tenants": [
        {
          "name": "contoso",
          "tenantId": "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11",
          "ready": true,
          "conditions": [
            {
              "type": "Ready",
              "status": "True",
              "reason": "Ready",
              "message": "all that the declared apps need works",
              "lastTransitionTime": null
            },
            {
              "type": "Synced",
              "status": "True",
              "reason": "Synced",
              "message": "everything that can be done has been done and read back",
              "lastTransitionTime": null
            },
            {
              "type": "GdapActive",
              "status": "True",
              "reason": "Active",
              "message": "until 2028-11-22",
              "lastTransitionTime": null
            },
            {
              "type": "ConsentGranted",
              "status": "True",
              "reason": "Granted",
              "message": "6 of 6",
              "lastTransitionTime": null
            },
            {
              "type": "ExchangeReady",
              "status": "True",
              "reason": "Working",
              "message": "Exchange answered",
              "lastTransitionTime": null
            }
          ],
          "links": {
            "adminConsent": null,
            "gdapApproval": null
          },
          "apps": [
            {
              "granted": 6,
              "name": "rallied",
              "wanted": 6
            }
          ],
          "displayName": "Contoso",
          "domain": "contoso.com",
          "relationship": {
            "endsAt": "2028-11-22T10:00:00Z",
            "name": "NW-contoso-standard"
          }
        }
      ],
      "partners": [
        {
          "name": "northwind",
          "tenantId": "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10",
          "ready": true,
          "conditions": [
            {
              "type": "Ready",
              "status": "True",
              "reason": "Ready",
              "message": "all that the declared apps need works",
              "lastTransitionTime": null
            },
            {
              "type": "Synced",
              "status": "True",
              "reason": "Synced",
              "message": "everything that can be done has been done and read back",
              "lastTransitionTime": null
            },
            {
              "type": "AppOnlyReady",
              "status": "True",
              "reason": "Ready",
              "message": "the managing app signs in by itself",
              "lastTransitionTime": null
            },
            {
              "type": "DelegatedReady",
              "status": "True",
              "reason": "Ready",
              "message": "the service account signs in through it",
              "lastTransitionTime": null
            }
          ]
        }
      ],
      "apps": [],
      "templates": [],
      "classes": [],
      "relationships": [],
      "now": "2026-11-23T13:00:00Z",
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
