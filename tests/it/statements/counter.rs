//! Counts what the driver logs that it sends, on this thread.

use std::sync::{Arc, Mutex};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// The statements so far, in short.
#[derive(Clone, Default)]
pub struct Counter(Arc<Mutex<Vec<String>>>);

impl Counter {
    /// Counts on this thread until the guards go. While there is but one subscriber, other threads decide whether an event is
    /// wanted by asking their own, which is none; so there is a second one.
    pub fn start() -> (Self, (DefaultGuard, Dispatch)) {
        let counter = Self::default();
        let other = Dispatch::new(Self::default());
        let guard = tracing::subscriber::set_default(counter.clone());
        (counter, (guard, other))
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// What was sent since there were so many.
    pub fn since(&self, before: usize) -> Vec<String> {
        self.0.lock().unwrap()[before..].to_vec()
    }
}

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut summary = Summary::default();
        event.record(&mut summary);
        self.0.lock().unwrap().push(summary.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Summary(String);

impl Visit for Summary {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "summary" {
            self.0 = format!("{value:?}");
        }
    }
}
