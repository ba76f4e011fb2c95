//! Authentication and the tenant of a request. The tenant comes from the credential; naming another one is refused.

use axum::{
    extract::{Query, Request, State},
    middleware::Next,
    response::Response,
};
use event_schemas::TenantId;
use http::HeaderMap;
use uuid::Uuid;

use super::Shared;
use crate::{Authenticate, Problem, auth::bearer};

/// The headers that may repeat the organisation.
const HEADERS: [&str; 2] = ["x-organization-id", "x-tenant-id"];
/// The query parameters that may repeat the organisation.
const PARAMETERS: [&str; 4] = ["organization", "organizationId", "tenant", "tenantId"];

/// Lets a request in with its principal.
pub(super) async fn enter(
    State(authenticate): Shared<dyn Authenticate>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let principal = authenticate
        .authenticate(bearer(request.headers())?)
        .await?;
    let span = tracing::Span::current();
    span.record("tenant.id", tracing::field::display(principal.tenant));
    span.record("actor", principal.actor.id.as_str());
    agrees(principal.tenant, request.headers())?;
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) else {
        return Err(Problem::malformed_request(
            "The query of the address cannot be read. Correct its encoding.",
        ));
    };
    for (name, value) in query {
        if PARAMETERS.contains(&name.as_str()) {
            same(principal.tenant, &value)?;
        }
    }
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

fn agrees(tenant: TenantId, headers: &HeaderMap) -> Result<(), Problem> {
    for value in HEADERS.iter().flat_map(|name| headers.get_all(*name)) {
        same(tenant, value.to_str().unwrap_or_default())?;
    }
    Ok(())
}

fn same(tenant: TenantId, named: &str) -> Result<(), Problem> {
    if Uuid::parse_str(named).ok() == Some(tenant.0) {
        return Ok(());
    }
    tracing::warn!("refused: the request names another organisation than its credential's");
    Err(Problem::tenant_mismatch())
}
