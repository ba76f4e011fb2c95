//! Owns the rows of the source as they travel between two sorts. Must never hold a field that no command needs.
//!
//! `line` is the line in the source file, which makes equal keys come in the order of the file.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Error;
use super::codec::{Fields, Record};
use super::sort::Row;

/// The statuses of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Created,
    Approved,
    Processing,
    Invoiced,
    Shipped,
    Delivered,
    Canceled,
    Unavailable,
}

impl Status {
    const ALL: [Self; 8] = [
        Self::Created,
        Self::Approved,
        Self::Processing,
        Self::Invoiced,
        Self::Shipped,
        Self::Delivered,
        Self::Canceled,
        Self::Unavailable,
    ];

    /// The source's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Approved => "approved",
            Self::Processing => "processing",
            Self::Invoiced => "invoiced",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Canceled => "canceled",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status of that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the order ended without a delivery: whatever happened before stays true.
    pub(super) fn is_cancelled(self) -> bool {
        matches!(self, Self::Canceled | Self::Unavailable)
    }
}

/// Where a customer lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) postal_code: Option<String>,
    pub(super) city: Option<String>,
    pub(super) state: Option<String>,
}

impl Address {
    fn write(&self, record: &mut Record) {
        for text in [&self.postal_code, &self.city, &self.state] {
            record.maybe(text.as_deref(), Record::text);
        }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            postal_code: fields.maybe(Fields::text)?,
            city: fields.maybe(Fields::text)?,
            state: fields.maybe(Fields::text)?,
        })
    }
}

/// A row of `customers`: one per order, though a person may have several.
#[derive(Clone, Debug)]
pub(super) struct CustomerRow {
    pub(super) id: Uuid,
    pub(super) line: u64,
    pub(super) person: Uuid,
    pub(super) address: Address,
}

impl Row for CustomerRow {
    fn write(&self, record: &mut Record) {
        self.address
            .write(record.uuid(self.id).number(self.line).uuid(self.person));
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: fields.uuid()?,
            line: fields.number()?,
            person: fields.uuid()?,
            address: Address::read(fields)?,
        })
    }
}

/// A row of `orders`, by order.
#[derive(Clone, Debug)]
pub(super) struct OrderRow {
    pub(super) id: Uuid,
    pub(super) line: u64,
    pub(super) customer: Uuid,
    pub(super) status: Status,
    pub(super) purchased: DateTime<Utc>,
    pub(super) approved: Option<DateTime<Utc>>,
    pub(super) shipped: Option<DateTime<Utc>>,
    pub(super) delivered: Option<DateTime<Utc>>,
    pub(super) estimated: Option<DateTime<Utc>>,
}

impl Row for OrderRow {
    fn write(&self, record: &mut Record) {
        record
            .uuid(self.id)
            .number(self.line)
            .uuid(self.customer)
            .text(self.status.name())
            .time(self.purchased);
        for time in [self.approved, self.shipped, self.delivered, self.estimated] {
            record.maybe(time, Record::time);
        }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: fields.uuid()?,
            line: fields.number()?,
            customer: fields.uuid()?,
            status: Status::of(&fields.text()?).ok_or(Error::Damaged)?,
            purchased: fields.time()?,
            approved: fields.maybe(Fields::time)?,
            shipped: fields.maybe(Fields::time)?,
            delivered: fields.maybe(Fields::time)?,
            estimated: fields.maybe(Fields::time)?,
        })
    }
}

/// An order by its `customer_id`, to meet the row of `customers`.
#[derive(Debug)]
pub(super) struct ByCustomer(pub(super) OrderRow);

impl Row for ByCustomer {
    fn write(&self, record: &mut Record) {
        self.0.write(record.uuid(self.0.customer));
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        fields.uuid()?;
        OrderRow::read(fields).map(Self)
    }
}

/// An order and who bought it, by order.
#[derive(Clone, Debug)]
pub(super) struct SaleRow {
    pub(super) order: OrderRow,
    pub(super) person: Uuid,
    pub(super) address: Address,
}

impl Row for SaleRow {
    fn write(&self, record: &mut Record) {
        self.order.write(record);
        self.address.write(record.uuid(self.person));
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            order: OrderRow::read(fields)?,
            person: fields.uuid()?,
            address: Address::read(fields)?,
        })
    }
}

/// A row of `order_items`, by order and number; `category` is known once it met its product.
#[derive(Clone, Debug)]
pub(super) struct ItemRow {
    pub(super) order: Uuid,
    pub(super) number: u32,
    pub(super) line: u64,
    pub(super) product: Uuid,
    pub(super) seller: Uuid,
    pub(super) price: i64,
    pub(super) freight: i64,
    pub(super) category: Option<String>,
}

impl Row for ItemRow {
    fn write(&self, record: &mut Record) {
        record
            .uuid(self.order)
            .small(self.number)
            .number(self.line)
            .uuid(self.product)
            .uuid(self.seller);
        record
            .amount(self.price)
            .amount(self.freight)
            .maybe(self.category.as_deref(), Record::text);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            order: fields.uuid()?,
            number: fields.small()?,
            line: fields.number()?,
            product: fields.uuid()?,
            seller: fields.uuid()?,
            price: fields.amount()?,
            freight: fields.amount()?,
            category: fields.maybe(Fields::text)?,
        })
    }
}

/// An item by its product, to meet the row of `products`.
#[derive(Debug)]
pub(super) struct ByProduct(pub(super) ItemRow);

impl Row for ByProduct {
    fn write(&self, record: &mut Record) {
        self.0.write(record.uuid(self.0.product));
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        fields.uuid()?;
        ItemRow::read(fields).map(Self)
    }
}

/// A row of `order_payments`, by order and sequence.
#[derive(Clone, Debug)]
pub(super) struct PaymentRow {
    pub(super) order: Uuid,
    pub(super) sequence: u32,
    pub(super) line: u64,
    pub(super) method: String,
    pub(super) installments: u32,
    pub(super) amount: i64,
}

impl Row for PaymentRow {
    fn write(&self, record: &mut Record) {
        record
            .uuid(self.order)
            .small(self.sequence)
            .number(self.line)
            .small(self.installments);
        record.amount(self.amount).text(&self.method);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            order: fields.uuid()?,
            sequence: fields.small()?,
            line: fields.number()?,
            installments: fields.small()?,
            amount: fields.amount()?,
            method: fields.text()?,
        })
    }
}

/// A row of `order_reviews`, by order and review.
#[derive(Clone, Debug)]
pub(super) struct ReviewRow {
    pub(super) order: Uuid,
    pub(super) id: Uuid,
    pub(super) line: u64,
    pub(super) score: u8,
    pub(super) title: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) answered: Option<DateTime<Utc>>,
}

impl Row for ReviewRow {
    fn write(&self, record: &mut Record) {
        record
            .uuid(self.order)
            .uuid(self.id)
            .number(self.line)
            .byte(self.score);
        record
            .maybe(self.title.as_deref(), Record::text)
            .maybe(self.comment.as_deref(), Record::text);
        record
            .maybe(self.created, Record::time)
            .maybe(self.answered, Record::time);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            order: fields.uuid()?,
            id: fields.uuid()?,
            line: fields.number()?,
            score: fields.byte()?,
            title: fields.maybe(Fields::text)?,
            comment: fields.maybe(Fields::text)?,
            created: fields.maybe(Fields::time)?,
            answered: fields.maybe(Fields::time)?,
        })
    }
}

/// The id of a mapped review, by review: to find those of several orders.
#[derive(Debug)]
pub(super) struct ReviewId(pub(super) Uuid);

impl Row for ReviewId {
    fn write(&self, record: &mut Record) {
        record.uuid(self.0);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        fields.uuid().map(Self)
    }
}

/// A row of `products`.
#[derive(Clone, Debug)]
pub(super) struct ProductRow {
    pub(super) id: Uuid,
    pub(super) line: u64,
    pub(super) category: Option<String>,
}

impl Row for ProductRow {
    fn write(&self, record: &mut Record) {
        record
            .uuid(self.id)
            .number(self.line)
            .maybe(self.category.as_deref(), Record::text);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: fields.uuid()?,
            line: fields.number()?,
            category: fields.maybe(Fields::text)?,
        })
    }
}

/// A row of `sellers`.
#[derive(Clone, Debug)]
pub(super) struct SellerRow {
    pub(super) id: Uuid,
    pub(super) line: u64,
    pub(super) city: Option<String>,
    pub(super) state: Option<String>,
}

impl Row for SellerRow {
    fn write(&self, record: &mut Record) {
        record.uuid(self.id).number(self.line);
        record
            .maybe(self.city.as_deref(), Record::text)
            .maybe(self.state.as_deref(), Record::text);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: fields.uuid()?,
            line: fields.number()?,
            city: fields.maybe(Fields::text)?,
            state: fields.maybe(Fields::text)?,
        })
    }
}

/// A customer's order at a tenant, by tenant, person and time.
#[derive(Clone, Debug)]
pub(super) struct VisitRow {
    pub(super) tenant: Uuid,
    pub(super) person: Uuid,
    pub(super) at: DateTime<Utc>,
    pub(super) order: Uuid,
    pub(super) address: Address,
}

impl Row for VisitRow {
    fn write(&self, record: &mut Record) {
        self.address.write(
            record
                .uuid(self.tenant)
                .uuid(self.person)
                .time(self.at)
                .uuid(self.order),
        );
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            tenant: fields.uuid()?,
            person: fields.uuid()?,
            at: fields.time()?,
            order: fields.uuid()?,
            address: Address::read(fields)?,
        })
    }
}
