//! Facts as data: roles, well-known apps, profiles, the ladder, diagnosis rules.
//!
//! Embedded YAML, typed. No I/O; a mistake in an embedded table is caught by a test.

pub mod apps;
pub mod diagnosis;
pub mod ladder;
pub mod near;
pub mod profiles;
pub mod roles;
