//! Query options of lists and of single objects: `$select`, `$filter`, `$top`, `$count`, `$orderby`, paging.
use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::errors::Failure;
use super::routes::Tail;
use super::{Ctx, Reply, filter, shape};
use crate::sandbox::http::{Answer, Body, encode};
use crate::sandbox::{facts, ids};

/// How a collection behaves.
pub struct List<'a> {
    /// Graph type of the items.
    pub of: &'a str,
    /// What follows `$metadata#` in the context.
    pub context: &'a str,
    pub default_top: usize,
    pub max_top: usize,
    /// Directory objects refuse advanced queries without `ConsistencyLevel: eventual` and `$count=true`.
    pub directory: bool,
}

impl<'a> List<'a> {
    pub fn directory(of: &'a str, context: &'a str) -> Self {
        List { of, context, default_top: 100, max_top: 999, directory: true }
    }
    /// Graph: delegatedAdminRelationships, `$top` ≤ 300.
    pub fn gdap(of: &'a str, context: &'a str) -> Self {
        List { of, context, default_top: 300, max_top: 300, directory: false }
    }
}

const KNOWN: [&str; 9] =
    ["$select", "$filter", "$top", "$count", "$orderby", "$skiptoken", "$expand", "$format", "api-version"];

/// Answers a collection out of all its items.
pub fn list(ctx: &Ctx, how: &List, items: Vec<Value>) -> Reply {
    paged(ctx, how, items, |item| Cow::Borrowed(item), |item| item)
}

/// As [`list`], for collections as large as the fleet: only the items of the page are made.
pub fn lazy<T>(ctx: &Ctx, how: &List, rows: Vec<T>, props: impl Fn(&T) -> Value) -> Reply {
    let whole = |row: T| shape::filled(how.of, props(&row));
    paged(ctx, how, rows, |row| Cow::Owned(props(row)), whole)
}

/// `look` is what filters and orders go by.
fn paged<T>(
    ctx: &Ctx,
    how: &List,
    mut items: Vec<T>,
    look: impl Fn(&T) -> Cow<'_, Value>,
    show: impl Fn(T) -> Value,
) -> Reply {
    let call = ctx.call;
    if let Some((k, _)) = call.query.iter().find(|(k, _)| k.starts_with('$') && !KNOWN.contains(&k.as_str())) {
        return Err(Failure::unsupported(format!("The query parameter '{k}' is not supported.")));
    }
    let count = match call.param("$count") {
        None | Some("false") => false,
        Some("true") => true,
        Some(v) => return Err(Failure::bad_query(format!("Invalid value '{v}' for $count query option found."))),
    };
    let eventual = call.header("consistencylevel").is_some_and(|v| v.eq_ignore_ascii_case("eventual"));
    if how.directory && count && !eventual {
        return Err(Failure::bad("$count is not currently supported."));
    }
    if let Some(text) = call.param("$filter") {
        let expr = filter::parse(text)?;
        for path in expr.paths() {
            known_path(how.of, path)?;
        }
        if how.directory && expr.is_advanced() && !(eventual && count) {
            return Err(Failure::unsupported(
                "Unsupported or invalid query filter clause specified. Add the header ConsistencyLevel: eventual and $count=true.",
            ));
        }
        items.retain(|i| expr.holds(&look(i)));
    }
    if let Some(order) = call.param("$orderby") {
        if how.directory && call.param("$filter").is_some() && !(eventual && count) {
            return Err(Failure::unsupported("Sorting not supported for current query."));
        }
        sort(how.of, order, &mut items, &look)?;
    }
    let top = match call.param("$top") {
        None => how.default_top,
        Some(text) => match text.parse::<usize>() {
            Ok(n) if n >= 1 && n <= how.max_top => n,
            Ok(n) => {
                return Err(Failure::bad(format!(
                    "Invalid page size specified: '{n}'. Must be between 1 and {} inclusive.",
                    how.max_top
                )));
            }
            Err(_) => {
                return Err(Failure::bad_query(format!(
                    "Invalid value '{text}' for $top query option found. The $top query option requires a non-negative integer value."
                )));
            }
        },
    };
    let skip = match call.param("$skiptoken") {
        None => 0,
        Some(t) => unskip(t).ok_or_else(|| Failure::bad("The skip token is not valid."))?,
    };
    let total = items.len();
    if ctx.tail == Some(Tail::Count) {
        if how.directory && !eventual {
            return Err(Failure::bad("$count is not currently supported."));
        }
        return Ok(Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::Bytes("text/plain", total.to_string().into_bytes()),
        });
    }
    let page: Vec<Value> = items.into_iter().skip(skip).take(top).map(show).collect();
    let select = selection(ctx, how.of)?;
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), Value::String(context(ctx, how.context, select.as_deref())));
    if count {
        body.insert("@odata.count".to_owned(), json!(total));
    }
    if skip + page.len() < total {
        body.insert("@odata.nextLink".to_owned(), Value::String(next_link(ctx, skip + page.len())));
    }
    let show =
        |i: Value| if ctx.tail == Some(Tail::Ref) { reference_to(ctx, &i) } else { project(i, select.as_deref()) };
    let page = page.into_iter().map(show).collect();
    body.insert("value".to_owned(), Value::Array(page));
    Ok(Answer::json(200, Value::Object(body)))
}

/// Answers a single object, with its context and `$select`.
pub fn single(ctx: &Ctx, of: &str, context_of: &str, item: Value, status: u16) -> Reply {
    let select = selection(ctx, of)?;
    let mut body = Map::new();
    body.insert(
        "@odata.context".to_owned(),
        Value::String(format!("{}/$entity", context(ctx, context_of, select.as_deref()))),
    );
    if let Value::Object(map) = project(item, select.as_deref()) {
        body.extend(map);
    }
    Ok(Answer::json(status, Value::Object(body)))
}

/// An object as a reference to it.
fn reference_to(ctx: &Ctx, item: &Value) -> Value {
    let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
    json!({ "@odata.id": format!("{}/v2/{}/directoryObjects/{id}", ctx.call.base(), ctx.caller.tenant) })
}

/// Answers a reference to a single object.
pub fn reference(ctx: &Ctx, item: &Value) -> Reply {
    let mut body = reference_to(ctx, item);
    body["@odata.context"] = json!(format!("{}/{}/$metadata#$ref", ctx.call.base(), ctx.version));
    Ok(Answer::json(200, body))
}

fn context(ctx: &Ctx, name: &str, select: Option<&[String]>) -> String {
    let of = select.map(|s| format!("({})", s.join(","))).unwrap_or_default();
    format!("{}/{}/$metadata#{name}{of}", ctx.call.base(), ctx.version)
}

/// The selected properties; an unknown one is refused.
fn selection(ctx: &Ctx, of: &str) -> Result<Option<Vec<String>>, Failure> {
    // On a create or an update there is nothing to select from.
    let Some(text) = ctx.call.param("$select").filter(|t| *t != "*") else { return Ok(None) };
    let names: Vec<String> = text.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
    for n in &names {
        known_path(of, &n.split('/').map(str::to_owned).collect::<Vec<_>>())?;
    }
    Ok(Some(names))
}

fn known_path(of: &str, path: &[String]) -> Result<(), Failure> {
    let types = &facts::types().types;
    let mut at = of.to_owned();
    for p in path {
        if p.starts_with("@odata.") || p.starts_with("extension_") {
            return Ok(());
        }
        let Some(known) = types.get(&at) else { return Ok(()) };
        // Lists of directory objects take the properties of every kind of them.
        let descendant =
            || types.iter().filter(|(name, _)| facts::types().is_a(name, &at)).find_map(|(_, t)| t.properties.get(p));
        let Some(kind) = known.properties.get(p).or_else(descendant) else {
            return Err(Failure::bad_query(format!(
                "Could not find a property named '{p}' on type 'microsoft.graph.{at}'."
            )));
        };
        at = kind.trim_end_matches('!').trim_start_matches("Collection(").trim_end_matches(')').to_owned();
    }
    Ok(())
}

fn project(item: Value, select: Option<&[String]>) -> Value {
    let (Some(select), Value::Object(map)) = (select, &item) else { return item };
    // Control information and the entity's id stay, as Graph leaves them.
    let kept = map.iter().filter(|(k, _)| {
        k.starts_with('@') || k.contains('@') || select.iter().any(|s| s.split('/').next() == Some(k))
    });
    Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn sort<T>(of: &str, order: &str, items: &mut [T], look: &impl Fn(&T) -> Cow<'_, Value>) -> Result<(), Failure> {
    let mut words = order.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    known_path(of, std::slice::from_ref(&name))?;
    let key = |item: &T| look(item).get(&name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_lowercase));
    items.sort_by_cached_key(key);
    if words.next().is_some_and(|w| w.eq_ignore_ascii_case("desc")) {
        items.reverse();
    }
    Ok(())
}

/// Absolute and opaque: callers follow it, they do not build it.
fn next_link(ctx: &Ctx, skip: usize) -> String {
    let mut query: Vec<String> =
        ctx.call.query.iter().filter(|(k, _)| k != "$skiptoken").map(|(k, v)| format!("{}={}", k, encode(v))).collect();
    query.push(format!("$skiptoken={}", ids::b64(format!("sk{skip}").as_bytes())));
    format!("{}{}?{}", ctx.call.base(), ctx.call.path, query.join("&"))
}

fn unskip(token: &str) -> Option<usize> {
    String::from_utf8(ids::unb64(token)?).ok()?.strip_prefix("sk")?.parse().ok()
}
