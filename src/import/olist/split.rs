//! Owns how an order is divided among its sellers. Must never lose or make a cent.

use uuid::Uuid;

use super::HOUSE;
use super::row::{ItemRow, PaymentRow};

/// One seller's part of an order.
#[derive(Debug)]
pub(super) struct Part {
    /// The seller, or the house.
    pub(super) tenant: Uuid,
    /// The part's own order id.
    pub(super) id: Uuid,
    pub(super) items: Vec<ItemRow>,
    /// Each payment row's share, in the order of the rows.
    pub(super) amounts: Vec<i64>,
}

/// The parts of `order`, in the order of their first items: `items` come by number. At least one.
pub(super) fn parts(order: Uuid, items: Vec<ItemRow>, payments: &[PaymentRow]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for item in items {
        match parts.iter_mut().find(|part| part.tenant == item.seller) {
            Some(part) => part.items.push(item),
            None => parts.push(Part {
                tenant: item.seller,
                id: order,
                items: vec![item],
                amounts: Vec::new(),
            }),
        }
    }
    if parts.is_empty() {
        parts.push(Part {
            tenant: HOUSE,
            id: order,
            items: Vec::new(),
            amounts: Vec::new(),
        });
    }
    if parts.len() > 1 {
        for part in &mut parts {
            part.id = Uuid::new_v5(&order, part.tenant.simple().to_string().as_bytes());
        }
    }
    let weights: Vec<i128> = parts.iter().map(weight).collect();
    for payment in payments {
        for (part, amount) in parts.iter_mut().zip(divide(payment.amount, &weights)) {
            part.amounts.push(amount);
        }
    }
    parts
}

fn weight(part: &Part) -> i128 {
    part.items
        .iter()
        .map(|item| i128::from(item.price) + i128::from(item.freight))
        .sum()
}

/// Shares of `amount` in proportion to `weights`, rounded down; the first takes what is left.
fn divide(amount: i64, weights: &[i128]) -> Vec<i64> {
    let total: i128 = weights.iter().sum();
    let share = |weight: &i128| {
        let exact = (i128::from(amount) * weight)
            .checked_div(total)
            .unwrap_or(0);
        // No share is greater than the amount.
        i64::try_from(exact).unwrap_or(amount)
    };
    let mut shares: Vec<i64> = weights.iter().map(share).collect();
    let rest = amount - shares.iter().sum::<i64>();
    if let Some(first) = shares.first_mut() {
        *first += rest;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn the_first_takes_the_odd_cents() {
        assert_eq!(divide(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(divide(1001, &[3, 1]), [751, 250]);
        assert_eq!(divide(0, &[3, 1]), [0, 0]);
        assert_eq!(divide(7, &[0, 0]), [7, 0]);
        assert_eq!(divide(7, &[0]), [7]);
        assert_eq!(
            divide(9_007_199_254_740, &[9_007_199_254_740, 9_007_199_254_740]),
            [4_503_599_627_370; 2]
        );
    }
}
