//! What the audit log of a tenant learns of its pages: who consented to what, and who approved a partner.
use jiff::Timestamp;
use serde_json::json;

use crate::sandbox::audit::{By, Change, Event, Target};
use crate::sandbox::http::Call;
use crate::sandbox::state::State;
use crate::sandbox::sts::consent::Wish;
use crate::sandbox::sts::people::Person;

fn event(call: &Call, person: &Person, activity: &str, target: Target) -> Event {
    Event {
        activity: activity.to_owned(),
        by: By::User { id: person.user.id.clone(), upn: person.upn().to_owned() },
        correlation: call.request_id.clone(),
        agent: call.header("user-agent").map(str::to_owned),
        targets: vec![target],
    }
}

/// A consent that was just given, for everybody or for the person alone.
pub fn consented(
    state: &mut State,
    call: &Call,
    person: &Person,
    tenant: &str,
    app: &str,
    (wish, all): (&Wish, bool),
    now: Timestamp,
) {
    let principal = state.tenants.get(tenant).and_then(|t| t.principal_of(app)).map(|p| p.id.clone());
    let name = crate::sandbox::sts::client_app(state, app).map(|a| a.display_name().to_owned());
    let mut target = Target::new("servicePrincipal", principal.as_deref().unwrap_or(app), name.as_deref());
    let text = |yes: bool| if yes { "True" } else { "False" };
    let scopes = wish.scopes.values().flatten().cloned();
    let permissions: Vec<String> = scopes.chain(wish.roles.values().flat_map(|r| r.values().cloned())).collect();
    for (name, new) in [
        ("ConsentContext.IsAdminConsent", text(all).to_owned()),
        ("ConsentContext.OnBehalfOfAll", text(all).to_owned()),
        ("ConsentAction.Permissions", permissions.join(" ")),
    ] {
        target.changes.push(Change { name: name.to_owned(), old: None, new: Some(json!([new]).to_string()) });
    }
    state.audit(tenant, now, event(call, person, "consent", target));
}

/// A relationship that was just approved.
pub fn approved(state: &mut State, call: &Call, person: &Person, relationship: &str, now: Timestamp) {
    let Some(r) = state.relationships.get(relationship) else { return };
    let target = crate::sandbox::drift_log::relationship(&r.id, &r.display_name);
    state.audit(&person.home, now, event(call, person, "approve", target));
}
