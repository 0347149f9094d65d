//! Digests: what an approval covers. Never etags, times, secrets or ids given by Microsoft.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::step::Change;

/// SHA-256 of some text, in hexadecimal.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of one change: address, action and declared values by name.
pub fn of_change(change: &Change) -> String {
    let after = match &change.after {
        Value::Object(fields) => {
            let stable = fields.iter().filter(|(name, _)| !change.volatile.contains(&name.as_str()));
            Value::Object(stable.map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        other => other.clone(),
    };
    let parts = Value::Array(vec![change.address.clone().into(), change.action.word().into(), sorted(after)]);
    sha256(&parts.to_string())
}

/// The hash of a plan: the set of its digests, whatever their order.
pub fn of_plan<'a>(digests: impl IntoIterator<Item = &'a str>) -> String {
    let mut digests: Vec<&str> = digests.into_iter().collect();
    digests.sort_unstable();
    digests.dedup();
    sha256(&digests.join("\n"))
}

/// Object keys in order, whatever map the JSON library was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().map(|(k, v)| (k, sorted(v))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::step::{Action, Class};
    use serde_json::json;

    fn change(after: Value) -> Change {
        Change {
            address: "PartnerApp/rallied:credential/production".into(),
            class: Class::CredentialRotation,
            action: Action::Create,
            before: Value::Null,
            after,
            volatile: &["endsAt"],
            sensitive: vec![],
            origin: String::new(),
            reason: String::new(),
        }
    }

    #[test]
    fn a_digest_ignores_times_derived_from_now_and_sees_declared_values() {
        let a = of_change(&change(json!({"lifetime": "730d", "endsAt": "2028-11-22"})));
        let b = of_change(&change(json!({"endsAt": "2028-11-23", "lifetime": "730d"})));
        let c = of_change(&change(json!({"lifetime": "365d", "endsAt": "2028-11-22"})));
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[test]
    fn a_plans_hash_is_over_the_set() {
        assert_eq!(of_plan(["b", "a"]), of_plan(["a", "b", "a"]));
        assert_ne!(of_plan(["a"]), of_plan(["a", "b"]));
    }
}
