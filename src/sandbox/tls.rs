//! The certificate of a cloud that is served with TLS: a CA of its own, kept beside the state.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::error::SandboxError;
use super::store::{beside, replace};

/// What clients trust.
pub fn ca_file(state: &Path) -> PathBuf {
    beside(state, ".ca.pem")
}

/// The CA's key and certificate, for its owner alone.
pub fn key_file(state: &Path) -> PathBuf {
    beside(state, ".tls.pem")
}

/// TLS for this host and for loopback. The CA is made once; the server's own certificate is made at every start,
/// so that it names the host of this one.
pub fn open(state: &Path, host: &str) -> Result<TlsAcceptor, SandboxError> {
    let path = key_file(state);
    let unusable = |reason: String| SandboxError::Tls { path: path.clone(), reason };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let made = new_ca().map_err(|e| unusable(e.to_string()))?;
            replace(&path, made.as_bytes())?;
            made
        }
        Err(source) => return Err(SandboxError::Io { what: "read", path, source }),
    };
    let parts = text.find("-----BEGIN PRIVATE KEY-----").map(|at| text.split_at(at));
    let (ca, key) = parts.ok_or_else(|| unusable("it has no private key in PEM".to_owned()))?;
    // Clients have copies of the certificate: it is put back as it was, not made anew.
    if std::fs::read_to_string(ca_file(state)).ok().as_deref() != Some(ca) {
        replace(&ca_file(state), ca.as_bytes())?;
    }
    let key = KeyPair::from_pem(key).map_err(|e| unusable(e.to_string()))?;
    server(key, host).map_err(unusable)
}

/// Certificate and private key in PEM.
fn new_ca() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = ca_params()?.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

/// The same name with every start: with the key it is what a certificate is chained to.
fn ca_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Tenantry sandbox");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    last(&mut params, 10);
    Ok(params)
}

fn server(ca: KeyPair, host: &str) -> Result<TlsAcceptor, String> {
    let text = |e: rcgen::Error| e.to_string();
    let mut names: Vec<String> = ["127.0.0.1", "::1", "localhost"].map(str::to_owned).into();
    if !names.iter().any(|n| n == host) {
        names.push(host.to_owned());
    }
    let mut params = CertificateParams::new(names).map_err(text)?;
    params.distinguished_name.push(DnType::CommonName, "Tenantry sandbox server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    last(&mut params, 2);
    let key = KeyPair::generate().map_err(text)?;
    let certificate = params.signed_by(&key, &Issuer::new(ca_params().map_err(text)?, ca)).map_err(text)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = config.map_err(|e| e.to_string())?.with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate.der().clone()], key).map_err(|e| e.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Valid from the first of last month, for clocks that are late, and for some years.
#[expect(clippy::disallowed_methods, reason = "certificates are judged by the wall clocks of clients")]
fn last(params: &mut CertificateParams, years: i16) {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = today.first_of_month();
    let from = first.checked_sub(jiff::Span::new().months(1)).unwrap_or(first);
    let date = |d: Date, years: i16| rcgen::date_time_ymd((d.year() + years).into(), d.month().unsigned_abs(), 1);
    params.not_before = date(from, 0);
    params.not_after = date(first, years);
}
