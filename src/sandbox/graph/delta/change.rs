//! What a write changes of the object that it touches.
use serde_json::{Map, Value};

use crate::sandbox::graph::routes::Key;
use crate::sandbox::graph::{Ctx, create_if_missing};
use crate::sandbox::shelf::Change;

/// What the call that is being handled changes of the object that it touches.
pub fn change(ctx: &Ctx) -> Change {
    let words: Vec<&str> = ctx.route.pattern.split('/').filter(|w| !w.is_empty()).collect();
    let body = || serde_json::from_slice::<Map<String, Value>>(&ctx.call.body).unwrap_or_default();
    let parts = |properties, targets| Change::Parts { properties, targets };
    match (ctx.route.method, words[..].split_last()) {
        ("DELETE", Some((&"$ref", [.., link, key]))) if key.starts_with('{') => {
            parts(Vec::new(), vec![((*link).to_owned(), ctx.id(1).to_ascii_lowercase(), false)])
        }
        ("DELETE", Some((&"$ref", [.., link]))) => parts(vec![(*link).to_owned()], Vec::new()),
        ("POST" | "PUT", Some((&"$ref", [.., link]))) => {
            let target = body().get("@odata.id").and_then(Value::as_str).and_then(|r| ctx.bound(r));
            parts(Vec::new(), target.map(|t| ((*link).to_owned(), t, true)).into_iter().collect())
        }
        ("PATCH", _) if !(matches!(ctx.key(0), Key::Alternate(..)) && create_if_missing(ctx.call)) => {
            let (bound, plain): (Vec<_>, Vec<_>) = body().into_iter().partition(|(k, _)| k.ends_with("@odata.bind"));
            let targets = bound.iter().flat_map(|(k, v)| bound_targets(ctx, k, v)).collect();
            parts(plain.into_iter().map(|(k, _)| k).collect(), targets)
        }
        _ => Change::Whole,
    }
}

/// `members@odata.bind: […]` as links that were added.
fn bound_targets(ctx: &Ctx, key: &str, value: &Value) -> Vec<(String, String, bool)> {
    let link = key.trim_end_matches("@odata.bind");
    let references = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let ids = references.iter().filter_map(|r| ctx.bound(r.as_str()?));
    ids.map(|id| (link.to_owned(), id, true)).collect()
}
