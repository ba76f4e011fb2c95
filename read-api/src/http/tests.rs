//! The transport over a toy schema; what is asked here, real clients ask.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
#![expect(clippy::unused_async, reason = "resolvers are async")]

mod completion;
mod editor;
mod freshness;
mod limits;
mod masking;
mod order;
mod transport;
mod trusted;

use std::time::Duration;

use async_graphql::{
    Context, EmptySubscription, Error, ErrorExtensions, Object, Schema, SimpleObject,
};
use axum::{Extension, Router, body::Body};
use event_schemas::{Actor, ActorKind, TenantId};
use gateway::{Principal, Scopes};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Consistency, Engine, Options, Trusted};

struct Query;

#[derive(SimpleObject)]
struct Order {
    id: i32,
}

#[Object]
impl Query {
    async fn hello(&self, name: Option<String>) -> String {
        format!("hello, {}", name.as_deref().unwrap_or("world"))
    }

    async fn square(&self, of: i32) -> i32 {
        of * of
    }

    async fn page(&self, #[graphql(validator(maximum = 100))] first: i32) -> i32 {
        first
    }

    async fn me(&self) -> Self {
        Self
    }

    #[graphql(complexity = "usize::try_from(first).unwrap_or(0) * child_complexity + 1")]
    async fn orders(&self, first: i32) -> Vec<Order> {
        (0..first).map(|id| Order { id }).collect()
    }

    async fn consistency(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(format!("{:?}", ctx.data::<Consistency>()?))
    }

    async fn tenant(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(ctx.data::<Principal>()?.tenant.0.to_string())
    }

    async fn broken(&self) -> async_graphql::Result<Option<i32>> {
        Err(std::io::Error::other("connection to 10.0.0.7 refused, password hunter2").into())
    }

    async fn vague(&self) -> async_graphql::Result<i32> {
        Err(Error::new("relation \"orders\" does not exist"))
    }

    async fn forbidden(&self) -> async_graphql::Result<Option<i32>> {
        Err(Error::new("the permission order:read is missing")
            .extend_with(|_, more| more.set("code", "FORBIDDEN")))
    }

    async fn optional(&self) -> Option<Fragile> {
        Some(Fragile(1))
    }

    async fn required(&self) -> Fragile {
        Fragile(1)
    }

    async fn list(&self) -> Option<Vec<Fragile>> {
        Some(vec![Fragile(0), Fragile(1)])
    }

    async fn holes(&self) -> Vec<Option<Fragile>> {
        vec![Some(Fragile(0)), Some(Fragile(1))]
    }

    async fn items(&self) -> Option<Vec<async_graphql::Result<i32>>> {
        Some(vec![Ok(1), Err(Error::new("an item"))])
    }

    async fn later(&self) -> &str {
        tokio::task::yield_now().await;
        "done"
    }

    async fn slow(&self) -> i32 {
        std::future::pending().await
    }
}

/// Fails where its number is 1.
struct Fragile(i32);

#[Object]
impl Fragile {
    async fn id(&self) -> i32 {
        self.0
    }

    async fn must(&self) -> async_graphql::Result<i32> {
        if self.0 == 1 {
            Err(Error::new("a required field"))
        } else {
            Ok(self.0)
        }
    }

    async fn may(&self) -> async_graphql::Result<Option<i32>> {
        if self.0 == 1 {
            Err(Error::new("an optional field"))
        } else {
            Ok(None)
        }
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn double(&self, number: i32) -> i32 {
        number * 2
    }

    async fn stuck(&self) -> i32 {
        std::future::pending().await
    }
}

/// The routes as production has them: with a principal.
fn routes() -> Router {
    routes_with(Trusted::default())
}

fn routes_with(trusted: Trusted) -> Router {
    let principal = Principal {
        tenant: TenantId(uuid::Uuid::nil()),
        actor: Actor {
            kind: ActorKind::ApiKey,
            id: "key".to_owned(),
            on_behalf_of: None,
        },
        scopes: Scopes::new(["*"]),
    };
    public_routes_with(trusted).layer(Extension(principal))
}

/// The routes as a mistake would have them: nobody was authenticated.
fn public_routes() -> Router {
    public_routes_with(Trusted::default())
}

fn public_routes_with(trusted: Trusted) -> Router {
    let options = Options {
        timeout: Duration::from_millis(300),
        trusted,
        ..Options::default()
    };
    let engine = Engine::new(options.limits, None, || {
        Schema::build(Query, Mutation, EmptySubscription)
    });
    super::router(engine, options)
}

/// An answer whose body is JSON.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    /// The code of the first error, empty without one.
    fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }

    /// The message of the first error, empty without one.
    fn message(&self) -> &str {
        self.body["errors"][0]["message"]
            .as_str()
            .unwrap_or_default()
    }
}

async fn send(routes: Router, request: Request<Body>) -> Answer {
    let (parts, body) = routes.oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap(),
    }
}

/// A POST as a current client sends it, with a body that need not be JSON.
fn request(body: impl Into<Body>) -> Request<Body> {
    Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "application/graphql-response+json")
        .body(body.into())
        .unwrap()
}

async fn post(body: Value) -> Answer {
    send(routes(), request(body.to_string())).await
}

async fn ask(query: &str) -> Answer {
    post(json!({ "query": query })).await
}

async fn get(query_string: &str) -> Answer {
    let request = Request::get(format!("/graphql?{query_string}"))
        .header("accept", "application/graphql-response+json")
        .body(Body::empty())
        .unwrap();
    send(routes(), request).await
}
