//! The layers over small routers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Path, Request},
    response::Response,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use event_schemas::{Actor, ActorKind, TenantId};
use http::StatusCode;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_http::timeout::TimeoutLayer;
use uuid::Uuid;

use super::*;
use crate::{Health, Json, Principal, Problem, Scopes, metrics};

const TENANT: Uuid = Uuid::from_u128(0xa);
const OTHER: Uuid = Uuid::from_u128(0xb);

struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn uuid_v7(&self) -> Uuid {
        Uuid::from_u128(7)
    }

    fn random_256(&self) -> [u8; 32] {
        [7; 32]
    }
}

/// Accepts one token.
struct One;

#[async_trait::async_trait]
impl Authenticate for One {
    async fn authenticate(&self, token: &str) -> Result<Principal, Problem> {
        if token != "good" {
            return Err(Problem::invalid_credential());
        }
        let actor = Actor {
            kind: ActorKind::ApiKey,
            id: "k".into(),
            on_behalf_of: None,
        };
        Ok(Principal {
            tenant: TenantId(TENANT),
            actor,
            scopes: Scopes::new(["order:read"]),
        })
    }
}

async fn stuck() {
    std::future::pending::<()>().await;
}

async fn broken() {
    panic!("secret {}", 42);
}

fn application() -> Router {
    let private = Router::new()
        .route(
            "/orders/{id}",
            get(|who: Principal, Path(id): Path<Uuid>| async move {
                who.require("order", "read")
                    .map(|()| format!("{id} of {}", who.tenant))
            }),
        )
        .route(
            "/orders",
            post(|who: Principal| async move { who.require("order", "place") }),
        );
    let public = Router::new()
        .route(
            "/echo",
            post(|Json(value): Json<Value>| async move { axum::Json(value) }),
        )
        .route(
            "/small",
            post(|Json(value): Json<Value>| async move { axum::Json(value) })
                .layer(DefaultBodyLimit::max(8)),
        )
        .route(
            "/ids",
            get(|cx: RequestContext| async move {
                format!("{} {} {}", cx.request_id, cx.traceparent, cx.correlation_id)
            }),
        )
        .route("/panic", get(broken))
        .route(
            "/stuck",
            get(stuck).layer(TimeoutLayer::with_status_code(
                StatusCode::GATEWAY_TIMEOUT,
                Duration::from_millis(1),
            )),
        )
        .route(
            "/own",
            get(|| async { (StatusCode::BAD_REQUEST, axum::Json(json!({"errors": []}))) }),
        )
        .route(
            "/page",
            get(|| async {
                (
                    [
                        ("content-security-policy", "default-src 'self'"),
                        ("server", "x"),
                    ],
                    "page",
                )
            }),
        )
        .route("/forgot", get(|_: Principal| async {}))
        .merge(Health::new().router());
    edge(
        public.merge(protected(private, Arc::new(One))),
        Arc::new(Still),
        Clients::default(),
    )
}

async fn ask(request: Request) -> Response {
    application().oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}

/// The code of a problem, after checking that it is a complete one.
async fn problem(request: Request) -> (u16, String) {
    let path = request.uri().path().to_owned();
    let response = ask(request).await;
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["requestId"], Uuid::from_u128(7).to_string());
    assert_eq!(body["instance"], path);
    (status, body["code"].as_str().unwrap().to_owned())
}

fn get_with(path: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn post_json(path: &str, body: &str) -> Request {
    Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn every_failure_is_a_problem() {
    let cases = [
        (get_with("/nowhere", &[]), 404, "not-found"),
        (post_json("/ids", "{}"), 405, "method-not-allowed"),
        (get_with("/panic", &[]), 500, "internal"),
        (get_with("/stuck", &[]), 504, "timed-out"),
        (get_with("/forgot", &[]), 401, "unauthenticated"),
        (post_json("/echo", "{"), 400, "malformed"),
        (
            Request::post("/echo").body(Body::from("{}")).unwrap(),
            415,
            "unsupported-media-type",
        ),
        (
            post_json("/echo", &format!("\"{}\"", "x".repeat(MAX_BODY))),
            413,
            "payload-too-large",
        ),
        (post_json("/small", "[1,2,3,4]"), 413, "payload-too-large"),
        (
            get_with("/orders/1", &[("authorization", "Bearer good")]),
            400,
            "malformed",
        ),
    ];
    for (request, status, code) in cases {
        let name = format!("{request:?}");
        assert_eq!(problem(request).await, (status, code.to_owned()), "{name}");
    }
    assert_eq!(text(ask(post_json("/echo", "[1]")).await).await, "[1]");
    assert_eq!(text(ask(post_json("/small", "[1]")).await).await, "[1]");
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_right_ones() {
    let response = ask(post_json("/ids", "{}")).await;
    assert_eq!(response.headers().get_all("allow").iter().count(), 1);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
}

#[tokio::test]
async fn a_fault_of_ours_shows_only_the_request_id() {
    let body = text(ask(get_with("/panic", &[])).await).await;
    assert!(!body.contains("secret"), "{body}");
}

#[tokio::test]
async fn an_answer_in_a_protocol_of_its_own_is_left_alone() {
    let response = ask(get_with("/own", &[])).await;
    assert_eq!(response.status(), 400);
    assert_eq!(text(response).await, r#"{"errors":[]}"#);
}

#[tokio::test]
async fn security_headers_are_on_every_answer_and_a_route_may_set_its_policy() {
    for path in ["/ids", "/nowhere", "/panic", "/health/live"] {
        let response = ask(get_with(path, &[])).await;
        let headers = response.headers();
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'")
        );
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    let page = ask(get_with("/page", &[])).await;
    assert_eq!(
        page.headers()["content-security-policy"],
        "default-src 'self'"
    );
    assert!(!page.headers().contains_key("server"));
}

#[tokio::test]
async fn ids_are_taken_over_only_when_they_are_sane() {
    let seven = Uuid::from_u128(7).to_string();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let response = ask(get_with(
        "/ids",
        &[("x-request-id", "abc-1"), ("traceparent", trace)],
    ))
    .await;
    assert_eq!(response.headers()["x-request-id"], "abc-1");
    assert_eq!(
        text(response).await,
        format!("abc-1 00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01 {seven}")
    );
    for bad in ["", "a b", "é", &"x".repeat(65)] {
        let response = ask(get_with("/ids", &[("x-request-id", bad)])).await;
        assert_eq!(response.headers()["x-request-id"], seven.as_str(), "{bad}");
    }
    let own = TENANT.to_string();
    assert!(
        text(ask(get_with("/ids", &[("x-request-id", &own)])).await)
            .await
            .ends_with(&own)
    );
    let correlated = get_with(
        "/ids",
        &[
            ("x-request-id", &own),
            ("x-correlation-id", &OTHER.to_string()),
        ],
    );
    assert!(
        text(ask(correlated).await)
            .await
            .ends_with(&OTHER.to_string())
    );
}

#[tokio::test]
async fn a_protected_route_needs_a_credential_and_its_permission() {
    let path = format!("/orders/{OTHER}");
    assert_eq!(
        problem(get_with(&path, &[])).await,
        (401, "unauthenticated".into())
    );
    assert_eq!(
        problem(get_with(&path, &[("authorization", "Bearer bad")])).await,
        (401, "unauthenticated".into())
    );
    assert_eq!(
        problem(get_with(&path, &[("authorization", "Basic Zzpn")])).await,
        (401, "unauthenticated".into())
    );
    let refused = ask(get_with(&path, &[("authorization", "Bearer bad")])).await;
    assert_eq!(
        refused.headers()["www-authenticate"],
        r#"Bearer realm="daybook", error="invalid_token""#
    );
    let good = ask(get_with(&path, &[("authorization", "Bearer good")])).await;
    assert_eq!(text(good).await, format!("{OTHER} of {TENANT}"));
    let place = Request::post("/orders")
        .header("authorization", "Bearer good")
        .body(Body::empty())
        .unwrap();
    assert_eq!(problem(place).await, (403, "forbidden".into()));
}

#[tokio::test]
async fn naming_another_organisation_is_refused() {
    let (own, other) = (TENANT.to_string(), OTHER.to_string());
    let path = |query: &str| format!("/orders/{OTHER}{query}");
    let status = async |path: String, extra: &[(&str, &str)]| {
        let headers = [&[("authorization", "Bearer good")], extra].concat();
        let response = ask(get_with(&path, &headers)).await;
        let status = response.status().as_u16();
        (status, text(response).await.contains("tenant-mismatch"))
    };
    assert_eq!(
        status(path(""), &[("x-organization-id", &own)]).await,
        (200, false)
    );
    assert_eq!(
        status(path(&format!("?organization={own}&a=b")), &[]).await,
        (200, false)
    );
    assert_eq!(
        status(path(""), &[("x-organization-id", &other)]).await,
        (403, true)
    );
    assert_eq!(
        status(path(""), &[("x-tenant-id", "acme")]).await,
        (403, true)
    );
    assert_eq!(
        status(
            path(""),
            &[("x-organization-id", &own), ("x-organization-id", &other)]
        )
        .await,
        (403, true)
    );
    for name in PARAMETERS {
        assert_eq!(
            status(path(&format!("?{name}={own}&{name}={other}")), &[]).await,
            (403, true),
            "{name}"
        );
    }
    assert_eq!(
        status(path(&format!("?tenant%49d={other}")), &[]).await,
        (403, true)
    );
}

const PARAMETERS: [&str; 4] = ["organization", "organizationId", "tenant", "tenantId"];

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let health = |passes: bool| {
        Health::new()
            .check("log", || async { Ok::<_, String>("reachable".to_owned()) })
            .check("projections", move || async move {
                if passes {
                    Ok("caught up".to_owned())
                } else {
                    Err("9 behind".to_owned())
                }
            })
            .router()
    };
    let response = edge(health(true), Arc::new(Still), Clients::default())
        .oneshot(get_with("/health/ready", &[]))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let response = edge(health(false), Arc::new(Still), Clients::default())
        .oneshot(get_with("/health/ready", &[]))
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    let expected = json!({ "status": "unready", "checks": [
        { "name": "log", "status": "ready", "detail": "reachable" },
        { "name": "projections", "status": "unready", "detail": "9 behind" }] });
    assert_eq!(body, expected);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_fails() {
    let health = Health::new().check("kafka", || async {
        stuck().await;
        Ok::<_, String>(String::new())
    });
    let response = health
        .router()
        .oneshot(get_with("/health/ready", &[]))
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
}

#[test]
fn metrics_are_labelled_by_pattern() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let shown = ::metrics::with_local_recorder(&recorder, || {
        metrics::describe();
        runtime.block_on(async {
            for id in 1..4_u128 {
                ask(get_with(
                    &format!("/orders/{}", Uuid::from_u128(id)),
                    &[("authorization", "Bearer good")],
                ))
                .await;
            }
            ask(get_with("/nowhere/1", &[])).await;
            ask(get_with("/panic", &[])).await;
            ask(Request::builder()
                .method("BREW")
                .uri("/ids")
                .body(Body::empty())
                .unwrap())
            .await;
            let show = edge(
                metrics::router(move || handle.render()),
                Arc::new(Still),
                Clients::default(),
            );
            text(show.oneshot(get_with("/metrics", &[])).await.unwrap()).await
        })
    });
    for line in [
        r#"http_requests_total{method="GET",route="/orders/{id}",status="200"} 3"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"http_requests_total{method="GET",route="/panic",status="500"} 1"#,
        r#"http_requests_total{method="other",route="/ids",status="405"} 1"#,
        "http_requests_in_flight 1",
        r#"http_request_duration_seconds_count{method="GET",route="/orders/{id}",status="200"} 3"#,
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    assert!(!shown.contains("nowhere"));
}
