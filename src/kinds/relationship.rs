//! GdapRelationship: asked for, locked, accepted by the customer, and our groups assigned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::gdap_template::{group, group_step};
use super::partner::backend_is_there;
use super::reads::{self, RELATIONSHIPS, WRITE_GDAP, at_home, home_list, need};
use super::relationship_state::{Index, Live, Stage, stage};
use super::want::{Group, LONGEST_NAME, Relationship};
use crate::catalog::roles;
use crate::engine::conditions::Condition;
use crate::engine::diagnose;
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::kind::{Kind, Mode, Moment, Report};
use crate::engine::read::{Ask, Seen, Service, Why, text};
use crate::engine::step::{Act, Action, Change, Class, Draft, Find, Method, Reading, Step, Wait, Who};
use crate::engine::value::{StepId, Val};

const PATH: &str = "/tenantRelationships/delegatedAdminRelationships";
/// Where the customer's administrator accepts (Graph: delegatedAdminRelationship, approval link).
pub const APPROVAL: &str =
    "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/";
/// An invitation that is older can no longer be accepted (GDAP FAQ).
const INVITATION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What was read of a relationship.
pub struct Observed {
    pub stage: Seen<Stage>,
    /// Our groups, in the template's order.
    groups: Vec<Seen<Arc<Value>>>,
    /// Assignments by relationship id.
    assignments: BTreeMap<String, Seen<Vec<Value>>>,
    backend_is_there: bool,
    /// The declared domain belongs to the declared tenant.
    is_the_domains: bool,
}

/// How one of our groups stands on its relationship.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assigned {
    Active,
    Pending,
    Error,
    No,
}

impl Kind for Relationship {
    type Observed = Observed;

    fn address(&self) -> String {
        Relationship::address(self)
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn depends_on(&self) -> Vec<String> {
        vec![self.template.partner.address(), self.template.address()]
    }

    fn observe(&self, ask: &Ask<'_>) -> Option<Observed> {
        let partner = &self.template.partner;
        let backend = backend_is_there(ask, partner);
        let all = reads::relationships(ask, partner);
        let domain = reads::owner_of_domain(ask, partner, &self.domain);
        let groups: Vec<_> = self.template.groups.iter().map(|g| group(ask, partner, g)).collect();
        let backend = backend?;
        let domain = domain?;
        let stage = match (&*all?, &backend) {
            // Before Microsoft's backend has its principal, app-only calls are refused: there is nothing yet.
            (_, Seen::Is(false)) => Seen::Is(stage(self, &Index::default())),
            (Seen::Is(all), _) => Seen::Is(stage(self, all)),
            (Seen::Unknown(why), _) | (Seen::Not, Seen::Unknown(why)) => Seen::Unknown(why.clone()),
            (Seen::Not, _) => Seen::Is(stage(self, &Index::default())),
        };
        let mut assignments = BTreeMap::new();
        if let Some(Stage::Active(carriers) | Stage::RolesMissing { carriers, .. }) = stage.is() {
            for id in carriers.values().map(|r| &r.id) {
                assignments.insert(id.clone(), home_list(ask, partner, &format!("{PATH}/{id}/accessAssignments")));
            }
        }
        let assignments = assignments.into_iter().map(|(id, seen)| Some((id, seen?))).collect::<Option<_>>()?;
        Some(Observed {
            stage,
            groups: groups.into_iter().collect::<Option<_>>()?,
            assignments,
            is_the_domains: domain
                .is()
                .is_some_and(|d| text(d, "tenantId").eq_ignore_ascii_case(self.customer.as_str())),
            backend_is_there: backend != Seen::Is(false),
        })
    }

    fn plan(&self, seen: &Observed, moment: Moment<'_>, out: &mut Draft) {
        if !self.sufficient || !seen.is_the_domains {
            return; // the Tenant says what is wrong; nobody is asked before it is right
        }
        if let Some(why) = seen.unreadable() {
            let error = diagnose::of_why(&self.address(), "GDAP relationships cannot be read", why);
            // The list is everybody's; the assignments are this customer's own.
            out.diagnostics.push(if seen.stage.why().is_some() { error } else { error.of_object() });
            return;
        }
        let Some(stage) = seen.stage.is() else { return };
        match stage {
            Stage::Create { name } => self.plan_new(name, None, seen, out),
            Stage::Lock(live) => self.plan_new(&live.name, Some(live), seen, out),
            Stage::Approval(live) => {
                out.unchanged += 1;
                let since = live.changed;
                let wait = self.approval(Val::text(format!("{APPROVAL}{}", live.id)), since);
                out.steps.push(Step::new(self.gate(), Act::Wait(wait)));
                self.plan_assignments(seen, &|_| live.id.as_str().into(), Some(&self.gate()), out);
            }
            Stage::Activating(live) => {
                out.unchanged += 1;
                out.steps.push(Step::new(
                    self.gate(),
                    Act::Wait(self.microsoft("GdapActive", "Activating", live.changed, moment)),
                ));
                self.plan_assignments(seen, &|_| live.id.as_str().into(), Some(&self.gate()), out);
            }
            Stage::Active(carriers) | Stage::RolesMissing { carriers, .. } => {
                out.unchanged += 1;
                if let Stage::RolesMissing { of, missing, .. } = stage {
                    out.diagnostics.push(self.roles_missing(of, missing.iter()));
                }
                let id = |group: &Group| carriers.get(&group.role_id).map_or(Val::text(""), |r| r.id.as_str().into());
                self.plan_assignments(seen, &id, None, out);
                if self.template.groups.iter().any(|g| seen.assigned(self, g) == Assigned::Pending) {
                    let wait = self.microsoft("AccessAssigned", "Pending", None, moment);
                    out.steps.push(Step::new(self.gate(), Act::Wait(wait)));
                }
            }
            Stage::Ended(live) => {
                let wait = Wait {
                    address: self.tenant_address(),
                    condition: "GdapActive",
                    reason: "TerminatedByCustomer",
                    who: Who::Partner,
                    link: None,
                    since: live.changed,
                    deadline: None,
                    what: format!(
                        "{} was ended ({}); it is not asked for again without a person.",
                        live.name, live.status
                    ),
                };
                out.steps.push(Step::new(self.gate(), Act::Wait(wait)));
            }
            Stage::NameTaken { name } => out.diagnostics.push(
                Diagnostic::error(self.address(), format!("a relationship with another customer is called {name}"))
                    .code("NameNotUnique")
                    .remedy("Names stay taken after the end: change displayName of the template.")
                    .of_object(),
            ),
        }
    }

    fn report(&self, seen: &Observed, moment: Moment<'_>) -> Report {
        let mut report = Report { conditions: vec![self.gdap(seen, moment), self.assigned(seen)], ..Report::default() };
        if let Some(live) = seen.live() {
            let facts = json!({"name": live.name, "id": live.id, "state": live.status, "endsAt": live.ends});
            report.facts.insert("relationship", facts);
            if live.status == "approvalPending" {
                report.facts.insert("links", json!({"gdapApproval": format!("{APPROVAL}{}", live.id)}));
            }
        }
        report
    }
}

impl Observed {
    pub fn unreadable(&self) -> Option<&Why> {
        let groups = self.groups.iter().find_map(Seen::why);
        self.stage.why().or(groups).or(self.assignments.values().find_map(Seen::why))
    }

    /// The relationship that a status shows.
    fn live(&self) -> Option<&Live> {
        match self.stage.is()? {
            Stage::Lock(r) | Stage::Approval(r) | Stage::Activating(r) | Stage::Ended(r) => Some(r),
            Stage::RolesMissing { of, .. } => Some(of),
            Stage::Active(carriers) => carriers.values().next(),
            Stage::Create { .. } | Stage::NameTaken { .. } => None,
        }
    }

    /// Roles of the relationships that are active; nothing where none is.
    pub fn roles(&self) -> Option<BTreeSet<String>> {
        let (Stage::Active(carriers) | Stage::RolesMissing { carriers, .. }) = self.stage.is()? else { return None };
        Some(carriers.keys().cloned().collect())
    }

    /// Every role is carried, and all our groups are assigned.
    pub fn is_open(&self, want: &Relationship) -> bool {
        matches!(self.stage.is(), Some(Stage::Active(_)))
            && want.template.groups.iter().all(|g| self.assigned(want, g) == Assigned::Active)
    }

    /// Some relationship is active, so that it is worth trying to sign in.
    pub fn is_active(&self) -> bool {
        matches!(self.stage.is(), Some(Stage::Active(_) | Stage::RolesMissing { .. }))
    }

    /// How a group stands. Assignments that were deleted stay in Microsoft's list and do not count.
    pub fn assigned(&self, want: &Relationship, group: &Group) -> Assigned {
        let at = want.template.groups.iter().position(|g| g == group);
        let object = at.and_then(|at| self.groups.get(at)).and_then(Seen::is);
        let (Some(Stage::Active(carriers) | Stage::RolesMissing { carriers, .. }), Some(object)) =
            (self.stage.is(), object)
        else {
            return Assigned::No;
        };
        let list = carriers.get(&group.role_id).and_then(|r| self.assignments.get(&r.id)).and_then(Seen::is);
        let fits = |a: &&Value| {
            let container = a.pointer("/accessContainer/accessContainerId").and_then(Value::as_str).unwrap_or_default();
            let roles = a.pointer("/accessDetails/unifiedRoles").and_then(Value::as_array).into_iter().flatten();
            let has = |r: &Value| text(r, "roleDefinitionId").eq_ignore_ascii_case(&group.role_id);
            container.eq_ignore_ascii_case(text(object, "id"))
                && roles.into_iter().any(has)
                && !matches!(text(a, "status"), "deleted" | "deleting")
        };
        match list.into_iter().flatten().find(fits).map(|a| text(a, "status")) {
            Some("active") => Assigned::Active,
            Some("error") => Assigned::Error,
            Some(_) => Assigned::Pending,
            None => Assigned::No,
        }
    }
}

impl Relationship {
    /// The wait that everything further stands behind.
    pub fn gate(&self) -> StepId {
        StepId::new(&format!("{}:approval", self.address()), "wait")
    }

    /// The Tenant it is derived from: that is what waits.
    fn tenant_address(&self) -> String {
        format!("Tenant/{}", self.tenant)
    }

    fn approval(&self, link: Val, since: Option<jiff::Timestamp>) -> Wait {
        Wait {
            address: self.tenant_address(),
            condition: "GdapActive",
            reason: "AwaitingCustomerApproval",
            who: Who::Customer,
            link: Some(link),
            since,
            deadline: since.and_then(|s| s.checked_add(INVITATION).ok()),
            what: "A Global Administrator of the customer opens the link and accepts the relationship.".into(),
        }
    }

    fn microsoft(
        &self,
        condition: &'static str,
        reason: &'static str,
        since: Option<jiff::Timestamp>,
        moment: Moment<'_>,
    ) -> Wait {
        let deadline = since.unwrap_or(moment.now).checked_add(SignedDuration::from_mins(30)).ok();
        let what = "Microsoft carries the change out; it takes minutes as a rule.".to_owned();
        Wait {
            address: self.tenant_address(),
            condition,
            reason,
            who: Who::Microsoft,
            link: None,
            since,
            deadline,
            what,
        }
    }

    fn roles_missing<'a>(&self, of: &Live, missing: impl Iterator<Item = &'a String>) -> Diagnostic {
        let names: Vec<&str> = missing.map(|id| roles::name(id)).collect();
        Diagnostic::error(self.address(), format!("{} lacks {}", of.name, names.join(", ")))
            .code("RolesMissing")
            .detail("GdapActive=False/RolesMissing: the roles of a relationship are fixed once it is made.")
            .remedy("The customer has to accept a new relationship; a template's change never replaces a live one by itself.")
            .of_object()
    }

    /// Creates where nothing is, locks, and waits for the customer.
    fn plan_new(&self, name: &str, live: Option<&Live>, seen: &Observed, out: &mut Draft) {
        let address = format!("{}:relationship", self.address());
        if name.chars().count() > LONGEST_NAME {
            out.diagnostics.push(
                Diagnostic::error(self.address(), format!("the name {name} is longer than {LONGEST_NAME} characters"))
                    .code("InvalidSpec")
                    .remedy("Shorten displayName of the template or the name of the Tenant.")
                    .of_object(),
            );
            return;
        }
        let partner = &self.template.partner;
        let (create, lock) = (StepId::new(&address, "create"), StepId::new(&address, "lock"));
        let by_name = |status: Option<&'static str>| {
            let customer = ("/customer/tenantId", self.customer.as_str().into());
            let mut find = Find::among([("/displayName", name.into()), customer]);
            find.fields.extend(status.map(|s| ("/status", Val::text(s))));
            self.reading(RELATIONSHIPS.into(), find)
        };
        let common = |step: Step| {
            step.serial(self.address()).stales(&partner.tenant, Service::Graph, RELATIONSHIPS).needs(need(
                partner,
                WRITE_GDAP,
                "GdapActive",
                "RoleMissing",
            ))
        };
        let id = match live {
            Some(live) => Val::text(&live.id),
            None => {
                let send = at_home(partner, Method::Post, PATH.into(), Some(self.body(name).into()));
                let mut step = common(Step::new(create.clone(), Act::Send(send)).lookup(by_name(None)));
                if !seen.backend_is_there {
                    step = step.after(&partner.backend_step());
                }
                out.steps.push(step);
                Val::out(&create, "/id")
            }
        };
        let path = Val::path([format!("{PATH}/").into(), id.clone(), "/requests".into()]);
        let body = json!({"action": "lockForApproval"});
        let send = at_home(partner, Method::Post, path, Some(body.into()));
        out.steps.push(common(Step::new(lock.clone(), Act::Send(send)).lookup(by_name(Some("approvalPending")))));
        let wait = self.approval(Val::path([APPROVAL.into(), id.clone()]), None);
        out.steps.push(Step::new(self.gate(), Act::Wait(wait)).after(&lock));
        self.plan_assignments(seen, &|_| id.clone(), Some(&self.gate()), out);
        out.changes.push(self.change(address, name, live.is_some()));
    }

    fn body(&self, name: &str) -> Value {
        let roles: Vec<Value> = self.template.roles().iter().map(|r| json!({"roleDefinitionId": r})).collect();
        json!({
            "displayName": name,
            "duration": format!("P{}D", self.template.duration_days),
            "autoExtendDuration": if self.template.auto_extend { "P180D" } else { "PT0S" },
            "customer": {"tenantId": self.customer.as_str()},
            "accessDetails": {"unifiedRoles": roles},
        })
    }

    fn change(&self, address: String, name: &str, exists: bool) -> Change {
        let roles: Vec<&str> = self.template.groups.iter().map(|g| g.role_name.as_str()).collect();
        Change {
            address,
            class: Class::Relationship,
            action: if exists { Action::Update } else { Action::Create },
            before: if exists { json!({"displayName": name, "status": "created"}) } else { Value::Null },
            after: json!({
                "displayName": name, "tenant": self.tenant, "roles": roles, "status": "approvalPending",
                "duration": format!("{}d", self.template.duration_days), "autoExtend": self.template.auto_extend,
            }),
            volatile: &[],
            sensitive: vec![],
            origin: format!("from template {}", self.template.name),
            reason: "no active relationship carries the roles".into(),
        }
    }

    /// Our groups on the relationship that carries their role, one at a time.
    fn plan_assignments(&self, seen: &Observed, id: &dyn Fn(&Group) -> Val, gate: Option<&StepId>, out: &mut Draft) {
        let partner = &self.template.partner;
        for (at, wanted) in self.template.groups.iter().enumerate() {
            match seen.assigned(self, wanted) {
                Assigned::Active | Assigned::Pending => {
                    out.unchanged += 1;
                    continue;
                }
                Assigned::Error => {
                    let error = Diagnostic::error(
                        self.address(),
                        format!("Microsoft failed to assign {}", wanted.display_name),
                    )
                    .code("Error")
                    .remedy("Remove the access assignment in Partner Center; it is made again on the next apply.")
                    .of_object();
                    out.diagnostics.push(error);
                    continue;
                }
                Assigned::No => {}
            }
            let address = format!("{}:assignment/{}", self.address(), wanted.label);
            let step = StepId::new(&address, "send");
            let group_id = match seen.groups.get(at).and_then(Seen::is) {
                Some(group) => text(group, "id").into(),
                None => Val::out(&group_step(&self.template, wanted), "/id"),
            };
            let path = Val::path([format!("{PATH}/").into(), id(wanted), "/accessAssignments".into()]);
            let role = Val::object([("roleDefinitionId", wanted.role_id.as_str().into())]);
            let body = Val::object([
                (
                    "accessContainer",
                    Val::object([
                        ("accessContainerId", group_id.clone()),
                        ("accessContainerType", "securityGroup".into()),
                    ]),
                ),
                ("accessDetails", Val::object([("unifiedRoles", Val::List(vec![role]))])),
            ]);
            // Deleted ones stay in the list; and the group may be there with another role.
            let container = |states: &'static [&'static str]| {
                let role = ("/accessDetails/unifiedRoles/0/roleDefinitionId", wanted.role_id.as_str().into());
                let find = Find::among([("/accessContainer/accessContainerId", group_id.clone()), role]);
                self.reading(path.clone(), find.one_of("/status", states))
            };
            let mut planned = Step::new(step, Act::Send(at_home(partner, Method::Post, path.clone(), Some(body))))
                .lookup(container(&["pending", "active"]))
                .proof(container(&["active"]))
                .serial(self.address())
                .stales(&partner.tenant, Service::Graph, format!("{PATH}/"))
                .stales(&self.customer, Service::Token, "")
                .stales(&self.customer, Service::Graph, "")
                .drops_tokens(&self.customer)
                .needs(need(partner, WRITE_GDAP, "AccessAssigned", "RoleMissing"));
            planned.after.extend(gate.cloned());
            out.steps.push(planned);
            out.changes.push(Change {
                address,
                class: Class::Relationship,
                action: Action::Create,
                before: Value::Null,
                after: json!({"group": wanted.display_name, "role": wanted.role_name, "tenant": self.tenant}),
                volatile: &[],
                sensitive: vec![],
                origin: format!("from template {}", self.template.name),
                reason: "the group carries the role only once it is assigned".into(),
            });
        }
    }

    fn reading(&self, path: Val, find: Find) -> Reading {
        let partner = &self.template.partner;
        let (tenant, actor) = (partner.tenant.clone(), partner.managing_app());
        Reading { tenant, service: Service::Graph, actor, path, all_pages: true, find }
    }

    pub fn gdap(&self, seen: &Observed, moment: Moment<'_>) -> Condition {
        const TYPE: &str = "GdapActive";
        let stage = match &seen.stage {
            Seen::Is(stage) => stage,
            Seen::Not => return Condition::no(TYPE, "Created", "there is no relationship yet"),
            Seen::Unknown(why) => return Condition::unreadable(TYPE, why),
        };
        match stage {
            Stage::Create { .. } => Condition::no(TYPE, "Created", "there is no relationship yet"),
            Stage::Lock(r) => Condition::no(TYPE, "Created", format!("{} is not locked for approval yet", r.name)),
            Stage::Approval(r) if r.changed.is_some_and(|c| moment.now.duration_since(c) > INVITATION) => {
                Condition::no(TYPE, "RequestExpired", format!("the invitation {} is older than 90 days", r.name))
            }
            Stage::Approval(r) => {
                let message = format!("the customer has to accept {}: {APPROVAL}{}", r.name, r.id);
                Condition::no(TYPE, "AwaitingCustomerApproval", message)
            }
            Stage::Activating(r) => Condition::no(TYPE, "Activating", format!("{} is {}", r.name, r.status)),
            Stage::Active(carriers) => {
                let mut names: Vec<&str> = carriers.values().map(|r| r.name.as_str()).collect();
                names.dedup();
                Condition::yes(TYPE, "Active", names.join(", "))
            }
            Stage::RolesMissing { of, missing, .. } => {
                Condition::no(TYPE, "RolesMissing", self.roles_missing(of, missing.iter()).summary)
            }
            Stage::Ended(r) => Condition::no(TYPE, "TerminatedByCustomer", format!("{} is {}", r.name, r.status)),
            Stage::NameTaken { name } => Condition::no(TYPE, "NameNotUnique", format!("{name} is taken")),
        }
    }

    pub fn assigned(&self, seen: &Observed) -> Condition {
        const TYPE: &str = "AccessAssigned";
        if let Some(why) = seen.unreadable() {
            return Condition::unreadable(TYPE, why);
        }
        let groups = &self.template.groups;
        let with = |state| groups.iter().find(|g| seen.assigned(self, g) == state).map(|g| g.display_name.clone());
        if let Some(group) = with(Assigned::Error) {
            Condition::no(TYPE, "Error", format!("Microsoft failed to assign {group}"))
        } else if let Some(group) = with(Assigned::No) {
            Condition::no(TYPE, "Missing", format!("{group} is not assigned"))
        } else if let Some(group) = with(Assigned::Pending) {
            Condition::no(TYPE, "Pending", format!("{group} is being assigned"))
        } else {
            Condition::yes(TYPE, "Mapped", format!("{} groups", groups.len()))
        }
    }
}
