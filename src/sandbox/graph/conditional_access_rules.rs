//! What the conditional access engine takes for a policy: beyond the types, its parts must agree and exist.
use serde_json::{Map, Value, json};

use super::conditional_access::{malformed, policies, refused};
use super::errors::Failure;
use super::{Ctx, auth_strength, objects, skus};
use crate::sandbox::facts;
use crate::sandbox::ids;
use crate::sandbox::state::{Props, Tenant};

/// Entra: service limits, conditional access policies of a tenant.
const MOST: usize = 195;

fn invalid(what: &str) -> Failure {
    refused(1032, format_args!("ConditionalActionPolicy validation failed due to {what}."))
}

fn texts<'a>(of: Option<&'a Value>, name: &str) -> Vec<&'a str> {
    let list = of.and_then(|o| o.get(name)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a part says nothing at all.
fn is_empty(part: Option<&Value>) -> bool {
    match part {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.iter().filter(|(k, _)| !k.contains('@')).all(|(_, v)| is_empty(Some(v))),
        Some(_) => false,
    }
}

/// Tenants that are named one by one are of a type that must be said: Graph takes them for unknown properties else.
pub fn settle_external_tenants(body: &mut Value) -> Result<(), Failure> {
    for side in ["includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers"] {
        let at = format!("/conditions/users/{side}/externalTenants");
        let Some(tenants) = body.pointer_mut(&at).filter(|t| !t.is_null()) else { continue };
        let kind = tenants.get("membershipKind").and_then(Value::as_str).map(str::to_owned);
        let said = tenants.get("@odata.type").and_then(Value::as_str);
        let name = said.map(|t| t.rsplit('.').next().unwrap_or_default().to_owned());
        let has_members = tenants.get("members").is_some_and(Value::is_array);
        let own = match (name.as_deref(), has_members) {
            (Some("conditionalAccessEnumeratedExternalTenants"), true) => "enumerated",
            (Some("conditionalAccessAllExternalTenants"), false) => "all",
            (None, false) if kind.as_deref() == Some("all") => "all",
            _ => return Err(malformed()),
        };
        if kind.is_some_and(|k| k != own) {
            return Err(malformed());
        }
        if name.is_none() {
            tenants["@odata.type"] = json!("#microsoft.graph.conditionalAccessAllExternalTenants");
        }
    }
    Ok(())
}

/// The whole policy as it would be.
pub fn check(ctx: &Ctx, before: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let tenant = ctx.tenant()?;
    if !skus::has_plan(tenant, skus::P1) {
        return Err(Failure::new(403, "AccessDenied", "Your tenant is not licensed for this feature."));
    }
    if before.is_none() && policies(tenant).count() >= MOST {
        return Err(refused(1037, format_args!("A tenant can have at most {MOST} conditional access policies.")));
    }
    let name = after.get("displayName").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() || name.chars().count() > 256 {
        return Err(invalid("InvalidDisplayName"));
    }
    let conditions = after.get("conditions").and_then(Value::as_object).ok_or_else(malformed)?;
    check_users(ctx, tenant, conditions)?;
    check_applications(ctx, tenant, conditions)?;
    check_other_conditions(tenant, conditions)?;
    check_grant(ctx, after, conditions)?;
    check_session(after, conditions)?;
    check_enabled(tenant, after)
}

fn check_users(ctx: &Ctx, tenant: &Tenant, conditions: &Map<String, Value>) -> Result<(), Failure> {
    let users = conditions.get("users");
    let workload = !is_empty(conditions.get("clientApplications"));
    let includes = ["includeUsers", "includeGroups", "includeRoles", "includeGuestsOrExternalUsers"];
    if includes.iter().all(|name| is_empty(users.and_then(|u| u.get(*name)))) && !workload {
        return Err(invalid("InvalidConditionsUsers"));
    }
    let exists = |id: &str| objects::shown(ctx.state, tenant, &id.to_ascii_lowercase()).map(|(of, _)| of);
    for side in ["include", "exclude"] {
        let own = texts(users, &format!("{side}Users"));
        let legacy = own.contains(&"GuestsOrExternalUsers");
        let guests = users.and_then(|u| u.get(format!("{side}GuestsOrExternalUsers"))).filter(|g| !is_empty(Some(g)));
        if legacy && guests.is_some() {
            return Err(refused(
                1079,
                format_args!("'GuestsOrExternalUsers' cannot be combined with {side}GuestsOrExternalUsers."),
            ));
        }
        let word = |id: &str| id == "GuestsOrExternalUsers" || (side == "include" && ["All", "None"].contains(&id));
        if own.iter().any(|id| !word(id) && exists(id) != Some("user")) {
            return Err(invalid("InvalidUsers"));
        }
        if texts(users, &format!("{side}Groups")).iter().any(|id| exists(id) != Some("group")) {
            return Err(invalid("InvalidGroups"));
        }
        if texts(users, &format!("{side}Roles")).iter().any(|id| !facts::roles().contains_key(*id)) {
            return Err(invalid("InvalidRoles"));
        }
        let members = guests.and_then(|g| g.pointer("/externalTenants"));
        if texts(members, "members").iter().any(|id| !ids::is_guid(id)) {
            return Err(invalid("InvalidExternalTenants"));
        }
        let types = guests.and_then(|g| g.get("guestOrExternalUserTypes")).and_then(Value::as_str);
        if guests.is_some() && types.is_none_or(|t| t.is_empty() || t == "none") {
            return Err(invalid("InvalidGuestOrExternalUserTypes"));
        }
    }
    Ok(())
}

/// Apps that are here, and Microsoft's own.
fn is_app(ctx: &Ctx, tenant: &Tenant, id: &str) -> bool {
    let first_party = || facts::policies().get("firstPartyApps").is_some_and(|l| texts_of(l).any(|a| a == id));
    let low = id.to_ascii_lowercase();
    ids::is_guid(&low)
        && (low.starts_with("0000000")
            || facts::resource(&low).is_some()
            || first_party()
            || tenant.principal_of(&low).is_some()
            || tenant.applications.values().any(|a| a.app_id == low)
            || (ctx.caller.app_id == low))
}

fn texts_of(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn check_applications(ctx: &Ctx, tenant: &Tenant, conditions: &Map<String, Value>) -> Result<(), Failure> {
    let apps = conditions.get("applications");
    let (included, actions) = (texts(apps, "includeApplications"), texts(apps, "includeUserActions"));
    let contexts = texts(apps, "includeAuthenticationContextClassReferences");
    let filter = !is_empty(apps.and_then(|a| a.get("applicationFilter")));
    let kinds = [!included.is_empty() || filter, !actions.is_empty(), !contexts.is_empty()];
    if kinds.iter().filter(|k| **k).count() != 1 {
        return Err(invalid("InvalidConditionsApplications"));
    }
    let word = |id: &str, more: &[&str]| ["Office365", "MicrosoftAdminPortals"].contains(&id) || more.contains(&id);
    let bad = |id: &&str, more: &[&str]| !word(id, more) && !is_app(ctx, tenant, id);
    let excluded = texts(apps, "excludeApplications");
    let unknown = included.iter().find(|id| bad(id, &["All", "None"])).or(excluded.iter().find(|id| bad(id, &[])));
    if let Some(id) = unknown {
        return Err(refused(1011, format_args!("Policy contains invalid applications: {{\"{id}\"}}")));
    }
    let known = ["urn:user:registersecurityinfo", "urn:user:registerdevice"];
    if actions.iter().any(|a| !known.contains(a)) {
        return Err(invalid("InvalidUserActions"));
    }
    let is_context =
        |c: &&str| c.strip_prefix('c').is_some_and(|n| n.parse::<u8>().is_ok_and(|n| (1..=99).contains(&n)));
    if !contexts.iter().all(is_context) {
        return Err(invalid("InvalidAuthenticationContextClassReferences"));
    }
    Ok(())
}

fn check_other_conditions(tenant: &Tenant, conditions: &Map<String, Value>) -> Result<(), Failure> {
    let known = tenant.shelves.get("namedLocations");
    let trusted_ips = "00000000-0000-0000-0000-000000000000";
    let locations = conditions.get("locations");
    for side in ["includeLocations", "excludeLocations"] {
        let good = |id: &&str| {
            ["All", "AllTrusted", trusted_ips].contains(id)
                || known.is_some_and(|s| s.contains_key(&id.to_ascii_lowercase()))
        };
        if !texts(locations, side).iter().all(good) {
            return Err(invalid("InvalidLocations"));
        }
    }
    if !is_empty(locations) && texts(locations, "includeLocations").is_empty() {
        return Err(invalid("InvalidLocations"));
    }
    let platforms = conditions.get("platforms");
    if !is_empty(platforms) && texts(platforms, "includePlatforms").is_empty() {
        return Err(invalid("InvalidPlatforms"));
    }
    let filter = conditions.get("devices").and_then(|d| d.get("deviceFilter")).filter(|f| !f.is_null());
    if filter.is_some_and(|f| f.get("rule").and_then(Value::as_str).is_none_or(str::is_empty)) {
        return Err(invalid("InvalidDeviceFilter"));
    }
    let risks = ["signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels"];
    let risky = risks.iter().any(|r| !is_empty(conditions.get(*r)));
    if risky && !skus::has_plan(tenant, skus::P2) {
        return Err(refused(1039, "Cannot create or update policies with premium P2 features."));
    }
    Ok(())
}

fn check_grant(ctx: &Ctx, after: &Props, conditions: &Map<String, Value>) -> Result<(), Failure> {
    let controls = after.get("grantControls").filter(|c| !c.is_null());
    let strength = controls.and_then(|c| c.pointer("/authenticationStrength/id")).and_then(Value::as_str);
    let built_in = texts(controls, "builtInControls");
    let others = texts(controls, "termsOfUse").len() + texts(controls, "customAuthenticationFactors").len();
    let count = built_in.len() + others + usize::from(strength.is_some());
    if count == 0 {
        return if is_empty(after.get("sessionControls")) { Err(invalid("InvalidControls")) } else { Ok(()) };
    }
    let operator = controls.and_then(|c| c.get("operator")).and_then(Value::as_str);
    if !matches!(operator, Some("AND" | "OR")) {
        return Err(invalid("InvalidGrantControlsOperator"));
    }
    if built_in.contains(&"block") && (count > 1 || !is_empty(after.get("sessionControls"))) {
        return Err(invalid("InvalidBlockControl"));
    }
    if built_in.contains(&"passwordChange") {
        let all = texts(conditions.get("applications"), "includeApplications").contains(&"All");
        let strong = built_in.contains(&"mfa") || strength.is_some();
        if operator != Some("AND") || !strong || !all {
            return Err(invalid("InvalidPasswordResetControl"));
        }
    }
    if let Some(id) = strength {
        if built_in.contains(&"mfa") {
            return Err(invalid("InvalidAuthenticationStrengthControl"));
        }
        if auth_strength::shown(ctx, id).is_none() {
            return Err(invalid("InvalidAuthenticationStrength"));
        }
    }
    Ok(())
}

fn check_session(after: &Props, conditions: &Map<String, Value>) -> Result<(), Failure> {
    let controls = after.get("sessionControls").filter(|c| !c.is_null());
    let of = |name: &str| {
        let control = controls.and_then(|c| c.get(name)).filter(|c| !c.is_null());
        control.filter(|c| c.get("isEnabled") != Some(&Value::Bool(false)))
    };
    if let Some(frequency) = of("signInFrequency") {
        let every_time = frequency.get("frequencyInterval").and_then(Value::as_str) == Some("everyTime");
        let value = frequency.get("value").and_then(Value::as_i64);
        let most = match frequency.get("type").and_then(Value::as_str) {
            Some("hours") => 23,
            Some("days") => 365,
            _ => 0,
        };
        if if every_time { value.is_some() } else { !value.is_some_and(|v| (1..=most).contains(&v)) } {
            return Err(invalid("InvalidSignInFrequencyControl"));
        }
    }
    if let Some(browser) = of("persistentBrowser") {
        let all = texts(conditions.get("applications"), "includeApplications").contains(&"All");
        if !all || browser.get("mode").is_none_or(Value::is_null) {
            return Err(invalid("InvalidPersistentBrowserControl"));
        }
    }
    if of("cloudAppSecurity").is_some_and(|c| c.get("cloudAppSecurityType").is_none_or(Value::is_null)) {
        return Err(invalid("InvalidCloudAppSecurityControl"));
    }
    Ok(())
}

/// Security defaults and enabled policies exclude each other.
fn check_enabled(tenant: &Tenant, after: &Props) -> Result<(), Failure> {
    let defaults = super::policies::security_defaults(tenant);
    if defaults && after.get("state").and_then(Value::as_str) == Some("enabled") {
        return Err(refused(
            1124,
            "Security Defaults is enabled in the tenant. You must disable Security defaults before enabling a Conditional Access policy.",
        ));
    }
    Ok(())
}
