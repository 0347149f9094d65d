//! What administrators of the partner and of customers do to accounts, groups, policies and names.
use jiff::Timestamp;
use serde_json::json;

use super::{Found, missing, partner, principal, tenant, tenant_mut};
use crate::sandbox::clock;
use crate::sandbox::ids;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Group, State, User};

/// Its sign-ins are blocked: AADSTS7000112 for the app.
pub fn disable_principal(state: &mut State, tenant: &str, app: &str) -> Found<String> {
    let (tid, p) = principal(state, tenant, app)?;
    let t = tenant_mut(state, &tid)?;
    if let Some(p) = t.principals.get_mut(&p.id) {
        p.props.insert("accountEnabled".into(), json!(false));
    }
    t.history.touch("servicePrincipal", &p.id);
    Ok(format!("{app} is disabled in {tenant}"))
}

/// A policy that asks everybody for a compliant device, as customers bring one in over the partner's head.
pub fn add_policy(state: &mut State, now: Timestamp, name: &str, display_name: &str) -> Found<String> {
    let id = tenant(state, name)?.id.clone();
    let policy = state.fresh_id(&id, "conditionalAccessPolicy", display_name);
    let props = json!({
        "displayName": display_name, "state": "enabled", "createdDateTime": now,
        "conditions": {
            "clientAppTypes": ["all"], "applications": { "includeApplications": ["All"] }, "users": { "includeUsers": ["All"] },
        },
        "grantControls": { "operator": "OR", "builtInControls": ["compliantDevice"] },
    });
    let props = props.as_object().cloned().unwrap_or_default();
    let item = Item { id: policy.clone(), props, created: now, modified: now };
    tenant_mut(state, &id)?.shelves.entry("policies".to_owned()).or_default().insert(policy, item);
    Ok(format!("{name} demands a compliant device of everybody: {display_name}"))
}

fn group<'a>(state: &'a mut State, name: &str) -> Found<&'a mut Group> {
    let t = partner(state)?;
    let unknown = missing("group", name, t.groups.values().map(|g| g.display_name().to_owned()));
    t.groups.values_mut().find(|g| g.id == name || g.display_name() == name).ok_or(unknown)
}

pub fn delete_group(state: &mut State, name: &str) -> Found<String> {
    let id = group(state, name)?.id.clone();
    let t = partner(state)?;
    t.groups.remove(&id);
    t.groups.values_mut().for_each(|g| {
        g.members.remove(&id);
    });
    t.links.forget(&id);
    t.history.remove("group", &id, true);
    state.retired.insert(id);
    Ok(format!("the group {name} is gone"))
}

pub fn rename_group(state: &mut State, name: &str, display_name: &str) -> Found<String> {
    let g = group(state, name)?;
    g.props.insert("displayName".into(), json!(display_name));
    let id = g.id.clone();
    partner(state)?.history.touch("group", &id);
    Ok(format!("the group {name} is now called {display_name}"))
}

pub fn user<'a>(state: &'a mut State, name: &str) -> Found<&'a mut User> {
    let t = partner(state)?;
    let unknown = missing("user of the partner", name, t.users.values().map(|u| u.user_principal_name.clone()));
    let hit = t.users.values_mut().find(|u| u.id == name || u.user_principal_name.eq_ignore_ascii_case(name));
    hit.ok_or(unknown)
}

/// AADSTS50057 for whoever signs in as it, or redeems what it was given.
pub fn disable_user(state: &mut State, name: &str) -> Found<String> {
    let u = user(state, name)?;
    u.props.insert("accountEnabled".into(), json!(false));
    let id = u.id.clone();
    partner(state)?.history.touch("user", &id);
    Ok(format!("{name} is disabled"))
}

/// An administrator sets another password: what was signed in before is signed out.
pub fn reset_password(state: &mut State, now: Timestamp, name: &str) -> Found<String> {
    let seed = state.seed;
    let u = user(state, name)?;
    // Times are whole seconds: a token of this very second is revoked too.
    u.tokens_valid_from = clock::plus(now, 1);
    u.props.insert("lastPasswordChangeDateTime".into(), json!(now));
    if let Some(hash) = &mut u.password {
        *hash = ids::secret_hash(&ids::guid(seed, &["another password", &u.id, &now.to_string()], 0));
    }
    Ok(format!("{name} has another password, and its refresh tokens are revoked"))
}

/// The customer's own name changes at once; the contract that the partner sees keeps the old one.
pub fn rename_tenant(state: &mut State, name: &str, display_name: &str) -> Found<String> {
    let id = tenant(state, name)?.id.clone();
    let t = tenant_mut(state, &id)?;
    t.remember_names();
    display_name.clone_into(&mut t.display_name);
    Ok(format!("{name} is now called {display_name}"))
}
