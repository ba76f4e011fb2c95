//! Owns the plan of the import: which rows meet which, in which order. Must never look into a file or a record itself.
//!
//! Every step streams sorted rows into the next sort. The orders come first, so that whatever belongs to an order that
//! is not mapped is reported instead of counted.

use std::path::Path;

use super::customer;
use super::dimension::{Children, Dimension};
use super::joined::{Joined, MAX_ITEMS};
use super::lead;
use super::line::LineRow;
use super::read::{self, Tables};
use super::row::{
    ByCustomer, ByProduct, CustomerRow, ItemRow, OrderRow, ProductRow, ReviewId, SaleRow,
};
use super::sort::{Share, Sorted, Sorter};
use super::source::Source;
use super::table::Table;
use super::{Error, Options, Phase, Progress, Report};

/// The most sorts and merges that are at work at the same time: four streams and three sorts in `joined`, and one to
/// spare for what is not counted (the buffers of files).
const AT_WORK: usize = 8;
const LEAST_MEMORY: usize = 64 * 1024;

/// What the steps share.
pub(super) struct Work<'a> {
    pub(super) share: Share,
    pub(super) report: Report,
    total: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl Work<'_> {
    /// Tells how far the work is.
    pub(super) fn tell(&mut self, phase: Phase, bytes_read: u64) {
        (self.progress)(Progress {
            phase,
            bytes_read,
            bytes_total: self.total,
        });
    }
}

/// Makes the sorted lines, with temporary files in `folder`.
pub(super) fn run(
    options: &Options,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Sorted<LineRow>, Report), Error> {
    let mut report = Report::default();
    let source = Source::find(&options.source, &mut report)?;
    let share = Share {
        folder: folder.to_owned(),
        bytes: options.memory.max(LEAST_MEMORY) / AT_WORK,
    };
    let mut work = Work {
        share,
        report,
        total: source.bytes,
        progress,
    };
    let tables = read::all(&source, &mut work)?;

    let total = work.total;
    work.tell(Phase::Joining, total);
    let Tables {
        customers,
        orders,
        items,
        payments,
        reviews,
        sellers,
        products,
        leads,
        deals,
    } = tables;
    let orders = by_customer(&orders, &mut work)?;
    let sales = sales(&orders, &customers, &mut work)?;
    drop((orders, customers));
    work.tell(Phase::Joining, total);
    let items = by_product(&sales, &items, &mut work)?;
    let items = with_category(&items, &products, &mut work)?;
    drop(products);
    work.tell(Phase::Joining, total);

    let mut joined = Joined::new(&work.share);
    joined.take(&sales, &items, &payments, &reviews, &mut work.report)?;
    drop((sales, items, payments, reviews));
    work.tell(Phase::Joining, total);

    let Joined {
        visits,
        mut lines,
        review_ids,
    } = joined;
    count_shared(&review_ids.finish()?, &mut work.report)?;
    let first_contact = lead::capture(&leads, &deals, &mut work.report, &mut lines)?;
    drop((leads, deals));
    let visits = visits.finish()?;
    customer::register(
        &visits,
        &sellers,
        first_contact,
        options,
        &mut work.report,
        &mut lines,
    )?;
    drop(sellers);

    work.tell(Phase::Sorting, total);
    Ok((lines.finish()?, work.report))
}

/// Leaves out repeated orders.
fn by_customer(
    orders: &Sorted<OrderRow>,
    work: &mut Work<'_>,
) -> Result<Sorted<ByCustomer>, Error> {
    let mut stream = orders.stream()?;
    let mut out = Sorter::new(&work.share);
    let mut last = None;
    while let Some(order) = stream.next()? {
        if last.replace(order.id) == Some(order.id) {
            work.report
                .reject(Table::Orders, order.line, "id already seen");
        } else {
            out.push(&ByCustomer(order))?;
        }
    }
    out.finish()
}

/// Orders meet their customers.
fn sales(
    orders: &Sorted<ByCustomer>,
    customers: &Sorted<CustomerRow>,
    work: &mut Work<'_>,
) -> Result<Sorted<SaleRow>, Error> {
    let mut stream = orders.stream()?;
    let mut customers = Dimension::new(customers)?;
    let mut out = Sorter::new(&work.share);
    while let Some(ByCustomer(order)) = stream.next()? {
        if let Some(customer) = customers.find(order.customer, &mut work.report)? {
            work.report.mapped(Table::Orders);
            out.push(&SaleRow {
                person: customer.person,
                address: customer.address.clone(),
                order,
            })?;
        } else {
            work.report
                .reject(Table::Orders, order.line, "customer_id: no such customer");
        }
    }
    customers.finish(&mut work.report)?;
    out.finish()
}

/// Leaves out items of unknown orders, repeated ones, and what is too many for one order.
fn by_product(
    sales: &Sorted<SaleRow>,
    items: &Sorted<ItemRow>,
    work: &mut Work<'_>,
) -> Result<Sorted<ByProduct>, Error> {
    let mut stream = sales.stream()?;
    let mut items = Children::new(items)?;
    let mut out = Sorter::new(&work.share);
    let report = &mut work.report;
    while let Some(sale) = stream.next()? {
        let mut count = 0;
        while let Some(item) = items.next_of(sale.order.id, report)? {
            if count == MAX_ITEMS {
                report.reject(
                    Table::OrderItems,
                    item.line,
                    "more than 500 items in one order",
                );
            } else {
                count += 1;
                report.mapped(Table::OrderItems);
                out.push(&ByProduct(item))?;
            }
        }
    }
    items.finish(report)?;
    out.finish()
}

/// Items meet their products.
fn with_category(
    items: &Sorted<ByProduct>,
    products: &Sorted<ProductRow>,
    work: &mut Work<'_>,
) -> Result<Sorted<ItemRow>, Error> {
    let mut stream = items.stream()?;
    let mut products = Dimension::new(products)?;
    let mut out = Sorter::new(&work.share);
    let report = &mut work.report;
    while let Some(ByProduct(mut item)) = stream.next()? {
        match products.find(item.product, report)? {
            Some(product) => item.category.clone_from(&product.category),
            None => report.quirk("itemsOfUnknownProducts"),
        }
        out.push(&item)?;
    }
    products.finish(report)?;
    out.finish()
}

/// Counts the reviews of more than one order.
fn count_shared(ids: &Sorted<ReviewId>, report: &mut Report) -> Result<(), Error> {
    let mut stream = ids.stream()?;
    let mut last = None;
    let mut count = 0;
    while let Some(ReviewId(id)) = stream.next()? {
        count = if last.replace(id) == Some(id) {
            count + 1
        } else {
            1
        };
        // Once per id.
        if count == 2 {
            report.quirk("reviewIdsOnSeveralOrders");
        }
    }
    Ok(())
}
