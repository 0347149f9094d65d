//! Tokens: one cache per tenant, service and identity.
//!
//! Requests are plain forms: `azure_identity` hides the AADSTS code, the `Date` header and the
//! cost, refuses plain HTTP on loopback, and needs OpenSSL for certificates; `oauth2` refuses
//! the string `expires_in` that Entra sends at times. Both would hide what the status must tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answer::Answer;
use super::endpoints::{Endpoints, scope};
use super::secret::Secret;
use super::wire::Wire;
use crate::engine::read::{Actor, Fault, Got, Refusal, TenantId, Why};

/// A token is not used in its last minutes.
const SPARE: SignedDuration = SignedDuration::from_secs(120);

/// How an app proves that it is itself.
#[derive(Clone, Debug)]
pub enum Credential {
    ClientSecret(Secret),
    /// PEM with certificate and private key.
    Certificate(Secret),
}

/// Keeps the newest refresh token.
pub type KeepToken = Arc<dyn Fn(&Secret, Timestamp) -> Result<(), String> + Send + Sync>;

/// The managing app of a Partner, with what its manifest refers to already read.
#[derive(Clone)]
pub struct ManagingApp {
    pub tenant: TenantId,
    pub client_id: String,
    /// The credential, or why it could not be read.
    pub credential: Result<Credential, String>,
    /// The service account's refresh token, or why it could not be read.
    pub refresh_token: Result<Secret, String>,
    pub keep: KeepToken,
}

/// Reads the client secret that lies in a sink.
pub type SinkSecret = Arc<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// All identities of a run.
#[derive(Clone)]
pub struct Identities {
    pub partners: BTreeMap<String, ManagingApp>,
    pub sink_secret: SinkSecret,
}

/// A token and what it says.
#[derive(Clone, Debug)]
pub struct Token {
    pub secret: Secret,
    pub claims: Arc<Value>,
    expires: Timestamp,
}

type CacheKey = (TenantId, String, Actor);
/// One lock a key: who comes second waits for the first one's answer.
type Slot = Arc<Mutex<Option<Result<Token, Why>>>>;

pub struct Auth {
    wire: Arc<Wire>,
    endpoints: Arc<Endpoints>,
    identities: Identities,
    cache: Mutex<BTreeMap<CacheKey, Slot>>,
}

impl Auth {
    pub fn new(wire: Arc<Wire>, endpoints: Arc<Endpoints>, identities: Identities) -> Auth {
        Auth { wire, endpoints, identities, cache: Mutex::default() }
    }

    /// A token for `resource` (`graph`, `partnercenter`, `exchange`) in `tenant`.
    ///
    /// # Errors
    /// The refusal of the token service, remembered until [`Auth::drop_tokens`].
    pub async fn token(&self, tenant: &TenantId, resource: &str, actor: &Actor) -> Result<Token, Why> {
        let key = (tenant.clone(), resource.to_owned(), actor.clone());
        let slot: Slot = self.cache.lock().await.entry(key).or_default().clone();
        let mut held = slot.lock().await;
        match &*held {
            Some(Ok(token)) if token.expires - SPARE > self.wire.clock.now() => return Ok(token.clone()),
            Some(Err(why)) => return Err(why.clone()),
            _ => {}
        }
        let asked = self.ask(tenant, resource, actor).await;
        // A fault of the transport is not worth remembering: the next one may get through.
        *held = match &asked {
            Err(Why::Failed(_)) => None,
            other => Some(other.clone()),
        };
        asked
    }

    /// The claims, as an answer to a read.
    pub async fn claims(&self, tenant: &TenantId, resource: &str, actor: &Actor) -> Got {
        match self.token(tenant, resource, actor).await {
            Ok(token) => Got::Found(token.claims),
            Err(Why::Refused(refusal)) => Got::Refused(refusal),
            Err(Why::Failed(fault)) => Got::Failed(fault),
        }
    }

    /// Forgets all tokens of a tenant: a grant made the rights in them old.
    pub async fn drop_tokens(&self, tenant: &TenantId) {
        self.cache.lock().await.retain(|(of, _, _), _| of != tenant);
    }

    /// Forgets all tokens that were had with the credential in a sink: there is a new one.
    pub async fn drop_sink(&self, sink: &str) {
        self.cache
            .lock()
            .await
            .retain(|(.., actor), _| !matches!(actor, Actor::App { secret, .. } if &**secret == sink));
    }

    /// Forgets what the token service refused, so that it is asked again.
    pub async fn drop_refusals(&self) {
        self.cache.lock().await.retain(|_, slot| slot.try_lock().is_ok_and(|held| !matches!(*held, Some(Err(_)))));
    }

    /// The partner tenants.
    pub fn homes(&self) -> Vec<TenantId> {
        self.identities.partners.values().map(|app| app.tenant.clone()).collect()
    }

    async fn ask(&self, tenant: &TenantId, resource: &str, actor: &Actor) -> Result<Token, Why> {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.endpoints.login);
        let (client_id, credential, refresh) = self.identity(actor)?;
        let mut fields = vec![("client_id", client_id.clone()), ("scope", scope(resource).to_owned())];
        match &credential {
            Credential::ClientSecret(secret) => fields.push(("client_secret", secret.reveal().to_owned())),
            Credential::Certificate(pem) => {
                let now = self.wire.clock.now();
                let assertion = assertion(pem, &client_id, &url, now).map_err(|e| refuse("Certificate", e))?;
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                fields.push(("client_assertion_type", kind.to_owned()));
                fields.push(("client_assertion", assertion));
            }
        }
        match &refresh {
            Some(token) => {
                fields.push(("grant_type", "refresh_token".to_owned()));
                fields.push(("refresh_token", token.reveal().to_owned()));
            }
            None => fields.push(("grant_type", "client_credentials".to_owned())),
        }
        let borrowed: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let answer = self.wire.form(&url, &borrowed).await.map_err(Why::Failed)?;
        let token = read_token(&answer, self.wire.clock.now())?;
        self.keep_refresh_token(actor, &answer);
        Ok(token)
    }

    fn identity(&self, actor: &Actor) -> Result<(String, Credential, Option<Secret>), Why> {
        match actor {
            Actor::App { client_id, secret } => {
                let value = (self.identities.sink_secret)(secret)
                    .ok_or_else(|| refuse("ValueUnknown", format!("no client secret in \"{secret}\"")))?;
                Ok((client_id.to_string(), Credential::ClientSecret(value), None))
            }
            Actor::ManagingApp { partner } | Actor::ServiceAccount { partner } => {
                let app = self
                    .identities
                    .partners
                    .get(&**partner)
                    .ok_or_else(|| refuse("ReferenceNotFound", format!("no Partner \"{partner}\"")))?;
                let credential = app.credential.clone().map_err(|e| refuse("SecretNotFound", e))?;
                let refresh = match actor {
                    Actor::ServiceAccount { .. } => {
                        Some(app.refresh_token.clone().map_err(|e| refuse("SecretNotFound", e))?)
                    }
                    _ => None,
                };
                Ok((app.client_id.clone(), credential, refresh))
            }
        }
    }

    /// A new refresh token comes with each use. Failing to keep it is no reason to fail the run:
    /// the old one stays valid.
    fn keep_refresh_token(&self, actor: &Actor, answer: &Answer) {
        let Actor::ServiceAccount { partner } = actor else { return };
        let newest = answer.body.get("refresh_token").and_then(Value::as_str);
        let (Some(app), Some(newest)) = (self.identities.partners.get(&**partner), newest) else { return };
        if let Err(error) = (app.keep)(&Secret::new(newest), self.wire.clock.now()) {
            tracing::warn!(partner = %partner, %error, "the new refresh token was not stored");
        }
    }
}

fn refuse(code: &str, message: String) -> Why {
    Why::Refused(Refusal { status: 0, code: code.to_owned(), message, request_id: None })
}

fn read_token(answer: &Answer, now: Timestamp) -> Result<Token, Why> {
    if !answer.ok() {
        return Err(answer.refusal().map_or_else(Why::Failed, Why::Refused));
    }
    let unfit = |what: &str| {
        Why::Failed(Fault {
            message: format!("the token service's answer has no {what}"),
            remedy: "Check --endpoint; this is not how Microsoft answers.".into(),
        })
    };
    let text = answer.body.get("access_token").and_then(Value::as_str).ok_or_else(|| unfit("access_token"))?;
    // Entra sends the number as a string at times.
    let lives = match answer.body.get("expires_in") {
        Some(Value::String(seconds)) => seconds.parse().ok(),
        other => other.and_then(Value::as_i64),
    };
    let lives = lives.ok_or_else(|| unfit("expires_in"))?;
    let claims = text
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok())
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .unwrap_or_else(|| json!({}));
    let expires = now.checked_add(SignedDuration::from_secs(lives)).unwrap_or(now);
    Ok(Token { secret: Secret::new(text), claims: Arc::new(claims), expires })
}

/// A client assertion as Entra documents it: PS256, `x5t#S256`, ten minutes.
fn assertion(pem: &Secret, client_id: &str, url: &str, now: Timestamp) -> Result<String, String> {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    use sha2::Digest as _;
    let certificate =
        CertificateDer::from_pem_slice(pem.reveal().as_bytes()).map_err(|_| "no certificate in the PEM".to_owned())?;
    let key = EncodingKey::from_rsa_pem(private_key(pem.reveal()).as_bytes())
        .map_err(|_| "no RSA private key in the PEM".to_owned())?;
    let mut header = Header::new(Algorithm::PS256);
    header.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&certificate)));
    let seconds = now.as_second();
    let claims = json!({
        "aud": url, "iss": client_id, "sub": client_id, "jti": uuid::Uuid::new_v4().to_string(),
        "nbf": seconds - 30, "iat": seconds, "exp": seconds + 600,
    });
    encode(&header, &claims, &key).map_err(|_| "the private key does not sign".to_owned())
}

/// The private-key block of a PEM that also holds the certificate.
fn private_key(pem: &str) -> String {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in pem.lines() {
        inside |= line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY");
        if inside {
            lines.push(line);
        }
        if line.starts_with("-----END") {
            inside = false;
        }
    }
    lines.join("\n")
}
