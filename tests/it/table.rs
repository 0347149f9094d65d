//! `tests/requirements.tsv` says which test shows which requirement. Here: that the table is true to form, and that every
//! test it names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::support::root;
use crate::support::source::code_of;

/// The lists of requirements and how long each is.
const LISTS: &[(&str, u32)] = &[("D", 79), ("RA", 98), ("RE1", 128), ("RE2", 97), ("SM", 52), ("SS", 51)];
const IDS_PER_TEST: usize = 3;

#[test]
fn every_line_of_the_table_names_a_requirement_and_a_test_that_exists() {
    let text = std::fs::read_to_string(root().join("tests/requirements.tsv")).unwrap();
    let wrong = faults(&text, &exists);
    assert!(wrong.is_empty(), "tests/requirements.tsv:\n{}", wrong.join("\n"));
}

/// Whether there is a test of that name: `it::…` is one of ours here, any other a unit test.
pub fn exists(test: &str) -> bool {
    static OWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let own = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format=terse"]).output().unwrap();
        let own = String::from_utf8(own.stdout).unwrap();
        own.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
    });
    match test.strip_prefix("it::") {
        Some(test) => OWN.contains(test),
        None => is_unit_test(test),
    }
}

/// What is wrong with the table, each with its line.
fn faults(text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut last = None;
    let mut ids_of: BTreeMap<&str, usize> = BTreeMap::new();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#'));
    let lines = lines.skip_while(|(_, line)| *line == "id\ttest");
    if !text.lines().any(|line| line == "id\ttest") {
        wrong.push("1: the header `id<TAB>test` is missing".to_owned());
    }
    for (number, line) in lines {
        let mut fault = |what: &str| wrong.push(format!("{number}: {what}: {line}"));
        let Some((id, test)) = line.split_once('\t') else {
            fault("not `id<TAB>test`");
            continue;
        };
        let Some(place) = place(id) else {
            fault("no such requirement");
            continue;
        };
        if !exists(test) {
            fault("no such test");
        }
        let key = (place, test);
        match &last {
            Some(before) if *before == key => fault("twice the same"),
            Some(before) if *before > key => fault("not sorted"),
            _ => {}
        }
        last = Some(key);
        let ids = ids_of.entry(test).or_default();
        *ids += 1;
        if *ids > IDS_PER_TEST {
            fault("a test that shows more than three requirements shows none of them well");
        }
    }
    wrong
}

/// Where a requirement stands among all of them: its list, and its number there.
fn place(id: &str) -> Option<(&'static str, u32)> {
    let (list, number) = id.split_once('-')?;
    let (list, longest) = LISTS.iter().find(|(name, _)| *name == list)?;
    let parsed: u32 = number.parse().ok()?;
    (parsed.to_string() == number && (1..=*longest).contains(&parsed)).then_some((list, parsed))
}

/// A unit test by its path in the crate, `engine::order::tests::a_cycle_is_refused`: the deepest file that the path
/// leads to holds the remaining modules and the test.
fn is_unit_test(test: &str) -> bool {
    let parts: Vec<&str> = test.split("::").collect();
    let (name, modules) = parts.split_last().unwrap();
    (0..=modules.len()).rev().any(|depth| {
        let (files, inline) = modules.split_at(depth);
        let file: PathBuf = root().join("src").join(files.join("/"));
        let candidates = if files.is_empty() {
            [file.join("lib.rs"), file.join("main.rs")]
        } else {
            [file.with_extension("rs"), file.join("mod.rs")]
        };
        let source = candidates.iter().find_map(|path| std::fs::read_to_string(path).ok());
        source.is_some_and(|source| holds_test(&code_of(&source), inline, name))
    })
}

fn holds_test(code: &str, inline: &[&str], name: &str) -> bool {
    let has_modules = inline.iter().all(|module| code.contains(&format!("mod {module} {{")));
    let marked = code.find(&format!("fn {name}(")).is_some_and(|at| {
        // The attributes above it, back to the end of what stands before.
        let above = &code[..at];
        let attributes = &above[above.rfind(['}', ';', '{']).map_or(0, |end| end + 1)..];
        attributes.contains("test]") || attributes.contains("::test(")
    });
    has_modules && marked
}

mod the_checker {
    use super::*;

    fn faults_of(lines: &str) -> Vec<String> {
        faults(&format!("id\ttest\n{lines}"), &|test| test.starts_with("it::"))
    }

    #[test]
    fn accepts_a_table_in_form() {
        assert_eq!(faults_of(""), [""; 0]);
        assert_eq!(faults_of("# said\nD-9\tit::a\nRA-9\tit::a\nRA-45\tit::a\nRA-45\tit::b\nRE1-1\tit::b\n"), [""; 0]);
    }

    #[test]
    fn catches_each_fault_of_form() {
        for (lines, what) in [
            ("RA-45 it::a", "2: not `id<TAB>test`"),
            ("RA-99\tit::a", "2: no such requirement"),
            ("RA-045\tit::a", "2: no such requirement"),
            ("XX-1\tit::a", "2: no such requirement"),
            ("RA-1\tgone::a", "2: no such test"),
            ("RA-10\tit::a\nRA-9\tit::a", "3: not sorted"),
            ("RA-1\tit::b\nRA-1\tit::a", "3: not sorted"),
            ("RA-1\tit::a\nRA-1\tit::a", "3: twice the same"),
            ("RA-1\tit::a\nRA-2\tit::a\nRA-3\tit::a\nRA-4\tit::a", "5: a test that shows more than three"),
        ] {
            let found = faults_of(lines);
            assert!(found.len() == 1 && found[0].starts_with(what), "{lines:?}: {found:?}");
        }
        assert_eq!(faults("RA-1\tit::a", &|_| true), ["1: the header `id<TAB>test` is missing"]);
    }

    #[test]
    fn finds_a_unit_test_by_name_module_and_attribute() {
        let code = "fn other() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn it_holds() {}\n    fn helper() {}\n    #[tokio::test]\n    async fn it_waits() {}\n}";
        assert!(holds_test(code, &["tests"], "it_holds"));
        assert!(holds_test(code, &["tests"], "it_waits"));
        assert!(!holds_test(code, &["tests"], "helper"));
        assert!(!holds_test(code, &["tests"], "it_"));
        assert!(!holds_test(code, &["elsewhere"], "it_holds"));
        assert!(!is_unit_test("engine::tests::no_such_test"));
    }
}
