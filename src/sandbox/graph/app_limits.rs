//! What bounds applications and principals: app management policies, and how many objects one principal may make.
use jiff::{Span, Timestamp};
use serde_json::Value;

use super::Ctx;
use super::app_policies::DEFAULT_MANAGEMENT;
use super::credentials::Holder;
use super::errors::Failure;
use super::sets;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Certificate, Props, Tenant};

/// A restriction that is in force for an object, and the policy that says so.
struct Rule {
    policy: String,
    max_lifetime: Option<i64>,
}

/// Graph: addPassword under an app management policy.
pub fn check_password(ctx: &Ctx, holder: &Holder, span: Option<(Timestamp, Timestamp)>) -> Result<(), Failure> {
    if let Some(rule) = rule(ctx, holder, "passwordCredentials", "passwordAddition")? {
        let text = format!("Credential type not allowed as per assigned policy '{}'.", rule.policy);
        return Err(Failure::new(400, "CredentialTypeNotAllowedAsPerAppPolicy", text));
    }
    let lifetime = rule(ctx, holder, "passwordCredentials", "passwordLifetime")?;
    span.map_or(Ok(()), |(start, end)| check_lifetime(lifetime.as_ref(), start, end))
}

/// As [`check_password`], for certificates that come new.
pub fn check_certificates(ctx: &Ctx, holder: &Holder, new: &[Certificate]) -> Result<(), Failure> {
    let lifetime = rule(ctx, holder, "keyCredentials", "asymmetricKeyLifetime")?;
    new.iter().try_for_each(|c| check_lifetime(lifetime.as_ref(), c.start, c.end))
}

fn check_lifetime(rule: Option<&Rule>, start: Timestamp, end: Timestamp) -> Result<(), Failure> {
    match rule {
        Some(Rule { policy, max_lifetime: Some(max) }) if end.as_second() - start.as_second() > *max => {
            let text = format!("Credential lifetime exceeds the max value allowed as per assigned policy '{policy}'.");
            Err(Failure::new(400, "CredentialInvalidLifetimeAsPerAppPolicy", text))
        }
        _ => Ok(()),
    }
}

/// The restriction of a kind for an object: of the policy that is linked to it, else of the tenant's default.
fn rule(ctx: &Ctx, holder: &Holder, list: &str, kind: &str) -> Result<Option<Rule>, Failure> {
    let found = |restrictions: &Value| {
        restrictions.get(list)?.as_array()?.iter().find(|e| e["restrictionType"] == *kind).cloned()
    };
    in_force(ctx, holder, found)
}

/// Graph: identifierUriConfiguration, `nonDefaultUriAddition`.
pub fn only_own_uris(ctx: &Ctx, holder: &Holder) -> Result<bool, Failure> {
    let found = |restrictions: &Value| {
        let own = restrictions.get("applicationRestrictions").unwrap_or(restrictions);
        own.get("identifierUris")?.get("nonDefaultUriAddition").filter(|r| r.is_object()).cloned()
    };
    in_force(ctx, holder, found).map(|rule| rule.is_some())
}

/// What one of the policies says for an object, if it holds for it.
fn in_force(ctx: &Ctx, holder: &Holder, find: impl Fn(&Value) -> Option<Value>) -> Result<Option<Rule>, Failure> {
    let tenant = ctx.tenant()?;
    let created = tenant.applications.values().find(|a| a.app_id == holder.app_id).map_or(ctx.now, |a| a.created);
    let own = tenant.links.of(&holder.id, "appManagementPolicies").next();
    let own = own.and_then(|id| sets::shelf_item(tenant, "appManagementPolicy", id).map(|i| (id, &i.props)));
    let own = own.filter(|(_, props)| is_enabled(props)).map(|(id, props)| (id, props.get("restrictions")));
    if let Some((id, Some(restrictions))) = own
        && let Some(found) = find(restrictions)
    {
        return Ok(rule_of(&found, id, created));
    }
    let default = sets::items(tenant, &DEFAULT_MANAGEMENT, "defaultAppManagementPolicy").into_iter().next();
    let Some(default) = default.filter(|d| is_enabled(&d.props)) else { return Ok(None) };
    let part = if holder.of == "application" { "applicationRestrictions" } else { "servicePrincipalRestrictions" };
    Ok(default.props.get(part).and_then(find).and_then(|e| rule_of(&e, &default.id, created)))
}

fn is_enabled(props: &Props) -> bool {
    props.get("isEnabled") == Some(&Value::Bool(true))
}

fn rule_of(entry: &Value, policy: &str, created: Timestamp) -> Option<Rule> {
    let after = entry["restrictForAppsCreatedAfterDateTime"].as_str().and_then(|t| t.parse::<Timestamp>().ok());
    if entry["state"] == "disabled" || after.is_some_and(|a| created < a) {
        return None;
    }
    let span = entry["maxLifetime"].as_str().and_then(|t| t.parse::<Span>().ok());
    // A month has no length of its own: it is counted from the day on which the application was made.
    let day = created.to_zoned(jiff::tz::TimeZone::UTC).date();
    let max_lifetime = span.and_then(|s| s.to_duration(day).ok()).map(|d| d.as_secs());
    Some(Rule { policy: policy.to_owned(), max_lifetime })
}

/// Entra: a principal without a directory role may have made 250 objects, those included that can be restored.
pub fn check_quota(ctx: &Ctx) -> Result<(), Failure> {
    if !ctx.caller.wids.is_empty() {
        return Ok(());
    }
    let made = made_by(ctx.tenant()?, &ctx.caller.object);
    if made < ctx.state.limits.objects_of_principal {
        return Ok(());
    }
    let text = "The directory object quota limit for the Principal has been exceeded. Please ask your administrator to increase the quota limit or delete objects to reduce the used quota.";
    Err(Failure::new(403, "Directory_QuotaExceeded", text))
}

fn made_by(tenant: &Tenant, principal: &str) -> usize {
    let binned = tenant.bin.values().filter(|b| matches!(b.object, Gone::Application(_) | Gone::ServicePrincipal(_)));
    let deleted = binned.filter(|b| b.links.get("owners").is_some_and(|o| o.contains(principal)));
    tenant.links.towards("owners", principal).count() + deleted.count()
}
