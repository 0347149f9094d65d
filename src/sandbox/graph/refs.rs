//! Links written by reference: `POST …/owners/$ref`, `PUT …/manager/$ref`, and their removal.
use serde_json::{Value, json};

use super::access::APPS;
use super::errors::Failure;
use super::nav::Nav;
use super::routes::Routes;
use super::{Ctx, Reply, group_members, objects, privilege, units};
use crate::sandbox::http::Answer;

pub fn routes(to: &mut Routes, at: &str, dashed: &str, nav: &'static Nav) {
    let path = format!("{at}/$ref");
    let roles = if ["application", "servicePrincipal"].contains(&nav.of) { APPS } else { nav.writers };
    if nav.many {
        to.write("POST", path, format!("add-{dashed}"), nav.to, add).by(roles).or_owner().nav = Some(nav);
        let removal = to.write("DELETE", format!("{at}/{{id}}/$ref"), format!("remove-{dashed}"), nav.to, remove);
        removal.by(roles).or_owner().nav = Some(nav);
    } else {
        to.write("PUT", path.clone(), format!("set-{dashed}"), nav.to, set).by(nav.writers).nav = Some(nav);
        to.write("DELETE", path, format!("remove-{dashed}"), nav.to, unset).by(nav.writers).nav = Some(nav);
    }
}

fn of_route(ctx: &Ctx) -> Result<&'static Nav, Failure> {
    ctx.route.nav.ok_or_else(|| Failure::segment(&ctx.route.pattern))
}

/// The object that a body's `@odata.id` names, of a type that the link may lead to.
pub fn target(ctx: &Ctx, allowed: &[&str]) -> Result<String, Failure> {
    let body = ctx.json()?;
    let reference = body.get("@odata.id").and_then(Value::as_str);
    let reference = reference.ok_or_else(|| Failure::bad("The request body must contain '@odata.id'."))?;
    let id = ctx.bound(reference).ok_or_else(|| Failure::bad("Invalid object identifier in '@odata.id'."))?;
    let of = objects::type_of(ctx.state, ctx.tenant()?, &id).ok_or_else(|| Failure::not_found(&id))?;
    if allowed.contains(&of) {
        Ok(id)
    } else {
        Err(Failure::bad(format!("An invalid operation was included in the following modified references: '{of}'.")))
    }
}

/// What else a link's source asks for before its links change.
fn check_change(ctx: &Ctx, nav: &Nav, id: &str) -> Result<(), Failure> {
    match nav.of {
        "administrativeUnit" => units::need_assigned(ctx, id),
        "group" if ctx.tenant()?.groups.get(id).is_some_and(|g| g.is_role_assignable()) => {
            group_members::need_role_management(ctx)
        }
        _ => privilege::need_unrestricted(ctx, id),
    }
}

pub fn already(link: &str) -> Failure {
    Failure::bad(format!(
        "One or more added object references already exist for the following modified properties: '{link}'."
    ))
}

fn add(ctx: &mut Ctx) -> Reply {
    let nav = of_route(ctx)?;
    let id = ctx.found(nav.of, 0)?;
    ctx.need_owner(&id)?;
    check_change(ctx, nav, &id)?;
    let target = target(ctx, nav.targets)?;
    // Entra: an object has 100 owners at most.
    if nav.name == "owners" && ctx.tenant()?.links.of(&id, nav.name).count() >= 100 {
        let text =
            "The size of the object has exceeded its limit. Please reduce the number of values and retry your request.";
        return Err(Failure::new(403, "Directory_ResourceSizeExceeded", text));
    }
    if !ctx.tenant_mut()?.links.add(&id, nav.name, &target) {
        return Err(already(nav.name));
    }
    ctx.touch(nav.of, &id)?;
    Ok(Answer::empty(204))
}

fn remove(ctx: &mut Ctx) -> Reply {
    let nav = of_route(ctx)?;
    let id = ctx.found(nav.of, 0)?;
    ctx.need_owner(&id)?;
    let target = ctx.id(1).to_ascii_lowercase();
    check_change(ctx, nav, &id)?;
    let links = &ctx.tenant()?.links;
    let last = links.has(&id, nav.name, &target) && links.of(&id, nav.name).count() == 1;
    // Graph: remove group owner.
    if last && nav.of == "group" && nav.name == "owners" {
        return Err(Failure::bad("The group must have at least one owner, hence this owner cannot be removed."));
    }
    if !ctx.tenant_mut()?.links.remove(&id, nav.name, &target) {
        return Err(Failure::not_found(&target));
    }
    ctx.touch(nav.of, &id)?;
    Ok(Answer::empty(204))
}

fn set(ctx: &mut Ctx) -> Reply {
    let nav = of_route(ctx)?;
    let id = ctx.found(nav.of, 0)?;
    check_change(ctx, nav, &id)?;
    let target = target(ctx, nav.targets)?;
    ctx.tenant_mut()?.links.set(&id, nav.name, &target);
    ctx.touch(nav.of, &id)?;
    Ok(Answer::empty(204))
}

fn unset(ctx: &mut Ctx) -> Reply {
    let nav = of_route(ctx)?;
    let id = ctx.found(nav.of, 0)?;
    let links = &mut ctx.tenant_mut()?.links;
    let before: Vec<String> = links.of(&id, nav.name).map(str::to_owned).collect();
    if before.is_empty() {
        return Err(Failure::not_found(nav.name));
    }
    for target in &before {
        links.remove(&id, nav.name, target);
    }
    ctx.touch(nav.of, &id)?;
    Ok(Answer::empty(204))
}

/// Leaves out what a body says beside its properties; a reference that nobody took is refused.
pub fn drop_annotations(body: &mut crate::sandbox::state::Props) -> Result<(), Failure> {
    if let Some(key) = body.keys().find(|k| k.ends_with("@odata.bind")) {
        return Err(Failure::bad_query(format!("The annotation '{key}' cannot be used in this request.")));
    }
    body.retain(|name, _| !name.contains('@'));
    Ok(())
}

/// Takes `name@odata.bind` out of a body and answers the objects that it names.
pub fn take_bound(
    ctx: &Ctx,
    body: &mut crate::sandbox::state::Props,
    name: &str,
    allowed: &[&str],
) -> Result<Vec<String>, Failure> {
    let key = format!("{name}@odata.bind");
    let Some(value) = body.remove(&key) else { return Ok(Vec::new()) };
    let list = match value {
        Value::String(one) => vec![json!(one)],
        Value::Array(many) => many,
        _ => return Err(Failure::bad(format!("'{key}' must be a list of references."))),
    };
    if list.len() > 20 {
        return Err(Failure::bad("The number of relationships in the request exceeds 20."));
    }
    let tenant = ctx.tenant()?;
    let found = |r: &Value| {
        let id = r.as_str().and_then(|r| ctx.bound(r)).ok_or_else(|| Failure::bad("Invalid object reference."))?;
        let of = objects::type_of(ctx.state, tenant, &id).ok_or_else(|| Failure::not_found(&id))?;
        let invalid = || {
            Failure::bad(format!("An invalid operation was included in the following modified references: '{name}'."))
        };
        if allowed.contains(&of) { Ok(id) } else { Err(invalid()) }
    };
    list.iter().map(found).collect()
}
