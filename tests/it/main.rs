//! The integration tests: one binary, one file a subject. `make test` runs them all, with a real Kubernetes API server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken assumption is a failure that names its line")]
#![allow(clippy::print_stderr, reason = "the test harness shows it where a test fails")]
#![allow(clippy::disallowed_methods, reason = "the harness waits for real processes, in real time")]

mod canary;
mod claims;
mod clients;
mod clients_rust;
mod crds;
mod customer;
mod determinism;
mod docs;
mod drift;
mod errors;
mod facts;
mod faults;
mod health;
mod house;
mod identity;
mod journey;
mod kill;
mod mutants;
mod operator;
mod partner;
mod permissions;
mod realistic;
mod refusals;
mod serve;
mod support;
mod table;
mod windows;
