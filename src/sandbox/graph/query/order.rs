//! `$orderby`: what sorts, and how values compare.
use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::names;
use crate::sandbox::facts::queries::{self, Served};
use crate::sandbox::graph::errors::Failure;

/// One key of an order.
struct Key {
    path: Vec<String>,
    descending: bool,
}

/// A value as it sorts: nothing first, text without regard to case.
#[derive(PartialEq, PartialOrd)]
enum Place {
    Nothing,
    Bool(bool),
    Number(f64),
    Text(String),
}

fn place(item: &Value, path: &[String]) -> Place {
    match path.iter().fold(item, |v, p| v.get(p).unwrap_or(&Value::Null)) {
        Value::Bool(b) => Place::Bool(*b),
        Value::Number(n) => n.as_f64().map_or(Place::Nothing, Place::Number),
        Value::String(s) => Place::Text(s.to_lowercase()),
        _ => Place::Nothing,
    }
}

/// Who asks for the order of what.
pub struct Scope<'a> {
    pub of: &'a str,
    pub directory: bool,
    /// `ConsistencyLevel: eventual` and `$count=true`.
    pub advanced: bool,
    /// A filter or a search stands beside it, or it is the list of a link: then only advanced queries sort.
    pub strict: bool,
}

fn parse(scope: &Scope, text: &str) -> Result<Vec<Key>, Failure> {
    let mut keys = Vec::new();
    for part in text.split(',') {
        let words: Vec<&str> = part.split_whitespace().collect();
        let descending = match words[..] {
            [_] => false,
            [_, d] if d.eq_ignore_ascii_case("asc") => false,
            [_, d] if d.eq_ignore_ascii_case("desc") => true,
            _ => {
                return Err(Failure::bad_query(format!("Syntax error at position {} in '{text}'.", part.len())));
            }
        };
        let path: Vec<String> = words[0].split('/').map(str::to_owned).collect();
        let path = names::resolve("", scope.of, &path)?.path;
        if scope.directory && !is_served(scope, &path) {
            return Err(Failure::unsupported("Sorting not supported for current query."));
        }
        keys.push(Key { path, descending });
    }
    Ok(keys)
}

fn is_served(scope: &Scope, path: &[String]) -> bool {
    let property = path.join("/");
    let sorts = match queries::of(scope.of) {
        Some(table) => table.sorts(&property),
        // Lists of objects of every kind: what sorts any of them.
        None if scope.of == "directoryObject" => {
            queries::all().values().map(|t| t.sorts(&property)).max().unwrap_or(Served::Never).min(Served::Advanced)
        }
        None if ["displayName", "id"].contains(&property.as_str()) => Served::Always,
        None => Served::Never,
    };
    match sorts {
        Served::Never => false,
        Served::Advanced => scope.advanced,
        Served::Always => scope.advanced || !scope.strict,
    }
}

pub fn sort<T>(
    scope: &Scope,
    text: &str,
    items: Vec<T>,
    look: &impl Fn(&T) -> Cow<'_, Value>,
) -> Result<Vec<T>, Failure> {
    let keys = parse(scope, text)?;
    let placed = |item: T| {
        let seen = look(&item);
        let places: Vec<Place> = keys.iter().map(|k| place(&seen, &k.path)).collect();
        drop(seen);
        (places, item)
    };
    let mut rows: Vec<(Vec<Place>, T)> = items.into_iter().map(placed).collect();
    rows.sort_by(|(a, _), (b, _)| compare(&keys, a, b));
    Ok(rows.into_iter().map(|(_, item)| item).collect())
}

fn compare(keys: &[Key], a: &[Place], b: &[Place]) -> Ordering {
    let by_key = |(i, key): (usize, &Key)| {
        let order = a[i].partial_cmp(&b[i]).unwrap_or(Ordering::Equal);
        if key.descending { order.reverse() } else { order }
    };
    keys.iter().enumerate().map(by_key).find(|o| *o != Ordering::Equal).unwrap_or(Ordering::Equal)
}
