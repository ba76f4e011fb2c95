//! The command registry, execution and API.
