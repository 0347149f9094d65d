//! What is known of each kind, prepared once: its schema and its compiled rules.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::core::cel::{CompiledSchema, ErrorKind, Validator, compile_schema};
use serde_json::{Value, json};

use super::check::Finding;
use super::node::{Node, Span};
use crate::api::{Kind, crds};

/// A kind and its schema.
pub(super) struct KindSchema {
    pub kind: Kind,
    /// Of the whole object, `metadata` included, `status` left out.
    pub schema: JSONSchemaProps,
    rules: CompiledSchema,
}

/// All kinds and what evaluates their rules.
pub(super) struct Kinds {
    kinds: &'static [KindSchema],
    validator: Validator,
}

/// Prepared once in a process.
static KINDS: LazyLock<Vec<KindSchema>> = LazyLock::new(|| {
    let kinds = crds().into_iter().filter_map(|crd| {
        let kind = Kind::parse(&crd.spec.names.kind)?;
        let version = crd.spec.versions.into_iter().next()?;
        let mut schema = version.schema?.open_api_v3_schema?;
        let rules = compile_schema(&serde_json::to_value(&schema).ok()?);
        complete(&mut schema);
        Some(KindSchema { kind, schema, rules })
    });
    kinds.collect()
});

impl Kinds {
    pub fn new() -> Self {
        Kinds { kinds: &KINDS, validator: Validator::new() }
    }

    pub fn get(&self, kind: Kind) -> Option<&'static KindSchema> {
        self.kinds.iter().find(|known| known.kind == kind)
    }

    /// The rules of the schema that an object breaks. `broken` are the paths that are known to be wrong already: what a rule says
    /// about those, or fails to say because of them, is left out.
    pub fn rules(&self, kind: &KindSchema, object: &Value, node: &Node, broken: &[Finding]) -> Vec<Finding> {
        let Err(errors) = self.validator.validate_compiled(&kind.rules, object, None) else { return Vec::new() };
        let mut findings = Vec::new();
        for error in errors {
            let path = clean(&error.field_path);
            let clashes = broken.iter().any(|finding| {
                let (short, long) =
                    if finding.path.len() < path.len() { (&finding.path, &path) } else { (&path, &finding.path) };
                long.starts_with(short.as_str())
            });
            if !broken.is_empty() && (clashes || error.kind != ErrorKind::ValidationFailure) {
                continue;
            }
            let (summary, detail, remedy) = match error.kind {
                ErrorKind::ValidationFailure => parts(&error.message),
                _ => (error.message.clone(), String::new(), String::new()),
            };
            findings.push(Finding { span: node.locate(&path), path, summary, detail, remedy });
        }
        findings
    }
}

/// The messages of our rules read `what is wrong: why; what to do`.
fn parts(message: &str) -> (String, String, String) {
    let (rest, remedy) = message.rsplit_once("; ").unwrap_or((message, ""));
    let why = rest.match_indices(": ").find(|(at, _)| rest[..*at].matches('`').count() % 2 == 0).map(|(at, _)| at);
    let (what, why) = why.map_or((rest, ""), |at| (&rest[..at], &rest[at + 2..]));
    (what.to_string(), sentence(why), sentence(remedy))
}

/// Adds to a CRD's schema what the API server checks of every object.
fn complete(schema: &mut JSONSchemaProps) {
    let properties = schema.properties.get_or_insert_default();
    let header = || JSONSchemaProps { type_: Some("string".into()), ..JSONSchemaProps::default() };
    properties.insert("apiVersion".into(), header());
    properties.insert("kind".into(), header());
    properties.insert("metadata".into(), metadata());
    // Status is not read from files: what `kubectl get -o yaml` prints may be fed back.
    properties.insert("status".into(), JSONSchemaProps::default());
    schema.required = Some(vec!["metadata".into(), "spec".into()]);
}

/// The schema of `metadata`, as far as it can be written by people.
pub(super) fn metadata() -> JSONSchemaProps {
    let words = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let mut properties = json!({
        "name": {
            "type": "string", "minLength": 1, "maxLength": 253,
            "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            "description": "Name of the object: small letters, digits, `-` and `.`."
        },
        "namespace": {
            "type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            "description": "Namespace of the object: small letters, digits and `-`."
        },
        "labels": words, "annotations": words,
    });
    // Written by the API server, and fed back by whoever saves what it prints.
    for name in [
        "generateName",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "finalizers",
        "ownerReferences",
        "managedFields",
    ] {
        properties[name] = json!({});
    }
    let schema = json!({ "type": "object", "required": ["name"], "properties": properties });
    serde_json::from_value(schema).unwrap_or_default()
}

/// A path of the rules engine as we write paths.
fn clean(path: &str) -> String {
    let steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
    steps.join(".")
}

fn sentence(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{}", chars.as_str(), if text.ends_with('.') { "" } else { "." })
}

/// Where a finding without a better place is shown: the first entry of a document.
pub(super) fn head(node: &Node) -> Span {
    match &node.data {
        super::node::Data::Map(entries) => entries.first().map_or(node.span, |entry| entry.key_span),
        _ => node.span,
    }
}
