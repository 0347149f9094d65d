//! One etcd and one kube-apiserver for the whole test process: real ones, built by `hack/k8s-assets.sh`.
//!
//! They start with the first test that asks (about two seconds) and are shared; give each test names of its own.
//! There is no controller manager, so a deleted namespace stays `Terminating` and children are not collected.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The same as in `hack/k8s-assets.sh`, which builds into the cache folder of this name.
pub(super) const VERSION: &str = "1.36.4";
const ADMIN_TOKEN: &str = "token-of-the-test-admin";
const START_WITHIN: Duration = Duration::from_secs(60);
/// What a collision of ports looks like in the servers' logs.
const PORT_TAKEN: &str = "address already in use";

/// Runs a server and ends it when our end of its stdin closes, which the kernel does however the test process dies.
/// (Not PR_SET_PDEATHSIG: that fires when the *thread* ends that started the server, and tests are threads.)
/// `$1` is the folder of its log, `$2` the folder to remove afterwards or nothing, the rest the command.
const GUARD: &str = r#"
log=$1 remove=$2; shift 2
exec 3<&0
( "$@" </dev/null 3<&- >"$log.log" 2>&1 & echo $! >"$log.pid"; wait $!; echo $? >"$log.exited" ) &
cat <&3 >/dev/null
[ -e "$log.exited" ] || kill -KILL "$(cat "$log.pid")" 2>/dev/null
wait
[ -z "$remove" ] || rm -rf "$remove" || { sleep 1; rm -rf "$remove"; } # the other server may just have written
"#;

static CLUSTER: LazyLock<Result<Cluster, String>> = LazyLock::new(|| match existing_kubeconfig() {
    Some(kubeconfig) => Cluster::existing(kubeconfig),
    None => Cluster::start(),
});

/// The cluster of this test process, or `None`, loudly, where there are no binaries to make one. Then the test returns.
/// With `REQUIRE_APISERVER=1`, as in `make test`, that is a failure instead.
pub fn cluster() -> Option<&'static Cluster> {
    static MISSING: OnceLock<Result<(), String>> = OnceLock::new();
    let missing = MISSING.get_or_init(|| match existing_kubeconfig() {
        Some(_) => find("kubectl").map(drop),
        None => ["etcd", "kube-apiserver", "kubectl"].iter().try_for_each(|name| find(name).map(drop)),
    });
    if let Err(missing) = missing {
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        let how = "run `make k8s-assets` (needs Go, takes minutes once), or set KUBEBUILDER_ASSETS or USE_EXISTING_CLUSTER=true";
        assert!(!is_set("REQUIRE_APISERVER"), "{missing}: {how}");
        // Not eprintln!, which the test harness swallows for a test that passes.
        std::io::stderr().write_all(format!("SKIPPED {name}: {missing}; {how}\n").as_bytes()).unwrap();
        return None;
    }
    match &*CLUSTER {
        Ok(cluster) => Some(cluster),
        Err(error) => panic!("the API server did not start: {error}"),
    }
}

/// A cluster of a test's own, for tests that disturb it or need all of it. Loudly `None` as [`cluster`].
pub fn alone() -> Option<Cluster> {
    cluster()?;
    match Cluster::start() {
        Ok(cluster) => Some(cluster),
        Err(error) if existing_kubeconfig().is_some() => {
            let name = std::thread::current().name().unwrap_or("a test").to_owned();
            let line = format!("SKIPPED {name}: it needs an API server of its own: {error}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            None
        }
        Err(error) => panic!("the API server did not start: {error}"),
    }
}

/// A running API server and how to reach it.
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    /// What kubectl learned of the server.
    cache: PathBuf,
    /// Held, never written: see [`GUARD`].
    guards: Mutex<Vec<ChildStdin>>,
    /// Logs and process ids of servers that we started.
    dir: Option<PathBuf>,
    api_args: Vec<String>,
}

impl Cluster {
    #[allow(dead_code, reason = "for tests that start programs which speak to the cluster")]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs kubectl as administrator of the cluster, with nothing of the person's own configuration.
    pub fn kubectl<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        Command::new(&self.kubectl)
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", &self.cache)
            .env("KUBERC", "off")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// kubectl's stdout; anything else than success fails the test with what kubectl said.
    pub fn kubectl_ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let args: Vec<S> = args.into_iter().collect();
        let output = self.kubectl(&args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let shown: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
        assert!(output.status.success(), "kubectl {}: {}\n{stderr}", shown.join(" "), output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes the namespace if it is not there yet (a person's own cluster may have it from an earlier run).
    pub fn namespace(&self, name: &str) {
        if !self.kubectl(["get", "namespace", name]).status.success() {
            self.kubectl_ok(["create", "namespace", name]);
        }
    }

    /// Kills the API server and starts it again on the same port; watches break.
    pub fn restart(&self) {
        let dir = self.dir.clone().expect("a cluster of our own");
        self.signal("kube-apiserver", "KILL");
        while !dir.join("kube-apiserver.exited").exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::remove_file(dir.join("kube-apiserver.exited")).unwrap();
        self.guards.lock().unwrap().push(guarded(&dir, "kube-apiserver", false, &self.api_args).unwrap());
        self.await_readiness(&dir).unwrap();
    }

    /// `STOP` and `CONT` pause a server and let it go on: `etcd` or `kube-apiserver`.
    pub fn signal(&self, server: &str, signal: &str) {
        let pid = fs::read_to_string(self.dir.as_ref().unwrap().join(format!("{server}.pid"))).unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap();
        assert!(sent.success(), "kill -{signal} {server}");
    }

    fn existing(kubeconfig: PathBuf) -> Result<Self, String> {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubectl-cache");
        let kubectl = find("kubectl")?;
        let cluster = Self { kubeconfig, kubectl, cache, guards: Mutex::default(), dir: None, api_args: Vec::new() };
        let output = cluster.kubectl(["get", "--raw=/readyz"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(cluster) } else { Err(format!("USE_EXISTING_CLUSTER is set, but: {stderr}")) }
    }

    fn start() -> Result<Self, String> {
        match Self::start_once() {
            Err(log) if log.contains(PORT_TAKEN) => Self::start_once(),
            other => other,
        }
    }

    fn start_once() -> Result<Self, String> {
        let dir = tempfile::Builder::new().prefix("apiserver-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
        let ports = free_ports();
        write_credentials(&dir, ports[2]);
        let [etcd, peer, api] = ports.map(|port| format!("127.0.0.1:{port}"));
        let at = |name: &str| dir.join(name).display().to_string();

        let etcd_args = [
            format!("--data-dir={}", at("data")),
            format!("--listen-client-urls=http://{etcd}"),
            format!("--advertise-client-urls=http://{etcd}"),
            format!("--listen-peer-urls=http://{peer}"),
            format!("--initial-advertise-peer-urls=http://{peer}"),
            format!("--initial-cluster=default=http://{peer}"),
            "--unsafe-no-fsync".to_owned(), // the data is thrown away
        ];
        let api_args = [
            format!("--etcd-servers=http://{etcd}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", ports[2]),
            format!("--cert-dir={}", at("certs")), // it makes its own certificate there
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            format!("--service-account-issuer=https://{api}/"),
            format!("--service-account-key-file={}", at("sa.pub")),
            format!("--service-account-signing-key-file={}", at("sa.key")),
            format!("--token-auth-file={}", at("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(), // no controller manager makes the default account
        ];
        let guards = vec![
            guarded(&dir, "etcd", true, &etcd_args)?, // the folder goes with it
            guarded(&dir, "kube-apiserver", false, &api_args)?,
        ];
        let cluster = Self {
            kubeconfig: dir.join("kubeconfig"),
            kubectl: find("kubectl")?,
            cache: dir.join("cache"),
            guards: Mutex::new(guards),
            dir: Some(dir.clone()),
            api_args: api_args.into(),
        };
        cluster.await_readiness(&dir).map(|()| cluster)
    }

    fn await_readiness(&self, dir: &Path) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let certificate = dir.join("certs/apiserver.crt").exists();
            if certificate && self.kubectl(["get", "--raw=/readyz"]).status.success() {
                return Ok(());
            }
            for name in ["etcd", "kube-apiserver"] {
                let overdue = started.elapsed() > START_WITHIN;
                if overdue || dir.join(format!("{name}.exited")).exists() {
                    let log = fs::read_to_string(dir.join(format!("{name}.log"))).unwrap_or_default();
                    let tail: Vec<_> = log.lines().rev().take(20).collect();
                    let tail: Vec<_> = tail.into_iter().rev().collect();
                    return Err(format!("{name} {}:\n{}", if overdue { "is late" } else { "ended" }, tail.join("\n")));
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Starts a server under [`GUARD`], in a process group of its own, so that Ctrl-C ends it by way of the guard alone.
fn guarded(dir: &Path, name: &str, remove_dir: bool, args: &[String]) -> Result<ChildStdin, String> {
    let mut child = Command::new("sh")
        .args(["-c", GUARD, "guard"])
        .arg(dir.join(name))
        .arg(if remove_dir { dir.as_os_str() } else { OsStr::new("") })
        .arg(find(name)?)
        .args(args)
        .env_remove("KUBECONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("sh: {error}"))?;
    Ok(child.stdin.take().unwrap())
}

/// A signing key for service accounts, the administrator's token, and the kubeconfig with it.
fn write_credentials(dir: &Path, port: u16) {
    let write = |name: &str, text: &str| File::create(dir.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    write("sa.key", &pem("PRIVATE KEY", document.as_ref()));
    write("sa.pub", &pem("PUBLIC KEY", public.as_ref()));
    write("tokens.csv", &format!("{ADMIN_TOKEN},admin,1,system:masters\n"));
    let certificate = dir.join("certs/apiserver.crt");
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": { "server": format!("https://127.0.0.1:{port}"), "certificate-authority": certificate } }],
        "users": [{ "name": "admin", "user": { "token": ADMIN_TOKEN } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "admin" } }],
    });
    write("kubeconfig", &kubeconfig.to_string());
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Three ports that were free a moment ago. All are held until the last is chosen, so that they differ.
fn free_ports() -> [u16; 3] {
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// A binary, in envtest's order: its own variable, `KUBEBUILDER_ASSETS`, then the cache of `hack/k8s-assets.sh`.
fn find(name: &str) -> Result<PathBuf, String> {
    let own = format!("TEST_ASSET_{}", name.to_uppercase().replace('-', "_"));
    let var = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || {
        Some(var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")))?.join("tenantry/k8s").join(VERSION))
    };
    let path = var(&own).or_else(|| Some(var("KUBEBUILDER_ASSETS").or_else(cache)?.join(name)));
    let path = path.ok_or_else(|| format!("no {name}: neither HOME nor {own} is set"))?;
    if path.is_file() { Ok(path) } else { Err(format!("no {name} at {}", path.display())) }
}

/// The person's own cluster, when `USE_EXISTING_CLUSTER` asks for it.
fn existing_kubeconfig() -> Option<PathBuf> {
    if !is_set("USE_EXISTING_CLUSTER") {
        return None;
    }
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".kube/config"));
    std::env::var_os("KUBECONFIG").map(PathBuf::from).or_else(home)
}

pub(super) fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}
