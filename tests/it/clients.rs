//! The sandbox as programs of others see it: Microsoft's own clients and HashiCorp's, unchanged but for the address and
//! whom to trust. What each does stands in `tests/clients`.

use crate::support::foreign::{Program, expect_ok};

#[test]
fn microsofts_javascript_client_and_msal_node_find_microsoft() {
    expect_ok(&Program::JavaScript("graph.cjs"));
}

#[test]
fn microsofts_typed_python_client_and_azure_identity_find_microsoft() {
    expect_ok(&Program::Python("graph.py"));
}

#[test]
fn hashicorps_go_client_and_azidentity_find_microsoft() {
    expect_ok(&Program::Go);
}

#[test]
fn a_person_with_a_browser_signs_in_consents_and_accepts() {
    expect_ok(&Program::JavaScript("browser.cjs"));
}
