//! The made-up year of a coffee roaster: regulars, a busy December, slow couriers, the odd cancellation and refund.

use chrono::{DateTime, Datelike, Duration, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DEMO, DEMO_NAME, random::Random};
use crate::import::olist::Line;

const CUSTOMERS: i64 = 240;
const STATES: [&str; 10] = ["SP", "SP", "SP", "RJ", "MG", "RS", "PR", "SC", "BA", "PE"];
const CITIES: [&str; 10] = [
    "São Paulo",
    "Campinas",
    "Santos",
    "Rio de Janeiro",
    "Belo Horizonte",
    "Porto Alegre",
    "Curitiba",
    "Florianópolis",
    "Salvador",
    "Recife",
];
const FIRST: [&str; 12] = [
    "Ana", "Bruno", "Carla", "Diego", "Elisa", "Fábio", "Gabriela", "Hugo", "Isabel", "João",
    "Lívia", "Marcos",
];
const LAST: [&str; 10] = [
    "Almeida", "Barbosa", "Cardoso", "Dias", "Esteves", "Ferreira", "Gomes", "Lima", "Moreira",
    "Teixeira",
];
/// Product, category, price in centavos.
const PRODUCTS: [(&str, &str, i64); 9] = [
    ("espresso-beans-1kg", "coffee", 8990),
    ("filter-beans-500g", "coffee", 4990),
    ("decaf-beans-500g", "coffee", 5490),
    ("cold-brew-pack", "coffee", 3290),
    ("ceramic-dripper", "equipment", 7900),
    ("hand-grinder", "equipment", 24900),
    ("paper-filters-100", "equipment", 2490),
    ("enamel-mug", "gifts", 3990),
    ("tasting-box", "gifts", 12900),
];
const PRAISE: [&str; 5] = [
    "Arrived fresh and fast.",
    "My new favourite roast.",
    "Lovely packaging.",
    "Good value.",
    "Tasty, but a little dark for me.",
];

struct Year {
    random: Random,
    lines: Vec<Line>,
}

/// Every line of the year that ends at `now`, in the order of time.
pub(super) fn year(now: DateTime<Utc>) -> Vec<Line> {
    let start = now - Duration::days(365);
    let mut year = Year {
        random: Random::new(42),
        lines: Vec::new(),
    };
    let named = json!({ "name": DEMO_NAME, "country": "BR", "state": "SP", "city": "São Paulo" });
    year.line(
        start - Duration::hours(1),
        "organization.register",
        DEMO,
        "organization",
        &named,
    );
    let mut known = vec![false; usize::try_from(CUSTOMERS).unwrap_or(0)];
    let mut number = 0;
    for day in 0..365 {
        let at = start + Duration::days(day);
        let busy = if at.month() == 12 {
            3
        } else {
            i64::from(at.month().is_multiple_of(6))
        };
        let growth = day / 120;
        for _ in 0..year.random.between(1 + growth, 3 + growth + busy) {
            number += 1;
            year.order(number, at, &mut known);
        }
    }
    // The log takes a tenant's history in the order of time; what happens at once keeps its order.
    year.lines.sort_by_key(|line| line.occurred_at);
    year.lines.retain(|line| line.occurred_at <= now);
    year.lines
}

fn id(kind: &str, number: i64) -> Uuid {
    Uuid::new_v5(&DEMO, format!("{kind}:{number}").as_bytes())
}

impl Year {
    fn line(
        &mut self,
        at: DateTime<Utc>,
        command: &'static str,
        id: Uuid,
        key: &str,
        data: &Value,
    ) {
        self.lines.push(Line {
            tenant: DEMO,
            command,
            id,
            occurred_at: at,
            key: key.to_owned(),
            data: data.to_string(),
        });
    }

    fn customer(&mut self, number: i64, at: DateTime<Utc>) {
        let place = usize::try_from(number).unwrap_or(0) % CITIES.len();
        let (first, last) = (
            self.random.pick(&FIRST).copied(),
            self.random.pick(&LAST).copied(),
        );
        let name = format!("{} {}", first.unwrap_or_default(), last.unwrap_or_default());
        let data = json!({
            "name": name, "email": format!("customer{number}@example.com"),
            "city": CITIES.get(place), "state": STATES.get(place), "country": "BR",
        });
        self.line(
            at,
            "customer.register",
            id("customer", number),
            &format!("customer:{number}"),
            &data,
        );
    }

    fn order(&mut self, number: i64, day: DateTime<Utc>, known: &mut [bool]) {
        // A third of the customers order most of the time.
        let customer = if self.random.chance(60) {
            self.random.between(0, CUSTOMERS / 3)
        } else {
            self.random.between(0, CUSTOMERS - 1)
        };
        let placed = day + Duration::minutes(self.random.between(8 * 60, 22 * 60));
        let seen = usize::try_from(customer)
            .ok()
            .and_then(|index| known.get_mut(index));
        if seen.is_some_and(|seen| !std::mem::replace(seen, true)) {
            self.customer(customer, day);
        }
        let (order, key) = (id("order", number), |step: &str| {
            format!("order:{number}:{step}")
        });
        let mut total = 0;
        let mut lines = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let Some((product, category, price)) = self.random.pick(&PRODUCTS).copied() else {
                continue;
            };
            let (quantity, freight) = (self.random.between(1, 2), self.random.between(990, 2490));
            total += price * quantity + freight;
            lines.push(json!({ "productId": product, "category": category, "quantity": quantity, "unitPrice": price, "freight": freight }));
        }
        let method = self
            .random
            .pick(&["pix", "pix", "credit_card", "credit_card", "boleto"])
            .copied()
            .unwrap_or("pix");
        let state = STATES.get(usize::try_from(customer).unwrap_or(0) % STATES.len());
        let data = json!({
            "customerId": id("customer", customer), "currency": "BRL", "state": state, "lines": lines,
            "payments": [{ "sequence": 1, "method": method, "installments": 1, "amount": total }],
            "estimatedDelivery": placed + Duration::days(9),
        });
        self.line(placed, "order.place", order, &key("place"), &data);
        if self.random.chance(4) {
            let at = placed + Duration::hours(self.random.between(1, 30));
            self.line(
                at,
                "order.cancel",
                order,
                &key("cancel"),
                &json!({ "reason": "customerRequest" }),
            );
            return;
        }
        self.fulfil(order, &key, placed, total);
    }

    fn fulfil(
        &mut self,
        order: Uuid,
        key: &dyn Fn(&str) -> String,
        placed: DateTime<Utc>,
        total: i64,
    ) {
        let paid = placed + Duration::minutes(self.random.between(1, 26 * 60));
        self.line(
            paid,
            "order.approvePayment",
            order,
            &key("approve"),
            &json!({}),
        );
        let shipped = paid + Duration::hours(self.random.between(6, 60));
        let carrier = self.random.pick(&["Correios", "Jadlog", "Loggi"]).copied();
        self.line(
            shipped,
            "order.ship",
            order,
            &key("ship"),
            &json!({ "carrier": carrier, "shippedAt": shipped }),
        );
        let delivered = shipped + Duration::hours(self.random.between(30, 260));
        self.line(
            delivered,
            "order.deliver",
            order,
            &key("deliver"),
            &json!({ "deliveredAt": delivered }),
        );
        if self.random.chance(55) {
            let late = delivered > placed + Duration::days(9);
            let score = if late {
                self.random.between(1, 3)
            } else {
                self.random.between(4, 5)
            };
            let comment = if self.random.chance(50) {
                self.random.pick(&PRAISE).copied().filter(|_| !late)
            } else {
                None
            };
            let at = delivered + Duration::hours(self.random.between(2, 120));
            self.line(
                at,
                "order.review",
                order,
                &key("review"),
                &json!({ "score": score, "comment": comment }),
            );
        }
        if self.random.chance(2) {
            let at = delivered + Duration::hours(self.random.between(130, 300));
            let amount = total / 2;
            self.line(
                at,
                "order.refund",
                order,
                &key("refund"),
                &json!({ "amount": amount, "reason": "faulty", "note": "damaged on the way" }),
            );
        }
    }
}
