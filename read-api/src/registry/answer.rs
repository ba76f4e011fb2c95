//! What the registry answers: its media type, and its errors with Confluent's codes. Never a problem document: the
//! clients read `error_code` and `message`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// The media type of every answer.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");

/// Why there is no answer. The number that clients know is the status and two digits.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(
        "HTTP 404 Not Found: there is nothing at this address; GET /schemas/subjects lists what there is"
    )]
    NoSuchAddress,
    #[error("Subject '{0}' not found; GET /schemas/subjects lists what there is")]
    NoSuchSubject(String),
    #[error("Version {0} not found; GET the subject's /versions for those that there are")]
    NoSuchVersion(String),
    #[error("Schema {0} not found; this server may be older than the event that names it")]
    NoSuchSchema(String),
    #[error("Schema not found: subject '{0}' has no version with this schema")]
    NotOfSubject(String),
    #[error("HTTP 405 Method Not Allowed: this address does not answer GET")]
    NoSuchMethod,
    #[error("{0} is not JSON with a schema; send {{\"schemaType\": \"JSON\", \"schema\": \"…\"}}")]
    NotASchema(&'static str),
    #[error(
        "The specified version '{0}' is not a valid version id; it is a number from 1, or `latest`"
    )]
    NotAVersion(String),
    #[error(
        "This registry is in read-only mode: its schemas are those of Daybook's event types, and come with a new release"
    )]
    ReadOnly,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchAddress
            | Self::NoSuchSubject(_)
            | Self::NoSuchVersion(_)
            | Self::NoSuchSchema(_)
            | Self::NotOfSubject(_) => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotASchema(_) | Self::NotAVersion(_) | Self::ReadOnly => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }

    /// Confluent's error code.
    fn code(&self) -> u32 {
        match self {
            Self::NoSuchAddress => 404,
            Self::NoSuchSubject(_) => 40_401,
            Self::NoSuchVersion(_) => 40_402,
            Self::NoSuchSchema(_) | Self::NotOfSubject(_) => 40_403,
            Self::NoSuchMethod => 405,
            Self::NotASchema(_) => 42_201,
            Self::NotAVersion(_) => 42_202,
            Self::ReadOnly => 42_205,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error_code: u32,
            message: String,
        }
        let body = Body {
            error_code: self.code(),
            message: self.to_string(),
        };
        (self.status(), found(&body)).into_response()
    }
}

/// An answer.
pub(super) fn found(body: &(impl Serialize + ?Sized)) -> Response {
    // Plain structs of texts and numbers: writing them does not fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
}

/// A schema as it is in its file.
pub(super) fn document(text: &'static str) -> Response {
    let kind = HeaderValue::from_static("application/schema+json");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
