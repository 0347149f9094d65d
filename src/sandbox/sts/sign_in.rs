//! The log of sign-ins: one function records every try, good or bad, as Graph's `signIn` shows it.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::conditional_access::{Applied, Verdict};
use super::people::Person;
use super::refusal::{Refusal, correlation};
use super::scope;
use crate::sandbox::facts;
use crate::sandbox::http::Call;
use crate::sandbox::ids;
use crate::sandbox::kept::Kept;
use crate::sandbox::state::{State, Tenant};

/// What a request was, as far as it was understood.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Whose log it belongs in.
    pub tenant: String,
    pub client: String,
    /// App id of the resource.
    pub resource: Option<String>,
    pub person: Option<Person>,
    /// A person sat at it.
    pub interactive: bool,
    /// How, in Entra's words: `deviceCode`, `oAuth2`, `ropc` …
    pub protocol: &'static str,
    pub mfa: bool,
    pub applied: Vec<Applied>,
}

/// Sign-ins of people that a tenant keeps, and of apps: in the partner's tenant, and in each of its customers'.
const OF_PEOPLE: usize = 1_000;
const OF_APPS: usize = 100;
const OF_APPS_ELSEWHERE: usize = 3;

/// Records one try. Whoever cannot be told from nobody is not recorded, as in Entra's own log.
pub fn record(state: &mut State, call: &Call, seen: &Seen, refused: Option<&Refusal>, now: Timestamp) {
    let Some(tenant) = state.tenants.get(&seen.tenant) else { return };
    let known = scope::client(state, &seen.client).is_some() || tenant.principal_of(&seen.client).is_some();
    if seen.person.is_none() && !known {
        return;
    }
    let entry = entry(state, tenant, call, seen, refused, now);
    let people = seen.person.is_some();
    let most = match people {
        true => OF_PEOPLE,
        false if seen.tenant == state.partner => OF_APPS,
        false => OF_APPS_ELSEWHERE,
    };
    let Some(tenant) = state.tenants.get_mut(&seen.tenant) else { return };
    let is_same_kind = |e: &Kept<Value>| e.get("userId").is_some() == people;
    if tenant.sign_ins.iter().filter(|e| is_same_kind(e)).count() >= most
        && let Some(oldest) = tenant.sign_ins.iter().position(is_same_kind)
    {
        tenant.sign_ins.remove(oldest);
    }
    tenant.sign_ins.push_back(Kept::new(entry));
}

fn entry(state: &State, tenant: &Tenant, call: &Call, seen: &Seen, refused: Option<&Refusal>, now: Timestamp) -> Value {
    let id = ids::guid(state.seed, &["signIn", &call.request_id, &seen.tenant], state.log.next);
    let app = scope::client(state, &seen.client).map(|a| a.display_name().to_owned());
    let resource = seen.resource.as_deref();
    let resource_name = resource.map(|r| {
        let known = facts::resource(r).map(|k| k.display_name.clone());
        known.or_else(|| state.application(r).map(|(_, a)| a.display_name().to_owned()))
    });
    let resource_principal = resource.and_then(|r| tenant.principal_of(r)).map(|p| &p.id);
    let mut entry = json!({
        "id": id, "createdDateTime": now, "appId": seen.client, "appDisplayName": app,
        "correlationId": correlation(state, call), "resourceId": resource_principal,
        "resourceDisplayName": resource_name.flatten(), "resourceTenantId": seen.tenant,
        "isInteractive": seen.interactive, "ipAddress": "127.0.0.1", "status": status(refused),
        "conditionalAccessStatus": access(seen, refused), "signInEventTypes": [event(seen)],
    });
    match &seen.person {
        Some(person) => {
            entry["userId"] = json!(person.user.id);
            entry["userPrincipalName"] = json!(person.upn());
            entry["userDisplayName"] = json!(person.user.display_name);
            entry["homeTenantId"] = json!(person.home);
            entry["clientAppUsed"] = json!(if seen.interactive && seen.protocol != "deviceCode" {
                "Browser"
            } else {
                "Mobile Apps and Desktop clients"
            });
            entry["authenticationProtocol"] = json!(seen.protocol);
            entry["authenticationRequirement"] =
                json!(if seen.mfa { "multiFactorAuthentication" } else { "singleFactorAuthentication" });
            entry["riskDetail"] = json!("none");
            entry["riskState"] = json!("none");
            entry["riskLevelAggregated"] = json!("none");
            entry["riskLevelDuringSignIn"] = json!("none");
            entry["userAgent"] = json!(call.header("user-agent"));
            entry["appliedConditionalAccessPolicies"] = seen.applied.iter().map(policy).collect();
        }
        None => {
            let principal = tenant.principal_of(&seen.client);
            entry["servicePrincipalId"] = json!(principal.map(|p| &p.id));
            entry["servicePrincipalName"] = entry["appDisplayName"].clone();
        }
    }
    entry
}

fn status(refused: Option<&Refusal>) -> Value {
    match refused {
        None => json!({ "errorCode": 0, "failureReason": "Other.", "additionalDetails": null }),
        Some(r) => json!({ "errorCode": r.code, "failureReason": r.text, "additionalDetails": null }),
    }
}

fn access(seen: &Seen, refused: Option<&Refusal>) -> &'static str {
    match (seen.applied.is_empty(), refused.is_some_and(|r| is_policy(r.code))) {
        (_, true) => "failure",
        (false, false) => "success",
        (true, false) => "notApplied",
    }
}

fn is_policy(code: u32) -> bool {
    (53_000..=53_011).contains(&code) || [50_076, 50_079, 50_158, 530_035].contains(&code)
}

fn event(seen: &Seen) -> &'static str {
    match (&seen.person, seen.interactive, seen.protocol) {
        (None, _, "managedIdentity") => "managedIdentity",
        (None, ..) => "servicePrincipal",
        (Some(_), true, _) => "interactiveUser",
        (Some(_), false, _) => "nonInteractiveUser",
    }
}

fn policy(applied: &Applied) -> Value {
    json!({
        "id": applied.id, "displayName": applied.name, "enforcedGrantControls": applied.controls,
        "enforcedSessionControls": [], "result": if applied.satisfied { "success" } else { "failure" },
    })
}

/// What a verdict of conditional access is called when it refuses. Entra: AADSTS53000 to 53009.
pub fn refusal(verdict: Verdict, error: &'static str, registered: bool) -> Option<Refusal> {
    let (code, suberror, text) = match verdict {
        Verdict::Allowed => return None,
        Verdict::Blocked => (
            53_003,
            "message_only",
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        ),
        Verdict::NeedsMfa if registered => (
            50_076,
            "basic_action",
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.",
        ),
        Verdict::NeedsMfa => (
            50_079,
            "basic_action",
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.",
        ),
        Verdict::NeedsDevice => (
            53_000,
            "message_only",
            "Device is not in required device state: compliant. Conditional Access policy requires a compliant device, and the device is not compliant.",
        ),
        Verdict::NeedsDomainJoin => (
            53_001,
            "message_only",
            "Device is not in required device state: domain_joined. Conditional Access policy requires a domain joined device, and the device is not domain joined.",
        ),
        Verdict::NeedsApprovedApp => {
            (53_002, "message_only", "Application used is not an approved application for Conditional Access.")
        }
        Verdict::NeedsTerms => (50_158, "basic_action", "External security challenge was not satisfied."),
    };
    Some(super::refuse(code, error, text).with_suberror(suberror))
}
