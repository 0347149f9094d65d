//! Everything that a pass begins with: manifests, secrets, and the way to Microsoft.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::args::{Files, Reaching};
use super::embedded::{Embedded, VirtualSleep};
use super::failure::Failure;
use super::interrupt::{Interrupt, Interruptible};
use super::render::problems;
use crate::catalog::profiles;
use crate::cloud::Endpoints;
use crate::engine::diagnostic::{self, Diagnostic};
use crate::pass::{self, Reach};
use crate::source::{self, Inputs, SecretSink, Secrets};

/// Defaults with `--sandbox`.
const SECRETS: &str = ".tenantry/secrets";
const JOURNAL: &str = ".tenantry/journal.json";

/// What was gathered.
pub struct Gathered {
    pub inputs: Inputs,
    pub secrets: Secrets,
    /// Where secrets are written; `None` when nothing says where.
    pub sink: Option<SecretSink>,
    pub reach: Reach,
    /// The sandbox, as long as it is needed.
    pub embedded: Option<Embedded>,
    /// Warnings of the inputs.
    pub warnings: Vec<Diagnostic>,
}

/// Gathers all, and opens the sandbox where one is wanted.
///
/// # Errors
/// All that is wrong with the inputs, or why the cloud cannot be reached.
pub async fn gather(files: &Files, reaching: &Reaching, interrupt: &Arc<Interrupt>) -> Result<Gathered, Failure> {
    let known: Vec<(&str, i64)> = profiles::known().collect();
    let inputs = source::load(&files.filename, &known).map_err(Failure::Inputs)?;
    let wrong = pass::offline(&inputs);
    if wrong.iter().any(|d| d.is_error() && d.reach == diagnostic::Reach::Run) {
        return Err(Failure::Run(wrong)); // nobody is asked about inputs that are wrong by themselves
    }
    tracing::info!(objects = inputs.objects.len(), secrets = inputs.secrets.len(), "manifests are read");
    let warnings = inputs.notes.iter().filter_map(problems::diagnostic).collect();
    let sandboxed = |default: &str| reaching.sandbox.as_ref().map(|_| PathBuf::from(default));
    let folder = reaching.secrets_dir.clone().or_else(|| sandboxed(SECRETS));
    let journal = reaching.journal.clone().or_else(|| sandboxed(JOURNAL));
    let secrets = Secrets::new(folder.clone(), inputs.secrets.clone());
    let mut embedded = None;
    let (endpoints, ca, sleep) = match &reaching.sandbox {
        Some(state) => {
            let opened = Embedded::of(state, &files.filename, &inputs, &secrets).await?;
            let virtual_time = Arc::new(VirtualSleep(opened.control()?));
            let sleep = Arc::new(Interruptible { inner: virtual_time, interrupt: interrupt.clone() });
            let endpoints = Endpoints::all_at(opened.url());
            let ca = opened.ca()?;
            embedded = Some(opened);
            (endpoints, ca, sleep as Arc<dyn crate::cloud::Sleep>)
        }
        None => {
            let elsewhere = elsewhere(reaching)?;
            (elsewhere.0, elsewhere.1, Interruptible::real(interrupt))
        }
    };
    tracing::info!(graph = %endpoints.graph, parallelism = reaching.parallelism, "where Microsoft answers");
    let reach = Reach { endpoints, ca, sleep, parallelism: reaching.parallelism, journal };
    Ok(Gathered { inputs, secrets, sink: folder.map(SecretSink::new), reach, embedded, warnings })
}

/// Flags, then the environment, then Microsoft.
fn elsewhere(reaching: &Reaching) -> Result<(Endpoints, Option<Vec<u8>>), Failure> {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoints = match reaching.endpoint.clone().or_else(|| env("TENANTRY_ENDPOINT")) {
        Some(url) => Endpoints::all_at(checked(&url)?),
        None => Endpoints::global(),
    };
    let file = reaching.ca_file.clone().or_else(|| env("TENANTRY_CA_FILE").map(PathBuf::from));
    let ca = match file {
        Some(file) => Some(std::fs::read(&file).map_err(|error| {
            Diagnostic::error("endpoint", format!("the CA file {} cannot be read", file.display()))
                .detail(error.to_string())
                .remedy("Give a file with certificates in PEM to --ca-file or TENANTRY_CA_FILE.")
        })?),
        None => None,
    };
    Ok((endpoints, ca))
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
