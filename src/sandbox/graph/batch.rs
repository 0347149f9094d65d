//! Graph: JSON batching. Up to 20 requests, each with an answer of its own, in no particular order.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::errors::Failure;
use super::query::Metadata;
use crate::sandbox::http::{Answer, Body, Call};
use crate::sandbox::keys::{from_standard_b64, standard_b64};

const MOST: usize = 20;

/// One request of a batch, ready to be handled like any other.
pub struct Item {
    pub id: String,
    pub depends_on: Vec<String>,
    /// `Err`: refused before it was tried.
    pub call: Result<Call, Failure>,
}

/// Takes a batch apart; what is wrong with it as a whole refuses all of it.
pub fn items(outer: &Call, version: &str) -> Result<Vec<Item>, Failure> {
    if outer.method != "POST" {
        let text = "Specified HTTP method is not allowed for the request target.";
        return Err(Failure::new(405, "Request_BadRequest", text));
    }
    let body: Value =
        serde_json::from_slice(&outer.body).map_err(|_| Failure::bad_query("Unable to read JSON request payload."))?;
    let requests = body
        .get("requests")
        .and_then(Value::as_array)
        .ok_or_else(|| Failure::bad_query("Invalid batch payload format."))?;
    if requests.len() > MOST {
        return Err(Failure::bad_query(format!("Number of batch request steps exceeds the maximum value of {MOST}.")));
    }
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for r in requests {
        let text = |k: &str| r.get(k).and_then(Value::as_str);
        let (Some(id), Some(method), Some(url)) = (text("id"), text("method"), text("url")) else {
            return Err(Failure::bad_query("Invalid batch payload format."));
        };
        if id.is_empty() || !seen.insert(id.to_ascii_lowercase()) {
            return Err(Failure::bad_query("Request Id values must be unique and not empty."));
        }
        let depends_on = r
            .get("dependsOn")
            .and_then(Value::as_array)
            .map(|d| d.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        check_body(id, method, r)?;
        out.push(Item { id: id.to_owned(), depends_on, call: item_call(outer, version, method, url, r) });
    }
    for i in &out {
        if let Some(d) = i.depends_on.iter().find(|d| !seen.contains(&d.to_ascii_lowercase())) {
            return Err(Failure::bad_query(format!(
                "The dependsOn of request '{}' names '{d}', which is not part of the batch.",
                i.id
            )));
        }
    }
    Ok(out)
}

/// Writes say what they carry, also where that is nothing.
fn check_body(id: &str, method: &str, r: &Value) -> Result<(), Failure> {
    let is_write = ["POST", "PATCH", "PUT"].iter().any(|m| m.eq_ignore_ascii_case(method));
    let has_body = r.get("body").is_some_and(|b| !b.is_null());
    let headers = r.get("headers").and_then(Value::as_object);
    let has_type = headers.is_some_and(|h| h.keys().any(|k| k.eq_ignore_ascii_case("content-type")));
    if (is_write || has_body) && !(has_type && has_body) {
        let text = format!("Write request id : {id} does not contain Content-Type header or body.");
        return Err(Failure::bad_query(text));
    }
    Ok(())
}

fn item_call(outer: &Call, version: &str, method: &str, url: &str, r: &Value) -> Result<Call, Failure> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (k, v) in r.get("headers").and_then(Value::as_object).into_iter().flatten() {
        headers.insert(k.to_ascii_lowercase(), v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    }
    let body = match r.get("body") {
        None | Some(Value::Null) => Vec::new(),
        // What is no JSON comes as base64, in either alphabet.
        Some(Value::String(text)) if !headers.get("content-type").is_some_and(|t| t.contains("json")) => {
            let mut text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
            text.push_str(["", "", "==", "="].get(text.len() % 4).copied().unwrap_or_default());
            from_standard_b64(&text).ok_or_else(|| Failure::bad_query("The body is no base64 text."))?
        }
        Some(v) => serde_json::to_vec(v).unwrap_or_default(),
    };
    // Of the outer headers only the identity reaches the items.
    if let Some(a) = outer.header("authorization") {
        headers.entry("authorization".to_owned()).or_insert_with(|| a.to_owned());
    }
    let mut call = Call {
        method: method.to_ascii_uppercase(),
        host: outer.host.clone(),
        secure: outer.secure,
        headers,
        body,
        request_id: outer.request_id.clone(),
        ..Call::default()
    };
    // An absolute address counts for its path.
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let relative = path.trim_start_matches('/');
    let relative = relative.strip_prefix("v1.0/").or_else(|| relative.strip_prefix("beta/")).unwrap_or(relative);
    call.target(&format!("/{version}/{relative}"));
    Ok(call)
}

/// Order in which items may be tried: each after those it depends on. Items of a cycle come last and fail.
pub fn order(items: &[Item]) -> Vec<usize> {
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut out = Vec::new();
    loop {
        let next: Vec<usize> = (0..items.len())
            .filter(|i| !out.contains(i) && items[*i].depends_on.iter().all(|d| done.contains(&d.to_ascii_lowercase())))
            .collect();
        if next.is_empty() {
            break;
        }
        done.extend(next.iter().map(|i| items[*i].id.to_ascii_lowercase()));
        out.extend(next);
    }
    out.extend((0..items.len()).filter(|i| !out.contains(i)).collect::<Vec<_>>());
    out
}

/// Whether something it depends on has failed.
pub fn blocked(item: &Item, done: &BTreeMap<String, u16>) -> bool {
    item.depends_on.iter().any(|d| done.get(&d.to_ascii_lowercase()).is_none_or(|s| *s >= 400))
}

pub fn failed_dependency() -> Failure {
    Failure::new(424, "FailedDependency", "Failed Dependency")
}

/// One entry of `responses`.
pub fn shown(id: &str, answer: Answer) -> Value {
    let mut headers: Map<String, Value> = answer.headers.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
    let mut out = json!({ "id": id, "status": answer.status });
    match answer.body {
        Body::Empty => {}
        Body::Json(v) => {
            let kind =
                if answer.status < 400 { Metadata::Minimal.content_type() } else { "application/json".to_owned() };
            headers.entry("Content-Type").or_insert(json!(kind));
            out["body"] = v;
        }
        Body::Bytes(kind, bytes) => {
            headers.insert("Content-Type".to_owned(), json!(kind));
            out["body"] = json!(standard_b64(&bytes));
        }
    }
    out["headers"] = Value::Object(headers);
    out
}
