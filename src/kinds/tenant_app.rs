//! One app in one customer tenant: its principal, its app roles, its Exchange role. Rung 3 of
//! the ladder, done with the service account's token.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::grants::{self, Compared, ResourceIds, RoleIds};
use super::reads::{self, SeenRoles};
use super::want::{App, Tenant, Use};
use crate::catalog::apps::{EXCHANGE_ONLINE, MICROSOFT_GRAPH, Resource};
use crate::catalog::ladder::Rung;
use crate::catalog::roles;
use crate::engine::read::{Actor, Ask, Key, Refusal, Seen, Service, Why, text};
use crate::engine::step::{Act, Action, Change, Class, Draft, Find, Method, Reading, Send, Step, Wait, Who};
use crate::engine::value::{StepId, Val};

/// What was read of an app in a customer tenant.
pub struct SeenApp {
    /// Client id, as the partner tenant has the app.
    pub app_id: Option<String>,
    roles: RoleIds,
    names: BTreeMap<Resource, Arc<SeenRoles>>,
    pub principal: Seen<Arc<Value>>,
    assignments: Seen<Vec<Value>>,
    resources: ResourceIds,
    /// Who holds the Exchange role in the tenant.
    holders: Seen<Vec<Value>>,
    /// Why the app at home, or the permissions of its resources, could not be read.
    home: Option<Why>,
    /// What the app's own tokens say of it, where we cannot look for lack of the foothold.
    itself: Option<Itself>,
    /// Probes with the app's own token.
    pub users: Option<Seen<Arc<Value>>>,
    pub exchange: Option<Seen<Arc<Value>>>,
}

/// An app in a tenant as its own tokens show it: who it is there, and what it may do.
struct Itself {
    object_id: String,
    permissions: BTreeSet<String>,
    /// Directory roles, by template id.
    directory_roles: BTreeSet<String>,
}

impl Itself {
    /// `None` where a token says nothing: the app is not there, or is not ours to sign in as.
    fn read(app: &App, tokens: &[(Resource, Seen<Arc<Value>>)]) -> Option<Itself> {
        let mut itself =
            Itself { object_id: String::new(), permissions: BTreeSet::new(), directory_roles: BTreeSet::new() };
        for (resource, claims) in tokens {
            let claims = claims.is()?;
            let list = |name: &str| {
                let all = claims.get(name).and_then(Value::as_array).into_iter().flatten();
                all.filter_map(Value::as_str).collect::<Vec<_>>()
            };
            itself.object_id = text(claims, "oid").to_owned();
            itself.permissions.extend(list("roles").iter().map(|role| format!("{}/{role}", resource.word)));
            itself.directory_roles.extend(list("wids").iter().map(|role| role.to_ascii_lowercase()));
        }
        let asked = |r: &Resource| tokens.iter().any(|(asked, _)| asked == r);
        (!itself.object_id.is_empty() && app.resources().iter().all(asked)).then_some(itself)
    }
}

impl Use {
    /// `None` while more was asked for. Nothing is asked of a tenant that cannot be entered yet.
    pub fn observe(&self, tenant: &Tenant, entered: bool, ask: &Ask<'_>) -> Option<SeenApp> {
        let app = &self.app;
        let application = reads::application(ask, app);
        let live: Vec<_> = app.resources().into_iter().map(|r| (r, reads::app_roles(ask, &app.partner, r))).collect();
        let application = application?;
        let app_id = application.is().map(|a| text(a, "appId").to_owned());
        let mut seen = SeenApp::nothing(app_id.clone());
        seen.home = application.why().cloned();
        for (resource, roles) in live {
            let roles = roles?;
            seen.home = seen.home.or(roles.why().cloned());
            if let Seen::Is((_, known)) = &*roles {
                for permission in app.permissions.iter().filter(|p| p.resource == resource) {
                    if let Some(id) = known.id(&permission.value) {
                        seen.roles.insert(permission.label(), id.to_owned());
                    }
                }
                seen.names.insert(resource, roles.clone());
            }
        }
        let (Some(app_id), true) = (app_id, entered) else { return Some(seen) };
        let own = |path: String| Key::new(&tenant.customer, Service::Graph, &tenant.partner.service_account(), path);
        let all = |path: String| Key { all_pages: true, ..own(path) };
        let sp = format!("/servicePrincipals(appId='{app_id}')");
        let principal = ask.get(own(format!("{sp}?$select=id,appId,displayName,accountEnabled")));
        let assignments = ask.get(all(format!("{sp}/appRoleAssignments")));
        let resources: Vec<_> = app
            .resources()
            .into_iter()
            .map(|r| (r, ask.get(own(format!("/servicePrincipals(appId='{}')?$select=id,appId", r.app_id)))))
            .collect();
        let holders = match app.exchange_role.filter(|_| self.exchange) {
            Some(role) => ask.get(all(holders_path(role))).map(crate::engine::read::Got::items),
            None => Some(Seen::Is(vec![])),
        };
        let itself = self.own_tokens(tenant, &app_id, ask);
        let (users, exchange) = self.probe(tenant, &app_id, ask);
        seen.principal = principal?.seen();
        seen.assignments = assignments?.items();
        seen.holders = holders?;
        for (resource, got) in resources {
            seen.resources.insert(resource, got?.seen().map(|sp| text(&sp, "id").to_owned()));
        }
        (seen.users, seen.exchange) = (users?, exchange?);
        if seen.principal.why().is_some() {
            seen.itself = Itself::read(app, &itself?);
        }
        if let Some(itself) = &seen.itself {
            seen.principal = Seen::Is(Arc::new(json!({"id": itself.object_id, "appId": app_id})));
        }
        Some(seen)
    }

    /// What the app's own tokens for the tenant say: the same that the probes are made with.
    fn own_tokens(&self, tenant: &Tenant, app_id: &str, ask: &Ask<'_>) -> Option<Vec<(Resource, Seen<Arc<Value>>)>> {
        let Some(actor) = self.app.actor(app_id) else { return Some(vec![]) };
        let resources = self.app.resources();
        let services = [(MICROSOFT_GRAPH, "graph"), (EXCHANGE_ONLINE, "exchange")];
        let used = services.into_iter().filter(|(resource, _)| resources.contains(resource));
        let read = |(resource, service)| (resource, reads::claims(ask, &tenant.customer, service, &actor));
        let all: Vec<_> = used.map(read).collect();
        all.into_iter().map(|(resource, claims)| Some((resource, claims?))).collect()
    }

    /// Live probes: list users, and where it is needed ask Exchange. Each with the app's own token.
    #[allow(clippy::type_complexity)]
    fn probe(
        &self,
        tenant: &Tenant,
        app_id: &str,
        ask: &Ask<'_>,
    ) -> (Option<Option<Seen<Arc<Value>>>>, Option<Option<Seen<Arc<Value>>>>) {
        let Some(actor) = self.app.actor(app_id) else { return (Some(None), Some(None)) };
        let key = |service, path: &str| Key::new(&tenant.customer, service, &actor, path);
        let users = if self.app.lists_users() {
            let path = "/users?$count=true&$top=1&$select=id";
            ask.get(key(Service::Graph, path)).map(|got| Some(got.seen()))
        } else if self.app.resources().contains(&MICROSOFT_GRAPH) {
            ask.get(key(Service::Token, "graph")).map(|got| Some(self.app.carried(got.seen())))
        } else {
            Some(None)
        };
        let exchange = if self.exchange {
            let path = "Get-DistributionGroup?ResultSize=1";
            ask.get(key(Service::Exchange, path)).map(|got| Some(got.seen()))
        } else {
            Some(None)
        };
        (users, exchange)
    }
}

impl App {
    /// Whether listing users is a probe that the app's permissions allow.
    pub fn lists_users(&self) -> bool {
        let enough = ["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
        self.permissions.iter().any(|p| p.resource == MICROSOFT_GRAPH && enough.contains(&p.value.as_str()))
    }

    /// A token that lacks a permission is a refusal like Graph's own.
    fn carried(&self, claims: Seen<Arc<Value>>) -> Seen<Arc<Value>> {
        claims.and_then(|claims| {
            let roles: BTreeSet<&str> =
                claims.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            let wanted = self.permissions.iter().filter(|p| p.resource == MICROSOFT_GRAPH);
            match wanted.map(|p| p.value.as_str()).find(|value| !roles.contains(value)) {
                None => Seen::Is(claims.clone()),
                Some(missing) => Seen::Unknown(Why::Refused(Refusal {
                    status: 403,
                    code: "Authorization_RequestDenied".into(),
                    message: format!("the token does not carry {missing} yet"),
                    request_id: None,
                })),
            }
        })
    }
}

fn holders_path(role: &str) -> String {
    format!("/roleManagement/directory/roleAssignments?$filter=roleDefinitionId eq '{role}'")
}

impl SeenApp {
    fn nothing(app_id: Option<String>) -> SeenApp {
        SeenApp {
            app_id,
            roles: RoleIds::new(),
            names: BTreeMap::new(),
            principal: Seen::Not,
            assignments: Seen::Not,
            resources: ResourceIds::new(),
            holders: Seen::Not,
            home: None,
            itself: None,
            users: None,
            exchange: None,
        }
    }

    /// The first thing that could not be read for a reason of its own.
    pub fn unreadable(&self) -> Option<&Why> {
        let resources = self.resources.values().find_map(Seen::why);
        self.home.as_ref().or(self.principal.why()).or(self.assignments.why()).or(self.holders.why()).or(resources)
    }

    pub fn compared(&self, app: &App) -> Compared {
        if let Some(itself) = &self.itself {
            let missing = app.permissions.iter().filter(|p| !itself.permissions.contains(&p.label()));
            return Compared { missing: missing.cloned().collect(), ..Compared::default() };
        }
        let live = self.assignments.is().cloned().unwrap_or_default();
        let name_of = |resource: &str, role: &str| {
            let (known, _) = self.resources.iter().find(|(_, id)| id.is().is_some_and(|id| id == resource))?;
            Some(format!("{}/{}", known.word, self.names.get(known)?.is()?.1.value(role)))
        };
        grants::compare(&app.permissions, &self.roles, &self.resources, &live, &name_of)
    }

    /// Whether the principal holds the Exchange role.
    pub fn holds_role(&self, app: &App) -> bool {
        if let Some(itself) = &self.itself {
            return app.exchange_role.is_some_and(|role| itself.directory_roles.contains(role));
        }
        let id = self.principal.is().map(|p| text(p, "id").to_owned()).unwrap_or_default();
        !id.is_empty()
            && self
                .holders
                .is()
                .into_iter()
                .flatten()
                .any(|h| text(h, "principalId").eq_ignore_ascii_case(&id) && text(h, "directoryScopeId") == "/")
    }

    pub fn resources_lack_exchange(&self) -> bool {
        self.resources.get(&EXCHANGE_ONLINE) == Some(&Seen::Not)
    }

    /// A resource that the tenant does not have, though it was looked for.
    pub fn lacks(&self) -> Option<&Resource> {
        self.resources.iter().find(|(_, id)| **id == Seen::Not).map(|(r, _)| r)
    }
}

/// Plans the rungs of one app.
pub struct Rungs<'a> {
    pub tenant: &'a Tenant,
    /// The steps that open the tenant.
    pub after: Vec<StepId>,
    /// Template ids of the roles that the service account has there, or will have.
    pub roles: BTreeSet<String>,
}

impl Rungs<'_> {
    pub fn plan(&self, one: &Use, seen: &SeenApp, out: &mut Draft) {
        let app = &one.app;
        let registered = StepId::new(&format!("{}:application", app.address()), "send");
        let app_id = seen.app_id.as_ref().map_or_else(|| Val::out(&registered, "/appId"), Val::from);
        let sp = self.principal(app, seen, &app_id, out);
        self.consent(app, seen, &sp, out);
        if let Some(role) = app.exchange_role.filter(|_| one.exchange) {
            self.exchange_role(app, role, seen, &sp, out);
        }
    }

    fn send(&self, method: Method, path: Val, body: Option<Val>) -> Act {
        Act::Send(Send {
            tenant: self.tenant.customer.clone(),
            service: Service::Graph,
            actor: self.actor(),
            method,
            path,
            body,
            headers: vec![],
        })
    }

    fn actor(&self) -> Actor {
        self.tenant.partner.service_account()
    }

    fn reading(&self, path: Val, all_pages: bool, find: Find) -> Reading {
        let tenant = self.tenant.customer.clone();
        Reading { tenant, service: Service::Graph, actor: self.actor(), path, all_pages, find }
    }

    fn step(&self, id: StepId, act: Act, stale: &str) -> Step {
        let mut step = Step::new(id, act).stales(&self.tenant.customer, Service::Graph, stale);
        step.after.extend(self.after.iter().cloned());
        // Probes are made with tokens issued after the last grant.
        step.stales.extend(self.probes());
        step.drops_tokens(&self.tenant.customer)
    }

    fn probes(&self) -> [crate::engine::step::Stale; 3] {
        let stale = |service, path: &str| crate::engine::step::Stale::Path {
            tenant: self.tenant.customer.clone(),
            service,
            path: path.into(),
        };
        [stale(Service::Graph, "/users"), stale(Service::Exchange, ""), stale(Service::Token, "")]
    }

    fn principal(&self, app: &App, seen: &SeenApp, app_id: &Val, out: &mut Draft) -> Val {
        if let Seen::Is(principal) = &seen.principal {
            out.unchanged += 1;
            return text(principal, "id").into();
        }
        let address = format!("{}:principal/{}", self.tenant.address(), app.name);
        let id = StepId::new(&address, "send");
        let path = Val::path(["/servicePrincipals(appId='".into(), app_id.clone(), "')".into()]);
        let body = Val::object([("appId", app_id.clone())]);
        let act = self.send(Method::Post, "/servicePrincipals".into(), Some(body));
        out.steps.push(self.step(id.clone(), act, "/servicePrincipals").lookup(self.reading(
            path,
            false,
            Find::here([]),
        )));
        out.changes.push(Change {
            address,
            class: Class::Consent,
            action: Action::Create,
            before: Value::Null,
            after: json!({"app": app.display_name, "tenant": self.tenant.domain}),
            volatile: &[],
            sensitive: vec![],
            origin: "from the ladder".into(),
            reason: "the app has no service principal in the tenant".into(),
        });
        Val::out(&id, "/id")
    }

    fn consent(&self, app: &App, seen: &SeenApp, sp: &Val, out: &mut Draft) {
        let compared = seen.compared(app);
        if compared.same() {
            out.unchanged += 1;
            return;
        }
        let address = format!("{}:consent/{}", self.tenant.address(), app.name);
        let own = |tail: String| {
            Val::path(["/servicePrincipals/".into(), sp.clone(), format!("/appRoleAssignments{tail}").into()])
        };
        for permission in &compared.missing {
            let resource = self.resource(app, permission.resource, seen, out);
            let role = seen.roles.get(&permission.label()).cloned().unwrap_or_default();
            let body = Val::object([
                ("principalId", sp.clone()),
                ("resourceId", resource.clone()),
                ("appRoleId", role.as_str().into()),
            ]);
            let find = Find::among([("/appRoleId", role.into()), ("/resourceId", resource)]);
            let act = self.send(Method::Post, own(String::new()), Some(body));
            let id = StepId::new(&address, &permission.label());
            out.steps.push(self.step(id, act, "/servicePrincipals").lookup(self.reading(
                own(String::new()),
                true,
                find,
            )));
        }
        for extra in &compared.extra {
            let act = self.send(Method::Delete, own(format!("/{}", extra.id)), None);
            out.steps.push(self.step(
                StepId::new(&address, &format!("remove {}", extra.label)),
                act,
                "/servicePrincipals",
            ));
        }
        let mut change = grants::change(address, &compared, app);
        let rungs = compared.missing.iter().map(|p| Rung::of_app_role(p.resource)).collect();
        change.reason = format!("{}; {}", change.reason, self.way(&rungs));
        out.changes.push(change);
    }

    /// Who does it, and by which roles: what a reviewer compares with the other way, the customer's own administrator.
    fn way(&self, rungs: &BTreeSet<Rung>) -> String {
        let held = |rung: &Rung| rung.roles().iter().find(|role| self.roles.contains(**role));
        let role = |rung: &Rung| held(rung).map(|role| roles::name(role));
        let names: BTreeSet<&str> = rungs.iter().filter_map(role).collect();
        let names: Vec<&str> = names.into_iter().collect();
        format!("by the service account through GDAP, as {}", names.join(" and "))
    }

    /// The resource's principal in the tenant: known, or read once the tenant is open.
    fn resource(&self, app: &App, resource: Resource, seen: &SeenApp, out: &mut Draft) -> Val {
        if let Some(Seen::Is(id)) = seen.resources.get(&resource) {
            return id.into();
        }
        let address = format!("{}:consent/{}", self.tenant.address(), app.name);
        let id = StepId::new(&address, &format!("find {}", resource.word));
        if !out.steps.iter().any(|s| s.id == id) {
            let path = format!("/servicePrincipals(appId='{}')?$select=id,appId", resource.app_id);
            let mut step = Step::new(id.clone(), Act::Read(self.reading(path.into(), false, Find::here([]))));
            step.after.extend(self.after.iter().cloned());
            out.steps.push(step);
        }
        Val::out(&id, "/id")
    }

    fn exchange_role(&self, app: &App, role: &'static str, seen: &SeenApp, sp: &Val, out: &mut Draft) {
        if seen.holds_role(app) {
            out.unchanged += 1;
            return;
        }
        let address = exchange_address(self.tenant, app);
        if !Rung::DirectoryRole.allowed(&self.roles) {
            out.steps.extend(self.exchange_role_by_hand(app, role, &address, seen));
            return;
        }
        let body = Val::object([
            ("roleDefinitionId", role.into()),
            ("principalId", sp.clone()),
            ("directoryScopeId", "/".into()),
        ]);
        let act = self.send(Method::Post, "/roleManagement/directory/roleAssignments".into(), Some(body));
        let lookup = self.reading(holders_path(role).into(), true, Find::among([("/principalId", sp.clone())]));
        out.steps.push(self.step(StepId::new(&address, "send"), act, "/roleManagement").lookup(lookup));
        out.changes.push(Change {
            address,
            class: Class::DirectoryRole,
            action: Action::Create,
            before: Value::Null,
            after: json!({"app": app.display_name, "role": roles::name(role), "tenant": self.tenant.domain}),
            volatile: &[],
            sensitive: vec![],
            origin: app.origin.clone(),
            reason: format!(
                "Exchange takes an app only with this role on its principal in this tenant; {}",
                self.way(&[Rung::DirectoryRole].into())
            ),
        });
    }
}

impl Rungs<'_> {
    /// What a person of the customer has to do, once there is a principal to be found in the picker.
    fn exchange_role_by_hand(&self, app: &App, role: &str, address: &str, seen: &SeenApp) -> Option<Step> {
        seen.principal.is()?;
        let (role, app_id) = (roles::name(role), seen.app_id.as_deref().unwrap_or_default());
        let wait = Wait {
            address: self.tenant.address(),
            condition: "ExchangeReady",
            reason: "Pending",
            who: Who::Customer,
            link: Some(Val::text(format!("https://entra.microsoft.com/{}/{ROLES}", self.tenant.customer))),
            since: None,
            deadline: None,
            what: format!(
                "GDAP gives no role that may assign {role}. A Privileged Role Administrator or Global Administrator of \
                 the customer opens the link: Identity → Roles & admins → {role} → Add assignment → {} (client id {app_id}).",
                app.display_name
            ),
        };
        Some(Step::new(StepId::new(address, "wait"), Act::Wait(wait)))
    }
}

/// The page of a tenant's directory roles in the Entra admin center.
const ROLES: &str = "#view/Microsoft_AAD_IAM/RolesManagementMenuBlade/~/AllRoles";

/// The address of the Exchange role of an app: also the key of its time in the journal.
pub fn exchange_address(tenant: &Tenant, app: &App) -> String {
    format!("{}:exchangeRole/{}", tenant.address(), app.name)
}
