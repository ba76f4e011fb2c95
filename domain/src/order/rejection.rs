//! Why an order refuses. Owns the codes, which are part of the API, and the words, which are not.

use crate::Rejection;

/// A state of the world in which an order cannot do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OrderRejection {
    /// Nothing was placed under that id.
    #[error("there is no order with this id; place it first")]
    NotFound,
    /// It was placed before.
    #[error("this order was already placed; use another id for a new one")]
    AlreadyPlaced,
    /// Nothing is ordered.
    #[error("an order needs at least one line")]
    WithoutLines,
    /// A sum is beyond what the system can hold.
    #[error("the amounts add up to more than 9,007,199,254,740,991 minor units; split the order")]
    AmountTooLarge,
    /// It was called off.
    #[error("this order was cancelled; only refunds are possible now")]
    Cancelled,
    /// It was called off before.
    #[error("this order was already cancelled")]
    AlreadyCancelled,
    /// Nothing is due any more.
    #[error("nothing is due on this order; it is already paid")]
    AlreadyPaid,
    /// More than is due.
    #[error("the payment is more than what is still due on this order")]
    PaymentExceedsDue,
    /// The shop is past that step.
    #[error("this order is already being processed")]
    AlreadyProcessing,
    /// The invoice exists.
    #[error("this order already has an invoice")]
    AlreadyInvoiced,
    /// Something is still due.
    #[error(
        "this order is not paid yet; approve the payment first or allow shipping before payment in the settings"
    )]
    NotPaid,
    /// The goods are on their way.
    #[error("this order was already shipped")]
    AlreadyShipped,
    /// The goods are still here.
    #[error("this order was not shipped yet")]
    NotShipped,
    /// The goods arrived.
    #[error("this order was already delivered")]
    AlreadyDelivered,
    /// The goods have not arrived.
    #[error("this order was not delivered yet; a review comes after the delivery")]
    NotDelivered,
    /// More than what is left of the payments.
    #[error("the refund is more than what was paid and not refunded yet")]
    RefundExceedsPaid,
    /// The opinion is known.
    #[error("this order was already reviewed; another review needs its own review id")]
    AlreadyReviewed,
}

impl Rejection for OrderRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "order-not-found",
            Self::AlreadyPlaced => "order-already-placed",
            Self::WithoutLines => "order-without-lines",
            Self::AmountTooLarge => "amount-too-large",
            Self::Cancelled => "order-cancelled",
            Self::AlreadyCancelled => "order-already-cancelled",
            Self::AlreadyPaid => "order-already-paid",
            Self::PaymentExceedsDue => "payment-exceeds-due",
            Self::AlreadyProcessing => "order-already-processing",
            Self::AlreadyInvoiced => "order-already-invoiced",
            Self::NotPaid => "order-not-paid",
            Self::AlreadyShipped => "order-already-shipped",
            Self::NotShipped => "order-not-shipped",
            Self::AlreadyDelivered => "order-already-delivered",
            Self::NotDelivered => "order-not-delivered",
            Self::RefundExceedsPaid => "refund-exceeds-paid",
            Self::AlreadyReviewed => "order-already-reviewed",
        }
    }
}
