//! Managed identities: tokens for what runs in Azure, by the instance metadata service or by App Service.
use serde_json::{Value, json};

use super::scope::Scope;
use super::sign_in::Seen;
use super::{Cx, Refusal, claims, grant};
use crate::sandbox::http::{Answer, encode};
use crate::sandbox::state::{Principal, Tenant};

/// An answer, and whose sign-in it was.
pub struct Answered {
    pub answer: Answer,
    pub seen: Option<(Seen, Option<Refusal>)>,
}

fn error(status: u16, code: &str, text: &str) -> Answered {
    let answer = Answer::json(status, json!({ "error": code, "error_description": text }));
    Answered { answer, seen: None }
}

/// Azure: how to use managed identities on a virtual machine.
pub fn imds(cx: &Cx) -> Answered {
    if !cx.call.header("metadata").is_some_and(|m| m.eq_ignore_ascii_case("true")) {
        return error(400, "invalid_request", "Required metadata header not specified");
    }
    if cx.call.header("x-forwarded-for").is_some() {
        return error(400, "invalid_request", "The request was forwarded.");
    }
    if cx.call.param("api-version").is_none() {
        return error(400, "invalid_request", "Required query variable 'api-version' is missing");
    }
    answer(cx, true)
}

/// Azure: managed identities for App Service. The header's value is a secret of the machine.
pub fn app_service(cx: &Cx) -> Answered {
    if cx.call.header("x-identity-header") != Some(header(cx.keys).as_str()) {
        return error(401, "invalid_request", "The X-IDENTITY-HEADER is missing or wrong.");
    }
    if cx.call.param("api-version") != Some("2019-08-01") {
        return error(400, "invalid_request", "The api-version must be 2019-08-01.");
    }
    answer(cx, false)
}

/// What `IDENTITY_HEADER` is.
pub fn header(keys: &crate::sandbox::keys::Keys) -> String {
    keys.secret_of("managed identity header")
}

/// Those that the partner's tenant has.
pub fn all(tenant: &Tenant) -> impl Iterator<Item = &Principal> {
    tenant
        .principals
        .values()
        .filter(|p| p.props.get("servicePrincipalType").and_then(Value::as_str) == Some("ManagedIdentity"))
}

fn chosen<'a>(cx: &Cx, tenant: &'a Tenant) -> Option<&'a Principal> {
    let named = |name: &str| cx.call.param(name).filter(|v| !v.is_empty());
    let resource_id = ["msi_res_id", "mi_res_id"].iter().find_map(|n| named(n));
    let by = |p: &&Principal| match (named("client_id"), named("object_id").or(named("principal_id")), resource_id) {
        (Some(client), ..) => p.app_id.eq_ignore_ascii_case(client),
        (_, Some(object), _) => p.id.eq_ignore_ascii_case(object),
        (.., Some(resource)) => {
            let names = p.props.get("alternativeNames").and_then(Value::as_array);
            names.into_iter().flatten().filter_map(Value::as_str).any(|n| n.eq_ignore_ascii_case(resource))
        }
        _ => true,
    };
    let mut hits = all(tenant).filter(by);
    // Without a name it is the one that there is.
    hits.next().filter(|_| hits.next().is_none())
}

fn answer(cx: &Cx, imds: bool) -> Answered {
    let Some(resource) = cx.call.param("resource").filter(|r| !r.is_empty()) else {
        return error(400, "invalid_request", "Required query variable 'resource' is missing");
    };
    let Some(tenant) = cx.state.tenants.get(&cx.state.partner) else {
        return error(400, "invalid_request", "Identity not found");
    };
    let Some(identity) = chosen(cx, tenant) else { return error(400, "invalid_request", "Identity not found") };
    let scope = match Scope::of_resource(cx.state, resource, &cx.call.host) {
        Ok(scope) => scope,
        Err(refused) => return error(400, refused.error, &refused.text),
    };
    let mut seen = Seen {
        tenant: tenant.id.clone(),
        client: identity.app_id.clone(),
        resource: scope.resource.clone(),
        protocol: "managedIdentity",
        ..Seen::default()
    };
    let body = match grant::issue_app_only(cx, tenant, identity, "2", &scope, &mut seen) {
        Ok(body) => body,
        Err(refused) => {
            let text = format!("AADSTS{}: {}", refused.code, refused.text);
            let answered = error(400, refused.error, &text);
            return Answered { seen: Some((seen, Some(refused))), ..answered };
        }
    };
    let mut shown = json!({
        "access_token": body["access_token"], "client_id": identity.app_id, "resource": resource, "token_type": "Bearer",
        "expires_on": claims::end(cx.now).to_string(), "expires_in": claims::LIFETIME.to_string(),
    });
    if imds {
        shown["ext_expires_in"] = json!(claims::LIFETIME.to_string());
        shown["not_before"] = json!(cx.now.as_second().to_string());
    }
    Answered { answer: Answer::json(200, shown), seen: Some((seen, None)) }
}

/// The resource id by which Azure knows an identity that the world declares.
pub fn resource_id(name: &str) -> String {
    format!(
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/sandbox/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}",
        encode(name)
    )
}
