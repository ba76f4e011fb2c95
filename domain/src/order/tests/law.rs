//! Laws that hold for any history and any sequence of commands.

use event_schemas::Source;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    Plain,
    given::{decide, handle, read},
};

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![0..2000_i64, Just(MAX_MINOR), 0..=MAX_MINOR]
}

fn reason() -> impl Strategy<Value = CancelReason> {
    prop_oneof![
        Just(CancelReason::CustomerRequest),
        Just(CancelReason::Unavailable),
        Just(CancelReason::Fraud),
        Just(CancelReason::Other),
    ]
}

/// Any event, in any order, with any amounts: also such as no decision would write.
fn any_event() -> impl Strategy<Value = OrderEvent> {
    prop_oneof![
        vec(
            (any::<u32>(), amount(), proptest::option::of(amount())),
            0..3
        )
        .prop_map(|lines| {
            with_lines(
                lines
                    .into_iter()
                    .map(|(quantity, price, freight)| line(quantity, price, freight))
                    .collect(),
            )
        }),
        amount().prop_map(paid),
        Just(processing()),
        Just(invoiced()),
        Just(shipped()),
        Just(delivered()),
        reason().prop_map(cancelled),
        amount().prop_map(refunded),
        proptest::option::of("[a-c]").prop_map(|id| reviewed(id.as_deref())),
    ]
}

fn any_command() -> impl Strategy<Value = OrderCommand> {
    prop_oneof![
        Just(read::<PlaceOrder>(place_body()).decision()),
        proptest::option::of(amount())
            .prop_map(|amount| read::<ApprovePayment>(json!({"amount": amount})).decision()),
        Just(read::<StartProcessing>(json!({})).decision()),
        Just(read::<InvoiceOrder>(json!({})).decision()),
        Just(read::<ShipOrder>(json!({})).decision()),
        Just(read::<DeliverOrder>(json!({})).decision()),
        reason().prop_map(|reason| read::<CancelOrder>(json!({"reason": reason})).decision()),
        (1..1500_i64).prop_map(|amount| read::<RefundOrder>(json!({"amount": amount})).decision()),
        proptest::option::of("[a-c]")
            .prop_map(|id| read::<ReviewOrder>(json!({"score": 3, "reviewId": id})).decision()),
    ]
}

/// Commands, each by import or not, in a tenant that ships before payment or not.
fn any_commands() -> impl Strategy<Value = Vec<Decide<OrderCommand>>> {
    let step =
        (any_command(), any::<bool>(), any::<bool>()).prop_map(|(command, import, early)| {
            let mut step = decide(command, if import { Source::Import } else { Source::Api });
            step.settings.ship_before_payment = early;
            step
        });
    vec(step, 0..40)
}

proptest! {
    #[test]
    fn replay_never_panics_and_a_snapshot_is_the_state(events in vec(any_event(), 0..40)) {
        let order: Order = replay(events);
        prop_assert_eq!(read::<Order>(serde_json::to_value(&order).unwrap()), order);
    }

    #[test]
    fn no_decision_panics_whatever_happened(events in vec(any_event(), 0..10), commands in any_commands()) {
        let order: Order = replay(events);
        for command in commands {
            let _ = handle(&order, command);
        }
    }

    #[test]
    fn handling_is_replaying_what_was_written(commands in any_commands()) {
        let (mut order, mut events) = (Order::default(), Vec::new());
        for command in commands {
            if let Ok((next, written)) = handle(&order, command) {
                prop_assert_eq!(written.len(), 1);
                events.extend(written);
                order = next;
            }
            prop_assert_eq!(&replay::<Order>(events.iter().cloned()), &order);
        }
    }

    #[test]
    fn without_imports_the_books_are_in_order(commands in any_commands()) {
        let mut order: Order = replay([placed()]);
        for mut command in commands {
            command.source = Source::Api;
            command.settings.ship_before_payment = false;
            if let Ok((next, written)) = handle(&order, command) {
                let json = serde_json::to_string(&written).unwrap();
                prop_assert!(!json.contains("waived"), "{json}");
                order = next;
            }
            prop_assert!(order.refunded <= order.paid && order.paid <= order.due);
            prop_assert!(!order.shipped || order.is_paid());
            prop_assert!(!order.delivered || order.shipped);
            prop_assert!(order.reviews.is_empty() || order.delivered);
        }
    }

    #[test]
    fn an_import_is_refused_for_structure_only(commands in any_commands()) {
        let mut order: Order = replay([placed()]);
        for mut command in commands {
            command.source = Source::Import;
            match handle(&order, command) {
                Ok((next, _)) => order = next,
                Err(refusal) => {
                    prop_assert!(matches!(refusal, Rejected::AlreadyPlaced | Rejected::AmountTooLarge));
                }
            }
        }
    }
}
