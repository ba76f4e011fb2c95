//! Media types of requests and answers; owns the negotiation, never the bodies.

use http::{HeaderMap, HeaderValue, header};

use super::failure::{Code, Failure};

/// A media type that an answer can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells what happened.
    GraphqlResponse,
    /// `application/json`, for older clients: 200 whenever the request was well-formed.
    Json,
}

impl Media {
    /// The value of `Content-Type`.
    pub(super) const fn content_type(self) -> HeaderValue {
        match self {
            Self::GraphqlResponse => {
                HeaderValue::from_static("application/graphql-response+json; charset=utf-8")
            }
            Self::Json => HeaderValue::from_static("application/json; charset=utf-8"),
        }
    }
}

/// The media type that the client likes best, by quality, then by how exactly it was named. Without an `Accept` header,
/// and for wildcards, it is `application/json`, as the specification wants.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<Media, Failure> {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return Ok(Media::Json);
    }
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(offer)
        .max_by_key(|&(rank, _)| rank)
        .map(|(_, media)| media)
        .ok_or_else(|| {
            Failure::request(
                Code::NotAcceptable,
                "answers are application/graphql-response+json or application/json in UTF-8; accept one of them",
            )
        })
}

/// Quality in thousandths, then how exactly the type was named.
type Rank = (u16, u8);

/// What one range of an `Accept` header asks for, if we can give it.
fn offer(range: &str) -> Option<(Rank, Media)> {
    let mut parts = range.split(';').map(str::trim);
    let (exactness, media) = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/graphql-response+json" => (3, Media::GraphqlResponse),
        "application/json" => (2, Media::Json),
        "application/*" => (1, Media::Json),
        "*/*" => (0, Media::Json),
        _ => return None,
    };
    let mut quality = 1000;
    for part in parts {
        let (name, value) = part.split_once('=')?;
        if name.eq_ignore_ascii_case("q") {
            quality = thousandths(value)?;
        } else if name.eq_ignore_ascii_case("charset") && !is_utf8(value) {
            return None;
        }
    }
    (quality > 0).then_some(((quality, exactness), media))
}

/// A quality value, `0` to `1` with at most three decimals, in thousandths.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u16 = whole.parse().ok()?;
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    (whole * 1000 + decimals <= 1000 && whole <= 1).then_some(whole * 1000 + decimals)
}

fn is_utf8(charset: &str) -> bool {
    charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
}

/// Refuses a body that is not plain JSON in UTF-8. This also keeps web forms of other origins out: they cannot send it.
pub(super) fn check_content(headers: &HeaderMap) -> Result<(), Failure> {
    let refusal = |what: &str| {
        Err(Failure::request(
            Code::UnsupportedMediaType,
            format!("{what}; send the operation as application/json in UTF-8"),
        ))
    };
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return refusal("the body is compressed");
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return refusal("the request has no content-type");
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    if !is_json {
        return refusal("the content-type is not application/json");
    }
    let foreign = parts
        .filter_map(|part| part.split_once('='))
        .any(|(name, value)| name.eq_ignore_ascii_case("charset") && !is_utf8(value));
    if foreign {
        return refusal("the charset is not utf-8");
    }
    Ok(())
}
