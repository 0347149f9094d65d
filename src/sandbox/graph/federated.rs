//! Graph: federatedIdentityCredential and extensionProperty, the collections inside an application.
use serde_json::{Value, json};

use super::access::APPS;
use super::errors::Failure;
use super::routes::Routes;
use super::sets::{self, Set};
use super::shape::is_extension;
use super::{Ctx, Reply};
use crate::sandbox::state::{Props, Tenant};

const APP: &str = "application";

static FEDERATED: Set = Set {
    owner: Some(APP),
    alternate: Some("name"),
    required: &["name", "issuer", "subject", "audiences"],
    once: &["name"],
    check: check_federated,
    ..Set::new(
        "federatedIdentityCredential",
        "/applications/{key}/federatedIdentityCredentials",
        "federated-credential",
        "federated-credentials",
    )
};

static EXTENSIONS: Set = Set {
    owner: Some(APP),
    required: &["name", "dataType", "targetObjects"],
    fixed: &["id", "appDisplayName", "isSyncedFromOnPremises", "deletedDateTime"],
    check: check_extension,
    fill: fill_extension,
    ..Set::new(
        "extensionProperty",
        "/applications/{key}/extensionProperties",
        "extension-property",
        "extension-properties",
    )
};

pub fn routes(to: &mut Routes) {
    to.set(&FEDERATED, &[], APPS);
    let (path, of) = (EXTENSIONS.path, EXTENSIONS.of);
    let item = format!("{path}/{{key}}");
    to.read(path, "list-extension-properties", of, sets::list).of_set(&EXTENSIONS);
    to.read(item.clone(), "get-extension-property", of, sets::get).of_set(&EXTENSIONS);
    let create = to.write("POST", path, "create-extension-property", of, sets::create);
    create.of_set(&EXTENSIONS).by(APPS).or_owner();
    let delete = to.write("DELETE", item, "delete-extension-property", of, sets::delete);
    delete.of_set(&EXTENSIONS).by(APPS).or_owner();
    to.ask("/directoryObjects/getAvailableExtensionProperties", "list-available-extensions", of, available);
}

fn text<'a>(props: &'a Props, name: &str) -> &'a str {
    props.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn invalid(message: String) -> Failure {
    Failure::new(400, "InvalidFederatedIdentityCredentialValue", message)
}

/// Entra: considerations for federated identity credentials.
fn check_federated(ctx: &Ctx, before: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let name = text(after, "name");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let well_named = name.len() <= 120 && name.chars().all(plain) && name.starts_with(|c: char| plain(c) && c != '-');
    let long = |k: &str| text(after, k).chars().count() > 600;
    let audiences = after.get("audiences").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let issuer = text(after, "issuer");
    let wrong = if !well_named {
        Some("name")
    } else if !issuer.starts_with("https://") || long("issuer") {
        Some("issuer")
    } else if text(after, "subject").is_empty() || long("subject") {
        Some("subject")
    } else if audiences.len() != 1 || audiences[0].as_str().is_none_or(|a| a.is_empty() || a.len() > 600) {
        Some("audiences")
    } else {
        None
    };
    if let Some(property) = wrong {
        let resource = "FederatedIdentityCredential";
        return Err(invalid(format!("Invalid value specified for property '{property}' of resource '{resource}'.")));
    }
    check_others(ctx, before, after)
}

fn check_others(ctx: &Ctx, before: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let app = ctx.found(APP, 0)?;
    let shelf = ctx.tenant()?.shelves.get(&format!("{app}/federatedIdentityCredentials"));
    let (name, issuer, subject) = (text(after, "name"), text(after, "issuer"), text(after, "subject"));
    let all = || shelf.into_iter().flat_map(|s| s.values());
    if before.is_none() {
        if all().any(|i| text(&i.props, "name") == name) {
            return Err(Failure::new(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                format!("FederatedIdentityCredential with name {name} already exists."),
            ));
        }
        if all().count() >= 20 {
            return Err(invalid("An application has at most 20 federated identity credentials.".to_owned()));
        }
    }
    let others = || all().filter(|i| text(&i.props, "name") != name);
    if others().any(|i| text(&i.props, "issuer") == issuer && text(&i.props, "subject") == subject) {
        return Err(invalid(format!(
            "The combination of issuer and subject must be unique for the application. Issuer {issuer} and Subject: {subject} already exist. paramName: FederatedIdentityCredential.Subject, paramValue: {subject}, objectType: Microsoft.Online.DirectoryServices.Application"
        )));
    }
    Ok(())
}

const DATA_TYPES: [&str; 6] = ["Binary", "Boolean", "DateTime", "Integer", "LargeInteger", "String"];
const TARGETS: [&str; 6] = ["User", "Group", "AdministrativeUnit", "Application", "Device", "Organization"];

/// Graph: create extensionProperty.
fn check_extension(ctx: &Ctx, _: Option<&Props>, body: &Props) -> Result<(), Failure> {
    let name = text(body, "name");
    let bad =
        |p: &str| Failure::bad(format!("Invalid value specified for property '{p}' of resource 'ExtensionProperty'."));
    let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !word || !name.starts_with(|c: char| c.is_ascii_alphabetic()) || name.len() > 64 {
        return Err(bad("name"));
    }
    if !DATA_TYPES.contains(&text(body, "dataType")) {
        return Err(bad("dataType"));
    }
    let targets = body.get("targetObjects").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let known = |t: &Value| t.as_str().is_some_and(|t| TARGETS.contains(&t));
    if targets.is_empty() || !targets.iter().all(known) {
        return Err(bad("targetObjects"));
    }
    let app = ctx.found(APP, 0)?;
    let tenant = ctx.tenant()?;
    let full = full_name(tenant, &app, name).ok_or_else(|| Failure::not_found(&app))?;
    let shelf = tenant.shelves.get(&format!("{app}/extensionProperties"));
    if shelf.into_iter().flat_map(|s| s.values()).any(|i| text(&i.props, "name") == full) {
        return Err(Failure::bad("An extension property exists with the name ".to_owned() + &full + "."));
    }
    Ok(())
}

fn full_name(tenant: &Tenant, app: &str, name: &str) -> Option<String> {
    let app_id = &tenant.applications.get(app)?.app_id;
    Some(format!("extension_{}_{name}", app_id.replace('-', "")))
}

fn fill_extension(ctx: &Ctx, body: &mut Props) {
    let Ok(app) = ctx.found(APP, 0) else { return };
    let Ok(tenant) = ctx.tenant() else { return };
    if let Some(full) = full_name(tenant, &app, text(body, "name")) {
        body.insert("name".to_owned(), json!(full));
    }
    let shown = tenant.applications.get(&app).map(|a| a.display_name().to_owned());
    body.insert("appDisplayName".to_owned(), json!(shown));
    body.entry("isMultiValued").or_insert(json!(false));
    body.insert("isSyncedFromOnPremises".to_owned(), json!(false));
}

/// All extension properties of the tenant's applications.
fn extensions(tenant: &Tenant) -> impl Iterator<Item = &crate::sandbox::shelf::Item> {
    let shelves = tenant.shelves.iter().filter(|(path, _)| {
        path.strip_suffix("/extensionProperties").is_some_and(|app| tenant.applications.contains_key(app))
    });
    shelves.flat_map(|(_, items)| items.values())
}

/// Graph: directoryObject getAvailableExtensionProperties.
fn available(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let items = extensions(tenant).map(|i| sets::render_as("extensionProperty", i)).collect();
    super::query::list(ctx, &super::query::List::directory("extensionProperty", "directoryObjects"), items)
}

/// Takes extension properties out of a body. Each must have been declared, for this type of object, by an application of
/// the tenant.
pub fn take(tenant: &Tenant, of: &str, body: &mut Value) -> Result<Props, Failure> {
    let Some(map) = body.as_object_mut().filter(|m| m.keys().any(|k| k.starts_with("extension_"))) else {
        return Ok(Props::new());
    };
    let mut taken = Props::new();
    for known in extensions(tenant) {
        let name = text(&known.props, "name");
        let Some(value) = map.get(name) else { continue };
        let targets = known.props.get("targetObjects").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if !targets.iter().any(|t| t.as_str().is_some_and(|t| t.eq_ignore_ascii_case(of))) {
            continue;
        }
        if !is_of_type(value, text(&known.props, "dataType"), known.props.get("isMultiValued") == Some(&json!(true))) {
            return Err(Failure::bad(format!("Invalid value specified for property '{name}'.")));
        }
        taken.insert(name.to_owned(), value.clone());
    }
    map.retain(|k, _| !taken.contains_key(k));
    match map.keys().find(|k| is_extension(k)) {
        Some(name) => Err(Failure::bad(format!("The following extension properties are not available: {name}."))),
        None => Ok(taken),
    }
}

fn is_of_type(value: &Value, kind: &str, many: bool) -> bool {
    if many {
        return value.is_null() || value.as_array().is_some_and(|a| a.iter().all(|v| is_of_type(v, kind, false)));
    }
    let bytes = |v: &Value| v.as_str().is_some_and(|t| t.len() <= 256);
    match (kind, value) {
        (_, Value::Null) => true,
        ("Boolean", v) => v.is_boolean(),
        ("Integer", v) => v.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        ("LargeInteger", v) => v.is_i64(),
        ("DateTime", v) => v.as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok()),
        (_, v) => bytes(v),
    }
}
