//! `tenantry sandbox env`: what other programs need to use the sandbox, as export lines.

use std::path::Path;

use serde_json::Value;

use super::args::EnvArgs;
use super::embedded::{self, Embedded};
use super::failure::Failure;
use super::printer::Printer;
use crate::engine::diagnostic::Diagnostic;
use crate::sandbox;
use crate::sandbox::world::WorldFile;

/// Prints them, for the process that serves the state.
pub async fn run(state: &Path, args: &EnvArgs, printer: &Printer) -> Result<(), Failure> {
    let embedded = Embedded::open(state, None, 1).await?;
    if embedded.is_ours() {
        embedded.stop().await;
        let summary = format!("nobody serves the cloud in {}", state.display());
        return Err(Diagnostic::error("sandbox", summary).remedy("Start it: tenantry sandbox serve").into());
    }
    let operation = match &args.tenant {
        Some(tenant) => format!("env?tenant={}", encoded(tenant)),
        None => "env".to_owned(),
    };
    let known = embedded.control()?.get(&operation).await?;
    let world = if args.world.is_file() { Some(embedded::read(&args.world)?) } else { None };
    let ca = embedded.url().starts_with("https://").then(|| sandbox::ca_file(state));
    let ca = ca.map(|file| std::path::absolute(&file).unwrap_or(file).display().to_string());
    printer.data(&lines(embedded.url(), &known, world.as_ref(), ca.as_deref()));
    Ok(())
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A value as every shell takes it.
fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', "'\\''"))
}

fn lines(url: &str, known: &Value, world: Option<&WorldFile>, ca: Option<&str>) -> String {
    let text = |name: &str| known.get(name).and_then(Value::as_str).unwrap_or_default();
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    let mut all = export("TENANTRY_SANDBOX_URL", url);
    for prefix in ["AZURE", "ARM"] {
        all += &export(&format!("{prefix}_TENANT_ID"), text("tenantId"));
        if text("clientId").is_empty() {
            all += &format!("# {prefix}_CLIENT_ID: the world has no app\n");
            continue;
        }
        all += &export(&format!("{prefix}_CLIENT_ID"), text("clientId"));
        all += &match secret(known, world) {
            Some(value) => export(&format!("{prefix}_CLIENT_SECRET"), value),
            None => {
                format!("# {prefix}_CLIENT_SECRET: the cloud keeps no values; name the world that does with --world\n")
            }
        };
    }
    all += &export("AZURE_AUTHORITY_HOST", &format!("{url}/"));
    for name in ["ARM_METADATA_HOSTNAME", "ARM_METADATA_HOST"] {
        all += &export(name, host);
    }
    if let Some(header) = known.get("managedIdentity").and_then(Value::as_str) {
        all += &export("IDENTITY_ENDPOINT", &format!("{url}/msi/token"));
        all += &export("IDENTITY_HEADER", header);
    }
    match ca {
        Some(ca) => {
            ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"].iter().for_each(|n| all += &export(n, ca))
        }
        None => all += "# Served without TLS: most SDKs want `tenantry sandbox serve --tls`\n",
    }
    all
}

/// The value of a secret of the app that is still good, when the world names one.
fn secret<'a>(known: &Value, world: Option<&'a WorldFile>) -> Option<&'a str> {
    let client = known.get("clientId")?.as_str()?;
    let good: Vec<&str> = known.get("secretNames")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let app = world?.partner.apps.iter().find(|a| a.client_id.eq_ignore_ascii_case(client))?;
    app.secrets.iter().find(|s| good.contains(&s.name.as_str())).map(|s| s.value.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WORLD: &str = "partner: { tenantId: t, displayName: P, domain: p.example, apps: [{ displayName: A, clientId: a1, secrets: [{ name: old, value: o }, { name: new, value: \"it's\" }] }] }";

    fn known(secrets: &[&str]) -> Value {
        json!({ "tenantId": "t1", "clientId": "a1", "secretNames": secrets })
    }

    #[test]
    fn a_secret_is_printed_when_the_world_names_one_that_is_still_good() {
        let world = WorldFile::from_yaml(WORLD).unwrap();
        let text = lines("https://127.0.0.1:8443", &known(&["new"]), Some(&world), Some("/tmp/ca.pem"));
        assert!(text.contains("export AZURE_CLIENT_SECRET='it'\\''s'\n"), "{text}");
        assert!(text.contains("export ARM_METADATA_HOSTNAME='127.0.0.1:8443'\n"));
        assert!(text.contains("export AZURE_AUTHORITY_HOST='https://127.0.0.1:8443/'\n"));
        assert!(text.contains("export SSL_CERT_FILE='/tmp/ca.pem'\n"));
    }

    #[test]
    fn what_cannot_be_known_is_said_in_a_comment() {
        let text = lines("http://127.0.0.1:80", &known(&["new"]), None, None);
        assert!(text.contains("# AZURE_CLIENT_SECRET: "), "{text}");
        assert!(!text.contains("export AZURE_CLIENT_SECRET") && !text.contains("SSL_CERT_FILE="));
    }
}
