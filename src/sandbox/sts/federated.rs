//! Federated credentials: what another issuer says of a workload lets it be an app.
//! Entra: workload identity federation.
use std::str::FromStr;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::certificate::Jwt;
use super::{Cx, Refusal, refuse};
use crate::sandbox::due::Effect;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::Application;

/// Issuer, subject and audience are compared letter by letter.
pub fn check(cx: &Cx, app: &Application, jwt: &Jwt) -> Result<(), Refusal> {
    let known = credentials(cx, app);
    if known.is_empty() {
        let text = format!(
            "The client '{}'({}) has no configured federated identity credentials.",
            app.app_id,
            app.display_name()
        );
        return Err(refuse(70_025, "invalid_client", text));
    }
    let (new, known): (Vec<&Item>, Vec<&Item>) = known.into_iter().partition(|item| is_new(cx, app, item));
    if let Err(refusal) = matching(cx, &known, jwt) {
        return Err(if matching(cx, &new, jwt).is_ok() { not_yet() } else { refusal });
    }
    verify(cx, jwt)?;
    if !jwt.is_timely(cx.now) {
        return Err(refuse(700_024, "invalid_client", "Client assertion is not within its valid time range."));
    }
    Ok(())
}

/// Entra: it takes minutes until a new credential is known everywhere; until then AADSTS70021.
fn is_new(cx: &Cx, app: &Application, item: &Item) -> bool {
    cx.state.is_pending(&Effect::FederatedUsable { app_id: app.app_id.clone(), id: item.id.clone() })
}

fn not_yet() -> Refusal {
    let text = "No matching federated identity record found for presented assertion.";
    refuse(70_021, "invalid_request", text)
}

fn credentials<'a>(cx: &Cx<'a>, app: &Application) -> Vec<&'a Item> {
    let Some((home, _)) = cx.state.application(&app.app_id) else { return Vec::new() };
    let shelf = home.shelves.get(&format!("{}/federatedIdentityCredentials", app.id));
    shelf.into_iter().flat_map(|items| items.values()).collect()
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.props.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Entra: AADSTS700211 issuer, 700213 subject, 700212 audience.
fn matching(cx: &Cx, known: &[&Item], jwt: &Jwt) -> Result<(), Refusal> {
    let none = |code, what: &str, value: &str| {
        let text = format!(
            "No matching federated identity record found for presented assertion {what} '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
        );
        refuse(code, "invalid_client", text)
    };
    let issuer = jwt.claim("iss");
    let by_issuer: Vec<&&Item> = known.iter().filter(|c| is_issuer(cx, text(c, "issuer"), issuer)).collect();
    if by_issuer.is_empty() {
        return Err(none(700_211, "issuer", issuer));
    }
    let subject = jwt.claim("sub");
    let by_subject: Vec<&&&Item> = by_issuer.iter().filter(|c| text(c, "subject") == subject).collect();
    if by_subject.is_empty() {
        return Err(none(700_213, "subject", subject));
    }
    let audiences = jwt.audiences();
    let wanted = |c: &&&Item| {
        let list = c.props.get("audiences").and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|a| audiences.iter().any(|given| is_audience(a, given)))
    };
    match by_subject.iter().any(|c| wanted(c)) {
        true => Ok(()),
        false => Err(none(700_212, "audience", &audiences.join(", "))),
    }
}

/// Tokens for the exchange name it by its app id or its URI.
fn is_audience(wanted: &str, given: &str) -> bool {
    let exchange = |a: &str| a == "api://AzureADTokenExchange" || a == super::scope::TOKEN_EXCHANGE;
    wanted == given || (exchange(wanted) && exchange(given))
}

/// This cloud is one issuer, whether it is called by its own address or by Microsoft's.
fn is_issuer(cx: &Cx, wanted: &str, given: &str) -> bool {
    wanted == given || own_tenant(cx, wanted).is_some_and(|tenant| own_tenant(cx, given) == Some(tenant))
}

/// The tenant in an issuer of this cloud's tokens of version 2.0.
fn own_tenant<'a>(cx: &Cx, issuer: &'a str) -> Option<&'a str> {
    let bases = [cx.call.base(), "https://login.microsoftonline.com".to_owned()];
    let path = bases.iter().find_map(|base| issuer.strip_prefix(base.as_str()))?;
    path.strip_prefix('/')?.strip_suffix("/v2.0").filter(|tenant| !tenant.contains('/'))
}

fn verify(cx: &Cx, jwt: &Jwt) -> Result<(), Refusal> {
    let bad = || {
        refuse(
            700_027,
            "invalid_client",
            "The signature of the client assertion could not be validated by a key of its issuer.",
        )
    };
    let issuer = jwt.claim("iss");
    if own_tenant(cx, issuer).is_some() || issuer.starts_with("https://sts.windows.net/") {
        return cx.keys.verify(jwt.text).map(drop).ok_or_else(bad);
    }
    let unreachable = || {
        let text =
            format!("Request to External OIDC endpoint failed: the signing keys of '{issuer}' could not be read.");
        refuse(90_061, "invalid_request", text)
    };
    let bare = issuer.trim_end_matches('/');
    let document = cx.state.issuers.iter().find(|(known, _)| known.trim_end_matches('/') == bare);
    let (_, document) = document.ok_or_else(unreachable)?;
    let set: JwkSet = serde_json::from_value(document.clone()).map_err(|_| unreachable())?;
    let algorithm = Algorithm::from_str(jwt.header("alg")).map_err(|_| bad())?;
    if matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        return Err(bad());
    }
    let kid = jwt.header("kid");
    let named = set.keys.iter().filter(|k| kid.is_empty() || k.common.key_id.as_deref() == Some(kid));
    let good = named.filter_map(|k| DecodingKey::from_jwk(k).ok()).any(|key| {
        jsonwebtoken::crypto::verify(jwt.signature, jwt.message.as_bytes(), &key, algorithm).unwrap_or(false)
    });
    if good { Ok(()) } else { Err(bad()) }
}
