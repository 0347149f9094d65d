//! The manifests are at fault: each error stands at its line, and nobody is asked.

use super::{error, invalid, printed, refused_by};
use crate::support::cmd::Run;
use crate::support::msp::Msp;

#[test]
fn an_unknown_field_is_refused_with_the_one_that_was_meant() {
    let msp = Msp::new().with("tenants.yaml", "  domain:", "  domian:");
    invalid(&msp, &[error("InvalidSpec", "tenants.yaml:23", "unknown field `domian`", "Did you mean `domain`?")]);
}

#[test]
fn a_number_where_kubectl_takes_a_string_is_refused() {
    let msp = Msp::new().with("app.yaml", "Northwind – Rallied Integration", "365");
    let says = "`displayName` must be a string, not the number 365";
    invalid(&msp, &[error("InvalidSpec", "app.yaml:12", says, "Put it in quotes.")]);
}

#[test]
fn a_relationship_of_731_days_is_refused() {
    let msp = Msp::new().with("gdap.yaml", "duration: 730d", "duration: 731d");
    invalid(&msp, &[error("InvalidSpec", "gdap.yaml:9", "duration is 730d at most", "Write 730d or less")]);
}

const OF_ROLES: &str = "from: Roles\n      roles: [Global Administrator]";

#[test]
fn auto_extend_is_refused_together_with_global_administrator() {
    let msp = Msp::new().with("gdap.yaml", "from: Needs", OF_ROLES);
    let says = "autoExtend cannot be combined with Global Administrator";
    invalid(&msp, &[error("InvalidSpec", "gdap.yaml:10", says, "Remove the role or write `autoExtend: false`.")]);
}

#[test]
fn a_reference_to_nothing_is_refused_with_the_name_that_was_meant() {
    let msp = Msp::new().with("tenants.yaml", "template: standard", "template: standart");
    let says = "there is no GdapTemplate `standart`";
    invalid(&msp, &[error("InvalidSpec", "tenants.yaml:10", says, "Did you mean `standard`?")]);
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_in_the_order_of_the_files() {
    let msp = Msp::new()
        .with("tenants.yaml", "  domain:", "  domian:")
        .with("tenants.yaml", "template: standard", "template: standart")
        .with("app.yaml", "Northwind – Rallied Integration", "365")
        .with("gdap.yaml", "duration: 730d", "duration: 731d")
        .with("gdap.yaml", "from: Needs", OF_ROLES);
    let wanted = [
        error("InvalidSpec", "app.yaml:12", "must be a string", "Put it in quotes."),
        error("InvalidSpec", "gdap.yaml:9", "730d at most", "Write 730d or less"),
        error("InvalidSpec", "gdap.yaml:10", "autoExtend", "autoExtend: false"),
        error("InvalidSpec", "tenants.yaml:10", "`standart`", "Did you mean `standard`?"),
        error("InvalidSpec", "tenants.yaml:23", "unknown field", "Did you mean `domain`?"),
    ];
    invalid(&msp, &wanted);
    let run = msp.dir.run(["validate", "-f", "examples/first"]);
    let places = wanted.map(|e| run.stderr.find(&printed(e.place)).unwrap());
    assert!(places.is_sorted(), "{run}");
    assert!(run.stderr.ends_with("5 errors\n"), "{run}");
}

#[test]
fn yaml_that_does_not_parse_is_refused_at_its_line() {
    let msp = Msp::new().with("app.yaml", "  profile: { name: rallied, version: 1 }", "  profile: { name: rallied");
    let run = msp.dir.run(["validate", "-f", "examples/first"]);
    assert!(run.code(1).stderr.contains("examples/first/app.yaml:"), "{run}");
    assert!(!run.stderr.contains("there is no PartnerApp"), "what may stand in the broken file is not missed: {run}");
    msp.apply().code(1);
    assert!(!msp.has_cloud());
}

#[test]
fn a_relationship_name_that_is_too_long_is_refused_at_the_template_or_at_the_tenant() {
    let template =
        Msp::new().with("gdap.yaml", "NW-{tenant}-standard", "Northwind Managed Services for {tenant}, at standard");
    invalid(&template, &[error("InvalidSpec", "gdap.yaml:8", "50 are allowed", "Shorten it.")]);
    let name = "contoso-international-holdings-of-europe";
    let tenant = Msp::new().with("tenants.yaml", "name: contoso", &format!("name: {name}"));
    let says = "NW-contoso-international-holdings-of-europe-standard is longer than 50 characters";
    invalid(&tenant, &[error("InvalidSpec", "tenants.yaml:18", says, "or the name of the Tenant.")]);
}

#[test]
fn two_objects_of_one_name_in_two_namespaces_are_refused() {
    let msp = Msp::new();
    for file in ["partner.yaml", "app.yaml"] {
        let text = msp.dir.read(format!("examples/first/{file}"));
        msp.dir.write(format!("examples/first/z-{file}"), text.replace("metadata:", "metadata:\n  namespace: other"));
    }
    let says = "two objects of this name would be one at Microsoft";
    let remedy = "Rename one of them; marks know no namespaces.";
    let twice = |place| error("Conflict", place, says, remedy);
    let places = |run: &Run| run.stderr.contains("PartnerApp/rallied") && run.stderr.contains("Partner/northwind");
    let run = msp.apply();
    assert!(places(run.code(1)), "{run}");
    invalid(&msp, &[twice("z-partner.yaml:9"), twice("z-app.yaml:7")]);
}

#[test]
fn one_tenant_under_two_names_is_refused() {
    let msp = Msp::new();
    let tenants = msp.dir.read("examples/first/tenants.yaml");
    let (_, tenant) = tenants.rsplit_once("---\n").unwrap();
    msp.dir.write("examples/first/twin.yaml", tenant.replace("name: contoso", "name: twin"));
    let says = "Tenant/contoso is the same tenant";
    invalid(&msp, &[error("InvalidSpec", "twin.yaml:9", says, "Keep one of the two, or correct the tenant id.")]);
}

#[test]
fn the_partners_own_tenant_as_a_customer_is_refused() {
    let own = "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10";
    let msp = Msp::new().with("tenants.yaml", "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", own);
    let says = "this is the tenant of Partner/northwind";
    invalid(&msp, &[error("InvalidSpec", "tenants.yaml:22", says, "Give the tenant id of the customer.")]);
}

#[test]
fn a_role_or_an_operation_that_nobody_knows_is_refused_at_its_line() {
    let msp = Msp::new()
        .with(
            "gdap.yaml",
            "from: Needs",
            "from: Roles\n      roles:\n        - Helpdesk Administrator\n        - Exchnage Administrator",
        )
        .with("app.yaml", "  displayName:", "  operations: [UserLifecycle, UserLifecicle]\n  displayName:");
    let wanted = [
        error("InvalidSpec", "gdap.yaml:17", "there is no role \"Exchnage Administrator\"", "Exchange Administrator"),
        error("InvalidSpec", "app.yaml:12", "there is no operation \"UserLifecicle\"", "UserLifecycle"),
    ];
    invalid(&msp, &wanted);
}

#[test]
fn manifests_from_stdin_are_refused_as_those_of_files_are() {
    let msp = Msp::new();
    let files =
        ["app", "gdap", "partner", "secrets", "tenants"].map(|f| msp.dir.read(format!("examples/first/{f}.yaml")));
    let all = files.join("\n---\n").replace("Northwind – Rallied Integration", "365");
    let run = |args: &[&str]| {
        let args = [&args[..1], &["-f", "-", "--sandbox"], &args[1..]].concat();
        msp.dir.cmd(args).stdin(&all).run()
    };
    refused_by(&[error("InvalidSpec", "-:12", "must be a string", "Put it in quotes.")], run);
    assert!(!msp.has_cloud());
    let nothing = msp.dir.run(["plan", "-f", "-", "--sandbox"]);
    assert!(nothing.code(1).stderr.contains("the inputs hold no object of Tenantry"), "{nothing}");
}

#[test]
fn folders_that_are_empty_or_not_there_are_refused_with_their_names() {
    let msp = Msp::new();
    std::fs::create_dir(msp.dir.path().join("empty")).unwrap();
    let run =
        msp.dir.run(["apply", "-f", "nowhere", "empty", "examples/first", "--sandbox", "--auto-approve", "-o", "json"]);
    let document = run.code(1).json();
    let found: Vec<(&str, &str)> = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["file"].as_str().unwrap(), d["summary"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("nowhere", "the path cannot be read"), ("empty", "the folder holds no manifest")]);
    assert!(!msp.has_cloud());
}
