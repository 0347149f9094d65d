//! Client assertions: the public key of a registered certificate verifies the caller's JWT.
//! Entra: certificate credentials.
use aws_lc_rs::digest;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls_pki_types::CertificateDer;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Refusal, refuse};
use crate::sandbox::behaviour::tokens;
use crate::sandbox::ids;
use crate::sandbox::keys::from_standard_b64;
use crate::sandbox::state::{Application, State};

/// SubjectPublicKeyInfo of a DER certificate.
pub fn public_key(der: &[u8]) -> Option<Vec<u8>> {
    let der = CertificateDer::from_slice(der);
    let cert = webpki::EndEntityCert::try_from(&der).ok()?;
    Some(cert.subject_public_key_info().to_vec())
}

fn sha1(der: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec()
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&ids::unb64(text)?).ok()
}

/// A JSON web token, taken apart and not yet believed.
pub struct Jwt<'a> {
    pub header: Value,
    pub claims: Value,
    pub message: &'a str,
    pub signature: &'a str,
    pub text: &'a str,
}

impl Jwt<'_> {
    pub fn read(text: &str) -> Option<Jwt<'_>> {
        let (message, signature) = text.rsplit_once('.')?;
        let (head, body) = message.split_once('.')?;
        // azure-identity for Python pads; what is signed has its padding too.
        let signature = signature.trim_end_matches('=');
        Some(Jwt { header: part(head)?, claims: part(body)?, message, signature, text })
    }

    pub fn header(&self, name: &str) -> &str {
        self.header.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn claim(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// One audience or several.
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Good when it is valid by the caller's wall clock or by the cloud's own.
    #[expect(clippy::disallowed_methods, reason = "an assertion may be timed by the caller's wall clock")]
    pub fn is_timely(&self, now: Timestamp) -> bool {
        let time = |k: &str| self.claims.get(k).and_then(Value::as_i64);
        let valid_at = |t: i64| {
            time("exp").is_some_and(|e| e > t - 300 && e <= t + 86_400 + 300)
                && time("nbf").is_none_or(|n| n <= t + 300)
        };
        valid_at(now.as_second()) || valid_at(Timestamp::now().as_second())
    }
}

pub fn malformed() -> Refusal {
    refuse(50_027, "invalid_client", "JWT token is invalid or malformed.")
}

/// Whether the JWT was signed by one of the app's certificates and speaks for this client and tenant.
pub fn check(
    state: &State,
    app: &Application,
    jwt: &Jwt,
    tenant: &str,
    tenant_names: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    let algorithm = match jwt.header("alg") {
        "PS256" => Algorithm::PS256,
        "RS256" => Algorithm::RS256,
        other => {
            return Err(refuse(
                5_002_723,
                "invalid_client",
                format!("The signing algorithm '{other}' of the client assertion is not supported."),
            ));
        }
    };
    let unknown = || {
        refuse(
            700_027,
            "invalid_client",
            "The certificate with identifier used to sign the client assertion is not registered on application, or the signature is not valid.",
        )
    };
    // MSAL for Go writes a thumbprint in the alphabet that is not for addresses.
    let named = ["x5t#S256", "x5t", "kid"].map(|n| jwt.header(n).replace('+', "-").replace('/', "_"));
    let matches = |der: &[u8]| {
        let hashes = [ids::b64(&Sha256::digest(der)), ids::b64(&sha1(der))];
        let hex: String = sha1(der).iter().map(|b| format!("{b:02X}")).collect();
        named.iter().any(|n| {
            !n.is_empty() && (hashes.iter().any(|h| *h == n.trim_end_matches('=')) || n.eq_ignore_ascii_case(&hex))
        })
    };
    let hit = app
        .certificates
        .iter()
        .filter(|c| c.usage == "Verify" && tokens::knows_certificate(state, &app.app_id, &c.key_id))
        .find_map(|c| from_standard_b64(&c.der).filter(|d| matches(d)).map(|d| (c, d)));
    let (certificate, der) = hit.ok_or_else(unknown)?;
    let key = DecodingKey::from_rsa_der(&public_key(&der).ok_or_else(unknown)?);
    if !jsonwebtoken::crypto::verify(jwt.signature, jwt.message.as_bytes(), &key, algorithm).unwrap_or(false) {
        return Err(unknown());
    }
    if certificate.end <= now {
        return Err(refuse(
            1_000_502,
            "invalid_client",
            "The provided certificate is not within its specified validity window.",
        ));
    }
    let app_id = &app.app_id;
    if !jwt.claim("iss").eq_ignore_ascii_case(app_id) || !jwt.claim("sub").eq_ignore_ascii_case(app_id) {
        return Err(refuse(
            700_021,
            "invalid_client",
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        ));
    }
    check_audience(jwt, tenant, tenant_names)?;
    if !jwt.is_timely(now) {
        return Err(refuse(700_024, "invalid_client", "Client assertion is not within its valid time range."));
    }
    Ok(())
}

/// `aud` is the tenant's token endpoint, on Microsoft's host or on this one.
fn check_audience(jwt: &Jwt, tenant: &str, names: &[String]) -> Result<(), Refusal> {
    let wrong = || refuse(700_023, "invalid_client", "Client assertion audience claim does not match Realm issuer.");
    let good = |aud: &&str| {
        let Some((_, rest)) = aud.split_once("://") else { return false };
        let Some((_, path)) = rest.split_once('/') else { return false };
        let mut segments = path.trim_end_matches('/').splitn(2, '/');
        let whose = segments.next().unwrap_or_default();
        let endpoint = segments.next().unwrap_or_default();
        (whose.eq_ignore_ascii_case(tenant) || names.iter().any(|n| n.eq_ignore_ascii_case(whose)))
            && ["oauth2/v2.0/token", "oauth2/token", "v2.0", ""].contains(&endpoint)
    };
    if jwt.audiences().iter().any(good) { Ok(()) } else { Err(wrong()) }
}
