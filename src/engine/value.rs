//! Values that may only be known after an earlier step: the symbolic results of a plan.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// `<address>#<part>`: one step of one change.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StepId(Arc<str>);

impl StepId {
    pub fn new(address: &str, part: &str) -> Self {
        StepId(format!("{address}#{part}").into())
    }

    /// The address of the change the step belongs to.
    pub fn address(&self) -> &str {
        self.0.split('#').next().unwrap_or(&self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value of a request: known, or the result of an earlier step ("known after apply").
#[derive(Clone, PartialEq, Debug)]
pub enum Val {
    Known(Value),
    /// What `pointer` (RFC 6901) finds in the answer to `step`.
    Out {
        step: StepId,
        pointer: &'static str,
    },
    Object(BTreeMap<String, Val>),
    List(Vec<Val>),
    /// Strings put together; for paths.
    Text(Vec<Val>),
}

/// A step's result that is needed and not there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("needs the result of {step} ({pointer}), which has none")]
pub struct NotKnown {
    pub step: StepId,
    pub pointer: String,
}

impl Val {
    pub fn text(text: impl Into<String>) -> Val {
        Val::Known(Value::String(text.into()))
    }

    pub fn out(step: &StepId, pointer: &'static str) -> Val {
        Val::Out { step: step.clone(), pointer }
    }

    pub fn object<const N: usize>(fields: [(&str, Val); N]) -> Val {
        Val::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A path of literal pieces and symbolic ones; a text like any other where nothing of it is symbolic.
    pub fn path<const N: usize>(parts: [Val; N]) -> Val {
        let known: Option<String> = parts
            .iter()
            .map(|part| match part {
                Val::Known(Value::String(text)) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        known.map_or_else(|| Val::Text(parts.into()), Val::text)
    }

    /// The steps whose results this value needs.
    pub fn needs(&self, into: &mut Vec<StepId>) {
        match self {
            Val::Known(_) => {}
            Val::Out { step, .. } => into.push(step.clone()),
            Val::Object(fields) => fields.values().for_each(|v| v.needs(into)),
            Val::List(items) | Val::Text(items) => items.iter().for_each(|v| v.needs(into)),
        }
    }

    /// The value with every result put in.
    ///
    /// # Errors
    /// The first result that is missing.
    pub fn resolve(&self, results: &BTreeMap<StepId, Arc<Value>>) -> Result<Value, NotKnown> {
        match self {
            Val::Known(value) => Ok(value.clone()),
            Val::Out { step, pointer } => results
                .get(step)
                .and_then(|answer| answer.pointer(pointer))
                .filter(|value| !value.is_null())
                .cloned()
                .ok_or_else(|| NotKnown { step: step.clone(), pointer: (*pointer).to_owned() }),
            Val::Object(fields) => {
                let fields = fields.iter().map(|(k, v)| Ok((k.clone(), v.resolve(results)?)));
                Ok(Value::Object(fields.collect::<Result<_, NotKnown>>()?))
            }
            Val::List(items) => Ok(Value::Array(items.iter().map(|v| v.resolve(results)).collect::<Result<_, _>>()?)),
            Val::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part.resolve(results)? {
                        Value::String(s) => text.push_str(&s),
                        other => text.push_str(&other.to_string()),
                    }
                }
                Ok(Value::String(text))
            }
        }
    }

    /// As [`Val::resolve`], for a path.
    ///
    /// # Errors
    /// The first result that is missing.
    pub fn resolve_text(&self, results: &BTreeMap<StepId, Arc<Value>>) -> Result<String, NotKnown> {
        Ok(match self.resolve(results)? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

impl From<&str> for Val {
    fn from(text: &str) -> Self {
        Val::text(text)
    }
}

impl From<&String> for Val {
    fn from(text: &String) -> Self {
        Val::text(text)
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Val::text(text)
    }
}

impl From<Value> for Val {
    fn from(value: Value) -> Self {
        Val::Known(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_result_of_an_earlier_step_is_put_into_path_and_body() {
        let made = StepId::new("PartnerApp/rallied:application", "send");
        let path = Val::path(["/servicePrincipals/".into(), Val::out(&made, "/id"), "/x".into()]);
        let body = Val::object([("appId", Val::out(&made, "/appId")), ("n", json!(1).into())]);
        let mut needs = Vec::new();
        body.needs(&mut needs);
        assert_eq!(needs, std::slice::from_ref(&made));
        assert!(path.resolve(&BTreeMap::new()).is_err());
        let results = BTreeMap::from([(made, Arc::new(json!({"id": "o", "appId": "a"})))]);
        assert_eq!(path.resolve_text(&results).as_deref(), Ok("/servicePrincipals/o/x"));
        assert_eq!(body.resolve(&results), Ok(json!({"appId": "a", "n": 1})));
    }
}
