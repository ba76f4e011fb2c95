//! Many commands in one request, as lines of JSON: answers stream back in order, memory stays bounded, and one bad line
//! does not stop the rest.

mod lines;

use axum::{
    body::{Body, Bytes},
    extract::{Extension, RawQuery, State},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use event_schemas::Source;
use futures::{Stream, StreamExt, stream};
use gateway::{Principal, Problem, RequestContext};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Bus, Request, registry, rest};
use lines::Lines;

/// The content type of lines of JSON.
pub const CONTENT_TYPE: &str = "application/x-ndjson";
/// The most lines that are executed as one batch.
pub const BATCH_LINES: usize = 512;
/// The longest line, in bytes.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// One line of the bulk protocol.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    id: Uuid,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(default)]
    expected_version: Option<i32>,
    #[serde(default)]
    occurred_at: Option<DateTime<Utc>>,
}

#[derive(Clone)]
struct Session {
    bus: Bus,
    principal: Principal,
    context: RequestContext,
    source: Source,
    ip_hash: Option<String>,
}

pub(crate) async fn handle(
    State(bus): State<Bus>,
    Extension(principal): Extension<Principal>,
    Extension(context): Extension<RequestContext>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if !matches!(
        kind.split(';').next().unwrap_or_default().trim(),
        CONTENT_TYPE | "application/ndjson" | "application/jsonl"
    ) {
        return Err(Problem::unsupported_media_type(CONTENT_TYPE));
    }
    let source = match query.as_deref().unwrap_or_default() {
        "" | "source=api" => Source::Api,
        "source=import" => {
            principal.require("organization", "import")?;
            Source::Import
        }
        _ => {
            return Err(Problem::malformed_request(
                "The only query parameter here is source, api or import.",
            ));
        }
    };
    let session = Session {
        bus,
        ip_hash: context.ip_hash(principal.tenant),
        principal,
        context,
        source,
    };
    let mut lines = Lines::new(body.into_data_stream());
    // The first batch is read before anything is answered: a body that is no lines at all still gets a status.
    let first = lines.next_batch().await;
    if let Some(Err(problem)) = first.first().map(|(_, line)| line.as_ref()) {
        return Err(problem.clone());
    }
    Ok((
        [(header::CONTENT_TYPE, CONTENT_TYPE)],
        Body::from_stream(answers(session, lines, first)),
    )
        .into_response())
}

type Batch = Vec<(u64, Result<Bytes, Problem>)>;

fn answers<S>(
    session: Session,
    lines: Lines<S>,
    first: Batch,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>>
where
    S: Stream<Item = Result<Bytes, axum::Error>> + Unpin + Send + 'static,
{
    stream::unfold(
        (session, lines, Some(first)),
        |(session, mut lines, first)| async move {
            let batch = match first {
                Some(batch) => batch,
                None => lines.next_batch().await,
            };
            if batch.is_empty() {
                return None;
            }
            let answer = session.execute(batch).await;
            Some((Ok(answer), (session, lines, None)))
        },
    )
    .boxed()
}

impl Session {
    async fn execute(&self, batch: Batch) -> Bytes {
        let (mut requests, mut slots) = (
            Vec::with_capacity(batch.len()),
            Vec::with_capacity(batch.len()),
        );
        for (number, line) in batch {
            match line.and_then(|line| self.request(&line)) {
                Ok(request) => {
                    requests.push(request);
                    slots.push((number, None));
                }
                Err(problem) => slots.push((number, Some(problem))),
            }
        }
        let mut results = self
            .bus
            .execute_all(&requests)
            .await
            .into_iter()
            .zip(&requests);
        let mut answer = Vec::new();
        for (number, problem) in slots {
            let value = match problem
                .map_or_else(|| results.next().ok_or(None), |problem| Err(Some(problem)))
            {
                Ok((Ok(accepted), request)) => serde_json::json!({
                    "line": number, "status": rest::status(request.spec, &accepted).as_u16(), "result": accepted }),
                Ok((Err(problem), _)) => refused(number, &in_data(problem)),
                Err(Some(problem)) => refused(number, &problem),
                Err(None) => refused(number, &Problem::internal_because("a line got no answer")),
            };
            answer.extend(value.to_string().into_bytes());
            answer.push(b'\n');
        }
        answer.into()
    }

    fn request(&self, line: &[u8]) -> Result<Request, Problem> {
        // Serde would take a list of the values for the object.
        if line.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::malformed(
                "",
                "The line: expected an object, found a list.",
            ));
        }
        let line: Line = gateway::json::parse(line)?;
        let spec = registry()
            .by_kind(&line.kind)
            .filter(|spec| !spec.is_operators_alone())
            .ok_or_else(|| {
                Problem::malformed(
                    "/type",
                    format!(
                        "There is no command '{}'. A command is named like 'order.place'.",
                        shortened(&line.kind)
                    ),
                )
            })?;
        self.principal.require(spec.context, spec.name)?;
        if line.occurred_at.is_some() && self.source != Source::Import {
            return Err(Problem::malformed(
                "/occurredAt",
                "Only an import may say when it happened: add ?source=import.",
            ));
        }
        if self.source == Source::Import && line.idempotency_key.is_none() {
            return Err(Problem::malformed(
                "/idempotencyKey",
                "A line of an import needs the key of the row it comes from.",
            ));
        }
        let request = Request {
            tenant: self.principal.tenant,
            actor: self.principal.actor.clone(),
            source: self.source,
            spec,
            id: line.id,
            data: line.data.map_or_else(
                || Bytes::from_static(b"{}"),
                |data| Bytes::from(String::from(Box::<str>::from(data))),
            ),
            key: line.idempotency_key,
            expected_version: line.expected_version,
            occurred_at: line.occurred_at,
            dry_run: false,
            correlation_id: self.context.correlation_id,
            traceparent: Some(self.context.traceparent.clone()),
            cause: None,
            ip_hash: self.ip_hash.clone(),
        };
        rest::checked(&request).map_err(|problem| {
            match (&request.key, request.expected_version) {
                (Some(key), _) if key.is_empty() || key.len() > rest::MAX_KEY_BYTES => {
                    problem.with_pointer("/idempotencyKey")
                }
                (_, Some(..0)) => problem.with_pointer("/expectedVersion"),
                _ => problem,
            }
        })?;
        Ok(request)
    }
}

/// A command's own problem, with the pointer from the line's root.
fn in_data(problem: Problem) -> Problem {
    let pointer = problem.pointer().map(|pointer| format!("/data{pointer}"));
    match pointer {
        Some(pointer) => problem.with_pointer(pointer),
        None => problem,
    }
}

fn refused(number: u64, problem: &Problem) -> serde_json::Value {
    serde_json::json!({ "line": number, "status": problem.status().as_u16(), "problem": problem })
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
