//! The service document and `$metadata`, made from the types and the collections that are served. Graph gives both to
//! anybody, without a token.
use std::fmt::Write as _;

use serde_json::json;

use super::routes;
use crate::sandbox::facts::{self, Type};
use crate::sandbox::http::{Answer, Body, Call};

/// Answers `/`, `/$metadata`; `None` for any other path below the version.
pub fn answer(call: &Call, version: &str, rest: &str) -> Option<Answer> {
    if call.method != "GET" {
        return None;
    }
    match rest {
        "" | "/" => Some(service(call, version)),
        "/$metadata" => Some(Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::Bytes("application/xml", document().into_bytes()),
        }),
        _ => None,
    }
}

/// Collections at the top of the path, with the type of their objects.
fn entity_sets() -> Vec<(&'static str, &'static str)> {
    let is_top = |pattern: &str| pattern.matches('/').count() == 1;
    let lists = routes::all().iter().filter(|r| r.method == "GET" && is_top(&r.pattern));
    let mut sets: Vec<_> = lists.map(|r| (r.pattern.trim_start_matches('/'), r.of)).collect();
    sets.sort_unstable();
    sets
}

fn service(call: &Call, version: &str) -> Answer {
    let sets = entity_sets().into_iter().map(|(name, _)| json!({ "name": name, "kind": "EntitySet", "url": name }));
    let context = format!("{}/{version}/$metadata", call.base());
    Answer::json(200, json!({ "@odata.context": context, "value": sets.collect::<Vec<_>>() }))
}

/// OData CSDL 4.0.
fn document() -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices><Schema Namespace=\"microsoft.graph\" Alias=\"graph\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">",
    );
    let types = facts::types();
    for (name, members) in &types.enums {
        let flags = if types.flags.contains(name) { " IsFlags=\"true\"" } else { "" };
        let _ = write!(out, "<EnumType Name=\"{name}\"{flags}>");
        for (i, member) in members.iter().enumerate() {
            let value = if flags.is_empty() { i as u64 } else { 1 << i };
            let _ = write!(out, "<Member Name=\"{member}\" Value=\"{value}\"/>");
        }
        out.push_str("</EnumType>");
    }
    types.types.iter().for_each(|(name, of)| write_type(&mut out, name, of));
    out.push_str("<EntityContainer Name=\"GraphService\">");
    for (name, of) in entity_sets() {
        let _ = write!(out, "<EntitySet Name=\"{name}\" EntityType=\"microsoft.graph.{of}\"/>");
    }
    out.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
    out
}

fn write_type(out: &mut String, name: &str, of: &Type) {
    let element = if of.entity { "EntityType" } else { "ComplexType" };
    let _ = write!(out, "<{element} Name=\"{name}\"");
    let base = of.base.as_deref();
    if let Some(base) = base {
        let _ = write!(out, " BaseType=\"microsoft.graph.{base}\"");
    }
    for (said, attribute) in [(of.is_abstract, "Abstract"), (of.open, "OpenType")] {
        if said {
            let _ = write!(out, " {attribute}=\"true\"");
        }
    }
    out.push('>');
    if base.is_none() && of.entity && of.properties.contains_key("id") {
        out.push_str("<Key><PropertyRef Name=\"id\"/></Key>");
    }
    let inherited = base.and_then(facts::of_type);
    let own = |name: &String| inherited.is_none_or(|b| !b.properties.contains_key(name) && !b.links.contains_key(name));
    for (name, kind) in of.properties.iter().filter(|(name, _)| own(name)) {
        let (kind, nullable) = kind.strip_suffix('!').map_or((kind.as_str(), ""), |k| (k, " Nullable=\"false\""));
        let _ = write!(out, "<Property Name=\"{name}\" Type=\"{}\"{nullable}/>", qualified(kind));
    }
    for (name, kind) in of.links.iter().filter(|(name, _)| own(name)) {
        let _ = write!(out, "<NavigationProperty Name=\"{name}\" Type=\"{}\"/>", qualified(kind));
    }
    let _ = write!(out, "</{element}>");
}

/// `String` → `Edm.String`, `user` → `microsoft.graph.user`, within `Collection(…)` too.
fn qualified(kind: &str) -> String {
    if let Some(inner) = kind.strip_prefix("Collection(").and_then(|k| k.strip_suffix(')')) {
        return format!("Collection({})", qualified(inner));
    }
    let types = facts::types();
    if types.types.contains_key(kind) || types.enums.contains_key(kind) {
        return format!("microsoft.graph.{kind}");
    }
    format!("Edm.{kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_type_once_and_every_collection_at_the_top() {
        let text = document();
        for name in facts::types().types.keys() {
            assert_eq!(text.matches(&format!("Type Name=\"{name}\"")).count(), 1, "{name}");
        }
        assert!(text.contains("<EntitySet Name=\"applications\" EntityType=\"microsoft.graph.application\"/>"));
        // What a base has is not said again.
        assert_eq!(
            text.matches("<Property Name=\"deletedDateTime\"").count(),
            2,
            "directoryObject, policyDeletableItem"
        );
        let parsed = text.matches('<').count() - text.matches("</").count() - text.matches("/>").count();
        assert_eq!(parsed, text.matches("</").count() + 1, "elements and the declaration are closed");
    }
}
