//! The pure core: what is read, what is written and what is said about it, all as data.
//!
//! Nothing here performs I/O, awaits or looks at a clock. Kinds say what they want to know
//! ([`read`]) and what they want done ([`step`]); the engine orders it ([`order`]), guards it
//! ([`guard`]), digests it ([`digest`]), shows it ([`plan`]) and judges it ([`conditions`]).

pub mod conditions;
pub mod diagnose;
pub mod diagnostic;
pub mod digest;
pub mod guard;
pub mod kind;
pub mod order;
pub mod plan;
pub mod read;
pub mod step;
pub mod value;
