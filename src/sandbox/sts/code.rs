//! Authorization codes: what the sign-in page hands to a client, and what the client gets for it.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::delegated::{self, Ask};
use super::flows::Login;
use super::people;
use super::redirects::{self, Platform};
use super::scope::Scope;
use super::{Cx, Granted, Refusal, client, grant, refuse};
use crate::sandbox::ids;
use crate::sandbox::keys::{Kind, Refresh};
use crate::sandbox::state::Application;

/// Seconds that a code lives.
const LIFETIME: i64 = 600;

/// What a code stands for; it carries it itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Code {
    pub client: String,
    /// Id of the tenant that the person signed in for.
    pub tenant: String,
    pub login: Login,
    pub redirect: String,
    pub platform: Platform,
    pub scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// PKCE: challenge, and whether it is a hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<(String, bool)>,
    pub until: i64,
    pub serial: u64,
}

impl Code {
    pub fn end(now: Timestamp) -> i64 {
        now.as_second() + LIFETIME
    }
}

/// What a token request used up.
#[derive(Debug, Clone)]
pub enum Redeemed {
    /// Hash of a code, and until when it would have lived.
    Code(String, Timestamp),
    /// The user's code of a device.
    Device(String),
}

/// Pages of other origins may redeem codes of single-page apps, and nothing else; those apps may do nothing else.
pub fn check_origin(cx: &Cx, spa: bool) -> Result<(), Refusal> {
    match (spa, cx.call.header("origin")) {
        (true, None) => Err(refuse(
            9_002_327,
            "invalid_request",
            "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.",
        )),
        (false, Some(origin)) if origin != "null" => Err(refuse(
            9_002_326,
            "invalid_request",
            format!(
                "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: '{origin}'."
            ),
        )),
        _ => Ok(()),
    }
}

/// Entra: authorization code flow, redeem a code.
pub fn redeem(cx: &Cx, client_id: &str) -> Result<Granted, Refusal> {
    let text = cx.form.need("code")?;
    let malformed = || refuse(9_002_313, "invalid_request", "Invalid request. Request is malformed or invalid.");
    let code: Code = cx.keys.unseal(Kind::Code, text).ok_or_else(malformed)?;
    let tenant = cx.state.tenants.get(&code.tenant).ok_or_else(|| Refusal::no_tenant(&code.tenant))?;
    if let super::Realm::Of(named) = cx.realm()?
        && named.id != tenant.id
    {
        return Err(refuse(
            700_005,
            "invalid_grant",
            "Provided Authorization Code is intended to use against other tenant, thus rejected.",
        ));
    }
    let app = grant::application(cx, &tenant.display_name, client_id)?;
    if !code.client.eq_ignore_ascii_case(client_id) {
        return Err(refuse(
            70_000,
            "invalid_grant",
            "Provided grant is invalid or malformed: the authorization code was issued to another client.",
        ));
    }
    let proof = client::public_or(cx, app, grant::home_of(cx, app)?, is_public(cx, app, &code))?;
    check_origin(cx, code.platform == Platform::Spa)?;
    check(cx, &code, text)?;
    let person = people::by_id(cx.state, &code.login.home, &code.login.user)
        .ok_or_else(|| Refusal::no_user(&code.login.user, tenant))?;
    // Other scopes than those of the sign-in may be asked for, as long as they are granted.
    let scope = match (cx.form.get("scope"), cx.form.get("resource")) {
        (None, None) => Scope::parse(cx.state, &code.scope, &cx.call.host)?,
        _ => Scope::of_form(cx.state, cx.form, &cx.call.host)?,
    };
    let first = Scope::parse(cx.state, &code.scope, &cx.call.host)?;
    let scope = Scope { openid: first.openid.union(&scope.openid).cloned().collect(), ..scope };
    let refresh = (cx.v1 || scope.openid.contains("offline_access")).then(|| Refresh {
        public: code.platform != Platform::Web,
        spa_since: (code.platform == Platform::Spa).then_some(cx.now.as_second()),
        ..Refresh::default()
    });
    let ask = Ask {
        app,
        tenant,
        person: &person,
        login: &code.login,
        scope: &scope,
        proof,
        nonce: code.nonce.as_deref(),
        refresh,
        error: "invalid_grant",
        interactive: true,
        protocol: "oAuth2",
    };
    let granted = delegated::issue(cx, &ask)?;
    let until = Timestamp::from_second(code.until).unwrap_or(cx.now);
    Ok(Granted { redeemed: Some(Redeemed::Code(ids::secret_hash(text), until)), ..granted })
}

/// Codes of programs and pages need no credential; those of servers do, unless the app lets public clients in.
fn is_public(cx: &Cx, app: &Application, code: &Code) -> bool {
    let sends = cx.form.get("client_secret").is_some() || cx.form.get("client_assertion").is_some();
    code.platform != Platform::Web || (client::is_public(app) && !sends)
}

fn check(cx: &Cx, code: &Code, text: &str) -> Result<(), Refusal> {
    if cx.state.flows.redeemed.contains_key(&ids::secret_hash(text)) {
        return Err(refuse(
            54_005,
            "invalid_grant",
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
        ));
    }
    if code.until <= cx.now.as_second() {
        return Err(refuse(
            70_008,
            "invalid_grant",
            "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
        ));
    }
    let given = cx.form.need("redirect_uri")?;
    if given != code.redirect {
        return Err(Refusal::new(
            400,
            "invalid_client",
            500_112,
            format!(
                "The reply address '{given}' does not match the reply address '{}' provided when requesting Authorization code.",
                code.redirect
            ),
        ));
    }
    let Some((challenge, hashed)) = &code.challenge else { return Ok(()) };
    let verifier = cx.form.get("code_verifier").ok_or_else(|| {
        let text =
            "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.";
        refuse(50_148, "invalid_grant", text)
    })?;
    let shown = if *hashed { ids::b64(&Sha256::digest(verifier.as_bytes())) } else { verifier.to_owned() };
    if shown == *challenge { Ok(()) } else { Err(wrong_verifier()) }
}

fn wrong_verifier() -> Refusal {
    refuse(
        501_481,
        "invalid_grant",
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    )
}

/// The challenge of an authorization request. Entra: AADSTS501491 wrong size, 9002325 missing for a page.
pub fn challenge(form: &super::Form, platform: Platform) -> Result<Option<(String, bool)>, Refusal> {
    let invalid = |code, text: &str| refuse(code, "invalid_request", text);
    let Some(challenge) = form.get("code_challenge") else {
        return match platform {
            Platform::Spa => Err(invalid(
                9_002_325,
                "Proof Key for Code Exchange is required for cross-origin authorization code redemption.",
            )),
            _ => Ok(None),
        };
    };
    if !(43..=128).contains(&challenge.len()) {
        return Err(invalid(501_491, "Invalid size of Code_Challenge parameter."));
    }
    match form.get("code_challenge_method").unwrap_or("plain") {
        "S256" => Ok(Some((challenge.to_owned(), true))),
        "plain" => Ok(Some((challenge.to_owned(), false))),
        _ => Err(invalid(50_147, "Invalid size or value of the code_challenge_method parameter.")),
    }
}

/// Whether a page of this origin may see what the token endpoint answers.
pub fn may_read(app: Option<&Application>, origin: &str) -> bool {
    app.is_some_and(|a| redirects::is_spa_origin(a, origin))
}
