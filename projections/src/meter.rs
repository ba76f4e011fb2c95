//! The names of the engine's metrics. Owns nothing else.

/// Gauge {projection, partition}: events not applied yet.
pub const LAG_EVENTS: &str = "projection_lag_events";
/// Gauge {projection, partition}: the age of the oldest event not applied yet, in seconds.
pub const LAG_SECONDS: &str = "projection_lag_seconds";
/// Gauge {projection, partition}: 1 while halted by an event that must not be passed.
pub const HALTED: &str = "projection_halted";
/// Gauge {projection, partition}: tenants that are parked.
pub const PARKED: &str = "projection_parked_tenants";
/// Counter {projection}: tenants that this process has parked.
pub const PARKED_EVER: &str = "projection_parked_total";
/// Counter {projection}: events read past, whether or not the projection wanted them.
pub const EVENTS: &str = "projection_events_total";
/// Histogram {projection}: how long a batch took, from the lock to the commit, in seconds.
pub const BATCH_SECONDS: &str = "projection_batch_seconds";
/// Counter: events that projections which read from Kafka had to read from the log.
pub const FROM_LOG: &str = "projection_events_from_log_total";
/// Counter: events that Kafka did not have where they were due.
pub const MISSING: &str = "projection_events_missing_on_kafka_total";
/// Gauge: partitions that this process reads from Kafka.
pub const PARTITIONS: &str = "projection_partitions";
