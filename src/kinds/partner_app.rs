//! PartnerApp: a multi-tenant app in the partner tenant, from registration to AdminAgents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::credential;
use super::grants::{self, Compared, ResourceIds, RoleIds};
use super::permissions;
use super::reads::{
    self, DIRECTORY_OBJECTS, SeenRoles, WRITE_APPS, WRITE_GRANTS, WRITE_GROUPS, at_home, home, home_list, need,
};
use super::want::App;
use crate::catalog::apps::Resource;
use crate::engine::diagnose;
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::guard;
use crate::engine::kind::{Kind, Mode, Moment, Report};
use crate::engine::read::{Ask, Seen, Service, text};
use crate::engine::step::{Act, Action, Change, Class, Draft, Find, Method, Reading, Step, Wait, Who};
use crate::engine::value::{StepId, Val};

/// What was read of a PartnerApp.
pub struct Observed {
    pub(super) application: Seen<Arc<Value>>,
    pub(super) principal: Seen<Arc<Value>>,
    pub(super) assignments: Seen<Vec<Value>>,
    member_of: Seen<Vec<Value>>,
    admin_agents: Seen<String>,
    resources: BTreeMap<Resource, Arc<SeenRoles>>,
    /// What the managing app may do at home; nothing where its token could not be read.
    held: Option<Vec<String>>,
    /// Whether the token service takes the stored credential.
    pub(super) signs_in: Option<Seen<Arc<Value>>>,
}

impl Kind for App {
    type Observed = Observed;

    fn address(&self) -> String {
        App::address(self)
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }

    fn mode(&self) -> Mode {
        self.partner.mode
    }

    fn depends_on(&self) -> Vec<String> {
        vec![self.partner.address()]
    }

    fn observe(&self, ask: &Ask<'_>) -> Option<Observed> {
        let application = reads::application(ask, self);
        let admin_agents = reads::admin_agents(ask, &self.partner);
        let claims = reads::claims(ask, &self.partner.tenant, "graph", &self.partner.managing_app());
        let resources: Vec<_> =
            self.resources().into_iter().map(|r| (r, reads::app_roles(ask, &self.partner, r))).collect();
        let application = application?;
        let (mut principal, mut assignments, mut member_of) = (Some(Seen::Not), Some(Seen::Not), Some(Seen::Not));
        let mut signs_in = Some(None);
        if let Seen::Is(found) = &application {
            let app_id = text(found, "appId");
            let sp = format!("/servicePrincipals(appId='{app_id}')");
            principal = home(ask, &self.partner, &format!("{sp}?$select=id,appId,displayName,accountEnabled"));
            assignments = home_list(ask, &self.partner, &format!("{sp}/appRoleAssignments"));
            member_of = home_list(ask, &self.partner, &format!("{sp}/memberOf?$select=id,displayName"));
            if let Some(actor) = self.actor(app_id) {
                signs_in = reads::claims(ask, &self.partner.tenant, "graph", &actor).map(Some);
            }
        }
        let known: BTreeMap<Resource, _> = resources.into_iter().map(|(r, s)| Some((r, s?))).collect::<Option<_>>()?;
        Some(Observed {
            application,
            principal: principal?,
            assignments: assignments?,
            member_of: member_of?,
            admin_agents: admin_agents?,
            resources: known,
            held: claims?.is().map(|claims| guard::permissions(claims)),
            signs_in: signs_in?,
        })
    }

    fn plan(&self, seen: &Observed, moment: Moment<'_>, out: &mut Draft) {
        if let Some(why) = seen.unreadable() {
            out.diagnostics.push(diagnose::of_why(&self.address(), "the app cannot be read", why));
            return;
        }
        let roles = match self.role_ids(seen) {
            Ok(roles) => roles,
            Err(errors) => return out.diagnostics.extend(errors),
        };
        let application = seen.application.is().map_or(Value::Null, |a| (**a).clone());
        let app_step = self.plan_application(&application, &roles, seen, out);
        let (object_id, app_id) = match (&app_step, application.is_null()) {
            (Some(step), true) => (Val::out(step, "/id"), Val::out(step, "/appId")),
            _ => (text(&application, "id").into(), text(&application, "appId").into()),
        };
        let sp_id = self.plan_principal(seen, &app_id, out);
        for wanted in &self.credentials {
            credential::plan(self, wanted, &application, &object_id, &app_id, moment.now, out);
        }
        if let Some(Seen::Unknown(why)) = &seen.signs_in
            && let Some(since) = credential::on_its_way(self, why, moment.now)
        {
            let wait = Wait {
                address: self.address(),
                condition: "Propagated",
                reason: "Waiting",
                who: Who::Microsoft,
                link: None,
                since: Some(since),
                deadline: since.checked_add(jiff::SignedDuration::from_mins(2)).ok(),
                what: "The token service does not know the new secret yet; it takes seconds.".into(),
            };
            let id = StepId::new(&format!("{}:secret", self.address()), "wait");
            out.steps.push(Step::new(id, Act::Wait(wait)));
        }
        if self.partner_consent {
            self.plan_consent(seen, &roles, &sp_id, &app_id, out);
        }
        if self.admin_agents {
            self.plan_admin_agents(seen, &sp_id, &app_id, out);
        }
    }

    fn report(&self, seen: &Observed, moment: Moment<'_>) -> Report {
        self.report_of(seen, moment)
    }
}

impl Observed {
    pub(super) fn unreadable(&self) -> Option<&crate::engine::read::Why> {
        let resources = self.resources.values().find_map(|seen| seen.why());
        let own = self.application.why().or(self.principal.why()).or(self.assignments.why());
        own.or(self.member_of.why()).or(self.admin_agents.why()).or(resources)
    }

    pub(super) fn is_admin_agent(&self) -> Seen<bool> {
        match (&self.admin_agents, &self.member_of) {
            (Seen::Is(group), Seen::Is(of)) => Seen::Is(of.iter().any(|g| text(g, "id") == group)),
            (Seen::Is(_), Seen::Not) => Seen::Is(false),
            (Seen::Is(_), Seen::Unknown(why)) | (Seen::Unknown(why), _) => Seen::Unknown(why.clone()),
            (Seen::Not, _) => Seen::Not,
        }
    }

    /// Whether the managing app may do something; where that is not known it is tried, and told.
    pub(super) fn holds(&self, one_of: &[&str]) -> bool {
        self.held.as_ref().is_none_or(|held| one_of.iter().any(|wanted| held.iter().any(|have| have == wanted)))
    }

    /// Said before anything is made; once there is an app to consent to, it is a person's click that is missing.
    pub(super) fn reason_of_hand_consent(&self) -> &'static str {
        if self.application.is().is_some() { "Pending" } else { "InsufficientConsentRole" }
    }

    fn resource_ids(&self) -> ResourceIds {
        self.resources.iter().map(|(r, seen)| (*r, seen.map_ref(|(id, _)| id.clone()))).collect()
    }

    pub(super) fn compared(&self, app: &App, roles: &RoleIds) -> Compared {
        let live = self.assignments.is().cloned().unwrap_or_default();
        let name_of = |resource: &str, role: &str| {
            self.resources.iter().find_map(|(r, seen)| {
                let (id, roles) = seen.is()?;
                (id == resource).then(|| format!("{}/{}", r.word, roles.value(role)))
            })
        };
        grants::compare(&app.permissions, roles, &self.resource_ids(), &live, &name_of)
    }
}

impl App {
    /// Ids of all declared permissions, as their resources have them now.
    pub(super) fn role_ids(&self, seen: &Observed) -> Result<RoleIds, Vec<Diagnostic>> {
        let (mut ids, mut errors) = (RoleIds::new(), Vec::new());
        for permission in &self.permissions {
            match seen.resources.get(&permission.resource).and_then(|seen| seen.is()) {
                Some((_, roles)) => match roles.id(&permission.value) {
                    Some(id) => drop(ids.insert(permission.label(), id.to_owned())),
                    None => errors.push(permissions::unknown(&self.address(), permission, roles)),
                },
                None => errors.push(
                    Diagnostic::error(self.address(), format!("the partner tenant has no {}", permission.resource.display_name))
                        .code("ResourceNotProvisioned")
                        .remedy("The service has to be in use in the partner tenant (licences) before its permissions can be asked for."),
                ),
            }
        }
        if errors.is_empty() { Ok(ids) } else { Err(errors) }
    }

    /// The registration itself; the step, where one is needed.
    fn plan_application(&self, live: &Value, roles: &RoleIds, seen: &Observed, out: &mut Draft) -> Option<StepId> {
        let address = format!("{}:application", self.address());
        let id = StepId::new(&address, "send");
        let (before, after) = (self.application_before(live, seen), self.application_after());
        if before == after {
            out.unchanged += 1;
            return None;
        }
        let mut body = json!({
            "displayName": self.display_name,
            "signInAudience": self.audience,
            "requiredResourceAccess": self.required_resource_access(roles),
        });
        for (platform, uris) in self.platforms() {
            if let Some(uris) = uris {
                body[platform] = json!({ "redirectUris": uris });
            }
        }
        let path = match live {
            Value::Null => format!("/applications(uniqueName='{}')", self.unique_name),
            live => format!("/applications/{}", text(live, "id")),
        };
        let mut send = at_home(&self.partner, Method::Patch, path.into(), Some(body.into()));
        if live.is_null() {
            // Creating by the mark finds what a cut-off run made, and never makes a second one.
            send.headers.push(("Prefer", "create-if-missing".to_owned()));
        }
        let mut step = Step::new(id.clone(), Act::Send(send));
        if live.is_null() {
            let find = Find::here([("/displayName", self.display_name.as_str().into())]);
            step =
                step.lookup(Reading { all_pages: false, ..self.reading(reads::application_path(self).into(), find) });
        }
        out.steps.push(
            step.serial(self.address()).stales(&self.partner.tenant, Service::Graph, "/applications").needs(need(
                &self.partner,
                WRITE_APPS,
                "AppRegistered",
                "RoleMissing",
            )),
        );
        out.changes.push(Change {
            address,
            class: Class::Application,
            action: if live.is_null() { Action::Create } else { Action::Update },
            reason: if live.is_null() {
                "it is not registered".into()
            } else {
                "it differs from what is declared".into()
            },
            before,
            after,
            volatile: &[],
            sensitive: vec![],
            origin: self.origin.clone(),
        });
        Some(id)
    }

    fn platforms(&self) -> [(&'static str, &Option<BTreeSet<String>>); 3] {
        let uris = &self.redirect_uris;
        [("web", &uris.web), ("spa", &uris.spa), ("publicClient", &uris.public_client)]
    }

    fn required_resource_access(&self, roles: &RoleIds) -> Value {
        let of = |resource: &Resource| -> Vec<Value> {
            let permissions = self.permissions.iter().filter(|p| p.resource == *resource);
            permissions.filter_map(|p| Some(json!({"id": roles.get(&p.label())?, "type": "Role"}))).collect()
        };
        let resources = self.resources();
        resources.iter().map(|r| json!({"resourceAppId": r.app_id, "resourceAccess": of(r)})).collect()
    }

    pub(super) fn application_after(&self) -> Value {
        let mut after = json!({
            "displayName": self.display_name,
            "uniqueName": self.unique_name,
            "signInAudience": self.audience,
            "permissions": self.permissions.iter().map(super::want::Permission::label).collect::<BTreeSet<_>>(),
        });
        for (platform, uris) in self.platforms() {
            if let Some(uris) = uris {
                after["redirectUris"][platform] = json!(uris);
            }
        }
        after
    }

    pub(super) fn application_before(&self, live: &Value, seen: &Observed) -> Value {
        if live.is_null() {
            return Value::Null;
        }
        let mut before = json!({
            "displayName": live["displayName"],
            "uniqueName": live["uniqueName"],
            "signInAudience": live["signInAudience"],
            "permissions": self.live_permissions(live, seen),
        });
        for (platform, uris) in self.platforms() {
            if uris.is_some() {
                let live: BTreeSet<&str> =
                    live[platform]["redirectUris"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                before["redirectUris"][platform] = json!(live);
            }
        }
        before
    }

    /// Permissions that the registration asks for, by name where the name is known.
    pub(super) fn live_permissions(&self, live: &Value, seen: &Observed) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        for resource in live["requiredResourceAccess"].as_array().into_iter().flatten() {
            let app_id = text(resource, "resourceAppId");
            let known = seen.resources.iter().find(|(r, _)| r.app_id.eq_ignore_ascii_case(app_id));
            for access in resource["resourceAccess"].as_array().into_iter().flatten() {
                let (id, delegated) = (text(access, "id"), text(access, "type") == "Scope");
                let value = known.and_then(|(_, s)| s.is()).map_or(id, |(_, roles)| roles.value(id));
                let word = known.map_or(app_id, |(r, _)| r.word);
                labels.insert(if delegated {
                    format!("{word}/{value} (delegated)")
                } else {
                    format!("{word}/{value}")
                });
            }
        }
        labels
    }

    /// The service principal at home; its id, known or the result of its step.
    fn plan_principal(&self, seen: &Observed, app_id: &Val, out: &mut Draft) -> Val {
        if let Seen::Is(principal) = &seen.principal {
            out.unchanged += 1;
            return text(principal, "id").into();
        }
        let address = format!("{}:principal", self.address());
        let id = StepId::new(&address, "send");
        let body = Val::object([("appId", app_id.clone())]);
        let path = Val::path(["/servicePrincipals(appId='".into(), app_id.clone(), "')".into()]);
        out.steps.push(
            Step::new(
                id.clone(),
                Act::Send(at_home(&self.partner, Method::Post, "/servicePrincipals".into(), Some(body))),
            )
            .lookup(Reading {
                tenant: self.partner.tenant.clone(),
                service: Service::Graph,
                actor: self.partner.managing_app(),
                path,
                all_pages: false,
                find: Find::here([]),
            })
            .stales(&self.partner.tenant, Service::Graph, "/servicePrincipals")
            .stales(&self.partner.tenant, Service::Token, "")
            .drops_tokens(&self.partner.tenant)
            .needs(need(&self.partner, WRITE_APPS, "AppRegistered", "RoleMissing")),
        );
        out.changes.push(Change {
            address,
            class: Class::Application,
            action: Action::Create,
            before: Value::Null,
            after: json!({"app": self.display_name}),
            volatile: &[],
            sensitive: vec![],
            origin: "from the ladder".into(),
            reason: "the app has no service principal in the partner tenant".into(),
        });
        Val::out(&id, "/id")
    }

    fn plan_consent(&self, seen: &Observed, roles: &RoleIds, sp_id: &Val, app_id: &Val, out: &mut Draft) {
        let compared = seen.compared(self, roles);
        if compared.same() {
            out.unchanged += 1;
            return;
        }
        let address = format!("{}:partnerConsent", self.address());
        if !seen.holds(WRITE_GRANTS) {
            let (tenant, page) = (self.partner.tenant.as_str(), "https://login.microsoftonline.com");
            let link = Val::path([format!("{page}/{tenant}/adminconsent?client_id=").into(), app_id.clone()]);
            let wanted: Vec<String> = compared.missing.iter().map(super::want::Permission::label).collect();
            let what = format!(
                "The managing app lacks AppRoleAssignment.ReadWrite.All. A Global Administrator or Privileged Role \
                 Administrator of the partner tenant opens the link and accepts: {}.",
                wanted.join(", ")
            );
            let reason = seen.reason_of_hand_consent();
            return out.steps.push(self.by_hand(&address, "PartnerConsentGranted", reason, link, what));
        }
        let ids = seen.resource_ids();
        let own = |tail: &str| {
            Val::path(["/servicePrincipals/".into(), sp_id.clone(), format!("/appRoleAssignments{tail}").into()])
        };
        let common = |step: Step| {
            step.stales(&self.partner.tenant, Service::Graph, "/servicePrincipals")
                .drops_tokens(&self.partner.tenant)
                .needs(need(&self.partner, WRITE_GRANTS, "PartnerConsentGranted", "InsufficientConsentRole"))
        };
        for permission in &compared.missing {
            let resource = ids.get(&permission.resource).and_then(Seen::is).cloned().unwrap_or_default();
            let role = roles.get(&permission.label()).cloned().unwrap_or_default();
            let body = Val::object([
                ("principalId", sp_id.clone()),
                ("resourceId", resource.as_str().into()),
                ("appRoleId", role.as_str().into()),
            ]);
            let send = at_home(&self.partner, Method::Post, own(""), Some(body));
            let find = Find::among([("/appRoleId", role.into()), ("/resourceId", resource.into())]);
            let step = Step::new(StepId::new(&address, &permission.label()), Act::Send(send));
            out.steps.push(common(step.lookup(self.reading(own(""), find))));
        }
        for extra in &compared.extra {
            let send = at_home(&self.partner, Method::Delete, own(&format!("/{}", extra.id)), None);
            out.steps
                .push(common(Step::new(StepId::new(&address, &format!("remove {}", extra.label)), Act::Send(send))));
        }
        out.changes.push(grants::change(address, &compared, self));
    }

    /// What a person has to do because the managing app may not.
    fn by_hand(&self, address: &str, condition: &'static str, reason: &'static str, link: Val, what: String) -> Step {
        let wait = Wait {
            address: self.address(),
            condition,
            reason,
            who: Who::Partner,
            link: Some(link),
            since: None,
            deadline: None,
            what,
        };
        Step::new(StepId::new(address, "wait"), Act::Wait(wait))
    }

    fn reading(&self, path: Val, find: Find) -> Reading {
        Reading {
            tenant: self.partner.tenant.clone(),
            service: Service::Graph,
            actor: self.partner.managing_app(),
            path,
            all_pages: true,
            find,
        }
    }

    fn plan_admin_agents(&self, seen: &Observed, sp_id: &Val, app_id: &Val, out: &mut Draft) {
        let group = match (&seen.admin_agents, seen.is_admin_agent()) {
            (_, Seen::Is(true)) => {
                out.unchanged += 1;
                return;
            }
            (Seen::Is(group), _) => group.clone(),
            _ => {
                let error = Diagnostic::error(self.address(), "the partner tenant has no group AdminAgents")
                    .code("GroupNotFound")
                    .remedy("Check Partner.spec.tenantId: every partner tenant has that group.");
                return out.diagnostics.push(error);
            }
        };
        let address = format!("{}:adminAgents", self.address());
        if !seen.holds(WRITE_GROUPS) {
            let id = seen.principal.is().map_or("known once it is made", |p| text(p, "id"));
            let what = format!(
                "The managing app may not change AdminAgents. In Partner Center: Settings → Account settings → User \
                 management → Admin Agents → Add member: {} (object id {id}).",
                self.display_name
            );
            let link = "https://partner.microsoft.com/dashboard/account/v3/usermanagement".into();
            return out.steps.push(self.by_hand(&address, "AdminAgentsMember", "NotMember", link, what));
        }
        let body = Val::object([("@odata.id", Val::path([DIRECTORY_OBJECTS.into(), sp_id.clone()]))]);
        let path = format!("/groups/{group}/members/$ref");
        let member_of = Val::path(["/servicePrincipals(appId='".into(), app_id.clone(), "')/memberOf".into()]);
        out.steps.push(
            Step::new(
                StepId::new(&address, "send"),
                Act::Send(at_home(&self.partner, Method::Post, path.into(), Some(body))),
            )
            .lookup(self.reading(member_of, Find::among([("/id", group.into())])))
            .stales(&self.partner.tenant, Service::Graph, "/servicePrincipals")
            .needs(need(&self.partner, WRITE_GROUPS, "AdminAgentsMember", "NotMember")),
        );
        out.changes.push(Change {
            address,
            class: Class::GroupMembership,
            action: Action::Create,
            before: Value::Null,
            after: json!({"group": "AdminAgents", "member": self.display_name}),
            volatile: &[],
            sensitive: vec![],
            origin: self.origin.clone(),
            reason: "Partner Center lets only admin agents act for customers".into(),
        });
    }
}
