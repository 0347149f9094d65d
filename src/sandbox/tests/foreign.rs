//! What programs of others ask that Microsoft's documentation does not lead one to expect.
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::signer::Signer;
use super::sts::by_assertion;
use super::support::{Cloud, MANAGER, PARTNER};
use crate::sandbox::keys::standard_b64;
use crate::sandbox::world::CertificateFile;

const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";

#[tokio::test]
async fn what_only_beta_has_can_be_asked_for_there_and_nowhere_else() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let at = format!("servicePrincipals(appId='{GRAPH_APP}')?$select=samlMetadataUrl");
    let found = api.get(&format!("/beta/{at}")).await.is(200).body;
    assert!(found["samlMetadataUrl"].is_null() && found.get("samlMetadataUrl").is_some(), "{found}");
    assert!(found.get("appId").is_none(), "{found}");
    let both = api.get(&format!("/beta/{at},appId")).await.is(200).body;
    assert_eq!(both["appId"], GRAPH_APP);
    api.get(&format!("/v1.0/{at}")).await.is(400);
}

/// Claims of an assertion, as everybody makes them.
fn claims() -> Value {
    let now = jiff::Timestamp::now().as_second();
    let aud = format!("https://login.microsoftonline.com/{PARTNER}/oauth2/v2.0/token");
    json!({ "aud": aud, "iss": MANAGER, "sub": MANAGER, "jti": "1", "nbf": now, "iat": now, "exp": now + 300 })
}

#[tokio::test]
async fn thumbprints_and_signatures_count_in_either_alphabet_and_with_padding() {
    let mut signer = Signer::new();
    // Until both letters are in it that the alphabets differ in.
    let thumbprint = (0..=255)
        .find_map(|last| {
            *signer.der.last_mut().unwrap() = last;
            Some(standard_b64(&Sha256::digest(&signer.der))).filter(|t| t.contains('+') && t.contains('/'))
        })
        .unwrap();
    let pem = signer.pem();
    let cloud = Cloud::with(|world| {
        world.partner.apps[0].certificates.push(CertificateFile { pem, name: None, expires_in: None });
    })
    .await;
    let mut header = Header::new(Algorithm::PS256);
    header.x5t_s256 = Some(thumbprint);
    let assertion = jsonwebtoken::encode(&header, &claims(), &signer.key).unwrap();
    by_assertion(&cloud, &assertion).await.is(200);
    by_assertion(&cloud, &format!("{assertion}==")).await.is(200);
}
