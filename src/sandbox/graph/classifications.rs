//! Graph: delegatedPermissionClassification.
use serde_json::{Value, json};

use super::errors::Failure;
use super::{Ctx, service_principals};
use crate::sandbox::state::Props;

/// The scope of the principal that a body names by id or value: id, value.
fn scope(ctx: &Ctx, body: &Props) -> Result<Option<(String, String)>, Failure> {
    let id = ctx.found("servicePrincipal", 0)?;
    let p = ctx.tenant()?.principals.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    let shown = service_principals::render(ctx.state, p, true);
    let text = |k: &str| body.get(k).and_then(Value::as_str);
    let scopes = shown["oauth2PermissionScopes"].as_array().cloned().unwrap_or_default();
    let fits = |s: &Value, k: &str, name: &str| text(name).is_none_or(|t| s[k].as_str().is_some_and(|v| v == t));
    let named = text("permissionId").is_some() || text("permissionName").is_some();
    let hit = scopes.iter().find(|s| named && fits(s, "id", "permissionId") && fits(s, "value", "permissionName"));
    let own = |s: &Value, k: &str| s[k].as_str().unwrap_or_default().to_owned();
    Ok(hit.map(|s| (own(s, "id"), own(s, "value"))))
}

pub fn check(ctx: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let Some((id, _)) = scope(ctx, after)? else {
        return Err(Failure::bad("The permission to be classified was not found on the service principal."));
    };
    let owner = ctx.found("servicePrincipal", 0)?;
    let shelf = ctx.tenant()?.shelves.get(&format!("{owner}/delegatedPermissionClassifications"));
    if shelf.into_iter().flat_map(|s| s.values()).any(|i| i.props.get("permissionId") == Some(&json!(id))) {
        return Err(Failure::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "A classification of this permission already exists.",
        ));
    }
    Ok(())
}

pub fn fill(ctx: &Ctx, body: &mut Props) {
    if let Ok(Some((id, name))) = scope(ctx, body) {
        body.insert("permissionId".to_owned(), json!(id));
        body.insert("permissionName".to_owned(), json!(name));
    }
}
