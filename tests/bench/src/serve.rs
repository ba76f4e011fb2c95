//! The servers that Daybook's is compared with: its own layers around a handler that does nothing, a plain service on axum and
//! postgres-es, and one on axum and SQL.

use std::sync::Arc;

use anyhow::Result;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use clap::ValueEnum;
use daybook::lifecycle::Lifecycle;
use event_schemas::TenantId;
use event_store::{Clock, Store, SystemClock};
use gateway::ApiKeys;
use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::{
    handwritten, output,
    peer::{Peer, Views},
    server::config,
    workload::{Command, Step},
};

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// The layers of Daybook's gateway, and behind them nothing.
    Empty,
    /// axum and postgres-es, without any layer.
    Peer,
    /// The same, which keeps a view of its orders.
    PeerView,
    /// axum and SQL on our read models.
    Handwritten,
}

const ROUTE: &str = "/api/v1/orders/{id}/place";

/// Serves until SIGTERM.
pub(crate) async fn run(kind: Kind, database: String) -> Result<()> {
    let lifecycle = Lifecycle::default();
    lifecycle.on_signals()?;
    let router = match kind {
        Kind::Empty => empty(database).await?,
        Kind::Peer => peer(database, Views::None).await?,
        Kind::PeerView => peer(database, Views::Orders).await?,
        Kind::Handwritten => handwritten::router(&database).await?,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    output::data(&json!({ "url": format!("http://{}", listener.local_addr()?) }));
    axum::serve(listener, router)
        .with_graceful_shutdown(lifecycle.cancelled.cancelled_owned())
        .await?;
    Ok(())
}

async fn peer(database: String, views: Views) -> Result<Router> {
    let peer = Arc::new(Peer::connect(&database, views).await?);
    Ok(Router::new().route(ROUTE, post(place)).with_state(peer))
}

async fn empty(database: String) -> Result<Router> {
    let store = Store::connect(&config()?.store(SecretString::from(database))).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = Arc::new(ApiKeys::new(store, clock.clone()));
    let nothing = post(|_body: Bytes| async { StatusCode::CREATED });
    let routes = Router::new().route(ROUTE, nothing);
    Ok(gateway::edge(
        gateway::protected(routes, keys),
        clock,
        gateway::Clients::default(),
    ))
}

async fn place(State(peer): State<Arc<Peer>>, Path(order): Path<Uuid>, data: Bytes) -> Response {
    let id = SystemClock.uuid_v7();
    let command = Command {
        tenant: TenantId(id),
        order,
        step: Step::Place,
        data,
        key_id: id,
        correlation_id: id,
        traceparent: format!("00-{}-{:016x}-01", id.simple(), id.as_u64_pair().1),
    };
    match peer.execute(command).await {
        Ok(()) => (
            StatusCode::CREATED,
            Json(json!({ "orderId": order, "version": 1 })),
        )
            .into_response(),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    }
}
