//! Histories for the tests of the projections: every kind of event, in numbers that are the same in every run.

mod document;
mod goal;
mod lead;
mod metric;

use chrono::{DateTime, TimeDelta, Utc};
use event_schemas::{
    Event, Personal, StreamId, TenantId,
    customer::{
        ConsentRecorded, ConsentWithdrawn, CustomerContactChanged, CustomerEvent,
        CustomerRegistered,
    },
    money::{Currency, Minor},
    order::{
        CancelReason, OrderCancelled, OrderDelivered, OrderEvent, OrderInvoiced, OrderLine,
        OrderPayment, OrderPlaced, OrderRefunded, OrderReviewed, OrderShipped, PaymentApproved,
    },
    organization::{
        ApiKeyIssued, ApiKeyRevoked, OrganizationEvent, OrganizationRegistered,
        OrganizationRenamed, OrganizationResumed, OrganizationSettingsChanged,
        OrganizationSuspended,
    },
};
use event_store::{
    Append, Clock as _, Expected, NewEvent, Outcome, Store, SystemClock, TenantChange,
};
use uuid::Uuid;

/// A small generator of numbers, so that every run tests the same history.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub fn at(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_480_000_000, 0).unwrap() + TimeDelta::hours(day * 7)
}

pub fn append<E: Event>(
    tenant: TenantId,
    stream: StreamId,
    when: DateTime<Utc>,
    event: &E,
) -> Append {
    let name = E::TYPES
        .iter()
        .find(|(name, _)| *name == event.name())
        .unwrap()
        .0;
    let new = NewEvent {
        event_id: SystemClock.uuid_v7(),
        event_type: name.into(),
        schema_version: event.schema_version(),
        payload: event.encode().unwrap(),
    };
    Append {
        change: (name == "OrganizationRegistered").then_some(TenantChange::Register),
        occurred_at: Some(when),
        ..Append::new(
            tenant,
            stream,
            Expected::Any,
            SystemClock.uuid_v7(),
            b"{}".to_vec(),
            vec![new],
        )
    }
}

pub async fn store_all(store: &Store, batch: &[Append]) {
    for part in batch.chunks(500) {
        for outcome in store.append(part).await.unwrap() {
            assert!(matches!(outcome, Ok(Outcome::Appended(_))), "{outcome:?}");
        }
    }
}

pub fn registered(tenant: TenantId) -> Append {
    let event = OrganizationRegistered {
        name: "Shop".into(),
        country: None,
        state: None,
        city: None,
    };
    append(
        tenant,
        StreamId::new("organization", tenant.0),
        at(0),
        &OrganizationEvent::from(event),
    )
}

pub fn minor(amount: u64) -> Minor {
    Minor::try_new(amount.cast_signed()).unwrap()
}

pub fn placed(dice: &mut Dice) -> OrderPlaced {
    let seller = |dice: &mut Dice| (dice.roll(4) > 0).then(|| format!("seller-{}", dice.roll(3)));
    let lines = (0..dice.roll(4))
        .map(|n| OrderLine {
            product_id: format!("p{n}"),
            category: (dice.roll(2) > 0).then(|| "toys".into()),
            seller_id: seller(dice),
            quantity: u32::try_from(1 + dice.roll(3)).unwrap(),
            unit_price: minor(dice.roll(10_000)),
            freight: (dice.roll(2) > 0).then(|| minor(dice.roll(900))),
        })
        .collect();
    OrderPlaced {
        customer_id: Uuid::from_u128(dice.roll(9).into()),
        reference: Some(format!("r{}", dice.roll(1000))),
        currency: Currency::try_new(if dice.roll(9) > 0 { "BRL" } else { "USD" }).unwrap(),
        state: (dice.roll(5) > 0)
            .then(|| ["SP", "RJ", "MG"][usize::try_from(dice.roll(3)).unwrap()].into()),
        lines,
        payments: (0..dice.roll(3))
            .map(|n| OrderPayment {
                sequence: u32::try_from(n + 1).unwrap(),
                method: "voucher".into(),
                installments: None,
                amount: minor(dice.roll(5_000)),
            })
            .collect(),
        estimated_delivery: None,
        waived: vec![],
    }
}

pub fn order_step(dice: &mut Dice, when: DateTime<Utc>) -> OrderEvent {
    match dice.roll(8) {
        0 | 1 => PaymentApproved {
            amount: minor(dice.roll(5_000)),
            waived: vec!["already".into()],
        }
        .into(),
        2 => OrderInvoiced {
            number: Some(format!("n{}", dice.roll(99))),
            waived: vec![],
        }
        .into(),
        3 | 4 => OrderShipped {
            carrier: Some("c".into()),
            tracking_code: None,
            shipped_at: Some(when),
            waived: vec![],
        }
        .into(),
        5 => OrderDelivered {
            delivered_at: (dice.roll(2) > 0).then_some(when),
            waived: vec![],
        }
        .into(),
        6 => OrderReviewed {
            review_id: None,
            score: u8::try_from(1 + dice.roll(5)).unwrap(),
            title: None,
            comment: Some(Personal("it's \"good\" \\ {fine}".into())),
            answered_at: None,
            waived: vec![],
        }
        .into(),
        _ if dice.roll(2) > 0 => OrderRefunded {
            amount: minor(1 + dice.roll(50)),
            reason: None,
            note: None,
            waived: vec![],
        }
        .into(),
        _ => {
            let reason = if dice.roll(2) > 0 {
                CancelReason::Unavailable
            } else {
                CancelReason::Fraud
            };
            OrderCancelled {
                reason,
                note: None,
                waived: vec!["a,\"b\\".into()],
            }
            .into()
        }
    }
}

/// What happens to a registered organization.
pub fn organization_step(dice: &mut Dice, n: i64) -> OrganizationEvent {
    match dice.roll(4) {
        0 => OrganizationRenamed {
            name: format!("Shop {n}"),
        }
        .into(),
        1 => OrganizationSettingsChanged {
            ship_before_payment: dice.roll(2) > 0,
        }
        .into(),
        2 => OrganizationSuspended {
            reason: format!("unpaid since {n}"),
        }
        .into(),
        _ => OrganizationResumed {}.into(),
    }
}

/// The registration of a customer or a later change of it.
pub fn customer_step(dice: &mut Dice, new: bool) -> CustomerEvent {
    let text =
        |dice: &mut Dice| (dice.roll(2) > 0).then(|| Personal(format!("x{}", dice.roll(99))));
    let (name, email, phone, postal_code) = (text(dice), text(dice), text(dice), None);
    if new {
        return CustomerRegistered {
            name,
            email,
            phone,
            postal_code,
            city: None,
            state: None,
            country: None,
        }
        .into();
    }
    let purpose = ["news, \"letters\"", "calls"][usize::try_from(dice.roll(2)).unwrap()].to_owned();
    match dice.roll(3) {
        0 => ConsentRecorded { purpose }.into(),
        1 => ConsentWithdrawn { purpose }.into(),
        _ => CustomerContactChanged {
            name,
            email,
            phone,
            postal_code,
            city: None,
            state: None,
            country: None,
        }
        .into(),
    }
}

/// A history of some tenants with everything in it.
pub fn history(seed: u64, events: i64) -> Vec<Append> {
    let mut dice = Dice(seed);
    let tenants: Vec<TenantId> = (0..5).map(|_| TenantId(SystemClock.uuid_v7())).collect();
    let mut log: Vec<Append> = tenants.iter().map(|tenant| registered(*tenant)).collect();
    let (mut orders, mut customers, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut leads, mut metrics) = (Vec::new(), Vec::new());
    let (mut goals, mut documents) = (Vec::new(), Vec::new());
    for n in 0..events {
        let tenant = tenants[usize::try_from(dice.roll(5)).unwrap()];
        match dice.roll(32) {
            0 => {
                let key = SystemClock.uuid_v7();
                keys.push((tenant, key));
                let scopes = vec!["order:*".into(), "customer:read".into()];
                let secret_hash = format!("{:032x}{:032x}", key.as_u128(), key.as_u128());
                let issued = ApiKeyIssued {
                    key_id: key,
                    name: "k".into(),
                    scopes,
                    secret_hash,
                    expires_at: None,
                };
                log.push(append(
                    tenant,
                    StreamId::new("organization", tenant.0),
                    at(n),
                    &OrganizationEvent::from(issued),
                ));
            }
            1 => {
                let event = match keys.pop() {
                    Some((tenant, key_id)) => {
                        (tenant, OrganizationEvent::from(ApiKeyRevoked { key_id }))
                    }
                    None => (tenant, organization_step(&mut dice, n)),
                };
                log.push(append(
                    event.0,
                    StreamId::new("organization", event.0.0),
                    at(n),
                    &event.1,
                ));
            }
            2..=5 => {
                let new = customers.is_empty() || dice.roll(3) == 0;
                if new {
                    customers.push((tenant, SystemClock.uuid_v7()));
                }
                let which = if new {
                    customers.len() - 1
                } else {
                    usize::try_from(dice.roll(customers.len() as u64)).unwrap()
                };
                let (tenant, id) = customers[which];
                log.push(append(
                    tenant,
                    StreamId::new("customer", id),
                    at(n),
                    &customer_step(&mut dice, new),
                ));
            }
            20..=23 => {
                let new = leads.is_empty() || dice.roll(4) == 0;
                if new {
                    leads.push((tenant, SystemClock.uuid_v7()));
                }
                let which = if new {
                    leads.len() - 1
                } else {
                    usize::try_from(dice.roll(leads.len() as u64)).unwrap()
                };
                let (tenant, id) = leads[which];
                let event = lead::step(&mut dice, new, at(n));
                log.push(append(tenant, StreamId::new("lead", id), at(n), &event));
            }
            24..=26 => log.push(metric::next(&mut dice, &mut metrics, tenant, n)),
            27..=29 => log.push(goal::next(&mut dice, &mut goals, tenant, n)),
            30..=31 => log.push(document::next(&mut dice, &mut documents, tenant, n)),
            _ if orders.is_empty() || dice.roll(4) == 0 => {
                let id = SystemClock.uuid_v7();
                orders.push((tenant, id));
                log.push(append(
                    tenant,
                    StreamId::new("order", id),
                    at(n),
                    &OrderEvent::from(placed(&mut dice)),
                ));
            }
            _ => {
                let (tenant, id) = orders[usize::try_from(dice.roll(orders.len() as u64)).unwrap()];
                log.push(append(
                    tenant,
                    StreamId::new("order", id),
                    at(n),
                    &order_step(&mut dice, at(n)),
                ));
            }
        }
    }
    log
}

/// An event that no command of ours would make.
pub fn odd(tenant: TenantId, stream: StreamId, event_type: &'static str, payload: &str) -> Append {
    let event = NewEvent {
        event_id: SystemClock.uuid_v7(),
        event_type: event_type.into(),
        schema_version: 1,
        payload: payload.into(),
    };
    let registration = registered(tenant);
    Append {
        stream,
        change: None,
        occurred_at: None,
        command_id: SystemClock.uuid_v7(),
        events: vec![event],
        ..registration
    }
}
