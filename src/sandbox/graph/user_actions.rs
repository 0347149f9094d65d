//! Graph: what is done to users besides changing them, and what any member is asked.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::errors::Failure;
use super::privilege;
use super::routes::{Handler, Routes};
use super::{Ctx, Reply, licences, membership, objects, passwords, people};
use crate::sandbox::clock::plus;
use crate::sandbox::facts::{GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;

/// Graph: user revokeSignInSessions, the roles.
const REVOKERS: &[&str] = &[
    USER_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
    privilege::DIRECTORY_WRITERS,
    privilege::HELPDESK_ADMINISTRATOR,
    privilege::PASSWORD_ADMINISTRATOR,
    privilege::AUTHENTICATION_ADMINISTRATOR,
    privilege::PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
];

pub fn routes(to: &mut Routes) {
    to.write("POST", "/users/{key}/revokeSignInSessions", "revoke-sessions", "user", revoke).by(REVOKERS).or_owner();
    to.write("POST", "/users/{key}/changePassword", "change-password", "user", change_password);
    licences::routes(to);
}

/// What every object that can be a member is asked.
pub fn member_routes(to: &mut Routes) {
    let asked: [(&'static str, &'static str, Handler); 4] = [
        ("getMemberGroups", "get-member-groups", get_member_groups),
        ("getMemberObjects", "get-member-objects", get_member_objects),
        ("checkMemberGroups", "check-member-groups", check_member_groups),
        ("checkMemberObjects", "check-member-objects", check_member_objects),
    ];
    let kinds = [
        ("/users", "user"),
        ("/groups", "group"),
        ("/servicePrincipals", "servicePrincipal"),
        ("/directoryObjects", "directoryObject"),
    ];
    for (path, of) in kinds {
        for (action, name, handler) in asked {
            to.ask(format!("{path}/{{key}}/{action}"), name, of, handler);
        }
    }
}

fn value(ctx: &Ctx, of: &str, value: Value) -> Reply {
    let context = format!("{}/{}/$metadata#{of}", ctx.call.base(), ctx.version);
    Ok(Answer::json(200, json!({ "@odata.context": context, "value": value })))
}

fn revoke(ctx: &mut Ctx) -> Reply {
    let id = ctx.found("user", 0)?;
    privilege::need_outranking(ctx, &id)?;
    let (home, now) = (ctx.caller.tenant.clone(), ctx.now);
    let user = people::change(ctx.state, &home, &id).ok_or_else(|| Failure::not_found(&id))?;
    // Times are whole seconds: a token of this very second is revoked too.
    user.tokens_valid_from = plus(now, 1);
    ctx.touch("user", &id)?;
    value(ctx, "Edm.Boolean", json!(true))
}

fn change_password(ctx: &mut Ctx) -> Reply {
    let id = ctx.found("user", 0)?;
    let body = ctx.json()?;
    if ctx.caller.user.as_deref() != Some(&id) {
        return Err(Failure::denied());
    }
    let text = |name: &str| {
        body.get(name).and_then(Value::as_str).ok_or_else(|| {
            Failure::bad_query(format!("One or more parameters of the operation 'changePassword' are missing from the request payload. The missing parameters are: {name}."))
        })
    };
    let (old, new) = (text("currentPassword")?, text("newPassword")?);
    let (home, now) = (ctx.caller.tenant.clone(), ctx.now);
    let user = people::change(ctx.state, &home, &id).ok_or_else(|| Failure::not_found(&id))?;
    // A persona without a password signs in without one: whatever it says is its own.
    if user.password.as_ref().is_some_and(|p| *p != ids::secret_hash(old)) {
        return Err(Failure::bad("Parameter currentPassword must contain user's current password."));
    }
    if !passwords::is_strong(new, &user.user_principal_name) || old == new {
        return Err(passwords::weak());
    }
    passwords::set(user, ids::secret_hash(new), now);
    ctx.touch("user", &id)?;
    Ok(Answer::empty(204))
}

/// The object that is asked about.
fn subject(ctx: &Ctx) -> Result<String, Failure> {
    if ctx.route.of != "directoryObject" {
        return ctx.found(ctx.route.of, 0);
    }
    let id = ctx.id(0).to_ascii_lowercase();
    let there = objects::type_of(ctx.state, ctx.tenant()?, &id).is_some();
    if there { Ok(id) } else { Err(Failure::not_found(&id)) }
}

fn security_only(ctx: &Ctx) -> Result<bool, Failure> {
    match ctx.json()?.get("securityEnabledOnly") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(only)) => Ok(*only),
        Some(other) => {
            Err(Failure::bad_query(format!("Cannot convert the literal '{other}' to the expected type 'Edm.Boolean'.")))
        }
    }
}

fn groups_of(ctx: &Ctx, id: &str, security_only: bool) -> Result<Vec<String>, Failure> {
    let tenant = ctx.tenant()?;
    let secure =
        |g: &String| tenant.groups.get(g).is_some_and(|g| g.props.get("securityEnabled") == Some(&json!(true)));
    Ok(membership::all_groups_of(tenant, id).into_iter().filter(|g| !security_only || secure(g)).collect())
}

const STRINGS: &str = "Collection(Edm.String)";

fn get_member_groups(ctx: &mut Ctx) -> Reply {
    let id = subject(ctx)?;
    let groups = groups_of(ctx, &id, security_only(ctx)?)?;
    value(ctx, STRINGS, json!(groups))
}

/// Groups, units and directory roles.
fn containers(ctx: &Ctx, id: &str) -> Result<Vec<String>, Failure> {
    let all = membership::transitive_member_of(ctx.state, ctx.tenant()?, id);
    Ok(all.iter().filter_map(|o| o["id"].as_str()).map(str::to_owned).collect())
}

fn get_member_objects(ctx: &mut Ctx) -> Reply {
    let id = subject(ctx)?;
    let only = security_only(ctx)?;
    if only && objects::type_of(ctx.state, ctx.tenant()?, &id) != Some("user") {
        return Err(Failure::bad(
            "Invalid value specified for parameter 'securityEnabledOnly': it can be true for users only.",
        ));
    }
    let all = if only { groups_of(ctx, &id, true)? } else { containers(ctx, &id)? };
    value(ctx, STRINGS, json!(all))
}

/// The ids that a body names, twenty at most.
fn asked_for(ctx: &Ctx, name: &str) -> Result<BTreeSet<String>, Failure> {
    let body = ctx.json()?;
    let ids = body.get(name).and_then(Value::as_array).ok_or_else(|| {
        Failure::bad_query(format!("The parameter '{name}' is missing from the request payload, or is no collection."))
    })?;
    if ids.len() > 20 {
        return Err(Failure::bad(format!("Too many elements in '{name}': {}. The maximum is 20.", ids.len())));
    }
    let one = |v: &Value| v.as_str().filter(|t| ids::is_guid(t)).map(str::to_ascii_lowercase);
    ids.iter().map(|v| one(v).ok_or_else(|| Failure::bad(format!("Invalid object identifier {v}.")))).collect()
}

fn check_member_groups(ctx: &mut Ctx) -> Reply {
    let id = subject(ctx)?;
    let asked = asked_for(ctx, "groupIds")?;
    let groups = groups_of(ctx, &id, false)?;
    value(ctx, STRINGS, json!(groups.into_iter().filter(|g| asked.contains(g)).collect::<Vec<_>>()))
}

fn check_member_objects(ctx: &mut Ctx) -> Reply {
    let id = subject(ctx)?;
    let asked = asked_for(ctx, "ids")?;
    let all = containers(ctx, &id)?;
    value(ctx, STRINGS, json!(all.into_iter().filter(|o| asked.contains(o)).collect::<Vec<_>>()))
}
