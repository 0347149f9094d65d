//! Objects that go out.
use serde_json::{Map, Value};

use super::check::is_extension;
use super::values::moment;
use crate::sandbox::facts;
use crate::sandbox::graph::query::names::{inner, own_type};
use crate::sandbox::state::Props;

/// As [`complete`], of an object that was just made.
pub fn filled(of: &str, props: Value) -> Value {
    match props {
        Value::Object(props) => complete(of, props),
        other => other,
    }
}

/// Fills what a type promises: nulls, empty collections, and non-null complex values.
pub fn complete(of: &str, mut props: Props) -> Value {
    let own = own_type(of, &props).to_owned();
    let Some(table) = facts::of_type(&own) else { return Value::Object(props) };
    let mut out = Map::new();
    for (k, v) in props.iter_mut().filter(|(k, _)| k.contains('@')) {
        out.insert(k.clone(), v.take());
    }
    for (name, kind) in &table.properties {
        // A stream has an address of its own.
        if kind.starts_with("Stream") {
            continue;
        }
        let value = props.remove(name).unwrap_or(Value::Null);
        out.insert(name.clone(), complete_value(kind, value));
    }
    let kept = |name: &String| table.open && (!table.entity || is_extension(name));
    let linked = |name: &String| table.links.contains_key(name) && !table.entity;
    out.extend(props.into_iter().filter(|(k, v)| !k.contains('@') && (kept(k) || linked(k)) && !v.is_null()));
    Value::Object(out)
}

fn complete_value(declared: &str, value: Value) -> Value {
    let required = declared.ends_with('!');
    let (kind, many) = inner(declared);
    match value {
        Value::Array(items) if many => items.into_iter().map(|i| complete_one(kind, i)).collect(),
        _ if many => Value::Array(Vec::new()),
        Value::Null if required => nothing(kind),
        v => complete_one(kind, v),
    }
}

fn complete_one(kind: &str, value: Value) -> Value {
    match value {
        Value::Object(map) if facts::of_type(kind).is_some() => {
            let mut whole = complete(kind, map);
            // The type is said only where it is not the declared one.
            if let Value::Object(map) = &mut whole
                && own_type(kind, map) == kind
            {
                map.remove("@odata.type");
            }
            whole
        }
        Value::String(text) if kind == "DateTimeOffset" => Value::String(moment(&text).unwrap_or(text)),
        v => v,
    }
}

/// What stands where a value is promised and none is known.
fn nothing(kind: &str) -> Value {
    match kind {
        "Boolean" => Value::Bool(false),
        "Int16" | "Int32" | "Int64" => Value::from(0),
        "Double" => Value::from(0.0),
        "String" | "Binary" => Value::String(String::new()),
        "Duration" => Value::String("PT0S".to_owned()),
        "Guid" => Value::String("00000000-0000-0000-0000-000000000000".to_owned()),
        "DateTimeOffset" => Value::String("0001-01-01T00:00:00Z".to_owned()),
        "Date" => Value::String("0001-01-01".to_owned()),
        "TimeOfDay" => Value::String("00:00:00.0000000".to_owned()),
        _ if facts::of_type(kind).is_some() => complete(kind, Map::new()),
        _ => facts::types().enums.get(kind).and_then(|m| m.first()).map_or(Value::Null, |m| Value::String(m.clone())),
    }
}
