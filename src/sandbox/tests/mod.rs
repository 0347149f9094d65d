//! Each test is one behaviour of the cloud, asked for over HTTP.
#![allow(
    clippy::disallowed_methods,
    reason = "these tests stand outside the program: its client and its clock are not theirs"
)]
mod app_keys;
mod app_objects;
mod apps;
mod bodies;
mod callers;
mod control;
mod deleted;
mod delta;
mod gdap;
mod groups;
mod ladder;
mod permissions;
mod queries;
mod roles;
mod schedules;
mod serving;
mod shapes;
mod sts;
mod support;
mod users;
