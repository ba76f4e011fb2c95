//! Owns the two shapes of a merge join: a dimension that is asked by ascending id, and the children of ascending
//! orders. Both account for every row of theirs. Must never seek back.

use uuid::Uuid;

use super::row::{CustomerRow, ItemRow, PaymentRow, ProductRow, ReviewRow, SellerRow};
use super::sort::{Row, Sorted, Stream};
use super::table::Table;
use super::{Error, Report};

/// A row that others refer to.
pub(super) trait Keyed: Row {
    const TABLE: Table;
    /// What is said of a row to which nothing mapped refers.
    const UNUSED: &'static str;
    /// The row's id and its line in the source.
    fn key(&self) -> (Uuid, u64);
}

impl Keyed for CustomerRow {
    const TABLE: Table = Table::Customers;
    const UNUSED: &'static str = "customer without an order";

    fn key(&self) -> (Uuid, u64) {
        (self.id, self.line)
    }
}

impl Keyed for ProductRow {
    const TABLE: Table = Table::Products;
    const UNUSED: &'static str = "product never sold";

    fn key(&self) -> (Uuid, u64) {
        (self.id, self.line)
    }
}

impl Keyed for SellerRow {
    const TABLE: Table = Table::Sellers;
    const UNUSED: &'static str = "seller without items";

    fn key(&self) -> (Uuid, u64) {
        (self.id, self.line)
    }
}

/// A table that is asked for ids, in ascending order.
pub(super) struct Dimension<T> {
    stream: Stream<T>,
    current: Option<T>,
    used: bool,
}

impl<T: Keyed> Dimension<T> {
    pub(super) fn new(sorted: &Sorted<T>) -> Result<Self, Error> {
        let mut stream = sorted.stream()?;
        Ok(Self {
            current: stream.next()?,
            stream,
            used: false,
        })
    }

    /// The row of `id`, which is not less than the last one asked for.
    pub(super) fn find(&mut self, id: Uuid, report: &mut Report) -> Result<Option<&T>, Error> {
        while self.current.as_ref().is_some_and(|row| row.key().0 < id) {
            self.advance(report)?;
        }
        let found = self.current.as_ref().filter(|row| row.key().0 == id);
        self.used |= found.is_some();
        Ok(found)
    }

    /// Accounts for the rows that nobody asked for.
    pub(super) fn finish(mut self, report: &mut Report) -> Result<(), Error> {
        while self.current.is_some() {
            self.advance(report)?;
        }
        Ok(())
    }

    fn advance(&mut self, report: &mut Report) -> Result<(), Error> {
        let Some(row) = self.current.take() else {
            return Ok(());
        };
        let (id, line) = row.key();
        if self.used {
            report.mapped(T::TABLE);
        } else {
            report.reject(T::TABLE, line, T::UNUSED);
        }
        self.used = false;
        self.current = self.stream.next()?;
        while let Some((_, line)) = self
            .current
            .as_ref()
            .map(Keyed::key)
            .filter(|next| next.0 == id)
        {
            report.reject(T::TABLE, line, "id already seen");
            self.current = self.stream.next()?;
        }
        Ok(())
    }
}

/// A row that belongs to an order.
pub(super) trait Child: Row {
    const TABLE: Table;
    /// The order, what tells the row from the order's others, and the line in the source.
    fn key(&self) -> (Uuid, u128, u64);
}

impl Child for ItemRow {
    const TABLE: Table = Table::OrderItems;

    fn key(&self) -> (Uuid, u128, u64) {
        (self.order, self.number.into(), self.line)
    }
}

impl Child for PaymentRow {
    const TABLE: Table = Table::OrderPayments;

    fn key(&self) -> (Uuid, u128, u64) {
        (self.order, self.sequence.into(), self.line)
    }
}

impl Child for ReviewRow {
    const TABLE: Table = Table::OrderReviews;

    fn key(&self) -> (Uuid, u128, u64) {
        (self.order, self.id.as_u128(), self.line)
    }
}

/// A table whose rows are asked for order by order, in ascending order of the orders.
pub(super) struct Children<T> {
    stream: Stream<T>,
    current: Option<T>,
    last: Option<(Uuid, u128)>,
}

impl<T: Child> Children<T> {
    pub(super) fn new(sorted: &Sorted<T>) -> Result<Self, Error> {
        let mut stream = sorted.stream()?;
        Ok(Self {
            current: stream.next()?,
            stream,
            last: None,
        })
    }

    /// The next row of `order`, or nothing if there is no more. Rows of orders that were not asked for are reported, and
    /// so are repeated ones.
    pub(super) fn next_of(&mut self, order: Uuid, report: &mut Report) -> Result<Option<T>, Error> {
        while let Some((of, number, line)) = self.current.as_ref().map(Child::key) {
            if of > order {
                break;
            }
            let row = self.current.take();
            self.current = self.stream.next()?;
            let is_repeated = self.last.replace((of, number)) == Some((of, number));
            if of < order {
                report.reject(T::TABLE, line, "order not mapped");
            } else if is_repeated {
                report.reject(T::TABLE, line, "already seen in this order");
            } else {
                return Ok(row);
            }
        }
        Ok(None)
    }

    /// Accounts for the rows of orders beyond the last one asked for.
    pub(super) fn finish(self, report: &mut Report) -> Result<(), Error> {
        let Self {
            mut stream,
            mut current,
            ..
        } = self;
        while let Some(row) = current {
            report.reject(T::TABLE, row.key().2, "order not mapped");
            current = stream.next()?;
        }
        Ok(())
    }
}
