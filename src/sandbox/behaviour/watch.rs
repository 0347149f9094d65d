//! What others learn late of a write: the tenant before and after it is compared, whoever wrote.
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::sandbox::clock::Delay;
use crate::sandbox::due::Effect;
use crate::sandbox::state::{Application, State, Tenant};

/// Schedules what the token service learns later.
pub fn changed(state: &mut State, before: &Tenant, after: &Tenant, now: Timestamp) {
    let mut all = Vec::new();
    if state.lag.token_app_role.0 > 0 {
        all.extend(app_roles(before, after).into_iter().map(|e| (state.lag.token_app_role, e)));
    }
    if state.lag.token_directory_role.0 > 0 {
        all.extend(directory_roles(before, after).into_iter().map(|e| (state.lag.token_directory_role, e)));
    }
    if state.lag.new_certificate.0 > 0 {
        all.extend(certificates(before, after).into_iter().map(|e| (state.lag.new_certificate, e)));
    }
    if state.lag.new_federated_credential.0 > 0 {
        all.extend(federated(before, after).into_iter().map(|e| (state.lag.new_federated_credential, e)));
    }
    for (lag, effect) in all {
        schedule(state, lag, effect, now);
    }
}

fn schedule(state: &mut State, lag: Delay, effect: Effect, now: Timestamp) {
    let about = serde_json::to_string(&effect).unwrap_or_default();
    let lag = state.lag_of(lag, &about);
    state.after(lag, now, effect);
}

/// What is in the one map and not in the other, by key.
fn without<'a, T>(these: &'a BTreeMap<String, T>, those: &'a BTreeMap<String, T>) -> impl Iterator<Item = &'a T> {
    these.iter().filter(|(id, _)| !those.contains_key(*id)).map(|(_, value)| value)
}

fn app_roles(before: &Tenant, after: &Tenant) -> Vec<Effect> {
    let tenant = || after.id.clone();
    let new = without(&after.app_roles, &before.app_roles);
    let new = new.map(|a| Effect::InTokens { tenant: tenant(), assignment: a.id.clone() });
    let gone = without(&before.app_roles, &after.app_roles).map(|a| Effect::OutOfTokens {
        tenant: tenant(),
        principal: a.principal_id.clone(),
        resource: Some(a.resource_id.clone()),
        role: a.app_role_id.clone(),
    });
    new.chain(gone).collect()
}

fn directory_roles(before: &Tenant, after: &Tenant) -> Vec<Effect> {
    let tenant = || after.id.clone();
    let new = without(&after.role_assignments, &before.role_assignments);
    let new = new.map(|r| Effect::InTokens { tenant: tenant(), assignment: r.id.clone() });
    let gone = without(&before.role_assignments, &after.role_assignments).map(|r| Effect::OutOfTokens {
        tenant: tenant(),
        principal: r.principal_id.clone(),
        resource: None,
        role: r.role.clone(),
    });
    new.chain(gone).collect()
}

fn certificates(before: &Tenant, after: &Tenant) -> Vec<Effect> {
    let known = |app: &Application, key: &str| {
        let old = before.applications.get(&app.id);
        old.is_some_and(|old| old.certificates.iter().any(|c| c.key_id == key))
    };
    let new = |app: &Application| {
        let new = app.certificates.iter().filter(|c| !known(app, &c.key_id));
        let usable = |key: &str| Effect::CertificateUsable { app_id: app.app_id.clone(), key_id: key.to_owned() };
        new.map(|c| usable(&c.key_id)).collect::<Vec<_>>()
    };
    after.applications.values().flat_map(new).collect()
}

fn federated(before: &Tenant, after: &Tenant) -> Vec<Effect> {
    let mut all = Vec::new();
    for app in after.applications.values() {
        let shelf = format!("{}/federatedIdentityCredentials", app.id);
        let Some(now) = after.shelves.get(&shelf) else { continue };
        let old = before.shelves.get(&shelf);
        // One that names another subject than before is as good as new.
        let same = |id: &str| old.and_then(|o| o.get(id)).map(|i| &i.props) == now.get(id).map(|i| &i.props);
        let new = now.keys().filter(|id| !same(id));
        all.extend(new.map(|id| Effect::FederatedUsable { app_id: app.app_id.clone(), id: id.clone() }));
    }
    all
}
