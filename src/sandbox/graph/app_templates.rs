//! Graph: applicationTemplate and instantiate. Of the gallery, the one template is served that stands for any application.
use serde_json::{Value, json};

use super::access::APPS;
use super::credentials::parameters;
use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, applications, service_principals, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::state::Props;

const OF: &str = "applicationTemplate";
/// The template for applications that are not in the gallery.
const CUSTOM: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";

pub fn routes(to: &mut Routes) {
    to.read("/applicationTemplates", "list-application-templates", OF, list);
    to.read("/applicationTemplates/{id}", "get-application-template", OF, get);
    to.write("POST", "/applicationTemplates/{id}/instantiate", "instantiate-template", OF, instantiate).by(APPS);
}

fn custom() -> Value {
    let modes = ["oidc", "password", "saml", "notSupported"];
    let props = json!({
        "id": CUSTOM, "displayName": "Custom", "supportedSingleSignOnModes": modes,
        "supportedProvisioningTypes": [], "categories": [], "isEntraIntegrated": false,
    });
    shape::filled(OF, props)
}

fn list(ctx: &mut Ctx) -> Reply {
    query::list(ctx, &List { directory: false, ..List::directory(OF, "applicationTemplates") }, vec![custom()])
}

fn of_path(ctx: &Ctx) -> Result<(), Failure> {
    let id = ctx.id(0);
    if id.eq_ignore_ascii_case(CUSTOM) { Ok(()) } else { Err(Failure::not_found(&id)) }
}

fn get(ctx: &mut Ctx) -> Reply {
    of_path(ctx)?;
    query::single(ctx, OF, "applicationTemplates", custom(), 200)
}

/// An application and its principal in one.
fn instantiate(ctx: &mut Ctx) -> Reply {
    of_path(ctx)?;
    let given = parameters(ctx, "instantiate", &["displayName", "serviceManagementReference"])?;
    let name = given.get("displayName").and_then(Value::as_str).filter(|n| !n.is_empty());
    let name = name.ok_or_else(|| Failure::required("displayName", "Application"))?.to_owned();
    let mut body = Props::from_iter([
        ("displayName".to_owned(), json!(name)),
        ("signInAudience".to_owned(), json!("AzureADMyOrg")),
    ]);
    body.extend(given.into_iter().filter(|(k, _)| k == "serviceManagementReference"));
    let (id, _) = applications::make(ctx, body)?;
    let app = ctx.tenant_mut()?.applications.get_mut(&id).ok_or_else(|| Failure::not_found(&id))?;
    app.props.insert("applicationTemplateId".to_owned(), json!(CUSTOM));
    let app_id = app.app_id.clone();
    let tags = ["WindowsAzureActiveDirectoryIntegratedApp", "WindowsAzureActiveDirectoryCustomSingleSignOnApplication"];
    let of_app = Props::from_iter([("appId".to_owned(), json!(app_id)), ("tags".to_owned(), json!(tags))]);
    let principal = service_principals::make(ctx, of_app)?;
    let tenant = ctx.tenant()?;
    let application = tenant.applications.get(&id).map(|app| applications::render(tenant, app));
    let principal = tenant.principals.get(&principal).map(|p| service_principals::render(ctx.state, p, true));
    let context = format!("{}/{}/$metadata#microsoft.graph.applicationServicePrincipal", ctx.call.base(), ctx.version);
    let body = json!({ "@odata.context": context, "application": application, "servicePrincipal": principal });
    Ok(Answer::json(201, body))
}
