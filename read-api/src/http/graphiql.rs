//! The query editor at `/graphiql`: static files, the same for everybody. It holds no data and no key: the page sends the key
//! that a person types with each operation, and `/graphql` checks it.

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/graphiql/dist"]
struct Files;

/// Only this origin's files run or are reached. Monaco, the editor, writes its styles into the page; nothing else inline
/// is allowed.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; \
     font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page and its files. Public.
pub fn graphiql() -> Router {
    Router::new()
        .route("/graphiql", get(async || serve("index.html")))
        .route(
            "/graphiql/LICENSES.txt",
            get(async || serve("LICENSES.txt")),
        )
        .route(
            "/graphiql/assets/{name}",
            get(async |Path(name): Path<String>| serve(&format!("assets/{name}"))),
        )
}

fn serve(path: &str) -> Response {
    let Some((file, packed)) = find(path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("ttf") => "font/ttf",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    // The name of an asset changes with its content.
    let caching = if packed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ]);
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    (headers, file.data).into_response()
}

/// The file as it is, or else compressed: assets are stored only so, and every browser reads them so.
fn find(path: &str) -> Option<(rust_embed::EmbeddedFile, bool)> {
    Files::get(path)
        .map(|file| (file, false))
        .or_else(|| Files::get(&format!("{path}.gz")).map(|file| (file, true)))
}
