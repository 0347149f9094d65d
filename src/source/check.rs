//! A value against the structural schema of its kind, as an API server reads it: unknown and duplicate fields, defaults, types,
//! bounds. Everything that is wrong is told, not the first.

use std::collections::HashMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use regex::Regex;
use serde_json::{Map, Value};

use super::node::{Data, Entry, Node, Span};
use crate::api::sample;
use crate::catalog::near::{list, near, suggest};

/// Something wrong with a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub path: String,
    pub span: Span,
    pub summary: String,
    pub detail: String,
    pub remedy: String,
}

/// Checks values against schemas; keeps the patterns that it compiled.
#[derive(Default)]
pub(super) struct Checker {
    patterns: HashMap<String, Option<Regex>>,
}

/// One check in progress.
struct Run<'a> {
    checker: &'a mut Checker,
    findings: Vec<Finding>,
}

impl Checker {
    /// The value as the API server would keep it, and what is wrong with it. `place` is shown where `node` itself is meant.
    pub fn check(&mut self, node: &Node, schema: &JSONSchemaProps, path: &str, place: Span) -> (Value, Vec<Finding>) {
        let mut run = Run { checker: self, findings: Vec::new() };
        let value = run.value(node, schema, path, place);
        (value, run.findings)
    }

    fn matches(&mut self, pattern: &str, text: &str) -> bool {
        let regex = self.patterns.entry(pattern.to_string()).or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

impl Run<'_> {
    fn find(&mut self, path: &str, span: Span, summary: String, detail: String, remedy: String) {
        self.findings.push(Finding { path: path.to_string(), span, summary, detail, remedy });
    }

    fn value(&mut self, node: &Node, schema: &JSONSchemaProps, path: &str, place: Span) -> Value {
        match (schema.type_.as_deref(), &node.data) {
            (Some("object"), Data::Map(entries)) => self.object(entries, schema, path, place),
            (Some("array"), Data::List(items)) => self.array(items, schema, path, place),
            (Some("string"), Data::String(text)) => {
                self.string(text, schema, path, node.span);
                Value::String(text.clone())
            }
            (Some("integer"), Data::Number(number)) if number.is_i64() || number.is_u64() => {
                self.number(number.as_f64(), &number.to_string(), schema, path, node.span);
                Value::Number(number.clone())
            }
            (Some("number"), Data::Number(number)) => {
                self.number(number.as_f64(), &number.to_string(), schema, path, node.span);
                Value::Number(number.clone())
            }
            (Some("boolean"), Data::Bool(value)) => Value::Bool(*value),
            (None, _) => node.to_json(),
            (Some(wanted), _) => {
                self.wrong_type(node, wanted, schema, path, place);
                Value::Null
            }
        }
    }

    fn wrong_type(&mut self, node: &Node, wanted: &str, schema: &JSONSchemaProps, path: &str, place: Span) {
        let field = last_name(path);
        let want = match wanted {
            "object" => "an object",
            "array" => "a list",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "`true` or `false`",
            _ => "a string",
        };
        let detail = match (&node.data, wanted) {
            (Data::Number(_) | Data::Bool(_), "string") => {
                "Without quotes YAML takes it for something else than a string, as `kubectl` does.".to_string()
            }
            _ => String::new(),
        };
        let remedy = match (&node.data, wanted) {
            (Data::Number(_) | Data::Bool(_), "string") => "Put it in quotes.".to_string(),
            (Data::String(_), "boolean" | "integer" | "number") => format!("Write {want} without quotes."),
            (Data::Map(_), "array") => "Begin each item with `- `, or put them in `[ ]`.".to_string(),
            (_, "object") => format!("Write `{}`.", outline(field, schema)),
            _ => format!("Write {want}."),
        };
        let span = if matches!(node.data, Data::List(_) | Data::Map(_) | Data::Null) { place } else { node.span };
        self.find(path, span, format!("`{field}` must be {want}, not {}", node.describe()), detail, remedy);
    }

    fn object(&mut self, entries: &[Entry], schema: &JSONSchemaProps, path: &str, place: Span) -> Value {
        let properties = schema.properties.as_ref();
        let others = match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(values)) => Some(values.as_ref()),
            _ => None,
        };
        let mut first: HashMap<&str, Span> = HashMap::new();
        let mut nulls: HashMap<&str, Span> = HashMap::new();
        let mut meant: Vec<&str> = Vec::new();
        let mut value = Map::new();
        for entry in entries {
            let name = entry.key.as_str();
            let child_path = join(path, name);
            if let Some(earlier) = first.insert(name, entry.key_span) {
                let detail = format!("It stands in line {} already; only one of them can count.", earlier.line);
                self.find(
                    &child_path,
                    entry.key_span,
                    format!("`{name}` is given twice"),
                    detail,
                    "Remove one of them.".into(),
                );
                continue;
            }
            let child = properties.and_then(|properties| properties.get(name)).or(others);
            let Some(child) = child else {
                if schema.x_kubernetes_preserve_unknown_fields == Some(true) {
                    value.insert(entry.key.clone(), entry.value.to_json());
                    continue;
                }
                let known: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                meant.extend(near(name, known.iter().copied()).first());
                let inside = if path.is_empty() { "this object".to_string() } else { format!("`{path}`") };
                let detail = format!("{inside} has no such field.");
                self.find(
                    &child_path,
                    entry.key_span,
                    format!("unknown field `{name}`"),
                    capital(&detail),
                    suggest(name, known, "fields"),
                );
                continue;
            };
            if entry.value.data == Data::Null {
                nulls.insert(name, entry.key_span); // as if it were left out
                continue;
            }
            let checked = self.value(&entry.value, child, &child_path, entry.key_span);
            value.insert(entry.key.clone(), checked);
        }
        for (name, child) in properties.into_iter().flatten() {
            if !value.contains_key(name)
                && let Some(default) = &child.default
            {
                value.insert(name.clone(), default.0.clone());
            }
        }
        for name in schema.required.iter().flatten().map(String::as_str) {
            if value.contains_key(name) || meant.contains(&name) {
                continue; // an unknown field that is probably this one is told already
            }
            let about =
                properties.and_then(|properties| properties.get(name)).and_then(|child| child.description.clone());
            let about = if path.is_empty() { String::new() } else { about.unwrap_or_default() };
            let (span, summary, remedy) = match nulls.get(name) {
                Some(span) => (*span, format!("`{name}` has no value"), format!("Give `{name}` a value.")),
                None if path.is_empty() => (place, format!("`{name}` is missing"), format!("Add `{name}`.")),
                None => (place, format!("`{name}` is missing in `{path}`"), format!("Add `{name}`.")),
            };
            self.find(&join(path, name), span, summary, about, remedy);
        }
        if let Some(least) = schema.min_properties.filter(|least| (value.len() as i64) < *least) {
            let fields: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let remedy = format!(
                "Give {} of {}, or leave the whole field out.",
                if least == 1 { "one".into() } else { least.to_string() },
                list(fields, "and")
            );
            self.find(path, place, format!("`{}` is empty", last_name(path)), String::new(), remedy);
        }
        Value::Object(value)
    }

    fn array(&mut self, items: &[Node], schema: &JSONSchemaProps, path: &str, place: Span) -> Value {
        let count = items.len() as i64;
        let field = last_name(path);
        if let Some(most) = schema.max_items.filter(|most| count > *most) {
            self.find(
                path,
                place,
                format!("`{field}` has {count} items; {most} are allowed"),
                String::new(),
                "Remove some.".into(),
            );
            return Value::Array(Vec::new()); // a list without end is not looked into
        }
        if schema.min_items.is_some_and(|least| count < least) {
            self.find(
                path,
                place,
                format!("`{field}` must not be empty"),
                String::new(),
                "Add an item, or leave the field out.".into(),
            );
        }
        let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items else {
            return Value::Array(items.iter().map(Node::to_json).collect());
        };
        let mut values = Vec::with_capacity(items.len());
        let mut first: HashMap<String, Span> = HashMap::new();
        for (index, node) in items.iter().enumerate() {
            let child_path = format!("{path}[{index}]");
            let value = self.value(node, item, &child_path, node.span);
            let key = match schema.x_kubernetes_list_type.as_deref() {
                Some("set") => value.as_str().map(str::to_string),
                Some("map") => list_key(&value, schema),
                _ => None,
            };
            if let Some(key) = key
                && let Some(earlier) = first.insert(key.clone(), node.span)
            {
                let detail = format!("The first one stands in line {}.", earlier.line);
                self.find(
                    &child_path,
                    node.span,
                    format!("`{key}` is in `{field}` twice"),
                    detail,
                    "Remove one of them.".into(),
                );
            }
            values.push(value);
        }
        Value::Array(values)
    }

    fn string(&mut self, text: &str, schema: &JSONSchemaProps, path: &str, span: Span) {
        let field = last_name(path);
        if let Some(words) = &schema.enum_ {
            let words: Vec<&str> = words.iter().filter_map(|word| word.0.as_str()).collect();
            if !words.contains(&text) {
                let summary = format!("`{field}` cannot be {}", quote(path, text));
                let nearest = near(text, words.iter().copied());
                let remedy = match nearest.is_empty() {
                    true => format!("Write {}.", list(words, "or")),
                    false => format!("Did you mean {}?", list(nearest, "or")),
                };
                self.find(path, span, summary, schema.description.clone().unwrap_or_default(), remedy);
            }
            return;
        }
        let length = text.chars().count() as i64;
        let sampled = schema.pattern.as_deref().and_then(sample).map(|sample| format!("Write it like `{sample}`."));
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            let summary = format!("`{field}` has {length} characters; {most} are allowed");
            self.find(path, span, summary, String::new(), "Shorten it.".into());
        } else if let Some(least) = schema.min_length.filter(|least| length < *least) {
            let summary = match length {
                0 => format!("`{field}` must not be empty"),
                1 => format!("`{field}` has 1 character; {least} are needed"),
                _ => format!("`{field}` has {length} characters; {least} are needed"),
            };
            let remedy = sampled.unwrap_or_else(|| "Give it a value.".into());
            self.find(path, span, summary, schema.description.clone().unwrap_or_default(), remedy);
        } else if let Some(pattern) = schema.pattern.as_deref().filter(|pattern| !self.checker.matches(pattern, text)) {
            let summary = format!("`{field}` cannot be {}", quote(path, text));
            let detail = schema.description.clone().unwrap_or_default();
            let remedy = sampled.unwrap_or_else(|| format!("It must match the pattern {pattern}"));
            self.find(path, span, summary, detail, remedy);
        }
    }

    fn number(&mut self, value: Option<f64>, text: &str, schema: &JSONSchemaProps, path: &str, span: Span) {
        let Some(value) = value else { return };
        let field = last_name(path);
        if let Some(least) = schema.minimum.filter(|least| value < *least) {
            self.find(
                path,
                span,
                format!("`{field}` is {text}; it must be {least} at least"),
                String::new(),
                format!("Write {least} or more."),
            );
        }
        if let Some(most) = schema.maximum.filter(|most| value > *most) {
            self.find(
                path,
                span,
                format!("`{field}` is {text}; it must be {most} at most"),
                String::new(),
                format!("Write {most} or less."),
            );
        }
    }
}

/// How an object is written: with its required fields, or with the first ones.
fn outline(field: &str, schema: &JSONSchemaProps) -> String {
    let required = schema.required.iter().flatten().map(String::as_str);
    let all = schema.properties.iter().flatten().map(|(name, _)| name.as_str());
    let mut names: Vec<&str> = required.collect();
    if names.is_empty() {
        names = all.take(3).collect();
    }
    let fields: Vec<String> = names.iter().map(|name| format!("{name}: …")).collect();
    let object = if fields.is_empty() { "{ … }".to_string() } else { format!("{{ {} }}", fields.join(", ")) };
    if field.ends_with(']') { object } else { format!("{field}: {object}") }
}

/// The key of an item of a list that is a map.
fn list_key(value: &Value, schema: &JSONSchemaProps) -> Option<String> {
    let parts: Option<Vec<String>> = schema
        .x_kubernetes_list_map_keys
        .iter()
        .flatten()
        .map(|key| value.get(key)?.as_str().map(str::to_string))
        .collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

/// The name of the field that a path ends in: `roles[1]` for an item.
fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// A value in a message, cut if long, and not at all if somebody may have pasted a secret there.
fn quote(path: &str, text: &str) -> String {
    let lower = path.to_ascii_lowercase();
    if ["credential", "secret", "token", "password"].iter().any(|word| lower.contains(word)) && text.len() > 24 {
        return "what stands here".into();
    }
    let shown: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), chars.as_str()))
}
