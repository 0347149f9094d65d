//! The table itself.

use std::fmt;

use super::{Retry::*, Row, Status, Who::*, links::*};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($word:ident)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // the words speak for themselves, and the table says what they mean
        pub enum $name { $($word),* }

        impl $name {
            /// All words, in order.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// The word as status shows it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),* }
            }

            /// The value of a word, `None` if it is not one.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The types of conditions, in the order in which one builds on another: of several that fail, the first is the one that
    /// `Ready` names.
    ConditionType:
    AppOnlyReady DelegatedReady ServiceAccountReady MfaSatisfied
    AppRegistered PermissionsDeclared SecretValid PartnerConsentGranted AdminAgentsMember Connected
    GroupsReady GdapActive AccessAssigned ConsentGranted ExchangeReady ConditionalAccessCompatible
    Propagated Verified CippConnected DataSynced Approved
    MicrosoftSlow Synced Ready Reconciling Stalled
}

words! {
    /// The reasons: a closed list.
    Reason:
    Registered NameConflict AudienceMismatch RedirectUriMismatch AppNotFound AppJustCreated LegacyApplication
    InSync Missing Extra UnknownPermission ScopeStringTooLong
    Granted Pending PartiallyGranted Revoked InsufficientConsentRole ResourceNotProvisioned BlockedByConditionalAccess
    MfaRequired Forbidden StaleToken NoCommercialRelationship DomainMismatch
    Member NotMember GroupNotFound
    Valid ExpiringSoon Expired ValueUnknown LifetimeExceedsPolicy InvalidClient DeviceGone
    Ready NotFound Disabled TemporaryPrivilegePresent RoleMissing WaitingForFirstSignIn AzureKeyVaultMissing
    Satisfied WaitingForEnrolment ThirdPartyMfaUnsupported ClaimMissing SessionExpired
    Active Provisioning NotRoleAssignable MemberMissing LicenseMissing
    Created AwaitingCustomerApproval Activating Terminated RequestExpired RolesMissing GlobalAdminBlocksAutoExtend
    ReadOnlyMicrosoftLed NameNotUnique TerminatedByCustomer RefusedByCustomer RolesPending
    Mapped ContainerNotFound Error
    Working WorkingViaCipp NotRequired NoSubscription AssignedOnlyInPartnerTenant
    Excluded MissingExclusion NotLicensed SecurityDefaults Blocked NotManaged EntraP1Missing
    Waiting Elapsed Overdue
    Passed Failed Stale PermissionTypeMismatch MailboxRightMissing CrossTenantUserNotAssignable PasswordResetRoleMissing
    MalformedRequest TeamsLicenseMissing IntuneLicenseMissing
    Connected NotConfigured InvalidSecret TenantNotInCipp Unreachable RoleTooLow
    Done AwaitingHandover WaitingForAuthorisation Approved AwaitingApproval
    Synced Contested DeletionHeld Slow Normal
    Suspended InvalidSpec Conflict ReferenceNotFound GuardRefused ApprovalRequired CredentialInvalid Unreadable Throttled
    Drifted Deleting Offboarding Offboarded Progressing ProgressingWithRetry
}

macro_rules! table {
    ($($condition:ident { $($reason:ident $status:ident $retry:tt $who:ident $link:ident)* })*) => {
        pub(super) const TABLE: &[Row] = &[$($(Row {
            condition: ConditionType::$condition,
            reason: Reason::$reason,
            status: Status::$status,
            retry: table!(@ $retry),
            who: $who,
            link: $link,
        }),*),*];
    };
    (@ -) => { None };
    (@ $retry:ident) => { Some($retry) };
}

table! {
    AppOnlyReady {
        Ready                        True    -          Nobody    APP_CREDENTIALS
        CredentialInvalid            False   Person     Partner   APP_CREDENTIALS
        Expired                      False   Person     Partner   APP_CREDENTIALS
        InvalidClient                False   Person     Partner   ERROR_CODES
        AppNotFound                  False   Person     Partner   REGISTER_APP
        Forbidden                    False   Person     Partner   API_ACCESS
        DomainMismatch               False   Permanent  Partner   OWN
    }
    DelegatedReady {
        Ready                        True    -          Nobody    REFRESH_TOKENS
        CredentialInvalid            False   Person     Partner   REFRESH_TOKENS
        WaitingForFirstSignIn        False   Person     Partner   REFRESH_TOKENS
        Expired                      False   Person     Partner   REFRESH_TOKENS
        Revoked                      False   Person     Partner   REFRESH_TOKENS
        MfaRequired                  False   Person     Partner   PARTNER_MFA
        BlockedByConditionalAccess   False   Person     Partner   CONDITIONAL_ACCESS
        Forbidden                    False   Person     Partner   PARTNER_ROLES
    }
    ServiceAccountReady {
        Ready                        True    -          Nobody    ASSIGN_ROLES
        TemporaryPrivilegePresent    True    Fixable    Nobody    ASSIGN_ROLES
        NotFound                     False   Fixable    Nobody    ASSIGN_ROLES
        Disabled                     False   Person     Partner   ASSIGN_ROLES
        RoleMissing                  False   Fixable    Nobody    ASSIGN_ROLES
        WaitingForFirstSignIn        False   Person     Partner   PARTNER_MFA
        AzureKeyVaultMissing         False   Permanent  Partner   KEY_VAULT
    }
    MfaSatisfied {
        Satisfied                    True    -          Nobody    PARTNER_MFA
        WaitingForEnrolment          False   Person     Partner   PARTNER_MFA
        ThirdPartyMfaUnsupported     False   Permanent  Partner   PARTNER_MFA
        ClaimMissing                 False   Person     Partner   PARTNER_MFA
        SessionExpired               False   Person     Partner   REFRESH_TOKENS
    }
    AppRegistered {
        Registered                   True    -          Nobody    REGISTER_APP
        LegacyApplication            True    Fixable    Nobody    REGISTER_APP
        NameConflict                 False   Person     Partner   REGISTER_APP
        AudienceMismatch             False   Fixable    Nobody    MULTI_TENANT
        RedirectUriMismatch          False   Fixable    Nobody    REDIRECT_URI
        AppNotFound                  False   Fixable    Nobody    REGISTER_APP
        AppJustCreated               False   Transient  Microsoft REGISTER_APP
    }
    PermissionsDeclared {
        InSync                       True    -          Nobody    API_ACCESS
        Missing                      False   Fixable    Nobody    API_ACCESS
        Extra                        False   Fixable    Nobody    API_ACCESS
        UnknownPermission            False   Permanent  Partner   PERMISSIONS
        ScopeStringTooLong           False   Permanent  Partner   PERMISSIONS
    }
    SecretValid {
        Valid                        True    -          Nobody    APP_CREDENTIALS
        ExpiringSoon                 True    Fixable    Nobody    APP_CREDENTIALS
        Pending                      False   Fixable    Nobody    APP_CREDENTIALS
        Expired                      False   Fixable    Nobody    APP_CREDENTIALS
        Revoked                      False   Fixable    Nobody    APP_CREDENTIALS
        ValueUnknown                 False   Fixable    Nobody    APP_CREDENTIALS
        LifetimeExceedsPolicy        False   Permanent  Partner   APP_CREDENTIALS
        InvalidClient                False   Person     Partner   ERROR_CODES
        DeviceGone                   False   Person     Partner   ERROR_CODES
    }
    PartnerConsentGranted {
        Granted                      True    -          Nobody    CONSENT
        NotRequired                  True    -          Nobody    CONSENT
        Pending                      False   Person     Partner   CONSENT_LINK
        PartiallyGranted             False   Fixable    Nobody    CONSENT
        Revoked                      False   Fixable    Nobody    CONSENT
        InsufficientConsentRole      False   Person     Partner   WHO_CONSENTS
        ResourceNotProvisioned       False   Fixable    Nobody    CONSENT
        BlockedByConditionalAccess   False   Person     Partner   CONDITIONAL_ACCESS
        MfaRequired                  False   Person     Partner   PARTNER_MFA
        Forbidden                    False   Person     Partner   WHO_CONSENTS
    }
    AdminAgentsMember {
        Member                       True    -          Nobody    PARTNER_ROLES
        NotRequired                  True    -          Nobody    PARTNER_ROLES
        Pending                      False   Fixable    Nobody    PARTNER_ROLES
        NotMember                    False   Person     Partner   PARTNER_ROLES
        GroupNotFound                False   Permanent  Partner   PARTNER_ROLES
    }
    Connected {
        Connected                    True    -          Nobody    OWN
        NotRequired                  True    -          Nobody    OWN
        AwaitingHandover             False   Person     Partner   OWN
        WaitingForAuthorisation      False   Person     Partner   OWN
    }
    GroupsReady {
        Active                       True    -          Nobody    ROLE_GROUPS
        Pending                      False   Fixable    Nobody    ROLE_GROUPS
        Provisioning                 False   Transient  Microsoft ROLE_GROUPS
        NotRoleAssignable            False   Permanent  Partner   ROLE_GROUPS
        MemberMissing                False   Fixable    Nobody    ROLE_GROUPS
        LicenseMissing               False   Permanent  Partner   ENTRA_LICENSING
    }
    GdapActive {
        Active                       True    -          Nobody    GDAP
        ExpiringSoon                 True    Fixable    Nobody    GDAP
        RolesPending                 True    Person     Customer  GDAP_ROLES
        GlobalAdminBlocksAutoExtend  True    Person     Partner   GDAP_FAQ
        Pending                      False   Fixable    Nobody    GDAP
        Created                      False   Fixable    Nobody    GDAP
        AwaitingCustomerApproval     False   Person     Customer  GDAP
        Activating                   False   Transient  Microsoft GDAP
        Expired                      False   Fixable    Nobody    GDAP_FAQ
        Terminated                   False   Fixable    Nobody    GDAP_FAQ
        RequestExpired               False   Fixable    Nobody    GDAP_FAQ
        RolesMissing                 False   Person     Customer  GDAP_ROLES
        ReadOnlyMicrosoftLed         False   Permanent  Partner   GDAP_FAQ
        NameNotUnique                False   Permanent  Partner   GDAP_FAQ
        TerminatedByCustomer         False   Person     Partner   GDAP_FAQ
        RefusedByCustomer            False   Person     Partner   GDAP_FAQ
        DomainMismatch               False   Permanent  Partner   OWN
    }
    AccessAssigned {
        Mapped                       True    -          Nobody    GDAP
        Pending                      False   Transient  Microsoft GDAP
        Missing                      False   Fixable    Nobody    GDAP
        ContainerNotFound            False   Fixable    Nobody    ROLE_GROUPS
        Error                        False   Fixable    Nobody    GDAP_FAQ
    }
    ConsentGranted {
        Granted                      True    -          Nobody    CONSENT
        NotRequired                  True    -          Nobody    CONSENT
        Pending                      False   Person     Customer  CONSENT_LINK
        PartiallyGranted             False   Fixable    Nobody    CONSENT
        Revoked                      False   Person     Customer  CONSENT
        InsufficientConsentRole      False   Person     Customer  WHO_CONSENTS
        ResourceNotProvisioned       False   Fixable    Nobody    CONSENT
        BlockedByConditionalAccess   False   Person     Customer  CONDITIONAL_ACCESS
        MfaRequired                  False   Person     Partner   PARTNER_MFA
        Forbidden                    False   Person     Partner   PARTNER_CONSENT_API
        StaleToken                   False   Transient  Nobody    REFRESH_TOKENS
        NoCommercialRelationship     False   Person     Customer  PARTNER_CONSENT_API
    }
    ExchangeReady {
        Working                      True    -          Nobody    EXCHANGE_APP
        WorkingViaCipp               True    -          Nobody    CIPP
        NotRequired                  True    -          Nobody    EXCHANGE_APP
        Pending                      False   Fixable    Nobody    EXCHANGE_ROLE
        NoSubscription               False   Permanent  Customer  EXCHANGE_APP
        RoleMissing                  False   Fixable    Nobody    EXCHANGE_ROLE
        AssignedOnlyInPartnerTenant  False   Fixable    Nobody    EXCHANGE_ROLE
    }
    ConditionalAccessCompatible {
        Excluded                     True    -          Nobody    CONDITIONAL_ACCESS
        NotLicensed                  True    -          Nobody    ENTRA_LICENSING
        SecurityDefaults             True    -          Nobody    SECURITY_DEFAULTS
        NotManaged                   True    -          Nobody    CONDITIONAL_ACCESS
        MissingExclusion             False   Fixable    Nobody    CONDITIONAL_ACCESS
        Blocked                      False   Person     Customer  CONDITIONAL_ACCESS
        EntraP1Missing               False   Permanent  Customer  ENTRA_LICENSING
    }
    Propagated {
        Elapsed                      True    -          Nobody    GRAPH_ERRORS
        Waiting                      False   Transient  Microsoft GRAPH_ERRORS
        Overdue                      False   Person     Partner   SERVICE_HEALTH
    }
    Verified {
        Passed                       True    -          Nobody    GRAPH_ERRORS
        Pending                      False   Transient  Nobody    GRAPH_ERRORS
        Failed                       False   Person     Partner   GRAPH_ERRORS
        Stale                        False   Transient  Nobody    GRAPH_ERRORS
        StaleToken                   False   Transient  Nobody    REFRESH_TOKENS
        PermissionTypeMismatch       False   Fixable    Nobody    PERMISSIONS
        MailboxRightMissing          False   Person     Customer  EXCHANGE_RBAC
        CrossTenantUserNotAssignable False   Permanent  Partner   GDAP
        PasswordResetRoleMissing     False   Fixable    Nobody    ASSIGN_ROLES
        MalformedRequest             False   Permanent  Partner   GRAPH_ERRORS
        TeamsLicenseMissing          False   Permanent  Customer  ENTRA_LICENSING
        IntuneLicenseMissing         False   Permanent  Customer  ENTRA_LICENSING
    }
    CippConnected {
        Connected                    True    -          Nobody    CIPP
        NotConfigured                False   Person     Partner   CIPP_API
        InvalidSecret                False   Person     Partner   CIPP_API
        TenantNotInCipp              False   Fixable    Nobody    CIPP
        Unreachable                  False   Transient  Partner   CIPP
        RoleTooLow                   False   Person     Partner   CIPP_API
    }
    DataSynced {
        Done                         True    -          Nobody    OWN
        Waiting                      False   Transient  Partner   OWN
        Overdue                      False   Person     Partner   OWN
    }
    Approved {
        Approved                     True    -          Nobody    OWN
        AwaitingApproval             False   Person     Partner   OWN
    }
    MicrosoftSlow {
        Slow                         True    Transient  Microsoft SERVICE_HEALTH
        Normal                       False   -          Nobody    SERVICE_HEALTH
    }
    Synced {
        Synced                       True    -          Nobody    OWN
        Offboarded                   True    -          Nobody    OWN
        Pending                      False   Fixable    Nobody    OWN
        Failed                       False   Fixable    Nobody    OWN
        Contested                    False   Person     Partner   OWN
        DeletionHeld                 False   Person     Partner   OWN
        Offboarding                  False   Transient  Nobody    OWN
    }
    Ready {
        Ready                        True    -          Nobody    OWN
        Pending                      False   Fixable    Nobody    OWN
        Suspended                    False   Person     Partner   OWN
        InvalidSpec                  False   Permanent  Partner   OWN
        Conflict                     False   Permanent  Partner   OWN
        ReferenceNotFound            False   Permanent  Partner   OWN
        GuardRefused                 False   Person     Partner   OWN
        ApprovalRequired             False   Person     Partner   OWN
        CredentialInvalid            False   Person     Partner   APP_CREDENTIALS
        Unreadable                   Unknown Transient  Nobody    GRAPH_ERRORS
        Throttled                    Unknown Transient  Microsoft THROTTLING
        Drifted                      False   Fixable    Nobody    OWN
        Deleting                     False   Transient  Nobody    OWN
        Offboarding                  False   Transient  Nobody    OWN
        Offboarded                   False   -          Nobody    OWN
    }
    Reconciling {
        Progressing                  True    Transient  Nobody    OWN
        ProgressingWithRetry         True    Transient  Nobody    OWN
    }
    Stalled {
        InvalidSpec                  True    Permanent  Partner   OWN
        Conflict                     True    Permanent  Partner   OWN
        ReferenceNotFound            True    Permanent  Partner   OWN
    }
}
