//! Bad input, generated over every route and mutation: whatever is wrong with a request, it is refused with words for a
//! person, the field that is to blame, and without a trace in the log.

mod bulk;
mod check;
mod defect;
mod flood;
mod graphql;
mod rest;
pub mod schema;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::harness::{self, Database, Served, Tenant, an_order};
use schema::Document;

/// How many requests are under way at once.
const AT_ONCE: usize = 16;

/// A running application with a tenant that has something of everything, so that what is wrongly accepted would count.
struct Shop {
    database: Database,
    app: Served,
    tenant: Tenant,
    order: Uuid,
    customer: Uuid,
    lead: Uuid,
    metric: Uuid,
    goal: Uuid,
    document: Uuid,
}

impl Shop {
    async fn open() -> Self {
        let database = harness::database().await;
        let app = database.serve().await;
        let tenant = app.tenant(&["*"]).await;
        app.tenant(&["*"]).await;
        let (order, customer) = (Uuid::from_u128(0x0dde), Uuid::from_u128(0xc057));
        let (status, placed) = app
            .post(
                &tenant.key,
                &format!("/api/v1/orders/{order}/place"),
                &an_order(),
            )
            .await;
        assert_eq!(status, 201, "{placed}");
        let (status, registered) = app
            .post(
                &tenant.key,
                &format!("/api/v1/customers/{customer}/register"),
                &serde_json::json!({ "name": "Ana" }),
            )
            .await;
        assert_eq!(status, 201, "{registered}");
        let lead = Uuid::from_u128(0x1ead);
        let path = format!("/api/v1/leads/{lead}/capture");
        let (status, captured) = app.post(&tenant.key, &path, &serde_json::json!({})).await;
        assert_eq!(status, 201, "{captured}");
        let metric = Uuid::from_u128(0x3e7c);
        let path = format!("/api/v1/metrics/{metric}/define");
        let body = serde_json::json!({ "name": "Visits", "unit": "visits", "aggregation": "sum" });
        let (status, defined) = app.post(&tenant.key, &path, &body).await;
        assert_eq!(status, 201, "{defined}");
        let goal = Uuid::from_u128(0x90a1);
        let path = format!("/api/v1/goals/{goal}/draft");
        let body = serde_json::json!({ "title": "Visits" });
        let (status, drafted) = app.post(&tenant.key, &path, &body).await;
        assert_eq!(status, 201, "{drafted}");
        let document = Uuid::from_u128(0xd0c5);
        let path = format!("/api/v1/documents/{document}/add");
        let body =
            serde_json::json!({ "title": "Returns", "body": "Seven days.", "language": "en" });
        let (status, added) = app.post(&tenant.key, &path, &body).await;
        assert_eq!(status, 201, "{added}");
        Self {
            database,
            app,
            tenant,
            order,
            customer,
            lead,
            metric,
            goal,
            document,
        }
    }

    /// Something of the context that exists; for a creating command, an id of which there is nothing.
    fn id(&self, context: &str, creates: bool) -> Uuid {
        match (context, creates) {
            ("organization", _) => self.tenant.id.0,
            (_, true) => Uuid::from_u128(0xf0e5),
            ("order", false) => self.order,
            ("customer", false) => self.customer,
            ("lead", false) => self.lead,
            ("metric", false) => self.metric,
            ("goal", false) => self.goal,
            ("document", false) => self.document,
            (other, _) => panic!("there is nothing of the context {other} to try bad input on"),
        }
    }

    /// Everything that a write would change: the events and keys of all tenants, and the counters.
    async fn state(&self) -> String {
        let digest = "select concat_ws(' ', \
            (select count(*) from log.event), (select md5(string_agg(e::text, '' order by partition, \"offset\")) from log.event e), \
            (select count(*) from log.command), (select count(*) from log.tenant), (select sum(next_offset) from log.partition))";
        let mut admin = self.database.admin().await;
        sqlx::query_scalar(AssertSqlSafe(digest))
            .fetch_one(&mut admin)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn every_route_refuses_every_defect_and_writes_nothing() {
    let shop = Shop::open().await;
    let before = shop.state().await;
    let report = rest::run(&shop, &Document::new()).await;
    let after = shop.state().await;
    report.finish("bad requests", 2000);
    assert_eq!(before, after, "something was written");
    shop.app.stop().await;
}

#[tokio::test]
async fn every_line_is_refused_for_itself_and_writes_nothing() {
    let shop = Shop::open().await;
    let before = shop.state().await;
    let report = bulk::run(&shop, &Document::new()).await;
    let after = shop.state().await;
    report.finish("bad lines", 1500);
    assert_eq!(before, after, "something was written");
    shop.app.stop().await;
}

#[tokio::test]
async fn graphql_refuses_every_defect_and_writes_nothing() {
    let shop = Shop::open().await;
    let before = shop.state().await;
    let report = graphql::run(&shop, &Document::new()).await;
    let after = shop.state().await;
    report.finish("bad operations", 1500);
    assert_eq!(before, after, "something was written");
    shop.app.stop().await;
}

#[tokio::test]
async fn a_body_without_end_is_refused_before_it_is_in_memory() {
    let shop = Shop::open().await;
    let before = shop.state().await;
    let report = flood::run(&shop, &Document::new()).await;
    let after = shop.state().await;
    report.finish("floods", 3);
    assert_eq!(before, after, "something was written");
    shop.app.stop().await;
}
