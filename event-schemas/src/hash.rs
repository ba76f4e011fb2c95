//! The content hash of an event. The one place that computes it; never reads a clock or a database.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The version of the encoding below, the first byte of what is hashed.
const ENCODING: u8 = 1;

/// SHA-256 over a deterministic encoding of an event's content.
///
/// The encoding: the byte 1, the sixteen bytes of the event id, then event type, schema version
/// (two bytes, big-endian), metadata and payload, each of the variable parts preceded by its length in
/// bytes as four bytes, big-endian. Lengths make the encoding injective: no two contents share one.
pub fn content_hash(
    event_id: Uuid,
    event_type: &str,
    schema_version: i16,
    metadata: &[u8],
    payload: &[u8],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([ENCODING]);
    hash.update(event_id.as_bytes());
    part(&mut hash, event_type.as_bytes());
    hash.update(schema_version.to_be_bytes());
    part(&mut hash, metadata);
    part(&mut hash, payload);
    hash.finalize().into()
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    // An event is at most 512 KiB, so the length always fits.
    hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_borders_matter() {
        let id = Uuid::from_u128(1);
        let base = content_hash(id, "A", 1, b"m", b"p");
        assert_ne!(base, content_hash(Uuid::from_u128(2), "A", 1, b"m", b"p"));
        assert_ne!(base, content_hash(id, "B", 1, b"m", b"p"));
        assert_ne!(base, content_hash(id, "A", 2, b"m", b"p"));
        assert_ne!(base, content_hash(id, "A", 1, b"n", b"p"));
        assert_ne!(base, content_hash(id, "A", 1, b"m", b"q"));
        assert_ne!(base, content_hash(id, "A", 1, b"mp", b""));
    }
}
