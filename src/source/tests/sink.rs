use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::sink::*;
use super::*;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretValue> {
    pairs.iter().map(|(key, value)| (key.to_string(), SecretValue::new(*value))).collect()
}

/// Names below a folder, with the mode of files and folders and the target of links.
fn tree(root: &Path) -> String {
    fn down(root: &Path, path: &Path, out: &mut Vec<String>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_symlink() {
                out.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
            } else {
                out.push(format!("{name} {:o}", meta.permissions().mode() & 0o777));
            }
            if meta.is_dir() {
                down(root, &path, out);
            }
        }
    }
    let mut out = Vec::new();
    down(root, root, &mut out);
    out.sort();
    out.join("\n")
}

#[test]
fn values_appear_together_in_files_of_their_own() {
    let root = tempfile::tempdir().unwrap();
    let sink = FolderSink::new(root.path().join("secrets"));
    assert_eq!(sink.read("app").unwrap(), SinkEntry::default());
    sink.store("app", &values(&[("clientId", "1"), ("clientSecret", "cnry-1")])).unwrap();
    insta::assert_snapshot!(tree(root.path()), @r"
    secrets 700
    secrets/.gitignore 600
    secrets/.lock 600
    secrets/app 700
    secrets/app/..1 700
    secrets/app/..1/clientId 600
    secrets/app/..1/clientSecret 600
    secrets/app/..data -> ..1
    secrets/app/clientId -> ..data/clientId
    secrets/app/clientSecret -> ..data/clientSecret
    ");
    sink.store("app", &values(&[("clientSecret", "cnry-2"), ("keyId", "k")])).unwrap();
    assert_eq!(sink.read("app").unwrap().values, values(&[("clientSecret", "cnry-2"), ("keyId", "k")]));
    assert!(
        tree(root.path()).contains("secrets/app/..data -> ..2") && !tree(root.path()).contains("clientId"),
        "{}",
        tree(root.path())
    );
    assert_eq!(fs::read_to_string(root.path().join("secrets/.gitignore")).unwrap(), "*\n");
    assert_eq!(fs::metadata(root.path().join("secrets")).unwrap().permissions().mode() & 0o777, 0o700);
    // The same folder is read as secrets.
    let secrets = Secrets::new(Some(root.path().join("secrets")), Vec::new()).with_environment(|_| None);
    assert_eq!(secrets.get("default", "app", "clientSecret").unwrap().expose(), "cnry-2");
    assert!(!format!("{:?}", sink.read("app").unwrap()).contains("cnry"));
}

#[test]
fn an_intent_stays_until_it_is_fulfilled_or_cleared() {
    let root = tempfile::tempdir().unwrap();
    let sink = FolderSink::new(root.path());
    let pending = || sink.read("app").unwrap().pending;
    sink.begin("app", "production#1").unwrap();
    sink.begin("app", "production#1").unwrap();
    assert_eq!(pending().as_deref(), Some("production#1"));
    let refused = sink.begin("app", "production#2").unwrap_err().to_string();
    assert_eq!(refused, "the secret `app` waits for the credential `production#1`");
    sink.store("app", &values(&[("keyId", "1")])).unwrap();
    assert_eq!(pending(), None);
    sink.begin("app", "production#2").unwrap();
    assert_eq!(pending().as_deref(), Some("production#2"));
    assert_eq!(sink.read("app").unwrap().values, values(&[("keyId", "1")]), "the one before stays until then");
    sink.clear("app").unwrap();
    assert_eq!(pending(), None);
    sink.clear("other").unwrap();
}

#[test]
fn a_store_that_was_cut_short_is_either_done_or_not() {
    let root = tempfile::tempdir().unwrap();
    let sink = FolderSink::new(root.path());
    sink.begin("app", "a#1").unwrap();
    // Cut short before the exchange: a version is there that nothing leads to.
    fs::create_dir(root.path().join("app/..1")).unwrap();
    fs::write(root.path().join("app/..1/keyId"), "half").unwrap();
    std::os::unix::fs::symlink("..data/keyId", root.path().join("app/keyId")).unwrap();
    let entry = sink.read("app").unwrap();
    assert_eq!((entry.values, entry.pending.as_deref()), (BTreeMap::new(), Some("a#1")));
    sink.store("app", &values(&[("keyId", "1")])).unwrap();
    // Cut short after it: the intent is still there, and counts no more.
    fs::write(root.path().join("app/.pending"), "1\na#1").unwrap();
    let entry = sink.read("app").unwrap();
    assert_eq!((entry.values, entry.pending), (values(&[("keyId", "1")]), None));
    sink.begin("app", "a#2").unwrap();
    assert_eq!(sink.read("app").unwrap().pending.as_deref(), Some("a#2"));
}

#[test]
fn what_others_wrote_is_read_and_never_overwritten() {
    let root = tempfile::tempdir().unwrap();
    let sink = FolderSink::new(root.path());
    fs::create_dir(root.path().join("theirs")).unwrap();
    fs::write(root.path().join("theirs/clientSecret"), "cnry\n").unwrap();
    assert_eq!(sink.read("theirs").unwrap().values, values(&[("clientSecret", "cnry")]));
    assert!(matches!(sink.store("theirs", &values(&[("a", "b")])), Err(SinkError::Foreign(_))));
    assert!(matches!(sink.begin("theirs", "x#1"), Err(SinkError::Foreign(_))));
    assert_eq!(fs::read_to_string(root.path().join("theirs/clientSecret")).unwrap(), "cnry\n");
    // As Kubernetes mounts a Secret.
    let mounted = root.path().join("mounted");
    fs::create_dir_all(mounted.join("..2026_11_22")).unwrap();
    fs::write(mounted.join("..2026_11_22/key"), "v").unwrap();
    std::os::unix::fs::symlink("..2026_11_22", mounted.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/key", mounted.join("key")).unwrap();
    assert_eq!(sink.read("mounted").unwrap().values, values(&[("key", "v")]));
    assert!(matches!(sink.store("mounted", &values(&[("a", "b")])), Err(SinkError::Foreign(_))));
    for name in ["", "..", ".git", "a/b"] {
        assert!(matches!(sink.store(name, &values(&[])), Err(SinkError::BadName(_))), "{name}");
    }
    assert!(matches!(sink.store("ok", &values(&[("../x", "b")])), Err(SinkError::BadName(_))));
}

#[test]
fn two_at_once_do_not_lose_anything() {
    let root = tempfile::tempdir().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let sink = FolderSink::new(root.path());
            std::thread::spawn(move || {
                for turn in 0..5 {
                    let value = format!("{thread}-{turn}");
                    sink.store("app", &values(&[("a", &value), ("b", &value)])).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let entry = FolderSink::new(root.path()).read("app").unwrap();
    assert_eq!(entry.values["a"], entry.values["b"]);
    assert!(tree(root.path()).contains("app/..data -> ..20"));
}
