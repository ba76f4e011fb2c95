//! What an order decides: one function per command, from the state and the command to one event.

use chrono::{DateTime, Utc};
use event_schemas::{
    Moment, Personal, Text,
    money::Minor,
    number::Count,
    order::{
        OrderCancelled, OrderDelivered, OrderEvent, OrderInvoiced, OrderLine, OrderPayment,
        OrderPlaced, OrderProcessingStarted, OrderRefunded, OrderReviewed, OrderShipped,
        OrderStatus, PaymentApproved,
    },
};

use super::{
    ApprovePayment, CancelOrder, DeliverOrder, InvoiceOrder, NewLine, NewPayment, Order,
    OrderCommand, OrderRejection, PlaceOrder, RefundOrder, ReviewOrder, ShipOrder,
};
use crate::{Decide, rules::Rules};

/// What every decision but the first may know besides the order and the command itself.
struct Circumstances {
    import: bool,
    occurred_at: DateTime<Utc>,
    ship_before_payment: bool,
}

impl Circumstances {
    /// The given date; left out, a client means now and an import does not know.
    fn date(&self, given: Option<Moment>) -> Option<DateTime<Utc>> {
        given
            .map(Moment::get)
            .or_else(|| (!self.import).then_some(self.occurred_at))
    }
}

impl Order {
    /// The event that follows from the command, or why there is none.
    pub(super) fn decide(
        &self,
        decide: Decide<OrderCommand>,
    ) -> Result<OrderEvent, OrderRejection> {
        let mut rules = Rules::new(decide.is_import());
        let about = Circumstances {
            import: decide.is_import(),
            occurred_at: decide.occurred_at,
            ship_before_payment: decide.settings.ship_before_payment,
        };
        // Whether the order exists is structural: not even an import skips it.
        let Some(status) = self.status else {
            let OrderCommand::Place(command) = decide.command else {
                return Err(OrderRejection::NotFound);
            };
            return place(command, rules).map(Into::into);
        };
        let command = decide.command;
        if !matches!(
            command,
            OrderCommand::Place(_) | OrderCommand::Cancel(_) | OrderCommand::Refund(_)
        ) {
            rules.require(!status.is_cancelled(), OrderRejection::Cancelled)?;
        }
        match command {
            OrderCommand::Place(_) => Err(OrderRejection::AlreadyPlaced),
            OrderCommand::ApprovePayment(command) => self.approve(&command, rules).map(Into::into),
            OrderCommand::StartProcessing(_) => self.start(status, rules).map(Into::into),
            OrderCommand::Invoice(command) => self.invoice(command, rules).map(Into::into),
            OrderCommand::Ship(command) => self.ship(command, &about, rules).map(Into::into),
            OrderCommand::Deliver(command) => self.deliver(&command, &about, rules).map(Into::into),
            OrderCommand::Cancel(command) => self.cancel(command, status, rules).map(Into::into),
            OrderCommand::Refund(command) => self.refund(command, rules).map(Into::into),
            OrderCommand::Review(command) => self.review(command, rules).map(Into::into),
        }
    }

    fn approve(
        &self,
        command: &ApprovePayment,
        mut rules: Rules,
    ) -> Result<PaymentApproved, OrderRejection> {
        let open = self.due.saturating_sub(self.paid);
        let amount = command.amount.unwrap_or(open);
        rules.require(open > Minor::ZERO, OrderRejection::AlreadyPaid)?;
        rules.require(amount <= open, OrderRejection::PaymentExceedsDue)?;
        self.paid
            .checked_add(amount)
            .ok_or(OrderRejection::AmountTooLarge)?;
        Ok(PaymentApproved {
            amount,
            waived: rules.waived(),
        })
    }

    fn start(
        &self,
        status: OrderStatus,
        mut rules: Rules,
    ) -> Result<OrderProcessingStarted, OrderRejection> {
        rules.require(!self.delivered, OrderRejection::AlreadyDelivered)?;
        rules.require(!self.shipped, OrderRejection::AlreadyShipped)?;
        let begun = self.invoiced || status == OrderStatus::Processing;
        rules.require(!begun, OrderRejection::AlreadyProcessing)?;
        Ok(OrderProcessingStarted {
            waived: rules.waived(),
        })
    }

    fn invoice(
        &self,
        command: InvoiceOrder,
        mut rules: Rules,
    ) -> Result<OrderInvoiced, OrderRejection> {
        rules.require(!self.invoiced, OrderRejection::AlreadyInvoiced)?;
        Ok(OrderInvoiced {
            number: command.number.map(Into::into),
            waived: rules.waived(),
        })
    }

    fn ship(
        &self,
        command: ShipOrder,
        about: &Circumstances,
        mut rules: Rules,
    ) -> Result<OrderShipped, OrderRejection> {
        rules.require(!self.shipped, OrderRejection::AlreadyShipped)?;
        rules.require(!self.delivered, OrderRejection::AlreadyDelivered)?;
        rules.require(
            self.is_paid() || about.ship_before_payment,
            OrderRejection::NotPaid,
        )?;
        Ok(OrderShipped {
            carrier: command.carrier.map(Into::into),
            tracking_code: command.tracking_code.map(Into::into),
            shipped_at: about.date(command.shipped_at),
            waived: rules.waived(),
        })
    }

    fn deliver(
        &self,
        command: &DeliverOrder,
        about: &Circumstances,
        mut rules: Rules,
    ) -> Result<OrderDelivered, OrderRejection> {
        rules.require(!self.delivered, OrderRejection::AlreadyDelivered)?;
        rules.require(self.shipped, OrderRejection::NotShipped)?;
        Ok(OrderDelivered {
            delivered_at: about.date(command.delivered_at),
            waived: rules.waived(),
        })
    }

    fn cancel(
        &self,
        command: CancelOrder,
        status: OrderStatus,
        mut rules: Rules,
    ) -> Result<OrderCancelled, OrderRejection> {
        rules.require(!status.is_cancelled(), OrderRejection::AlreadyCancelled)?;
        rules.require(!self.delivered, OrderRejection::AlreadyDelivered)?;
        // A delivered order was shipped as well; one reason is enough.
        rules.require(
            !self.shipped || self.delivered,
            OrderRejection::AlreadyShipped,
        )?;
        Ok(OrderCancelled {
            reason: command.reason,
            note: command.note.map(Into::into),
            waived: rules.waived(),
        })
    }

    fn refund(
        &self,
        command: RefundOrder,
        mut rules: Rules,
    ) -> Result<OrderRefunded, OrderRejection> {
        let amount = Minor::from(command.amount);
        let left = self.paid.saturating_sub(self.refunded);
        rules.require(amount <= left, OrderRejection::RefundExceedsPaid)?;
        self.refunded
            .checked_add(amount)
            .ok_or(OrderRejection::AmountTooLarge)?;
        Ok(OrderRefunded {
            amount,
            reason: command.reason,
            note: command.note.map(Into::into),
            waived: rules.waived(),
        })
    }

    fn review(
        &self,
        command: ReviewOrder,
        mut rules: Rules,
    ) -> Result<OrderReviewed, OrderRejection> {
        rules.require(self.delivered, OrderRejection::NotDelivered)?;
        let is_another = match &command.review_id {
            Some(id) => !self.reviews.contains(id.as_str()),
            None => self.reviews.is_empty(),
        };
        rules.require(is_another, OrderRejection::AlreadyReviewed)?;
        Ok(OrderReviewed {
            review_id: command.review_id.map(Into::into),
            score: command.score.get(),
            title: command.title.map(personal),
            comment: command.comment.map(personal),
            answered_at: command.answered_at.map(Moment::get),
            waived: rules.waived(),
        })
    }
}

fn place(command: PlaceOrder, mut rules: Rules) -> Result<OrderPlaced, OrderRejection> {
    let lines: Vec<_> = command.lines.into_vec().into_iter().map(line).collect();
    let payments = command
        .payments
        .map(event_schemas::List::into_vec)
        .unwrap_or_default();
    rules.require(!lines.is_empty(), OrderRejection::WithoutLines)?;
    let placed = OrderPlaced {
        customer_id: command.customer_id,
        reference: command.reference.map(Into::into),
        currency: command.currency,
        state: command.state.map(Into::into),
        lines,
        payments: payments.into_iter().map(payment).collect(),
        estimated_delivery: command.estimated_delivery.map(Moment::get),
        waived: rules.waived(),
    };
    // Both sums must hold, whichever is due: read models show the other one too. Nothing could count
    // with a larger amount, so this is structural.
    placed.lines_total().ok_or(OrderRejection::AmountTooLarge)?;
    placed
        .payments_total()
        .ok_or(OrderRejection::AmountTooLarge)?;
    Ok(placed)
}

fn line(line: NewLine) -> OrderLine {
    OrderLine {
        product_id: line.product_id.into(),
        category: line.category.map(Into::into),
        seller_id: line.seller_id.map(Into::into),
        quantity: line.quantity.get(),
        unit_price: line.unit_price,
        freight: line.freight,
    }
}

fn payment(payment: NewPayment) -> OrderPayment {
    OrderPayment {
        sequence: payment.sequence.get(),
        method: payment.method.into(),
        installments: payment.installments.map(Count::get),
        amount: payment.amount,
    }
}

fn personal<const MIN: usize, const MAX: usize>(
    Personal(text): Personal<Text<MIN, MAX>>,
) -> Personal<String> {
    Personal(text.into())
}
