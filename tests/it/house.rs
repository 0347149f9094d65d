//! The rules of the house that no compiler checks: which room may use which, what the pure rooms may not touch, how long
//! a file may be, and where a program may give up. Each finding names file and line.

use std::fs;
use std::path::Path;

use crate::support::source::{code_of, paths, without_tests};
use crate::support::{files_below, root};

const LONGEST_FILE: usize = 500;

/// Room, and the rooms it may use beside itself. `sandbox` is the other side of every test: it shares nothing with us.
const ROOMS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("catalog", &["api"]),
    ("engine", &["catalog", "api"]),
    ("kinds", &["engine", "catalog", "api"]),
    ("cloud", &["engine", "catalog", "api"]),
    ("source", &["catalog", "api"]),
    ("pass", &["source", "cloud", "kinds", "engine", "catalog", "api"]),
    ("telemetry", &["cloud", "engine"]),
    ("controller", &["server", "telemetry", "pass", "source", "cloud", "kinds", "engine", "catalog", "api"]),
    ("server", &["telemetry"]),
    (
        "cli",
        &[
            "telemetry",
            "sandbox",
            "server",
            "controller",
            "pass",
            "source",
            "cloud",
            "kinds",
            "engine",
            "catalog",
            "api",
        ],
    ),
    (
        "main",
        &["sandbox", "server", "cli", "controller", "pass", "source", "cloud", "kinds", "engine", "catalog", "api"],
    ),
    ("sandbox", &[]),
];

/// The rooms whose results depend on their arguments alone: testable without a server, and `plan` cannot lie.
const PURE: &[&str] = &["api", "catalog", "engine", "kinds"];
const NOT_IN_PURE: &[&[&str]] = &[
    &["reqwest"],
    &["tokio"],
    &["axum"],
    &["hyper"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["SystemTime"],
    &["Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
];

const GIVING_UP: &[&str] = &[".unwrap()", ".expect(", "panic!", "todo!", "unimplemented!"];

#[test]
fn the_arrows_between_the_rooms_are_kept() {
    check("src", &arrows);
}

#[test]
fn the_pure_rooms_touch_neither_network_nor_disk_nor_clock() {
    check("src", &impurities);
}

#[test]
fn outside_tests_giving_up_is_justified_by_an_invariant() {
    check("src", &surrenders);
}

#[test]
fn no_file_is_longer_than_one_responsibility() {
    check("src", &length);
    check("tests", &length);
}

#[test]
fn no_test_is_ignored() {
    let ignored = |_: &str, text: &str| {
        lines_with(&code_of(text), &["#[ignore"])
            .into_iter()
            .map(|(line, _)| (line, "an ignored test".to_owned()))
            .collect()
    };
    check("src", &ignored);
    check("tests", &ignored);
}

/// A line of the file and what is wrong there.
type Findings = Vec<(usize, String)>;

/// Runs a rule over every Rust file below a folder; the rule gets the path within the folder, and the text.
fn check(folder: &str, rule: &dyn Fn(&str, &str) -> Findings) {
    let folder = root().join(folder);
    let files = files_below(&folder, &|path| path.extension().is_some_and(|end| end == "rs"));
    assert!(!files.is_empty(), "no Rust file below {}", folder.display());
    let mut shown = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (line, what) in rule(&file.strip_prefix(&folder).unwrap().to_string_lossy(), &text) {
            shown += &format!("\n{}:{line}: {what}", file.strip_prefix(root()).unwrap().display());
        }
    }
    assert!(shown.is_empty(), "house rules (tests/it/house.rs):{shown}");
}

/// `engine/plan.rs` → `["engine", "plan"]`.
fn modules(path: &str) -> Vec<String> {
    let path = Path::new(path).with_extension("");
    let all = path.iter().map(|part| part.to_string_lossy().into_owned());
    all.filter(|part| part != "mod" && part != "lib").collect()
}

fn arrows(path: &str, text: &str) -> Findings {
    let modules = modules(path);
    let Some(room) = modules.first() else { return Vec::new() }; // lib.rs names the rooms
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| name == room) else {
        return vec![(1, format!("`{room}` is not in the table ROOMS: say there what it may use"))];
    };
    let used = paths(&code_of(text)).into_iter().filter_map(|path| {
        // `super` from the room's own file, or one more for each module below it, is the root of the crate too.
        let supers = path.segments.iter().take_while(|segment| *segment == "super").count();
        let from_root = match path.segments[0].as_str() {
            "crate" => 1,
            "tenantry" if room == "main" => 1,
            "super" if supers >= modules.len() => supers,
            _ => return None,
        };
        let used = path.segments.get(from_root)?;
        let is_room = ROOMS.iter().any(|(name, _)| name == used);
        (is_room && used != room && !allowed.contains(&used.as_str()))
            .then(|| (path.line, format!("`{room}` may not use `{used}`")))
    });
    used.collect()
}

fn impurities(path: &str, text: &str) -> Findings {
    let modules = modules(path);
    if !modules.first().is_some_and(|room| PURE.contains(&room.as_str())) || is_test_file(&modules) {
        return Vec::new();
    }
    let mentioned = paths(&without_tests(&code_of(text))).into_iter().filter_map(|path| {
        let what = NOT_IN_PURE.iter().find(|what| path.mentions(what))?;
        Some((path.line, format!("`{}` is pure and may not mention `{}`", modules[0], what.join("::"))))
    });
    mentioned.collect()
}

fn surrenders(path: &str, text: &str) -> Findings {
    if is_test_file(&modules(path)) {
        return Vec::new();
    }
    let raw: Vec<&str> = text.lines().collect();
    // `self.expect(…)` is a method of a parser of ours, which gives an error; clippy, who knows types, sees the difference.
    let code = without_tests(&code_of(text)).replace("self.expect(", "self.require(");
    let found = lines_with(&code, GIVING_UP);
    let unjustified = found.into_iter().filter(|(line, _)| !raw[line - 1].contains("// invariant:"));
    unjustified.map(|(line, what)| (line, format!("`{what}` without an `// invariant:` comment on the line"))).collect()
}

fn length(_: &str, text: &str) -> Findings {
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        vec![(LONGEST_FILE, format!("{lines} lines, {LONGEST_FILE} at most"))]
    } else {
        Vec::new()
    }
}

/// `tests.rs`, or below a folder `tests`.
fn is_test_file(modules: &[String]) -> bool {
    modules.iter().any(|module| module == "tests")
}

/// The lines that hold one of these, as whole words where they begin with a letter.
fn lines_with<'a>(code: &str, wanted: &[&'a str]) -> Vec<(usize, &'a str)> {
    let holds = |line: &str, what: &str| {
        let is_word = what.starts_with(char::is_alphabetic);
        line.match_indices(what)
            .any(|(at, _)| !is_word || !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let lines = code.lines().enumerate();
    lines.filter_map(|(at, line)| Some((at + 1, *wanted.iter().find(|what| holds(line, what))?))).collect()
}

mod the_checker {
    use super::*;

    fn lines(findings: Findings) -> Vec<usize> {
        findings.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn catches_an_arrow_against_the_house_however_it_is_written() {
        for forbidden in [
            "use crate::cloud::Loader;",
            "use crate::{api, cloud::Loader};",
            "use crate::{\n    api::Tenant,\n    cloud,\n};",
            "fn f() { crate::cloud::load() }",
            "fn f() { g(&crate::cloud::X) }",
            "pub use super::super::cloud::Loader;",
            "use super::super::{api, cloud};",
            "#[cfg(test)]\nmod tests { use crate::cloud; }",
        ] {
            assert_eq!(arrows("engine/plan.rs", forbidden).len(), 1, "{forbidden}");
        }
        assert_eq!(
            arrows("api/tenant.rs", "\n\nuse crate::catalog::Role;"),
            [(3, "`api` may not use `catalog`".to_owned())]
        );
        assert_eq!(arrows("engine/mod.rs", "use super::cloud;").len(), 1);
        assert_eq!(arrows("catalog.rs", "use super::cloud;").len(), 1);
        assert_eq!(arrows("engine/order/graph.rs", "use super::super::super::pass;").len(), 1);
    }

    #[test]
    fn keeps_the_sandbox_apart_on_both_sides() {
        for room in ["api", "catalog", "engine", "kinds", "cloud", "source", "pass", "telemetry", "controller"] {
            assert_eq!(arrows(&format!("{room}/mod.rs"), "use crate::sandbox::World;").len(), 1, "{room}");
        }
        for (room, _) in ROOMS.iter().filter(|(room, _)| *room != "sandbox") {
            assert_eq!(arrows("sandbox/world.rs", &format!("use crate::{room}::X;")).len(), 1, "{room}");
        }
        assert_eq!(arrows("cli/sandbox.rs", "use crate::sandbox::World;"), []);
        assert_eq!(arrows("server.rs", "use crate::sandbox::World;").len(), 1);
        assert_eq!(arrows("main.rs", "use tenantry::{cli, sandbox};"), []);
    }

    #[test]
    fn lets_pass_what_is_allowed_or_only_said() {
        for fine in [
            "use crate::{api::Tenant, catalog};",
            "use crate::engine::Step;",
            "/// As [`crate::cloud`] does it.",
            "/* crate::cloud /* crate::pass */ crate::cli */",
            "const TEXT: &str = \"crate::cloud\";",
            "const TEXT: &str = r#\"say \"crate::cloud\" \"#;",
            "fn f<'a>(x: &'a str) -> char { '\\'' } // crate::cloud",
            "use super::super::plan::cloud;", // engine::plan::cloud, in a test module of engine/order/graph.rs
        ] {
            assert_eq!(arrows("engine/order/graph.rs", fine), [], "{fine}");
        }
    }

    #[test]
    fn asks_for_a_new_room_to_be_placed() {
        assert_eq!(lines(arrows("attic/mod.rs", "")), [1]);
    }

    #[test]
    fn catches_network_disk_and_clock_in_the_pure_rooms_only() {
        for forbidden in [
            "use tokio::sync::Mutex;",
            "fn f() { std::fs::read(x) }",
            "use std::{collections::BTreeMap, env};",
            "use std::{\n    io,\n    net::{IpAddr, TcpStream},\n};",
            "use std::time::Instant;",
            "let now = std::time::SystemTime::now();",
            "let now = jiff::Timestamp::now();",
            "let now = Zoned::now();",
            "async fn f(client: &reqwest::Client) {}",
        ] {
            assert!(!impurities("kinds/tenant.rs", forbidden).is_empty(), "{forbidden}");
            assert_eq!(impurities("cloud/tenant.rs", forbidden), [], "{forbidden}");
            assert_eq!(impurities("kinds/tenant/tests.rs", forbidden), [], "{forbidden}");
            let in_test = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{forbidden}\n}}");
            assert_eq!(impurities("kinds/tenant.rs", &in_test), [], "{forbidden}");
        }
        assert_eq!(
            impurities("engine/mod.rs", "use jiff::Timestamp;\nfn f(now: Timestamp) {} // never Timestamp::now()"),
            []
        );
        assert_eq!(lines(impurities("engine/mod.rs", "#[cfg(test)]\nmod tests;\nuse std::fs;")), [3]);
    }

    #[test]
    fn catches_giving_up_without_a_reason() {
        let text = "fn f() {\n    x.unwrap();\n    y.expect(\"that\");\n    panic!(\"no\");\n    todo!()\n}";
        assert_eq!(lines(surrenders("pass/mod.rs", text)), [2, 3, 4, 5]);
        let fine = "x.unwrap(); // invariant: just inserted\nx.unwrap_or_default(); // .unwrap()\nlet s = \".expect(\";\nlet p = my_panic!();\nself.expect(&Token::Comma)?;";
        assert_eq!(surrenders("pass/mod.rs", fine), []);
        let in_test = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { x.unwrap(); }\n}\n";
        assert_eq!(surrenders("pass/mod.rs", in_test), []);
        assert_eq!(surrenders("pass/tests.rs", text), []);
    }

    #[test]
    fn counts_the_lines_of_a_file() {
        assert_eq!(length("", &"x\n".repeat(LONGEST_FILE)), []);
        assert_eq!(length("", &"x\n".repeat(LONGEST_FILE + 1)).len(), 1);
    }
}
