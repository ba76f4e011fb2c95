//! The names of the engine's metrics. Owns nothing else.

/// Gauge {projection, partition}: events not applied yet.
pub const LAG_EVENTS: &str = "projection_lag_events";
/// Gauge {projection, partition}: the age of the oldest event not applied yet, in seconds.
pub const LAG_SECONDS: &str = "projection_lag_seconds";
/// Gauge {projection, partition}: 1 while halted by an event that cannot be applied.
pub const HALTED: &str = "projection_halted";
/// Counter {projection}: events read past, whether or not the projection wanted them.
pub const EVENTS: &str = "projection_events_total";
/// Histogram {projection}: how long a batch took, from the lock to the commit, in seconds.
pub const BATCH_SECONDS: &str = "projection_batch_seconds";
