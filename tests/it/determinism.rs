//! With a fixed clock and one call after another, two runs of the sandbox answer and end the same, byte for byte.

use serde_json::{Value, json};

use crate::support::cmd::Dir;
use crate::support::foreign::{CLIENT, CUSTOMER, SECRET, TENANT, world};
use crate::support::server::{STATE, Server};

const CLOCK: [&str; 2] = ["--clock", "fixed@2031-11-23T10:00:00Z"];
const USER_READ_ALL: &str = "df021288-bdef-4463-88db-98f22de89214";

/// What came of one call: everything but its `Date`.
#[derive(Debug, PartialEq)]
struct Said {
    call: String,
    status: u16,
    headers: Vec<(String, String)>,
    text: String,
}

/// Calls one after the other, and what came of them.
struct Run<'a> {
    server: &'a Server<'a>,
    bearer: String,
    said: Vec<Said>,
}

impl Run<'_> {
    fn call(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let bearer = self.bearer.clone();
        let headers: &[(&str, &str)] = if bearer.is_empty() { &[] } else { &[("authorization", &bearer)] };
        let answer = self.server.send(method, path, headers, body);
        let headers = answer.headers.into_iter().filter(|(name, _)| name != "date").collect();
        self.said.push(Said { call: format!("{method} {path}"), status: answer.status, headers, text: answer.text });
        answer.body
    }

    /// A call that makes something: its id.
    fn make(&mut self, path: &str, body: &Value) -> String {
        let made = self.call("POST", path, body);
        made["id"].as_str().unwrap_or_else(|| panic!("POST {path}: {made}")).to_owned()
    }

    fn get(&mut self, path: &str) -> Value {
        self.call("GET", path, &Value::Null)
    }

    fn token(&mut self) {
        let body = format!(
            "grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        );
        let path = format!("/{TENANT}/oauth2/v2.0/token");
        let answer = self.server.form(&path, &body);
        let headers = answer.headers.into_iter().filter(|(name, _)| name != "date").collect();
        self.bearer = format!("Bearer {}", answer.body["access_token"].as_str().unwrap());
        self.said.push(Said { call: format!("POST {path}"), status: answer.status, headers, text: answer.text });
    }
}

/// Some sixty calls over all that can be written.
fn program<'a>(server: &'a Server<'a>) -> Vec<Said> {
    let mut run = Run { server, bearer: String::new(), said: Vec::new() };
    run.get("/v1.0/organization");
    run.token();
    registrations(&mut run);
    let group = groups(&mut run);
    partnership(&mut run, &group);
    run.token();
    for path in ["/v1.0/organization", "/v1.0/domains", "/v1.0/contracts", "/v1.0/nonsense", "/v1.0/users?$top=1"] {
        run.get(path);
    }
    run.said
}

fn registrations(run: &mut Run) {
    for n in 0..4 {
        let app = run.make("/v1.0/applications", &json!({ "displayName": format!("App {n}"), "tags": ["same"] }));
        let at = format!("/v1.0/applications/{app}");
        run.call("POST", &format!("{at}/addPassword"), &json!({ "passwordCredential": { "displayName": "p" } }));
        run.call("PATCH", &at, &json!({ "notes": format!("changed {n}") }));
        let app = run.get(&at)["appId"].as_str().unwrap().to_owned();
        let principal = run.make("/v1.0/servicePrincipals", &json!({ "appId": app }));
        grants(run, &principal);
    }
    run.get("/v1.0/applications?$top=2&$select=id,displayName");
    run.get("/v1.0/applications?$filter=startswith(displayName,'App')");
    let all = run.get("/v1.0/applications?$filter=displayName eq 'App 3'");
    let one = all["value"][0]["id"].as_str().unwrap();
    run.call("DELETE", &format!("/v1.0/applications/{one}"), &Value::Null);
    run.get(&format!("/v1.0/applications/{one}"));
}

fn grants(run: &mut Run, principal: &str) {
    let graph = run.get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id");
    let graph = graph["id"].as_str().unwrap();
    let role = json!({ "principalId": principal, "resourceId": graph, "appRoleId": USER_READ_ALL });
    run.make(&format!("/v1.0/servicePrincipals/{principal}/appRoleAssignments"), &role);
    let grant =
        json!({ "clientId": principal, "consentType": "AllPrincipals", "resourceId": graph, "scope": "User.Read" });
    run.make("/v1.0/oauth2PermissionGrants", &grant);
}

fn groups(run: &mut Run) -> String {
    let ada = run.get("/v1.0/users/ada@lakeside.example")["id"].as_str().unwrap().to_owned();
    let body = json!({ "displayName": "Same", "mailEnabled": false, "mailNickname": "same", "securityEnabled": true });
    let group = run.make("/v1.0/groups", &body);
    let at = format!("/v1.0/groups/{group}");
    let member = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{ada}") });
    run.call("POST", &format!("{at}/members/$ref"), &member);
    run.call("POST", &format!("{at}/members/$ref"), &member);
    run.get(&format!("{at}/members"));
    let role = json!({ "principalId": ada, "roleDefinitionId": "5d6b6bb7-de71-4623-b4af-96380a352509", "directoryScopeId": "/" });
    run.make("/v1.0/roleManagement/directory/roleAssignments", &role);
    let batch = json!({ "requests": [
        { "id": "1", "method": "GET", "url": "/organization" },
        { "id": "2", "method": "PATCH", "url": format!("/groups/{group}"), "body": { "description": "x" }, "headers": { "Content-Type": "application/json" } },
    ] });
    run.call("POST", "/v1.0/$batch", &batch);
    group
}

fn partnership(run: &mut Run, group: &str) {
    run.make("/v1.0/servicePrincipals", &json!({ "appId": "2832473f-ec63-45fb-976f-5d45a7d4bb91" }));
    let all = "/v1.0/tenantRelationships/delegatedAdminRelationships";
    let roles = json!({ "unifiedRoles": [{ "roleDefinitionId": "5d6b6bb7-de71-4623-b4af-96380a352509" }] });
    let body = json!({ "displayName": "Same", "duration": "P730D", "customer": { "tenantId": CUSTOMER }, "accessDetails": roles });
    let one = run.make(all, &body);
    run.make(&format!("{all}/{one}/requests"), &json!({ "action": "lockForApproval" }));
    run.call("POST", "/_sandbox/approve", &json!({ "all": true }));
    run.call("POST", "/_sandbox/advance", &json!({ "seconds": 600 }));
    let container = json!({ "accessContainerId": group, "accessContainerType": "securityGroup" });
    let assignment = json!({ "accessContainer": container, "accessDetails": roles });
    run.make(&format!("{all}/{one}/accessAssignments"), &assignment);
    run.get(&format!("{all}/{one}/accessAssignments"));
    run.get(all);
}

/// Serves the state that is in the folder, at an address when one is given; what was said, the state afterwards, the address.
fn play(dir: &Dir, at: Option<&str>) -> (Vec<Said>, String, String) {
    let at: &[&str] = match &at {
        Some(at) => &["--listen", at],
        None => &[],
    };
    let server = Server::of(dir, "world.yaml", &[&CLOCK, at].concat());
    let said = program(&server);
    let address = server.at().to_owned();
    server.stop();
    (said, dir.read(STATE), address)
}

#[test]
fn two_runs_of_one_world_answer_and_end_byte_for_byte_the_same() {
    let (one, two) = (Dir::new(), Dir::new());
    world(&one);
    world(&two);
    let (first, ended, at) = play(&one, None);
    let (second, ended_again, _) = play(&two, Some(&at));
    assert!(first.len() >= 60, "{} calls", first.len());
    let refused: Vec<u16> = first.iter().map(|said| said.status).filter(|status| *status >= 300).collect();
    // Without a token; an app that is gone; a member twice; no such segment.
    assert_eq!(refused, [401, 404, 400, 400], "{first:#?}");
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(first, second);
    }
    assert_eq!(first.len(), second.len());
    assert!(ended == ended_again, "the state files differ");
}
