//! Graph: user. A tenant's plain users are made up when they are read.
use serde_json::{Value, json};

use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, membership, nav};
use crate::sandbox::ids;
use crate::sandbox::state::{State, Tenant, User};

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "memberOf", "directoryObject", Source::Made(membership::member_of)),
    Nav::many(OF, "transitiveMemberOf", "directoryObject", Source::Made(membership::transitive_member_of)),
    Nav::many(OF, "ownedObjects", "directoryObject", Source::Made(membership::owned)),
    Nav::one(OF, "manager", "directoryObject", Source::Links).writable(&["user"]),
];

const OF: &str = "user";

pub fn routes(to: &mut Routes) {
    to.read("/users", "list-users", OF, list);
    to.read("/users/{key}", "get-user", OF, get);
    nav::routes(to, "/users", OF);
}

fn render(id: &str, upn: &str, name: &str, tenant: &Tenant, created: Value) -> Value {
    let mail = tenant.exchange.then_some(upn);
    let props = json!({
        "id": id, "userPrincipalName": upn, "displayName": name, "mail": mail, "accountEnabled": true, "userType": "Member",
        "mailNickname": upn.split('@').next(), "createdDateTime": created,
    });
    super::shape::complete("user", props.as_object().cloned().unwrap_or_default())
}

pub fn real(tenant: &Tenant, u: &User) -> Value {
    render(&u.id, &u.user_principal_name, &u.display_name, tenant, json!(u.created))
}

fn plain(state: &State, tenant: &Tenant, n: u32) -> Value {
    let upn = format!("user{:03}@{}", n + 1, tenant.default_domain());
    render(&plain_id(state, tenant, n), &upn, &format!("User {:03}", n + 1), tenant, Value::Null)
}

fn plain_id(state: &State, tenant: &Tenant, n: u32) -> String {
    ids::guid(state.seed, &[&tenant.id, "plain user"], u64::from(n))
}

pub fn by_id(state: &State, tenant: &Tenant, id: &str) -> Option<Value> {
    if let Some(u) = tenant.users.get(id) {
        return Some(real(tenant, u));
    }
    (0..tenant.plain_users).find(|n| plain_id(state, tenant, *n) == id).map(|n| plain(state, tenant, n))
}

fn all(state: &State, tenant: &Tenant) -> Vec<Value> {
    tenant
        .users
        .values()
        .map(|u| real(tenant, u))
        .chain((0..tenant.plain_users).map(|n| plain(state, tenant, n)))
        .collect()
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = all(ctx.state, ctx.tenant()?);
    query::list(ctx, &List::directory("user", "users"), items)
}

pub fn find(state: &State, tenant: &Tenant, key: &str) -> Option<Value> {
    let lower = key.to_ascii_lowercase();
    if ids::is_guid(&lower) {
        return by_id(state, tenant, &lower);
    }
    all(state, tenant)
        .into_iter()
        .find(|u| u["userPrincipalName"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(key)))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    let item = by_id(ctx.state, ctx.tenant()?, &id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, "user", "users", item, 200)
}
