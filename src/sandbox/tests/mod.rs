//! Each test is one behaviour of the cloud, asked for over HTTP.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests stand outside the program: its client and its clock are not theirs"
)]
mod app_keys;
mod app_objects;
mod apps;
mod audit_log;
mod bodies;
mod browser;
mod callers;
mod conditional_access;
mod consent_pages;
mod control;
mod deleted;
mod delta;
mod device;
mod discovery;
mod drifts;
mod flows;
mod foreign;
mod gdap;
mod gdap_time;
mod groups;
mod habits;
mod ladder;
mod late_tokens;
mod limits;
mod organization;
mod pages;
mod permissions;
mod policies;
mod policy_support;
mod queries;
mod replicas;
mod roles;
mod schedules;
mod serving;
mod shapes;
mod sign_in_policies;
mod signer;
mod sts;
mod support;
mod users;
mod witnesses;
