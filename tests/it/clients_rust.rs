//! Microsoft's own Rust client, `azure_identity`, signs in to the sandbox.

use std::pin::Pin;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientMethodOptions, ClientOptions, Transport};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::cmd::Dir;
use crate::support::foreign::{CLIENT, PAIR, SECRET, TENANT, cloud};
use crate::support::server::{CA, Server, runtime};

const SCOPE: &str = "https://graph.microsoft.com/.default";

/// The sandbox as a cloud of its own, and its CA as the only one.
fn options(dir: &Dir, server: &Server) -> ClientOptions {
    let ca = reqwest::Certificate::from_pem(dir.read(CA).as_bytes()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
    let mut custom = CustomConfiguration::default();
    custom.authority_host.clone_from(&server.url);
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::from(custom))),
        transport: Some(Transport::new(Arc::new(http))),
        ..ClientOptions::default()
    }
}

fn token(credential: &dyn TokenCredential) -> azure_core::Result<String> {
    runtime().block_on(credential.get_token(&[SCOPE], None)).map(|token| token.token.secret().to_owned())
}

fn tells_who_asks(server: &Server, token: &str) {
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap();
    assert_eq!((&claims["tid"], &claims["appid"]), (&json!(TENANT), &json!(CLIENT)));
    let bearer = format!("Bearer {token}");
    let found = server.send("GET", "/v1.0/organization", &[("authorization", &bearer)], &Value::Null);
    assert_eq!((found.status, &found.body["value"][0]["id"]), (200, &json!(TENANT)), "{}", found.text);
}

#[test]
fn azure_identity_signs_in_by_secret() {
    let dir = Dir::new();
    let server = cloud(&dir, &[]);
    let with = |secret: &str| {
        let options = ClientSecretCredentialOptions { client_options: options(&dir, &server) };
        ClientSecretCredential::new(TENANT, CLIENT.to_owned(), Secret::new(secret.to_owned()), Some(options)).unwrap()
    };
    tells_who_asks(&server, &token(&*with(SECRET)).unwrap());
    let refused = token(&*with("wrong")).unwrap_err().to_string();
    assert!(refused.contains("AADSTS7000215"), "{refused}");
}

/// An assertion that is signed with the certificate's key.
#[derive(Debug)]
struct Signed {
    audience: String,
}

// As the crate's async trait is written out.
impl ClientAssertion for Signed {
    fn secret<'me, 'options, 'future>(
        &'me self,
        _: Option<ClientMethodOptions<'options>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<String>> + Send + 'future>>
    where
        'me: 'future,
        'options: 'future,
        Self: 'future,
    {
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "aud": self.audience, "iss": CLIENT, "sub": CLIENT, "jti": now.to_string(),
            "nbf": now, "iat": now, "exp": now + 300,
        });
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(BASE64.encode(Sha256::digest(&PAIR.der)));
        let key = EncodingKey::from_rsa_pem(PAIR.key.as_bytes()).unwrap();
        let assertion = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        Box::pin(std::future::ready(Ok(assertion)))
    }
}

#[test]
fn azure_identity_signs_in_by_an_assertion_of_its_certificate() {
    let dir = Dir::new();
    let server = cloud(&dir, &[]);
    let with = |audience: String| {
        let options = ClientAssertionCredentialOptions { client_options: options(&dir, &server) };
        ClientAssertionCredential::new(TENANT.to_owned(), CLIENT.to_owned(), Signed { audience }, Some(options))
            .unwrap()
    };
    tells_who_asks(&server, &token(&*with(format!("{}/{TENANT}/oauth2/v2.0/token", server.url))).unwrap());
    assert!(token(&*with("https://elsewhere.example".to_owned())).is_err());
}
