//! What an answer's form depends on besides its content: the level of metadata, and enum members that not every
//! client knows.
use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::names::{inner, is_directory, own_type};
use crate::sandbox::facts;
use crate::sandbox::graph::Ctx;
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::http::{Answer, Body, Call};

/// OData: how much an answer says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    None,
    Minimal,
    Full,
}

impl Metadata {
    /// From `$format` or `Accept`.
    pub fn of(call: &Call) -> Metadata {
        let asked = call.param("$format").or_else(|| call.header("accept")).unwrap_or_default().to_ascii_lowercase();
        match asked {
            a if a.contains("odata.metadata=full") => Metadata::Full,
            a if a.contains("odata.metadata=none") => Metadata::None,
            _ => Metadata::Minimal,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Metadata::None => "none",
            Metadata::Minimal => "minimal",
            Metadata::Full => "full",
        }
    }

    pub fn content_type(self) -> String {
        format!(
            "application/json;odata.metadata={};odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
            self.name()
        )
    }
}

/// Only JSON is served.
pub fn check_format(call: &Call) -> Result<(), Failure> {
    let Some(format) = call.param("$format") else { return Ok(()) };
    let kind = format.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if ["json", "application/json", "text/json"].contains(&kind.as_str()) {
        return Ok(());
    }
    Err(Failure::new(
        415,
        "UnsupportedMediaType",
        format!(
            "A supported MIME type could not be found that matches the acceptable MIME types for the request. The supported type(s) 'application/json' do not match '{format}'."
        ),
    ))
}

pub fn prefers(call: &Call, what: &str) -> bool {
    let said = call.header("prefer").unwrap_or_default();
    said.split([',', ';']).any(|p| p.trim().eq_ignore_ascii_case(what))
}

const UNKNOWN_MEMBERS: &str = "include-unknown-enum-members";
const FUTURE: &str = "unknownFutureValue";

/// The last touch on every answer of Graph's.
pub fn finish(call: &Call, mut answer: Answer) -> Answer {
    let level = Metadata::of(call);
    if let Body::Json(body) = &mut answer.body {
        if level == Metadata::None {
            strip(body);
        }
        if level != Metadata::Minimal {
            answer.headers.push(("Content-Type".to_owned(), level.content_type()));
        }
        answer.headers.push(("OData-Version".to_owned(), "4.0".to_owned()));
        if prefers(call, UNKNOWN_MEMBERS) && !answer.headers.iter().any(|(k, _)| k == "Preference-Applied") {
            answer.headers.push(("Preference-Applied".to_owned(), UNKNOWN_MEMBERS.to_owned()));
        }
    }
    answer
}

/// Leaves only what a client cannot work out: links to more, and counts.
fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(map) => {
            map.retain(|k, _| {
                !k.contains("@odata.") || ["nextLink", "deltaLink", "count"].iter().any(|n| k.ends_with(n))
            });
            map.values_mut().for_each(strip);
        }
        _ => {}
    }
}

/// An object as it goes out: its type is said where it is not the declared one, members that came later are hidden.
pub fn dress(ctx: &Ctx, of: &str, item: &mut Map<String, Value>) {
    if has_hidden(own_type(of, item)) && !prefers(ctx.call, UNKNOWN_MEMBERS) {
        hide(of, item);
    }
    if Metadata::of(ctx.call) == Metadata::Full {
        annotate(ctx, of, item);
    } else if item.get("@odata.type").and_then(Value::as_str).is_some_and(|t| t == format!("#microsoft.graph.{of}")) {
        item.remove("@odata.type");
    }
}

fn annotate(ctx: &Ctx, of: &str, item: &mut Map<String, Value>) {
    let own = own_type(of, item).to_owned();
    let Some(table) = facts::of_type(&own) else { return };
    let names: Vec<String> = item.keys().filter(|k| !k.contains('@')).cloned().collect();
    for (name, kind) in names.iter().filter_map(|n| Some((n, table.properties.get(n)?))) {
        let (kind, many) = inner(kind);
        let is_model = facts::of_type(kind).is_some() || facts::types().enums.contains_key(kind);
        let long = if is_model { format!("microsoft.graph.{kind}") } else { kind.to_owned() };
        if many {
            item.insert(format!("{name}@odata.type"), json!(format!("#Collection({long})")));
        } else if ["DateTimeOffset", "Guid", "Duration"].contains(&kind) {
            item.insert(format!("{name}@odata.type"), json!(format!("#{kind}")));
        }
    }
    item.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{own}")));
    if let Some(id) = item.get("id").and_then(Value::as_str).filter(|_| is_directory(&own)) {
        let at = reference(ctx, &own, id);
        item.insert("@odata.id".to_owned(), json!(at));
        item.insert("@odata.editLink".to_owned(), json!(at));
        for link in table.links.keys() {
            item.insert(format!("{link}@odata.associationLink"), json!(format!("{at}/{link}/$ref")));
            item.insert(format!("{link}@odata.navigationLink"), json!(format!("{at}/{link}")));
        }
    }
}

/// The address by which the directory refers to an object.
pub fn reference(ctx: &Ctx, of: &str, id: &str) -> String {
    let noun = facts::noun(of);
    let base = format!("{}/v2/{}/directoryObjects/{id}", ctx.call.base(), ctx.caller.tenant);
    if of.is_empty() || of == "directoryObject" { base } else { format!("{base}/Microsoft.DirectoryServices.{noun}") }
}

/// The members of an enum that came after `unknownFutureValue`.
fn hidden(kind: &str) -> &'static [String] {
    let members = facts::types().enums.get(kind).map_or(&[][..], Vec::as_slice);
    members.iter().position(|m| m == FUTURE).map_or(&[][..], |at| &members[at + 1..])
}

/// Whether anything inside a type can have such a member.
fn has_hidden(of: &str) -> bool {
    static TYPES: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    TYPES.get_or_init(with_hidden).contains(of)
}

fn with_hidden() -> BTreeSet<&'static str> {
    let types = facts::types();
    let mut found: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = found.len();
        for (name, t) in &types.types {
            let has = |kind: &String| {
                let (kind, _) = inner(kind);
                !hidden(kind).is_empty() || found.iter().any(|f| types.is_a(f, kind))
            };
            if t.properties.values().any(has) {
                found.insert(name);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn hide(of: &str, item: &mut Map<String, Value>) {
    let Some(table) = facts::of_type(own_type(of, item)) else { return };
    for (name, value) in item.iter_mut() {
        let Some(kind) = table.properties.get(name) else { continue };
        hide_in(inner(kind).0, value);
    }
}

fn hide_in(kind: &str, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|i| hide_in(kind, i)),
        Value::Object(map) => hide(kind, map),
        Value::String(text) => {
            let unknown = hidden(kind);
            if !unknown.is_empty() && text.split(',').any(|m| unknown.iter().any(|u| u == m)) {
                let shown = text.split(',').map(|m| if unknown.iter().any(|u| u == m) { FUTURE } else { m });
                *value = Value::String(shown.collect::<Vec<_>>().join(","));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden_in(of: &str, value: Value) -> Value {
        let Value::Object(mut map) = value else { panic!("an object") };
        hide(of, &mut map);
        Value::Object(map)
    }

    #[test]
    fn members_that_came_later_are_hidden_wherever_they_stand() {
        let policy =
            json!({ "state": "enabled", "conditions": { "platforms": { "includePlatforms": ["linux", "iOS"] } } });
        let shown = hidden_in("conditionalAccessPolicy", policy);
        assert_eq!(shown["conditions"]["platforms"]["includePlatforms"], json!([FUTURE, "iOS"]));
        assert_eq!(shown["state"], "enabled");
        let flags = json!({ "allowedCombinations": ["password,qrCodePin", "fido2"] });
        let shown = hidden_in("authenticationStrengthPolicy", flags);
        assert_eq!(shown["allowedCombinations"], json!([format!("password,{FUTURE}"), "fido2"]));
    }

    #[test]
    fn only_types_that_can_have_them_are_searched() {
        assert!(has_hidden("conditionalAccessPolicy") && has_hidden("delegatedAdminRelationshipOperation"));
        assert!(!has_hidden("user") && !has_hidden("application") && !has_hidden("group"));
    }

    #[test]
    fn without_metadata_links_and_counts_stay() {
        let mut body = json!({
            "@odata.context": "c", "@odata.count": 2, "@odata.nextLink": "n", "value": [{ "@odata.type": "t", "id": "x", "a@odata.type": "u" }],
        });
        strip(&mut body);
        assert_eq!(body, json!({ "@odata.count": 2, "@odata.nextLink": "n", "value": [{ "id": "x" }] }));
    }
}
