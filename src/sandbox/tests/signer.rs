//! Somebody with a key and a certificate.
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::support::*;
use crate::sandbox::ids;
use crate::sandbox::keys::standard_b64;

/// DER: tag, length, content.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let mut out = vec![tag];
    match n {
        0..=127 => out.push(n as u8),
        128..=255 => out.extend([0x81, n as u8]),
        _ => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(content);
    out
}

/// A certificate around a public key; nobody looks at its signature.
fn certificate(spki: &[u8]) -> Vec<u8> {
    let sha256_rsa = tlv(0x30, &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00]);
    let validity = tlv(0x30, &[tlv(0x17, b"260101000000Z"), tlv(0x17, b"360101000000Z")].concat());
    let name = tlv(0x30, &[]);
    let parts = [tlv(0xa0, &[2, 1, 2]), vec![2, 1, 1], sha256_rsa.clone(), name.clone(), validity, name, spki.to_vec()];
    tlv(0x30, &[tlv(0x30, &parts.concat()), sha256_rsa, tlv(0x03, &[0, 1, 2, 3])].concat())
}

pub struct Signer {
    pub key: EncodingKey,
    pub der: Vec<u8>,
    modulus: Vec<u8>,
}

impl Signer {
    pub fn new() -> Signer {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().unwrap();
        let spki: aws_lc_rs::encoding::PublicKeyX509Der = pair.public_key().as_der().unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", standard_b64(pkcs8.as_ref()));
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        Signer { key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), der: certificate(spki.as_ref()), modulus }
    }

    /// As an issuer publishes it.
    pub fn jwks(&self, kid: &str) -> Value {
        json!({ "keys": [{ "kty": "RSA", "use": "sig", "kid": kid, "n": ids::b64(&self.modulus), "e": "AQAB" }] })
    }

    pub fn pem(&self) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", standard_b64(&self.der))
    }

    pub fn assertion(&self, algorithm: Algorithm, change: impl FnOnce(&mut Value)) -> String {
        let now = jiff::Timestamp::now().as_second();
        let aud = format!("https://login.microsoftonline.com/{PARTNER}/oauth2/v2.0/token");
        let mut claims =
            json!({ "aud": aud, "iss": MANAGER, "sub": MANAGER, "jti": "1", "nbf": now, "iat": now, "exp": now + 300 });
        change(&mut claims);
        let mut header = Header::new(algorithm);
        header.x5t_s256 = Some(ids::b64(&Sha256::digest(&self.der)));
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}
