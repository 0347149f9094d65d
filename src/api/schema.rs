//! Schemas: what the derived ones lack, put right in one place.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::Value;

use super::{GdapRelationship, GdapTemplate, Partner, PartnerApp, Tenant, TenantClass};

/// The CRDs of all kinds, in the order in which the kinds build on each other.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![
        Partner::crd(),
        PartnerApp::crd(),
        GdapTemplate::crd(),
        GdapRelationship::crd(),
        TenantClass::crd(),
        Tenant::crd(),
    ];
    for crd in &mut crds {
        for version in &mut crd.spec.versions {
            if let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
                tidy(root);
                describe(root);
            }
        }
    }
    crds
}

/// Makes a derived schema what an API server takes without a warning, at every depth.
///
/// An omitted field and one that is `null` mean the same, so nothing is nullable: the API server then drops a `null`
/// instead of keeping it. Formats that it does not know are left out; the bounds stand in `minimum` and `maximum`.
/// Descriptions are one paragraph: line ends of the source are not line ends of the text.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if schema.format.as_deref().is_some_and(|format| format.starts_with("uint")) {
        schema.format = None;
    }
    if let Some(description) = &mut schema.description {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    for child in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        tidy(child);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}

/// Documents and bounds what every kind has.
fn describe(root: &mut JSONSchemaProps) {
    let Some(properties) = &mut root.properties else { return };
    if let Some(spec) = properties.get_mut("spec") {
        spec.description = Some("What is wanted.".into());
    }
    let Some(status) = properties.get_mut("status") else { return };
    status.description = Some("What was read back. It is written by Tenantry alone.".into());
    // Without any status an object passes for finished with tools that compute health as kstatus does.
    status.default = Some(JSON(serde_json::json!({"observedGeneration": -1})));
    let conditions = status.properties.as_mut().and_then(|properties| properties.get_mut("conditions"));
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = conditions.and_then(|conditions| conditions.items.as_mut()) {
        describe_condition(item);
    }
}

/// The bounds that `metav1.Condition` has in Go and that its Rust type does not carry, and shorter texts.
fn describe_condition(item: &mut JSONSchemaProps) {
    item.description = Some("One thing that holds, does not hold, or could not be read.".into());
    let properties = item.properties.get_or_insert_default();
    let mut field = |name: &str, description: &str, max_length: Option<i64>, words: &[&str]| {
        if let Some(field) = properties.get_mut(name) {
            field.description = Some(description.into());
            field.max_length = max_length;
            if !words.is_empty() {
                field.enum_ = Some(words.iter().map(|word| JSON(Value::from(*word))).collect());
            }
        }
    };
    field("type", "What it is about.", Some(316), &[]);
    field("status", "`True`, `False`, or `Unknown` for what could not be read.", None, &["True", "False", "Unknown"]);
    field("reason", "Why, in one word of a closed list.", Some(1024), &[]);
    field("message", "Why, in words for people: who must act, and how.", Some(32768), &[]);
    field("lastTransitionTime", "When `status` last changed.", None, &[]);
    field("observedGeneration", "The generation of the spec that was judged.", None, &[]);
}

#[cfg(test)]
mod tests;
