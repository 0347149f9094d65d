//! `tenantry crds`: the custom resource definitions as files.

use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::api;

/// The CRDs as files: name and text of each, in the order in which the kinds build on each other.
pub fn render() -> Vec<(String, String)> {
    let render = |crd: CustomResourceDefinition| -> Option<(String, String)> {
        let text = serde_yaml::to_string(&crd).ok()?;
        let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        Some((name, format!("# Written by `tenantry crds`; do not edit.\n---\n{text}")))
    };
    api::crds().into_iter().filter_map(render).collect()
}

/// All CRDs as one stream of documents.
pub fn stream() -> String {
    render().into_iter().map(|(_, text)| text).collect()
}

/// Writes the CRDs to a folder, one file each, and returns their paths.
pub fn write(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let mut paths = Vec::new();
    for (name, text) in render() {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        paths.push(path);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked_in() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("crds")
    }

    /// `UPDATE_CRDS=1 cargo test --lib crds` writes them anew.
    #[test]
    fn what_is_checked_in_is_what_the_types_say() {
        if std::env::var_os("UPDATE_CRDS").is_some() {
            write(&checked_in()).unwrap();
        }
        let mut expected: Vec<String> = Vec::new();
        for (name, text) in render() {
            let there = std::fs::read_to_string(checked_in().join(&name)).unwrap_or_default();
            assert!(there == text, "crds/{name} is out of date: run UPDATE_CRDS=1 cargo test --lib crds");
            expected.push(name);
        }
        let mut found: Vec<String> = std::fs::read_dir(checked_in())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    /// The text means what the types say also to a reader of YAML 1.1, such as `kubectl`.
    #[test]
    fn the_text_reads_back_as_it_was() {
        for (crd, (name, text)) in api::crds().into_iter().zip(render()) {
            let mut read = crate::source::yaml_to_json(&text);
            assert_eq!(read.len(), 1, "{name}");
            let read: CustomResourceDefinition = serde_json::from_value(read.remove(0)).unwrap();
            assert!(read == crd, "{name} reads back as something else");
        }
    }
}
