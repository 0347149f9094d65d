//! The API: the kinds that people declare, their schemas, and the words in which status is told.
//!
//! Nothing here reads a file, a clock or a network. A choice with data is a struct of optional members with a rule that binds
//! them to a discriminator, because such a schema is structural.

#![allow(clippy::duplicated_attributes, reason = "each printer column repeats the names of its arguments")]

pub mod common;
pub mod conditions;
mod gdap_relationship;
mod gdap_template;
mod kind;
mod partner;
mod partner_app;
mod schema;
mod tenant;
mod tenant_class;

pub use common::*;
pub use gdap_relationship::*;
pub use gdap_template::*;
pub use kind::{Kind, Spec};
pub use partner::*;
pub use partner_app::*;
pub use schema::crds;
pub use tenant::*;
pub use tenant_class::*;

/// The API group.
pub const GROUP: &str = "tenantry.dev";
/// The API version.
pub const VERSION: &str = "v1alpha1";
/// Group and version, as manifests write it.
pub const API_VERSION: &str = "tenantry.dev/v1alpha1";
