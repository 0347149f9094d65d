//! Tenant: one customer, rung by rung.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::partner::is_admin_agent;
use super::reads;
use super::relationship;
use super::tenant_app::{Rungs, SeenApp};
use super::tenant_report;
use super::want::Tenant;
use crate::catalog::apps::MICROSOFT_GRAPH;
use crate::catalog::ladder::{FOOTHOLD_SCOPES, Rung};
use crate::engine::diagnose;
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::kind::{Kind, Mode, Moment, Report};
use crate::engine::read::{Ask, Seen, Service, Why, text};
use crate::engine::step::{Act, Action, Change, Class, Draft, Find, Method, Reading, Send, Stale, Step};
use crate::engine::value::StepId;

/// What was read of a Tenant.
pub struct Observed {
    pub relationship: relationship::Observed,
    /// Whose the declared domain is.
    pub domain: Seen<Arc<Value>>,
    /// The service account's token for the tenant; not asked for before a relationship is active.
    pub claims: Option<Seen<Arc<Value>>>,
    pub apps: Vec<SeenApp>,
    /// Whether the service account may act for customers at Partner Center.
    pub admin_agent: Seen<bool>,
}

/// Whether we stand inside the tenant.
#[derive(Clone, PartialEq, Debug)]
pub enum Foothold {
    /// The managing app is consented with all scopes that the rungs use.
    There,
    /// It is not, or not with all.
    Missing,
    /// The service account has no way in yet.
    NoPath,
    /// Something stands in the way that waiting alone does not mend.
    Blocked(Why),
}

impl Observed {
    pub fn foothold(&self) -> Foothold {
        match &self.claims {
            None => Foothold::NoPath,
            Some(Seen::Is(claims)) => {
                let scopes: BTreeSet<&str> = text(claims, "scp").split(' ').collect();
                if FOOTHOLD_SCOPES.iter().all(|s| scopes.contains(s)) { Foothold::There } else { Foothold::Missing }
            }
            Some(Seen::Not) => Foothold::Missing,
            Some(Seen::Unknown(why)) => match why {
                Why::Refused(r) => match r.aadsts() {
                    Some(65001 | 700_016 | 7_000_229 | 90099 | 650_051) => Foothold::Missing,
                    Some(50020 | 50177 | 90072) => Foothold::NoPath,
                    _ => Foothold::Blocked(why.clone()),
                },
                Why::Failed(_) => Foothold::Blocked(why.clone()),
            },
        }
    }

    /// The tenant id that the declared domain really has, where it is another.
    pub fn mismatch(&self, want: &Tenant) -> Option<String> {
        let found = self.domain.is()?;
        let id = text(found, "tenantId");
        (!id.eq_ignore_ascii_case(want.customer.as_str())).then(|| id.to_owned())
    }
}

impl Kind for Tenant {
    type Observed = Observed;

    fn address(&self) -> String {
        Tenant::address(self)
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn depends_on(&self) -> Vec<String> {
        let mut all = vec![self.partner.address(), self.relationship.template.address()];
        all.extend(self.apps.iter().map(|one| one.app.address()));
        all
    }

    fn observe(&self, ask: &Ask<'_>) -> Option<Observed> {
        let domain = reads::owner_of_domain(ask, &self.partner, &self.domain);
        let relationship = self.relationship.observe(ask);
        let entered = relationship.as_ref().is_some_and(relationship::Observed::is_active);
        let claims = if entered {
            reads::claims(ask, &self.customer, "graph", &self.partner.service_account()).map(Some)
        } else {
            Some(None)
        };
        let admin_agent = is_admin_agent(ask, &self.partner);
        let apps: Vec<_> = self.apps.iter().map(|one| one.observe(self, entered, ask)).collect();
        Some(Observed {
            relationship: relationship?,
            domain: domain?,
            claims: claims?,
            apps: apps.into_iter().collect::<Option<_>>()?,
            admin_agent: admin_agent?,
        })
    }

    fn plan(&self, seen: &Observed, moment: Moment<'_>, out: &mut Draft) {
        for app in &self.broken {
            let error = Diagnostic::error(self.address(), format!("{app} is declared for it and cannot be used"));
            let error = error.code("ReferenceNotFound").remedy(format!("See what is wrong with {app}."));
            out.diagnostics.push(error.of_object());
        }
        if !self.check_domain(seen, out) {
            return;
        }
        let mut gate = Draft::default();
        self.relationship.plan(&seen.relationship, moment, &mut gate);
        let open = seen.relationship.is_open(&self.relationship);
        let closed = gate.diagnostics.iter().any(Diagnostic::is_error) || (gate.steps.is_empty() && !open);
        if closed && seen.foothold() != Foothold::There {
            return; // the way in is not going to be made; the relationship says why
        }
        let mut after: Vec<StepId> = gate.steps.into_iter().map(|s| s.id).collect();
        match seen.foothold() {
            Foothold::There => {
                if let Some(why) = seen.apps.iter().find_map(SeenApp::unreadable) {
                    let doing = "the tenant cannot be read";
                    return out.diagnostics.push(diagnose::of_why(&self.address(), doing, why).of_object());
                }
                out.unchanged += 1;
            }
            Foothold::Blocked(why) => {
                let doing = "the service account cannot enter the tenant";
                return out.diagnostics.push(diagnose::of_why(&self.address(), doing, &why).of_object());
            }
            Foothold::NoPath if open => {
                return tenant_report::wait_for_entry(self, out);
            }
            Foothold::Missing | Foothold::NoPath => {
                if seen.admin_agent == Seen::Is(false) {
                    after.push(self.partner.admin_agents_wait());
                }
                let step = self.foothold(seen, &after, out);
                after.push(step);
            }
        }
        let roles = seen.relationship.roles().unwrap_or_else(|| self.relationship.template.roles());
        let rungs = Rungs { tenant: self, after, roles };
        let mut climb = Draft::default();
        self.climb(seen, &rungs, &mut climb);
        if open && !climb.changes.is_empty() && self.awaits_roles(seen) {
            // It would be refused: the account is in, and not yet with all that it is given.
            return tenant_report::wait_for_roles(self, out);
        }
        out.add(climb);
        tenant_report::wait_for_propagation(self, seen, moment, out);
    }

    fn report(&self, seen: &Observed, moment: Moment<'_>) -> Report {
        tenant_report::report(self, seen, moment)
    }
}

impl Tenant {
    /// Rung 3, for every app.
    fn climb(&self, seen: &Observed, rungs: &Rungs<'_>, out: &mut Draft) {
        for (one, app) in self.apps.iter().zip(&seen.apps) {
            if let Some(resource) = app.lacks() {
                let summary = format!("the tenant has no {}", resource.display_name);
                out.diagnostics.push(
                    Diagnostic::error(self.address(), summary)
                        .code("ResourceNotProvisioned")
                        .remedy("The service needs a licence in the tenant; or switch the operations off that need it.")
                        .of_object(),
                );
                continue;
            }
            rungs.plan(one, app, out);
        }
    }

    /// The roles of the relationship by which the rungs are climbed.
    fn climbing_roles(&self, seen: &Observed) -> Vec<&'static str> {
        let held = seen.relationship.roles().unwrap_or_else(|| self.relationship.template.roles());
        let by = |rung: &Rung| rung.roles().iter().find(|role| held.contains(**role)).copied();
        self.rungs.iter().filter_map(by).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Roles come one by one, up to an hour after their groups are assigned. A token that says nothing of roles proves
    /// nothing.
    pub fn awaits_roles(&self, seen: &Observed) -> bool {
        let claims = seen.claims.as_ref().and_then(Seen::is);
        let token = claims.and_then(|claims| claims.get("wids")).and_then(Value::as_array);
        let Some(token) = token.filter(|wids| !wids.is_empty()) else { return false };
        let carries = |role: &str| token.iter().filter_map(Value::as_str).any(|has| has.eq_ignore_ascii_case(role));
        self.climbing_roles(seen).iter().any(|role| !carries(role))
    }

    /// A mistyped id does no harm: nothing is written before the domain is known to belong to it.
    fn check_domain(&self, seen: &Observed, out: &mut Draft) -> bool {
        let error = match (&seen.domain, seen.mismatch(self)) {
            (Seen::Is(_), None) => return true,
            (_, Some(other)) => Diagnostic::error(
                self.address(),
                format!("{} belongs to tenant {other}, not to {}", self.domain, self.customer),
            )
            .code("DomainMismatch")
            .remedy("Correct spec.tenantId or spec.domain; nothing of this customer is written before.")
            .path("spec.domain")
            .of_object(),
            (Seen::Not, _) => Diagnostic::error(self.address(), format!("no tenant has the domain {}", self.domain))
                .code("DomainMismatch")
                .remedy("Correct spec.domain: a domain that the customer has verified.")
                .path("spec.domain")
                .of_object(),
            (Seen::Unknown(why), _) => {
                diagnose::of_why(&self.address(), "the domain cannot be looked up", why).of_object()
            }
        };
        out.diagnostics.push(error);
        false
    }

    /// Rung 2: Partner Center consents the managing app with the few scopes that the rungs use
    /// (Partner Center: register application consent; scopes are separated by commas).
    fn foothold(&self, seen: &Observed, after: &[StepId], out: &mut Draft) -> StepId {
        let address = format!("{}:foothold", self.address());
        let id = StepId::new(&address, "send");
        let actor = self.partner.service_account();
        let body = json!({
            "applicationId": self.partner.client_id,
            "applicationGrants": [{
                "enterpriseApplicationId": MICROSOFT_GRAPH.app_id,
                "scope": FOOTHOLD_SCOPES.join(","),
            }],
        });
        let send = Send {
            tenant: self.partner.tenant.clone(),
            service: Service::PartnerCenter,
            actor: actor.clone(),
            method: Method::Post,
            path: format!("/customers/{}/applicationconsents", self.customer).into(),
            body: Some(body.into()),
            headers: vec![],
        };
        let token = Reading {
            tenant: self.customer.clone(),
            service: Service::Token,
            actor,
            path: "graph".into(),
            all_pages: false,
            find: Find::here([]).with_words("/scp", &FOOTHOLD_SCOPES),
        };
        // What comes next is done with these roles, and not all of them need be there when the first one is.
        let find = token.find.clone().with_members("/wids", &self.climbing_roles(seen));
        let mut step = Step::new(id.clone(), Act::Send(send.clone()))
            .lookup(token.clone())
            .proof(Reading { find, ..token })
            .serial(format!("{}:foothold", self.address()))
            .drops_tokens(&self.customer);
        step.after = after.to_vec();
        if seen.claims.as_ref().is_some_and(|claims| claims.is().is_some()) {
            // It is consented with fewer scopes: they only grow by consenting anew.
            let address = format!("{}:foothold", self.address());
            let remove = Send {
                method: Method::Delete,
                path: format!("/customers/{}/applicationconsents/{}", self.customer, self.partner.client_id).into(),
                body: None,
                ..send.clone()
            };
            let remove = Step::new(StepId::new(&address, "remove"), Act::Send(remove));
            step.after.push(remove.id.clone());
            out.steps.push(Step { after: after.to_vec(), ..remove });
        } else {
            step.already = &[409]; // "Permission entry already exists."
        }
        for service in [Service::Token, Service::Graph] {
            step.stales.push(Stale::Path { tenant: self.customer.clone(), service, path: String::new() });
        }
        out.steps.push(step);
        out.changes.push(Change {
            address,
            class: Class::Consent,
            action: Action::Create,
            before: Value::Null,
            after: json!({"app": "managing app", "tenant": self.domain, "scopes": FOOTHOLD_SCOPES}),
            volatile: &[],
            sensitive: vec![],
            origin: "from the ladder".into(),
            reason: "the managing app is not consented in the tenant; with these scopes it does the rest".into(),
        });
        id
    }
}
