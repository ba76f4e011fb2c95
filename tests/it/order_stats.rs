//! What orders come to in groups, as a client meets it: six orders of one organization, every figure counted by hand.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use commands::{Bus, Way};
use event_schemas::{Source, TenantId};
use event_store::{Clock, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Served, Tenant};

/// What all orders in reais come to: revenue and freight are in centavos.
const SUMS: &str =
    "orders items revenue { amount } freight { amount } valueLost { amount currency }";
const DELIVERY: &str =
    "timedDeliveries meanDeliveryDays medianDeliveryDays p90DeliveryDays late lateShare";
const FUNNEL: &str = "orders approved shipped delivered reviewed cancelled";

/// Steps of an import: what happened, to which order, and when.
#[derive(Default)]
struct Import(Vec<(DateTime<Utc>, String, Uuid, Value)>);

impl Import {
    fn step(&mut self, kind: &str, order: u128, at: &str, data: &Value) {
        let (kind, order) = (format!("order.{kind}"), Uuid::from_u128(order));
        self.0
            .push((at.parse().unwrap(), kind, order, data.clone()));
    }

    fn place(&mut self, order: u128, at: &str, currency: &str, state: Option<&str>, lines: &Value) {
        self.promise(order, at, currency, state, lines, None);
    }

    fn promise(
        &mut self,
        order: u128,
        at: &str,
        currency: &str,
        state: Option<&str>,
        lines: &Value,
        estimated: Option<&str>,
    ) {
        let placed = json!({ "customerId": Uuid::from_u128(7), "currency": currency, "state": state, "lines": lines,
            "estimatedDelivery": estimated });
        self.step("place", order, at, &placed);
    }

    /// Approved and shipped on the day, and delivered at that time.
    fn deliver(&mut self, order: u128, shipped: &str, delivered: &str) {
        self.step("approvePayment", order, shipped, &json!({}));
        self.step("ship", order, shipped, &json!({ "shippedAt": shipped }));
        let arrived = json!({ "deliveredAt": delivered });
        self.step("deliver", order, delivered, &arrived);
    }

    /// The tenant that all of this happened to, and the newest token.
    async fn bring(mut self, app: &Served) -> (Tenant, String) {
        let id = TenantId(SystemClock.uuid_v7());
        let registered = json!({ "name": "Test & Sons" });
        self.0.push((
            DateTime::UNIX_EPOCH,
            "organization.register".to_owned(),
            id.0,
            registered,
        ));
        self.0.sort_by_key(|step| step.0);
        let bus = Bus::new(app.store.clone(), Arc::new(SystemClock), None, Way::Direct);
        let mut token = None;
        for (row, (at, kind, aggregate, data)) in self.0.into_iter().enumerate() {
            let mut request = daybook::verb::tenant::request(id, &kind, &data).unwrap();
            request.id = aggregate;
            request.source = Source::Import;
            request.occurred_at = Some(at);
            request.key = Some(format!("row-{row}"));
            token = bus.execute(request).await.unwrap().token;
        }
        let key = app.key(id, &["*"]).await;
        (Tenant { id, key }, token.unwrap())
    }
}

fn line(product: &str, quantity: u32, price: u32, freight: u32, seller: Option<&str>) -> Value {
    json!({ "productId": product, "category": if product == "toy" { "toys" } else { "food" }, "sellerId": seller,
        "quantity": quantity, "unitPrice": price, "freight": freight })
}

struct Shop {
    app: Served,
    tenant: Tenant,
    token: String,
}

impl Shop {
    /// Six orders around the night in which the clocks of São Paulo went from 0 to 1 o'clock: 15 October 2017.
    async fn open() -> Self {
        let app = harness::database().await.serve().await;
        let mut import = Import::default();
        let lines = json!([line("bread", 9, 999, 99, Some("s1"))]);
        import.promise(
            1,
            "2017-10-14T15:00:00Z",
            "BRL",
            Some("SP"),
            &lines,
            Some("2017-10-14T16:00:00Z"),
        );
        import.deliver(1, "2017-10-14T15:00:00Z", "2017-12-31T00:00:00Z");
        import.step("review", 1, "2018-01-01T00:00:00Z", &json!({ "score": 1 }));
        import.bring(&app).await;

        let mut import = Import::default();
        let (s1, s2) = (Some("s1"), Some("s2"));
        let lines = json!([line("bread", 2, 1000, 300, s1)]);
        // It arrives on the day of its estimate, after three days.
        let (at, due) = ("2017-10-14T15:00:00Z", Some("2017-10-17T06:00:00Z"));
        import.promise(1, at, "BRL", Some("SP"), &lines, due);
        import.deliver(1, at, "2017-10-17T15:00:00Z");
        import.step("review", 1, "2017-10-18T00:00:00Z", &json!({ "score": 5 }));
        import.step("review", 1, "2017-10-19T00:00:00Z", &json!({ "score": 2 }));
        // The 14th in São Paulo. It arrives an hour short of five days: late in UTC, on the day in São Paulo.
        let lines = json!([line("toy", 1, 5000, 0, s1), line("bread", 1, 1000, 100, s2)]);
        let (at, due) = ("2017-10-15T02:30:00Z", Some("2017-10-19T12:00:00Z"));
        import.promise(2, at, "BRL", Some("SP"), &lines, due);
        import.deliver(2, at, "2017-10-20T01:30:00Z");
        // Shipped, and cancelled nevertheless.
        let at = "2017-10-15T12:00:00Z";
        import.place(
            3,
            at,
            "BRL",
            Some("RJ"),
            &json!([line("toy", 1, 5000, 0, s1)]),
        );
        import.step("approvePayment", 3, at, &json!({}));
        import.step("ship", 3, at, &json!({ "shippedAt": at }));
        import.step("cancel", 3, at, &json!({ "reason": "customerRequest" }));
        // In euros, without a state or a seller.
        let lines = json!([line("tea", 3, 200, 50, None)]);
        import.place(4, "2017-10-17T12:00:00Z", "EUR", None, &lines);
        // Ten days, without an estimate.
        let at = "2017-10-17T13:00:00Z";
        import.place(
            5,
            at,
            "BRL",
            Some("SP"),
            &json!([line("bread", 1, 1000, 0, s1)]),
        );
        import.deliver(5, at, "2017-10-27T13:00:00Z");
        import.step("review", 5, "2017-10-28T00:00:00Z", &json!({ "score": 4 }));
        // The 18th in São Paulo, where the clock now is two hours behind.
        let at = "2017-10-19T01:00:00Z";
        import.place(
            6,
            at,
            "BRL",
            Some("SP"),
            &json!([line("toy", 1, 5000, 0, s1)]),
        );
        import.step("cancel", 6, at, &json!({ "reason": "unavailable" }));
        let (tenant, token) = import.bring(&app).await;
        Self { app, tenant, token }
    }

    async fn ask(&self, query: &str) -> Value {
        let request = self
            .app
            .client
            .post(format!("{}/graphql", self.app.url))
            .bearer_auth(&self.tenant.key)
            .header("daybook-after", &self.token)
            .json(&json!({ "query": query }));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The groups of `ordersStats`.
    async fn stats(&self, arguments: &str, fields: &str) -> Value {
        let query = format!("{{ ordersStats{arguments} {{ {fields} }} }}");
        let mut answer = self.ask(&query).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"]["ordersStats"].take()
    }

    async fn refusal(&self, arguments: &str) -> String {
        let query = format!("{{ ordersStats{arguments} {{ orders }} }}");
        let answer = self.ask(&query).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{answer:#}");
        error["message"].as_str().unwrap().to_owned()
    }
}

/// Day, orders and revenue.
fn days(rows: &Value) -> Vec<[&str; 4]> {
    let text = |value: &Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        assert_eq!(row["currency"], row["revenue"]["currency"]);
        [
            text(&row["start"]),
            text(&row["currency"]),
            text(&row["orders"]),
            text(&row["revenue"]["amount"]),
        ]
    })
    .collect()
}

const DAY: &str = "start end currency orders revenue { amount currency }";

#[tokio::test]
async fn every_measure_is_what_was_counted_by_hand() {
    let shop = Shop::open().await;
    let all = shop
        .stats(
            "",
            &format!("currency {SUMS} {DELIVERY} reviews meanReviewScore {FUNNEL}"),
        )
        .await;
    let reais = json!({ "currency": "BRL", "orders": "5", "items": "7", "revenue": { "amount": "19000" },
        "freight": { "amount": "400" }, "valueLost": { "amount": "10000", "currency": "BRL" },
        "timedDeliveries": "3", "meanDeliveryDays": "5.986111", "medianDeliveryDays": "4.958333",
        "p90DeliveryDays": "8.991667", "late": "1", "lateShare": "0.3333", "reviews": "3", "meanReviewScore": "3.666667",
        "approved": "4", "shipped": "4", "delivered": "3", "reviewed": "2", "cancelled": "2" });
    let euros = json!({ "currency": "EUR", "orders": "1", "items": "3", "revenue": { "amount": "600" },
        "freight": { "amount": "50" }, "valueLost": { "amount": "0", "currency": "EUR" },
        "timedDeliveries": "0", "meanDeliveryDays": null, "medianDeliveryDays": null, "p90DeliveryDays": null,
        "late": "0", "lateShare": null, "reviews": "0", "meanReviewScore": null,
        "approved": "0", "shipped": "0", "delivered": "0", "reviewed": "0", "cancelled": "0" });
    assert_eq!(all, json!([reais, euros]));
    // Read from the totals, from the orders and from their lines, they are the same.
    for (arguments, more) in [("", ""), ("", " reviews"), ("(groupBy: [CATEGORY])", "")] {
        let fields = "revenue { amount } valueLost { amount }";
        let rows = shop.stats(arguments, &format!("{fields}{more}")).await;
        let sum = |field: &str| -> i64 {
            let rows = rows.as_array().unwrap().iter();
            rows.map(|row| {
                row[field]["amount"]
                    .as_str()
                    .unwrap()
                    .parse::<i64>()
                    .unwrap()
            })
            .sum()
        };
        assert_eq!((sum("revenue"), sum("valueLost")), (19_600, 10_000));
    }
    // What a fragment selects, and what stands under other names, is computed too.
    let query =
        "{ a: ordersStats { ...Part } b: ordersStats { many: orders ... on OrderStats { late } } }
        fragment Part on OrderStats { shipped cost: freight { amount } }";
    let answer = shop.ask(query).await;
    assert_eq!(
        answer["data"],
        json!({ "a": [{ "shipped": "4", "cost": { "amount": "400" } }, { "shipped": "0", "cost": { "amount": "50" } }],
            "b": [{ "many": "5", "late": "1" }, { "many": "1", "late": "0" }] })
    );
    shop.app.stop().await;
}

#[tokio::test]
async fn an_order_counts_once_in_each_of_its_groups() {
    let shop = Shop::open().await;
    let fields = "orders items revenue { amount } valueLost { amount } reviews timedDeliveries late delivered cancelled";
    let group = |key: &str, name: &Value, figures: [&str; 9]| {
        let [
            orders,
            items,
            revenue,
            lost,
            reviews,
            timed,
            late,
            delivered,
            cancelled,
        ] = figures;
        json!({ key: name, "orders": orders, "items": items, "revenue": { "amount": revenue }, "valueLost": { "amount": lost },
            "reviews": reviews, "timedDeliveries": timed, "late": late, "delivered": delivered, "cancelled": cancelled })
    };
    let tea = ["1", "3", "600", "0", "0", "0", "0", "0", "0"];
    let bread = ["3", "4", "4000", "0", "3", "3", "1", "3", "0"];
    let toy = ["3", "3", "15000", "10000", "0", "1", "1", "1", "2"];
    let products = shop
        .stats("(groupBy: [PRODUCT])", &format!("productId {fields}"))
        .await;
    let expected = [("bread", bread), ("tea", tea), ("toy", toy)];
    assert_eq!(
        products,
        json!(expected.map(|(product, figures)| group("productId", &json!(product), figures)))
    );
    let s1 = ["5", "6", "18000", "10000", "3", "3", "1", "3", "2"];
    let s2 = ["1", "1", "1000", "0", "0", "1", "1", "1", "0"];
    let expected = [(json!("s1"), s1), (json!("s2"), s2), (Value::Null, tea)]
        .map(|(seller, figures)| group("sellerId", &seller, figures));
    let sellers = shop
        .stats("(groupBy: [SELLER])", &format!("sellerId {fields}"))
        .await;
    assert_eq!(sellers, json!(expected));
    // The totals by month know less, but the same.
    let totals = "orders items revenue { amount } valueLost { amount } cancelled";
    let known = shop
        .stats("(groupBy: [SELLER])", &format!("sellerId {totals}"))
        .await;
    for (known, full) in known.as_array().unwrap().iter().zip(&expected) {
        for (field, value) in known.as_object().unwrap() {
            assert_eq!(value, &full[field], "{field}");
        }
    }
    let one = shop
        .stats(
            "(filter: { sellerId: { eq: \"s2\" } })",
            "orders items reviews late",
        )
        .await;
    assert_eq!(
        one,
        json!([{ "orders": "1", "items": "1", "reviews": "0", "late": "1" }])
    );
    let states = "state status orders revenue { amount } reviews";
    let states = shop
        .stats(
            "(groupBy: [STATE, STATUS], filter: { currency: { eq: \"BRL\" } })",
            states,
        )
        .await;
    let row = |state: &str, status: &str, orders: &str, revenue: &str, reviews: &str| json!({ "state": state, "status": status, "orders": orders, "revenue": { "amount": revenue }, "reviews": reviews });
    assert_eq!(
        states,
        json!([
            row("RJ", "CANCELED", "1", "5000", "0"),
            row("SP", "DELIVERED", "3", "9000", "3"),
            row("SP", "UNAVAILABLE", "1", "5000", "0"),
        ])
    );
    shop.app.stop().await;
}

#[tokio::test]
async fn days_begin_when_they_do_where_the_shop_is() {
    let shop = Shop::open().await;
    let rows = shop.stats("(bucket: { size: DAY })", DAY).await;
    assert_eq!(
        days(&rows),
        [
            ["2017-10-14T00:00:00+00:00", "BRL", "1", "2000"],
            ["2017-10-15T00:00:00+00:00", "BRL", "2", "11000"],
            ["2017-10-17T00:00:00+00:00", "BRL", "1", "1000"],
            ["2017-10-17T00:00:00+00:00", "EUR", "1", "600"],
            ["2017-10-19T00:00:00+00:00", "BRL", "1", "5000"],
        ]
    );
    // The 15th has no midnight: it begins at one o'clock and lasts 23 hours. The gap is filled for either currency.
    let zone = "timeZone: \"America/Sao_Paulo\"";
    let filled = format!("(bucket: {{ size: DAY, {zone}, fill: true }})");
    let rows = shop.stats(&filled, DAY).await;
    let expected = [
        ["2017-10-14T03:00:00+00:00", "BRL", "2", "8000"],
        ["2017-10-14T03:00:00+00:00", "EUR", "0", "0"],
        ["2017-10-15T03:00:00+00:00", "BRL", "1", "5000"],
        ["2017-10-15T03:00:00+00:00", "EUR", "0", "0"],
        ["2017-10-16T02:00:00+00:00", "BRL", "0", "0"],
        ["2017-10-16T02:00:00+00:00", "EUR", "0", "0"],
        ["2017-10-17T02:00:00+00:00", "BRL", "1", "1000"],
        ["2017-10-17T02:00:00+00:00", "EUR", "1", "600"],
        ["2017-10-18T02:00:00+00:00", "BRL", "1", "5000"],
        ["2017-10-18T02:00:00+00:00", "EUR", "0", "0"],
    ];
    assert_eq!(days(&rows), expected);
    assert_eq!(rows[2]["end"], "2017-10-16T02:00:00+00:00");
    let some = shop
        .stats(&format!("(bucket: {{ size: DAY, {zone} }})"), DAY)
        .await;
    let counted = expected.into_iter().filter(|day| day[2] != "0");
    assert_eq!(days(&some), counted.collect::<Vec<_>>());
    // In the calendar of São Paulo nothing is late.
    let late = "(filter: { currency: { eq: \"BRL\" } }, bucket: { size: YEAR";
    let fields = "start late lateShare orders";
    assert_eq!(
        shop.stats(&format!("{late}, {zone} }})"), fields).await,
        json!([{ "start": "2017-01-01T02:00:00+00:00", "late": "0", "lateShare": "0.0000", "orders": "5" }])
    );
    assert_eq!(
        shop.stats(&format!("{late} }})"), fields).await,
        json!([{ "start": "2017-01-01T00:00:00+00:00", "late": "1", "lateShare": "0.3333", "orders": "5" }])
    );
    // From and until the moments that the filter says, and from the totals too.
    let span = "filter: { currency: { eq: \"BRL\" }, placedAt: { gte: \"2017-08-01T00:00:00Z\", lt: \"2018-01-01T00:00:00Z\" } }";
    for more in ["", " reviews"] {
        let months = format!("({span}, bucket: {{ size: MONTH, fill: true }})");
        let rows = shop.stats(&months, &format!("{DAY}{more}")).await;
        let month = |month: &'static str, orders, revenue| [month, "BRL", orders, revenue];
        assert_eq!(
            days(&rows),
            [
                month("2017-08-01T00:00:00+00:00", "0", "0"),
                month("2017-09-01T00:00:00+00:00", "0", "0"),
                month("2017-10-01T00:00:00+00:00", "5", "19000"),
                month("2017-11-01T00:00:00+00:00", "0", "0"),
                month("2017-12-01T00:00:00+00:00", "0", "0"),
            ]
        );
    }
    let empty = "(filter: { placedAt: { lt: \"2000-01-01T00:00:00Z\" } }, bucket: { size: DAY, fill: true })";
    assert_eq!(shop.stats(empty, DAY).await, json!([]));
    shop.app.stop().await;
}

#[tokio::test]
async fn groups_are_kept_ordered_and_bounded_by_what_they_come_to() {
    let shop = Shop::open().await;
    let products = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["productId"].as_str().unwrap().to_owned())
            .collect()
    };
    for (arguments, expected) in [
        (
            "orderBy: [{ field: ORDERS, direction: DESC }, { field: REVENUE, direction: DESC }]",
            &["toy", "bread", "tea"][..],
        ),
        (
            "orderBy: [{ field: ORDERS, direction: DESC }, { field: KEY, direction: DESC }]",
            &["toy", "bread", "tea"],
        ),
        (
            "orderBy: { field: MEAN_REVIEW_SCORE }",
            &["bread", "tea", "toy"],
        ),
        (
            "orderBy: [{ field: P90_DELIVERY_DAYS, direction: DESC }], first: 2",
            &["bread", "toy"],
        ),
        ("having: { revenue: { gte: \"4000\" } }", &["bread", "toy"]),
        ("having: { revenue: { gt: 4000 } }", &["toy"]),
        (
            "having: { orders: { eq: 3 }, cancelled: { eq: 0 } }",
            &["bread"],
        ),
        (
            "having: { or: [{ items: { in: [3] } }, { late: { gt: 9 } }], not: { cancelled: { gt: 0 } } }",
            &["tea"],
        ),
        (
            "having: { meanReviewScore: { gte: \"3.666667\", lt: 4 } }",
            &["bread"],
        ),
        ("having: { meanReviewScore: { eq: null } }", &["tea", "toy"]),
        (
            "having: { medianDeliveryDays: { in: [\"4.958333\"] } }",
            &["bread", "toy"],
        ),
        ("having: { lateShare: { gt: \"0.9\" } }", &["toy"]),
    ] {
        let rows = shop
            .stats(&format!("(groupBy: [PRODUCT], {arguments})"), "productId")
            .await;
        assert_eq!(products(&rows), expected, "{arguments}");
    }
    // A day without an order has none, and so it is kept by a condition that says so.
    let none = "(bucket: { size: DAY, fill: true }, having: { orders: { eq: 0 } }, filter: { currency: { eq: \"BRL\" } },
        orderBy: [{ field: KEY, direction: DESC }])";
    assert_eq!(
        shop.stats(none, "start").await,
        json!([{ "start": "2017-10-18T00:00:00+00:00" }, { "start": "2017-10-16T00:00:00+00:00" }])
    );
    let zone = |zone: &str| format!("(bucket: {{ size: DAY, timeZone: \"{zone}\" }})");
    for unknown in ["Mars/Olympus", "", "UTC+3", "-3", "'; select 1; --"] {
        assert!(shop.refusal(&zone(unknown)).await.contains("time zone"));
    }
    let long = "(bucket: { size: DAY, fill: true }, filter: { placedAt: { gte: \"1900-01-01T00:00:00Z\" } }, first: 3,
        having: { orders: { gt: 99 } })";
    assert!(shop.refusal(long).await.contains("10000 groups"));
    let many = "(bucket: { size: DAY, fill: true }, filter: { placedAt: { gte: \"2014-01-01T00:00:00Z\" } })";
    assert!(shop.refusal(many).await.contains("1000 groups"));
    for first in ["0", "-1", "10001"] {
        let message = shop.refusal(&format!("(first: {first})")).await;
        assert!(message.contains("1 to 10000"), "{message}");
    }
    let conditions = format!(
        "(having: {{ or: [{}] }})",
        "{ orders: { gt: 1 } }".repeat(101)
    );
    assert!(shop.refusal(&conditions).await.contains("101 conditions"));
    let query = "{ ordersStats(having: { lateShare: { gt: \"a lot\" } }) { orders } }";
    let answer = shop.ask(query).await;
    assert!(
        answer["errors"][0]["message"]
            .to_string()
            .contains("decimal"),
        "{answer}"
    );
    shop.app.stop().await;
}
