//! The decisions of Daybook: aggregates, their commands and their rejections. Pure: no I/O, no clock, no
//! random source, no database.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod command;
pub mod customer;
pub mod decide;
pub mod document;
pub mod goal;
pub mod lead;
pub mod metric;
pub mod order;
pub mod organization;
mod rules;
mod snapshot;

#[cfg(test)]
mod given;

pub use command::{Command, Entity, Plain, Rejection};
pub use decide::{Decide, Settings};
pub use snapshot::snapshot_hash;
