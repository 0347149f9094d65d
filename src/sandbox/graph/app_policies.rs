//! Graph: the policies that applications and principals are linked to, and those about their credentials and consent.
use serde_json::{Value, json};

use super::access::APPS;
use super::errors::Failure;
use super::nav::{self, Nav, Source};
use super::routes::{Key, Routes};
use super::sets::{self, Set};
use super::{Ctx, objects};
use crate::sandbox::facts::{
    APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR,
};
use crate::sandbox::ids;
use crate::sandbox::state::{Props, State, Tenant};

pub static NAVS: &[Nav] = &[
    Nav::many("tokenLifetimePolicy", "appliesTo", "directoryObject", Source::Made(applies_to)),
    Nav::many("tokenIssuancePolicy", "appliesTo", "directoryObject", Source::Made(applies_to)),
    Nav::many("claimsMappingPolicy", "appliesTo", "directoryObject", Source::Made(applies_to)),
    Nav::many("homeRealmDiscoveryPolicy", "appliesTo", "directoryObject", Source::Made(applies_to)),
    Nav::many("appManagementPolicy", "appliesTo", "directoryObject", Source::Made(applies_to)),
];

/// The links by which objects have policies.
const LINKS: [&str; 5] = [
    "tokenLifetimePolicies",
    "tokenIssuancePolicies",
    "claimsMappingPolicies",
    "homeRealmDiscoveryPolicies",
    "appManagementPolicies",
];

const fn sts(of: &'static str, path: &'static str, one: &'static str, many: &'static str) -> Set {
    Set {
        required: &["definition", "displayName"],
        fixed: &["id", "deletedDateTime"],
        check: check_definition,
        is_directory: true,
        ..Set::new(of, path, one, many)
    }
}

static LIFETIMES: Set =
    sts("tokenLifetimePolicy", "/policies/tokenLifetimePolicies", "token-lifetime-policy", "token-lifetime-policies");
static ISSUANCES: Set =
    sts("tokenIssuancePolicy", "/policies/tokenIssuancePolicies", "token-issuance-policy", "token-issuance-policies");
static CLAIMS: Set =
    sts("claimsMappingPolicy", "/policies/claimsMappingPolicies", "claims-mapping-policy", "claims-mapping-policies");
static REALMS: Set = sts(
    "homeRealmDiscoveryPolicy",
    "/policies/homeRealmDiscoveryPolicies",
    "home-realm-discovery-policy",
    "home-realm-discovery-policies",
);
static TIMEOUTS: Set = sts(
    "activityBasedTimeoutPolicy",
    "/policies/activityBasedTimeoutPolicies",
    "activity-timeout-policy",
    "activity-timeout-policies",
);

static MANAGEMENT: Set = Set {
    required: &["displayName"],
    fixed: &["id", "deletedDateTime"],
    is_directory: true,
    check: check_custom,
    ..Set::new(
        "appManagementPolicy",
        "/policies/appManagementPolicies",
        "app-management-policy",
        "app-management-policies",
    )
};

/// What holds for applications without a policy of their own.
pub static DEFAULT_MANAGEMENT: Set = Set {
    fixed: &["id", "deletedDateTime"],
    built_in: default_management,
    check: check_default,
    ..Set::new(
        "tenantAppManagementPolicy",
        "/policies/defaultAppManagementPolicy",
        "default-app-management-policy",
        "default-app-management-policies",
    )
};

static GRANTS: Set = Set {
    required: &["id", "displayName"],
    fixed: &["deletedDateTime"],
    once: &["id"],
    is_directory: true,
    built_in: built_in_grants,
    check: check_grant,
    ..Set::new(
        "permissionGrantPolicy",
        "/policies/permissionGrantPolicies",
        "permission-grant-policy",
        "permission-grant-policies",
    )
};

static INCLUDES: Set = Set {
    owner: Some("permissionGrantPolicy"),
    fill: fill_conditions,
    check: check_conditions,
    ..Set::new(
        "permissionGrantConditionSet",
        "/policies/permissionGrantPolicies/{key}/includes",
        "grant-include",
        "grant-includes",
    )
};

static EXCLUDES: Set = Set {
    owner: Some("permissionGrantPolicy"),
    fill: fill_conditions,
    check: check_conditions,
    ..Set::new(
        "permissionGrantConditionSet",
        "/policies/permissionGrantPolicies/{key}/excludes",
        "grant-exclude",
        "grant-excludes",
    )
};

const CONSENTERS: &[&str] =
    &[PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR];

pub fn routes(to: &mut Routes) {
    for set in [&LIFETIMES, &ISSUANCES, &CLAIMS, &REALMS, &TIMEOUTS, &MANAGEMENT] {
        to.set(set, &[], APPS);
    }
    for nav in NAVS {
        let path = [&LIFETIMES, &ISSUANCES, &CLAIMS, &REALMS, &MANAGEMENT].into_iter().find(|s| s.of == nav.of);
        if let Some(set) = path {
            nav::routes(to, set.path, nav.of);
        }
    }
    to.singleton("PATCH", &DEFAULT_MANAGEMENT, &[], APPS);
    to.set(&GRANTS, &[], CONSENTERS);
    to.set(&INCLUDES, &[], CONSENTERS);
    to.set(&EXCLUDES, &[], CONSENTERS);
}

fn applies_to(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let those = LINKS.iter().flat_map(|link| tenant.links.towards(link, id));
    those.filter_map(|source| objects::object(state, tenant, source)).collect()
}

fn invalid(property: &str) -> Failure {
    Failure::bad(format!("Property {property} has an invalid value."))
}

/// Graph: stsPolicy. A definition is one text of JSON.
fn check_definition(_: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let texts = after.get("definition").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let good =
        |t: &Value| t.as_str().and_then(|t| serde_json::from_str::<Value>(t).ok()).is_some_and(|v| v.is_object());
    if texts.len() == 1 && good(&texts[0]) { Ok(()) } else { Err(invalid("definition")) }
}

fn check_custom(_: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    after.get("restrictions").map_or(Ok(()), check_restrictions)
}

fn check_default(_: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let parts = ["applicationRestrictions", "servicePrincipalRestrictions"];
    parts.iter().filter_map(|p| after.get(*p)).try_for_each(check_restrictions)
}

/// A lifetime is bounded by a length, an addition is not.
fn check_restrictions(restrictions: &Value) -> Result<(), Failure> {
    for list in ["passwordCredentials", "keyCredentials"] {
        for entry in restrictions[list].as_array().into_iter().flatten() {
            let is_lifetime = entry["restrictionType"].as_str().is_some_and(|t| t.ends_with("Lifetime"));
            if is_lifetime != entry["maxLifetime"].is_string() {
                return Err(invalid("maxLifetime"));
            }
        }
    }
    Ok(())
}

fn props(value: Value) -> Props {
    match value {
        Value::Object(map) => map,
        _ => Props::new(),
    }
}

fn default_management(_: &Tenant) -> Vec<Props> {
    let none = json!({ "passwordCredentials": [], "keyCredentials": [] });
    vec![props(json!({
        "id": "00000000-0000-0000-0000-000000000000", "displayName": "Default app management tenant policy",
        "isEnabled": false, "applicationRestrictions": none, "servicePrincipalRestrictions": none,
    }))]
}

/// Entra: the policies about consent that every tenant has.
const BUILT_IN_GRANTS: [(&str, &str); 8] = [
    ("microsoft-all-application-permissions", "All application permissions, for any client app"),
    ("microsoft-all-application-permissions-verified", "All application permissions, for apps of verified publishers"),
    ("microsoft-application-admin", "Application administrators"),
    ("microsoft-company-admin", "Company administrators"),
    ("microsoft-dynamically-managed-permissions-for-chat", "Permissions for chats"),
    ("microsoft-dynamically-managed-permissions-for-team", "Permissions for teams"),
    ("microsoft-user-default-legacy", "Default user permissions, legacy"),
    ("microsoft-user-default-low", "Default user permissions, low risk"),
];

fn built_in_grants(_: &Tenant) -> Vec<Props> {
    BUILT_IN_GRANTS.iter().map(|(id, name)| props(json!({ "id": id, "displayName": name }))).collect()
}

fn is_built_in(id: &str) -> bool {
    id.starts_with("microsoft-")
}

/// Entra: names beginning with `microsoft-` are Microsoft's own.
fn check_grant(ctx: &Ctx, before: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let named = ctx.key(0).text();
    let id =
        if before.is_some() { named.as_str() } else { after.get("id").and_then(Value::as_str).unwrap_or_default() };
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !plain || id.len() > 64 {
        return Err(Failure::bad("Invalid value specified for property 'id' of resource 'PermissionGrantPolicy'."));
    }
    if is_built_in(id) {
        return Err(built_in(id));
    }
    let taken = ctx.tenant()?.shelves.get("permissionGrantPolicies").is_some_and(|s| s.contains_key(id));
    if before.is_none() && taken {
        let text = format!("Another object with the same value for property id already exists: '{id}'.");
        return Err(Failure::new(409, "Request_MultipleObjectsWithSameKeyValue", text));
    }
    Ok(())
}

fn built_in(id: &str) -> Failure {
    Failure::new(403, "Authorization_RequestDenied", format!("The built-in policy '{id}' cannot be changed."))
}

/// The id of a policy by its key, built-in ones included.
pub fn find_grant_policy(tenant: &Tenant, key: &Key) -> Result<String, Failure> {
    let id = key.text().to_ascii_lowercase();
    let known = sets::items(tenant, &GRANTS, "permissionGrantPolicies").into_iter().any(|i| i.id == id);
    if known { Ok(id) } else { Err(Failure::not_found(&key.text())) }
}

fn check_conditions(ctx: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let policy = ctx.found("permissionGrantPolicy", 0)?;
    if is_built_in(&policy) {
        return Err(built_in(&policy));
    }
    let is_named = |id: &str| id == "any" || ids::is_guid(id);
    let resource = after.get("resourceApplication").and_then(Value::as_str);
    if resource.is_some_and(|r| !is_named(r)) {
        return Err(Failure::bad(
            "Invalid value specified for property 'resourceApplication' of resource 'PermissionGrantConditionSet'.",
        ));
    }
    Ok(())
}

/// Graph: permissionGrantConditionSet. What a condition does not say holds for all.
fn fill_conditions(_: &Ctx, body: &mut Props) {
    let usual = json!({
        "permissionClassification": "all", "permissionType": "delegated", "resourceApplication": "any",
        "permissions": ["all"], "clientApplicationIds": ["all"], "clientApplicationTenantIds": ["all"],
        "clientApplicationPublisherIds": ["all"], "clientApplicationsFromVerifiedPublisherOnly": false,
    });
    for (k, v) in props(usual) {
        if body.get(&k).is_none_or(Value::is_null) {
            body.insert(k, v);
        }
    }
}
