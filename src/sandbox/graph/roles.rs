//! Graph: unifiedRoleAssignment.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::ROLES;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, objects, role_definitions, role_schedules, shape};
use crate::sandbox::due::Effect;
use crate::sandbox::gdap;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::state::{RoleAssignment, State, Tenant};

pub static NAVS: &[Nav] = &[
    Nav::one(TYPE, "principal", "directoryObject", Source::Made(principal_of)),
    Nav::one(TYPE, "roleDefinition", "unifiedRoleDefinition", Source::Made(definition_of)),
    Nav::one(TYPE, "directoryScope", "directoryObject", Source::Made(scope_of)),
];

const PATH: &str = "/roleManagement/directory/roleAssignments";
const TYPE: &str = "unifiedRoleAssignment";

pub fn routes(to: &mut Routes) {
    let one = format!("{PATH}/{{id}}");
    to.read(PATH, "list-role-assignments", TYPE, list);
    to.write("POST", PATH, "assign-directory-role", TYPE, create).by(ROLES);
    to.read(one.clone(), "get-role-assignment", TYPE, get);
    to.write("DELETE", one, "remove-directory-role", TYPE, delete).by(ROLES);
    role_definitions::routes(to);
}

fn render(r: &RoleAssignment, organization: &str) -> Value {
    let props = json!({
        "id": r.id, "roleDefinitionId": r.role, "principalId": r.principal_id, "principalOrganizationId": organization,
        "directoryScopeId": r.scope,
    });
    shape::filled(TYPE, props)
}

/// Assignments of the partner's groups that GDAP brings into a customer.
pub fn foreign<'a>(state: &'a State, tenant: &'a str) -> impl Iterator<Item = RoleAssignment> + 'a {
    gdap::active_into(state, tenant).flat_map(move |(_, a)| {
        a.roles.iter().map(move |role| RoleAssignment {
            id: ids::opaque(state.seed, &[tenant, "gdap role", &a.id, role], |_| false),
            role: role.clone(),
            principal_id: a.group.clone(),
            scope: "/".to_owned(),
        })
    })
}

/// Own assignments, and those that GDAP brings.
fn all(state: &State, tenant: &Tenant) -> Vec<Value> {
    let own = tenant.role_assignments.values().map(|r| render(r, &tenant.id));
    own.chain(foreign(state, &tenant.id).map(|r| render(&r, &state.partner))).collect()
}

fn by_id(state: &State, tenant: &Tenant, id: &str) -> Option<(RoleAssignment, bool)> {
    match tenant.role_assignments.get(id) {
        Some(own) => Some((own.clone(), true)),
        None => foreign(state, &tenant.id).find(|r| r.id == id).map(|r| (r, false)),
    }
}

/// A partner's group in a customer: only its kind, id, name and organisation are known there.
pub fn foreign_group(state: &State, id: &str) -> Value {
    let name = state.tenants.get(&state.partner).and_then(|t| t.groups.get(id)).map(|g| g.display_name());
    json!({ "@odata.type": "#microsoft.graph.group", "id": id, "organizationId": state.partner, "displayName": name })
}

fn principal_of(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let found = by_id(state, tenant, id).and_then(|(r, own)| match own {
        true => objects::object(state, tenant, &r.principal_id),
        false => Some(foreign_group(state, &r.principal_id)),
    });
    found.into_iter().collect()
}

fn definition_of(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    by_id(state, tenant, id).and_then(|(r, _)| role_definitions::shown(tenant, &r.role)).into_iter().collect()
}

fn scope_of(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let scope = by_id(state, tenant, id).map(|(r, _)| r.scope).unwrap_or_default();
    let target = scope.rsplit('/').next().filter(|t| !t.is_empty());
    target.and_then(|t| objects::object(state, tenant, t)).into_iter().collect()
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = all(ctx.state, ctx.tenant()?);
    let how = List { of: TYPE, context: &PATH[1..], default_top: 100, max_top: 999, directory: false };
    query::list(ctx, &how, items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let tenant = ctx.tenant()?;
    let (found, own) = by_id(ctx.state, tenant, &id).ok_or_else(|| Failure::not_found(&id))?;
    let item = render(&found, if own { &tenant.id } else { &ctx.state.partner });
    query::single(ctx, TYPE, &PATH[1..], item, 200)
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    let text = |k: &str| body.get(k).and_then(Value::as_str);
    let needed = |k: &str| text(k).ok_or_else(|| Failure::required(k, "UnifiedRoleAssignment"));
    let (role, principal) =
        (needed("roleDefinitionId")?.to_ascii_lowercase(), needed("principalId")?.to_ascii_lowercase());
    let scope = match (text("directoryScopeId"), text("appScopeId")) {
        (Some(scope), None) => scope,
        (None, Some("/")) => "/",
        (None, None) => return Err(Failure::required("directoryScopeId", "UnifiedRoleAssignment")),
        _ => {
            return Err(Failure::bad(
                "Only one of directoryScopeId and appScopeId can be specified, and only '/' as the latter.",
            ));
        }
    };
    let made = assign(ctx, &role, &principal, scope)?;
    let home = ctx.caller.tenant.clone();
    query::single(ctx, TYPE, &PATH[1..], render(&made, &home), 201)
}

/// What a scope names, in the form that is kept.
fn scope_named(ctx: &Ctx, scope: &str) -> Result<String, Failure> {
    let lower = scope.to_ascii_lowercase();
    let unit = lower.strip_prefix("/administrativeunits/");
    let id = unit.or_else(|| lower.strip_prefix('/')).ok_or_else(|| Failure::bad("Invalid directoryScopeId."))?;
    if id.is_empty() {
        return Ok("/".to_owned());
    }
    match (objects::type_of(ctx.state, ctx.tenant()?, id), unit) {
        (Some("administrativeUnit"), _) => Ok(format!("/administrativeUnits/{id}")),
        (Some(_), None) => Ok(format!("/{id}")),
        _ => Err(Failure::not_found(id)),
    }
}

/// What an assignment needs: a role, a principal that can hold it, and a scope that exists.
pub fn checked(ctx: &Ctx, role: &str, principal: &str, scope: &str) -> Result<Wanted, Failure> {
    let tenant = ctx.tenant()?;
    if !role_definitions::assignable(tenant, role) {
        return Err(Failure::not_found(role));
    }
    match objects::type_of(ctx.state, tenant, principal) {
        Some("user" | "servicePrincipal") => {}
        Some("group") if tenant.groups.get(principal).is_some_and(|g| g.is_role_assignable()) => {}
        Some("group") => return Err(Failure::bad("The group is not role-assignable.")),
        _ => return Err(Failure::not_found(principal)),
    }
    let scope = scope_named(ctx, scope)?;
    Ok(Wanted { role: role.to_owned(), principal: principal.to_owned(), scope })
}

/// A role for a principal, over something.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub role: String,
    pub principal: String,
    pub scope: String,
}

impl Wanted {
    pub fn is(&self, r: &RoleAssignment) -> bool {
        r.role == self.role && r.principal_id == self.principal && r.scope == self.scope
    }
}

/// Gives a role to a principal.
pub fn assign(ctx: &mut Ctx, role: &str, principal: &str, scope: &str) -> Result<RoleAssignment, Failure> {
    let wanted = checked(ctx, role, principal, scope)?;
    if ctx.tenant()?.role_assignments.values().any(|r| wanted.is(r)) {
        return Err(conflict());
    }
    let (home, now) = (ctx.caller.tenant.clone(), ctx.now);
    give(ctx.state, now, &home, wanted).ok_or_else(|| Failure::not_found(principal))
}

/// As [`assign`], of what was checked.
pub fn give(state: &mut State, now: Timestamp, home: &str, wanted: Wanted) -> Option<RoleAssignment> {
    let Wanted { role, principal, scope } = wanted;
    let id = state.opaque_id(home, "roleAssignment", &format!("{principal} {role} {scope}"));
    let made = RoleAssignment { id, role: role.clone(), principal_id: principal.clone(), scope };
    let tenant = state.tenants.get_mut(home)?;
    tenant.role_assignments.insert(made.id.clone(), made.clone());
    tenant.active_roles.insert(role.clone());
    if made.is_tenant_wide() {
        let lag = state.lag_of(state.lag.exchange_role, &format!("exchange {principal} {role}"));
        state.after(lag, now, Effect::ExchangeRole { tenant: home.to_owned(), principal, role });
    }
    Some(made)
}

pub fn conflict() -> Failure {
    Failure::bad("A conflicting object with one or more of the specified property values is present in the directory.")
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    take_back(ctx, &id)?;
    Ok(Answer::empty(204))
}

/// Takes an assignment back.
pub fn take_back(ctx: &mut Ctx, id: &str) -> Result<(), Failure> {
    let home = ctx.caller.tenant.clone();
    if withdraw(ctx.state, &home, id) { Ok(()) } else { Err(Failure::not_found(id)) }
}

/// Whether it was there.
pub fn withdraw(state: &mut State, home: &str, id: &str) -> bool {
    let gone = state.tenants.get_mut(home).and_then(|t| {
        role_schedules::forget(t, id);
        t.role_assignments.remove(id)
    });
    let Some(gone) = gone else { return false };
    let tenant = home.to_owned();
    state.due.forget(&Effect::RoleEnd { tenant: tenant.clone(), id: id.to_owned() });
    state.due.forget(&Effect::ExchangeRole { tenant, principal: gone.principal_id, role: gone.role });
    state.retired.insert(id.to_owned());
    true
}
