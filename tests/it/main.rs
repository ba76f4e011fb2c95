//! The integration tests: everything together, on a real PostgreSQL, through the ways that users have. A database per
//! test; nothing sleeps to wait for something, nothing is retried.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod api;
mod architecture;
mod append;
mod bad_input;
mod catalogue;
mod harness;
mod isolation;
mod projections;
mod writers;
