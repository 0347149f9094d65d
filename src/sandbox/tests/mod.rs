//! Each test is one behaviour of the cloud, asked for over HTTP.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests stand outside the program: its client and its clock are not theirs"
)]
mod apps;
mod audit_log;
mod bodies;
mod conditional_access;
mod control;
mod delta;
mod gdap;
mod ladder;
mod organization;
mod permissions;
mod policies;
mod policy_support;
mod queries;
mod serving;
mod shapes;
mod sts;
mod support;
