//! `$select`, and what is shown without it.
use serde_json::{Map, Value};

use super::names::{self, own_type};
use crate::sandbox::facts::{beta, queries};
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

    /// The same of a version of Graph: beta has properties more.
    pub fn of(version: &str, of: &str, text: Option<&str>) -> Result<Selection, Failure> {
        let words = text.filter(|_| version == "beta").into_iter().flat_map(|t| t.split(',')).map(str::trim);
        let only: Vec<String> = words.clone().filter_map(|w| beta::only(of, w)).map(str::to_owned).collect();
        if only.is_empty() {
            return Selection::parse(of, text);
        }
        let rest: Vec<&str> = words.filter(|w| beta::only(of, w).is_none()).collect();
        Ok(match Selection::parse(of, Some(&rest.join(",")))? {
            Selection::These(known) => Selection::These([known, only].concat()),
            Selection::All => Selection::All,
            Selection::Default | Selection::Whole => Selection::These(only),
        })
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
            (Selection::These(names), _) => {
                let only: Vec<&str> = names.iter().filter_map(|n| beta::only(own_type(of, item), n)).collect();
                item.retain(|k, _| k.contains('@') || self.has(k));
                only.into_iter().for_each(|name| drop(item.insert(name.to_owned(), Value::Null)));
            }
            (Selection::Default, Some(t)) if !t.shown.is_empty() => {
                item.retain(|k, _| k.contains('@') || t.shown.contains(k));
            }
            (_, Some(t)) => item.retain(|k, _| !t.selected.contains(k)),
        }
    }
}
