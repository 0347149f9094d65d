//! The kinds: what each declared object wants, reads, plans and reports. No I/O.

pub mod conflicts;
pub mod credential;
pub mod gathered;
pub mod gdap_template;
pub mod grants;
pub mod partner;
pub mod partner_app;
pub mod partner_app_report;
pub mod permissions;
pub mod reads;
pub mod relationship;
pub mod relationship_state;
pub mod resolve;
pub mod scope;
pub mod tenant;
pub mod tenant_app;
pub mod tenant_report;
pub mod want;

pub use resolve::{Declared, Resolved, SinkState, Sinks, resolve};
pub use scope::Surroundings;
