//! Requests of pages of other sites: what browsers ask first, and what they may read of an answer.
use super::http::{Answer, Call};
use super::sts::place;

/// Headers of Graph's answers that a page may read.
const EXPOSED: &str = "ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id, ReadWriteConsistencyToken, Retry-After, SdkVersion, WWW-Authenticate, x-ms-client-gcc-tenant, x-ms-ags-diagnostic, x-ms-resource-unit, x-ms-throttle-limit-percentage, x-ms-throttle-scope, x-ms-throttle-information, Operation-Location, OData-Version";

fn is_graph(path: &str) -> bool {
    ["/v1.0", "/beta"].iter().any(|v| path.strip_prefix(v).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn is_open(path: &str) -> bool {
    is_graph(path) || path.eq_ignore_ascii_case("/oidc/userinfo")
}

/// The answer to a browser that asks whether it may ask.
pub fn preflight(call: &Call) -> Option<Answer> {
    let wanted = call.header("access-control-request-method").filter(|_| call.method == "OPTIONS")?;
    call.header("origin")?;
    let token = place::find(&call.path).is_some();
    if !token && !is_open(&call.path) {
        return None;
    }
    let methods = if is_open(&call.path) { wanted } else { "GET, OPTIONS, POST" };
    let answer = Answer::empty(200)
        .with("Access-Control-Allow-Origin", "*")
        .with("Access-Control-Allow-Methods", methods)
        .with("Access-Control-Max-Age", "3600");
    Some(match call.header("access-control-request-headers") {
        Some(headers) => answer.with("Access-Control-Allow-Headers", headers),
        None => answer,
    })
}

/// Graph lets every page read its answers; the token service says itself who may.
pub fn open(answer: Answer) -> Answer {
    answer.with("Access-Control-Allow-Origin", "*").with("Access-Control-Expose-Headers", EXPOSED)
}

/// Whether an answer is for every page that asks.
pub fn concerns(call: &Call) -> bool {
    call.header("origin").is_some() && is_open(&call.path)
}
