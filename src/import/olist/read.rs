//! Owns the first pass: every row of every file is read once and goes to a sort, or is reported. Must never join.

use std::collections::HashMap;

use zstd::zstd_safe::DCtx;

use super::field::{Bad, Form};
use super::join::Work;
use super::lead::{DealRow, LeadRow};
use super::row::{
    Address, CustomerRow, ItemRow, OrderRow, PaymentRow, ProductRow, ReviewRow, SellerRow, Status,
};
use super::sort::{Row, Sorted, Sorter};
use super::source::Source;
use super::table::Table;
use super::{Error, Phase, Report};

const MAX_CITY: usize = 128;
const MAX_STATE: usize = 64;
const MAX_POSTAL_CODE: usize = 16;
const MAX_CATEGORY: usize = 128;
const MAX_METHOD: usize = 32;
const MAX_TITLE: usize = 200;
const MAX_COMMENT: usize = 5000;
/// The greatest number that a command takes.
const MAX_COUNT: u32 = i32::MAX.unsigned_abs();
/// Rows between two calls of the progress function.
const STRIDE: u64 = 8192;

/// Every file's rows, sorted by what they are joined by.
pub(super) struct Tables {
    pub(super) customers: Sorted<CustomerRow>,
    pub(super) orders: Sorted<OrderRow>,
    pub(super) items: Sorted<ItemRow>,
    pub(super) payments: Sorted<PaymentRow>,
    pub(super) reviews: Sorted<ReviewRow>,
    pub(super) sellers: Sorted<SellerRow>,
    pub(super) products: Sorted<ProductRow>,
    pub(super) leads: Sorted<LeadRow>,
    pub(super) deals: Sorted<DealRow>,
}

/// The files, and what decompresses them one after another.
struct Input<'a> {
    files: &'a Source,
    context: DCtx<'static>,
}

/// Reads all files.
pub(super) fn all(files: &Source, work: &mut Work<'_>) -> Result<Tables, Error> {
    let source = &mut Input {
        files,
        context: DCtx::create(),
    };
    let customers = table(source, work, Table::Customers, customer)?;
    let orders = table(source, work, Table::Orders, order)?;
    let items = table(source, work, Table::OrderItems, item)?;
    let payments = table(source, work, Table::OrderPayments, payment)?;
    let reviews = table(source, work, Table::OrderReviews, review)?;
    let sellers = table(source, work, Table::Sellers, seller)?;
    let english = translations(source, work)?;
    let products = table(source, work, Table::Products, |form, report| {
        product(form, report, &english)
    })?;
    let leads = table(source, work, Table::Leads, LeadRow::parse)?;
    let deals = table(source, work, Table::ClosedDeals, DealRow::parse)?;
    each(source, work, Table::Geolocation, |_, _| Ok(()))?;
    Ok(Tables {
        customers,
        orders,
        items,
        payments,
        reviews,
        sellers,
        products,
        leads,
        deals,
    })
}

fn table<T: Row>(
    source: &mut Input<'_>,
    work: &mut Work<'_>,
    table: Table,
    mut parse: impl FnMut(&Form<'_>, &mut Report) -> Result<T, Bad>,
) -> Result<Sorted<T>, Error> {
    let mut sorter = Sorter::new(&work.share);
    each(source, work, table, |form, report| {
        match parse(form, report) {
            Ok(row) => sorter.push(&row),
            Err(Bad(reason)) => {
                report.reject(table, form.line(), &reason);
                Ok(())
            }
        }
    })?;
    sorter.finish()
}

/// Gives every whole row of a file to `take`, if there is such a file.
fn each(
    source: &mut Input<'_>,
    work: &mut Work<'_>,
    table: Table,
    mut take: impl FnMut(&Form<'_>, &mut Report) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(mut rows) = source
        .files
        .open(table, &mut source.context, &mut work.report)?
    else {
        return Ok(());
    };
    let mut count = 0_u64;
    while let Some(cells) = rows.next()? {
        work.report.row(table);
        if !cells.is_whole {
            work.report
                .reject(table, cells.line, "wrong number of columns");
        } else if let Some(reason) = table.unused() {
            work.report.reject(table, cells.line, reason);
        } else {
            take(&Form::new(&cells, table.columns()), &mut work.report)?;
        }
        count += 1;
        if count.is_multiple_of(STRIDE) {
            work.tell(Phase::Reading, source.files.bytes_read());
        }
    }
    work.tell(Phase::Reading, source.files.bytes_read());
    Ok(())
}

fn customer(form: &Form<'_>, _: &mut Report) -> Result<CustomerRow, Bad> {
    Ok(CustomerRow {
        id: form.id(0)?,
        line: form.line(),
        person: form.id(1)?,
        address: Address {
            postal_code: form.text(2, MAX_POSTAL_CODE)?,
            city: form.text(3, MAX_CITY)?,
            state: form.text(4, MAX_STATE)?,
        },
    })
}

fn order(form: &Form<'_>, _: &mut Report) -> Result<OrderRow, Bad> {
    let status = Status::of(&form.word(2, MAX_STATE)?);
    Ok(OrderRow {
        id: form.id(0)?,
        line: form.line(),
        customer: form.id(1)?,
        status: status.ok_or_else(|| Bad("order_status: unknown".to_owned()))?,
        purchased: form.time(3)?,
        approved: form.maybe_time(4)?,
        shipped: form.maybe_time(5)?,
        delivered: form.maybe_time(6)?,
        estimated: form.maybe_time(7)?,
    })
}

fn item(form: &Form<'_>, _: &mut Report) -> Result<ItemRow, Bad> {
    Ok(ItemRow {
        order: form.id(0)?,
        number: form.number(1, 1, MAX_COUNT)?,
        line: form.line(),
        product: form.id(2)?,
        seller: form.id(3)?,
        price: form.amount(4)?,
        freight: form.amount(5)?,
        category: None,
    })
}

fn payment(form: &Form<'_>, _: &mut Report) -> Result<PaymentRow, Bad> {
    Ok(PaymentRow {
        order: form.id(0)?,
        sequence: form.number(1, 0, MAX_COUNT)?,
        line: form.line(),
        method: form.word(2, MAX_METHOD)?,
        installments: form.number(3, 0, MAX_COUNT)?,
        amount: form.amount(4)?,
    })
}

fn review(form: &Form<'_>, report: &mut Report) -> Result<ReviewRow, Bad> {
    let score = form.number(2, 1, 5)?;
    let row = ReviewRow {
        id: form.id(0)?,
        order: form.id(1)?,
        line: form.line(),
        score: u8::try_from(score).unwrap_or_default(),
        title: form.text(3, MAX_TITLE)?,
        comment: form.text(4, MAX_COMMENT)?,
        created: form.maybe_time(5)?,
        answered: form.maybe_time(6)?,
    };
    if row.created.is_none() && row.answered.is_none() {
        return Err(Bad("review_answer_timestamp: missing".to_owned()));
    }
    if form.is_blank(3) || form.is_blank(4) {
        report.quirk("blankReviewText");
    }
    Ok(row)
}

fn seller(form: &Form<'_>, _: &mut Report) -> Result<SellerRow, Bad> {
    Ok(SellerRow {
        id: form.id(0)?,
        line: form.line(),
        city: form.text(1, MAX_CITY)?,
        state: form.text(2, MAX_STATE)?,
    })
}

fn product(
    form: &Form<'_>,
    report: &mut Report,
    english: &HashMap<String, String>,
) -> Result<ProductRow, Bad> {
    let id = form.id(0)?;
    let mut category = form.text(1, MAX_CATEGORY)?;
    match &mut category {
        Some(name) => match english.get(name.as_str()) {
            Some(translation) => translation.clone_into(name),
            None => report.quirk("productsWithoutTranslation"),
        },
        None => report.quirk("productsWithoutCategory"),
    }
    Ok(ProductRow {
        id,
        line: form.line(),
        category,
    })
}

/// The English names of the categories.
fn translations(
    source: &mut Input<'_>,
    work: &mut Work<'_>,
) -> Result<HashMap<String, String>, Error> {
    let table = Table::CategoryTranslation;
    let mut english = HashMap::new();
    each(source, work, table, |form, report| {
        let pair = form
            .word(0, MAX_CATEGORY)
            .and_then(|name| Ok((name, form.word(1, MAX_CATEGORY)?)));
        match pair {
            Ok((name, _)) if english.contains_key(&name) => {
                report.reject(table, form.line(), "category already seen");
            }
            Ok((name, translation)) => {
                english.insert(name, translation);
                report.mapped(table);
            }
            Err(Bad(reason)) => report.reject(table, form.line(), &reason),
        }
        Ok(())
    })?;
    Ok(english)
}
