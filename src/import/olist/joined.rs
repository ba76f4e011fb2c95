//! Owns the last join: each order with its items, payments and reviews becomes lines. Must never hold more than one
//! order, and of its reviews one at a time.

use uuid::Uuid;

use super::dimension::{Child, Children};
use super::line::LineRow;
use super::row::{ItemRow, PaymentRow, ReviewId, ReviewRow, SaleRow, VisitRow};
use super::sort::{Share, Sorted, Sorter};
use super::table::Table;
use super::{Error, Report, order, split};

/// What one `order.place` takes.
pub(super) const MAX_ITEMS: usize = 500;
const MAX_PAYMENTS: usize = 100;

/// What comes of the orders.
pub(super) struct Joined {
    /// Who bought where.
    pub(super) visits: Sorter<VisitRow>,
    /// The lines of the orders.
    pub(super) lines: Sorter<LineRow>,
    /// The mapped reviews.
    pub(super) review_ids: Sorter<ReviewId>,
}

impl Joined {
    pub(super) fn new(share: &Share) -> Self {
        Self {
            visits: Sorter::new(share),
            lines: Sorter::new(share),
            review_ids: Sorter::new(share),
        }
    }

    /// Takes all orders. The items are those that `join` left.
    pub(super) fn take(
        &mut self,
        sales: &Sorted<SaleRow>,
        items: &Sorted<ItemRow>,
        payments: &Sorted<PaymentRow>,
        reviews: &Sorted<ReviewRow>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut items = Children::new(items)?;
        let mut payments = Children::new(payments)?;
        let mut reviews = Children::new(reviews)?;
        let mut sales = sales.stream()?;
        while let Some(sale) = sales.next()? {
            let items = collect(&mut items, sale.order.id, report)?;
            let payments = paid(&mut payments, sale.order.id, report)?;
            let parts = self.order(&sale, items, &payments, report)?;
            while let Some(review) = reviews.next_of(sale.order.id, report)? {
                self.review(&sale, &parts, &review, report)?;
            }
        }
        items.finish(report)?;
        payments.finish(report)?;
        reviews.finish(report)
    }

    /// The lines of one order; returns tenant and id of each part.
    fn order(
        &mut self,
        sale: &SaleRow,
        items: Vec<ItemRow>,
        payments: &[PaymentRow],
        report: &mut Report,
    ) -> Result<Vec<(Uuid, Uuid)>, Error> {
        order::quirks(&sale.order, report);
        let parts = split::parts(sale.order.id, items, payments);
        let quirks = [
            ("ordersWithSeveralSellers", parts.len() > 1),
            (
                "ordersWithoutItems",
                parts.iter().all(|part| part.items.is_empty()),
            ),
            ("orderWithoutPayment", payments.is_empty()),
        ];
        for (name, _) in quirks.into_iter().filter(|(_, is_so)| *is_so) {
            report.quirk(name);
        }
        for part in &parts {
            self.visits.push(&VisitRow {
                tenant: part.tenant,
                person: sale.person,
                at: sale.order.purchased,
                order: sale.order.id,
                address: sale.address.clone(),
            })?;
            for line in order::lines(sale, part, payments)? {
                line.emit(&mut self.lines, report)?;
            }
        }
        Ok(parts
            .into_iter()
            .map(|part| (part.tenant, part.id))
            .collect())
    }

    fn review(
        &mut self,
        sale: &SaleRow,
        parts: &[(Uuid, Uuid)],
        review: &ReviewRow,
        report: &mut Report,
    ) -> Result<(), Error> {
        report.mapped(Table::OrderReviews);
        let quirks = [
            ("reviewWithoutAnswerDate", review.answered.is_none()),
            (
                "reviewBeforePurchase",
                review
                    .answered
                    .or(review.created)
                    .is_some_and(|at| at < sale.order.purchased),
            ),
        ];
        for (name, _) in quirks.into_iter().filter(|(_, is_so)| *is_so) {
            report.quirk(name);
        }
        self.review_ids.push(&ReviewId(review.id))?;
        for part in parts {
            order::review(&sale.order, *part, review)?.emit(&mut self.lines, report)?;
        }
        Ok(())
    }
}

fn collect<T: Child>(
    rows: &mut Children<T>,
    order: Uuid,
    report: &mut Report,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    while let Some(row) = rows.next_of(order, report)? {
        found.push(row);
    }
    Ok(found)
}

/// The payments of one order; those beyond the most that it takes are reported.
fn paid(
    rows: &mut Children<PaymentRow>,
    order: Uuid,
    report: &mut Report,
) -> Result<Vec<PaymentRow>, Error> {
    let mut payments = Vec::new();
    while let Some(payment) = rows.next_of(order, report)? {
        if payments.len() == MAX_PAYMENTS {
            report.reject(
                Table::OrderPayments,
                payment.line,
                "more than 100 payments of one order",
            );
            continue;
        }
        report.mapped(Table::OrderPayments);
        if payment.amount == 0 {
            report.quirk("zeroPayments");
        }
        if payment.installments == 0 {
            report.quirk("zeroInstallments");
        }
        payments.push(payment);
    }
    Ok(payments)
}
