//! What must not be written, and who may not write it: looked at before the first write.

use super::diagnostic::Diagnostic;
use super::kind::{Judged, Mode};
use super::read::{Actor, Answers, Got, Key, Service, TenantId};
use super::step::{Act, Need, Sink, Step};

/// What the guard has to know beside the steps.
pub struct Grounds<'a> {
    pub answers: &'a Answers,
    /// Whether a secret of this name can be put away; else why not.
    pub sink: &'a dyn Fn(&Sink) -> Result<(), String>,
}

/// Reasons why these steps must not run. An empty list is leave to write.
pub fn refusals(judged: &[Judged], grounds: &Grounds<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for object in judged.iter().filter(|object| object.mode == Mode::Enforce) {
        for step in &object.draft.steps {
            found.extend(sinks(object, step, grounds));
            found.extend(step.needs.iter().filter_map(|need| privileges(object, step, need, grounds)));
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.summary == b.summary && a.address == b.address);
    found
}

fn sinks(object: &Judged, step: &Step, grounds: &Grounds<'_>) -> Option<Diagnostic> {
    let (Act::Intend { sink, .. } | Act::Store { sink, .. }) = &step.act else { return None };
    let why = (grounds.sink)(sink).err()?;
    Some(
        Diagnostic::error(step.id.address(), format!("there is no place for the secret \"{sink}\""))
            .detail(why)
            .code("GuardRefused")
            .remedy("Give one with --secrets-dir DIR; it is written 0600 under a folder of its own.")
            .at(object.place.as_ref()),
    )
}

/// The permission values and directory roles in a token that was read in this pass.
pub fn held(answers: &Answers, actor: &Actor, tenant: &TenantId) -> Option<Vec<String>> {
    let key = Key::new(tenant, Service::Token, actor, "graph");
    let Some(Got::Found(claims)) = answers.get(&key) else { return None };
    Some(permissions(claims))
}

/// App roles and scopes in the claims of a token.
pub fn permissions(claims: &serde_json::Value) -> Vec<String> {
    let of = |name: &str| claims.get(name).and_then(|v| v.as_array()).cloned().unwrap_or_default();
    let roles = of("roles").into_iter().filter_map(|v| v.as_str().map(str::to_owned));
    let scopes = claims.get("scp").and_then(|v| v.as_str()).unwrap_or_default();
    roles.chain(scopes.split(' ').map(str::to_owned)).filter(|p| !p.is_empty()).collect()
}

fn privileges(object: &Judged, step: &Step, need: &Need, grounds: &Grounds<'_>) -> Option<Diagnostic> {
    // No token was read: that is an error of its own, and not for the guard to guess about.
    let held = held(grounds.answers, &need.actor, &need.tenant)?;
    if need.one_of.iter().any(|wanted| held.iter().any(|have| have == wanted)) {
        return None;
    }
    let who = match &need.actor {
        Actor::ManagingApp { partner } => format!("the managing app of Partner/{partner}"),
        Actor::ServiceAccount { partner } => format!("the service account of Partner/{partner}"),
        Actor::App { client_id, .. } => format!("the app {client_id}"),
    };
    let wanted = need.one_of.join(" or ");
    Some(
        Diagnostic::error(step.id.address(), format!("{who} lacks {wanted}"))
            .detail(format!(
                "{} cannot be done in tenant {} without it ({}=False/{}).",
                step.id.address(),
                need.tenant,
                need.condition,
                need.reason
            ))
            .code("GuardRefused")
            .remedy(format!("Grant {wanted} to {who} with admin consent, then run this again."))
            .at(object.place.as_ref()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::step::{Draft, Method, Send};
    use crate::engine::value::StepId;
    use serde_json::json;
    use std::sync::Arc;

    fn actor() -> Actor {
        Actor::ManagingApp { partner: "northwind".into() }
    }

    fn tenant() -> TenantId {
        TenantId::new("5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10")
    }

    fn judged(step: Step, mode: Mode) -> Judged {
        let draft = Draft { steps: vec![step], ..Draft::default() };
        Judged {
            address: "PartnerApp/rallied".into(),
            place: None,
            mode,
            depends_on: vec![],
            draft,
            report: Default::default(),
        }
    }

    fn grant() -> Step {
        let send = Send {
            tenant: tenant(),
            service: Service::Graph,
            actor: actor(),
            method: Method::Post,
            path: "/servicePrincipals".into(),
            body: None,
            headers: vec![],
        };
        Step::new(StepId::new("PartnerApp/rallied:partnerConsent", "grant"), Act::Send(send)).needs(Need {
            tenant: tenant(),
            actor: actor(),
            one_of: &["AppRoleAssignment.ReadWrite.All"],
            condition: "PartnerConsentGranted",
            reason: "InsufficientConsentRole",
        })
    }

    fn answers(roles: serde_json::Value) -> Answers {
        let key = Key::new(&tenant(), Service::Token, &actor(), "graph");
        Answers::from([(key, Got::Found(Arc::new(json!({ "roles": roles }))))])
    }

    #[test]
    fn an_identity_that_lacks_a_permission_is_named_before_any_write() {
        let answers = answers(json!(["Application.ReadWrite.All"]));
        let grounds = Grounds { answers: &answers, sink: &|_| Ok(()) };
        let found = refusals(&[judged(grant(), Mode::Enforce)], &grounds);
        assert_eq!(found[0].summary, "the managing app of Partner/northwind lacks AppRoleAssignment.ReadWrite.All");
        assert!(refusals(&[judged(grant(), Mode::Observe)], &grounds).is_empty());
    }

    #[test]
    fn an_identity_that_holds_it_has_leave_to_write() {
        let answers = answers(json!(["AppRoleAssignment.ReadWrite.All"]));
        let grounds = Grounds { answers: &answers, sink: &|_| Ok(()) };
        assert!(refusals(&[judged(grant(), Mode::Enforce)], &grounds).is_empty());
    }

    #[test]
    fn a_secret_without_a_sink_is_refused_before_it_is_made() {
        let id = StepId::new("PartnerApp/rallied:credential/production", "intend");
        let step =
            Step::new(id, Act::Intend { sink: Sink::new("default", "rallied-credentials"), credential: "p#1".into() });
        let answers = Answers::new();
        let grounds = Grounds { answers: &answers, sink: &|_| Err("no sink was given".into()) };
        let found = refusals(&[judged(step, Mode::Enforce)], &grounds);
        assert_eq!(found[0].summary, "there is no place for the secret \"rallied-credentials\"");
    }
}
