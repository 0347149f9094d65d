//! One document: what it is, and whether it is right.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::check::{Checker, Finding};
use super::kinds::{Kinds, head, metadata};
use super::node::{Data, Node, Span};
use super::object::{Name, Object, Origin};
use super::problem::{Problem, Severity, Text};
use super::secrets::SecretDocument;
use crate::api::{API_VERSION, GROUP, Kind, Spec};
use crate::catalog::near::{list, suggest};

/// What a document turned out to be.
pub(super) enum Document {
    /// One of ours.
    Object(Box<Object>),
    /// One of ours that is wrong: only its name counts.
    Broken(Option<Name>),
    /// A Secret.
    Secret(SecretDocument),
    /// Something that is none of our business, or that no object of ours can be.
    Foreign,
}

/// Reads documents and gathers what is wrong with them.
pub(super) struct Documents {
    kinds: Kinds,
    checker: Checker,
    pub problems: Vec<Problem>,
}

impl Documents {
    pub fn new() -> Self {
        Documents { kinds: Kinds::new(), checker: Checker::default(), problems: Vec::new() }
    }

    fn report(&mut self, text: &Arc<Text>, address: &str, findings: Vec<Finding>) {
        for finding in findings {
            let problem = Problem::error(finding.summary)
                .detail(finding.detail)
                .remedy(finding.remedy)
                .path(finding.path)
                .address(address)
                .at(text, finding.span);
            self.problems.push(problem);
        }
    }

    fn fault(&mut self, text: &Arc<Text>, span: Span, summary: &str, remedy: &str) -> Document {
        self.problems.push(Problem::error(summary).remedy(remedy).at(text, span));
        Document::Broken(None)
    }

    /// Reads one document; a `List` counts as the documents in it.
    pub fn read(&mut self, text: &Arc<Text>, node: Node, out: &mut Vec<Document>) {
        if node.get("kind").and_then(Node::text) == Some("List")
            && node.get("apiVersion").and_then(Node::text) == Some("v1")
            && let Data::Map(entries) = node.data
        {
            let items = entries.into_iter().rev().find(|entry| entry.key == "items");
            if let Some(Data::List(items)) = items.map(|items| items.value.data) {
                for item in items {
                    let document = self.one(text, item);
                    out.push(document);
                }
            }
            return;
        }
        let document = self.one(text, node);
        out.push(document);
    }

    fn one(&mut self, text: &Arc<Text>, node: Node) -> Document {
        let start = head(&node);
        if !matches!(node.data, Data::Map(_)) {
            let summary = format!("a document must be an object, not {}", node.describe());
            return self.fault(
                text,
                node.span,
                &summary,
                "Begin it with `apiVersion: tenantry.dev/v1alpha1` and `kind:`.",
            );
        }
        let word = |name: &str| node.get(name).map(|value| (value.text().map(str::to_string), value.span));
        let (version, version_span) = match word("apiVersion") {
            Some((Some(version), span)) => (version, span),
            Some((None, span)) => return self.fault(text, span, "`apiVersion` must be a string", "Put it in quotes."),
            None => {
                return self.fault(
                    text,
                    start,
                    "`apiVersion` is missing",
                    &format!("Begin the document with `apiVersion: {API_VERSION}`."),
                );
            }
        };
        let (kind, kind_span) = match word("kind") {
            Some((Some(kind), span)) => (kind, span),
            Some((None, span)) => return self.fault(text, span, "`kind` must be a string", "Put it in quotes."),
            None => {
                let kinds = list(Kind::ALL.map(Kind::as_str), "or");
                return self.fault(text, start, "`kind` is missing", &format!("Add `kind:` with one of {kinds}."));
            }
        };
        if version == "v1" && kind == "Secret" {
            return self.secret(text, &node);
        }
        let (group, _) = version.split_once('/').unwrap_or(("", &version));
        if group != GROUP {
            return self.foreign(text, &version, &kind, kind_span);
        }
        if version != API_VERSION {
            let summary = format!("there is no version `{version}`");
            return self.fault(text, version_span, &summary, &format!("Write `apiVersion: {API_VERSION}`."));
        }
        match Kind::parse(&kind) {
            Some(kind) => self.ours(text, kind, node),
            None => {
                let remedy = suggest(&kind, Kind::ALL.map(Kind::as_str), "kinds");
                self.fault(text, kind_span, &format!("`{API_VERSION}` has no kind `{kind}`"), &remedy)
            }
        }
    }

    /// Something else. What could be a slip is said more loudly.
    fn foreign(&mut self, text: &Arc<Text>, version: &str, kind: &str, span: Span) -> Document {
        let looks_ours = Kind::parse(kind).is_some() && version.to_ascii_lowercase().contains("tenantry");
        let of = format!("`{kind}` of `{version}` is none of Tenantry's kinds");
        let problem = match looks_ours {
            true => Problem::error(of).remedy(format!("Write `apiVersion: {API_VERSION}`.")),
            false => Problem::new(Severity::Note, format!("{of} and is left out")),
        };
        self.problems.push(problem.at(text, span));
        if looks_ours { Document::Broken(None) } else { Document::Foreign }
    }

    fn ours(&mut self, text: &Arc<Text>, kind: Kind, node: Node) -> Document {
        let Some(known) = self.kinds.get(kind) else { return Document::Foreign };
        let (mut value, mut findings) = self.checker.check(&node, &known.schema, "", head(&node));
        if let Value::Object(fields) = &mut value {
            fields.remove("status");
        }
        findings.extend(self.kinds.rules(known, &value, &node, &findings));
        let name = name_of(&value).map(|(namespace, name)| Name { kind, namespace, name });
        let address = name.as_ref().map_or_else(|| kind.to_string(), Name::address);
        if !findings.is_empty() {
            self.report(text, &address, findings);
            return Document::Broken(name);
        }
        let spec = value.get_mut("spec").map(Value::take).unwrap_or_default();
        let spec = match Spec::decode(kind, spec) {
            Ok(spec) => spec,
            Err(error) => {
                let problem =
                    Problem::error("the spec cannot be read").detail(error.to_string()).path("spec").address(address);
                self.problems.push(problem.at(text, node.locate("spec")));
                return Document::Broken(name);
            }
        };
        let Some(Name { namespace, name, .. }) = name else { return Document::Broken(None) };
        let origin = Arc::new(Origin { text: text.clone(), node });
        let object = Object::read(name, namespace, words(&value, "labels"), words(&value, "annotations"), spec, origin);
        Document::Object(Box::new(object))
    }

    fn secret(&mut self, text: &Arc<Text>, node: &Node) -> Document {
        let Some(entry) = node.entry("metadata") else {
            self.fault(text, head(node), "`metadata` is missing", "Add `metadata: { name: … }`.");
            return Document::Foreign;
        };
        let (meta, mut findings) = self.checker.check(&entry.value, &metadata(), "metadata", entry.key_span);
        let name = name_of(&serde_json::json!({ "metadata": meta }));
        let address = name.as_ref().map_or_else(|| "Secret".to_string(), |(_, name)| format!("Secret/{name}"));
        let document = name.map(|(namespace, name)| SecretDocument::read(namespace, name, node, &mut findings));
        let is_right = findings.is_empty();
        self.report(text, &address, findings);
        match document {
            Some(mut secret) if is_right => {
                secret.place =
                    super::problem::Place { file: text.name.clone(), line: node.span.line, column: node.span.column };
                Document::Secret(secret)
            }
            _ => Document::Foreign,
        }
    }
}

fn name_of(value: &Value) -> Option<(String, String)> {
    let metadata = value.get("metadata")?;
    let name = metadata.get("name")?.as_str().filter(|name| !name.is_empty())?;
    let namespace = metadata.get("namespace").and_then(Value::as_str).unwrap_or("default");
    Some((namespace.to_string(), name.to_string()))
}

fn words(value: &Value, field: &str) -> BTreeMap<String, String> {
    let words = value.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_object);
    let words = words.into_iter().flatten();
    words.filter_map(|(name, word)| Some((name.clone(), word.as_str()?.to_string()))).collect()
}
