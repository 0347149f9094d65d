//! What drifts leave in the audit logs: the people who play them are administrators of the tenants they touch.
use jiff::Timestamp;
use serde_json::Value;

use super::audit::Target;
use super::drift;
use super::state::{State, Tenant};

/// One entry that is due when the drift is done. Taken before: what is deleted cannot be looked up afterwards.
pub struct Trace {
    tenant: String,
    activity: &'static str,
    targets: Vec<Target>,
}

pub fn before(state: &State, wish: &Value) -> Option<Trace> {
    let text = |name: &str| wish.get(name).and_then(Value::as_str).unwrap_or_default();
    let partner = || state.tenants.get(&state.partner);
    let trace = |tenant: &Tenant, activity, targets| Some(Trace { tenant: tenant.id.clone(), activity, targets });
    let principal = |activity| {
        let tenant = drift::tenant(state, text("tenant")).ok()?;
        let (_, p) = drift::principal(state, text("tenant"), text("app")).ok()?;
        trace(tenant, activity, vec![Target::new("servicePrincipal", &p.id, Some(text("app")))])
    };
    let app = |activity| {
        let (tenant, app) = drift::registration(state, text("app"))?;
        trace(tenant, activity, vec![Target::new("application", &app.id, Some(app.display_name()))])
    };
    match text("kind") {
        "remove-grant" => principal("DELETE /serviceprincipals/{}/approleassignedto/{}"),
        "remove-directory-role" => principal("DELETE /rolemanagement/directory/roleassignments/{}"),
        "remove-delegated-grant" => principal("DELETE /oauth2permissiongrants/{}"),
        "delete-service-principal" => principal("DELETE /serviceprincipals/{}"),
        "rename-app" | "add-redirect-uri" | "remove-app-permission" => app("PATCH /applications/{}"),
        "remove-group-member" => {
            let tenant = partner()?;
            let group = tenant.groups.values().find(|g| g.id == text("group") || g.display_name() == text("group"))?;
            let member = user(tenant, text("member"));
            let group = Target::new("group", &group.id, Some(group.display_name()));
            trace(tenant, "DELETE /groups/{}/members/{}", vec![member, group])
        }
        "revoke-refresh-tokens" => {
            let tenant = partner()?;
            trace(tenant, "POST /users/{}/revokesigninsessions", vec![user(tenant, text("user"))])
        }
        "terminate-relationship" => {
            let id = drift::relationship(state, text("relationship")).ok()?;
            let r = state.relationships.get(&id)?;
            let tenant = state.tenants.get(r.customer.as_deref()?)?;
            trace(tenant, "terminate", vec![relationship(&r.id, &r.display_name)])
        }
        "disable-service-principal" => principal("PATCH /serviceprincipals/{}"),
        "disable-user" | "reset-password" => {
            let tenant = partner()?;
            trace(tenant, "PATCH /users/{}", vec![user(tenant, text("user"))])
        }
        "delete-group" | "rename-group" => {
            let tenant = partner()?;
            let group = tenant.groups.values().find(|g| g.id == text("group") || g.display_name() == text("group"))?;
            let target = Target::new("group", &group.id, Some(group.display_name()));
            let is_gone = text("kind") == "delete-group";
            trace(tenant, if is_gone { "DELETE /groups/{}" } else { "PATCH /groups/{}" }, vec![target])
        }
        "rename-tenant" => {
            let tenant = drift::tenant(state, text("tenant")).ok()?;
            let target = Target::new("organization", &tenant.id, Some(&tenant.display_name));
            trace(tenant, "PATCH /organization/{}", vec![target])
        }
        _ => None,
    }
}

pub fn relationship(id: &str, name: &str) -> Target {
    Target::new("delegatedAdminRelationship", id, Some(name))
}

fn user(tenant: &Tenant, name: &str) -> Target {
    let hit = tenant.users.values().find(|u| u.id == name || u.user_principal_name.eq_ignore_ascii_case(name));
    let id = hit.map_or(name, |u| u.id.as_str());
    let mut target = Target::new("user", id, None);
    target.upn = hit.map(|u| u.user_principal_name.clone());
    target
}

/// The drift was done.
pub fn enter(state: &mut State, now: Timestamp, trace: Option<Trace>) {
    if let Some(Trace { tenant, activity, targets }) = trace {
        state.audit_person(&tenant, now, activity, targets);
    }
}
