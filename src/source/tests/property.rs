//! Whatever is read, nothing panics, and every problem has a place inside its file.

use proptest::prelude::*;

use super::*;

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut stdin = bytes;
    let problems = match load_with(&["-".into()], PROFILES, &mut stdin) {
        Ok(inputs) => inputs.notes,
        Err(problems) => problems,
    };
    let lines = text.split('\n').count() as u32;
    for problem in problems {
        assert!(problem.place.line <= lines + 1, "{problem:?}");
        assert!(!problem.summary.is_empty());
        if let Some(excerpt) = &problem.excerpt {
            assert!(excerpt.start <= 140 && excerpt.length >= 1, "{problem:?}");
        }
    }
}

/// The manifests of the first example, as one stream.
fn whole() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first");
    let files = ["partner", "app", "gdap", "tenants", "secrets"].map(|name| folder.join(name).with_extension("yaml"));
    files.map(|file| std::fs::read_to_string(file).unwrap()).join("---\n")
}

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Insert(usize, String),
    Delete(usize, usize),
    Copy(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let bits = prop_oneof![
        Just("\n".to_string()),
        Just("  ".to_string()),
        Just("\t".to_string()),
        Just("- ".to_string()),
        Just(": ".to_string()),
        Just("{".to_string()),
        Just("}".to_string()),
        Just("[".to_string()),
        Just("]".to_string()),
        Just("\"".to_string()),
        Just("'".to_string()),
        Just("&a ".to_string()),
        Just("*a".to_string()),
        Just("!!int ".to_string()),
        Just("<<: ".to_string()),
        Just("|\n".to_string()),
        Just("---\n".to_string()),
        Just("...\n".to_string()),
        Just("%YAML 1.2\n".to_string()),
        Just("é\u{2028}😀".to_string()),
        Just("\0".to_string()),
        Just("null".to_string()),
        Just("yes".to_string()),
        Just("1e999".to_string()),
    ];
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<usize>(), bits).prop_map(|(at, text)| Change::Insert(at, text)),
        (any::<usize>(), 1..40usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<usize>(), any::<usize>(), 1..80usize).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let at = |place: usize, bytes: &[u8]| place % (bytes.len() + 1);
    match change {
        Change::Set(place, byte) => {
            let at = at(*place, bytes);
            if let Some(slot) = bytes.get_mut(at) {
                *slot = *byte;
            }
        }
        Change::Insert(place, text) => {
            let at = at(*place, bytes);
            bytes.splice(at..at, text.bytes());
        }
        Change::Delete(place, length) => {
            let at = at(*place, bytes);
            let end = (at + length).min(bytes.len());
            bytes.drain(at..end);
        }
        Change::Copy(from, to, length) => {
            let from = at(*from, bytes);
            let end = (from + length).min(bytes.len());
            let part = bytes[from..end].to_vec();
            let to = at(*to, bytes);
            bytes.splice(to..to, part);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_manifests_do_not_panic(changes in prop::collection::vec(change(), 1..6)) {
        let mut bytes = whole().into_bytes();
        for change in &changes {
            apply(&mut bytes, change);
        }
        check(&bytes);
    }

    #[test]
    fn spoiled_json_does_not_panic(changes in prop::collection::vec(change(), 1..4)) {
        let mut bytes = yaml_to_json(TEMPLATE)[0].to_string().into_bytes();
        for change in &changes {
            apply(&mut bytes, change);
        }
        check(&bytes);
    }

    #[test]
    fn any_text_does_not_panic(text in "[ -~\n\t\u{e9}]{0,200}") {
        check(text.as_bytes());
    }
}
