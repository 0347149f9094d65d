//! `$select`, and what is shown without it.
use serde_json::{Map, Value};

use super::names::{self, own_type};
use crate::sandbox::facts::queries;
use crate::sandbox::graph::errors::Failure;

pub const PARSING: &str = "Parsing OData Select and Expand failed: ";

/// The properties that are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Selection {
    /// What Graph shows of its own accord.
    #[default]
    Default,
    /// All that an object has but what lives in another service: objects that were expanded.
    Whole,
    All,
    /// As written: `passwordProfile/forceChangePasswordNextSignIn`, a whole property is shown for it.
    These(Vec<String>),
}

impl Selection {
    /// `id,displayName`; an unknown property is refused.
    pub fn parse(of: &str, text: Option<&str>) -> Result<Selection, Failure> {
        let Some(text) = text else { return Ok(Selection::Default) };
        let mut chosen = Vec::new();
        for word in text.split(',').map(str::trim).filter(|w| !w.is_empty()) {
            if word == "*" {
                return Ok(Selection::All);
            }
            let path: Vec<String> = word.split('/').map(str::to_owned).collect();
            // A link may be named; what it leads to is shown only by `$expand`.
            chosen.push(names::resolve(PARSING, of, &path)?.path.join("/"));
        }
        Ok(if chosen.is_empty() { Selection::Default } else { Selection::These(chosen) })
    }

    /// As it stands in a context: `id,displayName`.
    pub fn names(&self) -> &[String] {
        match self {
            Selection::These(names) => names,
            _ => &[],
        }
    }

    pub fn has(&self, property: &str) -> bool {
        self.names().iter().any(|n| n.split('/').next() == Some(property))
    }

    /// Leaves of an object what is shown.
    pub fn apply(&self, of: &str, item: &mut Map<String, Value>) {
        let table = queries::of(own_type(of, item));
        // Annotations stay.
        match (self, table) {
            (Selection::All, _) | (Selection::Default | Selection::Whole, None) => {}
            (Selection::These(_), _) => item.retain(|k, _| k.contains('@') || self.has(k)),
            (Selection::Default, Some(t)) if !t.shown.is_empty() => {
                item.retain(|k, _| k.contains('@') || t.shown.contains(k));
            }
            (_, Some(t)) => item.retain(|k, _| !t.selected.contains(k)),
        }
    }
}
