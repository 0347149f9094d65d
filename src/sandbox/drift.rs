//! The world moves behind our back: customers, administrators and time undo what was done.
mod directory;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::clock;
use super::facts;
use super::gdap::{self, AssignmentStatus, Status};
use super::graph::{known_role, remove_principal};
use super::state::{Application, Principal, State, Tenant};

/// Tenants by id, domain or display name; objects by id or name.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Drift {
    RemoveGrant {
        tenant: String,
        app: String,
        permission: String,
    },
    RemoveGroupMember {
        group: String,
        member: String,
    },
    RemoveAccessAssignment {
        relationship: String,
        group: String,
    },
    RemoveDirectoryRole {
        tenant: String,
        app: String,
        role: String,
    },
    ExpireSecret {
        app: String,
        name: String,
    },
    TerminateRelationship {
        relationship: String,
    },
    RemoveDelegatedGrant {
        tenant: String,
        app: String,
    },
    DeleteServicePrincipal {
        tenant: String,
        app: String,
    },
    RenameApp {
        app: String,
        display_name: String,
    },
    AddRedirectUri {
        app: String,
        uri: String,
    },
    /// An administrator revokes the user's sessions: its refresh tokens are dead (AADSTS50173).
    RevokeRefreshTokens {
        user: String,
    },
    RemoveAppPermission {
        app: String,
        permission: String,
    },
    DisableServicePrincipal {
        tenant: String,
        app: String,
    },
    AddConditionalAccessPolicy {
        tenant: String,
        display_name: String,
    },
    DeleteGroup {
        group: String,
    },
    RenameGroup {
        group: String,
        display_name: String,
    },
    DisableUser {
        user: String,
    },
    /// By an administrator: refresh tokens are dead.
    ResetPassword {
        user: String,
    },
    /// Contracts keep the old name.
    RenameTenant {
        tenant: String,
        display_name: String,
    },
}

type Found<T> = Result<T, String>;

/// So many names help; all of a fleet do not.
const NAMED: usize = 50;

/// A clear error: what was not found, and what there is.
fn missing(what: &str, name: &str, there_is: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = there_is.collect();
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let list = match (names.is_empty(), more) {
        (true, _) => "there is none".to_owned(),
        (_, 0) => format!("there are: {}", names.join(", ")),
        _ => format!("there are: {}, and {more} more", names.join(", ")),
    };
    format!("no {what} is called `{name}`; {list}")
}

pub fn tenant<'a>(state: &'a State, name: &str) -> Found<&'a Tenant> {
    let hit =
        state.tenant_named(name).or_else(|| state.tenants.values().find(|t| t.display_name.eq_ignore_ascii_case(name)));
    hit.ok_or_else(|| missing("tenant", name, state.tenants.values().map(|t| t.display_name.clone())))
}

pub fn relationship(state: &State, name: &str) -> Found<String> {
    let hit = state.relationships.values().find(|r| r.id.eq_ignore_ascii_case(name) || r.display_name == name);
    hit.map(|r| r.id.clone())
        .ok_or_else(|| missing("relationship", name, state.relationships.values().map(|r| r.display_name.clone())))
}

fn partner(state: &mut State) -> Found<&mut Tenant> {
    let id = state.partner.clone();
    state.tenants.get_mut(&id).ok_or_else(|| "the world has no partner".to_owned())
}

fn is_called(a: &Application, name: &str) -> bool {
    a.display_name() == name
        || a.text("uniqueName") == Some(name)
        || a.app_id.eq_ignore_ascii_case(name)
        || a.id == name
}

/// A registration, wherever it is, by display name, mark or id.
fn application<'a>(state: &'a mut State, name: &str) -> Found<&'a mut Application> {
    let all = || state.tenants.values().flat_map(|t| t.applications.values().map(|a| (&t.id, a)));
    let unknown = || missing("app", name, all().map(|(_, a)| a.display_name().to_owned()));
    let hit = all().find(|(_, a)| is_called(a, name)).map(|(tenant, a)| (tenant.clone(), a.id.clone()));
    let (tenant, id) = hit.ok_or_else(unknown)?;
    tenant_mut(state, &tenant)?.applications.get_mut(&id).ok_or_else(|| format!("no app {id}"))
}

/// As [`application`], to look at it, and where it is registered.
pub fn registration<'a>(state: &'a State, name: &str) -> Option<(&'a Tenant, &'a Application)> {
    state.tenants.values().flat_map(|t| t.applications.values().map(move |a| (t, a))).find(|(_, a)| is_called(a, name))
}

/// An app's principal in a tenant.
pub fn principal(state: &State, tenant_name: &str, app: &str) -> Found<(String, Principal)> {
    let t = tenant(state, tenant_name)?;
    let name = |p: &Principal| {
        facts::resource(&p.app_id).map_or_else(
            || state.application(&p.app_id).map(|(_, a)| a.display_name().to_owned()).unwrap_or_default(),
            |r| r.display_name.clone(),
        )
    };
    let hit = t.principals.values().find(|p| {
        p.id == app
            || p.app_id.eq_ignore_ascii_case(app)
            || name(p) == app
            || state.application(&p.app_id).is_some_and(|(_, a)| is_called(a, app))
    });
    let hit = hit.ok_or_else(|| {
        missing(&format!("service principal in {}", t.display_name), app, t.principals.values().map(name))
    })?;
    Ok((t.id.clone(), hit.clone()))
}

fn tenant_mut<'a>(state: &'a mut State, id: &str) -> Found<&'a mut Tenant> {
    state.tenants.get_mut(id).ok_or_else(|| format!("no tenant {id}"))
}

/// Does it, and says what was done.
pub fn apply(state: &mut State, now: Timestamp, wish: &Value) -> Found<Value> {
    let drift: Drift = serde_json::from_value(wish.clone()).map_err(|e| format!("not a drift: {e}"))?;
    let said = match drift {
        Drift::RemoveGrant { tenant, app, permission } => {
            let (tid, p) = principal(state, &tenant, &app)?;
            let t = tenant_mut(state, &tid)?;
            let own: Vec<_> = t
                .app_roles
                .values()
                .filter(|a| a.principal_id == p.id)
                .map(|a| (a.id.clone(), a.resource_id.clone(), a.app_role_id.clone()))
                .collect();
            let named: Vec<(String, String)> = own
                .into_iter()
                .map(|(id, resource, role)| {
                    let resource = state
                        .tenants
                        .get(&tid)
                        .and_then(|t| t.principals.get(&resource))
                        .map_or("", |p| p.app_id.as_str());
                    (id, known_role(state, resource, &role).unwrap_or(role))
                })
                .collect();
            let hit = named.iter().find(|(id, value)| *value == permission || *id == permission);
            let id = hit.map(|(id, _)| id.clone()).ok_or_else(|| {
                missing(&format!("grant of {app}"), &permission, named.iter().map(|(_, v)| v.clone()))
            })?;
            tenant_mut(state, &tid)?.app_roles.remove(&id);
            state.retired.insert(id);
            format!("{permission} is no longer granted to {app} in {tenant}")
        }
        Drift::RemoveGroupMember { group, member } => {
            let t = partner(state)?;
            let known = missing("group", &group, t.groups.values().map(|g| g.display_name().to_owned()));
            let users: Vec<(String, String)> =
                t.users.values().map(|u| (u.id.clone(), u.user_principal_name.clone())).collect();
            let g = t.groups.values_mut().find(|g| g.id == group || g.display_name() == group).ok_or(known)?;
            let name = |id: &String| users.iter().find(|(u, _)| u == id).map_or_else(|| id.clone(), |(_, n)| n.clone());
            let hit = g.members.iter().find(|m| **m == member || name(m).eq_ignore_ascii_case(&member)).cloned();
            let hit = hit.ok_or_else(|| missing(&format!("member of {group}"), &member, g.members.iter().map(name)))?;
            g.members.remove(&hit);
            format!("{member} is no longer in {group}")
        }
        Drift::RemoveAccessAssignment { relationship: name, group } => {
            let id = relationship(state, &name)?;
            let groups: Vec<(String, String)> =
                partner(state)?.groups.values().map(|g| (g.id.clone(), g.display_name().to_owned())).collect();
            let called =
                |id: &str| groups.iter().find(|(g, _)| g == id).map_or_else(|| id.to_owned(), |(_, n)| n.clone());
            let Some(r) = state.relationships.get_mut(&id) else { return Err(format!("no relationship {id}")) };
            let known: Vec<String> = r.assignments.iter().filter(|a| a.is_live()).map(|a| called(&a.group)).collect();
            let hit = r.assignments.iter_mut().find(|a| a.is_live() && (a.group == group || called(&a.group) == group));
            let a = hit.ok_or_else(|| missing(&format!("access assignment of {name}"), &group, known.into_iter()))?;
            a.status = AssignmentStatus::Deleted;
            a.modified = now;
            a.version += 1;
            format!("{group} has no roles through {name} any more")
        }
        Drift::RemoveDirectoryRole { tenant, app, role } => {
            let (tid, p) = principal(state, &tenant, &app)?;
            let t = tenant_mut(state, &tid)?;
            let own: Vec<(String, String)> = t
                .role_assignments
                .values()
                .filter(|r| r.principal_id == p.id)
                .map(|r| (r.id.clone(), r.role.clone()))
                .collect();
            let wanted = facts::role_named(&role).map_or(role.as_str(), |(id, _)| id);
            let hit = own.iter().find(|(_, r)| r == wanted).map(|(id, _)| id.clone());
            let id = hit.ok_or_else(|| {
                missing(
                    &format!("directory role of {app}"),
                    &role,
                    own.iter().map(|(_, r)| facts::role_name(r).to_owned()),
                )
            })?;
            t.role_assignments.remove(&id);
            state.retired.insert(id);
            format!("{app} is no longer {role} in {tenant}")
        }
        Drift::ExpireSecret { app, name } => {
            let a = application(state, &app)?;
            let known =
                missing(&format!("secret of {app}"), &name, a.secrets.iter().filter_map(|s| s.display_name.clone()));
            let hit = a
                .secrets
                .iter_mut()
                .find(|s| s.key_id == name || s.display_name.as_deref() == Some(&name))
                .ok_or(known)?;
            hit.end = now;
            format!("the secret {name} of {app} has expired")
        }
        Drift::TerminateRelationship { relationship: name } => {
            let id = relationship(state, &name)?;
            let status = state.relationships.get(&id).map(|r| r.status);
            if status != Some(Status::Active) {
                return Err(format!(
                    "{name} is `{}`; only an active relationship can be terminated",
                    status.map_or("gone", Status::as_str)
                ));
            }
            gdap::arrive(state, now, &id, Status::TerminationRequested);
            format!("{name} was terminated by the customer")
        }
        Drift::RemoveDelegatedGrant { tenant, app } => {
            let (tid, p) = principal(state, &tenant, &app)?;
            let t = tenant_mut(state, &tid)?;
            let gone: Vec<String> = t.grants.values().filter(|g| g.client_id == p.id).map(|g| g.id.clone()).collect();
            if gone.is_empty() {
                return Err(format!("{app} has no delegated grant in {tenant}"));
            }
            for id in &gone {
                t.grants.remove(id);
            }
            state.retired.extend(gone);
            format!("{app} has no delegated grant in {tenant} any more")
        }
        Drift::DeleteServicePrincipal { tenant, app } => {
            let (tid, p) = principal(state, &tenant, &app)?;
            remove_principal(state, &tid, &p.id);
            format!("{app} is gone from {tenant}")
        }
        Drift::RenameApp { app, display_name } => {
            application(state, &app)?.props.insert("displayName".into(), json!(display_name));
            format!("{app} is now called {display_name}")
        }
        Drift::AddRedirectUri { app, uri } => {
            let web = application(state, &app)?.props.entry("web").or_insert(json!({}));
            let mut uris = web.get("redirectUris").and_then(Value::as_array).cloned().unwrap_or_default();
            uris.push(json!(uri));
            match web.as_object_mut() {
                Some(map) => map.insert("redirectUris".into(), json!(uris)),
                None => std::mem::replace(web, json!({ "redirectUris": uris })).into(),
            };
            format!("{app} has the redirect URI {uri}")
        }
        Drift::RevokeRefreshTokens { user } => {
            // Times are whole seconds: a token of this very second is revoked too.
            directory::user(state, &user)?.tokens_valid_from = clock::plus(now, 1);
            format!("the refresh tokens of {user} are revoked")
        }
        Drift::RemoveAppPermission { app, permission } => {
            remove_permission(application(state, &app)?, &app, &permission)?
        }
        Drift::DisableServicePrincipal { tenant, app } => directory::disable_principal(state, &tenant, &app)?,
        Drift::AddConditionalAccessPolicy { tenant, display_name } => {
            directory::add_policy(state, now, &tenant, &display_name)?
        }
        Drift::DeleteGroup { group } => directory::delete_group(state, &group)?,
        Drift::RenameGroup { group, display_name } => directory::rename_group(state, &group, &display_name)?,
        Drift::DisableUser { user } => directory::disable_user(state, &user)?,
        Drift::ResetPassword { user } => directory::reset_password(state, now, &user)?,
        Drift::RenameTenant { tenant, display_name } => directory::rename_tenant(state, &tenant, &display_name)?,
    };
    Ok(json!(said))
}

/// From what the registration asks for, not from what is granted.
fn remove_permission(a: &mut Application, app: &str, permission: &str) -> Found<String> {
    let mut removed = false;
    let mut known = Vec::new();
    if let Some(Value::Array(entries)) = a.props.get_mut("requiredResourceAccess") {
        for e in entries.iter_mut() {
            let resource = e.get("resourceAppId").and_then(Value::as_str).and_then(facts::resource);
            let value = |id: &str| {
                let r = resource?;
                r.application.iter().chain(&r.delegated).find(|(_, i)| *i == id).map(|(v, _)| v.clone())
            };
            if let Some(Value::Array(list)) = e.get_mut("resourceAccess") {
                list.retain(|x| {
                    let id = x.get("id").and_then(Value::as_str).unwrap_or_default();
                    let name = value(id).unwrap_or_else(|| id.to_owned());
                    let hit = id == permission || name == permission;
                    removed |= hit;
                    known.push(name);
                    !hit
                });
            }
        }
        entries.retain(|e| e.get("resourceAccess").and_then(Value::as_array).is_some_and(|l| !l.is_empty()));
    }
    if removed {
        Ok(format!("{app} no longer asks for {permission}"))
    } else {
        Err(missing(&format!("permission of {app}"), permission, known.into_iter()))
    }
}
