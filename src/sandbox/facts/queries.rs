//! What Graph documents of queries by type: the properties that filter and sort, and which are shown when nothing
//! is selected (`queries.json`).
use std::collections::BTreeMap;

use serde::Deserialize;

/// When a query of a property is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Served {
    Never,
    /// With `ConsistencyLevel: eventual` and `$count=true`.
    Advanced,
    Always,
}

#[derive(Debug, Deserialize)]
pub struct Queries {
    /// Path → words: `eq` (with it `ne` and `in`), `sw` startsWith, `ends` endsWith, `ge` (with it `le`), `null` for
    /// `eq null`, `0` and `1` for the size of a collection; a `+` behind a word: in advanced queries only.
    filter: BTreeMap<String, String>,
    /// Property → `+` where it sorts in advanced queries only.
    order: BTreeMap<String, String>,
    /// All that is shown when nothing is selected; empty: all but `selected`.
    #[serde(default)]
    pub shown: Vec<String>,
    /// What is shown only when it is selected.
    #[serde(default)]
    pub selected: Vec<String>,
}

impl Queries {
    pub fn filters(&self, path: &str, word: &str) -> Served {
        let words = self.filter.get(path).map_or("", String::as_str).split(' ');
        words.filter_map(|w| served(word, w)).max().unwrap_or(Served::Never)
    }

    pub fn sorts(&self, property: &str) -> Served {
        match self.order.get(property).map(String::as_str) {
            None => Served::Never,
            Some("+") => Served::Advanced,
            Some(_) => Served::Always,
        }
    }

    /// All paths that filter, and all properties that sort.
    #[cfg(test)]
    pub fn paths(&self) -> impl Iterator<Item = &String> {
        self.filter.keys().chain(self.order.keys())
    }
}

fn served(asked: &str, word: &str) -> Option<Served> {
    match word.strip_suffix('+') {
        Some(w) if w == asked => Some(Served::Advanced),
        None if word == asked => Some(Served::Always),
        _ => None,
    }
}

pub fn all() -> &'static BTreeMap<String, Queries> {
    super::all_queries()
}

/// The table of a type; types that have none follow the rules of their service.
pub fn of(name: &str) -> Option<&'static Queries> {
    all().get(name)
}
