//! Inputs as a value: manifests with the place of every field, and secrets.
//!
//! Files are read as an API server reads them: a value with places, unknown and duplicate fields, the schema's defaults, the
//! structural schema, its rules, and only then the types. Everything that is wrong is told at once.

mod check;
mod document;
mod files;
mod keep;
mod kinds;
mod node;
mod object;
mod problem;
mod references;
mod scalar;
pub mod secrets;
pub mod sink;
mod yaml;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

pub use files::MAX_BYTES;
pub use keep::{Kept, SecretSink, SecretValues};
pub use object::{Name, Object, Objects};
pub use problem::{Excerpt, Place, Problem, Severity};
pub use secrets::{SecretDocument, SecretError, SecretValue, Secrets};
pub use sink::{FolderSink, SinkEntry, SinkError};

use document::{Document, Documents};
use files::Files;
use problem::Text;

/// Most documents that all inputs together may have.
pub const MAX_DOCUMENTS: usize = 100_000;

/// What a run works on.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The objects.
    pub objects: Objects,
    /// The `Secret` documents among the inputs.
    pub secrets: Vec<SecretDocument>,
    /// Labels of namespaces, where they are known.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// What is worth knowing without being wrong: warnings and notes.
    pub notes: Vec<Problem>,
}

/// Reads manifests from files, folders and, for `-`, standard input. `profiles` are the built-in profiles with their versions.
///
/// `Err` holds everything that is wrong, and the notes too; there is at least one error in it.
pub fn load(paths: &[PathBuf], profiles: &[(&str, i64)]) -> Result<Inputs, Vec<Problem>> {
    load_with(paths, profiles, &mut std::io::stdin().lock())
}

/// The same with another standard input.
pub fn load_with(paths: &[PathBuf], profiles: &[(&str, i64)], stdin: &mut dyn Read) -> Result<Inputs, Vec<Problem>> {
    let mut files = Files::default();
    for path in paths {
        files.read(path, stdin);
    }
    read(files.texts, files.problems, profiles)
}

/// Objects of a run, where each stands.
#[derive(Default)]
struct Gathered {
    inputs: Inputs,
    /// Objects that are there but wrong.
    broken: HashSet<Name>,
    /// Whether all objects have a name.
    complete: bool,
    /// Where each name stands first.
    places: HashMap<Name, Place>,
    secrets: HashMap<(String, String), Place>,
    documents: usize,
}

fn read(texts: Vec<Arc<Text>>, mut problems: Vec<Problem>, profiles: &[(&str, i64)]) -> Result<Inputs, Vec<Problem>> {
    let order: HashMap<Arc<str>, usize> =
        texts.iter().enumerate().map(|(index, text)| (text.name.clone(), index)).collect();
    let mut documents = Documents::new();
    let mut gathered = Gathered { complete: true, ..Gathered::default() };
    let mut copies = 0;
    let mut unreadable = !problems.is_empty();
    for text in &texts {
        let (nodes, faults) = yaml::documents(text, &mut copies);
        if nodes.is_empty() && faults.is_empty() {
            problems.push(Problem::new(Severity::Note, "the file holds no document").file(&text.name));
        }
        unreadable |= !faults.is_empty();
        problems.extend(faults);
        gathered.documents += nodes.len();
        if gathered.documents > MAX_DOCUMENTS {
            let problem = Problem::error(format!("the inputs have more than {MAX_DOCUMENTS} documents"));
            problems.push(
                problem
                    .file(&text.name)
                    .remedy("Give fewer files at once, for example one folder for each ring of tenants."),
            );
            break;
        }
        let mut read = Vec::new();
        for node in nodes {
            documents.read(text, node, &mut read);
        }
        for document in read {
            gathered.take(document, &mut problems);
        }
    }
    problems.append(&mut documents.problems);
    let names = references::Names { broken: &gathered.broken, complete: gathered.complete && !unreadable };
    problems.extend(references::check(&gathered.inputs.objects, names, profiles));
    let has_errors = problems.iter().any(|problem| problem.severity == Severity::Error);
    if !has_errors && gathered.inputs.objects.is_empty() {
        let problem = Problem::error("the inputs hold no object of Tenantry")
            .remedy("Give manifests with -f; examples/first shows what they look like.");
        problems.push(problem);
    }
    problems.sort_by_key(|problem| {
        let file = order.get(&problem.place.file).copied().unwrap_or(usize::MAX);
        (file, problem.place.line, problem.place.column)
    });
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    gathered.inputs.notes = problems;
    Ok(gathered.inputs)
}

impl Gathered {
    fn take(&mut self, document: Document, problems: &mut Vec<Problem>) {
        match document {
            Document::Object(object) => {
                let name = object.key();
                if self.broken.contains(&name) {
                    return; // its namesake is wrong, and says so
                }
                if let Err(object) = self.inputs.objects.insert(*object) {
                    let earlier = self.places.get(&name).cloned().unwrap_or_default();
                    let problem = Problem::error(format!("{} is declared twice", name.address()))
                        .detail(format!("It stands in {earlier} already."))
                        .remedy("Keep one of the two, or give one another name.");
                    problems.push(object.blame_whole(problem));
                } else if let Some(object) = self.inputs.objects.get(name.kind, &name.namespace, &name.name) {
                    self.places.insert(name, object.place_of("metadata.name"));
                }
            }
            Document::Broken(name) => {
                self.complete &= name.is_some();
                self.broken.extend(name);
            }
            Document::Secret(secret) => {
                let key = (secret.namespace.clone(), secret.name.clone());
                if let Some(earlier) = self.secrets.insert(key, secret.place.clone()) {
                    let mut problem = Problem::error(format!("Secret/{} is declared twice", secret.name))
                        .detail(format!("It stands in {earlier} already."))
                        .remedy("Keep one of the two.")
                        .address(format!("Secret/{}", secret.name));
                    problem.place = secret.place;
                    problems.push(problem);
                } else {
                    self.inputs.secrets.push(secret);
                }
            }
            Document::Foreign => {}
        }
    }
}

/// The documents of a text as JSON, by the rules by which manifests are read.
#[cfg(test)]
pub(crate) fn yaml_to_json(text: &str) -> Vec<serde_json::Value> {
    let (nodes, problems) = yaml::documents(&Text::new("test", text.to_string()), &mut 0);
    assert_eq!(problems, []);
    nodes.iter().map(node::Node::to_json).collect()
}

#[cfg(test)]
mod tests;
