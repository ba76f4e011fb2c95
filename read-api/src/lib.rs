//! The query side: GraphQL over HTTP.

pub mod http;
