//! A small world, its server, and a client that speaks to it as anybody would.
use std::path::PathBuf;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::sandbox::world::WorldFile;
use crate::sandbox::{ClockWish, Control, Options, Profile, Sandbox, Serving, serve};

pub const PARTNER: &str = "5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10";
pub const CONTOSO: &str = "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11";
pub const FABRIKAM: &str = "1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22";
pub const MANAGER: &str = "0d9b6b0e-7c3e-4a38-8a55-6c0f7ac1e2b4";
/// May read only.
pub const READER: &str = "11111111-7c3e-4a38-8a55-6c0f7ac1e2b4";
/// May manage only what it made.
pub const OWNER: &str = "22222222-7c3e-4a38-8a55-6c0f7ac1e2b4";
pub const SECRET: &str = "cnry-bootstrap-secret";
pub const REFRESH: &str = "cnry-refresh-token";
pub const WEAK_REFRESH: &str = "cnry-refresh-without-mfa";

pub const GRAPH: &str = "https://graph.microsoft.com/.default";
pub const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com/user_impersonation";
pub const EXCHANGE: &str = "https://outlook.office365.com/.default";

pub const PRIVILEGED: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";
pub const CLOUD_APP: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";
pub const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
pub const EXCHANGE_ADMIN: &str = "29232cdf-9323-42fd-ade2-1d097af3e4de";

const WORLD: &str = r#"
seed: 7
partner:
  tenantId: 5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10
  displayName: Northwind MSP
  domain: northwind.example
  users:
    - userPrincipalName: svc-tenantry@northwind.example
      displayName: Tenantry service account
      mfa: true
      adminAgents: true
      refreshTokens: [{ app: Tenantry Manager, value: cnry-refresh-token }]
    - userPrincipalName: weak@northwind.example
      mfa: false
      adminAgents: true
      refreshTokens: [{ app: Tenantry Manager, value: cnry-refresh-without-mfa }]
  apps:
    - displayName: Tenantry Manager
      clientId: 0d9b6b0e-7c3e-4a38-8a55-6c0f7ac1e2b4
      secrets:
        - { name: bootstrap, value: cnry-bootstrap-secret, expiresIn: 365d }
        - { name: old, value: cnry-expired-secret, expiresIn: 0 }
      application:
        MicrosoftGraph: [Application.ReadWrite.All, Group.ReadWrite.All, AppRoleAssignment.ReadWrite.All, RoleManagement.ReadWrite.Directory,
          DelegatedAdminRelationship.ReadWrite.All, Directory.Read.All, DelegatedPermissionGrant.ReadWrite.All, CrossTenantInformation.ReadBasic.All, User.Read.All]
      delegated:
        MicrosoftGraph: [DelegatedAdminRelationship.ReadWrite.All, Directory.Read.All]
        MicrosoftPartnerCenter: [user_impersonation]
    - displayName: Reader
      clientId: 11111111-7c3e-4a38-8a55-6c0f7ac1e2b4
      secrets: [{ name: s, value: cnry-bootstrap-secret }]
      application: { MicrosoftGraph: [Application.Read.All, Group.ReadWrite.All] }
    - displayName: Owner
      clientId: 22222222-7c3e-4a38-8a55-6c0f7ac1e2b4
      secrets: [{ name: s, value: cnry-bootstrap-secret }]
      application: { MicrosoftGraph: [Application.ReadWrite.OwnedBy] }
  groups: [{ displayName: Service Team, members: [svc-tenantry@northwind.example] }]
customers:
  - { tenantId: 9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11, displayName: Contoso, domain: contoso.com, users: 25 }
  - { tenantId: 1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22, displayName: Fabrikam, domain: fabrikam.example, exchange: false, commercial: false }
"#;

pub fn world() -> WorldFile {
    WorldFile::from_yaml(WORLD).unwrap()
}

pub struct Cloud {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
    pub folder: tempfile::TempDir,
}

pub struct Got {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Got {
    async fn of(r: Response) -> Got {
        let (status, headers) = (r.status(), r.headers().clone());
        let text = r.text().await.unwrap();
        Got { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
    pub fn aadsts(&self) -> u64 {
        self.body["error_codes"][0].as_u64().unwrap_or_default()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
    pub fn text(&self, pointer: &str) -> String {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.text))
            .to_owned()
    }
    /// The answer, when its status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Got {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

impl Cloud {
    pub async fn new() -> Cloud {
        Cloud::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut WorldFile)) -> Cloud {
        let mut world = world();
        change(&mut world);
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(options(folder.path().join("sandbox.json"), Some(world))).await.unwrap();
        Cloud { sandbox, http: reqwest::Client::new(), folder }
    }

    /// With a clock that moves only when it is told to, and so much of Microsoft's behaviour in time.
    pub async fn still(behaviour: Value) -> Cloud {
        Cloud::still_with(behaviour, |_| ()).await
    }

    pub async fn still_with(mut behaviour: Value, change: impl FnOnce(&mut WorldFile)) -> Cloud {
        let mut world = world();
        let wish = behaviour.as_object_mut().unwrap();
        world.profile = wish.remove("profile").map(|p| p.as_str().unwrap().parse().unwrap());
        world.behaviour = wish.clone();
        change(&mut world);
        let folder = tempfile::tempdir().unwrap();
        let clock = Some(ClockWish::Fixed("2026-11-23T10:00:00Z".parse().unwrap()));
        let options = options(folder.path().join("sandbox.json"), Some(world));
        let served = serve(options, Serving { clock, ..Serving::default() }).await.unwrap();
        Cloud { sandbox: served.sandbox, http: reqwest::Client::new(), folder }
    }

    pub fn control(&self) -> Control {
        self.sandbox.control()
    }

    pub fn state_file(&self) -> PathBuf {
        self.folder.path().join("sandbox.json")
    }

    pub async fn form(&self, tenant: &str, fields: &[(&str, &str)]) -> Got {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.sandbox.url());
        Got::of(self.http.post(url).form(fields).send().await.unwrap()).await
    }

    /// App-only by the world's secret.
    pub async fn app_token(&self, client: &str, tenant: &str, scope: &str) -> Got {
        self.app_token_by(client, SECRET, tenant, scope).await
    }

    pub async fn app_token_by(&self, client: &str, secret: &str, tenant: &str, scope: &str) -> Got {
        self.form(
            tenant,
            &[("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret), ("scope", scope)],
        )
        .await
    }

    pub async fn user_token_by(&self, refresh: &str, tenant: &str, scope: &str) -> Got {
        self.form(
            tenant,
            &[
                ("grant_type", "refresh_token"),
                ("client_id", MANAGER),
                ("client_secret", SECRET),
                ("refresh_token", refresh),
                ("scope", scope),
            ],
        )
        .await
    }

    pub async fn user_token(&self, tenant: &str, scope: &str) -> Got {
        self.user_token_by(REFRESH, tenant, scope).await
    }

    /// The managing app at home.
    pub async fn home(&self) -> Api<'_> {
        self.api(self.app_token(MANAGER, PARTNER, GRAPH).await)
    }

    pub fn api(&self, token: Got) -> Api<'_> {
        Api { cloud: self, token: token.is(200).text("/access_token") }
    }
}

pub fn options(state: PathBuf, world: Option<WorldFile>) -> Options {
    Options { state, world, seed: 1, profile: Profile::Instant }
}

/// The claims inside an access token.
pub fn claims(token: &str) -> Value {
    let payload = crate::sandbox::ids::unb64(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// One caller with its token.
pub struct Api<'a> {
    pub cloud: &'a Cloud,
    pub token: String,
}

impl Api<'_> {
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Got {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.cloud.sandbox.url()) };
        let mut r = self.cloud.http.request(method, url).bearer_auth(&self.token);
        for (k, v) in headers {
            r = r.header(*k, *v);
        }
        if let Some(b) = body {
            r = r.json(&b);
        }
        Got::of(r.send().await.unwrap()).await
    }
    pub async fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, &[], None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Got {
        self.send(Method::POST, path, &[], Some(body)).await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Got {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }
    pub async fn delete(&self, path: &str) -> Got {
        self.send(Method::DELETE, path, &[], None).await
    }
    /// All items of a list's first page.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        self.get(path).await.is(200).body["value"].as_array().unwrap().clone()
    }
}

pub const RELATIONSHIPS: &str = "/v1.0/tenantRelationships/delegatedAdminRelationships";

/// What the ladder has built when its first rungs are climbed.
pub struct Gdap {
    pub relationship: String,
    pub groups: Vec<String>,
}

/// GDAP principal, a relationship with these roles, approved, a group per role with the service account in it.
pub async fn gdap(cloud: &Cloud, roles: &[&str]) -> Gdap {
    let api = cloud.home().await;
    let relationship = waiting(cloud, "NW-contoso-standard", roles).await;
    cloud.control().approve(&relationship).unwrap();
    let user = api.get("/v1.0/users/svc-tenantry@northwind.example").await.is(200).text("/id");
    let mut groups = Vec::new();
    for role in roles {
        let group = api.post("/v1.0/groups", json!({ "displayName": format!("GDAP {role}"), "mailEnabled": false, "mailNickname": format!("g{}", &role[..8]), "securityEnabled": true, "uniqueName": format!("gdap-{role}") })).await.is(201).text("/id");
        api.post(
            &format!("/v1.0/groups/{group}/members/$ref"),
            json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{user}") }),
        )
        .await
        .is(204);
        api.post(&format!("{RELATIONSHIPS}/{relationship}/accessAssignments"), assignment(&group, &[role]))
            .await
            .is(201);
        groups.push(group);
    }
    Gdap { relationship, groups }
}

/// A locked relationship with Contoso.
pub async fn waiting(cloud: &Cloud, name: &str, roles: &[&str]) -> String {
    let api = cloud.home().await;
    let made = api.post("/v1.0/servicePrincipals", json!({ "appId": "2832473f-ec63-45fb-976f-5d45a7d4bb91" })).await;
    assert!(made.status == 201 || made.status == 409, "{}", made.text);
    let id = api.post(RELATIONSHIPS, relationship(name, roles)).await.is(201).text("/id");
    api.post(&format!("{RELATIONSHIPS}/{id}/requests"), json!({ "action": "lockForApproval" })).await.is(201);
    id
}

pub fn relationship(name: &str, roles: &[&str]) -> Value {
    json!({ "displayName": name, "duration": "P730D", "customer": { "tenantId": CONTOSO }, "accessDetails": details(roles), "autoExtendDuration": "PT0S" })
}

pub fn details(roles: &[&str]) -> Value {
    json!({ "unifiedRoles": roles.iter().map(|r| json!({ "roleDefinitionId": r })).collect::<Vec<_>>() })
}

pub fn assignment(group: &str, roles: &[&str]) -> Value {
    json!({ "accessContainer": { "accessContainerId": group, "accessContainerType": "securityGroup" }, "accessDetails": details(roles) })
}
