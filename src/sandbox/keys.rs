//! The key that signs access tokens and the refresh tokens that carry their own facts.
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::SandboxError;
use super::ids;

pub struct Keys {
    signing: EncodingKey,
    verifying: DecodingKey,
    pub kid: String,
    pub modulus: Vec<u8>,
    pub exponent: Vec<u8>,
    /// Keyed hash for refresh tokens, derived from the signing key.
    secret: [u8; 32],
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
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", standard_b64(&der));
        let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|e| SandboxError::Keys(e.to_string()))?;
        Ok(Keys {
            signing,
            verifying: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
            kid: ids::b64(&Sha256::digest(&modulus)[..20]),
            modulus,
            exponent,
            secret: Sha256::digest(&der).into(),
        })
    }

    pub fn sign(&self, claims: &Value) -> Result<String, String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        header.x5t = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing).map_err(|e| e.to_string())
    }

    /// The claims of a token we signed. Times and audience are the caller's business: they go by the virtual clock.
    pub fn verify(&self, token: &str) -> Option<Value> {
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
