//! Graph: the policies that a tenant has exactly one of, with what Microsoft begins them with.
use serde_json::{Value, json};

use super::Ctx;
use super::errors::Failure;
use super::routes::Routes;
use super::sets::{self, Set};
use crate::sandbox::facts;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Props, Tenant};

const READERS: &[&str] = &[
    facts::GLOBAL_READER,
    facts::SECURITY_READER,
    facts::SECURITY_ADMINISTRATOR,
    facts::CONDITIONAL_ACCESS_ADMINISTRATOR,
    facts::PRIVILEGED_ROLE_ADMINISTRATOR,
    facts::CLOUD_APPLICATION_ADMINISTRATOR,
    facts::APPLICATION_ADMINISTRATOR,
    facts::GLOBAL_ADMINISTRATOR,
];

macro_rules! singleton {
    ($of:literal, $one:literal) => {
        Set {
            built_in: |_| facts::policy_defaults($of),
            read: writable,
            ..Set::new($of, concat!("/policies/", $of), $one, $one)
        }
    };
}

static AUTHORIZATION: Set = singleton!("authorizationPolicy", "authorization-policy");

/// Beta's path of the same.
static AUTHORIZATION_BETA: Set = Set {
    path: "/policies/authorizationPolicy/authorizationPolicy",
    one: "authorization-policy-of-beta",
    ..singleton!("authorizationPolicy", "authorization-policy")
};

static SECURITY_DEFAULTS: Set =
    Set { check: defaults_or_policies, ..singleton!("identitySecurityDefaultsEnforcementPolicy", "security-defaults") };

static FLOWS: Set = singleton!("authenticationFlowsPolicy", "authentication-flows-policy");

static CONSENT_REQUESTS: Set =
    Set { read: whole_consent_policy, ..singleton!("adminConsentRequestPolicy", "admin-consent-request-policy") };

static EXTERNAL: Set = singleton!("externalIdentitiesPolicy", "external-identities-policy");

pub fn routes(to: &mut Routes) {
    const PRIVILEGED: &[&str] = &[facts::PRIVILEGED_ROLE_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];
    const SECURITY: &[&str] =
        &[facts::CONDITIONAL_ACCESS_ADMINISTRATOR, facts::SECURITY_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];
    const GLOBAL: &[&str] = &[facts::GLOBAL_ADMINISTRATOR];
    to.singleton("PATCH", &AUTHORIZATION, READERS, PRIVILEGED);
    to.singleton("PATCH", &SECURITY_DEFAULTS, READERS, SECURITY);
    to.singleton("PATCH", &FLOWS, READERS, GLOBAL);
    to.singleton("PUT", &CONSENT_REQUESTS, READERS, GLOBAL);
    for (set, writers) in [(&AUTHORIZATION_BETA, PRIVILEGED), (&EXTERNAL, GLOBAL)] {
        to.read(set.path, format!("get-{}", set.one), set.of, sets::get_singleton).of_set(set).by(READERS).only_beta();
        let name = format!("update-{}", set.one);
        to.write("PATCH", set.path, name, set.of, sets::update_singleton).of_set(set).by(writers).only_beta();
    }
}

/// Clients send back what they have read: an unchanged id is no change.
pub fn writable(ctx: &Ctx, set: &Set, old: Option<&Item>) -> Result<Props, Failure> {
    let mut body = ctx.body(set.of)?;
    if body.get("id").is_some_and(|id| old.is_some_and(|o| id.as_str() == Some(&o.id))) {
        body.remove("id");
    }
    body.retain(|k, _| k != "@odata.context");
    Ok(body)
}

/// Whether a tenant has security defaults on.
pub fn security_defaults(tenant: &Tenant) -> bool {
    let set = &SECURITY_DEFAULTS;
    let all = sets::items(tenant, set, set.name());
    all.first().is_some_and(|i| i.props.get("isEnabled") == Some(&Value::Bool(true)))
}

fn defaults_or_policies(ctx: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let enabled = |i: &Item| i.props.get("state").and_then(Value::as_str) == Some("enabled");
    let on = after.get("isEnabled") == Some(&Value::Bool(true));
    if on && super::conditional_access::policies(ctx.tenant()?).any(enabled) {
        return Err(Failure::bad_query(
            "Security defaults cannot be enabled while a Conditional Access policy is enabled.",
        ));
    }
    Ok(())
}

/// Graph: update adminConsentRequestPolicy, which replaces the whole.
fn whole_consent_policy(ctx: &Ctx, set: &Set, old: Option<&Item>) -> Result<Props, Failure> {
    let mut body = writable(ctx, set, old)?;
    let needed = ["isEnabled", "notifyReviewers", "remindersEnabled", "requestDurationInDays", "reviewers"];
    if let Some(missing) = needed.iter().find(|n| !body.contains_key(**n)) {
        return Err(Failure::required(missing, "AdminConsentRequestPolicy"));
    }
    let on = body.get("isEnabled") == Some(&Value::Bool(true));
    let reviewers = body.get("reviewers").and_then(Value::as_array).map_or(0, Vec::len);
    let days = body.get("requestDurationInDays").and_then(Value::as_i64).unwrap_or_default();
    if on && (reviewers == 0 || !(1..=60).contains(&days)) {
        let bad = if reviewers == 0 { "reviewers" } else { "requestDurationInDays" };
        return Err(Failure::bad(format!(
            "Invalid value specified for property '{bad}' of resource 'AdminConsentRequestPolicy'."
        )));
    }
    let version = old.and_then(|o| o.props.get("version")).and_then(Value::as_i64).unwrap_or_default();
    body.insert("version".to_owned(), json!(version + 1));
    Ok(body)
}
