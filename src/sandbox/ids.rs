//! Identifiers as hashes of seed, natural key and ordinal: the same history gives the same ids.
use sha2::{Digest, Sha256};

fn digest(seed: u64, parts: &[&str], ordinal: u64) -> [u8; 32] {
    let mut h = Sha256::new();
    h.update(seed.to_be_bytes());
    for p in parts {
        h.update((p.len() as u64).to_be_bytes());
        h.update(p.as_bytes());
    }
    h.update(ordinal.to_be_bytes());
    h.finalize().into()
}

/// A GUID of version 4's form.
pub fn guid(seed: u64, parts: &[&str], ordinal: u64) -> String {
    let d = digest(seed, parts, ordinal);
    let mut b = [0u8; 16];
    b.copy_from_slice(&d[..16]);
    uuid::Builder::from_random_bytes(b).into_uuid().to_string()
}

/// The first ordinal whose GUID nobody holds or has held.
pub fn fresh(seed: u64, parts: &[&str], taken: impl Fn(&str) -> bool) -> String {
    let mut n = 0;
    loop {
        let id = guid(seed, parts, n);
        if !taken(&id) {
            return id;
        }
        n += 1;
    }
}

/// An opaque base64url id, as app-role assignments and delegated grants have.
pub fn opaque(seed: u64, parts: &[&str], taken: impl Fn(&str) -> bool) -> String {
    let mut n = 0;
    loop {
        let id = b64(&digest(seed, parts, n));
        if !taken(&id) {
            return id;
        }
        n += 1;
    }
}

pub fn b64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub fn unb64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Only hashes of secrets are kept.
pub fn secret_hash(secret: &str) -> String {
    b64(&Sha256::digest(secret.as_bytes()))
}

pub fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}
