//! Each test is one behaviour of the cloud, asked for over HTTP.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests stand outside the program: its client and its clock are not theirs"
)]
mod apps;
mod bodies;
mod browser;
mod consent_pages;
mod control;
mod delta;
mod device;
mod discovery;
mod flows;
mod gdap;
mod ladder;
mod pages;
mod permissions;
mod queries;
mod serving;
mod shapes;
mod sign_in_policies;
mod signer;
mod sts;
mod support;
