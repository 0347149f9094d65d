//! Microsoft's own apps, by the word that manifests use.

/// A resource whose permissions an app may hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Resource {
    /// The word in manifests and plans.
    pub word: &'static str,
    /// The name in the portal.
    pub display_name: &'static str,
    pub app_id: &'static str,
}

pub const MICROSOFT_GRAPH: Resource = Resource {
    word: "MicrosoftGraph",
    display_name: "Microsoft Graph",
    app_id: "00000003-0000-0000-c000-000000000000",
};
/// Found under "APIs my organization uses", not under "Microsoft APIs".
pub const EXCHANGE_ONLINE: Resource = Resource {
    word: "ExchangeOnline",
    display_name: "Office 365 Exchange Online",
    app_id: "00000002-0000-0ff1-ce00-000000000000",
};
pub const PARTNER_CENTER: Resource = Resource {
    word: "MicrosoftPartnerCenter",
    display_name: "Microsoft Partner Center",
    app_id: "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd",
};
/// Must have a service principal in the partner tenant before app-only GDAP calls work
/// (Graph: delegated admin relationships, overview).
pub const PARTNER_CUSTOMER_DELEGATED_ADMINISTRATION: Resource = Resource {
    word: "PartnerCustomerDelegatedAdministration",
    display_name: "Partner Customer Delegated Administration",
    app_id: "2832473f-ec63-45fb-976f-5d45a7d4bb91",
};

const RESOURCES: [Resource; 3] = [MICROSOFT_GRAPH, EXCHANGE_ONLINE, PARTNER_CENTER];

/// A resource by its word or app id.
pub fn resource(name: &str) -> Option<Resource> {
    RESOURCES.into_iter().find(|r| r.word == name || r.app_id.eq_ignore_ascii_case(name))
}

/// The words that [`resource`] knows.
pub fn words() -> Vec<&'static str> {
    RESOURCES.iter().map(|r| r.word).collect()
}
