//! Tokens: one cache per tenant, service and identity.
//!
//! Requests are plain forms: `azure_identity` hides the AADSTS code, the `Date` header and the
//! cost, refuses plain HTTP on loopback, and needs OpenSSL for certificates; `oauth2` refuses
//! the string `expires_in` that Entra sends at times. Both would hide what the status must tell.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answer::Answer;
use super::clock::Sleep;
use super::endpoints::{Endpoints, scope};
use super::loader::backoff;
use super::secret::Secret;
use super::throttle::{Throttle, throttled};
use super::wire::Wire;
use crate::api::SecretName;
use crate::engine::read::{Actor, Fault, Got, Refusal, TenantId, Why};

/// A token is not used in its last minutes.
const SPARE: SignedDuration = SignedDuration::from_secs(120);

/// A refusal is not asked about again for so long: somebody may put it right.
const REFUSED: SignedDuration = SignedDuration::from_secs(60);

/// The claims that are kept (access token claims reference).
const CLAIMS: [&str; 6] = ["amr", "oid", "roles", "scp", "tid", "wids"];

/// How often a token is asked for while the token service is busy or out of reach.
const TRIES: usize = 3;

/// Refusals by which Entra says that it is not well, and nothing about who asks.
const PASSING: [u32; 8] = [50033, 50087, 90006, 90012, 90024, 90033, 90055, 90090];

/// How an app proves that it is itself.
#[derive(Clone, Debug)]
pub enum Credential {
    ClientSecret(Secret),
    /// PEM with certificate and private key.
    Certificate(Secret),
}

/// Keeps the newest refresh token.
pub type KeepToken = Arc<dyn Fn(Secret, Timestamp) -> Keeping + Send + Sync>;

/// What keeping it comes to.
pub type Keeping = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

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
pub type SinkSecret = Arc<dyn Fn(&SecretName) -> Option<Secret> + Send + Sync>;

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
#[derive(Default)]
struct Slot {
    /// How often the token service was asked, all tries of one counted as one.
    asked: AtomicU64,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// What stays: a token, or a refusal that asking again does not change.
    kept: Option<Result<Token, (Why, Timestamp)>>,
    /// What passes: only for those who were already waiting when it came. Without it each of
    /// them would go through all tries again, one after the other.
    passing: Option<Why>,
}

/// A token that was not given.
struct Denied {
    why: Why,
    /// Whether it is worth asking again.
    passing: bool,
    retry_after: Option<Duration>,
}

impl From<Why> for Denied {
    fn from(why: Why) -> Denied {
        Denied { why, passing: false, retry_after: None }
    }
}

pub struct Auth {
    wire: Arc<Wire>,
    endpoints: Arc<Endpoints>,
    identities: RwLock<Identities>,
    sleep: Arc<dyn Sleep>,
    throttle: Arc<Throttle>,
    cache: Mutex<BTreeMap<CacheKey, Arc<Slot>>>,
}

impl Auth {
    pub fn new(
        wire: Arc<Wire>,
        endpoints: Arc<Endpoints>,
        identities: Identities,
        sleep: Arc<dyn Sleep>,
        throttle: Arc<Throttle>,
    ) -> Auth {
        Auth { wire, endpoints, identities: RwLock::new(identities), sleep, throttle, cache: Mutex::default() }
    }

    /// A token for `resource` (`graph`, `partnercenter`, `exchange`) in `tenant`.
    ///
    /// # Errors
    /// The refusal of the token service, remembered until [`Auth::drop_tokens`].
    pub async fn token(&self, tenant: &TenantId, resource: &str, actor: &Actor) -> Result<Token, Why> {
        let key = (tenant.clone(), resource.to_owned(), actor.clone());
        let slot = self.cache.lock().await.entry(key).or_default().clone();
        let before = slot.asked.load(Relaxed);
        let mut held = slot.held.lock().await;
        match &held.kept {
            Some(Ok(token)) if token.expires - SPARE > self.wire.clock.now() => return Ok(token.clone()),
            Some(Err((why, at))) if self.wire.clock.now().duration_since(*at) < REFUSED => return Err(why.clone()),
            _ => {}
        }
        if let Some(why) = &held.passing
            && slot.asked.load(Relaxed) != before
        {
            return Err(why.clone());
        }
        let asked = self.ask_patiently(tenant, resource, actor).await;
        slot.asked.fetch_add(1, Relaxed);
        match asked {
            Ok(token) => {
                *held = Held { kept: Some(Ok(token.clone())), passing: None };
                Ok(token)
            }
            Err(Denied { why, passing, .. }) => {
                // What passes is not worth remembering: the next one may get through.
                let keeps = !passing && matches!(why, Why::Refused(_));
                *held = match keeps {
                    true => Held { kept: Some(Err((why.clone(), self.wire.clock.now()))), passing: None },
                    false => Held { kept: None, passing: Some(why.clone()) },
                };
                Err(why)
            }
        }
    }

    /// Repeats while the token service is busy or out of reach.
    async fn ask_patiently(&self, tenant: &TenantId, resource: &str, actor: &Actor) -> Result<Token, Denied> {
        let mut attempt = 0;
        loop {
            let denied = match self.ask(tenant, resource, actor).await {
                Err(denied) if denied.passing && attempt + 1 < TRIES => denied,
                decided => return decided,
            };
            let pause = denied.retry_after.unwrap_or_else(|| backoff(attempt));
            if !self.throttle.bears(pause) {
                return Err(Why::Failed(throttled(self.wire.clock.now(), pause)).into());
            }
            if denied.retry_after.is_some() {
                self.wire.meter.held_back(pause);
            }
            self.sleep.sleep(pause).await;
            attempt += 1;
        }
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
    pub async fn drop_sink(&self, sink: &SecretName) {
        self.cache.lock().await.retain(|(.., actor), _| !matches!(actor, Actor::App { secret, .. } if secret == sink));
    }

    /// Forgets what the token service refused, so that it is asked again.
    pub async fn drop_refusals(&self) {
        self.cache
            .lock()
            .await
            .retain(|_, slot| slot.held.try_lock().is_ok_and(|held| !matches!(held.kept, Some(Err(_)))));
    }

    /// The partner tenants.
    pub fn homes(&self) -> Vec<TenantId> {
        self.known().partners.values().map(|app| app.tenant.clone()).collect()
    }

    fn known(&self) -> RwLockReadGuard<'_, Identities> {
        self.identities.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes other identities, and forgets all tokens of the partners named.
    pub async fn replace(&self, identities: Identities, changed: &BTreeSet<String>) {
        *self.identities.write().unwrap_or_else(PoisonError::into_inner) = identities;
        self.cache.lock().await.retain(|(.., actor), _| match actor {
            Actor::ManagingApp { partner } | Actor::ServiceAccount { partner } => !changed.contains(&**partner),
            Actor::App { .. } => true,
        });
    }

    /// One try. Everything in it is made anew each time: an assertion does not outlive a long pause.
    async fn ask(&self, tenant: &TenantId, resource: &str, actor: &Actor) -> Result<Token, Denied> {
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
        let answer = self.wire.form(&url, &borrowed).await.map_err(|fault| Denied {
            why: Why::Failed(fault),
            passing: true,
            retry_after: None,
        })?;
        let token = read_token(&answer, self.wire.clock.now()).map_err(|why| Denied {
            passing: passes(&answer, &why),
            retry_after: answer.retry_after(),
            why,
        })?;
        self.keep_refresh_token(actor, &answer).await;
        Ok(token)
    }

    fn identity(&self, actor: &Actor) -> Result<(String, Credential, Option<Secret>), Why> {
        match actor {
            Actor::App { client_id, secret } => {
                let value = (self.known().sink_secret)(secret)
                    .ok_or_else(|| refuse("ValueUnknown", format!("no client secret in \"{secret}\"")))?;
                Ok((client_id.to_string(), Credential::ClientSecret(value), None))
            }
            Actor::ManagingApp { partner } | Actor::ServiceAccount { partner } => {
                let known = self.known();
                let app = known
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
    async fn keep_refresh_token(&self, actor: &Actor, answer: &Answer) {
        let Actor::ServiceAccount { partner } = actor else { return };
        let newest = answer.body.get("refresh_token").and_then(Value::as_str);
        let keep = self.known().partners.get(&**partner).map(|app| app.keep.clone());
        let (Some(keep), Some(newest)) = (keep, newest) else { return };
        // A process that lives for long goes on with the newest: the first one has an end of its own.
        if let Some(app) = self.identities.write().unwrap_or_else(PoisonError::into_inner).partners.get_mut(&**partner)
        {
            app.refresh_token = Ok(Secret::new(newest));
        }
        if let Err(error) = keep(Secret::new(newest), self.wire.clock.now()).await {
            tracing::warn!(partner = %partner, %error, "the new refresh token was not stored");
        }
    }
}

/// Whether the token service may answer otherwise in a moment.
fn passes(answer: &Answer, why: &Why) -> bool {
    let busy = answer.is_transient() || answer.status >= 500;
    busy || matches!(why, Why::Refused(refusal) if refusal.aadsts().is_some_and(|code| PASSING.contains(&code)))
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
            after: None,
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
        .and_then(|bytes| serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).ok())
        .unwrap_or_default();
    // There are thousands of tokens, and these say what is asked of them.
    let claims = claims.into_iter().filter(|(name, _)| CLAIMS.contains(&name.as_str())).collect();
    let expires = now.checked_add(SignedDuration::from_secs(lives)).unwrap_or(now);
    Ok(Token { secret: Secret::new(text), claims: Arc::new(Value::Object(claims)), expires })
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use axum::http::StatusCode;

    use super::*;
    use crate::cloud::clock::Slept;

    /// Notes how long it should have slept.
    #[derive(Default)]
    struct Slow(std::sync::Mutex<Vec<u64>>);

    impl Sleep for Slow {
        fn sleep(&self, at_most: Duration) -> Slept<'_> {
            self.0.lock().unwrap().push(at_most.as_secs());
            Box::pin(tokio::task::yield_now())
        }
    }

    type Said = (u16, Option<&'static str>, Value);

    /// A token service that says these things in turn, and the last of them for ever.
    async fn service(says: Vec<Said>) -> (Auth, Arc<Slow>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let answer = move || {
            let at = count.fetch_add(1, Relaxed).min(says.len() - 1);
            let (status, retry, body) = says[at].clone();
            let headers = retry.map(|seconds| [("retry-after", seconds)]);
            let status = StatusCode::from_u16(status).unwrap();
            async move {
                let mut response = axum::response::IntoResponse::into_response((status, axum::Json(body)));
                for (name, value) in headers.into_iter().flatten() {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
                response
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let (auth, slow) = auth(&url);
        (auth, slow, asked)
    }

    fn auth(url: &str) -> (Auth, Arc<Slow>) {
        let identities =
            Identities { partners: BTreeMap::new(), sink_secret: Arc::new(|_| Some(Secret::new("value"))) };
        let slow = Arc::new(Slow::default());
        let (wire, endpoints) = (Wire::new(None, true, Arc::default()).unwrap(), Endpoints::all_at(url));
        (Auth::new(Arc::new(wire), Arc::new(endpoints), identities, slow.clone(), Arc::default()), slow)
    }

    async fn ask(auth: &Auth) -> Result<Token, Why> {
        let actor = Actor::App { client_id: "app".into(), secret: SecretName::new("default", "sink") };
        auth.token(&TenantId::new("t"), "graph", &actor).await
    }

    fn given() -> Said {
        (200, None, json!({"access_token": "a.e30.b", "expires_in": "3600"}))
    }

    fn aadsts(code: u32) -> Value {
        json!({"error": "x", "error_codes": [code], "error_description": format!("AADSTS{code}: no")})
    }

    #[tokio::test]
    async fn what_passes_is_asked_again_after_the_time_that_the_service_names() {
        let says = vec![(429, Some("315"), json!({})), (400, None, aadsts(90033)), given()];
        let (auth, slow, asked) = service(says).await;
        ask(&auth).await.unwrap();
        ask(&auth).await.unwrap();
        assert_eq!(asked.load(Relaxed), 3, "the token is kept");
        assert_eq!(*slow.0.lock().unwrap(), [315, 2]);
    }

    #[tokio::test]
    async fn what_passes_is_never_kept_and_a_refusal_is() {
        let busy = || (400, None, aadsts(90055));
        let (auth, _, asked) = service(vec![busy(), busy(), busy(), given()]).await;
        assert!(matches!(ask(&auth).await, Err(Why::Refused(_))));
        assert_eq!(asked.load(Relaxed), TRIES);
        ask(&auth).await.unwrap();
        let (auth, slow, asked) = service(vec![(401, None, aadsts(7_000_215)), given()]).await;
        assert!(ask(&auth).await.is_err() && ask(&auth).await.is_err());
        assert_eq!((asked.load(Relaxed), slow.0.lock().unwrap().len()), (1, 0));
    }

    #[tokio::test]
    async fn those_who_wait_share_a_fault_and_do_not_try_one_after_the_other() {
        let (auth, slow) = auth("http://127.0.0.1:1");
        let (a, b, c) = tokio::join!(ask(&auth), ask(&auth), ask(&auth));
        assert!([a, b, c].iter().all(|r| matches!(r, Err(Why::Failed(_)))));
        assert_eq!(*slow.0.lock().unwrap(), [1, 2]);
        assert!(ask(&auth).await.is_err());
        assert_eq!(slow.0.lock().unwrap().len(), 4, "who comes later tries for itself");
    }
}
