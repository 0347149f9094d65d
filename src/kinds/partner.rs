//! Partner: whether we can act at all, app-only and delegated.

use std::sync::Arc;

use serde_json::{Value, json};

use super::reads::{self, WRITE_APPS, at_home, claims, home, home_list, need};
use super::want::Partner;
use crate::catalog::apps::PARTNER_CUSTOMER_DELEGATED_ADMINISTRATION as GDAP_BACKEND;
use crate::engine::conditions::Condition;
use crate::engine::diagnose;
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::kind::{Kind, Mode, Moment, Report};
use crate::engine::read::{Ask, Seen, Service, Why, list, text};
use crate::engine::step::{Act, Action, Change, Class, Draft, Find, Method, Reading, Step, Wait, Who};
use crate::engine::value::{StepId, Val};

/// What was read of a Partner.
pub struct Observed {
    app_claims: Seen<Arc<Value>>,
    user_claims: Seen<Arc<Value>>,
    organization: Seen<Arc<Value>>,
    gdap_backend: Seen<Arc<Value>>,
    /// Whether the service account is an admin agent.
    admin_agent: Seen<bool>,
}

impl Kind for Partner {
    type Observed = Observed;

    fn address(&self) -> String {
        Partner::address(self)
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn depends_on(&self) -> Vec<String> {
        vec![]
    }

    fn observe(&self, ask: &Ask<'_>) -> Option<Observed> {
        let (app_claims, user_claims, organization, backend, admin_agent) = (
            claims(ask, &self.tenant, "graph", &self.managing_app()),
            claims(ask, &self.tenant, "partnercenter", &self.service_account()),
            home(ask, self, "/organization?$select=id,displayName,verifiedDomains"),
            home(ask, self, &format!("/servicePrincipals(appId='{}')?$select=id,appId", GDAP_BACKEND.app_id)),
            is_admin_agent(ask, self),
        );
        Some(Observed {
            app_claims: app_claims?,
            user_claims: user_claims?,
            organization: organization?,
            gdap_backend: backend?,
            admin_agent: admin_agent?,
        })
    }

    fn plan(&self, seen: &Observed, _: Moment<'_>, out: &mut Draft) {
        let address = self.address();
        for (what, claims, credential) in [
            ("the managing app cannot sign in", &seen.app_claims, "spec.managingApp.credential"),
            ("the service account cannot sign in", &seen.user_claims, SEED),
        ] {
            if let Seen::Unknown(why) = claims {
                out.diagnostics.push(diagnose::of_why(&address, what, why).path(at_fault(why, credential)));
                return;
            }
        }
        if seen.user_claims.is().is_some_and(|claims| !has_mfa(claims)) {
            out.diagnostics.push(
                Diagnostic::error(&address, "the service account's sign-in had no MFA")
                    .code("MfaRequired")
                    .detail("Partner Center takes only sign-ins with MFA, so no customer could be entered.")
                    .remedy("Sign the service account in again with MFA and give the new refresh token as the seed.")
                    .path(SEED),
            );
            return;
        }
        self.plan_backend(seen, out);
        if seen.admin_agent == Seen::Is(false) {
            out.steps.push(Step::new(
                self.admin_agents_wait(),
                Act::Wait(Wait {
                    address: address.clone(),
                    condition: "AdminAgentsMember",
                    reason: "NotMember",
                    who: Who::Partner,
                    link: Some("https://partner.microsoft.com/dashboard/account/v3/usermanagement".into()),
                    since: None,
                    deadline: None,
                    what: format!(
                        "Add {} as Admin agent: Partner Center → Settings → Account settings → User management.",
                        self.service_account
                    ),
                }),
            ));
        }
    }

    fn report(&self, seen: &Observed, _: Moment<'_>) -> Report {
        let mut report = Report::default();
        report.conditions.push(match &seen.app_claims {
            Seen::Is(_) => Condition::yes("AppOnlyReady", "Ready", "the managing app signs in"),
            Seen::Not => Condition::unknown("AppOnlyReady", "the token service gave no answer"),
            Seen::Unknown(why) => Condition::of_why("AppOnlyReady", why, "CredentialInvalid"),
        });
        report.conditions.push(match &seen.user_claims {
            Seen::Is(claims) if !has_mfa(claims) => {
                Condition::no("DelegatedReady", "MfaRequired", "the service account's sign-in had no MFA")
            }
            Seen::Is(_) => Condition::yes("DelegatedReady", "Ready", "the service account signs in with MFA"),
            Seen::Not => Condition::unknown("DelegatedReady", "the token service gave no answer"),
            Seen::Unknown(why) => Condition::of_why("DelegatedReady", why, "CredentialInvalid"),
        });
        report.conditions.push(match &seen.admin_agent {
            Seen::Is(true) => Condition::yes("AdminAgentsMember", "Member", "the service account is an admin agent"),
            Seen::Is(false) => {
                let message = format!("{} is not in AdminAgents", self.service_account);
                Condition::no("AdminAgentsMember", "NotMember", message)
            }
            Seen::Not => Condition::no("AdminAgentsMember", "GroupNotFound", "there is no group AdminAgents"),
            Seen::Unknown(why) => Condition::unreadable("AdminAgentsMember", why),
        });
        if let Seen::Is(body) = &seen.organization
            && let Some(organization) = list(body).first()
        {
            report.facts.insert("displayName", json!(text(organization, "displayName")));
        }
        report.facts.insert("tenantId", json!(self.tenant.as_str()));
        report
    }
}

impl Partner {
    /// App-only GDAP calls need a service principal of Microsoft's backend (Graph: delegated
    /// admin relationships, overview).
    fn plan_backend(&self, seen: &Observed, out: &mut Draft) {
        match &seen.gdap_backend {
            Seen::Is(_) => out.unchanged += 1,
            Seen::Unknown(why) => {
                let doing = "service principals of the partner tenant cannot be read";
                out.diagnostics.push(diagnose::of_why(&self.address(), doing, why));
            }
            Seen::Not => {
                let address = format!("{}:principal/partner-customer-delegated-administration", self.address());
                let id = StepId::new(&address, "send");
                let body = Val::object([("appId", GDAP_BACKEND.app_id.into())]);
                let send = at_home(self, Method::Post, "/servicePrincipals".into(), Some(body));
                out.steps.push(
                    Step::new(id, Act::Send(send))
                        .lookup(Reading {
                            tenant: self.tenant.clone(),
                            service: Service::Graph,
                            actor: self.managing_app(),
                            path: Val::text(format!("/servicePrincipals(appId='{}')", GDAP_BACKEND.app_id)),
                            all_pages: false,
                            find: Find::here([]),
                        })
                        .stales(&self.tenant, Service::Graph, "/servicePrincipals")
                        .stales(&self.tenant, Service::Graph, reads::RELATIONSHIPS)
                        .needs(need(self, WRITE_APPS, "AppOnlyReady", "RoleMissing")),
                );
                out.changes.push(Change {
                    address,
                    class: Class::Application,
                    action: Action::Create,
                    before: Value::Null,
                    after: json!({"app": GDAP_BACKEND.display_name}),
                    volatile: &[],
                    sensitive: vec![],
                    origin: "built-in".into(),
                    reason: "Microsoft answers app-only GDAP calls only when it is there".into(),
                });
            }
        }
    }

    /// What calls on behalf of the service account at Partner Center come after, where it is planned.
    pub fn admin_agents_wait(&self) -> StepId {
        StepId::new(&format!("{}:adminAgents", self.address()), "wait")
    }

    /// The step that later GDAP calls come after, where it is planned.
    pub fn backend_step(&self) -> StepId {
        StepId::new(&format!("{}:principal/partner-customer-delegated-administration", self.address()), "send")
    }
}

const SEED: &str = "spec.managingApp.serviceAccount.refreshToken.seed";

/// The field that a refused sign-in is about; none where the server did not answer.
fn at_fault(why: &Why, credential: &'static str) -> &'static str {
    match why {
        Why::Failed(_) => "",
        Why::Refused(refusal) => match refusal.aadsts() {
            Some(90002 | 900_023) => "spec.tenantId",
            Some(700_016) => "spec.managingApp.clientId",
            _ => credential,
        },
    }
}

fn has_mfa(claims: &Value) -> bool {
    let amr = claims.get("amr").and_then(Value::as_array);
    amr.is_some_and(|amr| amr.iter().any(|method| method == "mfa"))
}

/// Whether the service account is an admin agent: Partner Center lets nobody else act for customers.
pub fn is_admin_agent(ask: &Ask<'_>, partner: &Partner) -> Option<Seen<bool>> {
    let path = format!("/users/{}/memberOf?$select=id,displayName", partner.service_account);
    let (agents, member_of) = (reads::admin_agents(ask, partner), home_list(ask, partner, &path));
    let member_of = member_of?;
    Some(agents?.and_then(|group| member_of.map(|of| of.iter().any(|g| text(g, "id") == group))))
}

/// Whether Microsoft's GDAP backend has its principal already.
pub fn backend_is_there(ask: &Ask<'_>, partner: &Partner) -> Option<Seen<bool>> {
    let path = format!("/servicePrincipals(appId='{}')?$select=id,appId", GDAP_BACKEND.app_id);
    Some(match home(ask, partner, &path)? {
        Seen::Is(_) => Seen::Is(true),
        Seen::Not => Seen::Is(false),
        Seen::Unknown(why) => Seen::Unknown(why),
    })
}
