//! The keys that sign tokens, and the values that carry their own facts: refresh tokens, codes, cookies.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::clock::{days, plus};
use super::error::SandboxError;
use super::ids;

pub struct Keys {
    /// Opened once: reading a key costs more than signing with it.
    signing: KeyPair,
    /// The signing key's public half first, then those of older keys that may still have signed something.
    public: Vec<Public>,
    /// Claims of tokens whose signatures were good, by the hash of the whole token.
    verified: Mutex<Verified>,
    /// Keyed hash for what is sealed.
    secret: [u8; 32],
}

/// What the world may know of a key.
pub struct Public {
    pub kid: String,
    pub modulus: Vec<u8>,
    pub exponent: Vec<u8>,
    /// Self-signed, DER.
    pub certificate: Vec<u8>,
    verifying: DecodingKey,
    /// Older keys are published until the last token that they signed has ended.
    until: Option<Timestamp>,
}

/// What the state keeps of keys besides the one that signs.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ring {
    /// When the signing key came into use, if it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// The secret of what is sealed, when it is no longer derived from the signing key. Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    old: Vec<OldKey>,
    #[serde(skip_serializing_if = "is_zero")]
    rotations: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct OldKey {
    /// PKCS#8, base64.
    key: String,
    until: Timestamp,
}

impl Ring {
    pub fn is_empty(&self) -> bool {
        self.since.is_none() && self.old.is_empty()
    }

    /// Whether the key that signs has been in use for long: Entra changes its keys every few weeks.
    pub fn is_old(&mut self, now: Timestamp) -> bool {
        // A new cloud's first key is as old as the first look at it.
        plus(*self.since.get_or_insert(now), days(AGE)) <= now
    }
}

/// Days that a key signs.
const AGE: i64 = 42;
/// Days that an older key is published: longer than any token of it lives.
const FAREWELL: i64 = 2;

/// A token is shown with every request of a batch, and verified once. Bounded: the oldest are forgotten.
#[derive(Default)]
struct Verified {
    claims: HashMap<[u8; 32], Arc<Value>>,
    order: VecDeque<[u8; 32]>,
}

/// Three tokens each for some thousand tenants.
const VERIFIED: usize = 20_000;

impl Verified {
    fn add(&mut self, hash: [u8; 32], claims: Arc<Value>) {
        if self.order.len() >= VERIFIED
            && let Some(oldest) = self.order.pop_front()
        {
            self.claims.remove(&oldest);
        }
        if self.claims.insert(hash, claims).is_none() {
            self.order.push_back(hash);
        }
    }
}

/// What a refresh token says; it is bound to user and client, not to tenant or resource.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Refresh {
    pub user: String,
    pub client: String,
    pub issued: i64,
    pub serial: u64,
    /// The user's tenant, when it is not the partner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// Whether the sign-in had a second factor; `None`: as the user is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa: Option<bool>,
    /// Issued to a client without credentials.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// Issued to a single-page app: it ends a day after the sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spa_since: Option<i64>,
    /// The scopes that were asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// A new RSA key as base64 of its PKCS#8 form: of the machine's randomness, or of a seed, the same each time.
pub fn generate(seed: Option<u64>) -> Result<String, SandboxError> {
    if let Some(seed) = seed {
        return seeded_key(seed, 0);
    }
    // Finding primes takes a while in a build without optimisation; the unit tests share one key.
    #[cfg(test)]
    {
        static SHARED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        if let Some(key) = SHARED.get() {
            return Ok(key.clone());
        }
        let key = new_key()?;
        Ok(SHARED.get_or_init(|| key).clone())
    }
    #[cfg(not(test))]
    new_key()
}

fn new_key() -> Result<String, SandboxError> {
    let broken = |_| SandboxError::Keys("no RSA key could be made".to_owned());
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(broken)?;
    let der: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().map_err(broken)?;
    Ok(ids::b64(der.as_ref()))
}

/// The n-th key of a seed. Anybody who knows the seed knows the key: it is for clouds that stand still, so that two runs
/// give equal bytes.
fn seeded_key(seed: u64, n: u64) -> Result<String, SandboxError> {
    use rand_chacha::rand_core::SeedableRng as _;
    use rsa::pkcs8::EncodePrivateKey as _;
    let broken = || SandboxError::Keys("no RSA key could be made".to_owned());
    let mut random = rand_chacha::ChaCha20Rng::from_seed(Sha256::digest(format!("signing key {seed} {n}")).into());
    let key = rsa::PrivateKey::new(&mut random, 2048).map_err(|_| broken())?;
    Ok(ids::b64(key.to_pkcs8_der().map_err(|_| broken())?.as_bytes()))
}

/// Another key signs from now on. What was sealed stays good, and what the old key signed until it ends.
pub fn rotate(
    signing_key: &mut String,
    ring: &mut Ring,
    seed: Option<u64>,
    now: Timestamp,
) -> Result<Keys, SandboxError> {
    ring.rotations += 1;
    let new = seed.map_or_else(new_key, |seed| seeded_key(seed, ring.rotations))?;
    let secret = open_secret(signing_key, ring)?;
    ring.secret = Some(ids::b64(&secret));
    ring.old.retain(|k| k.until > now);
    ring.old.insert(0, OldKey { key: std::mem::replace(signing_key, new), until: plus(now, days(FAREWELL)) });
    ring.since = Some(now);
    Keys::open(signing_key, ring)
}

fn open_secret(signing_key: &str, ring: &Ring) -> Result<[u8; 32], SandboxError> {
    let broken = || SandboxError::Keys("not base64".to_owned());
    match &ring.secret {
        None => Ok(Sha256::digest(ids::unb64(signing_key).ok_or_else(broken)?).into()),
        Some(secret) => ids::unb64(secret).and_then(|s| s.try_into().ok()).ok_or_else(broken),
    }
}

fn open_pair(pkcs8: &str) -> Result<(KeyPair, Public), SandboxError> {
    let der = ids::unb64(pkcs8).ok_or_else(|| SandboxError::Keys("not base64".to_owned()))?;
    let pair = KeyPair::from_pkcs8(&der).map_err(|e| SandboxError::Keys(e.to_string()))?;
    let public = pair.public_key();
    let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
    let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
    let certificate = certificate(&der).map_err(|e| SandboxError::Keys(e.to_string()))?;
    // Entra names a key by the thumbprint of its certificate.
    let kid = ids::b64(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate).as_ref());
    let verifying = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
    Ok((pair, Public { kid, modulus, exponent, certificate, verifying, until: None }))
}

/// The same bytes for the same key: all that goes into it is fixed.
fn certificate(pkcs8: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(pkcs8);
    let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256)?;
    let mut params = rcgen::CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "accounts.accesscontrol.windows.net");
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(2045, 1, 1);
    Ok(params.self_signed(&key)?.der().to_vec())
}

impl Keys {
    pub fn open(signing_key: &str, ring: &Ring) -> Result<Keys, SandboxError> {
        let (signing, first) = open_pair(signing_key)?;
        let mut public = vec![first];
        for old in &ring.old {
            let (_, key) = open_pair(&old.key)?;
            public.push(Public { until: Some(old.until), ..key });
        }
        let secret = open_secret(signing_key, ring)?;
        Ok(Keys { signing, public, verified: Mutex::default(), secret })
    }

    /// Those that a token of today may be signed with.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &Public> {
        self.public.iter().filter(move |k| k.until.is_none_or(|until| until > now))
    }

    pub fn sign(&self, claims: &Value) -> Result<String, String> {
        let kid = self.public.first().map_or("", |k| k.kid.as_str());
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": kid, "x5t": kid });
        let message =
            format!("{}.{}", ids::b64(header.to_string().as_bytes()), ids::b64(claims.to_string().as_bytes()));
        let mut signature = vec![0; self.signing.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signed = self.signing.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature);
        signed.map_err(|_| "no token could be signed".to_owned())?;
        Ok(format!("{message}.{}", ids::b64(&signature)))
    }

    /// The claims of a token we signed. Times and audience are the caller's business: they go by the virtual clock.
    pub fn verify(&self, token: &str) -> Option<Arc<Value>> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let known = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = known().claims.get(&hash) {
            return Some(claims.clone());
        }
        let claims = Arc::new(self.check(token)?);
        known().add(hash, claims.clone());
        Some(claims)
    }

    fn check(&self, token: &str) -> Option<Value> {
        let (message, signature) = token.rsplit_once('.')?;
        let (head, payload) = message.split_once('.')?;
        let header: Value = serde_json::from_slice(&ids::unb64(head)?).ok()?;
        let key = self.public.iter().find(|k| header.get("kid").and_then(Value::as_str) == Some(&k.kid))?;
        let good =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.verifying, Algorithm::RS256).ok()?;
        if !good {
            return None;
        }
        serde_json::from_slice(&ids::unb64(payload)?).ok()
    }

    /// A value that only we can have made, of one kind: nothing of it is secret but its being genuine.
    pub fn seal<T: Serialize>(&self, kind: Kind, value: &T) -> String {
        let body = ids::b64(serde_json::to_string(value).unwrap_or_default().as_bytes());
        format!("{}{body}.{}", kind.prefix(), ids::b64(&self.mac(&kind.signed(&body))))
    }

    pub fn unseal<T: DeserializeOwned>(&self, kind: Kind, token: &str) -> Option<T> {
        let (body, mac) = token.strip_prefix(kind.prefix())?.split_once('.')?;
        if ids::unb64(mac)? != self.mac(&kind.signed(body)) {
            return None;
        }
        serde_json::from_slice(&ids::unb64(body)?).ok()
    }

    /// A secret that belongs to a text: always the same one.
    pub fn secret_of(&self, text: &str) -> String {
        format!("cnry-{}", ids::b64(&self.mac(&format!("secret.{text}"))))
    }

    fn mac(&self, body: &str) -> Vec<u8> {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.secret);
        aws_lc_rs::hmac::sign(&key, body.as_bytes()).as_ref().to_vec()
    }
}

/// What a sealed value is: one kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Refresh,
    Code,
    /// How far a sign-in on the pages has come.
    Flow,
    /// A browser in which somebody is signed in.
    Session,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Kind::Refresh => "cnry-1.",
            Kind::Code => "cnry-2.",
            Kind::Flow => "cnry-3.",
            Kind::Session => "cnry-4.",
        }
    }

    fn signed(self, body: &str) -> String {
        match self {
            Kind::Refresh => body.to_owned(),
            _ => format!("{}{body}", self.prefix()),
        }
    }
}

pub fn standard_b64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn from_standard_b64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(packed).ok()
}
