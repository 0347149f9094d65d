//! An MSP in a cluster: a namespace with its objects, a cloud of its own, and the operator as a process.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenantry::sandbox::world::WorldFile;
use tenantry::sandbox::{Control, Options, Profile, Sandbox, Serving, serve};
use tokio::runtime::Runtime;

use super::apiserver::Cluster;
use super::cmd::{Dir, Run, Running};
use super::{files_below, root};

/// How long something may take that takes moments.
pub const SOON: Duration = Duration::from_secs(60);

/// The cloud, served by this process: the operator is another one.
pub struct Cloud {
    runtime: Runtime,
    sandbox: Option<Sandbox>,
    options: Options,
    serving: Serving,
    silence: Option<tokio::task::JoinHandle<()>>,
}

impl Cloud {
    pub fn serve(dir: &Dir, world: WorldFile) -> Cloud {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = dir.path().join("cloud/sandbox.json");
        let options = Options { state, world: Some(world), seed: 1, profile: Profile::Instant };
        let sandbox = runtime.block_on(serve(options.clone(), Serving::default())).unwrap().sandbox;
        // Always at the same address, also after it was away.
        let listen = sandbox.url().trim_start_matches("http://").to_owned();
        Cloud {
            runtime,
            sandbox: Some(sandbox),
            options,
            serving: Serving { listen, ..Serving::default() },
            silence: None,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.serving.listen)
    }

    pub fn control(&self) -> Control {
        self.sandbox.as_ref().expect("it is served").control()
    }

    /// Nobody answers any more: connections are cut. The port stays taken, so that no other test's cloud comes to be there.
    pub fn vanish(&mut self) {
        let sandbox = self.sandbox.take().unwrap();
        self.runtime.block_on(sandbox.stop());
        let listener = self.runtime.block_on(tokio::net::TcpListener::bind(&self.serving.listen)).unwrap();
        self.silence = Some(self.runtime.spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                drop(connection);
            }
        }));
    }

    /// Answers again, at the same address and with the same state.
    pub fn return_(&mut self) {
        if let Some(silence) = self.silence.take() {
            silence.abort();
            let _ = self.runtime.block_on(silence);
        }
        let served = serve(self.options.clone(), self.serving.clone());
        self.sandbox = Some(self.runtime.block_on(served).unwrap().sandbox);
    }

    pub fn approve(&self) {
        self.control().approve_all().unwrap();
    }

    pub fn advance(&self, time: &str) {
        let seconds: u64 = time.parse::<jiff::SignedDuration>().unwrap().as_secs().try_into().unwrap();
        self.control().advance(seconds.try_into().unwrap()).unwrap();
    }

    pub fn drift(&self, kind: &str, mut what: Value) {
        what["kind"] = json!(kind);
        self.control().drift(&what).unwrap();
    }

    pub fn fault(&self, wish: Value) {
        self.control().faults(&wish).unwrap();
    }

    /// What was asked since a mark.
    pub fn since(&self, mark: &Mark) -> Cost {
        let all = self.control().requests(mark.0, false);
        assert!(all.len() < 20_000, "the log is full");
        Cost {
            tokens: all.iter().filter(|e| e.token).count(),
            http: all.iter().filter(|e| !e.token && e.batch.is_none()).count(),
            writes: all.iter().filter(|e| e.write).count(),
        }
    }

    pub fn mark(&self) -> Mark {
        Mark(self.control().requests(0, false).last().map_or(0, |entry| entry.seq))
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.stop());
        }
    }
}

/// A moment in the cloud's log.
pub struct Mark(u64);

/// What something cost at Microsoft's side.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Cost {
    pub http: usize,
    pub tokens: usize,
    pub writes: usize,
}

/// An MSP in a namespace.
pub struct Estate<'a> {
    pub dir: Dir,
    pub cloud: Cloud,
    pub cluster: &'a Cluster,
    pub namespace: String,
}

impl<'a> Estate<'a> {
    /// The objects of `examples/first` in a namespace of that name, and its world.
    pub fn first(cluster: &'a Cluster, namespace: &str) -> Estate<'a> {
        let estate = Estate::with_world(cluster, namespace, first_world());
        estate.apply_folder("examples/first");
        estate
    }

    /// The same, Ready, with everything at Microsoft; no operator runs any more.
    pub fn onboarded(cluster: &'a Cluster, namespace: &str) -> Estate<'a> {
        let estate = Estate::first(cluster, namespace);
        let operator = estate.operator();
        estate.until_invited();
        estate.customers_accept();
        estate.until_condition("tenant/contoso", "Ready", "True/Ready");
        estate.end(operator);
        estate
    }

    /// Waits until all that `examples/first` needs is there but for the customer's click.
    pub fn until_invited(&self) {
        self.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
        self.until_condition("partnerapp/rallied", "Ready", "True/Ready");
    }

    /// A namespace and a cloud; no objects yet.
    pub fn with_world(cluster: &'a Cluster, namespace: &str, world: WorldFile) -> Estate<'a> {
        install(cluster);
        cluster.namespace(namespace);
        let dir = Dir::new();
        let cloud = Cloud::serve(&dir, world);
        Estate { dir, cloud, cluster, namespace: namespace.to_owned() }
    }

    /// `kubectl apply` of a folder of the clone, as a person does it: anything that kubectl warns of fails the test.
    #[track_caller]
    pub fn apply_folder(&self, folder: &str) {
        let files = files_below(&root().join(folder), &|path| path.extension().is_some_and(|end| end == "yaml"));
        let mut args = vec!["apply".to_owned(), "--server-side".into(), "--validate=strict".into(), self.scope()];
        for file in files {
            args.extend(["-f".into(), file.display().to_string()]);
        }
        let output = self.cluster.kubectl(&args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "kubectl apply -f {folder}:\n{said}");
        // The values of the example's Secret are canaries.
        self.dir.write("planted", "cnry-example-client-secret");
    }

    /// `kubectl apply` of a text.
    #[track_caller]
    pub fn apply(&self, text: &str) {
        let file = self.dir.write("applied.yaml", text);
        self.kubectl([
            "apply",
            "--server-side",
            "--validate=strict",
            "--force-conflicts",
            "-f",
            &file.display().to_string(),
        ]);
    }

    fn scope(&self) -> String {
        format!("--namespace={}", self.namespace)
    }

    /// kubectl in the namespace.
    #[track_caller]
    pub fn kubectl<'b>(&self, args: impl IntoIterator<Item = &'b str>) -> String {
        let args: Vec<String> = args.into_iter().map(str::to_owned).chain([self.scope()]).collect();
        self.cluster.kubectl_ok(&args)
    }

    /// An object, or null.
    pub fn get(&self, object: &str) -> Value {
        let args = ["get", object, "-o", "json", "--ignore-not-found", &self.scope()].map(str::to_owned);
        let output = self.cluster.kubectl(&args);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// All objects of a kind.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        self.get(kind)["items"].as_array().cloned().unwrap_or_default()
    }

    /// Events, newest last: `Reason: note`.
    pub fn events(&self) -> Vec<(String, String)> {
        let word = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
        self.all("events.events.k8s.io").iter().map(|e| (word(e, "reason"), word(e, "note"))).collect()
    }

    /// `Status/Reason` of a condition.
    pub fn condition(&self, object: &str, kind: &str) -> String {
        let object = self.get(object);
        let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let word = |c: &Value, name: &str| c[name].as_str().unwrap_or_default().to_owned();
        let found = all.iter().find(|c| c["type"] == kind);
        found.map_or_else(|| "-".into(), |c| format!("{}/{}", word(c, "status"), word(c, "reason")))
    }

    /// Starts the operator for this namespace.
    pub fn operator(&self) -> Running<'_> {
        self.operator_with(&["--namespace", &self.namespace, "--allow-endpoint", "127.0.0.1"])
    }

    /// The same with other flags.
    pub fn operator_with(&self, flags: &[&str]) -> Running<'_> {
        let url = self.cloud.url();
        let mut common = vec!["operator", "--endpoint", &url, "--clock", "cloud", "--log-level", "debug"];
        if !flags.contains(&"--metrics-listen") {
            common.extend(["--metrics-listen", ""]);
        }
        let kubeconfig = self.cluster.kubeconfig().display().to_string();
        self.dir.cmd([&common[..], flags].concat()).env("KUBECONFIG", &kubeconfig).start()
    }

    /// `tenantry …` with the cluster's kubeconfig and this cloud.
    pub fn tenantry(&self, args: &[&str]) -> Run {
        let kubeconfig = self.cluster.kubeconfig().display().to_string();
        let url = self.cloud.url();
        self.dir.cmd([args, &["--endpoint", &url]].concat()).env("KUBECONFIG", &kubeconfig).run()
    }

    /// Waits for something; else fails with what there is.
    #[track_caller]
    pub fn until(&self, what: &str, is: impl Fn() -> bool) {
        let started = Instant::now();
        while !is() {
            if started.elapsed() > SOON {
                let there = self.cluster.kubectl(["get", "tenantry", "-o", "yaml", &self.scope()]);
                panic!("not within {SOON:?}: {what}\n{}", String::from_utf8_lossy(&there.stdout));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for a condition: `until_condition("tenant/contoso", "Ready", "True/Ready")`.
    #[track_caller]
    pub fn until_condition(&self, object: &str, kind: &str, wanted: &str) {
        self.until(&format!("{kind} of {object} is {wanted}"), || self.condition(object, kind) == wanted);
    }

    /// Until the cloud is not asked any more.
    #[track_caller]
    pub fn settle(&self) {
        let quiet = || {
            let mark = self.cloud.mark();
            std::thread::sleep(Duration::from_millis(700));
            let cost = self.cloud.since(&mark);
            cost.http + cost.tokens == 0
        };
        let started = Instant::now();
        while !quiet() {
            assert!(started.elapsed() < 4 * SOON, "it does not come to rest");
        }
    }

    /// All customers accept; the operator looks after them every five minutes.
    #[track_caller]
    pub fn customers_accept(&self) {
        self.settle(); // a look that is under way would still see the invitation
        self.cloud.approve();
        self.cloud.advance("6m");
    }

    /// Versions of all objects: a status write changes one.
    pub fn versions(&self) -> Vec<(String, String)> {
        let version = |object: &Value| {
            let word = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            (format!("{}/{}", word("/kind"), word("/metadata/name")), word("/metadata/resourceVersion"))
        };
        self.get("tenantry")["items"].as_array().into_iter().flatten().map(version).collect()
    }

    /// Ends the operator as Kubernetes does, and notes all that anybody can see for the search for leaked secrets.
    #[track_caller]
    pub fn end(&self, operator: Running<'_>) -> Run {
        operator.terminate();
        let run = operator.wait();
        run.ok();
        for kind in ["tenantry", "events.events.k8s.io"] {
            self.dir.note(&format!("cluster-{kind}"), &self.kubectl(["get", kind, "-o", "yaml"]));
        }
        run
    }
}

/// The world of `examples/first`.
pub fn first_world() -> WorldFile {
    let text = std::fs::read_to_string(root().join("examples/first/.sandbox/world.yaml")).unwrap();
    WorldFile::from_yaml(&text).unwrap()
}

/// Our CRDs, from the clone.
pub fn install(cluster: &Cluster) {
    let folder = root().join("crds");
    let apply = ["apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", path(&folder)];
    cluster.kubectl_ok(apply);
    let names = ["partners", "partnerapps", "gdaptemplates", "gdaprelationships", "tenantclasses", "tenants"];
    let names = names.map(|name| format!("crd/{name}.tenantry.dev"));
    let wait = ["wait", "--for=condition=Established", "--timeout=30s"].map(str::to_owned);
    cluster.kubectl_ok(wait.into_iter().chain(names));
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
