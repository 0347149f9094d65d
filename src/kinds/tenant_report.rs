//! What a Tenant's status says, from what was read and nothing else.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::tenant::{Foothold, Observed};
use super::tenant_app::{SeenApp, exchange_address};
use super::want::{Permission, Tenant, Use};
use crate::catalog::apps::MICROSOFT_GRAPH;
use crate::catalog::ladder::Rung;
use crate::catalog::roles;
use crate::engine::conditions::{Condition, Status};
use crate::engine::kind::{Kind, Moment, Report};
use crate::engine::read::{Seen, Why, list, text};
use crate::engine::step::{Act, Draft, Step, Wait, Who};
use crate::engine::value::StepId;

pub fn report(want: &Tenant, seen: &Observed, moment: Moment<'_>) -> Report {
    let mut report = want.relationship.report(&seen.relationship, moment);
    let mismatch = match &seen.domain {
        Seen::Not => Some(format!("no tenant has the domain {}", want.domain)),
        _ => seen.mismatch(want).map(|other| format!("{} belongs to tenant {other}", want.domain)),
    };
    if let Some(message) = mismatch {
        report.conditions.insert(0, Condition::no("GdapActive", "DomainMismatch", message));
        report.conditions.truncate(1);
    }
    if let Some(why) = seen.relationship.unreadable() {
        let further = ["ConsentGranted", "ExchangeReady", "ConditionalAccessCompatible", "Propagated", "Verified"];
        report.conditions.extend(further.map(|kind| Condition::unreadable(kind, why)));
        facts(want, seen, moment, &mut report);
        return report;
    }
    report.conditions.push(consent(want, seen));
    report.conditions.push(exchange(want, seen));
    report.conditions.push(Condition::yes(
        "ConditionalAccessCompatible",
        "NotManaged",
        "conditional access of the tenant is not managed",
    ));
    report.conditions.push(propagated(want, seen, moment));
    report.conditions.push(verified(want, seen, moment));
    facts(want, seen, moment, &mut report);
    report
}

fn apps<'a>(want: &'a Tenant, seen: &'a Observed) -> impl Iterator<Item = (&'a Use, &'a SeenApp)> {
    want.apps.iter().zip(&seen.apps)
}

fn consent(want: &Tenant, seen: &Observed) -> Condition {
    const TYPE: &str = "ConsentGranted";
    if let Some(message) = insufficient(want, seen) {
        return Condition::no(TYPE, "InsufficientConsentRole", message);
    }
    if shut_out(want, seen) {
        return Condition::unknown(TYPE, ENTRY);
    }
    match seen.foothold() {
        Foothold::There => {}
        Foothold::Missing => {
            return Condition::no(TYPE, "Pending", "the managing app is not consented in the tenant yet");
        }
        Foothold::NoPath => {
            return Condition::no(TYPE, "Pending", "comes after the GDAP relationship is active and assigned");
        }
        Foothold::Blocked(why) => return Condition::of_why(TYPE, &why, "Forbidden"),
    }
    let (mut granted, mut wanted, mut missing) = (0, 0, Vec::new());
    for (one, app) in apps(want, seen) {
        if let Some(why) = app.unreadable() {
            return Condition::unreadable(TYPE, why);
        }
        if let Some(resource) = app.lacks() {
            return Condition::no(
                TYPE,
                "ResourceNotProvisioned",
                format!("the tenant has no {}", resource.display_name),
            );
        }
        let compared = app.compared(&one.app);
        granted += compared.granted.len();
        wanted += one.app.permissions.len();
        missing.extend(compared.missing.iter().map(Permission::label));
    }
    match (missing.is_empty(), granted) {
        (true, _) => Condition::yes(TYPE, "Granted", format!("{granted} of {wanted} permissions")),
        (_, 0) => Condition::no(TYPE, "Pending", format!("none of {wanted} permissions is granted")),
        _ => Condition::no(TYPE, "PartiallyGranted", format!("{granted} of {wanted}; missing: {}", missing.join(", "))),
    }
}

/// Consent to Microsoft Graph needs a role that the relationship (or, before there is one, the template) does not have.
fn insufficient(want: &Tenant, seen: &Observed) -> Option<String> {
    let roles = seen.relationship.roles().unwrap_or_else(|| want.relationship.template.roles());
    let granted = |(one, app): (&Use, &SeenApp)| app.compared(&one.app).missing.is_empty();
    let rung = Rung::GraphAppRole;
    if !want.rungs.contains(&rung) || rung.allowed(&roles) || apps(want, seen).all(granted) {
        return None;
    }
    let needed: Vec<&str> = rung.roles().iter().map(|id| roles::name(id)).collect();
    let held: Vec<&str> = roles.iter().map(|id| roles::name(id)).collect();
    Some(format!("consent to Microsoft Graph needs {}; GDAP gives {}", needed.join(" or "), held.join(", ")))
}

fn exchange(want: &Tenant, seen: &Observed) -> Condition {
    const TYPE: &str = "ExchangeReady";
    if !want.apps.iter().any(|one| one.exchange) {
        return Condition::yes(TYPE, "NotRequired", "no declared app works in Exchange");
    }
    if shut_out(want, seen) {
        return Condition::unknown(TYPE, ENTRY);
    }
    if let Foothold::Blocked(why) = seen.foothold() {
        return Condition::unreadable(TYPE, &why);
    }
    if seen.foothold() != Foothold::There {
        return Condition::no(TYPE, "Pending", "comes after consent");
    }
    if let Some(why) = seen.apps.iter().find_map(SeenApp::unreadable) {
        return Condition::unreadable(TYPE, why);
    }
    for (one, app) in apps(want, seen).filter(|(one, _)| one.exchange) {
        let name = &one.app.display_name;
        if app.resources_lack_exchange() {
            return Condition::no(TYPE, "NoSubscription", "the tenant has no Exchange Online");
        }
        if !app.holds_role(&one.app) {
            let id = app.app_id.as_deref().unwrap_or("not known yet");
            let message = format!("{name} (client id {id}) does not hold Exchange Administrator in this tenant");
            return Condition::no(TYPE, "Pending", message);
        }
        match &app.exchange {
            Some(Seen::Is(_)) => {}
            probe if denied(probe.as_ref()) => {
                return Condition::no(TYPE, "Pending", "the role is assigned, and Exchange does not take it yet");
            }
            Some(Seen::Unknown(why)) => return Condition::of_why(TYPE, why, "Pending"),
            _ => return Condition::no(TYPE, "Pending", format!("no credential of {name} to ask Exchange with")),
        }
    }
    Condition::yes(TYPE, "Working", "Exchange answers")
}

/// Microsoft does not know of a right yet. A credential that is refused is another matter.
fn denied(probe: Option<&Seen<Arc<Value>>>) -> bool {
    let Some(Seen::Unknown(Why::Refused(refusal))) = probe else { return false };
    let of_consent = matches!(refusal.aadsts(), Some(65001 | 700_016 | 7_000_229 | 650_051 | 500_011));
    of_consent || (refusal.aadsts().is_none() && matches!(refusal.status, 401 | 403))
}

/// What has been granted and does not work yet, and since when; `None` when all that is granted works.
struct Lag {
    what: String,
    since: Option<Timestamp>,
    window: jiff::SignedDuration,
}

impl Lag {
    fn deadline(&self) -> Option<Timestamp> {
        self.since.and_then(|since| since.checked_add(self.window).ok())
    }

    fn is_overdue(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|deadline| now > deadline)
    }

    /// What is wrong when it takes longer than it may.
    fn diagnosis(&self) -> String {
        let (what, window) = (&self.what, self.window);
        format!("{what}, {window:#} after the change: check the role in the tenant and the app's sign-in logs")
    }
}

fn lag(want: &Tenant, seen: &Observed, moment: Moment<'_>) -> Option<Lag> {
    if seen.foothold() != Foothold::There {
        return None;
    }
    apps(want, seen).find_map(|(one, app)| {
        let compared = app.compared(&one.app);
        if !compared.missing.is_empty() {
            return None;
        }
        if denied(app.users.as_ref()) {
            let what = format!("{} is consented, and Microsoft Graph does not take it yet", one.app.display_name);
            return Some(Lag { what, since: compared.newest(), window: one.app.consent_window });
        }
        if one.exchange && app.holds_role(&one.app) && denied(app.exchange.as_ref()) {
            let what = format!("{} holds the Exchange role, and Exchange does not take it yet", one.app.display_name);
            let since = moment.journal.get(&exchange_address(want, &one.app)).copied();
            return Some(Lag { what, since, window: one.app.exchange_window });
        }
        None
    })
}

fn propagated(want: &Tenant, seen: &Observed, moment: Moment<'_>) -> Condition {
    const TYPE: &str = "Propagated";
    if shut_out(want, seen) {
        return Condition::no(TYPE, "Waiting", ENTRY);
    }
    if let Foothold::Blocked(why) = seen.foothold() {
        return Condition::unreadable(TYPE, &why);
    }
    let ungranted = || apps(want, seen).any(|(one, app)| !app.compared(&one.app).missing.is_empty());
    if seen.relationship.is_open(&want.relationship) && want.awaits_roles(seen) && ungranted() {
        return Condition::no(TYPE, "Waiting", ROLES);
    }
    match lag(want, seen, moment) {
        None => Condition::yes(TYPE, "Elapsed", "nothing is on its way"),
        Some(Lag { what, since: None, .. }) => Condition::no(TYPE, "Waiting", format!("{what}; since unknown")),
        Some(lag) if lag.is_overdue(moment.now) => Condition::no(TYPE, "Overdue", lag.diagnosis()),
        Some(lag) => Condition::no(TYPE, "Waiting", lag.what),
    }
}

/// The groups are assigned, and the service account is not let in: a right on its way, or a member that is missing.
const ENTRY: &str = "the service account's groups are assigned, and Microsoft does not let it in yet";

/// It is in, and not with all that it needs there.
const ROLES: &str = "the service account's groups are assigned, and Microsoft does not give it all of their roles yet";

pub fn wait_for_entry(want: &Tenant, out: &mut Draft) {
    wait(want, ENTRY, out);
}

pub fn wait_for_roles(want: &Tenant, out: &mut Draft) {
    wait(want, ROLES, out);
}

fn wait(want: &Tenant, what: &str, out: &mut Draft) {
    let wait = Wait {
        address: want.address(),
        condition: "Propagated",
        reason: "Waiting",
        who: Who::Microsoft,
        link: None,
        since: None,
        deadline: None,
        what: format!("{what}; it takes up to an hour. Its membership in the groups counts, too."),
    };
    out.steps.push(Step::new(StepId::new(&format!("{}:entry", want.address()), "wait"), Act::Wait(wait)));
}

/// Inside or not is not known: what is there cannot be looked at.
fn shut_out(want: &Tenant, seen: &Observed) -> bool {
    seen.foothold() == Foothold::NoPath && seen.relationship.is_open(&want.relationship)
}

/// A delay of Microsoft's is a wait like any other, with a deadline.
pub fn wait_for_propagation(want: &Tenant, seen: &Observed, moment: Moment<'_>, out: &mut Draft) {
    let Some(lag) = lag(want, seen, moment) else { return };
    let overdue = lag.is_overdue(moment.now);
    let wait = Wait {
        address: want.address(),
        condition: "Propagated",
        reason: if overdue { "Overdue" } else { "Waiting" },
        // Waiting longer does not help: somebody has to look.
        who: if overdue { Who::Partner } else { Who::Microsoft },
        link: None,
        since: lag.since,
        deadline: lag.deadline(),
        what: if overdue { lag.diagnosis() } else { lag.what },
    };
    out.steps.push(Step::new(StepId::new(&format!("{}:propagation", want.address()), "wait"), Act::Wait(wait)));
}

fn verified(want: &Tenant, seen: &Observed, moment: Moment<'_>) -> Condition {
    const TYPE: &str = "Verified";
    // Within the window a refusal proves nothing.
    if let Some(lag) = lag(want, seen, moment).filter(|lag| !lag.is_overdue(moment.now)) {
        return Condition::no(TYPE, "Pending", format!("{}; it is tried again", lag.what));
    }
    let mut said = Vec::new();
    for (one, app) in apps(want, seen) {
        let name = &one.app.display_name;
        match &app.users {
            Some(Seen::Is(_)) if !one.app.lists_users() => said.push("the token carries every permission".into()),
            Some(Seen::Is(body)) => {
                let counted = body.get("@odata.count").and_then(Value::as_u64);
                said.push(format!("{} users", counted.unwrap_or(list(body).len() as u64)));
            }
            Some(Seen::Unknown(Why::Failed(fault))) => return Condition::unknown(TYPE, fault.message.clone()),
            Some(Seen::Unknown(Why::Refused(r))) => {
                return Condition::no(TYPE, "Failed", format!("{name} cannot list users ({})", r.code));
            }
            None if !one.app.resources().contains(&MICROSOFT_GRAPH) => {}
            Some(Seen::Not) | None => {
                return Condition::no(TYPE, "Stale", format!("{name} has not been tried in this tenant yet"));
            }
        }
        match &app.exchange {
            _ if !one.exchange => {}
            Some(Seen::Is(body)) => {
                said.push(format!("{} distribution groups asked for and answered", list(body).len()))
            }
            Some(Seen::Unknown(Why::Failed(fault))) => return Condition::unknown(TYPE, fault.message.clone()),
            Some(Seen::Unknown(Why::Refused(r))) => {
                return Condition::no(TYPE, "Failed", format!("Exchange refuses {name} ({})", r.status));
            }
            Some(Seen::Not) | None => {
                return Condition::no(TYPE, "Stale", format!("{name} has not been tried in Exchange yet"));
            }
        }
    }
    Condition::yes(TYPE, "Passed", said.join("; "))
}

fn facts(want: &Tenant, seen: &Observed, moment: Moment<'_>, report: &mut Report) {
    report.facts.insert("tenantId", json!(want.customer.as_str()));
    report.facts.insert("domain", json!(want.domain));
    if let Seen::Is(found) = &seen.domain {
        report.facts.insert("displayName", json!(text(found, "displayName")));
        report.facts.insert("defaultDomain", json!(text(found, "defaultDomainName")));
    }
    let consent =
        |app_id: &str| format!("https://login.microsoftonline.com/{}/adminconsent?client_id={app_id}", want.customer);
    let open = |(one, app): (&Use, &SeenApp)| {
        app.app_id.as_deref().filter(|_| !app.compared(&one.app).missing.is_empty()).map(consent)
    };
    if let Some(link) = apps(want, seen).find_map(open) {
        let links = report.facts.entry("links").or_insert_with(|| json!({}));
        links["adminConsent"] = json!(link);
    }
    let all = apps(want, seen).map(|(one, app)| {
        let compared = app.compared(&one.app);
        let missing: Vec<String> = compared.missing.iter().map(Permission::label).collect();
        let id = app.principal.is().map(|p| text(p, "id").to_owned());
        json!({"name": one.app.name, "servicePrincipalId": id, "granted": compared.granted.len(),
            "wanted": one.app.permissions.len(), "missing": missing, "adminConsent": open((one, app))})
    });
    report.facts.insert("apps", all.collect());
    let needed = want.apps.iter().any(|one| one.exchange);
    let answered = seen.apps.iter().any(|app| matches!(app.exchange, Some(Seen::Is(_))));
    let probe = answered.then(|| moment.now.to_string());
    report.facts.insert("exchange", json!({"way": if needed { "Role" } else { "None" }, "lastProbe": probe}));
    let passed = report.conditions.iter().any(|c| c.kind == "Verified" && c.status == Status::True);
    report.facts.insert("lastVerified", json!(passed.then(|| moment.now.to_string())));
}
