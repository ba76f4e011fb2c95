//! The workload "orders": the same seeded commands for every side. 500 tenants, drawn by Zipf's law; an order lives for
//! 2 to 8 commands of one event each; an event's payload has 256 bytes on average. Talks to nobody.

use std::sync::Arc;

use bytes::Bytes;
use daybook::seed::random::Random;
use event_schemas::TenantId;
use uuid::Uuid;

/// How many tenants there are.
pub(crate) const TENANTS: usize = 500;

/// The tenants, by rank: the first has the most orders.
pub(crate) fn tenants(count: usize) -> Vec<TenantId> {
    let mut random = Random::new(0x0074_656e_616e_7473);
    (0..count).map(|_| TenantId(uuid(&mut random))).collect()
}

/// A random id, as clients make them.
pub(crate) fn uuid(random: &mut Random) -> Uuid {
    let mut half = || random.between(0, i64::MAX - 1).unsigned_abs();
    let (high, low) = (half(), half());
    uuid::Builder::from_u128((u128::from(high) << 65) ^ (u128::from(low) << 1))
        .with_variant(uuid::Variant::RFC4122)
        .with_version(uuid::Version::Random)
        .into_uuid()
}

/// Tenants of whom some are busier than others: drawn by Zipf's law with exponent 1, the second half as often as the
/// first. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Population(Arc<[(TenantId, f64)]>);

impl Population {
    /// The first `count` of [`tenants`].
    pub(crate) fn new(count: usize) -> Self {
        let mut sum = 0.0;
        let ranked = (1_u32..).zip(tenants(count)).map(|(rank, tenant)| {
            sum += 1.0 / f64::from(rank);
            (tenant, sum)
        });
        Self(ranked.collect())
    }

    /// Draws a tenant.
    pub(crate) fn draw(&self, random: &mut Random) -> TenantId {
        const STEPS: u32 = 1 << 30;
        let drawn = u32::try_from(random.between(0, i64::from(STEPS) - 1)).unwrap_or(0);
        let total = self.0.last().map_or(0.0, |(_, sum)| *sum);
        let target = f64::from(drawn) / f64::from(STEPS) * total;
        let rank = self.0.partition_point(|(_, sum)| *sum <= target);
        self.0
            .get(rank)
            .map_or(TenantId(Uuid::nil()), |(tenant, _)| *tenant)
    }
}

/// What is done to an order, in this sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Place,
    ApprovePayment,
    StartProcessing,
    Invoice,
    Ship,
    Deliver,
    Review,
    Refund,
}

impl Step {
    pub(crate) const ALL: [Self; 8] = [
        Self::Place,
        Self::ApprovePayment,
        Self::StartProcessing,
        Self::Invoice,
        Self::Ship,
        Self::Deliver,
        Self::Review,
        Self::Refund,
    ];

    /// The command as the registry calls it.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Place => "order.place",
            Self::ApprovePayment => "order.approvePayment",
            Self::StartProcessing => "order.startProcessing",
            Self::Invoice => "order.invoice",
            Self::Ship => "order.ship",
            Self::Deliver => "order.deliver",
            Self::Review => "order.review",
            Self::Refund => "order.refund",
        }
    }

    /// The event that it leads to.
    pub(crate) fn event_type(self) -> &'static str {
        match self {
            Self::Place => "OrderPlaced",
            Self::ApprovePayment => "PaymentApproved",
            Self::StartProcessing => "OrderProcessingStarted",
            Self::Invoice => "OrderInvoiced",
            Self::Ship => "OrderShipped",
            Self::Deliver => "OrderDelivered",
            Self::Review => "OrderReviewed",
            Self::Refund => "OrderRefunded",
        }
    }
}

/// One command.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) tenant: TenantId,
    pub(crate) order: Uuid,
    pub(crate) step: Step,
    /// The JSON object of its fields.
    pub(crate) data: Bytes,
    /// What the metadata tell besides.
    pub(crate) key_id: Uuid,
    pub(crate) correlation_id: Uuid,
    pub(crate) traceparent: String,
}

/// One caller's endless sequence of commands: order after order, each from its beginning to its end.
pub(crate) struct Orders {
    random: Random,
    population: Population,
    tenant: TenantId,
    order: Uuid,
    done: usize,
    length: usize,
}

impl Orders {
    /// The sequence of this seed.
    pub(crate) fn new(seed: u64, population: &Population) -> Self {
        Self {
            random: Random::new(seed),
            population: population.clone(),
            tenant: TenantId(Uuid::nil()),
            order: Uuid::nil(),
            done: 0,
            length: 0,
        }
    }

    /// The next command, and its event's number in the order's stream, from 1.
    pub(crate) fn next(&mut self) -> (Command, usize) {
        if self.done == self.length {
            self.tenant = self.population.draw(&mut self.random);
            self.order = uuid(&mut self.random);
            self.length = usize::try_from(self.random.between(2, 8)).unwrap_or(2);
            self.done = 0;
        }
        let step = Step::ALL.get(self.done).copied().unwrap_or(Step::Refund);
        self.done += 1;
        (self.of(step), self.done)
    }

    /// A command of that kind for the order that is under way.
    pub(crate) fn of(&mut self, step: Step) -> Command {
        let (trace, correlation_id) = (uuid(&mut self.random), uuid(&mut self.random));
        Command {
            tenant: self.tenant,
            order: self.order,
            step,
            data: self.data(step).into(),
            key_id: self.tenant.0,
            correlation_id,
            traceparent: format!(
                "00-{}-{:016x}-01",
                trace.simple(),
                trace.as_u64_pair().0 | 1
            ),
        }
    }

    /// The first command of a new order, whatever became of the one before.
    pub(crate) fn place(&mut self) -> Command {
        self.done = self.length;
        self.next().0
    }

    fn data(&mut self, step: Step) -> String {
        let r = &mut self.random;
        match step {
            Step::Place => place(r),
            Step::ApprovePayment | Step::StartProcessing => "{}".to_owned(),
            Step::Invoice => format!(r#"{{"number":"INV-2026-{:08}"}}"#, r.between(1, 99_999_999)),
            Step::Ship => format!(
                r#"{{"carrier":"{}","trackingCode":"JJD0{:014}","shippedAt":"2026-03-{:02}T10:15:00Z"}}"#,
                r.pick(&["DHL Paket", "Hermes", "UPS Standard"])
                    .unwrap_or(&"DHL"),
                r.between(1, 99_999_999_999_999),
                r.between(1, 28)
            ),
            Step::Deliver => format!(
                r#"{{"deliveredAt":"2026-04-{:02}T16:40:00Z"}}"#,
                r.between(1, 28)
            ),
            Step::Review => format!(
                r#"{{"reviewId":"r-{:010}","score":{},"title":"As described","comment":"{}"}}"#,
                r.between(1, 9_999_999_999),
                r.between(1, 5),
                "The parcel came in time, well packed, and everything was there. The colour is a little darker than in \
                 the picture. I would order here again."
            ),
            Step::Refund => format!(
                r#"{{"amount":{},"reason":"faulty","note":"one article was damaged on the way; the customer sent a photograph and keeps it"}}"#,
                r.between(1, 300)
            ),
        }
    }
}

/// A cart of six to ten lines.
fn place(random: &mut Random) -> String {
    let lines: Vec<String> = (0..random.between(6, 10))
        .map(|_| {
            format!(
                r#"{{"productId":"SKU-{:08}","category":"{}","sellerId":"s-{:06}","quantity":{},"unitPrice":{},"freight":{}}}"#,
                random.between(1, 99_999_999),
                random.pick(&["housewares", "garden_tools", "bed_bath_table"]).unwrap_or(&"toys"),
                random.between(1, 2_516),
                random.between(1, 3),
                random.between(199, 49_999),
                random.between(0, 2_500)
            )
        })
        .collect();
    format!(
        r#"{{"customerId":"{}","reference":"R-{:010}","currency":"EUR","state":"{}","lines":[{}],"estimatedDelivery":"2026-05-{:02}T00:00:00Z"}}"#,
        uuid(random),
        random.between(1, 9_999_999_999),
        random.pick(&["BE", "BY", "HH", "NW"]).unwrap_or(&"BE"),
        lines.join(","),
        random.between(1, 28)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_commands_and_orders_live_for_two_to_eight() {
        let population = Population::new(TENANTS);
        let (mut one, mut other) = (Orders::new(7, &population), Orders::new(7, &population));
        let busiest = tenants(1);
        let (mut places, mut first) = (0, 0);
        for _ in 0..10_000 {
            let ((a, version), (b, _)) = (one.next(), other.next());
            assert_eq!((a.order, &a.data), (b.order, &b.data));
            assert_eq!(version == 1, a.step == Step::Place);
            places += usize::from(version == 1);
            first += usize::from(version == 1 && busiest.contains(&a.tenant));
        }
        assert!(
            (1_800..2_200).contains(&places),
            "five commands an order: {places}"
        );
        assert!(
            (200..400).contains(&first),
            "Zipf's first has 15 %: {first}"
        );
    }
}
