//! The columns of a batch's events, as both append functions take them. Owns the translation from commands to arrays,
//! borrowing what it can.

use uuid::Uuid;

use super::{Append, NewEvent};

/// One array per column, one element per event.
#[derive(Default)]
pub(super) struct Events<'a> {
    pub(super) partition: Vec<i16>,
    pub(super) tenant: Vec<Uuid>,
    pub(super) stream: Vec<&'a str>,
    pub(super) id: Vec<Uuid>,
    pub(super) kind: Vec<&'a str>,
    pub(super) schema: Vec<i16>,
    pub(super) payload: Vec<&'a [u8]>,
    pub(super) content: Vec<i16>,
    pub(super) metadata: Vec<&'a [u8]>,
    pub(super) hash: Vec<[u8; 32]>,
}

impl<'a> Events<'a> {
    pub(super) fn push(
        &mut self,
        append: &'a Append,
        partition: u16,
        stream: &'a str,
        event: &'a NewEvent,
    ) {
        self.partition.push(narrow(partition));
        self.tenant.push(append.tenant.0);
        self.stream.push(stream);
        self.id.push(event.event_id);
        self.kind.push(&event.event_type);
        self.schema.push(event.schema_version);
        self.payload.push(&event.payload);
        self.content.push(Append::CONTENT_TYPE);
        self.metadata.push(&append.metadata);
        self.hash.push(append.hash(event));
    }

    /// The hashes as the driver takes them.
    pub(super) fn hashes(&self) -> Vec<&[u8]> {
        self.hash.iter().map(<[u8; 32]>::as_slice).collect()
    }
}

/// A partition's number as the database has it: there are at most 1,024.
pub(super) fn narrow(partition: u16) -> i16 {
    i16::try_from(partition).unwrap_or(i16::MAX)
}

/// A count that a batch's limits keep small.
pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
