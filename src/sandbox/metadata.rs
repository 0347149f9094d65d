//! What Azure's cloud is made of, for tools that ask: every host is the sandbox's own.
//! Azure Resource Manager: metadata endpoints.
use serde_json::{Value, json};

use super::http::{Answer, Call};

pub const PATH: &str = "/metadata/endpoints";

/// Versions until this one list all clouds of a host; later ones describe one.
const LAST_LIST: &str = "2020-06-01";

pub fn answer(call: &Call) -> Answer {
    if call.method != "GET" {
        return Answer::empty(405).with("Allow", "GET");
    }
    let Some(version) = call.param("api-version") else {
        let error = json!({ "code": "MissingApiVersionParameter", "message": "The api-version query parameter (?api-version=) is required for all requests." });
        return Answer::json(400, json!({ "error": error }));
    };
    let body = match version {
        "2015-01-01" => first(call),
        "2018-05-01" | "2019-05-01" | LAST_LIST => json!([cloud(call)]),
        _ if version > LAST_LIST => cloud(call),
        _ => {
            let text = format!(
                "The api-version '{version}' is invalid. The supported versions are '2022-09-01,2020-06-01,2019-05-01,2015-01-01'."
            );
            let error = json!({ "code": "InvalidApiVersionParameter", "message": text });
            return Answer::json(400, json!({ "error": error }));
        }
    };
    Answer::json(200, body)
}

/// The oldest form: only where to sign in and what for.
fn first(call: &Call) -> Value {
    let base = call.base();
    json!({
        "galleryEndpoint": format!("{base}/"), "graphEndpoint": format!("{base}/"), "portalEndpoint": base,
        "authentication": { "loginEndpoint": format!("{base}/"), "audiences": audiences() },
    })
}

fn audiences() -> Value {
    json!(["https://management.core.windows.net/", "https://management.azure.com/"])
}

fn cloud(call: &Call) -> Value {
    let (base, host) = (call.base(), call.host.as_str());
    json!({
        "portal": base,
        "authentication": {
            "loginEndpoint": base, "audiences": audiences(), "tenant": "common", "identityProvider": "AAD",
        },
        "media": base,
        "graphAudience": base,
        "graph": base,
        "name": "AzureCloud",
        "suffixes": {
            "azureDataLakeStoreFileSystem": host, "acrLoginServer": host, "sqlServerHostname": host,
            "azureDataLakeAnalyticsCatalogAndJob": host, "keyVaultDns": host, "storage": host,
            "azureFrontDoorEndpointSuffix": host, "storageSyncEndpointSuffix": host, "mhsmDns": host,
            "mysqlServerEndpoint": host, "postgresqlServerEndpoint": host, "mariadbServerEndpoint": host,
            "synapseAnalytics": host, "attestationEndpoint": host,
        },
        "batch": base,
        "resourceManager": base,
        "vmImageAliasDoc": format!("{base}/aliases.json"),
        "activeDirectoryDataLake": base,
        "sqlManagement": base,
        "microsoftGraphResourceId": base,
        "appInsightsResourceId": base,
        "appInsightsTelemetryChannelResourceId": base,
        "attestationResourceId": base,
        "synapseAnalyticsResourceId": base,
        "logAnalyticsResourceId": base,
        "ossrDbmsResourceId": base,
        "gallery": base,
    })
}
