//! Programs of others that are pointed at the sandbox: where `hack/clients.sh` put what they need, and how they are run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use super::apiserver::is_set;
use super::cmd::Dir;
use super::server::{CA, Server};
use super::{claims, files_below, root};

/// What the programs sign in with.
pub const TENANT: &str = "6f0d3f5e-24a7-4c5b-8a0e-0d5e7c1b9a01";
pub const CLIENT: &str = "5b6c1f0a-8e6d-4f0c-9d57-3f1f6a2b7c02";
pub const SECRET: &str = "cnry-foreign-client-secret";
pub const CUSTOMER: &str = "3c0e7b6d-5d0f-4b1c-8a51-7d0f1c2e3b03";

const WORLD: &str = "world.yaml";
/// Certificate and key.
const PEM: &str = "client.pem";

/// A program, and the tools it needs.
pub enum Program {
    Python(&'static str),
    JavaScript(&'static str),
    Go,
}

/// A self-signed certificate and its key, as the world of the programs has it.
pub struct Pair {
    pub certificate: String,
    pub key: String,
    pub der: Vec<u8>,
}

/// Making an RSA key takes a moment: once for all tests.
pub static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    Pair { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
});

/// The cloud of `tests/clients/world.yaml` behind TLS.
pub fn cloud<'a>(dir: &'a Dir, more: &[&str]) -> Server<'a> {
    world(dir);
    Server::of(dir, WORLD, &[&["--tls"], more].concat())
}

/// Puts the world into a folder, as `world.yaml`.
pub fn world(dir: &Dir) {
    let world = fs::read_to_string(root().join("tests/clients/world.yaml")).unwrap();
    let pem = PAIR.certificate.lines().fold("|".to_owned(), |text, line| text + "\n            " + line);
    assert!(world.contains("\"@CERTIFICATE@\""), "the world has a place for the certificate");
    dir.write(WORLD, world.replace("\"@CERTIFICATE@\"", &pem));
}

/// Runs a program against a cloud of its own and expects `ok` in every line, as many as it says.
#[track_caller]
pub fn expect_ok(program: &Program) {
    let Some(mut command) = program.command() else { return };
    let dir = Dir::new();
    let server = cloud(&dir, &[]);
    let pem = dir.path().join(PEM);
    fs::write(&pem, format!("{}{}", PAIR.certificate, PAIR.key)).unwrap();
    let ca = dir.path().join(CA);
    let output = command
        .env("SANDBOX_URL", &server.url)
        .envs([("SANDBOX_TENANT", TENANT), ("SANDBOX_CLIENT_ID", CLIENT), ("SANDBOX_CLIENT_SECRET", SECRET)])
        .env("SANDBOX_CUSTOMER", CUSTOMER)
        .env("SANDBOX_CERTIFICATE", &pem)
        .envs(["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"].map(|name| (name, &ca)))
        .env_remove("SSL_CERT_DIR")
        .envs([("NO_PROXY", "*"), ("no_proxy", "*")])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, aside) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    dir.note("foreign", &said);
    let wrong: Vec<&str> = said.lines().filter(|line| !line.starts_with("ok ") && !line.starts_with("1..")).collect();
    assert!(wrong.is_empty(), "{}\n--- stderr\n{aside}", wrong.join("\n"));
    let count = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(said.ends_with(&format!("\n1..{count}\n")), "it did not come to its end:\n{said}\n--- stderr\n{aside}");
    assert!(output.status.success(), "{}: {aside}", output.status);
    for line in claims::expected(program.name()) {
        assert!(said.lines().any(|said| said.ends_with(&format!(" {line}"))), "a claim stands on `{line}`:\n{said}");
    }
}

impl Program {
    /// As `tests/sandbox-claims.tsv` calls it.
    fn name(&self) -> &'static str {
        match self {
            Program::Python(_) => "python",
            Program::JavaScript("browser.cjs") => "browser",
            Program::JavaScript(_) => "javascript",
            Program::Go => "go",
        }
    }

    /// What starts it, or `None`, loudly, where its tools are not installed. With `REQUIRE_CLIENTS=1`, as in `make test`,
    /// that is a failure instead.
    fn command(&self) -> Option<Command> {
        let folder = root().join("tests/clients");
        let mut command = match self {
            Program::Python(file) => {
                let tools = tools("python", &[folder.join("python/requirements.txt")])?;
                let mut command = Command::new("python3");
                command.arg(folder.join("python").join(file)).env("PYTHONPATH", tools.join("packages"));
                // Nothing is written into the clone, and the next run need not compile again.
                command.env("PYTHONPYCACHEPREFIX", tools.join("compiled"));
                command
            }
            Program::JavaScript(file) => {
                let tools = tools("javascript", &[folder.join("javascript/package-lock.json")])?;
                let mut command = Command::new("node");
                command.arg(folder.join("javascript").join(file)).env("NODE_PATH", tools.join("node_modules"));
                command
            }
            Program::Go => {
                let mut sources = files_below(&folder.join("go"), &|path| path.extension().is_some_and(|e| e == "go"));
                sources.extend(["go.mod", "go.sum"].map(|name| folder.join("go").join(name)));
                Command::new(tools("go", &sources)?.join("clients"))
            }
        };
        command.stdin(Stdio::null());
        Some(command)
    }
}

/// The folder in the cache that is named after these pins.
fn tools(name: &str, pins: &[PathBuf]) -> Option<PathBuf> {
    let digest = pins.iter().fold(Sha256::new(), |digest, path| digest.chain_update(fs::read(path).unwrap()));
    let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = cache().map(|cache| cache.join("tenantry/clients").join(format!("{name}-{digest}")));
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        return Some(folder);
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let how = format!("the {name} tools are not installed: run `make clients` (some minutes once)");
    assert!(!is_set("REQUIRE_CLIENTS"), "{how}");
    // Not eprintln!, which the test harness swallows for a test that passes.
    std::io::Write::write_all(&mut std::io::stderr(), format!("SKIPPED {test}: {how}\n").as_bytes()).unwrap();
    None
}

fn cache() -> Option<PathBuf> {
    let var = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    var("XDG_CACHE_HOME").or_else(|| Some(var("HOME").as_deref().map(Path::to_owned)?.join(".cache")))
}
