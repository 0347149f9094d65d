//! Conditional access: whether a tenant's policies let a sign-in through. Pure: policies and an attempt in, a verdict out.
//! Graph: conditionalAccessPolicy; what a policy cannot know here (device, place, risk) counts as unknown.
use serde_json::Value;

use crate::sandbox::state::Props;

/// One try to get a token.
#[derive(Debug, Default, Clone)]
pub struct Attempt<'a> {
    /// Object id of the user, or of the service principal.
    pub subject: &'a str,
    pub workload: bool,
    pub groups: &'a [String],
    /// Directory roles, by template id.
    pub roles: Vec<String>,
    /// Users of other tenants: what kind they are, and where they are at home.
    pub external: Option<(&'a str, &'a str)>,
    /// App id of the resource, and of the client.
    pub resource: &'a str,
    pub client: &'a str,
    pub mfa: bool,
    pub device_code: bool,
    pub browser: bool,
}

/// A policy that applied, and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub id: String,
    pub name: String,
    pub controls: Vec<String>,
    pub satisfied: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Blocked,
    NeedsMfa,
    /// A device that complies, or is joined to the domain, or an app that is approved.
    NeedsDevice,
    NeedsDomainJoin,
    NeedsApprovedApp,
    NeedsTerms,
}

/// All enabled policies must be satisfied; a block wins over anything else.
pub fn decide<'a>(policies: impl Iterator<Item = (&'a str, &'a Props)>, attempt: &Attempt) -> (Verdict, Vec<Applied>) {
    let mut verdict = Verdict::Allowed;
    let mut applied = Vec::new();
    for (id, policy) in policies {
        if policy.get("state").and_then(Value::as_str) != Some("enabled") || !applies(policy, attempt) {
            continue;
        }
        let (one, controls) = grant(policy.get("grantControls"), attempt);
        applied.push(Applied {
            id: id.to_owned(),
            name: policy.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned(),
            controls,
            satisfied: one == Verdict::Allowed,
        });
        if verdict == Verdict::Allowed || one == Verdict::Blocked {
            verdict = one;
        }
    }
    (verdict, applied)
}

/// A list of texts inside a value; absent is empty.
fn list<'a>(value: Option<&'a Value>, name: &str) -> Vec<&'a str> {
    let list = value.and_then(|v| v.get(name)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn applies(policy: &Props, attempt: &Attempt) -> bool {
    let Some(conditions) = policy.get("conditions") else { return false };
    let who = match attempt.workload {
        true => workload(conditions.get("clientApplications"), attempt),
        false => users(conditions.get("users"), attempt),
    };
    who && applications(conditions.get("applications"), attempt) && surroundings(conditions, attempt)
}

/// Policies for workload identities name their service principals.
fn workload(condition: Option<&Value>, attempt: &Attempt) -> bool {
    let included = list(condition, "includeServicePrincipals");
    let excluded = list(condition, "excludeServicePrincipals");
    let meant = |l: &[&str]| l.contains(&"ServicePrincipalsInMyTenant") || l.contains(&attempt.subject);
    meant(&included) && !excluded.contains(&attempt.subject)
}

fn users(condition: Option<&Value>, attempt: &Attempt) -> bool {
    side(condition, "include", attempt) && !side(condition, "exclude", attempt)
}

/// Whether one side of a users condition, `include…` or `exclude…`, means somebody.
fn side(condition: Option<&Value>, side: &str, attempt: &Attempt) -> bool {
    let of = |what: &str| list(condition, &format!("{side}{what}"));
    let users = of("Users");
    if users.contains(&"All") || users.contains(&attempt.subject) {
        return true;
    }
    // The older form means every kind of foreign user.
    if users.contains(&"GuestsOrExternalUsers") && attempt.external.is_some() {
        return true;
    }
    let foreign = attempt.external.is_some_and(|(_, home)| !home.is_empty());
    // Groups and roles of this tenant do not hold users of others, but for roles given through GDAP.
    (!foreign && attempt.groups.iter().any(|g| of("Groups").contains(&g.as_str())))
        || attempt.roles.iter().any(|r| of("Roles").contains(&r.as_str()))
        || external(condition.and_then(|c| c.get(format!("{side}GuestsOrExternalUsers"))), attempt)
}

fn external(condition: Option<&Value>, attempt: &Attempt) -> bool {
    let (Some(condition), Some((kind, home))) = (condition, attempt.external) else { return false };
    let kinds = condition.get("guestOrExternalUserTypes").and_then(Value::as_str).unwrap_or_default();
    if !kinds.split(',').any(|k| k.trim() == kind) {
        return false;
    }
    let tenants = condition.get("externalTenants");
    match tenants.and_then(|t| t.get("membershipKind")).and_then(Value::as_str) {
        Some("enumerated") => list(tenants, "members").iter().any(|t| t.eq_ignore_ascii_case(home)),
        _ => true,
    }
}

fn applications(condition: Option<&Value>, attempt: &Attempt) -> bool {
    let means = |name: &str| {
        list(condition, name).iter().any(|a| {
            *a == "All"
                || a.eq_ignore_ascii_case(attempt.resource)
                || a.eq_ignore_ascii_case(attempt.client)
                || (*a == "Office365" && OFFICE.contains(&attempt.resource))
        })
    };
    means("includeApplications") && !means("excludeApplications")
}

/// Exchange, SharePoint and Teams.
const OFFICE: [&str; 3] = [
    "00000002-0000-0ff1-ce00-000000000000",
    "00000003-0000-0ff1-ce00-000000000000",
    "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe",
];

/// Kind of client, flow, place, platform, risk.
fn surroundings(conditions: &Value, attempt: &Attempt) -> bool {
    let kinds = list(Some(conditions), "clientAppTypes");
    let own = if attempt.browser { "browser" } else { "mobileAppsAndDesktopClients" };
    let kind = kinds.is_empty() || kinds.contains(&"all") || kinds.contains(&own);
    let flows = conditions.get("authenticationFlows").and_then(|f| f.get("transferMethods")).and_then(Value::as_str);
    let flow = flows.is_none_or(|f| {
        f == "none" || f.is_empty() || (attempt.device_code && f.split(',').any(|f| f.trim() == "deviceCodeFlow"))
    });
    // Nobody here is at risk, and where and on what somebody is, is unknown.
    let safe = |name: &str| list(Some(conditions), name).is_empty();
    let risks = ["signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels"];
    let anywhere = |of: &str, include: &str, any: [&str; 2]| {
        let condition = conditions.get(of).filter(|c| !c.is_null());
        condition.is_none() || list(condition, include).iter().any(|i| any.contains(i))
    };
    let device = conditions.get("devices").and_then(|d| d.get("deviceFilter")).and_then(|f| f.get("mode"));
    kind && flow
        && risks.iter().all(|r| safe(r))
        && anywhere("locations", "includeLocations", ["All", "00000000-0000-0000-0000-000000000000"])
        && anywhere("platforms", "includePlatforms", ["all", "All"])
        && device.and_then(Value::as_str) != Some("include")
}

/// What a policy asks for, and whether the attempt has it.
fn grant(controls: Option<&Value>, attempt: &Attempt) -> (Verdict, Vec<String>) {
    let controls = controls.filter(|c| !c.is_null());
    let mut asked: Vec<&str> = list(controls, "builtInControls");
    if controls.and_then(|c| c.get("authenticationStrength")).is_some_and(|s| !s.is_null()) {
        asked.push("authenticationStrength");
    }
    if !list(controls, "termsOfUse").is_empty() {
        asked.push("termsOfUse");
    }
    let shown = asked.iter().map(|a| (*a).to_owned()).collect();
    let any = controls.and_then(|c| c.get("operator")).and_then(Value::as_str) == Some("OR");
    let outcomes: Vec<Verdict> = asked.iter().map(|control| outcome(control, attempt)).collect();
    let verdict = if outcomes.contains(&Verdict::Blocked) {
        Verdict::Blocked
    } else if any && outcomes.contains(&Verdict::Allowed) {
        Verdict::Allowed
    } else if any && outcomes.contains(&Verdict::NeedsMfa) {
        // Of several ways the one that a person can still go.
        Verdict::NeedsMfa
    } else {
        outcomes.into_iter().find(|o| *o != Verdict::Allowed).unwrap_or(Verdict::Allowed)
    };
    (verdict, shown)
}

fn outcome(control: &str, attempt: &Attempt) -> Verdict {
    match control {
        "block" => Verdict::Blocked,
        "mfa" | "authenticationStrength" if attempt.mfa => Verdict::Allowed,
        "mfa" | "authenticationStrength" => Verdict::NeedsMfa,
        "compliantDevice" => Verdict::NeedsDevice,
        "domainJoinedDevice" => Verdict::NeedsDomainJoin,
        "approvedApplication" | "compliantApplication" => Verdict::NeedsApprovedApp,
        "termsOfUse" => Verdict::NeedsTerms,
        _ => Verdict::Allowed,
    }
}

#[cfg(test)]
mod tests;
