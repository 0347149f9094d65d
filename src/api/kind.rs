//! The kinds as values.

use std::fmt;

use super::{GdapRelationshipSpec, GdapTemplateSpec, PartnerAppSpec, PartnerSpec, TenantClassSpec, TenantSpec};

/// A kind of the API, in the order in which the kinds build on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The MSP's own tenant.
    Partner,
    /// A multi-tenant app of the partner.
    PartnerApp,
    /// What GDAP relationships look like.
    GdapTemplate,
    /// One GDAP relationship.
    GdapRelationship,
    /// What many Tenants have in common.
    TenantClass,
    /// One customer.
    Tenant,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 6] =
        [Kind::Partner, Kind::PartnerApp, Kind::GdapTemplate, Kind::GdapRelationship, Kind::TenantClass, Kind::Tenant];

    /// The kind's name, as manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Partner => "Partner",
            Kind::PartnerApp => "PartnerApp",
            Kind::GdapTemplate => "GdapTemplate",
            Kind::GdapRelationship => "GdapRelationship",
            Kind::TenantClass => "TenantClass",
            Kind::Tenant => "Tenant",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an object declares.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each variant carries the spec of the kind of its name
pub enum Spec {
    Partner(PartnerSpec),
    PartnerApp(PartnerAppSpec),
    GdapTemplate(GdapTemplateSpec),
    GdapRelationship(GdapRelationshipSpec),
    TenantClass(TenantClassSpec),
    Tenant(TenantSpec),
}

impl Spec {
    /// The kind that it belongs to.
    pub const fn kind(&self) -> Kind {
        match self {
            Spec::Partner(_) => Kind::Partner,
            Spec::PartnerApp(_) => Kind::PartnerApp,
            Spec::GdapTemplate(_) => Kind::GdapTemplate,
            Spec::GdapRelationship(_) => Kind::GdapRelationship,
            Spec::TenantClass(_) => Kind::TenantClass,
            Spec::Tenant(_) => Kind::Tenant,
        }
    }

    /// Reads the spec of a kind. Unknown fields are ignored: whoever wants them refused checks against the schema first.
    pub fn decode(kind: Kind, spec: serde_json::Value) -> Result<Spec, serde_json::Error> {
        Ok(match kind {
            Kind::Partner => Spec::Partner(serde_json::from_value(spec)?),
            Kind::PartnerApp => Spec::PartnerApp(serde_json::from_value(spec)?),
            Kind::GdapTemplate => Spec::GdapTemplate(serde_json::from_value(spec)?),
            Kind::GdapRelationship => Spec::GdapRelationship(serde_json::from_value(spec)?),
            Kind::TenantClass => Spec::TenantClass(serde_json::from_value(spec)?),
            Kind::Tenant => Spec::Tenant(serde_json::from_value(spec)?),
        })
    }
}
