//! A document as a value in which everything knows where it stands.

use serde_json::{Map, Number, Value};

/// A range in a file: lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last one.
    pub end_column: u32,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub data: Data,
    pub span: Span,
}

/// A value as JSON knows it, but with entries in order, duplicates included.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Node {
    /// The entry of that key, the last one if there are several.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.data {
            Data::Map(entries) => entries.iter().rev().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value of that key; `null` counts as absent.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| node.data != Data::Null)
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// What the value is, in words, with the value itself where it is short and no text.
    pub fn describe(&self) -> String {
        match &self.data {
            Data::Null => "nothing (null)".into(),
            Data::Bool(value) => format!("the boolean {value}"),
            Data::Number(value) => format!("the number {value}"),
            Data::String(_) => "a string".into(),
            Data::List(_) => "a list".into(),
            Data::Map(_) => "an object".into(),
        }
    }

    /// The place that a path names, or the nearest place above it that is there. A path reads `spec.grants[0].roles`; the place
    /// of a field is its value's, or its key's if the value is an object or a list.
    pub fn locate(&self, path: &str) -> Span {
        let mut node = self;
        let mut span = self.span;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            let next = match (&node.data, step.strip_suffix(']')) {
                (Data::List(items), Some(index)) => {
                    index.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (item, item.span))
                }
                (Data::Map(_), None) => node.entry(step).map(|entry| match entry.value.data {
                    Data::List(_) | Data::Map(_) | Data::Null => (&entry.value, entry.key_span),
                    _ => (&entry.value, entry.value.span),
                }),
                _ => None,
            };
            match next {
                Some(next) => (node, span) = next,
                None => break,
            }
        }
        span
    }

    /// The value without its places; of duplicate keys the last one.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => Value::Number(value.clone()),
            Data::String(value) => Value::String(value.clone()),
            Data::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Data::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }
}
