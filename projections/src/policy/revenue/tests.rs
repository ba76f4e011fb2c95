//! What the policy answers, event by event.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use event_schemas::{
    StreamId, TenantId,
    metric::{Aggregation, MetricDefined},
    money::Minor,
    order::OrderLine,
};

use super::*;
use crate::sample::event;

const TENANT: Uuid = Uuid::from_u128(1);

fn recorded(offset: i64, context: &str, id: u128, fact: &impl Event) -> RecordedEvent {
    RecordedEvent {
        tenant: TenantId(TENANT),
        stream: StreamId::new(context, Uuid::from_u128(id)),
        event_type: fact.name().to_owned(),
        schema_version: fact.schema_version(),
        payload: fact.encode().unwrap(),
        ..event(offset)
    }
}

fn defined(offset: i64, id: u128, unit: &str, feed: Option<Feed>) -> RecordedEvent {
    let defined = MetricDefined {
        name: "Revenue".to_owned(),
        unit: unit.to_owned(),
        aggregation: Aggregation::Sum,
        description: None,
        feed,
        monthly_goal: None,
    };
    recorded(offset, "metric", id, &MetricEvent::from(defined))
}

fn placed(offset: i64, currency: &str, prices: &[i64]) -> RecordedEvent {
    let lines = prices.iter().map(|price| OrderLine {
        product_id: "p".to_owned(),
        category: None,
        seller_id: None,
        quantity: 2,
        unit_price: Minor::try_new(*price).unwrap(),
        freight: Minor::try_new(1),
    });
    let placed = OrderPlaced {
        customer_id: Uuid::from_u128(3),
        reference: None,
        currency: Currency::try_new(currency).unwrap(),
        state: None,
        lines: lines.collect(),
        payments: vec![],
        estimated_delivery: None,
        waived: vec![],
    };
    recorded(offset, "order", 100, &OrderEvent::from(placed))
}

fn told(events: &[RecordedEvent]) -> Vec<(u128, String)> {
    let (effects, _) = fold(&mut Followers::new(), &events.iter().collect::<Vec<_>>()).unwrap();
    let value = |wanted: &Wanted| wanted.data["observations"][0]["value"].to_string();
    effects
        .commands()
        .map(|wanted| (wanted.id.as_u128(), value(wanted)))
        .collect()
}

#[test]
fn each_order_is_an_observation_of_what_follows_its_currency() {
    let revenue = Some(Feed::OrderRevenue);
    let events = [
        placed(0, "BRL", &[1_000]),
        defined(1, 7, "BRL", revenue),
        defined(2, 5, "BRL", revenue),
        defined(3, 8, "JPY", revenue),
        defined(4, 9, "BRL", None),
        placed(5, "BRL", &[1_000, 5]),
        placed(6, "JPY", &[3]),
        placed(7, "USD", &[3]),
    ];
    let expected = [(5, "\"20.1\""), (7, "\"20.1\""), (8, "\"6\"")];
    assert_eq!(
        told(&events),
        expected.map(|(id, value)| (id, value.to_owned()))
    );
}

#[test]
fn an_amount_has_as_many_places_as_its_currency() {
    let worth = |minor, code| worth(minor, Currency::try_new(code).unwrap());
    assert_eq!(worth(12_345, "BRL"), Decimal::parse("123.45"));
    assert_eq!(worth(12_345, "JPY"), Decimal::parse("12345"));
    assert_eq!(worth(12_345, "KWD"), Decimal::parse("12.345"));
    assert_eq!(worth(12_345, "CLF"), Decimal::parse("1.2345"));
    assert_eq!(worth(9_007_199_254_740_991, "BRL"), None);
}
