//! The key that signs access tokens and the refresh tokens that carry their own facts.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::SandboxError;
use super::ids;

pub struct Keys {
    /// Opened once: reading a key costs more than signing with it.
    signing: KeyPair,
    verifying: DecodingKey,
    /// Claims of tokens whose signatures were good, by the hash of the whole token.
    verified: Mutex<Verified>,
    pub kid: String,
    pub modulus: Vec<u8>,
    pub exponent: Vec<u8>,
    /// Keyed hash for refresh tokens, derived from the signing key.
    secret: [u8; 32],
}

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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refresh {
    pub user: String,
    pub client: String,
    pub issued: i64,
    pub serial: u64,
}

/// A new RSA key as base64 of its PKCS#8 form.
pub fn generate() -> Result<String, SandboxError> {
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

impl Keys {
    pub fn open(pkcs8: &str) -> Result<Keys, SandboxError> {
        let der = ids::unb64(pkcs8).ok_or_else(|| SandboxError::Keys("not base64".to_owned()))?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|e| SandboxError::Keys(e.to_string()))?;
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        Ok(Keys {
            signing: pair,
            verified: Mutex::default(),
            verifying: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
            kid: ids::b64(&Sha256::digest(&modulus)[..20]),
            modulus,
            exponent,
            secret: Sha256::digest(&der).into(),
        })
    }

    pub fn sign(&self, claims: &Value) -> Result<String, String> {
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": self.kid, "x5t": self.kid });
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
        let (_, payload) = message.split_once('.')?;
        let good =
            jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.verifying, Algorithm::RS256).ok()?;
        if !good {
            return None;
        }
        serde_json::from_slice(&ids::unb64(payload)?).ok()
    }

    pub fn seal(&self, refresh: &Refresh) -> String {
        let body = ids::b64(serde_json::to_string(refresh).unwrap_or_default().as_bytes());
        format!("cnry-1.{body}.{}", ids::b64(&self.mac(&body)))
    }

    pub fn unseal(&self, token: &str) -> Option<Refresh> {
        let (body, mac) = token.strip_prefix("cnry-1.")?.split_once('.')?;
        if ids::unb64(mac)? != self.mac(body) {
            return None;
        }
        serde_json::from_slice(&ids::unb64(body)?).ok()
    }

    fn mac(&self, body: &str) -> Vec<u8> {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.secret);
        aws_lc_rs::hmac::sign(&key, body.as_bytes()).as_ref().to_vec()
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
