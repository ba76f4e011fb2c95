//! Logs and metrics of the process. Logs go to stderr, for stdout is for data.

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::Telemetry;

/// Starts logging and metrics. `quiet` leaves only warnings, for verbs that talk to a person.
pub fn init(config: &Telemetry, quiet: bool) -> Result<PrometheusHandle> {
    let filter = if quiet {
        "warn,sqlx=error"
    } else {
        &config.filter
    };
    let filter = EnvFilter::try_new(filter)
        .context("telemetry.filter is not a tracing filter, such as \"info\"")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second initialisation in one process, as in tests, keeps the first.
    drop(if config.format == "json" {
        builder.json().try_init()
    } else {
        builder.with_target(false).try_init()
    });
    metrics_handle()
}

/// The recorder of this process, installed once.
pub fn metrics_handle() -> Result<PrometheusHandle> {
    static HANDLE: std::sync::OnceLock<PrometheusHandle> = std::sync::OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[
            0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ])
        .context("the metrics' buckets are not valid")?
        .build_recorder();
    let handle = HANDLE.get_or_init(|| recorder.handle()).clone();
    // Lost only if another thread was first, whose handle is then the one above.
    drop(metrics::set_global_recorder(recorder));
    Ok(handle)
}
