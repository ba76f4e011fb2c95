//! The REST routes, one per registered command, and what they share: headers, query, body. No route is written by hand.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Extension, Path, RawQuery, State, rejection::BytesRejection},
    response::{IntoResponse, Response},
    routing::post,
};
use event_schemas::Source;
use gateway::{Principal, Problem, RequestContext};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use uuid::Uuid;

use crate::{Accepted, Bus, Request, Spec, bulk, registry};

/// The longest idempotency key, in bytes.
pub const MAX_KEY_BYTES: usize = 255;

/// All command routes: `POST /api/v1/<plural>/{id}/<command>` each, and `POST /api/v1/commands` for many.
pub fn router(bus: Bus) -> Router {
    let mut router = Router::new().route("/api/v1/commands", post(bulk::handle));
    for spec in registry().public() {
        router = router.route(&path(spec), post(handle).layer(Extension(spec)));
    }
    router.with_state(bus)
}

/// The route of a command.
pub fn path(spec: &Spec) -> String {
    format!("/api/v1/{}/{{id}}/{}", spec.plural, spec.kebab())
}

#[expect(
    clippy::too_many_arguments,
    reason = "extractors: what the framework hands to a route"
)]
async fn handle(
    State(bus): State<Bus>,
    Extension(spec): Extension<&'static Spec>,
    Extension(principal): Extension<Principal>,
    Extension(context): Extension<RequestContext>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    principal.require(spec.context, spec.name)?;
    let data = body.map_err(|rejection| unread(&rejection))?;
    let data = if data.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        json(&headers, data)?
    };
    let id = Uuid::parse_str(&id).map_err(|_| {
        Problem::malformed_request(format!(
            "'{}' in the address is not a UUID.",
            shortened(&id)
        ))
    })?;
    let request = Request {
        tenant: principal.tenant,
        actor: principal.actor,
        source: Source::Api,
        spec,
        id,
        data,
        key: idempotency_key(&headers)?,
        expected_version: if_match(&headers)?,
        occurred_at: None,
        dry_run: dry_run(query.as_deref())?,
        correlation_id: context.correlation_id,
        ip_hash: context.ip_hash(principal.tenant),
        traceparent: Some(context.traceparent),
        cause: None,
    };
    checked(&request)?;
    let accepted = bus.execute(request).await?;
    Ok(answer(spec, accepted))
}

fn answer(spec: &Spec, accepted: Accepted) -> Response {
    let status = status(spec, &accepted);
    let etag = HeaderValue::from_str(&format!("\"{}\"", accepted.version));
    let mut response = (status, Json(accepted)).into_response();
    if let Ok(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// 201 for what was created just now, else 200.
pub(crate) fn status(spec: &Spec, accepted: &Accepted) -> StatusCode {
    if spec.creates && !accepted.replayed && !accepted.dry_run {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

/// What no command may have, whichever way it came in.
pub(crate) fn checked(request: &Request) -> Result<(), Problem> {
    if request
        .key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES)
    {
        return Err(Problem::malformed_request(format!(
            "The idempotency key must have 1 to {MAX_KEY_BYTES} bytes."
        )));
    }
    if request.expected_version.is_some_and(|version| version < 0) {
        return Err(Problem::malformed_request(
            "The expected version must not be negative.",
        ));
    }
    // An organization is its own tenant: any other id is another tenant's, and not to be seen.
    if request.spec.context == "organization" && request.id != request.tenant.0 {
        return Err(Problem::not_found());
    }
    Ok(())
}

fn unread(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::payload_too_large(gateway::MAX_BODY)
    } else {
        Problem::malformed_request("The body could not be read to its end. Send the request again.")
    }
}

fn json(headers: &HeaderMap, data: Bytes) -> Result<Bytes, Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(data)
    } else {
        Err(Problem::unsupported_media_type("application/json"))
    }
}

/// The header's one value; of two, nobody knows which one counts.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Problem::malformed_request(format!(
            "The header {name} is there more than once. Send it once."
        )));
    }
    Ok(value)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = single(headers, "idempotency-key")? else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| {
        Problem::malformed_request(
            "The header Idempotency-Key must have visible ASCII characters only.",
        )
    })?;
    Ok(Some(text.to_owned()))
}

fn if_match(headers: &HeaderMap) -> Result<Option<i32>, Problem> {
    let Some(value) = single(headers, "if-match")? else {
        return Ok(None);
    };
    let version = value
        .to_str()
        .ok()
        .and_then(|v| v.trim().strip_prefix('"')?.strip_suffix('"'))
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok());
    version.map(Some).ok_or_else(|| {
        Problem::malformed_request(
            "The header If-Match must be a version in quotes, such as \"3\".",
        )
    })
}

fn dry_run(query: Option<&str>) -> Result<bool, Problem> {
    match query.unwrap_or_default() {
        "" | "dryRun=false" => Ok(false),
        "dryRun=true" => Ok(true),
        _ => Err(Problem::malformed_request(
            "The only query parameter here is dryRun, true or false.",
        )),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
