//! Whether the process lives and whether it is ready for traffic. Never says anything a stranger must not know: a
//! check's words are public.

use std::{fmt::Display, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, routing::get};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use http::StatusCode;
use serde::Serialize;

/// How long a check may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(2);

type Ask = Box<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

struct Check {
    name: &'static str,
    /// What it is called when it fails.
    failing: &'static str,
    ask: Ask,
}

const UNREADY: &str = "unready";
const DEGRADED: &str = "degraded";

/// The named checks behind `/health/ready`.
#[derive(Default)]
pub struct Health {
    checks: Vec<Check>,
}

impl Health {
    /// Without checks it is always ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a check of that name: `Ok` or `Err` with words for an operator, free of secrets. One that takes more than
    /// 2 s counts as failed.
    #[must_use]
    pub fn check<F, R, E>(self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, E>> + Send + 'static,
        E: Display,
    {
        self.add(name, UNREADY, check)
    }

    /// The same for something that this process can do without for a while: where it fails, the process is ready all the
    /// same, and says so.
    #[must_use]
    pub fn watch<F, R, E>(self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, E>> + Send + 'static,
        E: Display,
    {
        self.add(name, DEGRADED, check)
    }

    fn add<F, R, E>(mut self, name: &'static str, failing: &'static str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, E>> + Send + 'static,
        E: Display,
    {
        let ask = move || {
            check()
                .map(|found| found.map_err(|error| error.to_string()))
                .boxed()
        };
        self.checks.push(Check {
            name,
            failing,
            ask: Box::new(ask),
        });
        self
    }

    /// The routes `/health/live` and `/health/ready`, to be merged into the public ones.
    pub fn router(self) -> Router {
        Router::new()
            .route(
                "/health/live",
                get(|| async { Json(Live { status: "alive" }) }),
            )
            .route("/health/ready", get(ready))
            .with_state(Arc::new(self))
    }
}

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

/// The answer of `/health/ready`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Ready {
    /// `unready` if a check is, else `ready`.
    pub status: &'static str,
    /// What was checked.
    pub checks: Vec<Checked>,
}

/// The result of one check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Checked {
    /// Its name.
    pub name: &'static str,
    /// `ready`, `unready`, or `degraded`: something that is missed, but not by those who ask this process.
    pub status: &'static str,
    /// Its words.
    pub detail: String,
}

/// 200 if no check is unready, else 503. The checks run side by side.
async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, Json<Ready>) {
    let running = health.checks.iter().map(|check| async move {
        let (status, detail) = match tokio::time::timeout(PATIENCE, (check.ask)()).await {
            Ok(Ok(detail)) => ("ready", detail),
            Ok(Err(detail)) => (check.failing, detail),
            Err(elapsed) => (
                check.failing,
                format!("no answer within {} s: {elapsed}", PATIENCE.as_secs()),
            ),
        };
        Checked {
            name: check.name,
            status,
            detail,
        }
    });
    let checks = join_all(running).await;
    let passed = checks.iter().all(|checked| checked.status != UNREADY);
    let (code, status) = if passed {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, UNREADY)
    };
    (code, Json(Ready { status, checks }))
}
