//! The sums of an order, with checked arithmetic: `None` where a sum exceeds
//! [`MAX_MINOR`](crate::money::MAX_MINOR). Never rounds.

use super::{OrderLine, OrderPayment, OrderPlaced};
use crate::money::Minor;

impl OrderLine {
    /// Quantity times unit price, without freight.
    pub fn goods(&self) -> Option<Minor> {
        self.unit_price.checked_mul(self.quantity)
    }

    /// Goods and freight.
    pub fn total(&self) -> Option<Minor> {
        self.goods()?.checked_add(self.freight.unwrap_or_default())
    }
}

impl OrderPlaced {
    /// Goods and freight of all lines.
    pub fn lines_total(&self) -> Option<Minor> {
        sum(self.lines.iter().map(OrderLine::total))
    }

    /// The goods of all lines, without freight.
    pub fn goods_total(&self) -> Option<Minor> {
        sum(self.lines.iter().map(OrderLine::goods))
    }

    /// The freight of all lines.
    pub fn freight_total(&self) -> Option<Minor> {
        sum(self
            .lines
            .iter()
            .map(|line| Some(line.freight.unwrap_or_default())))
    }

    /// All payments.
    pub fn payments_total(&self) -> Option<Minor> {
        sum(self
            .payments
            .iter()
            .map(|payment: &OrderPayment| Some(payment.amount)))
    }

    /// What is due: the payments where some are given, else the lines.
    pub fn due(&self) -> Option<Minor> {
        if self.payments.is_empty() {
            self.lines_total()
        } else {
            self.payments_total()
        }
    }
}

fn sum(mut amounts: impl Iterator<Item = Option<Minor>>) -> Option<Minor> {
    amounts.try_fold(Minor::ZERO, |total, amount| total.checked_add(amount?))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::money::{Currency, MAX_MINOR};

    fn minor(amount: i64) -> Minor {
        Minor::try_new(amount).unwrap_or_default()
    }

    fn line(quantity: u32, unit_price: i64, freight: Option<i64>) -> OrderLine {
        let (unit_price, freight) = (minor(unit_price), freight.map(minor));
        OrderLine {
            product_id: "p".into(),
            category: None,
            seller_id: None,
            quantity,
            unit_price,
            freight,
        }
    }

    fn placed(lines: Vec<OrderLine>, payments: &[i64]) -> OrderPlaced {
        let payments = payments
            .iter()
            .zip(1..)
            .map(|(amount, sequence)| OrderPayment {
                sequence,
                method: "voucher".into(),
                installments: None,
                amount: minor(*amount),
            })
            .collect();
        OrderPlaced {
            customer_id: Uuid::nil(),
            reference: None,
            currency: Currency::default(),
            state: None,
            lines,
            payments,
            estimated_delivery: None,
            waived: vec![],
        }
    }

    #[test]
    fn payments_come_before_lines() {
        let lines = vec![line(3, 100, Some(25)), line(1, 50, None)];
        assert_eq!(placed(lines.clone(), &[]).due(), Some(minor(375)));
        assert_eq!(placed(lines.clone(), &[300, 70]).due(), Some(minor(370)));
        assert_eq!(placed(lines, &[]).freight_total(), Some(minor(25)));
    }

    #[test]
    fn a_sum_beyond_the_largest_amount_is_none() {
        assert_eq!(line(2, MAX_MINOR, None).total(), None);
        assert_eq!(line(u32::MAX, MAX_MINOR, Some(MAX_MINOR)).total(), None);
        assert_eq!(line(1, MAX_MINOR, Some(1)).total(), None);
        assert_eq!(
            placed(vec![line(1, MAX_MINOR, None), line(1, 1, None)], &[]).due(),
            None
        );
        assert_eq!(placed(vec![], &[MAX_MINOR, 1]).due(), None);
    }
}
