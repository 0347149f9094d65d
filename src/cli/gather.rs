//! Everything that a pass begins with: manifests, secrets, and the way to Microsoft.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Reaching, Sources};
use super::embedded::{Embedded, VirtualSleep};
use super::failure::Failure;
use super::interrupt::{Interrupt, Interruptible};
use super::kube;
use super::render::problems;
use crate::catalog::profiles;
use crate::cloud::Endpoints;
use crate::cloud::desk::always_anew;
use crate::engine::diagnostic::{self, Diagnostic};
use crate::pass::{self, Reach};
use crate::source::{self, FolderSink, Inputs, SecretSink, Secrets};

/// Defaults with `--sandbox`.
const SECRETS: &str = ".tenantry/secrets";
const JOURNAL: &str = ".tenantry/journal.json";

/// What was gathered.
pub struct Gathered {
    pub inputs: Inputs,
    pub secrets: Secrets,
    /// Where secrets are written; `None` when nothing says where.
    pub sink: Option<Arc<dyn SecretSink>>,
    pub reach: Reach,
    /// The sandbox, as long as it is needed.
    pub embedded: Option<Embedded>,
    /// Warnings of the inputs.
    pub warnings: Vec<Diagnostic>,
}

/// What is declared, and where its secrets are.
struct Declared {
    inputs: Inputs,
    secrets: Secrets,
    sink: Option<Arc<dyn SecretSink>>,
    warnings: Vec<Diagnostic>,
}

/// Out of files, with secrets out of a folder, the environment and documents.
fn of_files(sources: &Sources, folder: Option<PathBuf>) -> Result<Declared, Failure> {
    let known: Vec<(&str, i64)> = profiles::known().collect();
    let inputs = source::load(&sources.filename, &known).map_err(Failure::Inputs)?;
    let warnings = inputs.notes.iter().filter_map(problems::diagnostic).collect();
    let secrets = Secrets::new(folder.clone(), inputs.secrets.clone());
    let sink = folder.map(|folder| Arc::new(FolderSink::new(folder)) as Arc<dyn SecretSink>);
    Ok(Declared { inputs, secrets, sink, warnings })
}

/// Out of a cluster, with its Secrets; a folder that was named goes before them.
async fn of_cluster(sources: &Sources, folder: Option<PathBuf>) -> Result<Declared, Failure> {
    let found = kube::gather(sources.context.as_deref(), sources.namespace.as_deref()).await?;
    let (secrets, sink) = match folder {
        Some(folder) => {
            let sink: Arc<dyn SecretSink> = Arc::new(FolderSink::new(&folder));
            (Secrets::new(Some(folder), found.secrets), sink)
        }
        None => (Secrets::of_cluster(found.secrets), found.sink),
    };
    // One object that cannot be read does not stop the others.
    let warnings = found.wrong.into_iter().map(Diagnostic::of_object).collect();
    Ok(Declared { inputs: found.inputs, secrets, sink: Some(sink), warnings })
}

/// Gathers all, and opens the sandbox where one is wanted.
///
/// # Errors
/// All that is wrong with the inputs, or why the cloud cannot be reached.
pub async fn gather(sources: &Sources, reaching: &Reaching, interrupt: &Arc<Interrupt>) -> Result<Gathered, Failure> {
    let sandboxed = |default: &str| reaching.sandbox.as_ref().filter(|_| !sources.kube).map(|_| PathBuf::from(default));
    let folder = reaching.secrets_dir.clone().or_else(|| sandboxed(SECRETS));
    let journal = reaching.journal.clone().or_else(|| sandboxed(JOURNAL));
    let Declared { inputs, secrets, sink, warnings } = match sources.kube {
        false => of_files(sources, folder)?,
        true => of_cluster(sources, folder).await?,
    };
    let wrong = pass::offline(&inputs);
    if !sources.kube && wrong.iter().any(|d| d.is_error() && d.reach == diagnostic::Reach::Run) {
        return Err(Failure::Run(wrong)); // nobody is asked about inputs that are wrong by themselves
    }
    tracing::info!(objects = inputs.objects.len(), secrets = inputs.secrets.len(), "manifests are read");
    let mut embedded = None;
    let (endpoints, ca, sleep) = match &reaching.sandbox {
        Some(state) => {
            let opened = Embedded::of(state, &sources.filename, &inputs, &secrets).await?;
            let virtual_time = Arc::new(VirtualSleep(opened.control()?));
            let sleep = Arc::new(Interruptible { inner: virtual_time, interrupt: interrupt.clone() });
            let endpoints = Endpoints::all_at(opened.url());
            let ca = opened.ca()?;
            embedded = Some(opened);
            (endpoints, ca, sleep as Arc<dyn crate::cloud::Sleep>)
        }
        None => {
            let found = elsewhere(reaching.endpoint.as_deref(), reaching.ca_file.as_deref())?;
            (found.endpoints, found.ca, Interruptible::real(interrupt))
        }
    };
    tracing::info!(graph = %endpoints.graph, parallelism = reaching.parallelism, "where Microsoft answers");
    let reach = Reach {
        endpoints,
        ca,
        traffic: Arc::default(),
        clock: Arc::default(),
        sleep,
        parallelism: reaching.parallelism,
        patience: None,
        freshness: always_anew,
        journal,
    };
    Ok(Gathered { inputs, secrets, sink, reach, embedded, warnings })
}

/// Another server than Microsoft's, or Microsoft's.
pub struct Elsewhere {
    pub endpoints: Endpoints,
    pub ca: Option<Vec<u8>>,
    /// The address that was given.
    pub url: Option<String>,
}

/// Flags, then the environment, then Microsoft.
///
/// # Errors
/// The address or the CA file cannot be used.
pub fn elsewhere(endpoint: Option<&str>, ca_file: Option<&Path>) -> Result<Elsewhere, Failure> {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let url = endpoint.map(str::to_owned).or_else(|| env("TENANTRY_ENDPOINT"));
    let endpoints = match &url {
        Some(url) => Endpoints::all_at(checked(url)?),
        None => Endpoints::global(),
    };
    let file = ca_file.map(Path::to_owned).or_else(|| env("TENANTRY_CA_FILE").map(PathBuf::from));
    let ca = match file {
        Some(file) => Some(std::fs::read(&file).map_err(|error| {
            Diagnostic::error("endpoint", format!("the CA file {} cannot be read", file.display()))
                .detail(error.to_string())
                .remedy("Give a file with certificates in PEM to --ca-file or TENANTRY_CA_FILE.")
        })?),
        None => None,
    };
    Ok(Elsewhere { endpoints, ca, url })
}

/// Secrets go to that address: it must be encrypted, or stay on this machine.
fn checked(url: &str) -> Result<&str, Failure> {
    let wrong = |why: &str| -> Failure {
        Diagnostic::error("endpoint", "the endpoint is no usable address")
            .detail(why)
            .remedy("Give https://HOST[:PORT], or http:// for an address of this machine, to --endpoint or TENANTRY_ENDPOINT.")
            .into()
    };
    let parsed = reqwest::Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local =
        host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(wrong("It holds a user name or a password."));
    }
    match parsed.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err(wrong("Secrets would travel unencrypted.")),
        _ => Err(wrong("It is neither https nor http.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_encrypted_or_on_this_machine() {
        for url in ["https://graph.example", "http://127.0.0.1:8443", "http://localhost:1", "http://[::1]:1"] {
            assert!(checked(url).is_ok(), "{url}");
        }
        for url in ["http://graph.example", "graph.example", "ftp://127.0.0.1", "https://a:b@graph.example", ""] {
            assert!(checked(url).is_err(), "{url}");
        }
    }
}
