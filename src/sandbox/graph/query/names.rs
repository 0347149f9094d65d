//! Property paths of queries, resolved against Graph's types. Letter case does not matter in a query.
use crate::sandbox::facts::{self, Type};
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::shape::is_extension;

/// A path as the types declare it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    pub path: Vec<String>,
    /// EDM type of its end without `Collection(…)`; `None`: not declared, any value goes.
    pub kind: Option<String>,
    pub many: bool,
    /// It begins with a link to another object.
    pub link: bool,
}

/// What a word says on a type.
struct Found {
    name: String,
    kind: Option<String>,
    link: bool,
}

/// `Collection(x)!` → `x`, and whether it is many.
pub fn inner(kind: &str) -> (&str, bool) {
    let kind = kind.trim_end_matches('!');
    match kind.strip_prefix("Collection(") {
        Some(of) => (of.trim_end_matches(')'), true),
        None => (kind, false),
    }
}

/// Graph's complaint about an unknown property, behind a prefix that names the query option.
pub fn unknown(prefix: &str, name: &str, of: &str) -> Failure {
    Failure::bad_query(format!("{prefix}Could not find a property named '{name}' on type 'microsoft.graph.{of}'."))
}

pub fn resolve(prefix: &str, of: &str, path: &[String]) -> Result<Resolved, Failure> {
    let mut out = Resolved { path: Vec::new(), kind: Some(of.to_owned()), many: false, link: false };
    for word in path {
        let Some(at) = out.kind.clone() else {
            return Err(unknown(prefix, word, of));
        };
        if let Some(cast) = cast(&at, word) {
            out.kind = Some(cast.to_owned());
            continue;
        }
        let found = find(&at, word).ok_or_else(|| unknown(prefix, word, &at))?;
        let kind = found.kind.as_deref().map(inner);
        out.many = kind.is_some_and(|(_, many)| many);
        out.kind = kind.map(|(k, _)| k.to_owned());
        out.link |= found.link;
        out.path.push(found.name);
    }
    Ok(out)
}

/// `microsoft.graph.ipNamedLocation`: a path goes on with what the descendant has.
fn cast(of: &str, word: &str) -> Option<&'static str> {
    let (name, _) = facts::types().types.get_key_value(word.strip_prefix("microsoft.graph.")?)?;
    facts::types().is_a(name, of).then_some(name)
}

fn find(of: &str, word: &str) -> Option<Found> {
    let types = facts::types();
    // What no table declares takes any word.
    let Some(own) = types.types.get(of) else {
        return Some(Found { name: word.to_owned(), kind: None, link: false });
    };
    if let Some(found) = in_type(own, word) {
        return Some(found);
    }
    if own.open && is_extension(word) {
        return Some(Found { name: word.to_owned(), kind: None, link: false });
    }
    // Lists of directory objects take the properties of every kind of them.
    let descendants = types.types.iter().filter(|(name, _)| name.as_str() != of && types.is_a(name, of));
    descendants.into_iter().find_map(|(_, t)| in_type(t, word).filter(|f| !f.link))
}

fn in_type(own: &Type, word: &str) -> Option<Found> {
    let named = |(name, kind): (&String, &String), link| Found { name: name.clone(), kind: Some(kind.clone()), link };
    let exact = own.properties.get_key_value(word).map(|p| named(p, false));
    exact
        .or_else(|| own.properties.iter().find(|(n, _)| n.eq_ignore_ascii_case(word)).map(|p| named(p, false)))
        .or_else(|| own.links.iter().find(|(n, _)| n.eq_ignore_ascii_case(word)).map(|p| named(p, true)))
}

/// The type that an object says it is, or the declared one.
pub fn own_type<'a>(of: &'a str, item: &'a serde_json::Map<String, serde_json::Value>) -> &'a str {
    let said = item.get("@odata.type").and_then(serde_json::Value::as_str);
    said.and_then(|t| t.trim_start_matches('#').strip_prefix("microsoft.graph.")).unwrap_or(of)
}

/// Whether objects of a type live in the directory.
pub fn is_directory(of: &str) -> bool {
    facts::types().is_a(of, "directoryObject")
}
