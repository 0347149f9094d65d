//! Bodies in and out agree with Graph's types: nothing unknown comes in, nothing required is missing going out.
use serde_json::{Map, Value};

use super::errors::Failure;
use crate::sandbox::facts;
use crate::sandbox::state::Props;

/// Checks a body against a type. `@odata.…` annotations are left in place for the handler.
pub fn check(of: &str, body: &Value) -> Result<Props, Failure> {
    let Value::Object(map) = body else {
        return Err(Failure::bad(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
        ));
    };
    check_object(of, map)?;
    Ok(map.clone())
}

fn check_object(of: &str, map: &Map<String, Value>) -> Result<(), Failure> {
    let Some(props) = facts::of_type(of).map(|t| &t.properties) else { return Ok(()) };
    for (name, value) in map {
        if name.contains('@') {
            continue;
        }
        let Some(kind) = props.get(name) else {
            return Err(Failure::bad_query(format!(
                "The property '{name}' does not exist on type 'microsoft.graph.{of}'. Make sure to only use property names that are defined by the type."
            )));
        };
        check_value(name, kind, value)?;
    }
    Ok(())
}

fn check_value(name: &str, kind: &str, value: &Value) -> Result<(), Failure> {
    let (kind, required) = kind.strip_suffix('!').map_or((kind, false), |k| (k, true));
    if value.is_null() {
        return if required {
            Err(Failure::bad_query(format!(
                "A null value was found for the property named '{name}', which has the expected type '{kind}[Nullable=False]'."
            )))
        } else {
            Ok(())
        };
    }
    if let Some(inner) = kind.strip_prefix("Collection(") {
        let inner = inner.trim_end_matches(')');
        let Value::Array(items) = value else {
            return Err(wrong(name, value, kind));
        };
        return items.iter().try_for_each(|i| check_value(name, inner, i));
    }
    let good = match kind {
        "String" | "Stream" | "Binary" | "Date" | "TimeOfDay" => value.is_string(),
        "Boolean" => value.is_boolean(),
        "Int32" | "Int64" | "Int16" => value.is_i64(),
        "Double" => value.is_number(),
        "Guid" => value.as_str().is_some_and(crate::sandbox::ids::is_guid),
        "DateTimeOffset" => value.as_str().is_some_and(|s| s.parse::<jiff::Timestamp>().is_ok()),
        "Duration" => value.as_str().is_some_and(|s| s.starts_with('P') && s.parse::<jiff::Span>().is_ok()),
        _ => {
            if let Some(members) = facts::types().enums.get(kind) {
                return match value.as_str() {
                    Some(v) if members.iter().any(|m| m == v) => Ok(()),
                    _ => Err(Failure::bad_query(format!(
                        "Cannot convert the literal {value} to the expected type 'microsoft.graph.{kind}'."
                    ))),
                };
            }
            return match value {
                Value::Object(map) => check_object(kind, map),
                // A type that is not served is taken as it comes.
                _ if !facts::types().types.contains_key(kind) => Ok(()),
                _ => Err(wrong(name, value, kind)),
            };
        }
    };
    if good { Ok(()) } else { Err(wrong(name, value, kind)) }
}

fn wrong(name: &str, value: &Value, kind: &str) -> Failure {
    Failure::bad_query(format!(
        "Cannot convert the literal {value} of property '{name}' to the expected type 'Edm.{kind}'."
    ))
}

/// As [`complete`], of an object that was just made.
pub fn filled(of: &str, props: Value) -> Value {
    match props {
        Value::Object(props) => complete(of, props),
        other => other,
    }
}

/// Fills what a type promises: nulls, empty collections, and non-null complex values.
pub fn complete(of: &str, mut props: Props) -> Value {
    let Some(table) = facts::of_type(of).map(|t| &t.properties) else { return Value::Object(props) };
    let mut out = Map::new();
    for (k, v) in props.iter_mut().filter(|(k, _)| k.starts_with('@')) {
        out.insert(k.clone(), v.take());
    }
    for (name, kind) in table {
        if kind.starts_with("Stream") {
            continue;
        }
        let value = props.remove(name).unwrap_or(Value::Null);
        out.insert(name.clone(), complete_value(kind, value));
    }
    // Extension properties are declared by applications, not by the type.
    out.extend(props.into_iter().filter(|(name, value)| name.starts_with("extension_") && !value.is_null()));
    Value::Object(out)
}

fn complete_value(kind: &str, value: Value) -> Value {
    let (kind, required) = kind.strip_suffix('!').map_or((kind, false), |k| (k, true));
    if let Some(inner) = kind.strip_prefix("Collection(") {
        let inner = inner.trim_end_matches(')');
        return match value {
            Value::Array(items) => Value::Array(items.into_iter().map(|i| complete_value(inner, i)).collect()),
            Value::Null if !required => Value::Array(Vec::new()),
            _ => Value::Array(Vec::new()),
        };
    }
    match value {
        Value::Object(map) if facts::types().types.contains_key(kind) => complete(kind, map),
        Value::Null if required => match kind {
            "Boolean" => Value::Bool(false),
            "Int32" | "Int64" => Value::from(0),
            "String" | "Duration" => Value::String(String::new()),
            "Guid" => Value::String("00000000-0000-0000-0000-000000000000".to_owned()),
            "DateTimeOffset" => Value::String("0001-01-01T00:00:00Z".to_owned()),
            _ if facts::types().types.contains_key(kind) => complete(kind, Map::new()),
            _ => {
                facts::types().enums.get(kind).and_then(|m| m.first()).map_or(Value::Null, |m| Value::String(m.clone()))
            }
        },
        v => v,
    }
}

/// Takes annotations out of a body, and what a client sends back as it has read it.
pub fn without_echo(of: &str, body: &mut Props, shown: &Value) -> Result<(), Failure> {
    body.retain(|name, value| !name.starts_with("@odata.") && shown.get(name) != Some(value));
    match body.keys().find(|name| name.contains('@')) {
        Some(name) => Err(Failure::bad_query(format!(
            "The property '{name}' does not exist on type 'microsoft.graph.{of}'. Make sure to only use property names that are defined by the type."
        ))),
        None => Ok(()),
    }
}

/// Applies a PATCH: complex values are merged one level deep, collections are replaced.
pub fn patch(props: &mut Props, change: Props) {
    for (name, value) in change {
        match (props.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, value) => {
                props.insert(name, value);
            }
        }
    }
}
