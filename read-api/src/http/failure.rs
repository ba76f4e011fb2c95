//! Why an operation was not executed; owns the codes and statuses, never the reading of a request.

use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value};
use http::{HeaderName, StatusCode, header};

/// The values of `extensions.code` that the transport itself gives; resolvers add their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    /// Not a GraphQL-over-HTTP request.
    BadRequest,
    /// Neither of our media types is acceptable.
    NotAcceptable,
    /// The body is not JSON in UTF-8.
    UnsupportedMediaType,
    /// The method cannot carry this operation.
    MethodNotAllowed,
    /// Nobody was authenticated.
    Unauthenticated,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document does not fit the schema.
    ValidationFailed,
    /// The document is named by an identifier that is not known.
    DocumentUnknown,
    /// The document is not the one that its identifier names.
    DocumentMismatch,
    /// The document is not named, and only known ones are executed.
    DocumentIdRequired,
    /// The operation to execute cannot be told.
    OperationResolutionFailure,
    /// A value given by the client does not fit.
    BadUserInput,
    /// The operation is larger than allowed.
    LimitExceeded,
    /// The operation took too long.
    Timeout,
    /// A fault of ours.
    Internal,
}

impl Code {
    /// As it stands in `extensions.code`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::DocumentUnknown => "DOCUMENT_UNKNOWN",
            Self::DocumentMismatch => "DOCUMENT_MISMATCH",
            Self::DocumentIdRequired => "DOCUMENT_ID_REQUIRED",
            Self::OperationResolutionFailure => "OPERATION_RESOLUTION_FAILURE",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    /// The status that says the same.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest
            | Self::ParseFailed
            | Self::ValidationFailed
            | Self::DocumentUnknown
            | Self::DocumentMismatch
            | Self::DocumentIdRequired
            | Self::OperationResolutionFailure
            | Self::BadUserInput
            | Self::LimitExceeded => StatusCode::BAD_REQUEST,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A refusal before execution: the answer has no `data`.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) errors: Vec<ServerError>,
    pub(super) status: StatusCode,
    /// Whether the HTTP request was well-formed, so that only its document or values are at fault. A client that accepts
    /// only `application/json` is told so with status 200, as the specification wants.
    pub(super) well_formed: bool,
    /// The header that the status requires.
    pub(super) header: Option<(HeaderName, &'static str)>,
}

impl Failure {
    /// The HTTP request itself is at fault.
    pub(super) fn request(code: Code, message: impl Into<String>) -> Self {
        Self {
            errors: vec![error(code, message, None)],
            status: code.status(),
            well_formed: false,
            header: None,
        }
    }

    /// The request is well-formed; its document or values are at fault, or the time was too short.
    pub(super) fn operation(code: Code, message: impl Into<String>, pos: Option<Pos>) -> Self {
        Self::operation_errors(code.status(), vec![error(code, message, pos)])
    }

    /// As [`Failure::operation`], for errors that are complete already.
    pub(super) fn operation_errors(status: StatusCode, errors: Vec<ServerError>) -> Self {
        Self {
            errors,
            status,
            well_formed: true,
            header: None,
        }
    }

    /// The method cannot carry this; `allow` lists those which can.
    pub(super) fn method(allow: &'static str, message: impl Into<String>) -> Self {
        Self {
            header: Some((header::ALLOW, allow)),
            ..Self::request(Code::MethodNotAllowed, message)
        }
    }

    /// There is no principal to execute anything for.
    pub(super) fn unauthenticated() -> Self {
        Self {
            header: Some((header::WWW_AUTHENTICATE, "Bearer")),
            ..Self::request(
                Code::Unauthenticated,
                "nobody is signed in; send an API key as Authorization: Bearer",
            )
        }
    }

    /// The body is larger than `limit` bytes.
    pub(super) fn body_too_large(limit: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            ..Self::request(
                Code::LimitExceeded,
                format!(
                    "the body is larger than {limit} bytes; send a smaller document or fewer variables"
                ),
            )
        }
    }
}

/// An error with its code.
pub(super) fn error(code: Code, message: impl Into<String>, pos: Option<Pos>) -> ServerError {
    let mut error = ServerError::new(message, pos);
    set(&mut error, "code", code.as_str());
    error
}

/// Puts `value` under `key` into the error's extensions.
pub(super) fn set(error: &mut ServerError, key: &str, value: impl Into<Value>) {
    error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default)
        .set(key, value);
}

/// The error's code, if it has one.
pub(super) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        Value::Enum(code) => Some(code),
        Value::Null
        | Value::Number(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::List(_)
        | Value::Object(_) => None,
    }
}
