//! Each test is one behaviour of the cloud, asked for over HTTP.
mod apps;
mod control;
mod gdap;
mod ladder;
mod sts;
mod support;
