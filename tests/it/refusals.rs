//! What is refused: where it stands, what to do about it, and nothing written.

mod identity;
mod inputs;
mod surroundings;
mod world;

use serde_json::{Value, json};

use crate::support::cmd::Run;
use crate::support::msp::Msp;

/// What an error must say.
struct Error {
    code: &'static str,
    /// `app.yaml:12` of `examples/first`; empty where no input is at fault.
    place: &'static str,
    says: &'static str,
    remedy: &'static str,
}

fn error(code: &'static str, place: &'static str, says: &'static str, remedy: &'static str) -> Error {
    Error { code, place, says, remedy }
}

/// `app.yaml:12` as it is printed.
fn printed(place: &str) -> String {
    if place.starts_with('-') || place.is_empty() { place.to_owned() } else { format!("examples/first/{place}") }
}

/// The errors of a document are these and no others, in any order, beside what `apply` says of itself.
#[track_caller]
fn has(document: &Value, wanted: &[Error]) {
    let found = document["diagnostics"].as_array().unwrap();
    let errors: Vec<&Value> = found.iter().filter(|d| d["severity"] == "error" && d["address"] != "apply").collect();
    assert_eq!(errors.len(), wanted.len(), "{document:#}");
    for want in wanted {
        let place = |d: &Value| match (d["file"].as_str(), d["line"].as_u64()) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (Some(file), None) => file.to_owned(),
            _ => String::new(),
        };
        let fits = |d: &&&Value| {
            d["code"] == want.code
                && place(d) == printed(want.place)
                && d["summary"].as_str().unwrap().contains(want.says)
                && d["remedy"].as_str().unwrap().contains(want.remedy)
        };
        let says = want.says;
        assert!(errors.iter().any(|d| fits(&d)), "no {} at {}: {says:?}\n{document:#}", want.code, want.place);
    }
}

/// People are told the same.
#[track_caller]
fn tells(run: &Run, wanted: &[Error]) {
    for want in wanted {
        assert!(run.stderr.contains(want.remedy), "{:?} is not told: {run}", want.remedy);
        assert!(run.stderr.contains(&printed(want.place)), "{} is not told: {run}", want.place);
        assert!(run.stderr.contains(want.says), "{:?} is not told: {run}", want.says);
    }
}

/// `plan` and `apply` refuse, for people and as one JSON document.
#[track_caller]
fn refused_by(wanted: &[Error], run: impl Fn(&[&str]) -> Run) {
    for command in [&["plan"][..], &["apply", "--auto-approve"]] {
        let told = run(command);
        tells(told.code(1), wanted);
        let run = run(&[command, &["-o", "json"]].concat());
        let document = run.code(1).json();
        assert_eq!((&document["errored"], &document["complete"]), (&json!(true), &json!(false)), "{run}");
        assert_eq!(document["cost"]["writes"], 0, "{run}");
        has(&document, wanted);
    }
}

/// The inputs are at fault: `validate` says the same, and there is not even a cloud.
#[track_caller]
fn invalid(msp: &Msp, wanted: &[Error]) {
    let told = msp.dir.run(["validate", "-f", "examples/first"]);
    tells(told.code(1), wanted);
    assert_eq!(told.stdout, "");
    let document = msp.dir.run(["validate", "-f", "examples/first", "-o", "json"]).code(1).json();
    assert_eq!(document["valid"], false);
    has(&document, wanted);
    refused_by(wanted, |args| msp.run(args[0], &args[1..]));
    assert!(!msp.dir.path().join(".tenantry").exists(), "something was made");
}

/// What Microsoft has, or who we are there, is at fault: it was asked, and nothing was written.
#[track_caller]
fn refused(msp: &Msp, wanted: &[Error]) {
    let writes = msp.writes();
    refused_by(wanted, |args| msp.run(args[0], &args[1..]));
    assert_eq!(msp.writes(), writes, "something was written");
    assert!(!kept(msp), "a secret was stored");
}

fn kept(msp: &Msp) -> bool {
    msp.dir.path().join(".tenantry/secrets/rallied-credentials").exists()
}
