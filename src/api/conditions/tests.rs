use std::collections::BTreeSet;

use super::*;

/// The vocabulary of the requirements: types under the names that they have as states, each with its reasons.
const VOCABULARY: &str = "
AppRegistered: Registered NameConflict AudienceMismatch RedirectUriMismatch AppNotFound AppJustCreated
PermissionsDeclared: InSync Missing Extra UnknownPermission ScopeStringTooLong
PartnerConsentGranted: Granted Pending PartiallyGranted Revoked InsufficientConsentRole ResourceNotProvisioned BlockedByConditionalAccess MfaRequired Forbidden
ConsentGranted: Granted Pending PartiallyGranted Revoked InsufficientConsentRole ResourceNotProvisioned BlockedByConditionalAccess MfaRequired Forbidden
AdminAgentsMember: Member NotMember GroupNotFound
SecretValid: Valid ExpiringSoon Expired Revoked ValueUnknown LifetimeExceedsPolicy InvalidClient
ServiceAccountReady: Ready NotFound Disabled TemporaryPrivilegePresent RoleMissing
MfaSatisfied: Satisfied WaitingForEnrolment ThirdPartyMfaUnsupported ClaimMissing SessionExpired
GroupsReady: Active Provisioning NotRoleAssignable MemberMissing LicenseMissing
GdapActive: Active Created AwaitingCustomerApproval Activating ExpiringSoon Expired Terminated RequestExpired RolesMissing GlobalAdminBlocksAutoExtend ReadOnlyMicrosoftLed NameNotUnique
AccessAssigned: Mapped Pending Missing ContainerNotFound Error
ExchangeReady: Working WorkingViaCipp Pending NotRequired NoSubscription RoleMissing
ConditionalAccessCompatible: Excluded MissingExclusion NotLicensed SecurityDefaults Blocked NotManaged
Propagated: Waiting Elapsed Overdue
Verified: Passed Failed Stale
CippConnected: Connected NotConfigured InvalidSecret TenantNotInCipp Unreachable RoleTooLow
DataSynced: Waiting Done Overdue
Connected: Connected AwaitingHandover WaitingForAuthorisation
Approved: Approved AwaitingApproval
Synced: Synced Pending Failed Contested DeletionHeld
MicrosoftSlow: Slow Normal
Ready: Suspended InvalidSpec Conflict ReferenceNotFound GuardRefused ApprovalRequired CredentialInvalid Unreadable Throttled Drifted Deleting
";

const FURTHER: &str = "StaleToken DeviceGone WaitingForFirstSignIn PermissionTypeMismatch MailboxRightMissing \
CrossTenantUserNotAssignable PasswordResetRoleMissing MalformedRequest TeamsLicenseMissing IntuneLicenseMissing EntraP1Missing \
AzureKeyVaultMissing LegacyApplication AssignedOnlyInPartnerTenant TerminatedByCustomer RefusedByCustomer RolesPending \
DomainMismatch NoCommercialRelationship Offboarding Offboarded";

#[test]
fn the_table_holds_the_whole_vocabulary() {
    for line in VOCABULARY.trim().lines() {
        let (condition, reasons) = line.split_once(": ").unwrap();
        let condition = ConditionType::parse(condition).unwrap_or_else(|| panic!("no type {condition}"));
        for word in reasons.split(' ') {
            let reason = Reason::parse(word).unwrap_or_else(|| panic!("no reason {word}"));
            assert!(row(condition, reason).is_some(), "{condition} has no row for {word}");
        }
    }
    for word in FURTHER.split_whitespace() {
        let reason = Reason::parse(word).unwrap_or_else(|| panic!("no reason {word}"));
        assert!(table().iter().any(|row| row.reason == reason), "no row for {word}");
    }
}

#[test]
fn every_word_is_used_and_every_row_is_there_once() {
    let mut seen = BTreeSet::new();
    for row in table() {
        assert!(seen.insert((row.condition, row.reason)), "{}/{} stands twice", row.condition, row.reason);
    }
    for condition in ConditionType::ALL {
        assert!(table().iter().any(|row| row.condition == *condition), "{condition} has no row");
    }
    for reason in Reason::ALL {
        assert!(table().iter().any(|row| row.reason == *reason), "{reason} has no row");
    }
}

#[test]
fn every_reason_has_a_link() {
    for row in table() {
        let link = row.link;
        assert!(
            link.starts_with("https://") || link == "docs/conditions.md",
            "{}/{}: {link}",
            row.condition,
            row.reason
        );
    }
}

#[test]
fn rows_agree_with_themselves() {
    for row in table() {
        let name = format!("{}/{}", row.condition, row.reason);
        if row.status == Status::Unknown {
            assert_eq!(row.retry, Some(Retry::Transient), "{name}: what cannot be read is tried again");
        }
        if row.status == Status::False && row.reason != Reason::Normal && row.reason != Reason::Offboarded {
            assert!(row.retry.is_some(), "{name}: a state that is not as it should be says what is done about it");
        }
        if row.retry == Some(Retry::Person) {
            assert!(matches!(row.who, Who::Customer | Who::Partner), "{name}: a wait for a person names whose");
        }
        if row.retry.is_none() {
            assert_eq!(row.who, Who::Nobody, "{name}: nothing to do for nobody");
        }
    }
}

#[test]
fn anything_that_is_read_can_be_unreadable() {
    let row = row(ConditionType::GdapActive, Reason::Unreadable).unwrap();
    assert_eq!((row.condition, row.status), (ConditionType::GdapActive, Status::Unknown));
    assert!(super::row(ConditionType::GdapActive, Reason::Granted).is_none());
}

#[test]
fn ready_and_stalled_take_over_reasons() {
    let unknown = row(ConditionType::PermissionsDeclared, Reason::UnknownPermission).unwrap();
    let ready = roll_up(unknown);
    assert_eq!(
        (ready.condition, ready.reason, ready.status),
        (ConditionType::Ready, Reason::UnknownPermission, Status::False)
    );
    assert_eq!(stalled(unknown).map(|row| (row.reason, row.status)), Some((Reason::UnknownPermission, Status::True)));
    let waiting = row(ConditionType::GdapActive, Reason::AwaitingCustomerApproval).unwrap();
    assert_eq!(waiting.who, Who::Customer);
    assert_eq!(stalled(waiting), None);
}

#[test]
fn words_are_camel_case() {
    for word in Reason::ALL.iter().map(|word| word.as_str()).chain(ConditionType::ALL.iter().map(|word| word.as_str()))
    {
        assert!(word.chars().all(|c| c.is_ascii_alphanumeric()) && word.starts_with(|c: char| c.is_ascii_uppercase()));
    }
}
