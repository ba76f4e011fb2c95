//! Documents as a client meets them: added, revised and retired over HTTP; lists and the search over GraphQL.

mod search;
mod text;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Served, Tenant};

/// POSTs a step of a document; status and answer.
async fn step(
    app: &Served,
    tenant: &Tenant,
    document: Uuid,
    step: &str,
    body: Value,
) -> (u16, Value) {
    let path = format!("/api/v1/documents/{document}/{step}");
    app.post(&tenant.key, &path, &body).await
}

/// A step that must be accepted. Tells the token.
async fn done(app: &Served, tenant: &Tenant, document: Uuid, name: &str, body: Value) -> Value {
    let (status, mut answer) = step(app, tenant, document, name, body).await;
    assert!(matches!(status, 200 | 201), "{name}: {answer}");
    answer["token"].take()
}

/// The answer to a query that is no older than that command.
async fn asked(app: &Served, tenant: &Tenant, token: &Value, query: &str, given: Value) -> Value {
    let request = app
        .client
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&tenant.key)
        .header("daybook-after", token.as_str().unwrap())
        .json(&json!({ "query": query, "variables": given }));
    request.send().await.unwrap().json().await.unwrap()
}

/// Its data, if it has no errors.
async fn after(app: &Served, tenant: &Tenant, token: &Value, query: &str, given: Value) -> Value {
    let mut answer = asked(app, tenant, token, query, given).await;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].take()
}

#[tokio::test]
async fn the_way_of_a_document_and_its_refusals() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let id = Uuid::now_v7();
    let (status, missing) = step(&app, &tenant, id, "retire", json!({})).await;
    assert_eq!(
        (status, &missing["code"]),
        (404, &json!("document-not-found"))
    );
    let text = json!({ "title": "Returns", "body": "Seven days.", "language": "en", "kind": "policy",
        "tags": ["shop", "returns", "shop"], "source": "https://example.com/returns" });
    let (status, added) = step(&app, &tenant, id, "add", text.clone()).await;
    assert_eq!((status, &added["version"]), (201, &json!(1)));
    let (status, again) = step(&app, &tenant, id, "add", text).await;
    assert_eq!(
        (status, &again["code"]),
        (422, &json!("document-already-added"))
    );
    let (status, same) = step(
        &app,
        &tenant,
        id,
        "revise",
        json!({ "body": "Seven days." }),
    )
    .await;
    assert_eq!((status, &same["code"]), (422, &json!("document-unchanged")));
    assert_eq!(
        same["detail"],
        "this document says so already; change at least one of its fields"
    );
    let revised = json!({ "title": "Returns", "body": "Thirty days.", "tags": ["shop"], "kind": "", "note": "Longer" });
    done(&app, &tenant, id, "revise", revised).await;
    // Somebody who knows the first revision alone changes nothing.
    let path = format!("{}/api/v1/documents/{id}/revise", app.url);
    let late = app
        .client
        .post(path)
        .bearer_auth(&tenant.key)
        .header("if-match", "\"1\"")
        .json(&json!({ "title": "Old" }));
    assert_eq!(late.send().await.unwrap().status(), 409);
    let token = done(&app, &tenant, id, "retire", json!({ "reason": "Handbook" })).await;
    for (name, body) in [("revise", json!({ "title": "T" })), ("retire", json!({}))] {
        let (status, late) = step(&app, &tenant, id, name, body).await;
        assert_eq!(
            (status, &late["code"]),
            (422, &json!("document-already-retired"))
        );
    }
    let query = "query($id: ID!, $other: ID!) { document(id: $id) { id documentId version status title body language kind tags
        source revision note reason addedAt revisedAt retiredAt waived } other: document(id: $other) { id } }";
    let given = json!({ "id": id, "other": Uuid::now_v7() });
    let data = after(&app, &tenant, &token, query, given).await;
    let mut document = data["document"].clone();
    for time in ["addedAt", "revisedAt", "retiredAt"] {
        assert!(document[time].take().is_string(), "{time}");
    }
    let global = document["id"].take();
    assert_eq!(
        document,
        json!({ "id": null, "documentId": id, "version": 3, "status": "RETIRED", "title": "Returns", "body": "Thirty days.",
            "language": "en", "kind": null, "tags": ["shop"], "source": "https://example.com/returns", "revision": 2,
            "note": "Longer", "reason": "Handbook", "addedAt": null, "revisedAt": null, "retiredAt": null, "waived": [] })
    );
    assert_eq!(data["other"], Value::Null);
    let node =
        "query($id: ID!) { node(id: $id) { __typename ... on Document { documentId body } } }";
    let node = app.query(&tenant.key, node, json!({ "id": global })).await;
    assert_eq!(
        node["node"],
        json!({ "__typename": "Document", "documentId": id, "body": "Thirty days." })
    );
    app.stop().await;
}

#[tokio::test]
async fn a_mutation_reads_its_own_document_and_a_key_for_orders_reads_none() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let mutation = "mutation($id: UUID!) {
        addDocument(id: $id, input: { title: \"Opening hours\", body: \"From nine.\", language: \"en\", tags: [\"shop\"] }) {
        ... on Accepted { query { document(id: $id) { title tags } searchDocuments(query: \"hours\") { nodes { document { body } } } } }
        ... on Problem { code message } } }";
    let data = app
        .query(&tenant.key, mutation, json!({ "id": Uuid::now_v7() }))
        .await;
    assert_eq!(
        data["addDocument"]["query"],
        json!({ "document": { "title": "Opening hours", "tags": ["shop"] },
            "searchDocuments": { "nodes": [{ "document": { "body": "From nine." } }] } })
    );
    let key = app.key(tenant.id, &["order:*"]).await;
    for query in [
        "{ documents { nodes { id } } }",
        "{ searchDocuments(query: \"hours\") { nodes { rank } } }",
    ] {
        let answer = app.graphql(&key, query, json!({})).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "FORBIDDEN",
            "{query}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn documents_are_listed_and_filtered() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    for (n, language, kind, tags) in [
        (1_u128, "pt", json!("policy"), json!(["a", "b"])),
        (2, "en", json!("policy"), json!(["b"])),
        (3, "de", Value::Null, json!([])),
    ] {
        let body = json!({ "title": format!("d{n}"), "body": "b", "language": language, "kind": kind, "tags": tags });
        done(&app, &tenant, Uuid::from_u128(n), "add", body).await;
    }
    let token = done(&app, &tenant, Uuid::from_u128(2), "retire", json!({})).await;
    let query = "query($filter: DocumentFilter) {
        documents(filter: $filter, orderBy: { field: ADDED_AT }) { totalCount nodes { title } } }";
    for (filter, expected) in [
        (json!({}), vec!["d1", "d2", "d3"]),
        (json!({ "status": { "eq": "ACTIVE" } }), vec!["d1", "d3"]),
        (
            json!({ "language": { "in": ["en", "de"] } }),
            vec!["d2", "d3"],
        ),
        (json!({ "kind": { "eq": null } }), vec!["d3"]),
        (json!({ "tag": { "eq": "b" } }), vec!["d1", "d2"]),
        (json!({ "not": { "tag": { "eq": "a" } } }), vec!["d2", "d3"]),
        (json!({ "title": { "contains": "D2" } }), vec!["d2"]),
        (
            json!({ "addedAt": { "lt": "2020-01-01T00:00:00Z" } }),
            vec![],
        ),
    ] {
        let given = json!({ "filter": filter });
        let data = after(&app, &tenant, &token, query, given).await;
        let titles: Vec<_> = data["documents"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["title"].as_str().unwrap())
            .collect();
        assert_eq!(titles, expected, "{filter}");
        assert_eq!(data["documents"]["totalCount"], expected.len());
    }
    let page = "query($after: String) { documents(first: 2, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } } }";
    let first = app.query(&tenant.key, page, json!({})).await;
    assert_eq!(first["documents"]["pageInfo"]["hasNextPage"], true);
    let cursor = &first["documents"]["pageInfo"]["endCursor"];
    let rest = app
        .query(&tenant.key, page, json!({ "after": cursor }))
        .await;
    assert_eq!(rest["documents"]["nodes"], json!([{ "title": "d1" }]));
    app.stop().await;
}
