//! Graph: directoryObject.
use serde_json::Value;

use super::access::{APPS, GROUPERS};
use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, applications, group_changes, objects, service_principals, units, user_actions, user_changes};
use crate::sandbox::facts::{self, GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR};
use crate::sandbox::http::Answer;

const OF: &str = "directoryObject";

pub fn routes(to: &mut Routes) {
    to.read("/directoryObjects/{id}", "get-directory-object", OF, get);
    to.write("DELETE", "/directoryObjects/{id}", "delete-directory-object", OF, delete);
    to.ask("/directoryObjects/getByIds", "get-by-ids", OF, get_by_ids);
    to.ask("/directoryObjects/validateProperties", "validate-properties", OF, validate);
    to.ask("/groups/{key}/validateProperties", "validate-group-properties", OF, validate);
    user_actions::member_routes(to);
}

fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let item = objects::object(ctx.state, ctx.tenant()?, &id).ok_or_else(|| Failure::not_found(&id))?;
    if ctx.cast.as_deref().is_some_and(|cast| !is_of(&item, cast)) {
        return Err(Failure::not_found(&id));
    }
    query::single(ctx, OF, "directoryObjects", item, 200)
}

fn is_of(item: &Value, cast: &str) -> bool {
    let own = item["@odata.type"].as_str().and_then(|t| t.strip_prefix("#microsoft.graph."));
    own.is_some_and(|own| facts::types().is_a(own, cast))
}

/// What deleting an object of a type needs: the permission depends on it.
fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let of = objects::type_of(ctx.state, ctx.tenant()?, &id).ok_or_else(|| Failure::not_found(&id))?;
    let (permission, roles): (&str, &[&str]) = match of {
        "user" => ("User.ReadWrite.All", &[USER_ADMINISTRATOR, GLOBAL_ADMINISTRATOR]),
        "group" => ("Group.ReadWrite.All", GROUPERS),
        "application" | "servicePrincipal" => ("Application.ReadWrite.All", APPS),
        "administrativeUnit" => ("AdministrativeUnit.ReadWrite.All", super::access::ROLES),
        _ => return Err(Failure::bad(format!("Unsupported resource type '{of}' for operation 'Delete'."))),
    };
    if !ctx.caller.held().iter().any(|p| p == permission) {
        return Err(Failure::denied());
    }
    ctx.need_role(roles)?;
    match of {
        "user" => user_changes::remove(ctx, &id),
        "group" => group_changes::remove(ctx, &id),
        "application" => applications::delete(ctx),
        "administrativeUnit" => units::remove(ctx, &id),
        _ => service_principals::delete(ctx),
    }
}

/// Graph: directoryObject getByIds. Those that are not there are left out.
fn get_by_ids(ctx: &mut Ctx) -> Reply {
    let body = ctx.json()?;
    let ids = body.get("ids").and_then(Value::as_array).ok_or_else(|| {
        Failure::bad_query("One or more parameters of the operation 'getByIds' are missing from the request payload. The missing parameters are: ids.")
    })?;
    if ids.len() > 1000 {
        return Err(Failure::bad("The number of identifiers in 'ids' exceeds the maximum of 1000."));
    }
    let types: Vec<&str> =
        body.get("types").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(unknown) = types.iter().find(|t| facts::of_type(t).is_none_or(|_| !facts::types().is_a(t, OF))) {
        return Err(Failure::bad(format!("Invalid value '{unknown}' specified for parameter 'types'.")));
    }
    let tenant = ctx.tenant()?;
    let mut seen = std::collections::BTreeSet::new();
    let wanted = ids.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).filter(|id| seen.insert(id.clone()));
    let found = wanted.filter_map(|id| objects::object(ctx.state, tenant, &id));
    let items = found.filter(|o| types.is_empty() || types.iter().any(|t| is_of(o, t))).collect();
    let how = List { default_top: 1000, max_top: 1000, ..List::directory(OF, "directoryObjects") };
    query::list(ctx, &how, items)
}

/// Graph: validateProperties. A name that a group could not have is refused.
fn validate(ctx: &mut Ctx) -> Reply {
    let body = ctx.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if ctx.route.pattern.starts_with("/directoryObjects") && text("entityType") != Some("Group") {
        return Err(Failure::bad("Invalid value specified for parameter 'entityType'."));
    }
    let bad = |property: &str| {
        let message = format!("Property '{property}' does not comply with the policies of the organization.");
        Err(Failure::new(422, "Request_UnprocessableEntity", message))
    };
    if text("displayName").is_some_and(|n| n.is_empty() || n.chars().count() > 256) {
        return bad("displayName");
    }
    if text("mailNickname").is_some_and(|n| !group_changes::is_nickname(n)) {
        return bad("mailNickname");
    }
    Ok(Answer::empty(204))
}
