//! How the managing app and the service account prove that they are themselves.

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};

use crate::support::msp::{Msp, condition, object};

#[test]
fn a_managing_app_with_a_certificate_signs_its_assertions() {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(vec!["tenantry".into()]).unwrap().self_signed(&key).unwrap();
    let indented = certificate.pem().replace('\n', "\n            ");
    let secret =
        "      secrets:\n        - { name: bootstrap, value: \"cnry-example-client-secret\", expiresIn: 365d }\n";
    let msp = Msp::new()
        .with(
            ".sandbox/world.yaml",
            secret,
            &format!("      certificates:\n        - pem: |\n            {indented}\n"),
        )
        .with("partner.yaml", "type: ClientSecret", "type: Certificate")
        .with(
            "partner.yaml",
            "clientSecret:\n        secretRef: { name: tenantry-manager, key: clientSecret }",
            CERTIFICATE,
        );
    // Certificate and key in one PEM, where secrets are read from.
    msp.dir.write(".tenantry/secrets/tenantry-manager/pem", certificate.pem() + &key.serialize_pem());
    msp.apply().code(3);
    let status = msp.status();
    assert_eq!(condition(object(&status, "partners", "northwind"), "AppOnlyReady"), "True/Ready");
}

const CERTIFICATE: &str = "certificate: { secretRef: { name: tenantry-manager, key: pem } }";

#[test]
fn the_newest_refresh_token_is_kept_and_the_seed_is_needed_only_once() {
    let msp = Msp::onboarded();
    let kept = msp.dir.read(".tenantry/secrets/tenantry-state/refreshToken");
    assert!(kept.starts_with("cnry-") && kept != "cnry-example-refresh-token");
    let msp = msp.with("secrets.yaml", "  refreshToken: cnry-example-refresh-token\n", "");
    assert_eq!(msp.plan()["changes"], serde_json::json!([]));
    // Once a day is often enough: the same day it is not stored again.
    assert_eq!(msp.dir.read(".tenantry/secrets/tenantry-state/refreshToken"), kept);
    msp.advance("25h");
    msp.plan();
    assert_ne!(msp.dir.read(".tenantry/secrets/tenantry-state/refreshToken"), kept);
}

#[test]
fn a_service_account_that_is_used_once_in_eighty_days_stays_signed_in() {
    let msp = Msp::onboarded();
    for _ in 0..3 {
        msp.advance("1920h");
        msp.run("plan", &[]).ok();
    }
    msp.advance("2400h");
    let run = msp.run("plan", &[]);
    run.code(1);
    assert!(run.stderr.contains("AADSTS700082") || run.stdout.contains("AADSTS700082"), "{run}");
}

#[test]
fn an_expired_app_secret_is_replaced_and_works_within_the_same_apply() {
    let msp = Msp::onboarded();
    msp.drift("expire-secret", serde_json::json!({"app": "Northwind – Rallied Integration", "name": "production#1"}));
    let status = msp.status();
    assert_eq!(condition(object(&status, "apps", "rallied"), "SecretValid"), "False/Expired");
    assert_eq!(condition(object(&status, "tenants", "contoso"), "Propagated"), "True/Elapsed", "no delay is blamed");
    assert_eq!(crate::support::msp::addresses(&msp.plan()), ["PartnerApp/rallied:credential/production"]);
    msp.apply().ok();
    assert_eq!(object(&msp.status(), "tenants", "contoso")["ready"], true);
    assert_eq!(msp.plan()["changes"], serde_json::json!([]));
}

#[test]
fn a_new_seed_wins_over_what_is_kept_of_the_old_one() {
    let one = "        - { app: Tenantry Manager, value: \"cnry-example-refresh-token\" }\n";
    let two = format!("{one}        - {{ app: Tenantry Manager, value: \"cnry-another-refresh-token\" }}\n");
    let msp = Msp::new().with(".sandbox/world.yaml", one, &two);
    msp.onboard();
    let kept = msp.dir.read(".tenantry/secrets/tenantry-state/refreshToken");
    let msp = msp.with("secrets.yaml", "cnry-example-refresh-token", "cnry-another-refresh-token");
    assert_eq!(msp.plan()["changes"], serde_json::json!([]));
    assert_ne!(msp.dir.read(".tenantry/secrets/tenantry-state/refreshToken"), kept, "it is kept the same day");
}
