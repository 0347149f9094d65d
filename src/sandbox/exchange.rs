//! Exchange Online's admin API, as far as the proof of a role needs it.
//! Exchange: InvokeCommand; app-only authentication.
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::due::Effect;
use super::facts;
use super::graph::access::{Bad, Caller, bearer};
use super::http::{Answer, Body, Call};
use super::ids;
use super::keys::Keys;
use super::state::{State, Tenant};

/// Directory roles that Exchange honours for an app, and which of our cmdlets each may run.
const ROLES: [(&str, &[&str]); 8] = [
    ("17315797-102d-40b4-93e0-432062caca18", CONFIGURATION), // Compliance Administrator
    ("29232cdf-9323-42fd-ade2-1d097af3e4de", ALL),           // Exchange Administrator
    ("31392ffb-586c-42d1-9346-e59415a2cc4e", ALL),           // Exchange Recipient Administrator
    (facts::GLOBAL_ADMINISTRATOR, ALL),
    ("f2ef992c-3afb-46b9-b7cf-a126ee74c451", ALL), // Global Reader
    ("729827e3-9c14-49f7-bb1b-9608f156bbb8", CONFIGURATION), // Helpdesk Administrator
    ("194ae4cb-b126-40b2-bd5b-6091b380977d", CONFIGURATION), // Security Administrator
    ("5d6b6bb7-de71-4623-b4af-96380a352509", CONFIGURATION), // Security Reader
];
const ALL: &[&str] = &["Get-OrganizationConfig", "Get-AcceptedDomain", "Get-DistributionGroup", "Get-Mailbox"];
const CONFIGURATION: &[&str] = &["Get-OrganizationConfig", "Get-AcceptedDomain"];

/// 401 with the reason in `WWW-Authenticate`.
fn invalid_token(reason: &str) -> Answer {
    Answer::empty(401).with("WWW-Authenticate", format!("Bearer client_id=\"{}\", trusted_issuers=\"00000001-0000-0000-c000-000000000000@*\", error=\"invalid_token\", error_description=\"{reason}\"", facts::EXCHANGE))
}

/// 403 with a body of NUL bytes: what Exchange says for a missing role, a foreign cmdlet and a stale token alike.
fn denied() -> Answer {
    Answer { status: 403, headers: Vec::new(), body: Body::Bytes("application/json", vec![0; 4096]) }
}

/// Why a cmdlet is not run: always the same answer, or, where answers vary, one of those that were seen.
fn refused(state: &State, tenant: &Tenant, caller: &Caller, without_role: bool, cmdlet: &str) -> Answer {
    const ODATA: &str = "Microsoft.Exchange.Admin.OData.Core.ODataServiceException";
    if !state.switches.moods {
        return denied();
    }
    if !without_role {
        let text = format!("User is not allowed to call {cmdlet}");
        let inner = json!({ "message": text, "type": ODATA, "stacktrace": "" });
        let error = json!({ "code": "Unauthorized", "message": text, "innererror": inner });
        return Answer::json(401, json!({ "error": error }));
    }
    match state.chance(&["exchange refusal", &tenant.id], 3) {
        0 => denied(),
        1 => Answer::empty(403).with(
            "x-ms-diagnostics",
            "2000010;reason=\"The role of the application is not effective.\";error_category=\"invalid_grant\"",
        ),
        _ => {
            let text = format!(
                "The role assigned to application {} isn't supported in this scenario. Please check online documentation for assigning correct Directory Roles to Azure AD Application for EXO App-Only Authentication.",
                caller.app_id
            );
            let inner = json!({ "message": text, "type": ODATA, "stacktrace": "" });
            Answer::json(403, json!({ "error": { "code": "Forbidden", "message": text, "innererror": inner } }))
        }
    }
}

/// Exchange says in plain text, and without a time to wait, that there are too many calls at once.
pub fn too_many() -> Answer {
    const TEXT: &str =
        "You have reached the maximum number of concurrent requests per tenant. Please wait and try again.";
    Answer { status: 429, headers: Vec::new(), body: Body::Bytes("text/plain; charset=utf-8", TEXT.into()) }
}

fn bad(message: &str) -> Answer {
    Answer::json(
        400,
        json!({ "error": {
        "code": "BadRequest", "message": message,
        "details": [{ "code": "Client", "target": "", "message": format!("|Microsoft.Exchange.Admin.OData.Core.ODataServiceException|{message}") }],
        "innererror": { "message": message, "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException", "stacktrace": "" },
    } }),
    )
}

pub fn authenticate(keys: &Keys, call: &Call, now: Timestamp) -> Result<Caller, Answer> {
    bearer(keys, call, now, facts::EXCHANGE).map_err(|bad| {
        invalid_token(match bad {
            Bad::Missing => "The token is missing.",
            Bad::Invalid => "The token is invalid.",
            Bad::Expired => "The token has expired.",
            Bad::Audience => "The audience claim value is invalid for current resource.",
        })
    })
}

/// `POST /adminapi/beta/{tenant}/InvokeCommand`.
pub fn handle(state: &State, call: &Call, caller: &Caller) -> Answer {
    let parts: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
    let [_, version, named, "InvokeCommand"] = parts.as_slice() else { return Answer::empty(404) };
    if *version == "v1.0" || call.method != "POST" {
        return Answer::empty(405);
    }
    if *version != "beta" {
        return Answer::empty(404);
    }
    let Some(tenant) = state.tenant_named(named).filter(|t| t.id == caller.tenant && t.exchange) else {
        return invalid_token("The tenant of the request is not the tenant of the token.");
    };
    if let Err(a) = check_app_role(caller) {
        return a;
    }
    let (cmdlet, parameters) = match command(call) {
        Ok(c) => c,
        Err(a) => return a,
    };
    // The role must be in the token *and* have reached Exchange.
    let effective = |role: &str| {
        caller.wids.iter().any(|w| w == role)
            && !state.is_pending(&Effect::ExchangeRole {
                tenant: tenant.id.clone(),
                principal: caller.object.clone(),
                role: role.to_owned(),
            })
    };
    let cmdlets: Vec<&str> =
        ROLES.iter().filter(|(role, _)| effective(role)).flat_map(|(_, c)| c.iter().copied()).collect();
    let Some(known) = cmdlets.iter().find(|c| c.eq_ignore_ascii_case(&cmdlet)) else {
        return refused(state, tenant, caller, cmdlets.is_empty(), &cmdlet);
    };
    let mut rows = rows(state, tenant, known, &parameters);
    if let Some(select) = call.param("$select") {
        let names: Vec<&str> = select.split(',').map(str::trim).collect();
        for row in &mut rows {
            row.retain(|k, _| names.iter().any(|n| n.eq_ignore_ascii_case(k.split('@').next().unwrap_or(k))));
        }
    }
    Answer::json(200, json!({
        "@odata.context": format!("{}/adminapi/beta/{}/$metadata#Collection(Exchange.GenericHashTable)", call.base(), tenant.id),
        "adminapi.warnings@odata.type": "#Collection(String)", "@adminapi.warnings": [], "value": rows,
    })).with("Cmdlet-Name", *known)
}

/// Without the app role: 401, whatever directory role there is.
fn check_app_role(caller: &Caller) -> Result<(), Answer> {
    let app = caller.user.is_none() && caller.roles.iter().any(|r| r == "Exchange.ManageAsApp");
    let user = caller.user.is_some() && caller.scopes.iter().any(|s| s == "Exchange.Manage");
    if app || user { Ok(()) } else { Err(invalid_token("The token has no Exchange.ManageAsApp.")) }
}

/// `{"CmdletInput":{"CmdletName":…,"Parameters":{}}}`; null parameters are refused.
fn command(call: &Call) -> Result<(String, Map<String, Value>), Answer> {
    let body: Value = serde_json::from_slice(&call.body).map_err(|_| bad("The request body is not valid JSON."))?;
    let input = body.get("CmdletInput").ok_or_else(|| bad("CmdletInput is required."))?;
    let name = input.get("CmdletName").and_then(Value::as_str).ok_or_else(|| bad("CmdletName is required."))?;
    let parameters =
        input.get("Parameters").and_then(Value::as_object).ok_or_else(|| bad("Parameters must be an object."))?;
    Ok((name.to_owned(), parameters.clone()))
}

fn rows(state: &State, tenant: &Tenant, cmdlet: &str, parameters: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let guid = |kind: &str, key: &str| ids::guid(state.seed, &[&tenant.id, kind, key], 0);
    let row = |name: &str, mut v: Value| {
        let g = guid(cmdlet, name);
        v["Name"] = json!(name);
        v["Identity"] = json!(name);
        v["Guid@data.type"] = json!("System.Guid");
        v["Guid@odata.type"] = json!("#Guid");
        v["Guid"] = json!(g);
        v.as_object().cloned().unwrap_or_default()
    };
    let mut rows: Vec<Map<String, Value>> = match cmdlet {
        "Get-OrganizationConfig" => {
            let initial = tenant.domains.last().map_or("", String::as_str);
            vec![row(initial, json!({ "DisplayName": tenant.display_name, "IsDehydrated": true }))]
        }
        "Get-AcceptedDomain" => tenant.domains.iter().enumerate().map(|(i, d)| row(d, json!({ "DomainName": d, "DomainType": "Authoritative", "Default": i == 0 }))).collect(),
        "Get-Mailbox" => (0..tenant.plain_users)
            .map(|n| {
                let address = format!("user{:03}@{}", n + 1, tenant.default_domain());
                let smtp = json!([format!("SMTP:{address}")]);
                row(&format!("user{:03}", n + 1), json!({
                    "DisplayName": format!("User {:03}", n + 1), "PrimarySmtpAddress": address, "UserPrincipalName": address, "RecipientTypeDetails": "UserMailbox",
                    "EmailAddresses@odata.type": "#Collection(String)", "EmailAddresses": smtp, "ProhibitSendQuota": "99 GB (106,300,440,576 bytes)",
                }))
            })
            .collect(),
        // No distribution group exists until somebody makes one.
        _ => Vec::new(),
    };
    let parameter = |n: &str| parameters.iter().find(|(k, _)| k.eq_ignore_ascii_case(n)).map(|(_, v)| v);
    // A null or empty identity returns all.
    if let Some(identity) = parameter("Identity").and_then(Value::as_str).filter(|i| !i.is_empty()) {
        rows.retain(|r| {
            ["Identity", "PrimarySmtpAddress", "Guid", "DomainName"]
                .iter()
                .any(|k| r.get(*k).and_then(Value::as_str).is_some_and(|v| v.eq_ignore_ascii_case(identity)))
        });
    }
    if let Some(size) = parameter("ResultSize").and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok())) {
        rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    }
    rows
}
