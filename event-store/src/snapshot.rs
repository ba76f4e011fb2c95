//! Keeps snapshots: states that spare a load the reading of a stream's first events. Never reads one; that is the load's.

use event_schemas::{StreamId, TenantId};

use crate::{Error, Store};

/// A state to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSnapshot {
    /// Whose stream.
    pub tenant: TenantId,
    /// The stream.
    pub stream: StreamId,
    /// The version of the last event in the state; that event must be in the log.
    pub version: i32,
    /// The state's bytes.
    pub state: Vec<u8>,
    /// The hash of what the state looks like; a load that asks for another one does not get it.
    pub schema: [u8; 32],
}

impl Store {
    /// Keeps the newest snapshot of each stream; older ones change nothing.
    pub async fn save_snapshots(&self, snapshots: &[NewSnapshot]) -> Result<(), Error> {
        let tenants: Vec<_> = snapshots.iter().map(|s| s.tenant.0).collect();
        let streams: Vec<_> = snapshots.iter().map(|s| s.stream.as_str()).collect();
        let versions: Vec<_> = snapshots.iter().map(|s| s.version).collect();
        let states: Vec<&[u8]> = snapshots.iter().map(|s| s.state.as_slice()).collect();
        let schemas: Vec<&[u8]> = snapshots.iter().map(|s| s.schema.as_slice()).collect();
        sqlx::query!(
            "select log.save_snapshots($1, $2, $3, $4, $5)",
            &tenants,
            &streams as &[&str],
            &versions,
            &states as &[&[u8]],
            &schemas as &[&[u8]],
        )
        .execute(self.append_pool())
        .await
        .map_err(Error::Unavailable)?;
        Ok(())
    }
}
