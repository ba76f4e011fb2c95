//! Entities of Apollo Federation: what a gateway may ask for, and what it is refused.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, an_order};

const ENTITIES: &str = "query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Order { orderId customer { name } } ... on Customer { name } } }";

#[tokio::test]
async fn a_gateway_reads_things_by_their_keys_as_node_does() {
    let app = harness::database().await.serve().await;
    let (tenant, other) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    let (order, customer) = (Uuid::from_u128(5), Uuid::from_u128(77));
    let path = format!("/api/v1/customers/{customer}/register");
    let (status, _) = app
        .post(&tenant.key, &path, &json!({ "name": "Ana" }))
        .await;
    assert_eq!(status, 201);
    let query = "mutation($id: UUID!, $i: PlaceOrderInput!) { placeOrder(id: $id, input: $i) { ... on Accepted { query { \
         orders { nodes { id customer { id } } } organization { id } } } } }";
    let placed = app
        .query(
            &tenant.key,
            query,
            json!({ "id": order, "i": an_order_of(customer) }),
        )
        .await;
    let read = &placed["placeOrder"]["query"];
    let (order_id, customer_id) = (
        &read["orders"]["nodes"][0]["id"],
        &read["orders"]["nodes"][0]["customer"]["id"],
    );
    let of = |typename: &str, id: &Value| json!({ "__typename": typename, "id": id, "more": "is ignored" });
    let unknown = "b3JkZXI6MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDA5";
    let asked = json!({ "r": [
        of("Customer", customer_id), of("Order", &json!(unknown)), of("Order", order_id), of("Customer", customer_id),
        of("Organization", &read["organization"]["id"]),
    ] });
    let found = app.query(&tenant.key, ENTITIES, asked.clone()).await;
    let ana = json!({ "__typename": "Customer", "name": "Ana" });
    assert_eq!(
        found["_entities"],
        json!([
            ana, null, { "__typename": "Order", "orderId": order, "customer": { "name": "Ana" } }, ana,
            { "__typename": "Organization" },
        ])
    );
    // Another organization's ids are ids of nothing.
    let found = app.query(&other.key, ENTITIES, asked.clone()).await;
    assert_eq!(found["_entities"], json!([null, null, null, null, null]));
    // The permission of each kind is needed.
    let reader = app.key(tenant.id, &["order:read"]).await;
    let answer = app.graphql(&reader, ENTITIES, asked).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");

    for (wrong, words) in [
        (
            json!({ "__typename": "Customer", "id": order_id }),
            "of the type Order",
        ),
        (
            json!({ "__typename": "Order", "id": order }),
            "not a global id",
        ),
        (json!({ "__typename": "Order" }), "needs the text id"),
        (json!({ "id": order_id }), "needs the text __typename"),
        (
            json!({ "__typename": "Order", "id": 7 }),
            "needs the text id",
        ),
        (json!("Order"), "_Any"),
    ] {
        let answer = app
            .graphql(&tenant.key, ENTITIES, json!({ "r": [wrong] }))
            .await;
        let error = &answer["errors"][0];
        let code = error["extensions"]["code"].as_str().unwrap();
        assert!(
            matches!(code, "BAD_USER_INPUT" | "GRAPHQL_VALIDATION_FAILED"),
            "{answer}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
    // They cost what they bring.
    let many: Vec<_> = (0..2_600).map(|_| of("Order", order_id)).collect();
    let answer = app
        .graphql(&tenant.key, ENTITIES, json!({ "r": many }))
        .await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED",
        "{answer}"
    );
    app.stop().await;
}

fn an_order_of(customer: Uuid) -> Value {
    let mut order = an_order();
    order["customerId"] = json!(customer);
    order
}

#[tokio::test]
async fn a_gateway_is_told_that_whatever_has_a_global_id_is_an_entity() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["order:read"]).await;
    let told = app
        .query(&tenant.key, "{ _service { sdl } }", json!({}))
        .await;
    let sdl = told["_service"]["sdl"].as_str().unwrap();
    let nodes = sdl.matches(" implements Node").count();
    assert!(nodes >= 6, "{nodes}");
    let entities = " implements Node @key(fields: \"id\") {";
    assert_eq!(sdl.matches(entities).count(), nodes);
    assert_eq!(sdl.matches(": Query! @inaccessible").count(), 1);
    app.stop().await;
}
