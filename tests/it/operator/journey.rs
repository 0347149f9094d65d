//! `examples/first` in a cluster: what an engineer sees from `kubectl apply` to Ready.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::apiserver::cluster;
use crate::support::estate::{Estate, first_world};
use crate::support::health::health;
use crate::support::msp::Msp;
use crate::support::root;

/// The cells of the one row of `kubectl get tenants`.
fn row(estate: &Estate<'_>, flags: &[&str]) -> BTreeMap<String, String> {
    let table = estate.kubectl([&["get", "tenants"], flags].concat());
    let lines: Vec<&str> = table.lines().collect();
    let [head, row] = lines.as_slice() else { panic!("{table}") };
    // Columns begin where their heads do; a blank cell would else shift the others.
    let starts: Vec<usize> = head.match_indices(|c: char| c != ' ').map(|(at, _)| at).collect();
    let starts: Vec<usize> = starts.into_iter().filter(|at| *at == 0 || head.as_bytes()[at - 1] == b' ').collect();
    let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
    let cell = |from: usize, to: usize| row.get(from..to.min(row.len())).unwrap_or_default().trim().to_owned();
    starts.iter().zip(ends).map(|(from, to)| (cell_of(head, *from, to), cell(*from, to))).collect()
}

fn cell_of(head: &str, from: usize, to: usize) -> String {
    head.get(from..to.min(head.len())).unwrap_or_default().trim().to_owned()
}

#[test]
fn an_engineer_applies_the_example_plays_the_customer_and_sees_ready() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "journey");
    let operator = estate.operator();
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    let seen = row(&estate, &[]);
    let heads = ["NAME", "DOMAIN", "GDAP", "CONSENT", "EXCHANGE", "CA", "READY", "WAITS-FOR", "SINCE", "ENDS", "AGE"];
    assert_eq!(seen.keys().collect::<BTreeSet<_>>(), heads.map(str::to_owned).iter().collect());
    assert!(seen.values().all(|cell| !cell.is_empty() && cell != "<none>" && cell != "<invalid>"), "{seen:?}");
    assert_eq!((seen["GDAP"].as_str(), seen["WAITS-FOR"].as_str()), ("AwaitingCustomerApproval", "Customer"));

    let status = estate.get("tenant/contoso")["status"].clone();
    let wait = &status["waits"][0];
    assert_eq!((wait["on"].as_str(), wait["who"].as_str()), (Some("person"), Some("Customer")));
    assert!(wait["link"].as_str().unwrap().starts_with("https://admin.microsoft.com/"), "{wait}");
    assert!(wait["since"].is_string() && wait["what"].is_string(), "{wait}");
    assert_eq!(status["links"]["gdapApproval"], wait["link"]);

    estate.customers_accept();
    estate.kubectl(["wait", "--for=condition=Ready", "tenant/contoso", "--timeout=60s"]);
    let seen = row(&estate, &["-o", "wide"]);
    for (column, wanted) in [
        ("GDAP", "Active"),
        ("CONSENT", "Granted"),
        ("EXCHANGE", "Working"),
        ("READY", "True"),
        ("WAITS-FOR", "-"),
        ("REASON", "Ready"),
    ] {
        assert_eq!(seen[column], wanted, "{column}");
    }
    assert!(seen["ENDS"].starts_with("20"), "{seen:?}");
    for (object, kind) in [
        ("partner/northwind", "Ready"),
        ("partnerapp/rallied", "Ready"),
        ("gdaptemplate/standard", "Ready"),
        ("tenantclass/managed", "Ready"),
    ] {
        assert!(estate.condition(object, kind).starts_with("True"), "{object}");
    }
    estate.until("the app counts its tenants", || estate.get("partnerapp/rallied")["status"]["tenants"] == "1/1");
    estate.end(operator);
}

#[test]
fn the_relationship_is_written_out_and_belongs_to_its_tenant() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "derived");
    let operator = estate.operator();
    estate.until_condition("gdaprelationship/contoso-standard", "Ready", "False/AwaitingCustomerApproval");
    let derived = estate.get("gdaprelationship/contoso-standard");
    let owner = &derived["metadata"]["ownerReferences"][0];
    assert_eq!((owner["kind"].as_str(), owner["name"].as_str()), (Some("Tenant"), Some("contoso")));
    assert_eq!(owner["uid"], estate.get("tenant/contoso")["metadata"]["uid"]);
    assert_eq!(derived["spec"]["displayName"], "NW-contoso-standard");
    assert_eq!(derived["status"]["state"], "approvalPending");
    assert!(derived["status"]["approvalLink"].is_string());
    // What a person changes in it is put right.
    estate.kubectl(["patch", "gdr", "contoso-standard", "--type=merge", "-p", r#"{"spec":{"displayName":"mine"}}"#]);
    estate.until("the name is put right", || {
        estate.get("gdaprelationship/contoso-standard")["spec"]["displayName"] == "NW-contoso-standard"
    });
    estate.end(operator);
}

#[test]
fn the_new_credential_lies_in_a_secret_of_the_app_with_named_keys() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "credential");
    let operator = estate.operator();
    estate.until_condition("partnerapp/rallied", "SecretValid", "True/Valid");
    let secret = estate.get("secret/rallied-credentials");
    let keys: Vec<&String> = secret["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["clientId", "clientSecret", "expiresAt", "keyId", "tenantId"]);
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!((owner["kind"].as_str(), owner["name"].as_str()), (Some("PartnerApp"), Some("rallied")));
    assert_eq!(secret["metadata"]["labels"]["tenantry.dev/use"], "true");
    assert_eq!(secret["metadata"]["annotations"].get("tenantry.dev/pending"), None);
    let store = estate.get("secret/tenantry-state");
    assert!(store["data"]["refreshToken"].is_string(), "the newest refresh token is kept");
    let status = estate.get("partnerapp/rallied")["status"].clone();
    assert_eq!(status["credentials"][0]["state"], "Valid");
    estate.end(operator);
}

#[test]
fn what_the_operator_does_is_what_the_plan_says_change_by_change_and_digest_by_digest() {
    let Some(cluster) = cluster() else { return };
    let files = Msp::new().plan();
    let estate = Estate::first(cluster, "digests");
    let of_cluster = estate.tenantry(&["plan", "--kube", "--namespace", "digests", "-o", "json"]);
    let of_cluster = of_cluster.ok().json();
    let changes = |plan: &Value| -> BTreeMap<String, String> {
        let all = plan["changes"].as_array().unwrap().iter();
        all.map(|c| (c["address"].as_str().unwrap().into(), c["digest"].as_str().unwrap().into())).collect()
    };
    assert_eq!(changes(&files), changes(&of_cluster));
    assert_eq!(files["hash"], of_cluster["hash"], "what stands behind the wait is the same, too");

    let operator = estate.operator();
    estate.until_invited();
    estate.settle();
    estate.cloud.approve();
    let behind = estate.tenantry(&["plan", "--kube", "--namespace", "digests", "-o", "json"]).ok().json();
    let mut wanted = changes(&files);
    wanted.extend(changes(&behind));
    estate.cloud.advance("6m");
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    let run = estate.end(operator);
    let recorded: BTreeMap<String, String> = run
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "changed")
        .map(|line| (line["address"].as_str().unwrap().into(), line["digest"].as_str().unwrap().into()))
        .collect();
    assert_eq!(recorded, wanted);
    let events = estate.events();
    for (address, digest) in &wanted {
        let told = |(_, note): &(String, String)| note.contains(address) && note.contains(digest);
        assert!(events.iter().any(told), "no event for {address}");
    }
}

#[test]
fn the_world_after_the_operator_is_the_world_after_apply() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "same-world");
    let operator = estate.operator();
    estate.until_invited();
    estate.customers_accept();
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    let world = estate.cloud.control().state_of_world();
    estate.end(operator);
    crate::support::msp::same(&world, &Msp::settled().world(), "the operator's world and that of apply");
}

#[test]
fn drift_is_found_at_the_interval_and_repaired() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "drift");
    let operator = estate.operator();
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    estate.customers_accept();
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    let world = estate.cloud.control().state_of_world();
    let mark = estate.cloud.mark();
    estate.cloud.drift("remove-grant", serde_json::json!({"tenant": "contoso.com", "app": crate::support::msp::APP, "permission": "User.ReadWrite.All"}));
    estate.cloud.advance("70m");
    estate.until("the grant is back", || estate.cloud.control().state_of_world() == world);
    assert_eq!(estate.cloud.since(&mark).writes, 1, "the one grant and nothing else");
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    estate.end(operator);
}

#[test]
fn every_field_of_a_tenant_is_explained() {
    let Some(cluster) = cluster() else { return };
    crate::support::estate::install(cluster);
    let text = cluster.kubectl_ok(["explain", "tenants.tenantry.dev.spec", "--recursive=false"]);
    insta::assert_snapshot!(text);
    // The same for every field of every kind: a line without words follows its head.
    for kind in ["partner", "partnerapp", "gdaptemplate", "gdaprelationship", "tenantclass", "tenant"] {
        let crd = std::fs::read_to_string(root().join(format!("crds/tenantry.dev_{}.yaml", plural(kind)))).unwrap();
        let fields = crd.matches("\n          ").count();
        assert!(fields > 10, "{kind}");
        for part in ["spec", "status"] {
            let text = cluster.kubectl_ok(["explain", &format!("{}.tenantry.dev.{part}", plural(kind))]);
            assert!(!text.contains("<no description>"), "{kind}.{part}:\n{text}");
        }
    }
}

fn plural(kind: &str) -> String {
    if kind.ends_with('s') { format!("{kind}es") } else { format!("{kind}s") }
}

#[test]
fn tools_that_compute_health_read_the_status_rightly_at_each_stage() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "health");
    let judge = |object: &str| {
        let verdict = health(&[estate.get(object)]).expect("the tool is there").remove(0);
        (verdict.kstatus.status, verdict.argo.status, verdict.flux.status)
    };
    let words = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(judge("tenant/contoso"), words("InProgress", "Progressing", "InProgress"), "nobody looked at it yet");
    let operator = estate.operator();
    estate.until_invited();
    assert_eq!(judge("tenant/contoso"), words("InProgress", "Suspended", "Current"), "a person has to act");
    estate.customers_accept();
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    assert_eq!(judge("tenant/contoso"), words("Current", "Healthy", "Current"));
    // A reference to nothing ends only with another declaration.
    estate.kubectl(["patch", "tenant", "contoso", "--type=merge", "-p", r#"{"spec":{"class":"nowhere"}}"#]);
    estate.until_condition("tenant/contoso", "Stalled", "True/ReferenceNotFound");
    assert_eq!(judge("tenant/contoso"), words("Failed", "Degraded", "Failed"));
    estate.kubectl(["patch", "tenant", "contoso", "--type=merge", "-p", r#"{"spec":{"class":"managed"}}"#]);
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    // Held by a finalizer of somebody else, it is on its way out.
    estate.kubectl([
        "patch",
        "tenant",
        "contoso",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":["tenantry.dev/finalizer","test.example/hold"]}}"#,
    ]);
    estate.kubectl(["delete", "tenant", "contoso", "--wait=false"]);
    assert_eq!(judge("tenant/contoso").0, "Terminating");
    estate.kubectl(["patch", "tenant", "contoso", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    estate.end(operator);
}

#[test]
fn an_observed_partner_is_compared_and_never_written() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::with_world(cluster, "observe", first_world());
    estate.apply_folder("examples/first");
    estate.kubectl(["patch", "partner", "northwind", "--type=merge", "-p", r#"{"spec":{"management":"Observe"}}"#]);
    let operator = estate.operator();
    estate.until_condition("partnerapp/rallied", "Ready", "False/Drifted");
    estate.until_condition("tenant/contoso", "Ready", "False/Drifted");
    estate.end(operator);
    let log = estate.cloud.control().requests(0, true);
    assert!(log.is_empty(), "no write verb at all: {log:?}");
    assert_eq!(estate.get("secret/rallied-credentials"), Value::Null);
}
