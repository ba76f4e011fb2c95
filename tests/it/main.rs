//! The integration tests: everything together, on a real PostgreSQL, through the ways that users have. A database per
//! test; nothing sleeps to wait for something, nothing is retried.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod api;
mod append;
mod architecture;
mod bad_input;
mod catalogue;
mod embedded;
mod harness;
mod import;
mod isolation;
mod olist_fixture;
mod projections;
mod real_data;
mod writers;
