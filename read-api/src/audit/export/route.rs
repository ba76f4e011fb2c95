//! `GET /api/v1/audit/export`: who may have the file, in what words, and how it is sent. A failure on the way ends the connection:
//! a file that is short must not look whole.

use std::{sync::Arc, time::Duration};

use super::{Export, ExportError, Which};
use crate::{audit::CONTEXT, failure::Failure, http::consistency::AFTER_HEADER, waiter::Waiter};
use axum::{
    Router,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use event_store::Store;
use futures::{StreamExt as _, stream};
use gateway::{Principal, Problem};
use http::{HeaderMap, HeaderValue, header};

/// How long a file that must be no older than a command waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Exports {
    store: Store,
    waiter: Arc<dyn Waiter>,
}

/// The route, for callers who are authenticated already.
pub fn router(store: Store, waiter: Arc<dyn Waiter>) -> Router {
    Router::new()
        .route("/api/v1/audit/export", get(export))
        .with_state(Exports { store, waiter })
}

async fn export(
    State(exports): State<Exports>,
    principal: Principal,
    headers: HeaderMap,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response, Problem> {
    principal.require(CONTEXT, "read")?;
    let Query(which) = which.map_err(|refused| {
        let said = refused.body_text();
        // What names the parameter; what was expected instead follows in our words.
        let said = said
            .strip_prefix("Failed to deserialize query string: ")
            .unwrap_or(&said);
        let said = said.split(", expected one of").next().unwrap_or(said);
        Problem::malformed_request(format!(
            "{said}. The parameters are format (csv or ndjson), actor, actorKind, action, context, target, source, outcome (accepted or \
             denied), correlation (a UUID), from and before (times such as 2026-01-31T00:00:00Z), afterPosition and text, each at \
             most once.",
        ))
    })?;
    exports.wait(&principal, &headers).await?;
    let format = which.format;
    let mut export = Export::begin(exports.store, principal.tenant, which)
        .await
        .map_err(problem)?;
    // What can be told by a status is told by it.
    let first = export.next().await.map_err(problem)?;
    let rest = stream::try_unfold(export, async |mut export| {
        let part = export.next().await.inspect_err(|error| {
            tracing::error!(%error, "an export of the audit trail was broken off");
        })?;
        Ok::<_, ExportError>(part.map(|part| (part, export)))
    });
    let parts = stream::iter(first.map(Ok)).chain(rest);
    let name = format!("attachment; filename=\"audit.{}\"", format.extension());
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(format.media_type()),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(name).map_err(|error| Problem::internal(&error))?,
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

impl Exports {
    /// Until the trail is no older than the token of a command, if there is one.
    async fn wait(&self, principal: &Principal, headers: &HeaderMap) -> Result<(), Problem> {
        let mut tokens = headers.get_all(AFTER_HEADER).iter();
        let Some(token) = tokens.next() else {
            return Ok(());
        };
        if tokens.next().is_some() {
            return Err(Problem::malformed_request(
                "The header Daybook-After is there more than once. Send one token.",
            ));
        }
        let token = token.to_str().unwrap_or_default();
        let token = self
            .store
            .read_token(principal.tenant, token)
            .map_err(|error| Problem::malformed_request(error.to_string()))?;
        self.waiter
            .wait(principal.tenant, token, &["audit"], PATIENCE)
            .await
            .map_err(|error| problem(error.into()))
    }
}

fn problem(error: ExportError) -> Problem {
    let message = error.to_string();
    match error.0 {
        Failure::Input(_) => Problem::malformed_request(message),
        Failure::Unauthenticated => Problem::unauthenticated(),
        Failure::Forbidden(permission) => Problem::forbidden(&permission),
        Failure::NotCaughtUp(_) | Failure::Parked(..) => {
            Problem::not_caught_up().with_detail(message)
        }
        Failure::Timeout => Problem::timed_out().with_detail(message),
        Failure::Unavailable => Problem::unavailable(),
        Failure::Internal => Problem::internal_because("the audit trail could not be read"),
    }
}
