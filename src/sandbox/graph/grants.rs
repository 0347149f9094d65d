//! Graph: oAuth2PermissionGrant, that is delegated permissions.
use serde_json::{Value, json};

use super::access::CONSENT;
use super::errors::Failure;
use super::nav::{Nav, Source};
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, shape, users};
use crate::sandbox::http::Answer;
use crate::sandbox::state::{Grant, State, Tenant};

pub fn routes(to: &mut Routes) {
    to.read("/oauth2PermissionGrants", "list-grants", TYPE, list);
    to.write("POST", "/oauth2PermissionGrants", "grant-delegated", TYPE, create).by(CONSENT);
    to.read("/oauth2PermissionGrants/{id}", "get-grant", TYPE, get);
    to.write("PATCH", "/oauth2PermissionGrants/{id}", "update-delegated", TYPE, update).by(CONSENT);
    to.write("DELETE", "/oauth2PermissionGrants/{id}", "revoke-delegated", TYPE, delete).by(CONSENT);
}

pub static NAVS: &[Nav] = &[Nav::many("user", "oauth2PermissionGrants", TYPE, Source::Made(of_user))];

const TYPE: &str = "oAuth2PermissionGrant";

pub fn render(g: &Grant) -> Value {
    let props = json!({
        "id": g.id, "clientId": g.client_id, "resourceId": g.resource_id, "scope": g.scope, "principalId": g.principal_id,
        "consentType": if g.principal_id.is_some() { "Principal" } else { "AllPrincipals" },
    });
    shape::complete(TYPE, props.as_object().cloned().unwrap_or_default())
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = ctx.tenant()?.grants.values().map(render).collect();
    query::list(ctx, &List::directory(TYPE, "oauth2PermissionGrants"), items)
}

pub fn of_principal(_: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    tenant.grants.values().filter(|g| g.client_id == id).map(render).collect()
}

/// What was granted for one user.
pub fn of_user(_: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    tenant.grants.values().filter(|g| g.principal_id.as_deref() == Some(id)).map(render).collect()
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let item = render(ctx.tenant()?.grants.get(&id).ok_or_else(|| Failure::not_found(&id))?);
    query::single(ctx, TYPE, "oauth2PermissionGrants", item, 200)
}

fn check_scope(scope: &str) -> Result<(), Failure> {
    let n = scope.trim().chars().count();
    if (1..=8000).contains(&n) {
        Ok(())
    } else {
        Err(Failure::bad(format!("DelegationScope length {n} is out of range. The length must be between 1 and 8000.")))
    }
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    let text = |k: &str| body.get(k).and_then(Value::as_str);
    let client =
        text("clientId").ok_or_else(|| Failure::required("clientId", "OAuth2PermissionGrant"))?.to_ascii_lowercase();
    let resource = text("resourceId")
        .ok_or_else(|| Failure::required("resourceId", "OAuth2PermissionGrant"))?
        .to_ascii_lowercase();
    let scope = text("scope").ok_or_else(|| Failure::required("scope", "OAuth2PermissionGrant"))?;
    check_scope(scope)?;
    let principal = match (text("consentType"), text("principalId")) {
        (Some("AllPrincipals"), None) => None,
        (Some("Principal"), Some(p)) => Some(p.to_ascii_lowercase()),
        _ => {
            return Err(Failure::bad(
                "Invalid value specified for property 'consentType' of resource 'OAuth2PermissionGrant'.",
            ));
        }
    };
    let tenant = ctx.tenant()?;
    for id in [&client, &resource] {
        if !tenant.principals.contains_key(id) {
            return Err(Failure::not_found(id));
        }
    }
    if let Some(user) = principal.as_ref().filter(|p| users::by_id(ctx.state, tenant, p).is_none()) {
        return Err(Failure::not_found(user));
    }
    if tenant.grants.values().any(|g| g.client_id == client && g.resource_id == resource && g.principal_id == principal)
    {
        const TEXT: &str = "Permission entry already exists.";
        // Both were seen; which one a tenant answers is a matter of seed.
        let plain = ctx.state.switches.moods && ctx.state.chance(&["duplicate grant", &tenant.id], 2) == 0;
        return Err(match plain {
            true => Failure::bad(TEXT),
            false => Failure::new(409, "Request_MultipleObjectsWithSameKeyValue", TEXT),
        });
    }
    let tenant_id = ctx.caller.tenant.clone();
    let id = ctx.state.opaque_id(
        &tenant_id,
        "grant",
        &format!("{client} {resource} {}", principal.as_deref().unwrap_or("")),
    );
    let grant = Grant {
        id: id.clone(),
        client_id: client,
        resource_id: resource,
        principal_id: principal,
        scope: scope.trim().to_owned(),
    };
    let item = render(&grant);
    ctx.tenant_mut()?.grants.insert(id.clone(), grant);
    ctx.touch(TYPE, &id)?;
    query::single(ctx, TYPE, "oauth2PermissionGrants", item, 201)
}

/// Replaces the scopes.
pub fn update(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let body = ctx.body(TYPE)?;
    let shown = render(ctx.tenant()?.grants.get(&id).ok_or_else(|| Failure::not_found(&id))?);
    // Clients send back what they have read.
    let changed = |k: &str| k != "scope" && !k.starts_with('@') && body.get(k) != shown.get(k);
    if let Some(k) = body.keys().find(|k| changed(k)) {
        return Err(Failure::bad(format!("Property '{k}' is read-only and cannot be set.")));
    }
    let Some(scope) = body.get("scope").and_then(Value::as_str) else { return Ok(Answer::empty(204)) };
    check_scope(scope)?;
    if let Some(g) = ctx.tenant_mut()?.grants.get_mut(&id) {
        g.scope = scope.trim().to_owned();
    }
    ctx.touch(TYPE, &id)?;
    Ok(Answer::empty(204))
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    if ctx.tenant_mut()?.grants.remove(&id).is_none() {
        return Err(Failure::not_found(&id));
    }
    ctx.tenant_mut()?.history.remove(TYPE, &id, true);
    ctx.state.retired.insert(id);
    Ok(Answer::empty(204))
}
