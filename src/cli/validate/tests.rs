use std::path::Path;

use super::*;

#[test]
fn the_example_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first");
    let (problems, summary) = validate(&[folder], &[("rallied", 1)]);
    assert_eq!(problems, []);
    assert_eq!(summary.sentence(), "1 Partner, 1 PartnerApp, 1 GdapTemplate, 1 TenantClass and 1 Tenant: valid");
}

#[test]
fn a_problem_shows_its_line_and_marks_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.yaml");
    let text = "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata: { name: contoso }\nspec:\n  class: managed\n  domian: contoso.com\n  tenantId: \"ü\"   # short\n";
    std::fs::write(&path, text).unwrap();
    let (problems, summary) = validate(&[path], &[]);
    let shown: String = problems.iter().map(render).collect();
    let shown = shown.replace(&format!("{}/", folder.path().display()), "");
    insta::assert_snapshot!(shown, @r#"
    error: unknown field `domian`
     --> t.yaml:6:3
      |
    6 |   domian: contoso.com
      |   ^^^^^^
      = in: Tenant/contoso: spec.domian
      = `spec` has no such field.
      = help: Did you mean `domain`?
    error: `tenantId` has 1 character; 36 are needed
     --> t.yaml:7:13
      |
    7 |   tenantId: "ü"   # short
      |             ^^^
      = in: Tenant/contoso: spec.tenantId
      = Tenant id (directory id) of the customer. It cannot be changed.
      = help: Write it like `9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11`.
    "#);
    assert_eq!(summary.sentence(), "2 errors");
    assert!(!summary.is_valid());
}

/// Whatever stands in a file, the text about it has no control character that a terminal would act on.
#[test]
fn control_characters_of_a_file_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.yaml");
    for text in ["a: \u{1b}[31m", "kind: \"\\e[2J\"\napiVersion: tenantry.dev/v1alpha1\n", "a: [\u{9b}31m\u{7}"] {
        std::fs::write(&path, text).unwrap();
        let (problems, _) = validate(std::slice::from_ref(&path), &[]);
        let shown: String = problems.iter().map(render).collect();
        assert!(!shown.is_empty() && shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    }
}
