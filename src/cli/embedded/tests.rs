use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first")
}

fn inputs() -> (Inputs, Secrets) {
    let profiles: Vec<(&str, i64)> = crate::catalog::profiles::known().collect();
    let inputs = crate::source::load(&[example()], &profiles).unwrap();
    let secrets = Secrets::new(None, inputs.secrets.clone()).with_environment(|_| None);
    (inputs, secrets)
}

#[test]
fn a_world_lies_in_the_folder_or_beside_the_file() {
    let world = example().join(".sandbox/world.yaml");
    assert_eq!(beside(&[example()]), Some(world.clone()));
    assert_eq!(beside(&[example().join("partner.yaml")]), Some(world));
    assert_eq!(beside(&["-".into()]), None);
    assert_eq!(beside(&[]), None);
}

#[test]
fn a_derived_world_can_do_what_the_examples_own_world_can() {
    let (inputs, secrets) = inputs();
    let derived = world::derive(&inputs, &secrets).unwrap();
    let own = read(&example().join(WORLD)).unwrap();
    assert_eq!(derived.partner.tenant_id, own.partner.tenant_id);
    assert_eq!(derived.partner.users[0].refresh_tokens[0].value, own.partner.users[0].refresh_tokens[0].value);
    let (ours, theirs) = (&derived.partner.apps[0], &own.partner.apps[0]);
    assert_eq!((&ours.client_id, &ours.secrets[0].value), (&theirs.client_id, &theirs.secrets[0].value));
    let set = |app: &crate::sandbox::world::AppFile| -> BTreeSet<String> {
        app.application.values().flatten().cloned().collect()
    };
    assert_eq!(set(ours), set(theirs));
    assert_eq!(derived.customers[0].domain, "contoso.com");
}

#[test]
fn a_secret_that_is_nowhere_is_named() {
    let (inputs, _) = inputs();
    let none = Secrets::new(None, vec![]).with_environment(|_| None);
    let failure = world::derive(&inputs, &none).unwrap_err();
    let all = failure.diagnostics();
    assert!(all.len() == 2 && all[0].summary.contains("tenantry-manager"), "{all:?}");
}

#[tokio::test]
async fn sleeping_moves_the_clouds_clock_and_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let (inputs, secrets) = inputs();
    let embedded = Embedded::of(&state, &[example()], &inputs, &secrets).await.unwrap();
    let control = embedded.control().unwrap();
    let now =
        async || -> jiff::Timestamp { control.get("clock").await.unwrap()["now"].as_str().unwrap().parse().unwrap() };
    let before = now().await;
    VirtualSleep(control.clone()).sleep(Duration::from_secs(7_200)).await;
    let gone = now().await.as_second() - before.as_second();
    assert!((7_200..7_300).contains(&gone), "{gone}");
    assert!(
        matches!(Embedded::open(&state, None, 1).await, Ok(other) if !other.is_ours() && other.url() == embedded.url())
    );
    embedded.stop().await;
}
