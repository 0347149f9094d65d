//! What is around the program is at fault: files, flags, the network.

use serde_json::json;

use super::{error, kept, refused, refused_by};
use crate::support::msp::{Msp, condition, object};

#[test]
fn a_plan_that_makes_a_secret_is_refused_where_no_place_for_it_is_given() {
    let msp = Msp::new();
    msp.served(|url, _| {
        let run = |args: &[&str]| {
            let args = [&args[..1], &["-f", "examples/first", "--endpoint", url], &args[1..]].concat();
            msp.dir.run(args)
        };
        let says = "there is no place for the secret \"rallied-credentials\"";
        refused_by(&[error("GuardRefused", "app.yaml:6", says, "Give one with --secrets-dir DIR")], run);
    });
    assert_eq!(msp.writes(), 0);
    assert!(!msp.dir.path().join(".tenantry/secrets").exists());
}

#[test]
fn a_sandbox_state_that_was_cut_short_or_is_of_another_format_is_refused_and_left_alone() {
    let msp = Msp::new();
    msp.plan();
    let whole = msp.dir.read(".tenantry/sandbox.json");
    let cut = whole[..whole.len() / 2].to_owned();
    let newer = whole.replacen("\"format\":1,", "\"format\":99,", 1);
    assert_ne!(newer, whole);
    let table = [
        (cut, "is not a complete sandbox state"),
        (newer, "has sandbox state format 99, this tenantry reads format 1"),
        (String::new(), "is not a complete sandbox state"),
        ("[]".to_owned(), "is not a complete sandbox state"),
    ];
    for (state, says) in table {
        msp.dir.write(".tenantry/sandbox.json", &state);
        for command in [&["plan"][..], &["apply", "--auto-approve"], &["status"]] {
            let run = msp.run(command[0], &command[1..]);
            let summary = format!("error: .tenantry/sandbox.json {says}");
            assert!(run.code(1).stderr.contains(&summary), "{run}");
            let run = msp.run(command[0], &[&command[1..], &["-o", "json"]].concat());
            let document = run.code(1).json();
            let told = &document["diagnostics"][0];
            assert_eq!(told["file"], ".tenantry/sandbox.json", "{run}");
            assert_eq!(told["remedy"], "Remove it or run `tenantry sandbox reset`.", "{run}");
        }
        let run = msp.dir.run(["sandbox", "approve", "--all"]);
        assert!(run.code(1).stderr.contains("tenantry sandbox reset"), "{run}");
        assert_eq!(msp.dir.read(".tenantry/sandbox.json"), state, "it is left as it was");
    }
    msp.dir.run(["sandbox", "reset"]).ok();
    msp.plan();
}

#[test]
fn a_server_that_answers_html_is_refused_before_and_in_the_middle() {
    let msp = Msp::new();
    msp.fault(json!({"html": true}));
    let says = "the server answered a page instead of JSON (HTTP 200)";
    let run = msp.apply();
    assert_eq!(run.code(1).stderr.matches(says).count(), 1, "{run}");
    assert!(run.stderr.contains("check proxy, --endpoint and network sign-in pages"), "{run}");
    let document = msp.run("plan", &["-o", "json"]).code(1).json();
    assert!(document["diagnostics"].as_array().unwrap().iter().all(|d| d["code"] == "Unreadable"), "{document:#}");
    assert_eq!(msp.writes(), 0);
    msp.fault(json!({"clear": true}));
    msp.apply().code(3);
    msp.approve();
    msp.fault(json!({"html": true}));
    let writes = msp.writes();
    let run = msp.apply();
    assert!(run.code(1).stderr.contains(says), "{run}");
    assert_eq!(msp.writes(), writes);
    let status = msp.run("status", &["-o", "json"]).json();
    let tenant = object(&status, "tenants", "contoso");
    assert_eq!(condition(tenant, "Ready"), "Unknown/Unreadable", "it is not known, which is not fine");
}

#[test]
fn a_server_that_is_not_there_is_refused_with_its_name() {
    let msp = Msp::new();
    let endpoint = ["--endpoint", "http://127.0.0.1:9", "--secrets-dir", "secrets"];
    for command in [&["plan"][..], &["apply", "--auto-approve"], &["status"]] {
        let run = msp.dir.run([&command[..1], &["-f", "examples/first"], &endpoint, &command[1..]].concat());
        assert!(run.stderr.contains("127.0.0.1 cannot be reached"), "{run}");
        assert!(run.stderr.contains("Check the network, proxy settings and --endpoint"), "{run}");
        if command[0] != "status" {
            run.code(1);
        }
    }
    assert!(!msp.dir.path().join("secrets/rallied-credentials").exists());
}

#[test]
fn an_endpoint_that_would_give_secrets_away_is_refused() {
    let msp = Msp::new();
    for url in ["http://graph.example", "ftp://127.0.0.1", "graph.example", "https://me:pass@graph.example"] {
        let run = msp.dir.run(["plan", "-f", "examples/first", "--endpoint", url]);
        assert!(run.code(1).stderr.contains("error: the endpoint is no usable address"), "{run}");
    }
    let run =
        msp.dir.run(["plan", "-f", "examples/first", "--endpoint", "https://127.0.0.1:9", "--ca-file", "nowhere.pem"]);
    assert!(run.code(1).stderr.contains("the CA file nowhere.pem cannot be read"), "{run}");
}

#[test]
fn a_journal_that_is_garbage_is_refused_with_what_to_do() {
    let msp = Msp::new();
    msp.dir.write(".tenantry/journal.json", "garbage");
    let wanted = error("", "", "the journal .tenantry/journal.json does not read", "Remove it; it is a cache of times");
    refused(&msp, &[wanted]);
}

#[test]
fn bad_flags_are_refused_with_what_is_right() {
    let msp = Msp::new();
    let table: [(&[&str], &str); 8] = [
        (&["apply", "--wait=soon"], "write a length of time such as 90s, 30m, 2h"),
        (&["apply", "--parallelism", "0"], "a number from 1 to 1000"),
        (&["plan", "--parallelism", "many"], "a number from 1 to 1000"),
        (&["apply", "--wate"], "a similar argument exists: '--wait'"),
        (&["plan", "-o", "yaml"], "[possible values: text, json]"),
        (&["plan", "--endpoint", "https://graph.example"], "cannot be used with"),
        (&["aply"], "a similar subcommand exists: 'apply'"),
        (&["apply", "--max-changes", "few"], "--max-changes <N>"),
    ];
    for (args, says) in table {
        let run = msp.run(args[0], &[&args[1..], &["-o", "json"]].concat()[..]);
        assert!(run.code(1).stderr.contains(says), "{says:?} is not told: {run}");
        assert_eq!(run.stdout, "", "{run}");
    }
    let run = msp.dir.run(["plan"]);
    assert!(run.code(1).stderr.contains("--filename <PATH>"), "{run}");
    assert!(!msp.has_cloud());
}

#[test]
fn a_plan_with_more_changes_than_allowed_is_refused() {
    let msp = Msp::new();
    let run = msp.run("apply", &["--auto-approve", "--max-changes", "3", "-o", "json"]);
    let document = run.code(1).json();
    let told = &document["diagnostics"][0];
    assert_eq!((told["code"].as_str(), &document["errored"]), (Some("GuardRefused"), &json!(true)));
    assert!(told["summary"].as_str().unwrap().contains("--max-changes allows 3"), "{run}");
    assert_eq!((msp.writes(), kept(&msp)), (0, false));
}
