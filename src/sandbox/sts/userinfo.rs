//! OpenID Connect's userinfo: the person behind a token, in its claims.
use serde_json::{Value, json};

use super::Cx;
use crate::sandbox::facts;
use crate::sandbox::graph::access::{Bad, bearer};
use crate::sandbox::http::Answer;

/// Entra: UserInfo endpoint; it takes tokens for Graph, of people.
pub fn answer(cx: &Cx) -> Answer {
    if !["GET", "POST"].contains(&cx.call.method.as_str()) {
        return Answer::empty(405).with("Allow", "GET, POST");
    }
    let refused = |text: &str| {
        let body = json!({ "error": { "code": "InvalidAuthenticationToken", "message": text } });
        Answer::json(401, body).with("WWW-Authenticate", "Bearer")
    };
    let caller = match bearer(cx.keys, cx.call, cx.now, facts::GRAPH) {
        Ok(caller) => caller,
        Err(Bad::Missing) => return refused("Access token is empty."),
        Err(Bad::Expired) => return refused("Lifetime validation failed, the token is expired."),
        Err(_) => return refused("Access token validation failure. Invalid audience."),
    };
    let token = cx.call.header("authorization").and_then(|h| h.get(7..)).unwrap_or_default().trim();
    let claims = cx.keys.verify(token);
    let claim =
        |name: &str| claims.as_ref().and_then(|c| c.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
    if caller.user.is_none() {
        return refused("The token is not of a user.");
    }
    let picture = format!("{}/v1.0/me/photo/$value", cx.call.base());
    let mut body = json!({ "sub": claim("sub"), "name": claim("name"), "picture": picture });
    if let Some(upn) = caller.upn {
        body["email"] = json!(upn);
    }
    Answer::json(200, body)
}
