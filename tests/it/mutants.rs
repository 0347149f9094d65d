//! The tests can fail: with one step of the journey refused by the cloud, the tests of that step do.

use std::process::Command;

/// A write that the cloud refuses (`GET /_sandbox/faults` lists them), and a test that must not pass then.
const MUTANTS: &[(&str, &str)] = &[
    ("create-application", "journey::the_first_apply_ends_at_the_customers_click_and_says_where_it_is"),
    ("create-service-principal", "journey::the_first_apply_ends_at_the_customers_click_and_says_where_it_is"),
    ("add-password", "identity::the_newest_refresh_token_is_kept_and_the_seed_is_needed_only_once"),
    ("create-group", "journey::the_first_apply_ends_at_the_customers_click_and_says_where_it_is"),
    ("add-member", "journey::the_first_apply_ends_at_the_customers_click_and_says_where_it_is"),
    ("grant-app-role", "journey::after_the_click_one_apply_reaches_ready_and_the_next_plan_is_empty"),
    ("create-relationship", "journey::the_first_apply_ends_at_the_customers_click_and_says_where_it_is"),
    ("lock-relationship", "journey::the_first_apply_ends_at_the_customers_click_and_says_where_it_is"),
    ("create-access-assignment", "journey::after_the_click_one_apply_reaches_ready_and_the_next_plan_is_empty"),
    ("partner-consent", "journey::after_the_click_one_apply_reaches_ready_and_the_next_plan_is_empty"),
    ("assign-directory-role", "journey::after_the_click_one_apply_reaches_ready_and_the_next_plan_is_empty"),
];

#[test]
fn with_a_step_refused_the_tests_of_that_step_fail() {
    for (step, test) in MUTANTS {
        let run = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env("TENANTRY_SANDBOX_REFUSE", step)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(said.contains("1 failed"), "{test} passes though {step} is refused:\n{said}");
    }
}
