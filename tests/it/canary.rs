//! The canaries' own tests: that the search finds a secret in every form, and that the harness gives it all to search.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::support::canary::{PLANTED, PREFIX, all_files, find, log_dir, search};
use crate::support::cmd::Dir;

fn secret() -> String {
    format!("{PREFIX}5nT8Q~x?/+")
}

#[test]
fn a_secret_is_found_in_every_form_that_people_might_see() {
    let secret = secret();
    assert_eq!(find(b"nothing of it: cnry, cnry_, CNR Y-"), None);
    assert_eq!(find(format!("a\nb {secret}").as_bytes()).as_deref(), Some("line 2: plain"));
    let percent = percent_encoding::utf8_percent_encode(&secret, percent_encoding::NON_ALPHANUMERIC).to_string();
    let all_percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for form in [
        secret.to_uppercase(),
        percent.clone(),
        percent.to_lowercase(),
        all_percent,
        hex,
        secret.replace('-', "\\u002D"),
    ] {
        assert!(find(form.as_bytes()).is_some(), "{form}");
    }
    for before in ["", "i", "id", "id:", "id:1", "6731de76-14a6-49ae-97bc-6eba6914391e:"] {
        let text = format!("{before}{secret}");
        for form in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            assert!(find(format!("Basic {form}").as_bytes()).is_some(), "{text}: {form}");
        }
    }
}

/// A log with these files.
fn log(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn the_search_fails_on_a_secret_and_names_the_file() {
    let log = log(&[("t/PLANTED", ""), ("t/001/stdout", "fine"), ("t/001/files/.tenantry/plan.json", &secret())]);
    let shown = search(log.path()).unwrap_err();
    assert!(shown.len() == 1 && shown[0].ends_with("t/001/files/.tenantry/plan.json: line 1: plain"), "{shown:?}");
}

#[test]
fn the_search_fails_when_there_is_nothing_to_search_or_to_find() {
    assert!(search(Path::new("/no/such/folder")).unwrap_err()[0].contains("nothing was searched"));
    assert!(search(log(&[("t/PLANTED", "")]).path()).unwrap_err()[0].contains("nothing was searched"));
    assert!(search(log(&[("t/001/stdout", "fine")]).path()).unwrap_err()[0].contains("proves nothing"));
    assert_eq!(search(log(&[("t/PLANTED", ""), ("t/001/stdout", "fine")]).path()), Ok(1));
}

/// What the harness gave to the search for this test.
fn logged(test: &str) -> Vec<PathBuf> {
    let dir = log_dir().join(format!("canary.{test}"));
    all_files(&dir).into_iter().map(|file| file.strip_prefix(&dir).unwrap().to_owned()).collect()
}

#[test]
fn what_a_run_prints_and_leaves_is_searched_and_what_the_test_wrote_is_not() {
    const TEST: &str = "what_a_run_prints_and_leaves_is_searched_and_what_the_test_wrote_is_not";
    let dir = Dir::new();
    dir.write("partner.yaml", secret());
    dir.secret("secrets", "tenantry-manager", "clientSecret", &secret());
    // As if the program had left them: a plan, a sink for secrets, and a sink that others may read.
    fs::create_dir_all(dir.path().join(".tenantry/secrets/app")).unwrap();
    for (name, text, mode) in [
        (".tenantry/plan.json", "{}", 0o644),
        (".tenantry/secrets/app/keyId", "private", 0o600),
        (".tenantry/secrets/app/open", "open", 0o644),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    dir.run(["--help"]);
    let first = [
        "001/args",
        "001/files/.tenantry/plan.json",
        "001/files/.tenantry/secrets/app/open",
        "001/stderr",
        "001/stdout",
    ];
    let expected: Vec<PathBuf> = first.iter().chain(&[PLANTED]).map(PathBuf::from).collect();
    assert_eq!(logged(TEST), expected);

    // An input that the program rewrote is an output; what did not change is not copied again.
    fs::write(dir.path().join("partner.yaml"), "rewritten").unwrap();
    dir.run(["--help"]);
    let second: Vec<PathBuf> = logged(TEST).into_iter().filter(|file| file.starts_with("002/files")).collect();
    assert_eq!(second, [PathBuf::from("002/files/partner.yaml")]);

    // Nothing of this counts as the suite's: the search must fail when no other test ran the program.
    fs::remove_dir_all(log_dir().join(format!("canary.{TEST}"))).unwrap();
}

#[test]
fn a_secret_without_the_prefix_is_refused() {
    let dir = Dir::new();
    let plant = AssertUnwindSafe(|| dir.secret("secrets", "tenantry-manager", "clientSecret", "hunter2"));
    assert!(catch_unwind(plant).is_err());
}
