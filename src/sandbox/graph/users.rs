//! Graph: user. A tenant's plain users are made up when they are read.
use std::borrow::Cow;

use serde_json::{Value, json};

use super::errors::Failure;
use super::nav::{Nav, Source};
use super::privilege::{self, DIRECTORY_WRITERS};
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, licences, membership, nav, people, units, user_actions, user_changes};
use crate::sandbox::facts::{GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR};
use crate::sandbox::kept::Kept;
use crate::sandbox::state::{State, Tenant, User};

pub static NAVS: &[Nav] = &[
    Nav::many(OF, "memberOf", "directoryObject", Source::Made(membership::member_of)),
    Nav::many(OF, "transitiveMemberOf", "directoryObject", Source::Made(membership::transitive_member_of)),
    Nav::many(OF, "ownedObjects", "directoryObject", Source::Made(membership::owned)),
    Nav::many(OF, "createdObjects", "directoryObject", Source::Made(membership::nothing)),
    Nav::many(OF, "ownedDevices", "directoryObject", Source::Made(membership::nothing)),
    Nav::many(OF, "registeredDevices", "directoryObject", Source::Made(membership::nothing)),
    Nav::many(OF, "directReports", "directoryObject", Source::Made(membership::reports)),
    Nav::many(OF, "oauth2PermissionGrants", "oAuth2PermissionGrant", Source::Made(grants)),
    Nav::many(OF, "licenseDetails", "licenseDetails", Source::Made(licences::details)),
    Nav::many(OF, "scopedRoleMemberOf", "scopedRoleMembership", Source::Made(units::scoped_roles_of)),
    Nav::many(OF, "sponsors", "directoryObject", Source::Links).writable(&["user", "group"]).by(MANAGERS),
    Nav::one(OF, "manager", "directoryObject", Source::Links).writable(&["user"]).by(MANAGERS),
];

const OF: &str = "user";

/// Who may change what is not sensitive.
pub const MANAGERS: &[&str] = &[USER_ADMINISTRATOR, DIRECTORY_WRITERS, GLOBAL_ADMINISTRATOR];

/// Who may change something of a user.
const CHANGERS: &[&str] = &[
    USER_ADMINISTRATOR,
    DIRECTORY_WRITERS,
    GLOBAL_ADMINISTRATOR,
    privilege::AUTHENTICATION_ADMINISTRATOR,
    privilege::PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
    privilege::HELPDESK_ADMINISTRATOR,
    privilege::PASSWORD_ADMINISTRATOR,
];

pub fn routes(to: &mut Routes) {
    to.read("/users", "list-users", OF, list);
    to.write("POST", "/users", "create-user", OF, user_changes::create).by(MANAGERS);
    to.read("/users/{key}", "get-user", OF, get);
    to.write("PATCH", "/users/{key}", "update-user", OF, user_changes::update).by(CHANGERS).or_owner();
    to.write("DELETE", "/users/{key}", "delete-user", OF, user_changes::delete)
        .by(&[USER_ADMINISTRATOR, GLOBAL_ADMINISTRATOR]);
    user_actions::routes(to);
    nav::routes(to, "/users", OF);
}

/// A user that is kept, as Graph shows it.
pub fn real(tenant: &Tenant, u: &User) -> Value {
    people::render(tenant, u)
}

pub fn by_id(state: &State, tenant: &Tenant, id: &str) -> Option<Value> {
    people::get(state, tenant, id).map(|u| people::render(tenant, &u))
}

fn grants(_: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let own = tenant.grants.values().filter(|g| g.principal_id.as_deref() == Some(id));
    own.map(super::grants::render).collect()
}

/// What `User.ReadBasic.All` shows of others.
const BASIC: [&str; 7] =
    ["id", "displayName", "givenName", "surname", "mail", "securityIdentifier", "userPrincipalName"];

/// A user as the caller's permissions show it.
fn seen(ctx: &Ctx, mut item: Value) -> Value {
    let held = ctx.caller.held();
    let basic = held.iter().any(|p| p == "User.ReadBasic.All");
    let more = |p: &String| p != "User.ReadBasic.All" && p.contains(".Read") && p.ends_with(".All");
    let own = ctx.caller.user.is_some() && item["id"].as_str() == ctx.caller.user.as_deref();
    if !basic || own || held.iter().any(more) {
        return item;
    }
    if let Some(map) = item.as_object_mut() {
        map.retain(|name, _| BASIC.contains(&name.as_str()));
    }
    super::shape::filled(OF, item)
}

/// Whether the last sign-ins are asked for: only by name, and not by everybody.
fn wants_activity(ctx: &Ctx) -> Result<bool, Failure> {
    let select = ctx.call.param("$select").unwrap_or_default();
    let wants = select.split(',').any(|s| s.trim().eq_ignore_ascii_case("signInActivity"));
    if wants && !ctx.caller.held().iter().any(|p| p == "AuditLog.Read.All") {
        return Err(Failure::denied());
    }
    Ok(wants)
}

/// Graph: signInActivity. From the sign-ins that are in the log; `null` for whom never signed in.
fn activity(tenant: &Tenant, id: &str) -> Value {
    let own = || tenant.sign_ins.iter().rev().filter(|s| s["userId"] == id);
    let last = |interactive: bool| own().find(|s| s["isInteractive"] == interactive);
    let good = own().find(|s| s["status"]["errorCode"] == 0);
    if own().next().is_none() {
        return Value::Null;
    }
    let time = |s: Option<&Kept<Value>>| s.map_or(Value::Null, |s| s["createdDateTime"].clone());
    let request = |s: Option<&Kept<Value>>| s.map_or(Value::Null, |s| s["id"].clone());
    json!({
        "lastSignInDateTime": time(last(true)), "lastSignInRequestId": request(last(true)),
        "lastNonInteractiveSignInDateTime": time(last(false)), "lastNonInteractiveSignInRequestId": request(last(false)),
        "lastSuccessfulSignInDateTime": time(good), "lastSuccessfulSignInRequestId": request(good),
    })
}

/// A user with what the caller asks for and may see.
fn told(ctx: &Ctx, tenant: &Tenant, u: &User, with_activity: bool) -> Value {
    let mut item = people::render(tenant, u);
    if with_activity {
        item["signInActivity"] = activity(tenant, &u.id);
    }
    seen(ctx, item)
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let with_activity = wants_activity(ctx)?;
    let tenant = ctx.tenant()?;
    let rows: Vec<Cow<User>> = people::all(ctx.state, tenant).collect();
    query::lazy(ctx, &List::directory(OF, "users"), rows, |u| told(ctx, tenant, u, with_activity))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    let (with_activity, tenant) = (wants_activity(ctx)?, ctx.tenant()?);
    let user = people::get(ctx.state, tenant, &id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, OF, "users", told(ctx, tenant, &user, with_activity), 200)
}

/// The answer to the making of a user.
pub fn made(ctx: &Ctx, id: &str) -> Reply {
    let item = by_id(ctx.state, ctx.tenant()?, id).ok_or_else(|| Failure::not_found(id))?;
    let at = format!("{}/{}/directoryObjects/{id}/Microsoft.DirectoryServices.User", ctx.call.base(), ctx.version);
    Ok(query::single(ctx, OF, "users", item, 201)?.with("Location", at))
}
