//! What a real API server says of our CRDs and of the first example.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::apiserver::{Cluster, cluster};
use crate::support::{files_below, root};

const GROUP: &str = "tenantry.dev";

#[test]
fn every_crd_is_accepted_strictly_and_becomes_established_without_a_warning() {
    let Some(cluster) = cluster() else { return };
    install_crds(cluster);
    let names = kinds(cluster).into_iter().map(|kind| format!("crd/{}.{GROUP}", kind.plural));
    let wait = ["wait", "--for=condition=Established", "--timeout=30s"].map(str::to_owned);
    cluster.kubectl_ok(wait.into_iter().chain(names));
}

#[test]
fn the_first_example_is_accepted_strictly_without_a_warning() {
    let Some(cluster) = cluster() else { return };
    install_crds(cluster);
    cluster.namespace("first-example");
    assert_eq!(apply(cluster, &manifests("examples/first").unwrap(), &["--namespace=first-example"]), Ok(()));
}

#[test]
fn a_field_that_does_not_exist_is_refused_so_that_the_strictness_above_means_something() {
    let Some(cluster) = cluster() else { return };
    install_crds(cluster);
    let dir = tempfile::tempdir().unwrap();
    for kind in kinds(cluster) {
        let file = dir.path().join(&kind.plural).with_extension("json");
        let (name, version) = (&kind.kind, &kind.version);
        let text = format!(
            r#"{{"apiVersion":"{GROUP}/{version}","kind":"{name}","metadata":{{"name":"x"}},"spec":{{"noSuchField":1}}}}"#
        );
        std::fs::write(&file, text).unwrap();
        let output = cluster.kubectl(apply_args(&[file], &["--dry-run=server"]));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains("noSuchField"), "{name}: {stderr}");
    }
}

#[test]
fn kubectl_explain_has_a_description_for_every_field_of_every_kind() {
    let Some(cluster) = cluster() else { return };
    install_crds(cluster);
    let mut silent = Vec::new();
    for kind in kinds(cluster) {
        collect_silent_below(&kind.schema, &kind.kind, &mut silent, &["apiVersion", "kind", "metadata"]);
        if is_silent(&kind.schema) {
            silent.push(kind.kind);
        }
    }
    assert!(silent.is_empty(), "`kubectl explain` has nothing to say of:\n  {}", silent.join("\n  "));
    // And as people see it.
    for kind in kinds(cluster) {
        for path in [kind.plural.clone(), format!("{}.spec", kind.plural), format!("{}.status", kind.plural)] {
            let text = explain(cluster, &path);
            assert!(!text.contains("<empty>") && !text.contains("<no description>"), "{text}");
        }
    }
}

/// Served discovery is a moment behind `Established`: explain is asked again until it knows the kind.
fn explain(cluster: &Cluster, path: &str) -> String {
    for _ in 0..100 {
        let output = cluster.kubectl(["explain", path]);
        if output.status.success() {
            return String::from_utf8(output.stdout).unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    cluster.kubectl_ok(["explain", path])
}

/// `Auto-generated derived type for …` is what a derive writes where a person wrote nothing.
fn is_silent(schema: &Value) -> bool {
    schema["description"].as_str().is_none_or(|text| text.trim().is_empty() || text.contains("Auto-generated"))
}

fn collect_silent(schema: &Value, path: &str, silent: &mut Vec<String>) {
    if is_silent(schema) {
        silent.push(path.to_owned());
    }
    collect_silent_below(schema, path, silent, &[]);
}

/// The fields below, but for those that Kubernetes itself describes. What stands for the items of a list or the values of a map shows no description of its own in `kubectl explain`.
fn collect_silent_below(schema: &Value, path: &str, silent: &mut Vec<String>, except: &[&str]) {
    let fields = schema["properties"].as_object().into_iter().flatten();
    for (name, field) in fields.filter(|(name, _)| !except.contains(&name.as_str())) {
        collect_silent(field, &format!("{path}.{name}"), silent);
    }
    for items in ["items", "additionalProperties"] {
        if let Some(items) = schema.get(items) {
            collect_silent_below(items, path, silent, &[]);
        }
    }
}

#[test]
fn a_field_without_a_description_is_found_at_any_depth() {
    let described = |inner: Value| serde_json::json!({ "description": "said", "properties": { "a": inner } });
    let list = serde_json::json!({ "description": "said", "items": { "properties": { "b": { "description": " " } } } });
    let mut silent = Vec::new();
    collect_silent(&described(described(list)), "T.spec", &mut silent);
    assert_eq!(silent, ["T.spec.a.a.b"]);
    let derived = serde_json::json!({ "description": "Auto-generated derived type for TSpec" });
    assert!(is_silent(&derived));
}

/// One of our kinds as the API server serves it.
struct Kind {
    kind: String,
    plural: String,
    version: String,
    schema: Value,
}

fn kinds(cluster: &Cluster) -> Vec<Kind> {
    let all: Value = serde_json::from_str(&cluster.kubectl_ok(["get", "crds", "--output=json"])).unwrap();
    let ours = all["items"].as_array().unwrap().iter().filter(|crd| crd["spec"]["group"] == GROUP);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kinds: Vec<_> = ours
        .map(|crd| Kind {
            kind: text(&crd["spec"]["names"]["kind"]),
            plural: text(&crd["spec"]["names"]["plural"]),
            version: text(&crd["spec"]["versions"][0]["name"]),
            schema: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone(),
        })
        .collect();
    assert!(!kinds.is_empty(), "the API server has no kind of {GROUP}");
    kinds
}

fn install_crds(cluster: &Cluster) {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        let files = manifests("crds")?;
        apply(cluster, &files, &[])?;
        let wait = ["wait", "--for=condition=Established", "--timeout=30s"].map(str::to_owned);
        cluster.kubectl_ok(wait.into_iter().chain(files.iter().map(|file| format!("--filename={}", file.display()))));
        Ok(())
    });
    assert_eq!(*installed, Ok(()));
}

/// The manifests below a folder of the clone; with none, the test would show nothing.
fn manifests(folder: &str) -> Result<Vec<PathBuf>, String> {
    let is_manifest = |path: &Path| path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
    let files = files_below(&root().join(folder), &is_manifest);
    if files.is_empty() { Err(format!("there is no manifest in {folder}/")) } else { Ok(files) }
}

/// Applies as the strictest user does; a warning, or anything else on stderr, is an error.
fn apply(cluster: &Cluster, files: &[PathBuf], more: &[&str]) -> Result<(), String> {
    let output = cluster.kubectl(apply_args(files, more));
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.success() && stderr.is_empty() { Ok(()) } else { Err(format!("{}\n{stderr}", output.status)) }
}

fn apply_args(files: &[PathBuf], more: &[&str]) -> Vec<String> {
    let fixed = ["apply", "--server-side", "--validate=strict"];
    let files = files.iter().map(|file| format!("--filename={}", file.display()));
    fixed.iter().chain(more).map(|arg| (*arg).to_owned()).chain(files).collect()
}
