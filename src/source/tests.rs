mod cases;
mod files;
mod property;
mod secrets;
mod sink;

use super::*;

/// The parts of the smallest set that works, each on its own so that tests can spoil one.
const PARTNER: &str = "
apiVersion: tenantry.dev/v1alpha1
kind: Partner
metadata: { name: northwind }
spec:
  tenantId: 5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10
  managingApp:
    clientId: 0d9b6b0e-7c3e-4a38-8a55-6c0f7ac1e2b4
    credential: { type: ClientSecret, clientSecret: { secretRef: { name: tenantry-manager, key: clientSecret } } }
    serviceAccount:
      userPrincipalName: svc-tenantry@northwind.example
      refreshToken: { seed: { secretRef: { name: tenantry-manager, key: refreshToken } }, store: { secretRef: { name: tenantry-state } } }
";
const APP: &str = "
apiVersion: tenantry.dev/v1alpha1
kind: PartnerApp
metadata: { name: rallied }
spec:
  partnerRef: { name: northwind }
  profile: { name: rallied, version: 1 }
  displayName: Northwind – Rallied Integration
";
const TEMPLATE: &str = "
apiVersion: tenantry.dev/v1alpha1
kind: GdapTemplate
metadata: { name: standard }
spec:
  partnerRef: { name: northwind }
  displayName: NW-{tenant}-standard
  grants:
    - { name: tenantry, from: Needs, groups: { displayName: \"GDAP Tenantry – {role}\", members: [{ serviceAccount: true }] } }
";
const CLASS: &str = "
apiVersion: tenantry.dev/v1alpha1
kind: TenantClass
metadata: { name: managed }
spec:
  partnerRef: { name: northwind }
  access: { mode: Gdap, gdap: { template: standard } }
  apps: [{ name: rallied }]
";
const TENANT: &str = "
apiVersion: tenantry.dev/v1alpha1
kind: Tenant
metadata: { name: contoso, labels: { ring: pilot } }
spec: { class: managed, tenantId: 9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11, domain: contoso.com }
";
const PROFILES: &[(&str, i64)] = &[("rallied", 1)];

/// Reads texts as if each were a file of its own, called `0.yaml`, `1.yaml` and so on.
fn load_texts(texts: &[&str]) -> Result<Inputs, Vec<Problem>> {
    let texts =
        texts.iter().enumerate().map(|(index, text)| Arc::new(Text::new(&format!("{index}.yaml"), text.to_string())));
    read(texts.collect(), Vec::new(), PROFILES)
}

/// What is wrong with a text beside the rest of a whole set, in one line for each problem.
fn told(text: &str) -> String {
    let kinds = [("Partner", PARTNER), ("PartnerApp", APP), ("GdapTemplate", TEMPLATE), ("TenantClass", CLASS)];
    let mut texts = vec![text];
    for (kind, whole) in kinds {
        if !text.contains(&format!("kind: {kind}\n")) {
            texts.push(whole);
        }
    }
    let problems = match load_texts(&texts) {
        Ok(inputs) => inputs.notes,
        Err(problems) => problems,
    };
    let lines = problems.iter().map(|problem| {
        let parts = [&problem.address, &problem.path, &problem.summary, &problem.detail, &problem.remedy];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
        format!("{} {} {}", problem.severity.as_str(), problem.place, parts.join(" | "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_right_is_read_with_defaults_and_places() {
    let inputs = load_texts(&[TENANT, CLASS, TEMPLATE, APP, PARTNER]).unwrap();
    assert_eq!(inputs.notes, []);
    let (object, spec) = inputs.objects.gdap_template("default", "standard").unwrap();
    assert_eq!(spec.duration, "730d");
    assert!(!spec.auto_extend);
    assert_eq!(object.address(), "GdapTemplate/standard");
    assert_eq!(object.place_of("spec.grants[0].groups.members[0].serviceAccount").to_string(), "2.yaml:9:115");
    assert_eq!(object.place_of("spec.duration").to_string(), "2.yaml:5:1", "what is not written is where it would be");
    let (_, tenant) = inputs.objects.tenant("default", "contoso").unwrap();
    assert_eq!(tenant.domain, "contoso.com");
    assert_eq!(inputs.objects.of(crate::api::Kind::Tenant).next().unwrap().labels["ring"], "pilot");
    assert_eq!(inputs.objects.len(), 5);
}

#[test]
fn a_stream_of_json_and_a_list_are_read_too() {
    let json: Vec<String> = [TENANT, CLASS, TEMPLATE].iter().map(|text| yaml_to_json(text)[0].to_string()).collect();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [yaml_to_json(APP)[0], yaml_to_json(PARTNER)[0]] });
    let pretty = serde_json::to_string_pretty(&list).unwrap().replace("  ", "\t");
    let inputs = load_texts(&[&json.concat(), &pretty]).unwrap();
    assert_eq!(inputs.objects.len(), 5);
    let (tenant, _) = inputs.objects.tenant("default", "contoso").unwrap();
    assert_eq!(tenant.place.to_string(), "0.yaml:1:2");
    let (class, _) = inputs.objects.tenant_class("default", "managed").unwrap();
    assert_eq!(class.place.column as usize, json[0].len() + 2, "places of one line count on");
    assert_eq!(yaml_to_json(r#"{"a": "\ud83d\ude00 \\ud83d \" é"}"#)[0]["a"], "😀 \\ud83d \" é");
}

#[test]
fn documents_are_cut_at_their_marks_only() {
    let read = |text: &str| serde_json::Value::Array(yaml_to_json(text)).to_string();
    assert_eq!(read("a: 1\n---\nb: 2\n...\n---\n# nothing\n---\nc: 3"), r#"[{"a":1},{"b":2},{"c":3}]"#);
    assert_eq!(read("--- # first\na: |\n  x\n  ---\n  y\n--- {b: 2}\n"), r#"[{"a":"x\n---\ny\n"},{"b":2}]"#);
    assert_eq!(read("%YAML 1.2\n---\na: 1\n"), r#"[{"a":1}]"#);
    assert_eq!(read("a: 1\r\n---\r\nb: yes\r\n"), r#"[{"a":1},{"b":true}]"#);
    assert_eq!(read("---\n---\n"), "[]");
    assert_eq!(read("{a: 1, b: yes}\n---\nc: 1"), r#"[{"a":1,"b":true},{"c":1}]"#, "a mapping of YAML, not JSON");
    assert_eq!(read(""), "[]");
}

#[test]
fn anchors_and_merge_keys_are_written_out() {
    let read = |text: &str| yaml_to_json(text)[0].to_string();
    assert_eq!(
        read("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: *x\n"),
        r#"{"a":{"b":1,"c":2},"d":{"b":1,"c":3},"e":{"b":1,"c":2}}"#
    );
    assert_eq!(
        read("a: &x {b: 1}\nb: &y {b: 2, c: 2}\nd: {<<: [*x, *y]}"),
        r#"{"a":{"b":1},"b":{"b":2,"c":2},"d":{"b":1,"c":2}}"#
    );
    assert_eq!(read("1: a\nyes: b\n1.5: c\n"), r#"{"1":"a","1.5":"c","true":"b"}"#);
}

#[test]
fn a_text_that_grows_without_end_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    insta::assert_snapshot!(told(&bomb), @r"error 0.yaml:6:40  |  | the aliases of the inputs stand for more than 1000000 values |  |");
    let deep = format!("a: {}{}", "[".repeat(230), "]".repeat(230));
    insta::assert_snapshot!(told(&deep), @r"error 0.yaml:1:204  |  | the document is nested deeper than 200 levels |  |");
    let mut chain = String::from("a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n");
    for level in 1..40 {
        chain.push_str(&format!("a{level}: &a{level} [[[[[[[[[[*a{}]]]]]]]]]]\n", level - 1));
    }
    assert!(told(&chain).contains("nested deeper than 200 levels"), "{}", told(&chain));
    assert!(told("a: &a [*a]").starts_with("error 0.yaml:1:8"), "{}", told("a: &a [*a]"));
}
