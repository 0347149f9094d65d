//! A cloud whose manager may also read and write policies, domains and logs, at home and in a customer.
use serde_json::{Value, json};

use super::support::*;
use crate::sandbox::world::WorldFile;

pub const POLICIES: &str = "/v1.0/identity/conditionalAccess/policies";
pub const LOCATIONS: &str = "/v1.0/identity/conditionalAccess/namedLocations";

const PERMISSIONS: [&str; 17] = [
    "Policy.Read.All",
    "Policy.ReadWrite.ConditionalAccess",
    "Policy.ReadWrite.AuthenticationMethod",
    "Policy.ReadWrite.Authorization",
    "Policy.ReadWrite.SecurityDefaults",
    "Policy.ReadWrite.ConsentRequest",
    "Policy.ReadWrite.AuthenticationFlows",
    "Policy.ReadWrite.CrossTenantAccess",
    "Policy.ReadWrite.ExternalIdentities",
    "AuthenticationContext.ReadWrite.All",
    "Policy.Read.ConditionalAccess",
    "Domain.ReadWrite.All",
    "Organization.ReadWrite.All",
    "Organization.Read.All",
    "AuditLog.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "Application.Read.All",
];

/// The manager gets the permissions that these tests need on top of its own.
pub fn widen(world: &mut WorldFile) {
    let all = world.partner.apps[0].application.entry("MicrosoftGraph".to_owned()).or_default();
    for permission in PERMISSIONS {
        if !all.iter().any(|p| p == permission) {
            all.push(permission.to_owned());
        }
    }
}

pub async fn cloud() -> Cloud {
    Cloud::with(widen).await
}

pub const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

/// The manager's user looks into Contoso, as a Security Reader through GDAP.
pub async fn inside(cloud: &Cloud) -> (Gdap, Api<'_>) {
    let made = gdap(cloud, &[CLOUD_APP, SECURITY_READER]).await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    let scope = "Directory.Read.All,AuditLog.Read.All";
    let grants = json!([{ "enterpriseApplicationId": "00000003-0000-0000-c000-000000000000", "scope": scope }]);
    let body = json!({ "applicationId": MANAGER, "displayName": "Tenantry", "applicationGrants": grants });
    pc.post(&format!("/v1/customers/{CONTOSO}/applicationconsents"), body).await.is(201);
    (made, cloud.api(cloud.user_token(CONTOSO, GRAPH).await))
}

/// The least that is a policy.
pub fn policy(name: &str) -> Value {
    json!({
        "displayName": name, "state": "enabledForReportingButNotEnforced",
        "conditions": { "applications": { "includeApplications": ["All"] }, "users": { "includeUsers": ["All"] } },
        "grantControls": { "operator": "OR", "builtInControls": ["mfa"] },
    })
}

/// The same, with one part put elsewhere.
pub fn with(mut policy: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    policy.pointer_mut(parent).unwrap()[name] = value;
    policy
}
