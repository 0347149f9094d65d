//! From inputs to what kinds and cloud take: declared objects, identities, what lies in sinks.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::api::{Kind, ManagingCredentialType, PartnerSpec, SecretName, SecretSource, Spec};
use crate::cloud::auth::KeepToken;
use crate::cloud::executor::{Sinks, Stored};
use crate::cloud::{Credential, Identities, ManagingApp, Secret};
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::digest;
use crate::engine::read::TenantId;
use crate::kinds::{Declared, SinkState, Surroundings};
use crate::source::{Inputs, Object, SecretSink, SecretValue, Secrets};

/// A new refresh token comes with each use; once a day is often enough to keep it alive for 90.
const KEEP_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// The declared objects, as kinds take them.
pub fn declared(inputs: &Inputs) -> Vec<Declared> {
    let declared = |o: &Object| Declared {
        name: o.name.clone(),
        namespace: o.namespace.clone(),
        place: place(o),
        spec: o.spec.clone(),
    };
    inputs.objects.iter().map(declared).collect()
}

/// An object as a whole stands where its name does.
fn place(object: &Object) -> Place {
    let place = object.place_of("metadata.name");
    Place { file: place.file.to_string(), line: place.line as usize }
}

/// Puts diagnostics on the line of the field that is at fault, where they name one.
pub fn locate(inputs: &Inputs, diagnostics: &mut [Diagnostic]) {
    for diagnostic in diagnostics.iter_mut().filter(|d| !d.path.is_empty()) {
        if let Some(object) = inputs.objects.iter().find(|o| o.address() == diagnostic.object()) {
            let place = object.place_of(&diagnostic.path);
            diagnostic.file = Some(place.file.to_string());
            diagnostic.line = Some(place.line as usize);
        }
    }
}

/// What can be told of the inputs without asking Microsoft: unknown operations, roles that a
/// template lacks, names that would collide.
pub fn offline(inputs: &Inputs) -> Vec<Diagnostic> {
    let around = Surroundings { sinks: &|_| SinkState::default(), labels: &|_| None };
    let mut found = crate::kinds::resolve(&declared(inputs), around).diagnostics;
    locate(inputs, &mut found);
    found
}

/// Identities with their secrets read. What cannot be read is an error where it is used.
pub fn identities(inputs: &Inputs, secrets: &Arc<Secrets>, sink: Option<&Arc<dyn SecretSink>>) -> Identities {
    let partners: BTreeMap<String, ManagingApp> = inputs
        .objects
        .of(Kind::Partner)
        .filter_map(|object| match &object.spec {
            Spec::Partner(spec) => Some((object.name.clone(), managing_app(object, spec, secrets, sink))),
            _ => None,
        })
        .collect();
    let (secrets, sink) = (secrets.clone(), sink.cloned());
    let sink_secret = Arc::new(move |at: &SecretName| stored(&secrets, sink.as_deref(), at, "clientSecret"));
    Identities { partners, sink_secret }
}

fn managing_app(
    object: &Object,
    spec: &PartnerSpec,
    secrets: &Arc<Secrets>,
    sink: Option<&Arc<dyn SecretSink>>,
) -> ManagingApp {
    let app = &spec.managing_app;
    let read = |source: Option<&SecretSource>, path: &str| {
        let source = source.ok_or_else(|| format!("{path} is not given"))?;
        let at = object.place_of(path);
        let (name, key) = (&source.secret_ref.name, &source.secret_ref.key);
        let value = secrets.get(&object.namespace, name, key).map_err(|e| format!("{e} (referred to at {at})"))?;
        Ok::<_, String>(Secret::new(value.expose()))
    };
    let credential = match app.credential.r#type {
        ManagingCredentialType::ClientSecret => {
            read(app.credential.client_secret.as_ref(), "spec.managingApp.credential.clientSecret")
                .map(Credential::ClientSecret)
        }
        ManagingCredentialType::Certificate => {
            read(app.credential.certificate.as_ref(), "spec.managingApp.credential.certificate")
                .map(Credential::Certificate)
        }
    };
    let token = &app.service_account.refresh_token;
    let store = SecretName::new(&object.namespace, &token.store.secret_ref.name);
    // The store holds the newest that came of the seed; a seed that is new itself wins over it.
    let held = |key: &str| stored(secrets, sink.map(|s| &**s), &store, key);
    let seed = read(Some(&token.seed), "spec.managingApp.serviceAccount.refreshToken.seed");
    let digest = seed.as_ref().map(|seed| digest::sha256(seed.reveal())).unwrap_or_default();
    let same = seed.is_err() || held("seedDigest").is_none_or(|known| known.reveal() == digest);
    let newest = held("refreshToken").filter(|_| same);
    ManagingApp {
        tenant: TenantId::new(&spec.tenant_id),
        client_id: app.client_id.to_ascii_lowercase(),
        credential,
        refresh_token: newest.map_or(seed, Ok),
        keep: keeper(store, digest, sink.cloned()),
    }
}

fn keeper(store: SecretName, seed: String, sink: Option<Arc<dyn SecretSink>>) -> KeepToken {
    Arc::new(move |token: Secret, now: Timestamp| {
        let (store, seed, sink) = (store.clone(), seed.clone(), sink.clone());
        Box::pin(async move { keep(&store, &seed, sink.as_deref(), &token, now).await })
    })
}

/// Puts the newest refresh token away, once a day.
async fn keep(
    store: &SecretName,
    seed: &str,
    sink: Option<&dyn SecretSink>,
    token: &Secret,
    now: Timestamp,
) -> Result<(), String> {
    let Some(sink) = sink else { return Ok(()) };
    let held = sink.read(store).map_err(|e| e.to_string())?;
    let kept: Option<Timestamp> = held.values.get("refreshedAt").and_then(|v| v.expose().parse().ok());
    // Where the seed cannot be read any more, what came of it stays.
    let known = held.values.get("seedDigest").map_or("", SecretValue::expose);
    let seed = if seed.is_empty() { known } else { seed };
    if known == seed && kept.is_some_and(|at| now.duration_since(at).abs() < KEEP_EVERY) {
        return Ok(());
    }
    let values = BTreeMap::from([
        ("refreshToken".to_owned(), SecretValue::new(token.reveal())),
        ("refreshedAt".to_owned(), SecretValue::new(now.to_string())),
        ("seedDigest".to_owned(), SecretValue::new(seed)),
    ]);
    sink.store(store, &values).await.map_err(|e| e.to_string())
}

/// A value that we put away: from the sink, or where there is none from where secrets are read.
fn stored(secrets: &Secrets, sink: Option<&dyn SecretSink>, at: &SecretName, key: &str) -> Option<Secret> {
    let held = sink.and_then(|sink| sink.read(at).ok()).and_then(|entry| entry.values.get(key).cloned());
    let held = held.or_else(|| secrets.get(&at.namespace, &at.name, key).ok());
    held.map(|value| Secret::new(value.expose()))
}

/// What lies in a sink, without the secret itself.
pub fn state(secrets: &Secrets, sink: Option<&dyn SecretSink>, at: &SecretName) -> SinkState {
    let key_id = stored(secrets, sink, at, "keyId").map(|id| id.reveal().to_ascii_lowercase());
    let pending = sink.and_then(|sink| sink.read(at).ok()).and_then(|entry| entry.pending);
    let ends = stored(secrets, sink, at, "expiresAt").and_then(|at| at.reveal().parse().ok());
    SinkState { key_id, pending, ends }
}

/// The sink, as the executor takes it.
pub struct Store(pub Option<Arc<dyn SecretSink>>);

impl Store {
    fn sink(&self) -> Result<&dyn SecretSink, String> {
        self.0.as_deref().ok_or_else(|| NO_SINK.to_owned())
    }

    /// Whether a secret can be put away.
    pub fn check(&self, at: &SecretName) -> Result<(), String> {
        self.sink()?.check(at).map_err(|e| e.to_string())
    }
}

const NO_SINK: &str = "no place to write secrets was given";

impl Sinks for Store {
    fn begin<'a>(&'a self, sink: &'a SecretName, credential: &'a str) -> Stored<'a> {
        Box::pin(async move { self.sink()?.begin(sink, credential).await.map_err(|e| e.to_string()) })
    }

    fn store<'a>(&'a self, sink: &'a SecretName, values: Vec<(&'a str, Secret)>) -> Stored<'a> {
        Box::pin(async move {
            let values = values.iter().map(|(k, v)| ((*k).to_owned(), SecretValue::new(v.reveal()))).collect();
            self.sink()?.store(sink, &values).await.map_err(|e| e.to_string())
        })
    }
}
