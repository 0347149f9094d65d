//! Bodies in and out agree with Graph's types: nothing unknown comes in, nothing required is missing going out.
mod check;
mod complete;
mod values;

pub use check::{check, is_extension};
pub use complete::{complete, filled};

use serde_json::Value;

use super::errors::Failure;
use crate::sandbox::state::Props;

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

/// Applies a PATCH: complex values are merged, unless they become another type; collections are replaced.
pub fn patch(props: &mut Props, change: Props) {
    for (name, value) in change {
        match (props.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) if is_same_type(old, &new) => patch(old, new),
            (_, value) => {
                props.insert(name, value);
            }
        }
    }
}

fn is_same_type(old: &Props, new: &Props) -> bool {
    new.get("@odata.type").is_none_or(|t| old.get("@odata.type") == Some(t))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(old: Value, new: Value) -> Value {
        let (Value::Object(mut old), Value::Object(new)) = (old, new) else { panic!("objects") };
        patch(&mut old, new);
        Value::Object(old)
    }

    #[test]
    fn a_patch_merges_complex_values_and_replaces_collections() {
        let old = json!({ "a": { "b": 1, "c": { "d": 2, "e": 3 } }, "list": [1, 2], "gone": { "x": 1 } });
        let new = json!({ "a": { "c": { "d": 4 } }, "list": [3], "gone": null });
        let expected = json!({ "a": { "b": 1, "c": { "d": 4, "e": 3 } }, "list": [3], "gone": null });
        assert_eq!(patched(old, new), expected);
    }

    #[test]
    fn a_complex_value_of_another_type_is_replaced() {
        let old = json!({ "m": { "@odata.type": "#microsoft.graph.a", "x": 1 } });
        let new = json!({ "m": { "@odata.type": "#microsoft.graph.b", "y": 2 } });
        assert_eq!(patched(old, new.clone()), new);
    }
}
