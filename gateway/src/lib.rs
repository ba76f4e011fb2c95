//! The edge shared by both APIs: problem details, strict JSON, authentication, tenant context, request ids, health
//! and metrics. It knows HTTP and no business: it never decides what a command means.
//!
//! ```
//! use std::sync::Arc;
//! use axum::{Router, routing::post};
//! use gateway::{Authenticate, Clients, Health, Json, Principal, Problem, RequestContext, edge, protected};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "camelCase", deny_unknown_fields)]
//! struct Place { quantity: u32 }
//!
//! async fn place(who: Principal, cx: RequestContext, Json(body): Json<Place>) -> Result<String, Problem> {
//!     who.require("order", "place")?;
//!     Ok(format!("{} of {} in request {}", body.quantity, who.tenant, cx.request_id))
//! }
//!
//! fn application(keys: Arc<dyn Authenticate>, clock: Arc<dyn event_store::Clock>) -> Router {
//!     let orders = Router::new().route("/api/v1/orders", post(place));
//!     let log = || async { Ok::<_, event_store::Error>("reachable".to_owned()) };
//!     let public = Health::new().check("log", log).router();
//!     edge(public.merge(protected(orders, keys)), clock, Clients::default())
//! }
//! ```

pub mod auth;
pub mod health;
pub mod json;
pub mod layers;
pub mod metrics;
pub mod problem;

pub use auth::{ApiKeys, Authenticate, Principal, Scopes};
pub use health::Health;
pub use json::Json;
pub use layers::{Client, Clients, MAX_BODY, RequestContext, edge, protected};
pub use problem::Problem;
