//! GdapTemplate: the groups that carry the roles, and their members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::reads::{self, DIRECTORY_OBJECTS, WRITE_GROUPS, at_home, home, home_list, need};
use super::want::{Group, Member, Partner, Template};
use crate::engine::conditions::Condition;
use crate::engine::diagnose;
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::kind::{Kind, Mode, Moment, Report};
use crate::engine::read::{Ask, Seen, Service, text};
use crate::engine::step::{Act, Action, Change, Class, Draft, Find, Method, Reading, Step};
use crate::engine::value::{StepId, Val};

/// What was read of one group.
pub struct SeenGroup {
    pub object: Seen<Arc<Value>>,
    pub members: Seen<Vec<Value>>,
}

/// What was read of a template: its groups, in the order of the declaration, and its members.
pub struct Observed {
    groups: Vec<SeenGroup>,
    users: BTreeMap<String, Seen<String>>,
}

/// A group of a template, by its mark.
pub fn group(ask: &Ask<'_>, partner: &Partner, group: &Group) -> Option<Seen<Arc<Value>>> {
    home(ask, partner, &group_path(group))
}

fn group_path(group: &Group) -> String {
    format!("/groups(uniqueName='{}')?$select=id,displayName,description,uniqueName,securityEnabled", group.unique_name)
}

/// The step that makes a group, where it is planned.
pub fn group_step(template: &Template, group: &Group) -> StepId {
    StepId::new(&format!("{}:group/{}", template.address(), group.label), "send")
}

impl Kind for Template {
    type Observed = Observed;

    fn address(&self) -> String {
        Template::address(self)
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
        let users: BTreeSet<&String> = self
            .groups
            .iter()
            .flat_map(|g| &g.members)
            .filter_map(|m| match m {
                Member::User(upn) => Some(upn),
                Member::ObjectId(_) => None,
            })
            .collect();
        let users: Vec<_> = users.into_iter().map(|upn| (upn.clone(), reads::user(ask, &self.partner, upn))).collect();
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|g| {
                let object = group(ask, &self.partner, g);
                let path =
                    format!("/groups(uniqueName='{}')/members?$select=id,displayName,userPrincipalName", g.unique_name);
                Some(SeenGroup { members: home_list(ask, &self.partner, &path)?, object: object? })
            })
            .collect();
        let users = users.into_iter().map(|(upn, seen)| Some((upn, seen?.map(|u| text(&u, "id").to_owned()))));
        Some(Observed { users: users.collect::<Option<_>>()?, groups: groups.into_iter().collect::<Option<_>>()? })
    }

    fn plan(&self, seen: &Observed, _: Moment<'_>, out: &mut Draft) {
        for (wanted, live) in self.groups.iter().zip(&seen.groups) {
            if let Some(why) = live.object.why().or(live.members.why()) {
                let doing = format!("the group {} cannot be read", wanted.display_name);
                out.diagnostics.push(diagnose::of_why(&self.address(), &doing, why));
                continue;
            }
            let id = self.plan_group(wanted, live, out);
            match self.member_ids(wanted, seen) {
                Ok(members) => self.plan_members(wanted, live, &id, &members, out),
                Err(error) => out.diagnostics.push(*error),
            }
        }
    }

    fn report(&self, seen: &Observed, _: Moment<'_>) -> Report {
        let mut report = Report::default();
        report.conditions.push(self.groups_ready(seen));
        let roles: Vec<&str> = self.groups.iter().map(|g| g.role_name.as_str()).collect();
        report.facts.insert("roles", json!(roles));
        let groups = self.groups.iter().zip(&seen.groups).map(|(wanted, live)| {
            let id = live.object.is().map(|g| text(g, "id").to_owned());
            json!({"uniqueName": wanted.unique_name, "role": wanted.role_name, "id": id})
        });
        report.facts.insert("groups", groups.collect());
        report
    }
}

impl Template {
    fn plan_group(&self, wanted: &Group, live: &SeenGroup, out: &mut Draft) -> Val {
        let address = format!("{}:group/{}", self.address(), wanted.label);
        let id = group_step(self, wanted);
        let description = format!("Carries {} in customer tenants (GDAP).", wanted.role_name);
        let after =
            json!({"displayName": wanted.display_name, "uniqueName": wanted.unique_name, "role": wanted.role_name});
        let (before, path, body) = match live.object.is() {
            Some(group) if text(group, "displayName") == wanted.display_name => {
                out.unchanged += 1;
                return text(group, "id").into();
            }
            Some(group) => {
                let before = json!({"displayName": group["displayName"], "uniqueName": wanted.unique_name, "role": wanted.role_name});
                (before, format!("/groups/{}", text(group, "id")), json!({"displayName": wanted.display_name}))
            }
            None => {
                let body = json!({
                    "displayName": wanted.display_name, "description": description, "mailEnabled": false,
                    "mailNickname": nickname(&wanted.unique_name), "securityEnabled": true,
                });
                (Value::Null, format!("/groups(uniqueName='{}')", wanted.unique_name), body)
            }
        };
        let creates = before.is_null();
        let mut send = at_home(&self.partner, Method::Patch, path.into(), Some(body.into()));
        if creates {
            send.headers.push(("Prefer", "create-if-missing".to_owned()));
        }
        let mut step = Step::new(id.clone(), Act::Send(send));
        if creates {
            step = step.lookup(Reading {
                tenant: self.partner.tenant.clone(),
                service: Service::Graph,
                actor: self.partner.managing_app(),
                path: group_path(wanted).into(),
                all_pages: false,
                find: Find::here([("/displayName", wanted.display_name.as_str().into())]),
            });
        }
        out.steps.push(step.stales(&self.partner.tenant, Service::Graph, "/groups").needs(need(
            &self.partner,
            WRITE_GROUPS,
            "GroupsReady",
            "MemberMissing",
        )));
        out.changes.push(Change {
            address,
            class: Class::GroupMembership,
            action: if creates { Action::Create } else { Action::Update },
            before,
            after,
            volatile: &[],
            sensitive: vec![],
            origin: format!("from template {}", self.name),
            reason: if creates { "there is no group for the role".into() } else { "its name differs".into() },
        });
        live.object.is().map_or_else(|| Val::out(&id, "/id"), |group| text(group, "id").into())
    }

    /// Object ids of the declared members, with a name for people.
    fn member_ids(&self, wanted: &Group, seen: &Observed) -> Result<BTreeMap<String, String>, Box<Diagnostic>> {
        let mut ids = BTreeMap::new();
        for member in &wanted.members {
            match member {
                Member::ObjectId(id) => drop(ids.insert(id.clone(), id.clone())),
                Member::User(upn) => match seen.users.get(upn) {
                    Some(Seen::Is(id)) => drop(ids.insert(id.clone(), upn.clone())),
                    Some(Seen::Unknown(why)) => {
                        let doing = format!("the user {upn} cannot be read");
                        return Err(Box::new(diagnose::of_why(&self.address(), &doing, why)));
                    }
                    _ => {
                        let error =
                            Diagnostic::error(self.address(), format!("there is no user {upn} in the partner tenant"))
                                .code("NotFound")
                                .remedy("Check the sign-in name; for the service account it stands in the Partner.");
                        return Err(Box::new(error));
                    }
                },
            }
        }
        Ok(ids)
    }

    fn plan_members(
        &self,
        wanted: &Group,
        live: &SeenGroup,
        id: &Val,
        members: &BTreeMap<String, String>,
        out: &mut Draft,
    ) {
        let there: BTreeMap<&str, &Value> =
            live.members.is().into_iter().flatten().map(|m| (text(m, "id"), m)).collect();
        let missing: Vec<_> = members.iter().filter(|(id, _)| !there.contains_key(id.as_str())).collect();
        let extra: Vec<&str> = there.keys().copied().filter(|id| !members.contains_key(*id)).collect();
        if missing.is_empty() && extra.is_empty() {
            out.unchanged += 1;
            return;
        }
        let address = format!("{}:members/{}", self.address(), wanted.label);
        let list = |tail: Val| Val::path(["/groups/".into(), id.clone(), "/members".into(), tail]);
        let common = |step: Step| {
            step.stales(&self.partner.tenant, Service::Graph, "/groups")
                .serial(wanted.unique_name.as_str())
                .needs(need(&self.partner, WRITE_GROUPS, "GroupsReady", "MemberMissing"))
        };
        for (member, name) in missing {
            let body = json!({"@odata.id": format!("{DIRECTORY_OBJECTS}{member}")});
            let send = at_home(&self.partner, Method::Post, list("/$ref".into()), Some(body.into()));
            let step = Step::new(StepId::new(&address, &format!("add {name}")), Act::Send(send));
            out.steps.push(common(step.lookup(Reading {
                tenant: self.partner.tenant.clone(),
                service: Service::Graph,
                actor: self.partner.managing_app(),
                path: list("".into()),
                all_pages: true,
                find: Find::among([("/id", member.as_str().into())]),
            })));
        }
        for member in &extra {
            let send = at_home(&self.partner, Method::Delete, list(format!("/{member}/$ref").into()), None);
            out.steps.push(common(Step::new(StepId::new(&address, &format!("remove {member}")), Act::Send(send))));
        }
        let name = |id: &str| there.get(id).map_or(id, |m| text(m, "userPrincipalName")).to_owned();
        let before: BTreeSet<String> =
            there.keys().map(|id| members.get(*id).cloned().unwrap_or_else(|| name(id))).collect();
        out.changes.push(Change {
            address,
            class: Class::GroupMembership,
            action: if before.is_empty() { Action::Create } else { Action::Update },
            before: if before.is_empty() {
                Value::Null
            } else {
                json!({"group": wanted.display_name, "members": before})
            },
            after: json!({"group": wanted.display_name, "members": members.values().collect::<BTreeSet<_>>()}),
            volatile: &[],
            sensitive: vec![],
            origin: format!("from template {}", self.name),
            reason: "members of groups that we made are exactly those declared".into(),
        });
    }

    fn groups_ready(&self, seen: &Observed) -> Condition {
        const TYPE: &str = "GroupsReady";
        for (wanted, live) in self.groups.iter().zip(&seen.groups) {
            if let Some(why) = live.object.why().or(live.members.why()) {
                return Condition::unreadable(TYPE, why);
            }
            let name = &wanted.display_name;
            if live.object == Seen::Not {
                return Condition::no(TYPE, "Provisioning", format!("{name} is not there yet"));
            }
            let there: BTreeSet<&str> = live.members.is().into_iter().flatten().map(|m| text(m, "id")).collect();
            let members = self.member_ids(wanted, seen).unwrap_or_default();
            if let Some((_, missing)) = members.iter().find(|(id, _)| !there.contains(id.as_str())) {
                return Condition::no(TYPE, "MemberMissing", format!("{missing} is not in {name}"));
            }
        }
        Condition::yes(TYPE, "Active", format!("{} groups with their members", self.groups.len()))
    }
}

/// A mail nickname is needed even where no mail goes: at most 64 characters of plain ASCII.
fn nickname(mark: &str) -> String {
    let tail = mark.trim_start_matches("tenantry-");
    let skip = tail.len().saturating_sub(64);
    tail.chars().skip(skip).collect::<String>().trim_matches('-').to_owned()
}
