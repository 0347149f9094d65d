//! Client secrets of an app: made once, handed to a sink in the same run, never recovered.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::reads::{WRITE_APPS, application_path, at_home, need};
use super::want::{App, Credential};
use crate::engine::conditions::Condition;
use crate::engine::read::{Service, Why, text};
use crate::engine::step::{Act, Action, Change, Class, Draft, Find, Method, Reading, Stale, Step};
use crate::engine::value::{StepId, Val};

/// A password credential of ours, as it is in Entra.
#[derive(Clone, PartialEq, Debug)]
pub struct Live {
    pub display_name: String,
    pub key_id: String,
    pub number: u32,
    pub ends: Option<Timestamp>,
}

/// The state of one declared credential.
#[derive(Clone, PartialEq, Debug)]
pub enum State {
    /// Its value lies in the sink, and it is valid for longer than `rotateBefore`.
    Valid(Live),
    ExpiringSoon(Live),
    Expired(Live),
    /// Live ones exist, and the value of none of them is in the sink.
    ValueUnknown(Live),
    /// It was made minutes ago, and not every replica of Microsoft's shows it.
    Settling,
    None,
}

/// Credentials of the form `<name>#<n>`; others are not ours.
pub fn live(application: &Value, name: &str) -> Vec<Live> {
    let all = application.get("passwordCredentials").and_then(Value::as_array).into_iter().flatten();
    let mut ours: Vec<Live> = all
        .filter_map(|c| {
            let display_name = text(c, "displayName");
            let number = display_name.strip_prefix(name)?.strip_prefix('#')?.parse().ok()?;
            let ends = text(c, "endDateTime").parse().ok();
            let key_id = text(c, "keyId").to_ascii_lowercase();
            Some(Live { display_name: display_name.to_owned(), key_id, number, ends })
        })
        .collect();
    ours.sort_by_key(|c| c.number);
    ours
}

/// The one whose value a cut-off run lost: noted before it was made, and stored nowhere.
fn orphan<'a>(wanted: &Credential, live: &'a [Live]) -> Option<&'a Live> {
    let pending = wanted.stored.pending.as_deref()?;
    live.iter().find(|c| c.display_name == pending && stored(wanted, c).is_none())
}

fn stored<'a>(wanted: &Credential, live: &'a Live) -> Option<&'a Live> {
    let key = wanted.stored.key_id.as_deref()?;
    Some(live).filter(|c| c.key_id.eq_ignore_ascii_case(key))
}

/// How long a new object may be invisible to a read (replication of the directory).
const REPLICAS: SignedDuration = SignedDuration::from_mins(10);

/// When the stored one was made, as its end tells.
fn made(wanted: &Credential) -> Option<Timestamp> {
    wanted.stored.ends?.checked_sub(SignedDuration::from_hours(24 * wanted.lifetime_days)).ok()
}

/// Since when a new secret is on its way to the token service, which knows it seconds later
/// (4–18 s were seen; two minutes are allowed).
pub fn on_its_way(app: &App, refusal: &Why, now: Timestamp) -> Option<Timestamp> {
    let Why::Refused(refusal) = refusal else { return None };
    let made = app.credentials.iter().filter_map(made).max()?;
    (refusal.aadsts() == Some(7_000_215) && now.duration_since(made) < SignedDuration::from_mins(2)).then_some(made)
}

pub fn state(wanted: &Credential, live: &[Live], now: Timestamp) -> State {
    let Some(held) = live.iter().find_map(|c| stored(wanted, c)) else {
        if wanted.stored.key_id.is_some() && made(wanted).is_some_and(|made| now.duration_since(made) < REPLICAS) {
            return State::Settling;
        }
        let known = live.iter().rfind(|c| orphan(wanted, live) != Some(*c));
        return known.map_or(State::None, |c| State::ValueUnknown(c.clone()));
    };
    let left = held.ends.map_or(SignedDuration::MAX, |ends| ends.duration_since(now));
    if left <= SignedDuration::ZERO {
        State::Expired(held.clone())
    } else if left <= SignedDuration::from_hours(24 * wanted.rotate_before_days) {
        State::ExpiringSoon(held.clone())
    } else {
        State::Valid(held.clone())
    }
}

/// Plans one credential. `app_id` and `object_id` may be results of the application's own step.
pub fn plan(
    app: &App,
    wanted: &Credential,
    application: &Value,
    object_id: &Val,
    app_id: &Val,
    now: Timestamp,
    out: &mut Draft,
) {
    let live = live(application, &wanted.name);
    let state = state(wanted, &live, now);
    if let State::Valid(_) | State::Settling = state {
        out.unchanged += 1;
        return;
    }
    let address = format!("{}:credential/{}", app.address(), wanted.name);
    let mut first: Option<StepId> = None;
    let orphan = orphan(wanted, &live);
    if let Some(orphan) = orphan {
        let id = StepId::new(&address, "remove-orphan");
        out.steps.push(write(app, id.clone(), remove(app, object_id, orphan.key_id.as_str().into())));
        first = Some(id);
    }
    let highest = live.iter().filter(|c| Some(*c) != orphan).map(|c| c.number).max().unwrap_or(0);
    let display_name = format!("{}#{}", wanted.name, highest + 1);
    let ends = now.checked_add(SignedDuration::from_hours(24 * wanted.lifetime_days)).unwrap_or(now);
    let (intend, add, store) =
        (StepId::new(&address, "intend"), StepId::new(&address, "add"), StepId::new(&address, "store"));
    let note = Act::Intend { sink: wanted.sink.clone(), credential: display_name.clone() };
    let mut intend_step = Step::new(intend.clone(), note);
    intend_step.after.extend(first);
    out.steps.push(intend_step);
    let body = json!({"passwordCredential": {"displayName": display_name, "endDateTime": ends}});
    let path = Val::path(["/applications/".into(), object_id.clone(), "/addPassword".into()]);
    let send = Act::Send(at_home(&app.partner, Method::Post, path, Some(body.into())));
    let found =
        Find { list: Some("/passwordCredentials"), ..Find::here([("/displayName", display_name.as_str().into())]) };
    let add_step = Step { once: true, ..write(app, add.clone(), send) };
    out.steps.push(add_step.after(&intend).lookup(Reading {
        tenant: app.partner.tenant.clone(),
        service: Service::Graph,
        actor: app.partner.managing_app(),
        path: application_path(app).into(),
        all_pages: false,
        find: found,
    }));
    let values = vec![
        ("clientId", app_id.clone()),
        ("clientSecret", Val::out(&add, "/secretText")),
        ("tenantId", app.partner.tenant.as_str().into()),
        ("keyId", Val::out(&add, "/keyId")),
        ("expiresAt", Val::out(&add, "/endDateTime")),
    ];
    let Act::Send(undo) = remove(app, object_id, Val::out(&add, "/keyId")) else { return };
    let store_act = Act::Store { sink: wanted.sink.clone(), values, undo: Box::new(undo) };
    let mut store_step = Step::new(store, store_act).after(&add);
    store_step.stales.push(Stale::Sink(wanted.sink.clone()));
    out.steps.push(store_step);
    out.changes.push(change(&address, wanted, &display_name, ends, &state, orphan.is_some()));
}

fn change(
    address: &str,
    wanted: &Credential,
    display_name: &str,
    ends: Timestamp,
    state: &State,
    orphan: bool,
) -> Change {
    let (before, reason) = match state {
        State::Expired(c) => (json!({"displayName": c.display_name}), "the old one has expired".to_owned()),
        State::ExpiringSoon(c) => (
            json!({"displayName": c.display_name}),
            format!("the old one ends in less than {} days; it stays until then", wanted.rotate_before_days),
        ),
        State::ValueUnknown(c) => (
            json!({"displayName": c.display_name}),
            format!(
                "{} is live, but its value is in no sink; it cannot be read back, and it is left alone",
                c.display_name
            ),
        ),
        _ if orphan => {
            (Value::Null, "a run was cut off before it could store the last one, which is removed".to_owned())
        }
        _ => (Value::Null, "there is none".to_owned()),
    };
    Change {
        address: address.to_owned(),
        class: Class::CredentialRotation,
        action: if before.is_null() { Action::Create } else { Action::Update },
        before,
        after: json!({
            "displayName": display_name, "lifetime": format!("{}d", wanted.lifetime_days),
            "endsAt": ends.strftime("%Y-%m-%d").to_string(), "writeTo": wanted.sink.to_string(), "clientSecret": "(sensitive)",
        }),
        volatile: &["endsAt"],
        sensitive: vec!["clientSecret".into()],
        origin: "from the manifest".into(),
        reason,
    }
}

/// A write to the application, one at a time (Graph answers 409 to two at once).
fn write(app: &App, id: StepId, act: Act) -> Step {
    Step::new(id, act).serial(app.address()).stales(&app.partner.tenant, Service::Graph, "/applications").needs(need(
        &app.partner,
        WRITE_APPS,
        "AppRegistered",
        "RoleMissing",
    ))
}

fn remove(app: &App, object_id: &Val, key_id: Val) -> Act {
    let path = Val::path(["/applications/".into(), object_id.clone(), "/removePassword".into()]);
    Act::Send(at_home(&app.partner, Method::Post, path, Some(Val::object([("keyId", key_id)]))))
}

/// `SecretValid` over all credentials: the worst one speaks.
pub fn condition(app: &App, application: Option<&Value>, now: Timestamp) -> Condition {
    let nothing = Value::Null;
    let application = application.unwrap_or(&nothing);
    let mut soon = None;
    for wanted in &app.credentials {
        let live = live(application, &wanted.name);
        let name = &wanted.name;
        let (reason, message) = match state(wanted, &live, now) {
            State::Valid(_) => continue,
            State::ExpiringSoon(c) => {
                soon = Some(format!("{} ends within {} days", c.display_name, wanted.rotate_before_days));
                continue;
            }
            State::Expired(c) => ("Expired", format!("{} has expired", c.display_name)),
            State::ValueUnknown(c) => ("ValueUnknown", format!("the value of {} is in no sink", c.display_name)),
            State::Settling => ("Pending", format!("{name} was made minutes ago, and cannot be read yet")),
            State::None => ("ValueUnknown", format!("there is no credential {name} yet")),
        };
        return Condition::no("SecretValid", reason, message);
    }
    if let Some(message) = soon {
        return Condition::yes("SecretValid", "ExpiringSoon", message);
    }
    Condition::yes("SecretValid", "Valid", "every credential is valid and its value is in its sink")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::want::Stored;

    fn wanted(key_id: Option<&str>, pending: Option<&str>) -> Credential {
        Credential {
            name: "production".into(),
            lifetime_days: 730,
            rotate_before_days: 60,
            sink: crate::api::SecretName::new("default", "rallied-credentials"),
            stored: Stored { key_id: key_id.map(Into::into), pending: pending.map(Into::into), ends: None },
        }
    }

    fn application(ends: &str) -> Value {
        json!({"passwordCredentials": [
            {"displayName": "production#1", "keyId": "K1", "endDateTime": ends},
            {"displayName": "by hand", "keyId": "k2", "endDateTime": ends},
        ]})
    }

    #[test]
    fn a_credential_is_judged_by_its_end_and_by_whether_its_value_is_held() {
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let word = |wanted: &Credential, ends: &str| match state(wanted, &live(&application(ends), "production"), now) {
            State::Valid(_) => "valid",
            State::ExpiringSoon(_) => "soon",
            State::Expired(_) => "expired",
            State::ValueUnknown(_) => "unknown",
            State::Settling => "settling",
            State::None => "none",
        };
        assert_eq!(word(&wanted(Some("k1"), None), "2028-01-01T00:00:00Z"), "valid");
        assert_eq!(word(&wanted(Some("k1"), None), "2026-12-01T00:00:00Z"), "soon");
        assert_eq!(word(&wanted(Some("k1"), None), "2026-11-01T00:00:00Z"), "expired");
        assert_eq!(word(&wanted(None, None), "2028-01-01T00:00:00Z"), "unknown");
        assert_eq!(word(&wanted(None, Some("production#1")), "2028-01-01T00:00:00Z"), "none");
    }
}
