//! A projection under another revision, so that it is built anew beside the one that serves.

use event_schemas::RecordedEvent;
use projections::{ApplyError, Known, Projection, policy::Effects};
use sqlx::PgConnection;

/// The same tables and the same fold, under another number.
pub(crate) struct Revision<P> {
    projection: P,
    number: u32,
}

impl<P> Revision<P> {
    pub(crate) fn new(projection: P, number: u32) -> Self {
        Self { projection, number }
    }
}

#[async_trait::async_trait]
impl<P: Projection> Projection for Revision<P> {
    fn name(&self) -> &'static str {
        self.projection.name()
    }
    fn fold(&self) -> u32 {
        self.number
    }
    fn ddl(&self) -> &'static str {
        self.projection.ddl()
    }
    fn known(&self) -> &'static [Known] {
        self.projection.known()
    }
    fn reads_others(&self) -> bool {
        self.projection.reads_others()
    }
    fn needs_metadata(&self) -> bool {
        self.projection.needs_metadata()
    }
    fn wants(&self, event_type: &str) -> bool {
        self.projection.wants(event_type)
    }
    async fn apply(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<(), ApplyError> {
        self.projection.apply(events, connection).await
    }
    fn is_policy(&self) -> bool {
        self.projection.is_policy()
    }
    async fn react(
        &self,
        events: &[&RecordedEvent],
        connection: &mut PgConnection,
    ) -> Result<Effects, ApplyError> {
        self.projection.react(events, connection).await
    }
}
