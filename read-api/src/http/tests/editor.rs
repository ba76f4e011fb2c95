//! The page at `/graphiql` and its files.

use super::*;

async fn fetch(path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (parts, body) = super::super::graphiql()
        .oneshot(request)
        .await
        .unwrap()
        .into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, body.to_vec())
}

/// The values of this attribute of the page that are paths.
fn paths<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    page.split(attribute)
        .skip(1)
        .filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next())
        .filter(|value| value.starts_with('/'))
        .collect()
}

#[tokio::test]
async fn the_page_and_all_it_names_are_served_from_here() {
    let (status, headers, page) = fetch("/graphiql").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    let page = String::from_utf8(page).unwrap();
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    let files = [paths(&page, "src"), paths(&page, "href")].concat();
    assert_eq!(files.len(), 2, "{page}");
    for file in files {
        let (status, headers, body) = fetch(file).await;
        assert_eq!(status, StatusCode::OK, "{file}");
        assert_eq!(headers["content-encoding"], "gzip");
        assert!(
            headers["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        assert!(body.starts_with(&[0x1f, 0x8b]), "{file} is gzip");
    }
}

#[tokio::test]
async fn no_inline_script_runs() {
    let (_, headers, page) = fetch("/graphiql").await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'; script-src 'self'; worker-src 'self'"),
        "{policy}"
    );
    for script in String::from_utf8(page).unwrap().split("<script").skip(1) {
        assert!(
            script.contains("src=\"/graphiql/assets/") && script.contains("></script>"),
            "{script}"
        );
    }
}

#[tokio::test]
async fn nothing_else_is_served() {
    assert_eq!(fetch("/graphiql/LICENSES.txt").await.0, StatusCode::OK);
    for path in [
        "/graphiql/assets/nothing.js",
        "/graphiql/assets/..%2Findex.html",
        "/graphiql/assets/..%2F..%2FREADME.md",
    ] {
        assert_eq!(fetch(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
