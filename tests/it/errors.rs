//! What is wrong is said with its place and its remedy, and nothing is written.

use serde_json::json;

use crate::support::cmd::Run;
use crate::support::msp::Msp;

/// The run failed, its error says all this, and the cloud was not written to.
#[track_caller]
fn refused(msp: &Msp, run: &Run, says: &[&str]) {
    run.code(1);
    for piece in says {
        assert!(run.stderr.contains(piece), "the error does not say {piece:?}\n{run}");
    }
    assert_eq!(msp.writes(), 0, "something was written\n{run}");
    assert!(!msp.dir.path().join(".tenantry/secrets/rallied-credentials").exists(), "a secret was stored");
}

/// As [`refused`], for apply; and `plan -o json` has the same error as a diagnostic.
#[track_caller]
fn refused_by_all(msp: &Msp, says: &[&str], code: &str) {
    refused(msp, &msp.apply(), says);
    let run = msp.run("plan", &["-o", "json"]);
    let document = run.code(1).json();
    assert_eq!(document["errored"], true);
    let all = document["diagnostics"].as_array().unwrap();
    let found = all.iter().find(|d| d["severity"] == "error" && (code.is_empty() || d["code"] == code));
    let found = found.unwrap_or_else(|| panic!("no error {code} in {document:#}"));
    assert!(!found["remedy"].as_str().unwrap().is_empty(), "{found:#}");
    assert_eq!(msp.writes(), 0);
}

#[test]
fn an_unknown_field_is_named_with_its_line_and_the_one_that_was_meant() {
    let msp = Msp::new().with("app.yaml", "  displayName:", "  displayNme:");
    refused_by_all(&msp, &["unknown field `displayNme`", "app.yaml:", "Did you mean `displayName`?"], "");
}

#[test]
fn a_number_where_kubectl_reads_a_number_is_no_name() {
    let name = "displayName: Northwind – Rallied Integration";
    let msp = Msp::new().with("app.yaml", name, "displayName: 365");
    refused_by_all(&msp, &["app.yaml:", "spec.displayName", "string"], "");
}

#[test]
fn a_relationship_of_731_days_is_refused_where_it_stands() {
    let msp = Msp::new().with("gdap.yaml", "730d", "731d");
    refused_by_all(&msp, &["gdap.yaml:", "duration is 730d at most"], "");
}

#[test]
fn auto_extend_together_with_global_administrator_is_refused() {
    let msp = Msp::new().with("gdap.yaml", "from: Needs", "from: Roles\n      roles: [Global Administrator]");
    refused_by_all(&msp, &["gdap.yaml:", "autoExtend", "Global Administrator"], "");
}

#[test]
fn a_reference_to_nothing_names_the_line_and_what_there_is() {
    let msp = Msp::new().with("tenants.yaml", "template: standard", "template: standrad");
    refused_by_all(&msp, &["tenants.yaml:", "standrad", "standard"], "");
}

#[test]
fn an_unknown_permission_is_named_with_its_line_and_the_nearest_names() {
    let add =
        "  permissions: { add: [{ resource: MicrosoftGraph, application: [User.ReadWrit.All] }] }\n  credentials:";
    let msp = Msp::new().with("app.yaml", "  credentials:", add);
    refused_by_all(&msp, &["app.yaml:", "User.ReadWrit.All", "User.ReadWrite.All"], "UnknownPermission");
}

#[test]
fn a_secret_without_a_place_to_go_stops_the_run_before_its_first_write() {
    let msp = Msp::new();
    msp.served(|url, _| {
        let args = ["apply", "-f", "examples/first", "--endpoint", url, "--auto-approve"];
        let run = msp.dir.run(args);
        run.code(1);
        assert!(run.stderr.contains("there is no place for the secret \"rallied-credentials\""), "{run}");
        assert!(run.stderr.contains("--secrets-dir") && run.stderr.contains("app.yaml:"), "{run}");
    });
    assert_eq!(msp.writes(), 0);
}

#[test]
fn a_wrong_secret_is_told_by_its_code_with_what_to_put_there() {
    let msp = Msp::new().with("secrets.yaml", "cnry-example-client-secret", "cnry-something-else");
    refused_by_all(&msp, &["the client secret is wrong", "AADSTS7000215", "partner.yaml:"], "AADSTS7000215");
}

#[test]
fn an_expired_secret_is_told_by_its_code() {
    let msp = Msp::new();
    msp.run("plan", &[]).ok();
    msp.advance("9000h");
    refused_by_all(
        &msp,
        &["the client secret has expired", "AADSTS7000222", "Make a new client secret"],
        "AADSTS7000222",
    );
}

#[test]
fn a_state_that_was_cut_short_is_named_and_left_alone() {
    let msp = Msp::new();
    msp.run("plan", &[]).ok();
    let state = msp.dir.read(".tenantry/sandbox.json");
    let half = &state.as_bytes()[..state.len() / 2];
    std::fs::write(msp.dir.path().join(".tenantry/sandbox.json"), half).unwrap();
    let run = msp.apply();
    run.code(1);
    assert!(run.stderr.contains("sandbox.json") && run.stderr.contains("reset"), "{run}");
    assert_eq!(std::fs::read(msp.dir.path().join(".tenantry/sandbox.json")).unwrap(), half);
}

#[test]
fn a_page_of_html_is_no_answer_of_microsofts() {
    let msp = Msp::new();
    msp.fault(json!({"html": true}));
    refused_by_all(&msp, &["a page instead of JSON", "check proxy"], "Unreadable");
    let status = msp.run("status", &["-o", "json"]).json();
    assert!(!status.to_string().contains("\"status\":\"True\",\"reason\":\"Granted\""));
}

#[test]
fn an_identity_that_lacks_a_permission_is_named_before_any_write() {
    for permission in ["Application.ReadWrite.All", "Group.ReadWrite.All", "DelegatedAdminRelationship.ReadWrite.All"] {
        let msp = Msp::new().without(permission);
        let run = msp.apply();
        refused(&msp, &run, &[permission]);
    }
}
