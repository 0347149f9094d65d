//! Who can sign in: the users of every tenant, and the administrator that a tenant without personas has.
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::claims;
use crate::sandbox::facts;
use crate::sandbox::gdap;
use crate::sandbox::graph;
use crate::sandbox::ids;
use crate::sandbox::state::{Props, RoleAssignment, State, Tenant, User};

/// A user, and the tenant it belongs to.
#[derive(Debug, Clone)]
pub struct Person {
    pub user: User,
    pub home: String,
}

impl Person {
    pub fn upn(&self) -> &str {
        &self.user.user_principal_name
    }

    pub fn is_enabled(&self) -> bool {
        self.user.props.get("accountEnabled") != Some(&Value::Bool(false))
    }

    pub fn is_guest(&self) -> bool {
        self.user.props.get("userType").and_then(Value::as_str) == Some("Guest")
    }
}

/// By user principal name: the domain says which tenant.
pub fn named(state: &State, name: &str) -> Option<Person> {
    let name = name.trim();
    let (_, domain) = name.rsplit_once('@')?;
    let tenant = state.tenant_of_domain(domain)?;
    let known = tenant.users.values().find(|u| u.user_principal_name.eq_ignore_ascii_case(name));
    let user =
        known.cloned().or_else(|| made_up(state, tenant).filter(|u| u.user_principal_name.eq_ignore_ascii_case(name)));
    let user = user.or_else(|| graph::find_user(state, tenant, name))?;
    Some(Person { user, home: tenant.id.clone() })
}

pub fn by_id(state: &State, home: &str, id: &str) -> Option<Person> {
    let tenant = state.tenants.get(home)?;
    let user = tenant.users.get(id).cloned().or_else(|| made_up(state, tenant).filter(|u| u.id == id));
    let user = user.or_else(|| graph::find_user(state, tenant, id))?;
    Some(Person { user, home: home.to_owned() })
}

/// A customer without personas has a Global Administrator `admin@…`, who exists from the first sign-in on.
pub fn made_up(state: &State, tenant: &Tenant) -> Option<User> {
    let domain = tenant.default_domain();
    if tenant.id == state.partner || domain.is_empty() {
        return None;
    }
    let id = made_up_id(state, tenant);
    let upn = format!("admin@{domain}");
    let others =
        tenant.users.values().any(|u| u.user_principal_name.eq_ignore_ascii_case(&upn) || is_admin(tenant, &u.id));
    (!others && !tenant.bin.contains_key(&id)).then(|| User {
        id,
        user_principal_name: upn,
        display_name: "Administrator".to_owned(),
        mfa: false,
        props: Props::new(),
        created: Timestamp::UNIX_EPOCH,
        tokens_valid_from: Timestamp::UNIX_EPOCH,
        password: None,
    })
}

fn made_up_id(state: &State, tenant: &Tenant) -> String {
    ids::guid(state.seed, &[&tenant.id, "administrator"], 0)
}

fn is_admin(tenant: &Tenant, user: &str) -> bool {
    tenant.role_assignments.values().any(|r| r.principal_id == user && r.role == facts::GLOBAL_ADMINISTRATOR)
}

/// Makes a made-up administrator a user like any other. Whether there is anything new.
pub fn settle(state: &mut State, person: &Person, now: Timestamp) -> bool {
    let Some(tenant) = state.tenants.get(&person.home) else { return false };
    if tenant.users.contains_key(&person.user.id) || person.user.id != made_up_id(state, tenant) {
        return false;
    }
    let key = format!("{} {}", person.user.id, facts::GLOBAL_ADMINISTRATOR);
    let id = state.opaque_id(&person.home, "roleAssignment", &key);
    let Some(tenant) = state.tenants.get_mut(&person.home) else { return false };
    let user = User { created: now, tokens_valid_from: now, ..person.user.clone() };
    tenant.history.touch("user", &user.id);
    let assignment: Option<RoleAssignment> = serde_json::from_value(json!({
        "id": id, "role": facts::GLOBAL_ADMINISTRATOR, "principalId": user.id,
    }))
    .ok();
    tenant.role_assignments.extend(assignment.map(|a| (id, a)));
    tenant.users.insert(user.id.clone(), user);
    true
}

/// Directory roles in a tenant: at home, or through GDAP.
pub fn roles(state: &State, tenant: &Tenant, person: &Person) -> BTreeSet<String> {
    if person.home != tenant.id {
        return if person.home == state.partner {
            gdap::roles_of(state, &person.user.id, &tenant.id)
        } else {
            BTreeSet::new()
        };
    }
    let mut roles = claims::directory_roles(state, tenant, &person.user.id);
    if !tenant.users.contains_key(&person.user.id) && person.user.id == made_up_id(state, tenant) {
        roles.insert(facts::GLOBAL_ADMINISTRATOR.to_owned());
    }
    roles
}

/// Groups of the tenant that it is in, through groups too.
pub fn groups(tenant: &Tenant, person: &Person) -> Vec<String> {
    graph::groups_of(tenant, &person.user.id)
}

/// Personas that a tenant's sign-in page offers, at most so many.
pub fn offered(state: &State, tenant: &Tenant, most: usize) -> Vec<Person> {
    let own = tenant.users.values().filter(|u| u.password.is_none()).cloned().chain(made_up(state, tenant));
    let mut all: Vec<Person> = own.map(|user| Person { user, home: tenant.id.clone() }).collect();
    all.sort_by(|a, b| a.upn().cmp(b.upn()));
    all.truncate(most);
    all
}
