//! What a PartnerApp's status says, from what was read and nothing else.

use std::collections::BTreeSet;

use serde_json::json;

use super::credential;
use super::partner_app::Observed;
use super::reads::WRITE_GRANTS;
use super::want::{App, Permission};
use crate::engine::conditions::Condition;
use crate::engine::kind::{Moment, Report};
use crate::engine::read::{Seen, text};

impl App {
    pub(super) fn report_of(&self, seen: &Observed, moment: Moment<'_>) -> Report {
        let mut report = Report::default();
        let application = seen.application.is().map(|a| &**a);
        report.conditions.push(self.registered(seen));
        report.conditions.push(self.declared(seen));
        report.conditions.push(match (&seen.signs_in, &seen.application) {
            (_, Seen::Unknown(why)) => Condition::unreadable("SecretValid", why),
            (Some(Seen::Unknown(why)), _) if credential::on_its_way(self, why, moment.now).is_some() => {
                Condition::no("SecretValid", "Pending", "the new secret is on its way to the token service")
            }
            (Some(Seen::Unknown(why)), _) => Condition::of_why("SecretValid", why, "InvalidClient"),
            _ => credential::condition(self, application, moment.now),
        });
        if self.partner_consent {
            report.conditions.push(self.consented(seen));
        }
        if self.admin_agents {
            report.conditions.push(match seen.is_admin_agent() {
                Seen::Is(true) => Condition::yes("AdminAgentsMember", "Member", "its principal is in AdminAgents"),
                Seen::Is(false) => {
                    Condition::no("AdminAgentsMember", "NotMember", "its principal is not in AdminAgents")
                }
                Seen::Not => Condition::no("AdminAgentsMember", "GroupNotFound", "there is no group AdminAgents"),
                Seen::Unknown(why) => Condition::unreadable("AdminAgentsMember", &why),
            });
        }
        self.facts(seen, moment, &mut report);
        report
    }

    fn registered(&self, seen: &Observed) -> Condition {
        match &seen.application {
            Seen::Not => {
                Condition::no("AppRegistered", "AppNotFound", format!("{} is not registered yet", self.display_name))
            }
            Seen::Unknown(why) => Condition::unreadable("AppRegistered", why),
            Seen::Is(live) if text(live, "signInAudience") != self.audience => {
                let message = format!("its audience is {}", text(live, "signInAudience"));
                Condition::no("AppRegistered", "AudienceMismatch", message)
            }
            Seen::Is(live) => {
                let (before, after) = (self.application_before(live, seen), self.application_after());
                if before["redirectUris"] == after["redirectUris"] {
                    Condition::yes("AppRegistered", "Registered", format!("registered as {}", text(live, "appId")))
                } else {
                    Condition::no("AppRegistered", "RedirectUriMismatch", "redirect URIs differ from what is declared")
                }
            }
        }
    }

    fn declared(&self, seen: &Observed) -> Condition {
        const TYPE: &str = "PermissionsDeclared";
        if let Some(why) = seen.unreadable() {
            return Condition::unreadable(TYPE, why);
        }
        if let Err(errors) = self.role_ids(seen) {
            return Condition::no(TYPE, "UnknownPermission", errors.first().map_or("", |e| &e.summary));
        }
        let wanted: BTreeSet<String> = self.permissions.iter().map(Permission::label).collect();
        let live = match &seen.application {
            Seen::Is(live) => self.live_permissions(live, seen),
            Seen::Not | Seen::Unknown(_) => BTreeSet::new(),
        };
        let list = |set: Vec<&String>| set.into_iter().cloned().collect::<Vec<_>>().join(", ");
        let (missing, extra) = (list(wanted.difference(&live).collect()), list(live.difference(&wanted).collect()));
        match (missing.as_str(), extra.as_str()) {
            ("", "") => Condition::yes(TYPE, "InSync", format!("{} permissions", wanted.len())),
            ("", extra) => Condition::no(TYPE, "Extra", format!("not declared: {extra}")),
            (missing, _) => Condition::no(TYPE, "Missing", format!("not asked for yet: {missing}")),
        }
    }

    fn consented(&self, seen: &Observed) -> Condition {
        const TYPE: &str = "PartnerConsentGranted";
        if let Some(why) = seen.unreadable() {
            return Condition::unreadable(TYPE, why);
        }
        let compared = seen.compared(self, &self.role_ids(seen).unwrap_or_default());
        let (granted, wanted) = (compared.granted.len(), self.permissions.len());
        let missing: Vec<String> = compared.missing.iter().map(Permission::label).collect();
        if !missing.is_empty() && !seen.holds(WRITE_GRANTS) {
            let message = "the managing app lacks AppRoleAssignment.ReadWrite.All: a Global Administrator or Privileged Role Administrator has to consent";
            return Condition::no(TYPE, seen.reason_of_hand_consent(), message);
        }
        match (missing.is_empty(), granted) {
            (true, _) => Condition::yes(TYPE, "Granted", format!("{granted} of {wanted} permissions")),
            (_, 0) => Condition::no(TYPE, "Pending", format!("none of {wanted} permissions is granted")),
            _ => Condition::no(
                TYPE,
                "PartiallyGranted",
                format!("{granted} of {wanted}; missing: {}", missing.join(", ")),
            ),
        }
    }

    fn facts(&self, seen: &Observed, moment: Moment<'_>, report: &mut Report) {
        report.facts.insert("tenantId", json!(self.partner.tenant.as_str()));
        if let Seen::Is(live) = &seen.application {
            report.facts.insert("appId", json!(text(live, "appId")));
            report.facts.insert("objectId", json!(text(live, "id")));
            let credentials = self.credentials.iter().map(|wanted| {
                let ours = credential::live(live, &wanted.name);
                let held = ours.iter().find(|c| wanted.stored.key_id.as_deref() == Some(&c.key_id));
                let state = match credential::state(wanted, &ours, moment.now) {
                    credential::State::Valid(_) => "Valid",
                    credential::State::ExpiringSoon(_) => "ExpiringSoon",
                    credential::State::Expired(_) => "Expired",
                    _ => "ValueUnknown",
                };
                json!({"name": wanted.name, "state": state,
                    "keyId": held.map(|c| c.key_id.clone()), "endsAt": held.and_then(|c| c.ends)})
            });
            report.facts.insert("credentials", credentials.collect());
        }
        if let Seen::Is(principal) = &seen.principal {
            report.facts.insert("servicePrincipalId", json!(text(principal, "id")));
        }
        let compared = seen.compared(self, &self.role_ids(seen).unwrap_or_default());
        let permissions = self.permissions.iter().map(|p| {
            let granted = compared.granted.iter().any(|g| g.label == p.label());
            json!({"permission": p.label(), "type": "Application", "purpose": p.purpose, "granted": granted})
        });
        report.facts.insert("permissions", permissions.collect());
    }
}
