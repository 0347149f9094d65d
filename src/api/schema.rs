//! Schemas: what the derived ones lack, put right in one place.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use super::{GdapRelationship, GdapTemplate, Partner, PartnerApp, Tenant, TenantClass};

/// The CRDs of all kinds, in the order in which the kinds build on each other.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        Partner::crd(),
        PartnerApp::crd(),
        GdapTemplate::crd(),
        GdapRelationship::crd(),
        TenantClass::crd(),
        Tenant::crd(),
    ]
}
