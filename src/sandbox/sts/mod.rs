//! The token service: tokens, device codes, discovery and keys, with Entra's error codes and texts.
pub mod certificate;
mod claims;
mod client;
pub mod code;
pub mod conditional_access;
pub mod consent;
pub mod delegated;
pub mod device;
mod discovery;
mod federated;
pub mod first_party;
pub mod flows;
mod grant;
pub mod id_token;
pub mod managed_identity;
mod obo;
pub mod password;
pub mod people;
pub mod place;
pub mod redirects;
pub mod refusal;
pub mod scope;
pub mod sign_in;
mod token;
mod userinfo;

use jiff::Timestamp;
use serde_json::Value;

use super::http::{Answer, Call, pairs};
use super::ids;
use super::keys::Keys;
use super::state::{State, Tenant};
use code::Redeemed;
use place::Place;
pub use refusal::{Refusal, refuse};
pub use scope::client as client_app;
use sign_in::Seen;

/// The form of a token request, with HTTP Basic credentials taken in.
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    pub fn read(call: &Call) -> Form {
        let mut fields = pairs(&String::from_utf8_lossy(&call.body));
        if let Some((id, secret)) = call.header("authorization").and_then(basic) {
            fields.push(("client_id".to_owned(), id));
            fields.push(("client_secret".to_owned(), secret));
        }
        Form { fields }
    }

    /// Of fields that may be there.
    pub fn of_pairs<const N: usize>(pairs: [(&str, Option<&str>); N]) -> Form {
        let there = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Form { fields: there.collect() }
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// Entra: AADSTS900144.
    pub fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }
}

/// RFC 6749 2.3.1: both parts are form-encoded inside the Basic credentials.
fn basic(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ").or_else(|| header.strip_prefix("basic "))?;
    let text = String::from_utf8(super::keys::from_standard_b64(encoded)?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |t: &str| pairs(&format!("x={t}")).pop().map(|(_, v)| v);
    Some((decode(id)?, decode(secret)?))
}

/// One request to the token service, and what it is answered from.
pub struct Cx<'a> {
    pub state: &'a State,
    pub keys: &'a Keys,
    pub call: &'a Call,
    pub form: &'a Form,
    pub now: Timestamp,
    /// The older endpoint: resources instead of scopes.
    pub v1: bool,
    /// As the path names it: an id, a domain, or `common` and the like.
    pub named: &'a str,
}

impl<'a> Cx<'a> {
    /// The tenant that the path names.
    pub fn tenant(&self) -> Option<&'a Tenant> {
        self.state.tenant_named(self.named)
    }

    /// What errors call it.
    pub fn tenant_name(&self) -> &'a str {
        self.tenant().map_or(self.named, |t| t.display_name.as_str())
    }

    /// The tenant that a person comes into: the named one, or its own.
    pub fn tenant_for(&self, realm: Realm<'a>, home: &str) -> Result<&'a Tenant, Refusal> {
        match realm {
            Realm::Of(tenant) => Ok(tenant),
            Realm::Any => self.state.tenants.get(home).ok_or_else(|| Refusal::no_tenant(self.named)),
        }
    }

    /// Tenants whose users may come: the named one, or all for the shared names.
    pub fn realm(&self) -> Result<Realm<'a>, Refusal> {
        match self.tenant() {
            Some(tenant) => Ok(Realm::Of(tenant)),
            None => match self.named.to_ascii_lowercase().as_str() {
                "common" | "organizations" => Ok(Realm::Any),
                "consumers" => Err(Refusal::consumers(self.form.get("client_id").unwrap_or_default())),
                _ => Err(Refusal::no_tenant(self.named)),
            },
        }
    }
}

/// Where users may be from.
pub enum Realm<'a> {
    Of(&'a Tenant),
    Any,
}

/// A token answer, and what else a sign-in leaves behind.
pub struct Granted {
    pub body: Value,
    pub seen: Seen,
    /// A code or device code that is used up now.
    pub redeemed: Option<Redeemed>,
}

/// What a request gets, who asked, and whether the state has to be kept at once.
pub struct Served {
    pub answer: Answer,
    pub caller: String,
    pub tenant: Option<String>,
    pub changed: bool,
}

pub fn serve(state: &mut State, keys: &Keys, call: &Call, place: &Place, now: Timestamp) -> Served {
    let form = Form::read(call);
    let caller = form.get("client_id").filter(|c| ids::is_guid(c)).unwrap_or("anonymous").to_ascii_lowercase();
    let tenant = state.tenant_named(&place.tenant).map(|t| t.id.clone());
    let (answer, changed) = match answer(state, keys, call, place, &form, now) {
        Ok(done) => done,
        Err(refused) => (refused.answer(state, call, now), false),
    };
    let answer = match answer.headers.iter().any(|(name, _)| name == "Cache-Control") {
        true => answer,
        false => answer.with("Cache-Control", "no-store, no-cache").with("Pragma", "no-cache"),
    };
    Served { answer, caller, tenant, changed }
}

fn answer(
    state: &mut State,
    keys: &Keys,
    call: &Call,
    place: &Place,
    form: &Form,
    now: Timestamp,
) -> Result<(Answer, bool), Refusal> {
    use place::What;
    let cx = Cx { state, keys, call, form, now, v1: place.v1, named: &place.tenant };
    match &place.what {
        What::Keys => Ok((discovery::keys(&cx), false)),
        What::Discovery => discovery::document(&cx).map(|a| (a, false)),
        What::Instance => discovery::instance(&cx).map(|a| (a, false)),
        What::Realm(user) => Ok((discovery::realm(&cx, user), false)),
        What::UserInfo => Ok((userinfo::answer(&cx), false)),
        What::Imds | What::AppService => {
            let answered =
                if place.what == What::Imds { managed_identity::imds(&cx) } else { managed_identity::app_service(&cx) };
            if let Some((seen, refused)) = answered.seen {
                sign_in::record(state, call, &seen, refused.as_ref(), now);
            }
            Ok((answered.answer, false))
        }
        _ if call.method != "POST" => {
            Err(refuse(900_561, "invalid_request", "The endpoint only accepts POST requests. Received a GET request."))
        }
        What::DeviceCode => {
            let (answer, device) = device::begin(&cx)?;
            state.flows.devices.insert(device.user_code.clone(), device);
            Ok((answer, true))
        }
        What::Token => Ok(token::serve(state, keys, call, place, form, now)),
    }
}

/// Entra: AADSTS90033.
pub fn unavailable(state: &State, call: &Call, now: Timestamp) -> Answer {
    let text = "A transient error has occurred. Please try again.";
    Refusal::new(503, "temporarily_unavailable", 90_033, text).answer(state, call, now)
}
