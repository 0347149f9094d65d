//! Microsoft's own tools that sign people in everywhere, and what they need no consent for.
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::json;

use crate::sandbox::facts;
use crate::sandbox::state::Application;

/// App id, name, and the scopes of Graph that it is preauthorised for.
struct Tool {
    app_id: &'static str,
    name: &'static str,
    graph: &'static [&'static str],
}

/// The Azure CLI and Azure PowerShell come with these scopes of Graph; the Graph tools ask for consent.
const TOOLS: [Tool; 3] = [
    Tool {
        app_id: "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        name: "Microsoft Azure CLI",
        graph: &[
            "AuditLog.Read.All",
            "Directory.AccessAsUser.All",
            "Group.ReadWrite.All",
            "User.ReadWrite.All",
            "Application.ReadWrite.All",
        ],
    },
    Tool {
        app_id: "1950a258-227b-4e31-a9cf-717495945fc2",
        name: "Microsoft Azure PowerShell",
        graph: &[
            "AuditLog.Read.All",
            "Directory.AccessAsUser.All",
            "Group.ReadWrite.All",
            "User.ReadWrite.All",
            "Application.ReadWrite.All",
        ],
    },
    Tool { app_id: "14d82eec-204b-4c2f-b7e8-296a70dab67e", name: "Microsoft Graph Command Line Tools", graph: &[] },
];

/// Their registrations: native apps that take people of every tenant.
fn applications() -> &'static [Application] {
    static ALL: OnceLock<Vec<Application>> = OnceLock::new();
    ALL.get_or_init(|| TOOLS.iter().map(registration).collect())
}

fn registration(tool: &Tool) -> Application {
    let props = json!({
        "displayName": tool.name, "signInAudience": "AzureADandPersonalMicrosoftAccount", "isFallbackPublicClient": true,
        "publicClient": { "redirectUris": [
            "http://localhost", "https://login.microsoftonline.com/common/oauth2/nativeclient", "urn:ietf:wg:oauth:2.0:oob",
        ] },
    });
    Application {
        id: tool.app_id.to_owned(),
        app_id: tool.app_id.to_owned(),
        props: props.as_object().cloned().unwrap_or_default(),
        created_by: None,
        created: Timestamp::UNIX_EPOCH,
        secrets: Vec::new(),
        certificates: Vec::new(),
    }
}

pub fn application(id: &str) -> Option<&'static Application> {
    applications().iter().find(|a| a.app_id.eq_ignore_ascii_case(id))
}

/// Scopes that nobody has to consent to.
pub fn preauthorised(client: &str, resource: &str) -> Option<&'static [&'static str]> {
    let tool = TOOLS.iter().find(|t| t.app_id.eq_ignore_ascii_case(client))?;
    (resource == facts::GRAPH && !tool.graph.is_empty()).then_some(tool.graph)
}
