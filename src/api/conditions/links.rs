//! Where to read on.

pub(super) const REGISTER_APP: &str = "https://learn.microsoft.com/entra/identity-platform/quickstart-register-app";
pub(super) const MULTI_TENANT: &str =
    "https://learn.microsoft.com/entra/identity-platform/howto-convert-app-to-be-multi-tenant";
pub(super) const API_ACCESS: &str =
    "https://learn.microsoft.com/entra/identity-platform/quickstart-configure-app-access-web-apis";
pub(super) const REDIRECT_URI: &str = "https://learn.microsoft.com/entra/identity-platform/reply-url";
pub(super) const APP_CREDENTIALS: &str = "https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials";
pub(super) const ERROR_CODES: &str = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes";
pub(super) const REFRESH_TOKENS: &str = "https://learn.microsoft.com/entra/identity-platform/refresh-tokens";
pub(super) const CONSENT_LINK: &str = "https://learn.microsoft.com/entra/identity-platform/v2-admin-consent";
pub(super) const CONSENT: &str = "https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent";
pub(super) const WHO_CONSENTS: &str =
    "https://learn.microsoft.com/entra/identity/enterprise-apps/user-admin-consent-overview";
pub(super) const PERMISSIONS: &str = "https://learn.microsoft.com/graph/permissions-reference";
pub(super) const THROTTLING: &str = "https://learn.microsoft.com/graph/throttling";
pub(super) const GRAPH_ERRORS: &str = "https://learn.microsoft.com/graph/errors";
pub(super) const EXCHANGE_APP: &str = "https://learn.microsoft.com/powershell/exchange/app-only-auth-powershell-v2";
pub(super) const EXCHANGE_RBAC: &str = "https://learn.microsoft.com/exchange/permissions-exo/application-rbac";
pub(super) const ASSIGN_ROLES: &str =
    "https://learn.microsoft.com/entra/identity/role-based-access-control/manage-roles-portal";
pub(super) const EXCHANGE_ROLE: &str =
    "https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference#exchange-administrator";
pub(super) const ROLE_GROUPS: &str =
    "https://learn.microsoft.com/entra/identity/role-based-access-control/groups-concept";
pub(super) const GDAP: &str = "https://learn.microsoft.com/partner-center/customers/gdap-introduction";
pub(super) const GDAP_ROLES: &str =
    "https://learn.microsoft.com/partner-center/customers/gdap-least-privileged-roles-by-task";
pub(super) const GDAP_FAQ: &str = "https://learn.microsoft.com/partner-center/customers/gdap-faq";
pub(super) const PARTNER_MFA: &str =
    "https://learn.microsoft.com/partner-center/security/partner-security-requirements";
pub(super) const PARTNER_ROLES: &str =
    "https://learn.microsoft.com/partner-center/account-settings/permissions-overview";
pub(super) const PARTNER_CONSENT_API: &str =
    "https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis";
pub(super) const CONDITIONAL_ACCESS: &str =
    "https://learn.microsoft.com/entra/external-id/authentication-conditional-access";
pub(super) const SECURITY_DEFAULTS: &str = "https://learn.microsoft.com/entra/fundamentals/security-defaults";
pub(super) const ENTRA_LICENSING: &str = "https://learn.microsoft.com/entra/fundamentals/licensing";
pub(super) const KEY_VAULT: &str = "https://learn.microsoft.com/azure/key-vault/general/quick-create-portal";
pub(super) const SERVICE_HEALTH: &str = "https://learn.microsoft.com/microsoft-365/enterprise/view-service-health";
pub(super) const CIPP: &str = "https://docs.cipp.app/";
pub(super) const CIPP_API: &str = "https://docs.cipp.app/api-documentation/setup-and-authentication";
/// What Tenantry's own words mean: the project's own page, from the root of the repository.
pub(super) const OWN: &str = "docs/conditions.md";
