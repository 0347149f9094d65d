//! From a refusal to a diagnostic: by code, never by prose.

use super::diagnostic::Diagnostic;
use super::read::{Refusal, Why};
use crate::catalog::diagnosis;

/// Codes of our own for what stands before any request.
fn own(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "SecretNotFound" => (
            "a secret cannot be read",
            "Give it with --secrets-dir DIR (DIR/<secret>/<key>), TENANTRY_SECRET_<NAME>_<KEY>, or a Secret \
             document among the inputs.",
        ),
        "ValueUnknown" => (
            "the value of a credential is not known",
            "A new credential is made on the next apply; the value of an old one cannot be read back.",
        ),
        "Certificate" => ("the certificate cannot be used", "Give a PEM with the certificate and its RSA private key."),
        _ => return None,
    })
}

/// What went wrong while doing `doing`, with cause and remedy.
pub fn of_why(address: &str, doing: &str, why: &Why) -> Diagnostic {
    match why {
        Why::Failed(fault) => {
            let code = if fault.after.is_some() { "Throttled" } else { "Unreadable" };
            let error = Diagnostic::error(address, format!("{doing}: {}", fault.message));
            Diagnostic { after: fault.after, ..error.code(code).remedy(&fault.remedy) }
        }
        Why::Refused(refusal) => of_refusal(address, doing, refusal),
    }
}

/// As [`of_why`], for a refusal.
pub fn of_refusal(address: &str, doing: &str, refusal: &Refusal) -> Diagnostic {
    let (cause, remedy) = match (own(&refusal.code), diagnosis::rule(&refusal.code)) {
        (Some((cause, remedy)), _) => (cause.to_owned(), remedy.to_owned()),
        (_, Some(rule)) => (rule.cause.clone(), rule.remedy.clone()),
        _ => (format!("refused with {}", refusal.code), "Look the code up in Microsoft's documentation.".into()),
    };
    let mut diagnostic = Diagnostic::error(address, format!("{doing}: {cause}"))
        .detail(&refusal.message)
        .code(&refusal.code)
        .remedy(remedy);
    diagnostic.request_id.clone_from(&refusal.request_id);
    diagnostic
}
