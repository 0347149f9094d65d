//! Properties that only `/beta` has and that clients ask for by name. Nothing sets them here: they are null.

/// Type → properties. Graph: servicePrincipal, beta.
const ONLY: &[(&str, &[&str])] = &[("servicePrincipal", &["samlMetadataUrl"])];

/// The property of a type as beta spells it, when v1.0 does not have it.
pub fn only(of: &str, word: &str) -> Option<&'static str> {
    let (_, names) = ONLY.iter().find(|(name, _)| *name == of)?;
    names.iter().find(|name| name.eq_ignore_ascii_case(word)).copied()
}
