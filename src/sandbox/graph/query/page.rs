//! Pages of a list: their size, where they begin, and the link to the next.
use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{List, options, token};
use crate::sandbox::graph::Ctx;
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::http::encode;

/// Where a page begins: behind so many items, the last of which had this id.
#[derive(Serialize, Deserialize)]
struct Mark {
    at: usize,
    last: String,
    /// The page before it was empty: this one is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    after_empty: bool,
}

/// What a path keeps as it is.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

pub fn size(ctx: &Ctx, how: &List) -> Result<usize, Failure> {
    let most = how.max_top;
    match options::number(ctx.call, "$top")? {
        None => Ok(how.default_top),
        Some(n) if (1..=most).contains(&n) => Ok(n),
        Some(n) => {
            Err(Failure::bad(format!("Invalid page size specified: '{n}'. Must be between 1 and {most} inclusive.")))
        }
    }
}

/// A token counts for the query that it came from.
fn purpose(ctx: &Ctx) -> String {
    let part = |name: &str| ctx.call.param(name).unwrap_or_default().to_owned();
    let parts = ["$filter", "$search", "$orderby"].map(part);
    format!("page {} {} {}", ctx.caller.tenant, ctx.call.path, parts.join("\u{1}"))
}

fn id_of(item: &Value) -> &str {
    item.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// The number of the page's first item.
pub fn start<T>(ctx: &Ctx, how: &List, items: &[T], look: &impl Fn(&T) -> Cow<'_, Value>) -> Result<usize, Failure> {
    let skip = match options::number(ctx.call, "$skip")? {
        Some(_) if how.directory => return Err(Failure::bad("'$skip' is not supported by the service.")),
        other => other.unwrap_or(0),
    };
    let Some(text) = ctx.call.param("$skiptoken") else { return Ok(skip.min(items.len())) };
    let mark: Mark = token::read(ctx.state, &purpose(ctx), text).ok_or_else(|| {
        Failure::new(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    })?;
    Ok(behind(&mark, items, look))
}

/// The place behind the last item that was shown, also when others have come or gone before it, or itself.
fn behind<T>(mark: &Mark, items: &[T], look: &impl Fn(&T) -> Cow<'_, Value>) -> usize {
    let is_last = |i: &usize| items.get(*i).is_some_and(|item| id_of(&look(item)) == mark.last);
    if mark.last.is_empty() || mark.at.checked_sub(1).is_some_and(|i| is_last(&i)) {
        return mark.at.min(items.len());
    }
    if let Some(i) = (0..items.len()).find(is_last) {
        return i + 1;
    }
    // The item is gone. Lists without an order go by id.
    let ids: Vec<String> = items.iter().map(|item| id_of(&look(item)).to_owned()).collect();
    if ids.is_sorted() { ids.partition_point(|id| *id <= mark.last) } else { mark.at.min(items.len()) }
}

/// Absolute and opaque: callers follow it, they do not build it.
pub fn next_link(ctx: &Ctx, at: usize, last: &Value) -> String {
    let mark = Mark { at, last: id_of(last).to_owned(), after_empty: false };
    link(ctx, "$skiptoken", &token::made(ctx.state, &purpose(ctx), &mark), |name| name != "$skip")
}

/// Graph: paging. A page may be empty and link to the next all the same: the link that is all there is to it.
pub fn empty(ctx: &Ctx, start: usize) -> Option<String> {
    let text = ctx.call.param("$skiptoken");
    let mark = text.and_then(|text| token::read::<Mark>(ctx.state, &purpose(ctx), text));
    let mark = mark.unwrap_or(Mark { at: 0, last: String::new(), after_empty: false });
    if mark.after_empty || !ctx.state.is_odd_page() {
        return None;
    }
    let same = Mark { at: start, after_empty: true, ..mark };
    Some(link(ctx, "$skiptoken", &token::made(ctx.state, &purpose(ctx), &same), |name| name != "$skip"))
}

/// The call's own address with a token in it.
pub fn link(ctx: &Ctx, name: &str, value: &str, keeps: impl Fn(&str) -> bool) -> String {
    let pair =
        |k: &str, v: &str| format!("{}={}", if k.starts_with('$') { k.to_owned() } else { encode(k) }, encode(v));
    let others =
        ctx.call.query.iter().filter(|(k, _)| !["$skiptoken", "$deltatoken"].contains(&k.as_str()) && keeps(k));
    let mut query: Vec<String> = others.map(|(k, v)| pair(k, v)).collect();
    query.push(format!("{name}={value}"));
    format!("{}{}?{}", ctx.call.base(), utf8_percent_encode(&ctx.call.path, PATH), query.join("&"))
}
