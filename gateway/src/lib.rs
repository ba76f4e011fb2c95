//! The edge shared by both APIs.
