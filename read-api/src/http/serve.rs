//! The way of a request: negotiate, read, bound, choose, execute, answer. Never knows a field.

use std::{error::Error, sync::Arc};

use async_graphql::{ObjectType, Request, Response, Variables, parser::types::OperationType};
use axum::{body::Body, extract::State};
use bytes::Bytes;
use gateway::{Principal, RequestContext};
use http::{HeaderMap, Method, request::Parts};
use http_body_util::LengthLimitError;

use super::{
    Endpoint, Options, answer, as_of,
    consistency::Consistency,
    document,
    failure::{Code, Failure},
    media::{self, Media},
    parameter::Parameters,
    variable,
};

/// Queries, in the query string.
pub(super) async fn get<Q: ObjectType + 'static, M: ObjectType + 'static>(
    State(endpoint): State<Arc<Endpoint<Q, M>>>,
    request: http::Request<Body>,
) -> axum::response::Response {
    let (parts, _) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let parameters = Parameters::from_query_string(query);
    respond(&endpoint, &parts, parameters).await
}

/// Queries and mutations, in a JSON body.
pub(super) async fn post<Q: ObjectType + 'static, M: ObjectType + 'static>(
    State(endpoint): State<Arc<Endpoint<Q, M>>>,
    request: http::Request<Body>,
) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    let parameters = match read(&parts.headers, body, endpoint.options.body).await {
        Ok(body) => Parameters::from_body(&body),
        Err(failure) => Err(failure),
    };
    respond(&endpoint, &parts, parameters).await
}

/// Every other method.
pub(super) async fn method_not_allowed(request: http::Request<Body>) -> axum::response::Response {
    let (parts, _) = request.into_parts();
    let failure = Failure::method(
        "GET, HEAD, POST",
        format!(
            "{} is not for operations; send them with POST, queries also with GET",
            parts.method
        ),
    );
    answer::refused(failure, Media::Json, trace(&parts).as_deref())
}

async fn respond<Q: ObjectType + 'static, M: ObjectType + 'static>(
    endpoint: &Endpoint<Q, M>,
    parts: &Parts,
    parameters: Result<Parameters, Failure>,
) -> axum::response::Response {
    let trace = trace(parts);
    let media = match media::negotiate(&parts.headers) {
        Ok(media) => media,
        Err(failure) => return answer::refused(failure, Media::Json, trace.as_deref()),
    };
    let result = match parameters {
        Ok(parameters) => run(endpoint, parts, parameters).await,
        Err(failure) => Err(failure),
    };
    match result {
        Ok(response) => answer::executed(response, media, trace.as_deref()),
        Err(failure) => answer::refused(failure, media, trace.as_deref()),
    }
}

/// The whole body, if it is JSON and not too large.
async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Failure> {
    media::check_content(headers)?;
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        if is_too_large(&error) {
            Failure::body_too_large(limit)
        } else {
            Failure::request(
                Code::BadRequest,
                "the body ended before it was complete; send it again",
            )
        }
    })
}

/// Whether a limit, this one or one further out, ended the reading.
fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

async fn run<Q: ObjectType + 'static, M: ObjectType + 'static>(
    endpoint: &Endpoint<Q, M>,
    parts: &Parts,
    parameters: Parameters,
) -> Result<Response, Failure> {
    // Protected routes have a principal; without one there is nothing to answer, not even introspection.
    let Some(principal) = parts.extensions.get::<Principal>() else {
        return Err(Failure::unauthenticated());
    };
    let Options {
        limits,
        timeout,
        ref trusted,
        ..
    } = endpoint.options;
    let document = trusted.choose(parameters.query, parameters.document_id.as_deref(), &limits)?;
    let name = parameters.operation_name.as_deref();
    let operation = document::choose(&document.parsed, name)?;
    let ty = operation.ty;
    check_type(ty, &parts.method)?;
    let variables = Variables::from_json(serde_json::Value::Object(parameters.variables));
    variable::check(operation, &variables)?;
    let consistency = Consistency::read(&parts.headers, &parameters.extensions, timeout)?;
    let as_of = as_of::read(&parameters.extensions)?;

    let mut request = Request::new("")
        .variables(variables)
        .data(consistency)
        .data(as_of)
        .data(principal.clone());
    if let Some(name) = parameters.operation_name {
        request = request.operation_name(name);
    }
    if let Some(context) = parts.extensions.get::<RequestContext>() {
        request = request.data(context.clone());
    }
    tokio::time::timeout(timeout, endpoint.engine.execute(&document, request))
        .await
        .map_err(|_elapsed| {
            let outcome = match ty {
                OperationType::Mutation => {
                    "it may still be carried out: repeat it with the same commandId to find out"
                }
                OperationType::Query | OperationType::Subscription => "ask for less at once",
            };
            let seconds = timeout.as_secs_f32();
            let message =
                format!("the operation took longer than {seconds} s and was given up; {outcome}");
            Failure::operation(Code::Timeout, message, None)
        })
}

/// Refuses what this transport, or this method, cannot carry.
fn check_type(ty: OperationType, method: &Method) -> Result<(), Failure> {
    match ty {
        OperationType::Query => Ok(()),
        OperationType::Mutation if method == Method::POST => Ok(()),
        OperationType::Mutation => Err(Failure::method(
            "POST",
            "a mutation cannot be sent with GET; send it with POST",
        )),
        OperationType::Subscription => Err(Failure::operation(
            Code::BadRequest,
            "a subscription has more than one answer, and this request can carry one; send a query instead",
            None,
        )),
    }
}

/// By what the request is found in logs and traces: its trace id, else its request id.
fn trace(parts: &Parts) -> Option<String> {
    let context = parts.extensions.get::<RequestContext>()?;
    let id = context.traceparent.split('-').nth(1);
    Some(id.unwrap_or(&context.request_id).to_owned())
}
