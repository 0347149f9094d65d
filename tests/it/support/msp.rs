//! An MSP in a folder: the manifests of `examples/first`, a cloud of its own, and the program.

use std::path::PathBuf;

use serde_json::{Value, json};
use tenantry::sandbox::{Door, Options, Profile, Sandbox};

use super::cmd::{Dir, Run};

/// The app of the example, as it is called at Microsoft.
pub const APP: &str = "Northwind – Rallied Integration";
pub const CUSTOMER: &str = "contoso.com";
pub const PARTNER: &str = "northwind.example";

/// The example's MSP, before the first apply.
pub struct Msp {
    pub dir: Dir,
}

impl Msp {
    pub fn new() -> Msp {
        let dir = Dir::new();
        dir.copy("examples/first");
        Msp { dir }
    }

    /// With a piece of a manifest (or of `.sandbox/world.yaml`) exchanged. The piece must be there.
    #[track_caller]
    pub fn with(self, file: &str, piece: &str, other: &str) -> Msp {
        let name = format!("examples/first/{file}");
        let text = self.dir.read(&name);
        assert!(text.contains(piece), "{file} has no {piece:?}:\n{text}");
        self.dir.write(&name, text.replace(piece, other));
        self
    }

    /// `tenantry COMMAND -f examples/first --sandbox …`
    pub fn run(&self, command: &str, more: &[&str]) -> Run {
        self.dir.run([&[command, "-f", "examples/first", "--sandbox"], more].concat())
    }

    /// Applies without a question; the exit code is the caller's to judge.
    pub fn apply(&self) -> Run {
        self.run("apply", &["--auto-approve"])
    }

    /// `plan -o json`, which must not fail.
    #[track_caller]
    pub fn plan(&self) -> Value {
        self.run("plan", &["-o", "json"]).ok().json()
    }

    #[track_caller]
    pub fn status(&self) -> Value {
        self.run("status", &["-o", "json"]).ok().json()
    }

    /// The customer's administrator accepts all invitations.
    #[track_caller]
    pub fn approve(&self) {
        self.dir.run(["sandbox", "approve", "--all"]).ok();
    }

    #[track_caller]
    pub fn advance(&self, time: &str) {
        self.dir.run(["sandbox", "advance", time]).ok();
    }

    /// From nothing to Ready.
    #[track_caller]
    pub fn onboarded() -> Msp {
        let msp = Msp::new();
        msp.onboard();
        msp
    }

    #[track_caller]
    pub fn onboard(&self) {
        self.apply().code(3);
        self.approve();
        self.apply().ok();
    }

    /// The world moves behind our back: `drift("remove-grant", json!({"tenant": …}))`.
    #[track_caller]
    pub fn drift(&self, kind: &str, mut what: Value) {
        what["kind"] = json!(kind);
        self.cloud(|sandbox| sandbox.control().drift(&what).unwrap());
    }

    /// A fault, as `POST /_sandbox/faults` takes it.
    #[track_caller]
    pub fn fault(&self, wish: Value) {
        self.cloud(|sandbox| sandbox.control().faults(&wish).unwrap());
    }

    /// The world by natural names: what two runs must have in common.
    pub fn world(&self) -> Value {
        self.cloud(|sandbox| sandbox.control().state_of_world())
    }

    /// Requests that the cloud has answered, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        let log = self.cloud(|sandbox| sandbox.control().requests(0, false));
        log.iter().map(|entry| serde_json::to_value(entry).unwrap()).collect()
    }

    /// How many of them changed something.
    pub fn writes(&self) -> usize {
        self.requests().iter().filter(|r| r["write"] == true).count()
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join(".tenantry/sandbox.json")
    }

    /// Opens the cloud while no run of the program has it. Where none was made yet, the example's is.
    fn cloud<T>(&self, act: impl FnOnce(&Sandbox) -> T) -> T {
        let world = self.dir.read("examples/first/.sandbox/world.yaml");
        let world = tenantry::sandbox::world::WorldFile::from_yaml(&world).unwrap();
        let options = Options { state: self.state(), world: Some(world), seed: 0, profile: Profile::Instant };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let Door::Opened(sandbox) = tenantry::sandbox::open(options).await.unwrap() else {
                panic!("a run of the program still has the cloud");
            };
            let result = act(&sandbox);
            sandbox.stop().await;
            result
        })
    }
}

/// One object of `status -o json`.
#[track_caller]
pub fn object<'a>(status: &'a Value, list: &str, name: &str) -> &'a Value {
    let all = status[list].as_array().unwrap_or_else(|| panic!("no {list} in {status:#}"));
    all.iter().find(|o| o["name"] == name).unwrap_or_else(|| panic!("no {name} among {list}"))
}

/// `Status/Reason` of a condition: `True/Granted`.
#[track_caller]
pub fn condition(object: &Value, kind: &str) -> String {
    let all = object["conditions"].as_array().unwrap();
    let found = all.iter().find(|c| c["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {object:#}"));
    format!("{}/{}", found["status"].as_str().unwrap(), found["reason"].as_str().unwrap())
}

/// Addresses of a plan's changes.
pub fn addresses(plan: &Value) -> Vec<&str> {
    plan["changes"].as_array().unwrap().iter().map(|c| c["address"].as_str().unwrap()).collect()
}
