//! The `daybook` program: its command line, its configuration and the assembly of all crates. Business rules, SQL and
//! HTTP handlers live in the crates, never here.

pub mod app;
pub mod broker;
pub mod cache;
pub mod cli;
pub mod config;
pub mod database;
pub mod embedded;
pub mod import;
mod leash;
pub mod lifecycle;
pub mod output;
pub mod policy;
pub mod seed;
pub mod telemetry;
pub mod trusted;
pub mod verb;
