//! Owns the command lines: their kinds, their order and their idempotency keys. Must never decide when a command is due.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::codec::{Fields, Record};
use super::sort::{Row, Sorter};
use super::{Error, Line, Report};

/// The kinds of lines, in the order in which lines of the same time come: what must be there first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    RegisterOrganization,
    DefineRevenue,
    RegisterCustomer,
    ChangeContact,
    Place,
    ApprovePayment,
    StartProcessing,
    Invoice,
    Ship,
    Deliver,
    Cancel,
    Review,
    CaptureLead,
    WinLead,
}

impl Kind {
    const ALL: [Self; 14] = [
        Self::RegisterOrganization,
        Self::DefineRevenue,
        Self::RegisterCustomer,
        Self::ChangeContact,
        Self::Place,
        Self::ApprovePayment,
        Self::StartProcessing,
        Self::Invoice,
        Self::Ship,
        Self::Deliver,
        Self::Cancel,
        Self::Review,
        Self::CaptureLead,
        Self::WinLead,
    ];

    /// Context and command.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::RegisterOrganization => "organization.register",
            Self::DefineRevenue => "metric.define",
            Self::RegisterCustomer => "customer.register",
            Self::ChangeContact => "customer.changeContact",
            Self::Place => "order.place",
            Self::ApprovePayment => "order.approvePayment",
            Self::StartProcessing => "order.startProcessing",
            Self::Invoice => "order.invoice",
            Self::Ship => "order.ship",
            Self::Deliver => "order.deliver",
            Self::Cancel => "order.cancel",
            Self::Review => "order.review",
            Self::CaptureLead => "lead.capture",
            Self::WinLead => "lead.win",
        }
    }

    fn of(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }
}

/// A command line, by tenant, time, kind, aggregate and origin.
#[derive(Debug)]
pub(super) struct LineRow {
    pub(super) tenant: Uuid,
    pub(super) at: DateTime<Utc>,
    pub(super) kind: Kind,
    pub(super) id: Uuid,
    /// The source's id of what the line comes from: the review of a review, the lead of a lead, the order of the rest. With the kind, the
    /// aggregate and the tenant it is unique.
    pub(super) origin: Uuid,
    /// The source's order, where there is one: not the aggregate's id if the order has several sellers.
    pub(super) order: Uuid,
    /// The command's fields as JSON.
    pub(super) data: String,
}

impl Row for LineRow {
    fn write(&self, record: &mut Record) {
        record.uuid(self.tenant).time(self.at).byte(self.kind as u8);
        record
            .uuid(self.id)
            .uuid(self.origin)
            .uuid(self.order)
            .text(&self.data);
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            tenant: fields.uuid()?,
            at: fields.time()?,
            kind: Kind::of(fields.byte()?).ok_or(Error::Damaged)?,
            id: fields.uuid()?,
            origin: fields.uuid()?,
            order: fields.uuid()?,
            data: fields.text()?,
        })
    }
}

impl LineRow {
    /// Counts the line, and puts it among the others.
    pub(super) fn emit(&self, lines: &mut Sorter<Self>, report: &mut Report) -> Result<(), Error> {
        report.command(self.kind.command());
        lines.push(self)
    }

    /// The line as the bulk executor takes it.
    pub(super) fn into_line(self) -> Line {
        Line {
            tenant: self.tenant,
            command: self.kind.command(),
            id: self.id,
            occurred_at: self.at,
            key: self.key(),
            data: self.data,
        }
    }

    fn key(&self) -> String {
        let (id, origin, order) = (self.id.simple(), self.origin.simple(), self.order.simple());
        let command = self.kind.command().rsplit('.').next().unwrap_or_default();
        match self.kind {
            Kind::RegisterOrganization => format!("seller:{id}:{command}"),
            Kind::DefineRevenue => format!("seller:{order}:{command}:revenue"),
            Kind::RegisterCustomer => format!("customer:{id}:{command}"),
            Kind::ChangeContact => format!("customer:{id}:{command}:{order}"),
            Kind::Review => format!("review:{origin}:{command}:{order}"),
            Kind::CaptureLead | Kind::WinLead => format!("lead:{id}:{command}"),
            Kind::Place
            | Kind::ApprovePayment
            | Kind::StartProcessing
            | Kind::Invoice
            | Kind::Ship
            | Kind::Deliver
            | Kind::Cancel => format!("order:{order}:{command}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_are_stored_by_their_place() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind as u8), Some(kind));
        }
    }
}
