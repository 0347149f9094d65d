//! Bodies that come in.
use serde_json::{Map, Value};

use super::values::primitive;
use crate::sandbox::facts::{self, Type};
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::query::names::{inner, is_directory};
use crate::sandbox::state::Props;

/// Checks a body against a type, and answers it in the form in which values are kept. `@odata.…` annotations are left
/// in place for the handler; a type that says no more than the declared one is not kept.
pub fn check(of: &str, body: &Value) -> Result<Props, Failure> {
    match body {
        Value::Object(map) => object(of, map, true),
        _ => Err(Failure::bad_query(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
        )),
    }
}

/// Graph: directory extensions. `extension_{app id without dashes}_{name}`.
pub fn is_extension(name: &str) -> bool {
    let rest = name.strip_prefix("extension_").unwrap_or_default();
    rest.split_once('_')
        .is_some_and(|(app, own)| app.len() == 32 && app.bytes().all(|b| b.is_ascii_hexdigit()) && !own.is_empty())
}

fn object(of: &str, map: &Map<String, Value>, top: bool) -> Result<Props, Failure> {
    let own = declared(of, map)?;
    let Some(table) = facts::of_type(own) else { return Ok(map.clone()) };
    // Which it is, a collection of several kinds asks for itself.
    if table.is_abstract && !top {
        return Err(Failure::bad_query(format!(
            "An object of the abstract type 'microsoft.graph.{own}' was found: '@odata.type' must say which it is."
        )));
    }
    let mut out = Map::new();
    for (name, given) in map {
        if name == "@odata.type" && own == of {
            continue;
        }
        let kept = match kind_of(own, table, name) {
            _ if name.contains('@') => given.clone(),
            Some(kind) => value(name, kind, given)?,
            None if table.open && (!table.entity || is_extension(name)) => given.clone(),
            None => {
                return Err(Failure::bad_query(format!(
                    "The property '{name}' does not exist on type 'microsoft.graph.{own}'. Make sure to only use property names that are defined by the type."
                )));
            }
        };
        out.insert(name.clone(), kept);
    }
    Ok(out)
}

/// The type of what a property holds. Objects of the directory are linked, never written inside each other.
fn kind_of<'a>(own: &str, table: &'a Type, name: &str) -> Option<&'a str> {
    let linked = || table.links.get(name).filter(|_| !is_directory(own));
    table.properties.get(name).or_else(linked).map(String::as_str)
}

/// The type that a value says it is: the declared one or a descendant.
fn declared<'a>(of: &'a str, map: &'a Map<String, Value>) -> Result<&'a str, Failure> {
    let Some(said) = map.get("@odata.type") else { return Ok(of) };
    let said = said.as_str().unwrap_or_default().trim_start_matches('#');
    let known = said.strip_prefix("microsoft.graph.").and_then(|name| facts::types().types.get_key_value(name));
    let Some((name, _)) = known else {
        return Err(Failure::bad_query(format!(
            "A type named '{said}' could not be resolved by the model. When a model is available, each type name must resolve to a valid type."
        )));
    };
    if facts::of_type(of).is_some() && !facts::types().is_a(name, of) {
        return Err(Failure::bad_query(format!(
            "An entry with type '{said}' was found, but it is not assignable to the expected type 'microsoft.graph.{of}'."
        )));
    }
    Ok(name)
}

fn long(kind: &str) -> String {
    let is_model = facts::of_type(kind).is_some() || facts::types().enums.contains_key(kind);
    if is_model { format!("microsoft.graph.{kind}") } else { format!("Edm.{kind}") }
}

fn value(name: &str, declared: &str, given: &Value) -> Result<Value, Failure> {
    let required = declared.ends_with('!');
    let (kind, many) = inner(declared);
    if given.is_null() {
        if required {
            let kind = if many { format!("Collection({})", long(kind)) } else { long(kind) };
            return Err(Failure::bad_query(format!(
                "A null value was found for the property named '{name}', which has the expected type '{kind}[Nullable=False]'. The expected type '{kind}[Nullable=False]' does not allow null values."
            )));
        }
        return Ok(Value::Null);
    }
    if !many {
        return one(name, kind, given);
    }
    let Value::Array(items) = given else {
        return Err(Failure::bad_query(format!(
            "An unexpected value was found for the property named '{name}': a collection of '{}' was expected.",
            long(kind)
        )));
    };
    let item = |i: &Value| match i {
        Value::Null if required => Err(Failure::bad_query(format!(
            "A null value was detected in the items of the collection property '{name}'; non-nullable instances of collection types do not support null values as items."
        ))),
        Value::Null => Ok(Value::Null),
        i => one(name, kind, i),
    };
    items.iter().map(item).collect()
}

fn one(name: &str, kind: &str, given: &Value) -> Result<Value, Failure> {
    if let Some(members) = facts::types().enums.get(kind) {
        return member(kind, members, given);
    }
    if facts::of_type(kind).is_some() {
        return match given {
            Value::Object(map) => object(kind, map, false).map(Value::Object),
            _ => Err(Failure::bad_query(format!(
                "An unexpected value was found for the property named '{name}': an object of the type '{}' was expected.",
                long(kind)
            ))),
        };
    }
    // What was written is not repeated: it may be a secret.
    primitive(kind, given).ok_or_else(|| {
        Failure::bad_query(format!(
            "Cannot convert a primitive value to the expected type 'Edm.{kind}'. See the inner exception for more details. Property: '{name}'."
        ))
    })
}

fn member(kind: &str, members: &[String], given: &Value) -> Result<Value, Failure> {
    let is_flags = facts::types().flags.contains(kind);
    let known = |text: &str| {
        let is = |part: &str| members.iter().any(|m| m == part);
        if is_flags { text.split(',').all(|p| is(p.trim())) } else { is(text) }
    };
    match given.as_str() {
        Some(text) if known(text) => {
            let parts: Vec<&str> = text.split(',').map(str::trim).collect();
            Ok(Value::String(parts.join(",")))
        }
        _ => Err(Failure::bad_query(format!(
            "Cannot convert the literal {given} to the expected type 'microsoft.graph.{kind}'."
        ))),
    }
}
