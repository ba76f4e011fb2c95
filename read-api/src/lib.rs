//! The query side: GraphQL over HTTP.
