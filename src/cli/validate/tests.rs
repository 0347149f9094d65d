use std::path::Path;

use super::*;

#[test]
fn the_example_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first");
    let (problems, summary) = validate(&[folder], &[("rallied", 1)]);
    assert_eq!(problems, []);
    assert_eq!(summary.sentence(), "1 Partner, 1 PartnerApp, 1 GdapTemplate, 1 TenantClass and 1 Tenant: valid");
}
