//! What GitOps tools make of an object, by their own code: `tenantry-health`, which `hack/k8s-assets.sh` builds from
//! `tests/tools/health`.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::apiserver::{VERSION, is_set};
use super::{files_below, root};

const SCRIPT: &str = "examples/argocd/health.lua";
const KUSTOMIZATION: &str = "examples/flux/kustomization.yaml";

/// All tools' word on an object.
#[derive(Debug, Deserialize)]
pub struct Health {
    pub kind: String,
    pub name: String,
    /// What Flux goes by when nothing else is said, and others with it.
    pub kstatus: Verdict,
    /// Argo CD with the script of `examples/argocd`.
    pub argo: Verdict,
    /// Flux with the expressions of `examples/flux`. `Unknown` is what it says of an expression that cannot be computed.
    pub flux: Verdict,
}

/// One tool's word on an object.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    pub status: String,
    pub message: String,
}

/// What the tools say of these objects, in the same order, or `None`, loudly, where the tool is not built. Then the test
/// returns. With `REQUIRE_APISERVER=1`, as in `make test`, that is a failure instead.
pub fn health(objects: &[Value]) -> Option<Vec<Health>> {
    Some(judge(&root().join(SCRIPT), objects)?.unwrap_or_else(|error| panic!("{error}")))
}

/// The same with another health script; the error is what the tool says.
pub fn judge(script: &Path, objects: &[Value]) -> Option<Result<Vec<Health>, String>> {
    let tool = tool()?;
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(Value::from(objects).to_string().as_bytes()).unwrap();
    input.rewind().unwrap();
    let output = Command::new(&tool)
        .arg(script)
        .arg(root().join(KUSTOMIZATION))
        .stdin(Stdio::from(input))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let answers: Vec<Health> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), objects.len(), "one answer for each object");
    Some(Ok(answers))
}

fn tool() -> Option<PathBuf> {
    let path = find();
    if path.as_ref().is_some_and(|path| path.is_file()) {
        return path;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let what = path.map_or("neither HOME nor TEST_ASSET_TENANTRY_HEALTH is set".to_owned(), |path| {
        format!("no tenantry-health at {}", path.display())
    });
    let how = "run `make k8s-assets` (needs Go, takes a minute once)";
    assert!(!is_set("REQUIRE_APISERVER"), "{what}: {how}");
    // Not eprintln!, which the test harness swallows for a test that passes.
    std::io::stderr().write_all(format!("SKIPPED {test}: {what}; {how}\n").as_bytes()).unwrap();
    None
}

/// Its own variable, else the cache of `hack/k8s-assets.sh`, which names it after its sources.
fn find() -> Option<PathBuf> {
    let var = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
    var("TEST_ASSET_TENANTRY_HEALTH").or_else(|| {
        let folder = root().join("tests/tools/health");
        let mut sources = files_below(&folder, &|path| path.extension().is_some_and(|end| end == "go"));
        sources.extend(["go.mod", "go.sum"].map(|name| folder.join(name)));
        let digest = sources.iter().fold(Sha256::new(), |digest, path| digest.chain_update(fs::read(path).unwrap()));
        let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Some(cache()?.join("tenantry/k8s").join(VERSION).join(format!("tenantry-health-{digest}")))
    })
}
