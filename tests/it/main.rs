//! The integration tests: everything together, on a real PostgreSQL, through the ways that users have. A database per
//! test; nothing sleeps to wait for something, nothing is retried.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::similar_names,
    clippy::type_complexity,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod api;
mod append;
mod architecture;
mod as_of;
mod audit;
mod bad_input;
mod batch;
mod broker;
mod catalogue;
mod compat;
mod document;
mod embedded;
mod entities;
mod expiry;
mod forward;
mod freeze;
mod fsck;
mod goal;
mod harness;
mod import;
mod import_postgres_es;
mod isolation;
mod kill;
mod lead;
mod metric;
mod numbered;
#[expect(
    dead_code,
    reason = "what must come of it is checked where the files are read"
)]
mod olist_fixture;
mod order_stats;
mod outcome;
mod plans;
mod policies;
mod postgres;
mod projections;
#[cfg(feature = "real-data")]
mod real_data;
mod relay;
mod restart;
mod schema_registry;
mod snapshot;
mod standby;
mod statements;
mod stats;
mod suspension;
mod two_servers;
mod writers;
