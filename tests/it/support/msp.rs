//! An MSP in a folder: the manifests of `examples/first`, a cloud of its own, and the program.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tenantry::sandbox::{Control, Door, Options, Profile, Sandbox};

use super::cmd::{Dir, Run};

/// What the first apply and the customer's click leave: the cloud, the sinks, the journal.
static ACCEPTED: LazyLock<Vec<Left>> = LazyLock::new(|| {
    let msp = Msp::new();
    msp.apply().code(3);
    msp.approve();
    Left::all(&msp.dir.path().join(TENANTRY), Path::new(""))
});

/// What the whole journey leaves when nothing disturbs it, and the world that other runs are compared with.
static SETTLED: LazyLock<(Vec<Left>, Value)> = LazyLock::new(|| {
    let msp = Msp::accepted();
    msp.apply().ok();
    let world = msp.world();
    (Left::all(&msp.dir.path().join(TENANTRY), Path::new("")), world)
});

/// Where the program keeps what it keeps.
const TENANTRY: &str = ".tenantry";

/// The app of the example, as it is called at Microsoft.
pub const APP: &str = "Northwind – Rallied Integration";
pub const CUSTOMER: &str = "contoso.com";
pub const PARTNER: &str = "northwind.example";

/// The mark of the example's app.
pub const MARK: &str = "tenantry-partnerapp-rallied";
/// Id of the partner tenant.
pub const HOME: &str = "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10";
const PORTAL_ID: &str = "77777777-1c2d-4e3f-8a9b-0c1d2e3f4a5b";
const PORTAL: &str = "    - displayName: Portal of the administrators
      clientId: 77777777-1c2d-4e3f-8a9b-0c1d2e3f4a5b
      secrets:
        - { name: portal, value: \"cnry-portal-secret\" }
      application:
        MicrosoftGraph:
          - Application.ReadWrite.All
          - AppRoleAssignment.ReadWrite.All
          - Group.ReadWrite.All
          - RoleManagement.ReadWrite.Directory
          - DelegatedAdminRelationship.ReadWrite.All
          - Directory.Read.All
";

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

    /// After the first apply and the click, from a copy: it is made once a process.
    pub fn accepted() -> Msp {
        Msp::with_left(&ACCEPTED)
    }

    /// As [`Msp::onboarded`], from a copy.
    pub fn settled() -> Msp {
        Msp::with_left(&SETTLED.0)
    }

    fn with_left(all: &[Left]) -> Msp {
        let msp = Msp::new();
        for left in all {
            left.put(&msp.dir.path().join(TENANTRY));
        }
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

    /// From now on the cloud behaves as a profile does.
    #[track_caller]
    pub fn cloud_behaves(&self, profile: &str) {
        self.cloud(|sandbox| sandbox.control().behaviour(&json!({ "profile": profile })).unwrap());
    }

    /// Faults that have not struck yet.
    pub fn faults(&self) -> Value {
        self.cloud(|sandbox| sandbox.control().faults(&json!({})).unwrap())
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

    /// Whether anything made a cloud yet.
    pub fn has_cloud(&self) -> bool {
        self.state().exists()
    }

    /// What was written after the first `seen` requests: method and path, with `{id}` for ids, and the status where it
    /// is no success.
    pub fn written(&self, seen: usize) -> Vec<String> {
        self.requests()[seen..].iter().filter(|r| r["write"] == true).map(written).collect()
    }

    /// The world is the one that an undisturbed journey makes, and the next plan is empty.
    #[track_caller]
    pub fn assert_undisturbed(&self, what: &str) {
        same(&self.world(), &SETTLED.1, what);
        let plan = self.plan();
        assert_eq!(plan["changes"], json!([]), "{what}");
        assert_eq!(plan["waits"], json!([]), "{what}");
    }

    /// Ids of the secrets that the app really has, in the cloud's own books.
    pub fn key_ids(&self) -> Vec<String> {
        let state: Value = serde_json::from_str(&self.dir.read(".tenantry/sandbox.json")).unwrap();
        let tenants = state["tenants"].as_object().unwrap().values();
        let apps = tenants.flat_map(|t| t["applications"].as_object().unwrap().values());
        let ours = apps.filter(|a| a["props"]["uniqueName"] == "tenantry-partnerapp-rallied");
        let secrets = ours.flat_map(|a| a["secrets"].as_array().unwrap());
        secrets.map(|secret| secret["keyId"].as_str().unwrap().to_owned()).collect()
    }

    /// Serves the cloud from this process while `act` runs, so that `--endpoint` can be given and the world can be
    /// played in the middle of a run.
    pub fn served<T>(&self, act: impl FnOnce(&str, &Control) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(self.options())).unwrap();
        let result = act(&sandbox.url(), &sandbox.control());
        runtime.block_on(sandbox.stop());
        result
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join(".tenantry/sandbox.json")
    }

    /// Takes a permission from the managing app (before `with_portal`, whose app keeps it).
    #[track_caller]
    pub fn without(self, permission: &str) -> Msp {
        self.with(".sandbox/world.yaml", &format!("          - {permission}\n"), "")
    }

    /// With an app in the partner tenant that stands for what administrators do in the portal; see [`Msp::portal`].
    pub fn with_portal(self) -> Msp {
        self.with(".sandbox/world.yaml", "customers:\n", &format!("{PORTAL}customers:\n"))
    }

    /// With a second customer, in a file of its own.
    pub fn with_fabrikam(self) -> Msp {
        let world = "customers:\n  - { tenantId: 1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22, displayName: Fabrikam, domain: fabrikam.com }\n";
        let msp = self.with(".sandbox/world.yaml", "customers:\n", world);
        let tenants = msp.dir.read("examples/first/tenants.yaml");
        let (_, tenant) = tenants.rsplit_once("---\n").unwrap();
        let ids = ("9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11", "1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22");
        msp.dir.write("examples/first/fabrikam.yaml", tenant.replace("contoso", "fabrikam").replace(ids.0, ids.1));
        msp
    }

    /// An administrator at home does something by hand at Graph, for which there is no drift: only `with_portal`.
    #[track_caller]
    pub fn portal(&self, method: &str, path: &str, body: &Value) -> Value {
        self.opened(async |sandbox| {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", PORTAL_ID),
                ("client_secret", "cnry-portal-secret"),
                ("scope", "https://graph.microsoft.com/.default"),
            ];
            let url = format!("{}/{HOME}/oauth2/v2.0/token", sandbox.url());
            let token: Value = client.post(url).form(&form).send().await.unwrap().json().await.unwrap();
            let token = token["access_token"].as_str().unwrap_or_else(|| panic!("{token}"));
            let request = client.request(method.parse().unwrap(), format!("{}/v1.0{path}", sandbox.url()));
            let request = request.bearer_auth(token);
            let request = if body.is_null() { request } else { request.json(body) };
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success(), "{method} {path}: {status} {text}");
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
        })
    }

    /// What a tenant has in the world, by its domain: `world_of(CUSTOMER, "appRoleAssignments")`.
    pub fn world_of(&self, domain: &str, list: &str) -> Vec<Value> {
        self.world()["tenants"][domain][list].as_array().unwrap_or_else(|| panic!("no {list} in {domain}")).clone()
    }

    /// The example's app as the partner tenant has it, by natural names; once.
    #[track_caller]
    pub fn registered(&self) -> Value {
        let all = self.world_of(PARTNER, "applications");
        let mut ours = all.into_iter().filter(|a| a["uniqueName"] == MARK);
        let app = ours.next().expect("it is registered");
        assert!(ours.next().is_none(), "it is registered twice");
        app
    }

    /// The same as Graph has it, ids and dates included: only `with_portal`.
    pub fn live_app(&self) -> Value {
        self.portal("GET", &format!("/applications(uniqueName='{MARK}')"), &Value::Null)
    }

    /// What `status` says of it.
    #[track_caller]
    pub fn app(&self) -> Value {
        object(&self.status(), "apps", "rallied").clone()
    }

    /// What is in the place of a secret, or nothing.
    pub fn sink(&self, key: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join(".tenantry/secrets/rallied-credentials").join(key)).ok()
    }

    fn options(&self) -> Options {
        let world = self.dir.read("examples/first/.sandbox/world.yaml");
        let world = tenantry::sandbox::world::WorldFile::from_yaml(&world).unwrap();
        Options { state: self.state(), world: Some(world), seed: 0, profile: Profile::Instant }
    }

    /// Opens the cloud while no run of the program has it. Where none was made yet, the example's is.
    fn cloud<T>(&self, act: impl FnOnce(&Sandbox) -> T) -> T {
        self.opened(async |sandbox| act(sandbox))
    }

    fn opened<T>(&self, act: impl AsyncFnOnce(&Sandbox) -> T) -> T {
        let options = self.options();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let Door::Opened(sandbox) = tenantry::sandbox::open(options).await.unwrap() else {
                panic!("a run of the program still has the cloud");
            };
            let result = act(&sandbox).await;
            sandbox.stop().await;
            result
        })
    }
}

/// One file, folder or link that a run left.
struct Left {
    name: PathBuf,
    mode: u32,
    what: What,
}

enum What {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

impl Left {
    /// A folder and all below it, the outer before the inner.
    fn all(root: &Path, name: &Path) -> Vec<Left> {
        let path = root.join(name);
        let meta = fs::symlink_metadata(&path).unwrap();
        let (what, mut below) = match meta.file_type() {
            kind if kind.is_symlink() => (What::Link(fs::read_link(&path).unwrap()), vec![]),
            kind if kind.is_dir() => {
                (What::Folder, fs::read_dir(&path).unwrap().map(|e| name.join(e.unwrap().file_name())).collect())
            }
            _ => (What::File(fs::read(&path).unwrap()), vec![]),
        };
        below.sort();
        let own = Left { name: name.to_owned(), mode: meta.permissions().mode(), what };
        std::iter::once(own).chain(below.iter().flat_map(|name| Left::all(root, name))).collect()
    }

    fn put(&self, root: &Path) {
        let path = root.join(&self.name);
        match &self.what {
            What::Link(to) => return symlink(to, path).unwrap(),
            What::Folder => fs::create_dir(&path).unwrap(),
            What::File(bytes) => fs::write(&path, bytes).unwrap(),
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(self.mode)).unwrap();
    }
}

/// `POST /groups/{id}/members/$ref`
fn written(request: &Value) -> String {
    let path = request["path"].as_str().unwrap().trim_start_matches("/v1.0").trim_start_matches("/v1");
    let is_id = |part: &str| part.len() >= 36 && part.bytes().filter(|b| *b == b'-').count() >= 4;
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect();
    let status = request["status"].as_u64().unwrap();
    let told = if (200..300).contains(&status) { String::new() } else { format!(" ({status})") };
    format!("{} {}{told}", request["method"].as_str().unwrap(), parts.join("/"))
}

/// Two worlds are the same; else their difference.
#[track_caller]
pub fn same(world: &Value, undisturbed: &Value, what: &str) {
    if world != undisturbed {
        let text = |v: &Value| serde_json::to_string_pretty(v).unwrap();
        let (old, new) = (text(undisturbed), text(world));
        let diff = similar::TextDiff::from_lines(&old, &new);
        panic!("{what}: the world differs\n{}", diff.unified_diff().context_radius(3));
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

/// One change of a plan.
#[track_caller]
pub fn change<'a>(plan: &'a Value, address: &str) -> &'a Value {
    let found = plan["changes"].as_array().unwrap().iter().find(|c| c["address"] == address);
    found.unwrap_or_else(|| panic!("no change {address} in {plan:#}"))
}

/// The one wait of a plan for a condition.
#[track_caller]
pub fn wait<'a>(plan: &'a Value, condition: &str) -> &'a Value {
    let found = plan["waits"].as_array().unwrap().iter().find(|w| w["condition"] == condition);
    found.unwrap_or_else(|| panic!("no wait for {condition} in {plan:#}"))
}

/// A list of words.
pub fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}
