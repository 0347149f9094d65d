use std::collections::BTreeMap;
use std::fs;

use super::super::secrets::*;
use super::*;

fn documents(text: &str) -> Vec<SecretDocument> {
    load_texts(&[text, PARTNER]).unwrap().secrets
}

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: { name: tenantry-manager }
data: { clientSecret: Y25yeS1iYXNlNjQ=, both: eA== }
stringData: { refreshToken: cnry-plain, both: cnry-wins }
";

#[test]
fn documents_are_taken_as_secrets() {
    let documents = documents(SECRET);
    let values: BTreeMap<&str, &str> =
        documents[0].values.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
    let want = [("both", "cnry-wins"), ("clientSecret", "cnry-base64"), ("refreshToken", "cnry-plain")];
    assert_eq!(values, BTreeMap::from(want));
    assert!(!format!("{documents:?}").contains("cnry"), "{documents:?}");
    assert_eq!(format!("{} {0:?}", documents[0].values["both"]), "*** ***");
}

#[test]
fn the_folder_wins_then_the_environment_then_documents() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tenantry-manager")).unwrap();
    fs::write(folder.path().join("tenantry-manager/clientSecret"), "cnry-file\n").unwrap();
    let environment = |name: &str| match name {
        "TENANTRY_SECRET_TENANTRY_MANAGER_CLIENTSECRET" | "TENANTRY_SECRET_TENANTRY_MANAGER_BOTH" => {
            Some("cnry-env".into())
        }
        _ => None,
    };
    let secrets = Secrets::new(Some(folder.path().into()), documents(SECRET)).with_environment(environment);
    let get = |key| secrets.get("default", "tenantry-manager", key).map(|value| value.expose().to_string());
    assert_eq!(get("clientSecret").as_deref(), Ok("cnry-file"));
    assert_eq!(get("both").as_deref(), Ok("cnry-env"));
    assert_eq!(get("refreshToken").as_deref(), Ok("cnry-plain"));
    assert!(!format!("{secrets:?}").contains("cnry"));
}

#[test]
fn what_is_not_found_says_where_it_was_looked_for() {
    let told = |secrets: &Secrets, namespace, name| secrets.get(namespace, name, "key").unwrap_err().to_string();
    let secrets = Secrets::new(None, documents(SECRET)).with_environment(|_| None);
    insta::assert_snapshot!(told(&secrets, "default", "tenantry-manager"), @r"the secret `tenantry-manager` has no value for `key`; it was looked for in --secrets-dir (which is not given), the environment (TENANTRY_SECRET_TENANTRY_MANAGER_KEY), the Secret in 0.yaml:2:1");
    insta::assert_snapshot!(told(&secrets, "other", "tenantry-manager"), @r"the secret `tenantry-manager` has no value for `key`; it was looked for in --secrets-dir (which is not given), the environment (TENANTRY_SECRET_TENANTRY_MANAGER_KEY), the Secret documents among the inputs (none is called `tenantry-manager`)");
    let secrets = Secrets::new(Some("/nowhere".into()), Vec::new()).with_environment(|_| None);
    insta::assert_snapshot!(told(&secrets, "default", "a"), @r"the secret `a` has no value for `key`; it was looked for in the file /nowhere/a/key, the environment (TENANTRY_SECRET_A_KEY), the Secret documents among the inputs (none is called `a`)");
    assert_eq!(secrets.get("default", "../etc", "passwd"), Err(SecretError::BadName("../etc".into())));
    assert_eq!(secrets.get("default", "a", ".."), Err(SecretError::BadName("..".into())));
}
