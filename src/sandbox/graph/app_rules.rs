//! What Entra asks of an application's properties, beyond their types.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::applications::taken_identifier;
use super::errors::Failure;
use crate::sandbox::ids;
use crate::sandbox::state::{Props, Tenant};

/// The application that is checked.
pub struct Subject<'a> {
    pub tenant: &'a Tenant,
    pub id: &'a str,
    pub app_id: &'a str,
    /// A policy of the tenant forbids identifier URIs that name neither it nor the application.
    pub only_own_uris: bool,
}

fn invalid(property: &str) -> Failure {
    Failure::bad(format!("Invalid value specified for property '{property}' of resource 'Application'."))
}

fn list<'a>(props: &'a Props, path: &str) -> &'a [Value] {
    let mut parts = path.split('/');
    let first = parts.next().and_then(|p| props.get(p));
    parts.fold(first, |v, p| v.and_then(|v| v.get(p))).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(props: &'a Props, name: &str) -> Option<&'a str> {
    props.get(name).and_then(Value::as_str)
}

fn is_for_consumers(props: &Props) -> bool {
    matches!(text(props, "signInAudience"), Some("AzureADandPersonalMicrosoftAccount" | "PersonalMicrosoftAccount"))
}

/// Checks the properties as they will be.
pub fn check(of: &Subject, before: &Props, after: &Props) -> Result<(), Failure> {
    check_size(after)?;
    check_texts(after)?;
    check_audience(after)?;
    check_redirects(after)?;
    check_required_access(after)?;
    check_permissions(before, after)?;
    check_clients(after)?;
    if list(before, "identifierUris") != list(after, "identifierUris") {
        check_identifiers(of, before, after)?;
    }
    Ok(())
}

/// Entra: an application has about 1,200 entries in all its lists together.
fn check_size(props: &Props) -> Result<(), Failure> {
    fn entries(value: &Value) -> usize {
        match value {
            Value::Array(items) => items.len() + items.iter().map(entries).sum::<usize>(),
            // A role counts once, for however many kinds of members it is.
            Value::Object(map) => map.iter().filter(|(k, _)| *k != "allowedMemberTypes").map(|(_, v)| entries(v)).sum(),
            _ => 0,
        }
    }
    if props.values().map(entries).sum::<usize>() <= 1_200 {
        return Ok(());
    }
    let text =
        "The size of the object has exceeded its limit. Please reduce the number of values and retry your request.";
    Err(Failure::new(403, "Directory_ResourceSizeExceeded", text))
}

/// Entra: validation by supported account types.
fn check_texts(props: &Props) -> Result<(), Failure> {
    if text(props, "displayName").is_none_or(str::is_empty) {
        return Err(invalid("displayName"));
    }
    let name = if is_for_consumers(props) { 90 } else { 120 };
    for (property, most) in [("displayName", name), ("notes", 1024), ("description", 1024)] {
        if text(props, property).is_some_and(|t| t.chars().count() > most) {
            return Err(invalid(property));
        }
    }
    let tags = list(props, "tags");
    if tags.iter().any(|t| t.as_str().is_none_or(|t| t.is_empty() || t.chars().count() > 256)) {
        return Err(invalid("tags"));
    }
    let claims = text(props, "groupMembershipClaims");
    let known = ["None", "SecurityGroup", "ApplicationGroup", "DirectoryRole", "All"];
    if claims.is_some_and(|c| !c.split(',').all(|c| known.contains(&c.trim()))) {
        return Err(invalid("groupMembershipClaims"));
    }
    Ok(())
}

fn check_audience(props: &Props) -> Result<(), Failure> {
    let known =
        ["AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"];
    if text(props, "signInAudience").is_some_and(|a| !known.contains(&a)) {
        return Err(invalid("signInAudience"));
    }
    let version = props.get("api").and_then(|a| a.get("requestedAccessTokenVersion")).and_then(Value::as_i64);
    if version.is_some_and(|v| ![1, 2].contains(&v)) {
        return Err(invalid("requestedAccessTokenVersion"));
    }
    // Personal accounts have tokens of version 2 only.
    if is_for_consumers(props) && version != Some(2) {
        return Err(Failure::bad("Property api.requestedAccessTokenVersion in the request body is invalid."));
    }
    Ok(())
}

/// What an application for personal accounts is made with when it says nothing.
pub fn fill(props: &mut Props) {
    if !is_for_consumers(props) {
        return;
    }
    let api = props.entry("api").or_insert_with(|| json!({}));
    if api["requestedAccessTokenVersion"].is_null() && api.is_object() {
        api["requestedAccessTokenVersion"] = json!(2);
    }
}

/// Entra: redirect URI restrictions and limitations.
fn check_redirects(props: &Props) -> Result<(), Failure> {
    let kinds = ["web", "spa", "publicClient"];
    let count: usize = kinds.iter().map(|k| list(props, &format!("{k}/redirectUris")).len()).sum();
    if count > if is_for_consumers(props) { 100 } else { 256 } {
        return Err(invalid("redirectUris"));
    }
    for kind in kinds {
        let uris = list(props, &format!("{kind}/redirectUris"));
        let good = |u: &Value| u.as_str().is_some_and(|u| is_redirect(u, kind != "publicClient"));
        if !uris.iter().all(good) || has_duplicates(uris.iter().filter_map(Value::as_str)) {
            return Err(invalid(&format!("{kind}.redirectUris")));
        }
    }
    Ok(())
}

fn is_redirect(uri: &str, for_web: bool) -> bool {
    if uri.chars().count() > 256 || uri.contains(['#', ' ']) {
        return false;
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let host = rest.trim_start_matches("//").split(['/', ':', '?']).next().unwrap_or_default();
    // Without TLS only the caller's own machine is good enough.
    let plain = scheme.eq_ignore_ascii_case("http");
    let own = ["localhost", "127.0.0.1", "[::1]", "["].contains(&host);
    named && !rest.is_empty() && !(plain && for_web && !own)
}

fn has_duplicates<'a>(items: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    items.into_iter().any(|i| !seen.insert(i.to_ascii_lowercase()))
}

fn check_required_access(props: &Props) -> Result<(), Failure> {
    let all = list(props, "requiredResourceAccess");
    let consumers = is_for_consumers(props);
    let of = |e: &Value| e["resourceAccess"].as_array().map_or(0, Vec::len);
    let total: usize = all.iter().map(of).sum();
    let too_many = all.len() > 50 || total > if consumers { 200 } else { 400 };
    if too_many || (consumers && all.iter().any(|e| of(e) > 30)) {
        return Err(invalid("requiredResourceAccess"));
    }
    for entry in all {
        if entry["resourceAppId"].as_str().is_none_or(|id| !ids::is_guid(id)) {
            return Err(invalid("requiredResourceAccess"));
        }
        let access = entry["resourceAccess"].as_array().ok_or_else(|| invalid("resourceAccess"))?;
        let good = |a: &Value| {
            matches!(a["type"].as_str(), Some("Role" | "Scope")) && a["id"].as_str().is_some_and(ids::is_guid)
        };
        if !access.iter().all(good) {
            return Err(invalid("resourceAccess"));
        }
    }
    if has_duplicates(all.iter().filter_map(|e| e["resourceAppId"].as_str())) {
        return Err(duplicate());
    }
    Ok(())
}

fn duplicate() -> Failure {
    Failure::new(400, "DuplicateValue", "Request contains a property with duplicate values.")
}

/// App roles and scopes: one id and one value each; what is enabled stays until it is disabled.
fn check_permissions(before: &Props, after: &Props) -> Result<(), Failure> {
    for path in ["appRoles", "api/oauth2PermissionScopes"] {
        let (old, new) = (list(before, path), list(after, path));
        new.iter().try_for_each(|p| check_permission(path, p))?;
        let ids = new.iter().filter_map(|p| p["id"].as_str());
        let values = new.iter().filter_map(|p| p["value"].as_str()).filter(|v| !v.is_empty());
        if has_duplicates(ids) || has_duplicates(values) {
            return Err(duplicate());
        }
        let kept = |p: &&Value| {
            let same = |n: &&Value| n["id"] == p["id"];
            new.iter().find(same).is_some_and(|n| ["value", "type", "allowedMemberTypes"].iter().all(|k| n[k] == p[k]))
        };
        if old.iter().filter(|p| p["isEnabled"] != false).any(|p| !kept(&p)) {
            return Err(Failure::new(
                400,
                "CannotDeleteOrUpdateEnabledEntitlement",
                "Permission (scope or role) cannot be deleted or updated unless disabled first.",
            ));
        }
    }
    Ok(())
}

fn check_permission(path: &str, p: &Value) -> Result<(), Failure> {
    let property = path.rsplit('/').next().unwrap_or(path);
    let filled = |k: &str| p[k].as_str().is_some_and(|t| !t.is_empty());
    let value = p["value"].as_str().unwrap_or_default();
    let bad_value = value.contains(char::is_whitespace) || value.starts_with('.') || value.chars().count() > 250;
    // What is disabled may still be incomplete.
    let unused = p["isEnabled"] == false;
    let complete = if property == "appRoles" {
        let members = p["allowedMemberTypes"].as_array().map_or(&[][..], Vec::as_slice);
        (unused || filled("displayName"))
            && !members.is_empty()
            && members.iter().all(|m| matches!(m.as_str(), Some("User" | "Application")))
    } else {
        (unused || ["value", "adminConsentDisplayName", "adminConsentDescription"].into_iter().all(filled))
            && matches!(p["type"].as_str(), None | Some("User" | "Admin"))
    };
    if bad_value || !complete || p["id"].as_str().is_none_or(|i| !ids::is_guid(i)) {
        return Err(invalid(property));
    }
    Ok(())
}

/// Scopes that are granted in advance are the application's own. Whether the clients exist cannot be told: most are
/// Microsoft's.
fn check_clients(props: &Props) -> Result<(), Failure> {
    let scopes: Vec<&str> = list(props, "api/oauth2PermissionScopes").iter().filter_map(|s| s["id"].as_str()).collect();
    for client in list(props, "api/preAuthorizedApplications") {
        if client["appId"].as_str().is_none_or(|id| !ids::is_guid(id)) {
            return Err(invalid("preAuthorizedApplications"));
        }
        let wanted = client["delegatedPermissionIds"].as_array().map_or(&[][..], Vec::as_slice);
        let own = |id: &Value| id.as_str().is_some_and(|id| scopes.iter().any(|s| s.eq_ignore_ascii_case(id)));
        if let Some(missing) = wanted.iter().find(|id| !own(id)) {
            let text = format!(
                "Property api.preAuthorizedApplications.delegatedPermissionIds references permission {missing} that cannot be found."
            );
            return Err(Failure::new(400, "InvalidPermissionId", text));
        }
    }
    Ok(())
}

/// Entra: identifier URIs are unique in the tenant; a web address is one of its own domains. `api://name` is free
/// unless a policy says otherwise.
fn check_identifiers(of: &Subject, before: &Props, after: &Props) -> Result<(), Failure> {
    let old = list(before, "identifierUris");
    let all = list(after, "identifierUris");
    if all.len() > 50 || has_duplicates(all.iter().filter_map(Value::as_str)) {
        return Err(invalid("identifierUris"));
    }
    if taken_identifier(of.tenant, of.id, after).is_some() {
        return Err(Failure::bad("Another object with the same value for property identifierUris already exists."));
    }
    let api = after.get("api").and_then(|a| a.get("requestedAccessTokenVersion"));
    for uri in all.iter().filter(|u| !old.contains(u)).filter_map(Value::as_str) {
        let Some((scheme, rest)) = uri.split_once(':') else { return Err(invalid("identifierUris")) };
        if uri.chars().count() > 255 || uri.contains(['*', '#', ' ']) || rest.is_empty() {
            return Err(invalid("identifierUris"));
        }
        let bound = ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str());
        let own = is_own_uri(of, scheme, rest);
        if of.only_own_uris && !own {
            return Err(Failure::bad(format!(
                "Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified domain, tenant ID, or app ID, as per the default tenant policy of your organization."
            )));
        }
        if bound && api != Some(&json!(2)) && !own {
            let text = format!(
                "Values of identifierUris property must use a verified domain of the organization or its subdomain: '{uri}'"
            );
            return Err(Failure::new(400, "HostNameNotOnVerifiedDomain", text));
        }
    }
    Ok(())
}

/// `api://{app or tenant id}/…`, `api://…/{app id}`, or a verified domain of the tenant or one below it.
fn is_own_uri(of: &Subject, scheme: &str, rest: &str) -> bool {
    let rest = rest.trim_start_matches("//");
    let host = rest.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let domain = |d: &String| host == d.to_ascii_lowercase() || host.ends_with(&format!(".{}", d.to_ascii_lowercase()));
    let ids = [of.app_id, &of.tenant.id];
    let last = rest.rsplit('/').next().unwrap_or_default();
    of.tenant.domains.iter().any(domain)
        || (scheme.eq_ignore_ascii_case("api")
            && (ids.iter().any(|id| host.eq_ignore_ascii_case(id)) || last.eq_ignore_ascii_case(of.app_id)))
}
