//! Files, folders, standard input, and limits.

use std::fs;
use std::path::Path;

use super::*;

fn lines(result: Result<Inputs, Vec<Problem>>, root: &Path) -> String {
    let problems = match result {
        Ok(inputs) => inputs.notes,
        Err(problems) => problems,
    };
    let root = format!("{}/", root.display());
    let lines = problems
        .iter()
        .map(|p| format!("{} {} {} | {} | {}", p.severity.as_str(), p.place, p.summary, p.detail, p.remedy));
    lines.collect::<Vec<_>>().join("\n").replace(&root, "")
}

fn load_from(root: &Path, paths: &[&str], stdin: &str) -> Result<Inputs, Vec<Problem>> {
    let paths: Vec<PathBuf> =
        paths.iter().map(|path| if *path == "-" { path.into() } else { root.join(path) }).collect();
    load_with(&paths, PROFILES, &mut stdin.as_bytes())
}

#[test]
fn folders_are_read_in_order_and_hidden_names_left_out() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("in/b/tenant.yaml", TENANT);
    write("in/a.yml", CLASS);
    write("in/c.JSON", &yaml_to_json(TEMPLATE)[0].to_string());
    write("in/.sandbox/world.yaml", "partner: {}\n");
    write("in/.hidden.yaml", "x: [\n");
    write("in/README.md", "# not a manifest");
    std::os::unix::fs::symlink("..", root.path().join("in/b/circle")).unwrap();
    let stdin = format!("{APP}---{PARTNER}");
    let inputs = load_from(root.path(), &["in", "-", "in/a.yml"], &stdin).unwrap();
    let names: Vec<String> = inputs.objects.iter().map(Object::address).collect();
    assert_eq!(
        names,
        ["TenantClass/managed", "Tenant/contoso", "GdapTemplate/standard", "PartnerApp/rallied", "Partner/northwind"]
    );
    assert_eq!(inputs.objects.partner("default", "northwind").unwrap().0.place.file.as_ref(), "-");
    // A file that is named is read, whatever it is called.
    assert!(lines(load_from(root.path(), &["in/.hidden.yaml"], ""), root.path()).contains("unreadable YAML"));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("empty")).unwrap();
    fs::write(root.path().join("latin1.yaml"), b"a: 1\nb: caf\xe9\n").unwrap();
    fs::write(root.path().join("utf16.yaml"), b"\xff\xfea\0:\0").unwrap();
    fs::write(root.path().join("bom.yaml"), format!("\u{feff}{}", PARTNER.trim_start())).unwrap();
    fs::write(root.path().join("nothing.yaml"), "").unwrap();
    let told = |paths: &[&str]| lines(load_from(root.path(), paths, ""), root.path());
    insta::assert_snapshot!(told(&["missing.yaml", "empty", "latin1.yaml", "utf16.yaml"]), @r"
    error missing.yaml the path cannot be read | No such file or directory. | Check the path given with -f.
    error empty the folder holds no manifest |  | Manifests end in .yaml, .yml or .json; names that begin with a dot are left out.
    error utf16.yaml:1 the file is not UTF-8 |  | Save it as UTF-8.
    error latin1.yaml:2 the file is not UTF-8 |  | Save it as UTF-8.
    ");
    insta::assert_snapshot!(told(&["bom.yaml", "nothing.yaml"]), @r"note nothing.yaml the file holds no document |  |");
    insta::assert_snapshot!(told(&["nothing.yaml"]), @r"
    note nothing.yaml the file holds no document |  | 
    error  the inputs hold no object of Tenantry |  | Give manifests with -f; examples/first shows what they look like.
    ");
    insta::assert_snapshot!(told(&[]), @r"error  the inputs hold no object of Tenantry |  | Give manifests with -f; examples/first shows what they look like.");
}

#[test]
fn limits_are_named() {
    let root = tempfile::tempdir().unwrap();
    let many = "---\na: 1\n".repeat(MAX_DOCUMENTS + 1);
    fs::write(root.path().join("many.yaml"), many).unwrap();
    let told = lines(load_from(root.path(), &["many.yaml"], ""), root.path());
    assert_eq!(
        told,
        "error many.yaml the inputs have more than 100000 documents |  | Give fewer files at once, for example one folder for each ring of tenants."
    );
    let file = fs::File::create(root.path().join("big.yaml")).unwrap();
    file.set_len(MAX_BYTES + 1).unwrap();
    let told = lines(load_from(root.path(), &["big.yaml"], ""), root.path());
    assert!(told.starts_with("error big.yaml the inputs have more than 64 MiB |"), "{told}");
}
