//! The names of the relay's metrics. Owns nothing else.

/// Gauge {partition}: events not published yet.
pub const LAG_EVENTS: &str = "relay_lag_events";
/// Gauge {partition}: the age of the oldest event not published yet, in seconds.
pub const LAG_SECONDS: &str = "relay_lag_seconds";
/// Gauge {topic, partition}: how many events a context's topic is behind the one of all events.
pub const BEHIND_EVENTS: &str = "relay_topic_behind_events";
/// Gauge {slot}: 1 while this process leads it.
pub const LEADS: &str = "relay_leads";
/// Counter: events that this process has published.
pub const EVENTS: &str = "relay_events_total";
/// Counter: how often this process had to begin anew.
pub const FAILURES: &str = "relay_failures_total";
/// Histogram: how long a transaction took, in seconds.
pub const TRANSACTION_SECONDS: &str = "relay_transaction_seconds";
