//! Graph: group.
use serde_json::{Value, json};

use super::access::GROUPERS;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::privilege::{self, DIRECTORY_WRITERS};
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{Ctx, Reply, group_changes, group_members, membership, nav, people};
use crate::sandbox::facts::{GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR, USER_ADMINISTRATOR};
use crate::sandbox::state::{Group, Tenant};

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "owners", "directoryObject", Source::Links).writable(&["user", "servicePrincipal"]).by(WRITERS),
    Nav::many(OF, "members", "directoryObject", Source::Made(membership::members)),
    Nav::many(OF, "transitiveMembers", "directoryObject", Source::Made(membership::transitive_members)),
    Nav::many(OF, "memberOf", "directoryObject", Source::Made(membership::member_of)),
    Nav::many(OF, "transitiveMemberOf", "directoryObject", Source::Made(membership::transitive_member_of)),
];

const OF: &str = "group";

/// Graph: update group, the roles; who may change role-assignable groups, the handlers say.
const WRITERS: &[&str] = &[
    GROUPS_ADMINISTRATOR,
    USER_ADMINISTRATOR,
    DIRECTORY_WRITERS,
    crate::sandbox::facts::PRIVILEGED_ROLE_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
    // Administrators of services that groups are made for.
    "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "69091246-20e8-4a56-aa4d-066075b2a7a8",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "3a2c62db-5318-420d-8d74-23affee5d9d5",
];

pub fn routes(to: &mut Routes) {
    to.read("/groups", "list-groups", OF, list);
    to.write("POST", "/groups", "create-group", OF, group_changes::create);
    to.read("/groups/{key}", "get-group", OF, get);
    to.write("PATCH", "/groups/{key}", "update-group", OF, group_changes::update).by(WRITERS).or_owner();
    to.write("DELETE", "/groups/{key}", "delete-group", OF, group_changes::delete).by(WRITERS).or_owner();
    to.write("POST", "/groups/{key}/renew", "renew-group", OF, group_changes::renew).by(GROUPERS).or_owner();
    group_members::routes(to, WRITERS);
    nav::routes(to, "/groups", OF);
}

pub fn find(tenant: &Tenant, key: &Key) -> Result<String, Failure> {
    let hit = match key {
        Key::Plain(id) => tenant.groups.get(&id.to_ascii_lowercase()),
        Key::Alternate(name, v) if name == "uniqueName" => by_unique_name(tenant, v),
        Key::Alternate(name, v) if name == "id" => tenant.groups.get(&v.to_ascii_lowercase()),
        Key::Alternate(name, _) => {
            return Err(Failure::bad_query(format!(
                "The key property '{name}' is not a key of type 'microsoft.graph.group'."
            )));
        }
    };
    hit.map(|g| g.id.clone()).ok_or_else(|| Failure::not_found(&key.text()))
}

pub fn by_unique_name<'a>(tenant: &'a Tenant, name: &str) -> Option<&'a Group> {
    tenant.groups.values().find(|g| g.text("uniqueName") == Some(name))
}

pub fn render(g: &Group) -> Value {
    let mut p = g.props.clone();
    p.insert("id".into(), json!(g.id));
    p.insert("createdDateTime".into(), json!(g.created));
    p.entry("renewedDateTime").or_insert(json!(g.created));
    p.entry("groupTypes").or_insert(json!([]));
    p.insert("securityIdentifier".into(), json!(people::security_identifier(&g.id)));
    super::shape::complete(OF, p)
}

/// A group with what its tenant says of it.
fn shown(tenant: &Tenant, g: &Group) -> Value {
    let mut item = render(g);
    if privilege::is_restricted(tenant, &g.id) {
        item["isManagementRestricted"] = json!(true);
    }
    item
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let items = tenant.groups.values().map(|g| shown(tenant, g)).collect();
    query::list(ctx, &List::directory(OF, "groups"), items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let id = find(tenant, &ctx.key(0))?;
    let item = shown(tenant, tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?);
    query::single(ctx, OF, "groups", item, 200)
}
