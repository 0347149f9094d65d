//! Device codes: a program without a browser waits while a person signs in elsewhere.
//! Entra: device authorization grant.
use serde_json::json;

use super::delegated::{self, Ask};
use super::flows::{Device, Outcome};
use super::scope::Scope;
use super::{Cx, Granted, Realm, Refusal, client, code::Redeemed, grant, people, refuse};
use crate::sandbox::clock::{Clock, plus};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::keys::Refresh;
use crate::sandbox::state::{Application, State};

/// Seconds that a person has.
const LIFETIME: i64 = 900;
/// Seconds between two polls; a client that asks again within two is told to slow down.
const INTERVAL: i64 = 5;
const TOO_SOON: i64 = 2;

/// Neither vowels nor what looks like something else.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

/// `code` of a v1 request, `device_code` of a v2 one.
pub fn shown<'a>(cx: &Cx<'a>) -> Result<&'a str, Refusal> {
    match (cx.form.get("device_code"), cx.form.get("code")) {
        (Some(code), _) | (None, Some(code)) => Ok(code),
        (None, None) => Err(Refusal::missing("device_code")),
    }
}

pub fn begin(cx: &Cx) -> Result<(Answer, Device), Refusal> {
    let client_id = cx.form.need("client_id")?;
    if !ids::is_guid(client_id) {
        return Err(not_an_id(client_id));
    }
    let named = cx.tenant_name();
    let realm = cx.realm()?;
    let app = grant::application(cx, named, client_id)?;
    check_app(cx, app, &realm)?;
    let scope = Scope::of_form(cx.state, cx.form, &cx.call.host)?;
    let user_code = user_code(cx);
    let device_code = cx.keys.secret_of(&format!("device {user_code} {}", cx.call.request_id));
    let device = Device {
        user_code: user_code.clone(),
        hash: ids::secret_hash(&device_code),
        client: app.app_id.clone(),
        tenant: cx.named.to_owned(),
        scope: scope.raw.clone(),
        v1: cx.v1,
        until: plus(cx.now, LIFETIME),
        polled: None,
        outcome: None,
    };
    let page = format!("{}/devicelogin", cx.call.base());
    let message = format!(
        "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
    );
    let mut body = json!({ "user_code": user_code, "device_code": device_code, "message": message });
    let number = |n: i64| if cx.v1 { json!(n.to_string()) } else { json!(n) };
    body[if cx.v1 { "verification_url" } else { "verification_uri" }] = json!(page);
    body["expires_in"] = number(LIFETIME);
    body["interval"] = number(INTERVAL);
    Ok((Answer::json(200, body), device))
}

pub fn not_an_id(client: &str) -> Refusal {
    refuse(700_038, "unauthorized_client", format!("{client} is not a valid application identifier."))
}

/// Shared endpoints take apps of several tenants only.
pub fn check_app(cx: &Cx, app: &Application, realm: &Realm) -> Result<(), Refusal> {
    match realm {
        Realm::Any if app.audience() == "AzureADMyOrg" => Err(grant::not_multi_tenant(&app.app_id)),
        Realm::Of(tenant) if app.audience() == "AzureADMyOrg" && grant::home_of(cx, app)?.id != tenant.id => {
            Err(Refusal::not_in_tenant(&tenant.display_name, &app.app_id))
        }
        _ => Ok(()),
    }
}

fn user_code(cx: &Cx) -> String {
    let text = |n: u64| {
        let id = ids::guid(cx.state.seed, &["user code", &cx.call.request_id], n);
        let digits = id.bytes().filter(u8::is_ascii_hexdigit).collect::<Vec<u8>>();
        let letter = |pair: &[u8]| {
            let n = pair.iter().fold(0usize, |n, b| n * 16 + usize::from(b & 0x4f));
            char::from(LETTERS.get(n % LETTERS.len()).copied().unwrap_or(b'B'))
        };
        digits.chunks(2).take(9).map(letter).collect::<String>()
    };
    (0..).map(text).find(|code| !cx.state.flows.devices.contains_key(code)).unwrap_or_default()
}

/// Entra: AADSTS70016 pending, 70020 expired.
pub fn redeem(cx: &Cx, client_id: &str) -> Result<Granted, Refusal> {
    let hash = ids::secret_hash(shown(cx)?);
    let unknown =
        || refuse(70_018, "bad_verification_code", "The device_code that was sent to the endpoint was not recognised.");
    let device = cx.state.flows.devices.values().find(|d| d.hash == hash).ok_or_else(unknown)?;
    if !device.client.eq_ignore_ascii_case(client_id) {
        return Err(refuse(70_000, "invalid_grant", "The device code was issued to another client."));
    }
    let app = grant::application(cx, cx.named, client_id)?;
    // A device has no credential of its own: only apps that let public clients in need none.
    let proof = client::public_or(cx, app, grant::home_of(cx, app)?, client::is_public(app))?;
    if device.until <= cx.now {
        return Err(refuse(
            70_020,
            "expired_token",
            "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
        ));
    }
    let (login, tenant) = match &device.outcome {
        Some(Outcome::Approved { login, tenant }) => (login, tenant),
        Some(Outcome::Declined) => {
            return Err(refuse(70_017, "authorization_declined", "The end user has denied the authorization request."));
        }
        None => return Err(waiting(cx, device)),
    };
    let tenant = cx.state.tenants.get(tenant).ok_or_else(|| Refusal::no_tenant(cx.named))?;
    let person =
        people::by_id(cx.state, &login.home, &login.user).ok_or_else(|| Refusal::no_user(&login.user, tenant))?;
    let scope = Scope::parse(cx.state, &device.scope, &cx.call.host)?;
    let refresh = (device.v1 || scope.openid.contains("offline_access"))
        .then(|| Refresh { public: proof == client::NOTHING, ..Refresh::default() });
    let ask = Ask {
        app,
        tenant,
        person: &person,
        login,
        scope: &scope,
        proof,
        nonce: None,
        refresh,
        error: "invalid_grant",
        interactive: true,
        protocol: "deviceCode",
    };
    let granted = delegated::issue(cx, &ask)?;
    Ok(Granted { redeemed: Some(Redeemed::Device(device.user_code.clone())), ..granted })
}

fn waiting(cx: &Cx, device: &Device) -> Refusal {
    // Where time stands still, nobody can wait.
    let runs = matches!(cx.state.clock, Clock::Follow { .. });
    let soon = device.polled.is_some_and(|last| cx.now.as_second() - last.as_second() < TOO_SOON);
    if runs && soon {
        return refuse(70_016, "slow_down", "OAuth 2.0 device flow error. The device polls too fast.");
    }
    let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
    refuse(70_016, "authorization_pending", text)
}

/// Remembers that a device asked.
pub fn polled(state: &mut State, code: &str, now: jiff::Timestamp) {
    if let Some(device) = state.flows.device_of(&ids::secret_hash(code)) {
        device.polled = Some(now);
    }
}
