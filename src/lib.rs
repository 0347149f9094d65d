//! Tenantry keeps an MSP's Microsoft 365 partner set-up in git.
pub mod api;
pub mod catalog;
pub mod cli;
pub mod cloud;
pub mod engine;
pub mod kinds;
pub mod pass;
pub mod sandbox;
pub mod server;
pub mod source;
pub mod telemetry;
