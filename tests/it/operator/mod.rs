//! The operator against a real API server, with a cloud of its own.

mod deletion;
mod fleet;
mod journey;
mod kill;
mod outage;
mod refusals;
mod scopes;
mod settings;
mod signals;
