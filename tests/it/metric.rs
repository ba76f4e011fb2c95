//! Metrics as a client meets them: definition, observations and corrections over HTTP; lists, totals and buckets over
//! GraphQL.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Served, Tenant};

struct Shop {
    app: Served,
    tenant: Tenant,
}

impl Shop {
    async fn open() -> Self {
        let app = harness::database().await.serve().await;
        let tenant = app.tenant(&["*"]).await;
        Self { app, tenant }
    }

    async fn send(&self, metric: Uuid, step: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/v1/metrics/{metric}/{step}");
        self.app.post(&self.tenant.key, &path, &body).await
    }

    async fn define(&self, metric: u128, aggregation: &str) -> Uuid {
        let id = Uuid::from_u128(metric);
        let body =
            json!({ "name": format!("Metric {metric}"), "unit": "kg", "aggregation": aggregation });
        let (status, answer) = self.send(id, "define", body).await;
        assert_eq!(status, 201, "{answer}");
        id
    }

    /// Notes observations, each a time and a value. Tells the token.
    async fn observe(&self, metric: Uuid, observations: &[(&str, &str)]) -> Value {
        let one = |(at, value): &(&str, &str)| json!({ "observedAt": at, "value": value });
        let all: Vec<_> = observations.iter().map(one).collect();
        let (status, answer) = self
            .send(metric, "observe", json!({ "observations": all }))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["token"].clone()
    }

    /// A query's whole answer, no older than that command.
    async fn ask(&self, token: &Value, query: &str) -> Value {
        self.app
            .client
            .post(format!("{}/graphql", self.app.url))
            .bearer_auth(&self.tenant.key)
            .header("daybook-after", token.as_str().unwrap())
            .json(&json!({ "query": query }))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn data(&self, token: &Value, query: &str) -> Value {
        let mut answer = self.ask(token, query).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].take()
    }
}

#[tokio::test]
async fn what_was_measured_is_kept_and_so_is_what_was_wrong() {
    let shop = Shop::open().await;
    let unknown = Uuid::from_u128(99);
    let (status, missing) = shop
        .send(unknown, "correct", json!({ "number": 1, "value": "1" }))
        .await;
    assert_eq!(
        (status, &missing["code"]),
        (404, &json!("metric-not-found"))
    );
    let id = shop.define(1, "sum").await;
    let future =
        json!({ "observations": [{ "observedAt": "2999-01-01T00:00:00Z", "value": "1" }] });
    let (status, early) = shop.send(id, "observe", future).await;
    assert_eq!(
        (status, &early["code"]),
        (422, &json!("observed-in-the-future"))
    );
    let float = json!({ "observations": [{ "observedAt": "2020-01-01T00:00:00Z", "value": 1.5 }] });
    assert_eq!(shop.send(id, "observe", float).await.0, 400);
    shop.observe(
        id,
        &[
            ("2026-01-01T10:00:00Z", "0.1"),
            ("2026-01-03T10:00:00Z", "999999999999.999999"),
        ],
    )
    .await;
    shop.observe(id, &[("2026-01-02T10:00:00Z", "0.2")]).await;
    let (status, answer) = shop
        .send(id, "correct", json!({ "number": 4, "value": "1" }))
        .await;
    assert_eq!(
        (status, &answer["code"]),
        (404, &json!("observation-not-found"))
    );
    let mut token = Value::Null;
    for value in ["5", "-0.000001"] {
        let body = json!({ "number": 2, "value": value, "reason": "Swapped" });
        let (status, answer) = shop.send(id, "correct", body).await;
        assert_eq!(status, 200, "{answer}");
        token = answer["token"].clone();
    }
    let query = format!(
        "{{ metric(id: \"{id}\") {{ id metricId name unit aggregation observationCount correctionCount latestNumber latestAt
              latestValue version }}
            metricObservations(id: \"{id}\") {{ totalCount nodes {{ number observedAt value source
              corrections {{ oldValue newValue reason }} }} }}
            byNumber: metricObservations(id: \"{id}\", first: 2, orderBy: {{ field: NUMBER }}) {{ nodes {{ number }} pageInfo {{ endCursor }} }}
            corrected: metricObservations(id: \"{id}\", filter: {{ correctionCount: {{ gt: 0 }} }}) {{ nodes {{ number }} }}
            metricStats(id: \"{id}\") {{ start value observations sum average minimum maximum last }}
            none: metricStats(id: \"{unknown}\") {{ value }}
            metrics(filter: {{ aggregation: {{ in: [SUM] }}, observationCount: {{ gte: 3 }} }}) {{ totalCount nodes {{ name }} }} }}"
    );
    let mut data = shop.data(&token, &query).await;
    let global = data["metric"]["id"].take();
    assert_eq!(
        data["metric"],
        json!({ "id": null, "metricId": id, "name": "Metric 1", "unit": "kg", "aggregation": "SUM", "observationCount": 3,
            "correctionCount": 2, "latestNumber": 2, "latestAt": "2026-01-03T10:00:00+00:00", "latestValue": "-0.000001", "version": 5 })
    );
    let swapped =
        |old: &str, new: &str| json!({ "oldValue": old, "newValue": new, "reason": "Swapped" });
    assert_eq!(
        data["metricObservations"],
        json!({ "totalCount": 3, "nodes": [
            { "number": 2, "observedAt": "2026-01-03T10:00:00+00:00", "value": "-0.000001", "source": null,
                "corrections": [swapped("999999999999.999999", "5"), swapped("5", "-0.000001")] },
            { "number": 3, "observedAt": "2026-01-02T10:00:00+00:00", "value": "0.2", "source": null, "corrections": [] },
            { "number": 1, "observedAt": "2026-01-01T10:00:00+00:00", "value": "0.1", "source": null, "corrections": [] },
        ] })
    );
    assert_eq!(
        data["byNumber"]["nodes"],
        json!([{ "number": 1 }, { "number": 2 }])
    );
    assert_eq!(data["corrected"]["nodes"], json!([{ "number": 2 }]));
    assert_eq!(
        data["metricStats"],
        json!([{ "start": null, "value": "0.299999", "observations": "3", "sum": "0.299999", "average": "0.1",
            "minimum": "-0.000001", "maximum": "0.2", "last": "-0.000001" }])
    );
    assert_eq!(data["none"], Value::Null);
    assert_eq!(
        data["metrics"],
        json!({ "totalCount": 1, "nodes": [{ "name": "Metric 1" }] })
    );
    let rest = format!(
        "{{ metricObservations(id: \"{id}\", after: {}, orderBy: {{ field: NUMBER }}) {{ nodes {{ number }} }} node(id: {global}) {{ __typename }} }}",
        data["byNumber"]["pageInfo"]["endCursor"]
    );
    let rest = shop.data(&token, &rest).await;
    assert_eq!(
        rest,
        json!({ "metricObservations": { "nodes": [{ "number": 3 }] }, "node": { "__typename": "Metric" } })
    );
    shop.app.stop().await;
}

/// The starts and values of buckets.
fn buckets(rows: &Value) -> Vec<(String, Value)> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["start"].as_str().unwrap().to_owned(),
            row["value"].clone(),
        )
    })
    .collect()
}

#[tokio::test]
async fn buckets_are_of_the_calendar_of_their_zone_and_filled_when_asked() {
    let shop = Shop::open().await;
    let (sum, last, average) = (
        shop.define(1, "sum").await,
        shop.define(2, "last").await,
        shop.define(3, "average").await,
    );
    // In São Paulo, three hours behind, the first two are of the same day.
    let observations = [
        ("2026-01-01T12:00:00Z", "1.5"),
        ("2026-01-02T02:00:00Z", "2.25"),
        ("2026-01-04T12:00:00Z", "4"),
    ];
    shop.observe(sum, &observations).await;
    shop.observe(average, &observations).await;
    let token = shop.observe(last, &observations).await;
    let ask = async |metric: Uuid, arguments: &str| {
        let query = format!(
            "{{ metricStats(id: \"{metric}\", {arguments}) {{ start end value observations }} }}"
        );
        shop.data(&token, &query).await["metricStats"].take()
    };
    let day = |day: u32, hour: u32| format!("2026-01-{day:02}T{hour:02}:00:00+00:00");
    let days = ask(sum, "bucket: { size: DAY }").await;
    assert_eq!(
        buckets(&days),
        [
            (day(1, 0), json!("1.5")),
            (day(2, 0), json!("2.25")),
            (day(4, 0), json!("4"))
        ]
    );
    let zone = "timeZone: \"America/Sao_Paulo\"";
    let days = ask(sum, &format!("bucket: {{ size: DAY, {zone} }}")).await;
    assert_eq!(
        buckets(&days),
        [(day(1, 3), json!("3.75")), (day(4, 3), json!("4"))]
    );
    assert_eq!(days[0]["end"], day(2, 3));
    let filled = |value: Value| {
        [
            (day(1, 3), json!("3.75")),
            (day(2, 3), value.clone()),
            (day(3, 3), value),
            (day(4, 3), json!("4")),
        ]
    };
    let fill = format!("bucket: {{ size: DAY, {zone}, fill: true }}");
    assert_eq!(buckets(&ask(sum, &fill).await), filled(json!("0")));
    let mut means = filled(Value::Null);
    means[0].1 = json!("1.875");
    assert_eq!(buckets(&ask(average, &fill).await), means);
    let mut lasts = filled(json!("2.25"));
    lasts[0].1 = json!("2.25");
    assert_eq!(buckets(&ask(last, &fill).await), lasts);
    // From a day without an observation on: the last one before counts.
    let range = "from: \"2026-01-03T00:00:00Z\", until: \"2026-01-06T00:00:00Z\", bucket: { size: DAY, fill: true }";
    assert_eq!(
        buckets(&ask(last, range).await),
        [
            (day(3, 0), json!("2.25")),
            (day(4, 0), json!("4")),
            (day(5, 0), json!("4"))
        ]
    );
    for (size, start, end) in [
        ("WEEK", "2025-12-29", "2026-01-05"),
        ("MONTH", "2026-01-01", "2026-02-01"),
        ("QUARTER", "2026-01-01", "2026-04-01"),
        ("YEAR", "2026-01-01", "2027-01-01"),
    ] {
        let rows = ask(sum, &format!("bucket: {{ size: {size} }}")).await;
        let midnight = |day: &str| format!("{day}T00:00:00+00:00");
        assert_eq!(
            rows,
            json!([{ "start": midnight(start), "end": midnight(end), "value": "7.75", "observations": "3" }]),
            "{size}"
        );
    }
    let code = async |arguments: &str| {
        let query = format!("{{ metricStats(id: \"{sum}\", {arguments}) {{ value }} }}");
        let mut answer = shop.ask(&token, &query).await;
        answer["errors"][0]["extensions"]["code"].take()
    };
    let zone = "bucket: { size: DAY, timeZone: \"Mars/Olympus\" }";
    assert_eq!(code(zone).await, "BAD_USER_INPUT");
    let long = "from: \"1900-01-01T00:00:00Z\", bucket: { size: DAY, fill: true }";
    assert_eq!(code(long).await, "BAD_USER_INPUT");
    shop.app.stop().await;
}

#[tokio::test]
async fn buckets_are_kept_and_ordered_by_what_they_come_to() {
    let shop = Shop::open().await;
    let (sum, last) = (shop.define(1, "sum").await, shop.define(2, "last").await);
    let observations = [
        ("2026-01-01T12:00:00Z", "1.5"),
        ("2026-01-02T02:00:00Z", "2.25"),
        ("2026-01-04T12:00:00Z", "4"),
    ];
    shop.observe(sum, &observations).await;
    let token = shop.observe(last, &observations).await;
    let ask = async |metric: Uuid, arguments: &str| {
        let query = format!(
            "{{ metricStats(id: \"{metric}\", {arguments}) {{ start end value observations }} }}"
        );
        shop.data(&token, &query).await["metricStats"].take()
    };
    let day = |day: u32, hour: u32| format!("2026-01-{day:02}T{hour:02}:00:00+00:00");
    let fill = "bucket: { size: DAY, timeZone: \"America/Sao_Paulo\", fill: true }";
    let range = "from: \"2026-01-03T00:00:00Z\", until: \"2026-01-06T00:00:00Z\", bucket: { size: DAY, fill: true }";
    // What must hold of the value holds of the one before too, in whatever order.
    let low = format!(
        "{range}, having: {{ value: {{ lt: \"3.5\" }} }}, orderBy: [{{ field: VALUE, direction: DESC }}]"
    );
    assert_eq!(
        buckets(&ask(last, &low).await),
        [(day(3, 0), json!("2.25"))]
    );
    let best = "bucket: { size: DAY }, having: { observations: { gt: 0 } }, orderBy: { field: VALUE, direction: DESC }, first: 2";
    assert_eq!(
        buckets(&ask(sum, best).await),
        [(day(4, 0), json!("4")), (day(2, 0), json!("2.25"))]
    );
    // Without an observation in the time, too, and without buckets.
    let none = "from: \"2026-01-04T13:00:00Z\", until: \"2026-01-06T00:00:00Z\"";
    let filled = ask(
        last,
        &format!("{none}, bucket: {{ size: DAY, fill: true }}"),
    )
    .await;
    assert_eq!(
        buckets(&filled),
        [(day(4, 0), json!("4")), (day(5, 0), json!("4"))]
    );
    assert_eq!(ask(last, none).await[0]["value"], "4");
    assert_eq!(ask(sum, none).await[0]["value"], "0");
    // The 15th began at one o'clock in São Paulo; the days after it began at midnight.
    let clocks = shop.define(4, "sum").await;
    let token = shop
        .observe(
            clocks,
            &[("2017-10-14T12:00:00Z", "1"), ("2017-10-17T12:00:00Z", "2")],
        )
        .await;
    let query = format!("{{ metricStats(id: \"{clocks}\", {fill}) {{ start value }} }}");
    let autumn = |day: u32, hour: u32| format!("2017-10-{day}T{hour:02}:00:00+00:00");
    assert_eq!(
        buckets(&shop.data(&token, &query).await["metricStats"]),
        [
            (autumn(14, 3), json!("1")),
            (autumn(15, 3), json!("0")),
            (autumn(16, 2), json!("0")),
            (autumn(17, 2), json!("2"))
        ]
    );
    shop.app.stop().await;
}
