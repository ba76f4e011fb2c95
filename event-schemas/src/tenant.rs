//! Tenant ids and the hash that places a tenant in a partition of the log. Never talks to a database.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One customer organisation. Every event belongs to exactly one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

impl TenantId {
    /// The tenant's partition among `partitions`: the first eight bytes of SHA-256 over the id's
    /// sixteen bytes, read as a big-endian unsigned integer, modulo `partitions` (at least 1).
    ///
    /// This is part of the published contract: the SQL function `log.partition_of` and the
    /// partitions of the Kafka topics agree with it.
    pub fn partition(self, partitions: u16) -> u16 {
        let digest = Sha256::digest(self.0.as_bytes());
        let head = digest
            .iter()
            .take(8)
            .fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
        // The remainder is below `partitions`, which is a u16.
        u16::try_from(head % u64::from(partitions.max(1))).unwrap_or(0)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Uuid> for TenantId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test vector: other implementations must agree with it.
    #[test]
    fn partition_follows_the_published_vector() {
        let vector = [
            (0x0000_0000_0000_0000_0000_0000_0000_0000_u128, 5),
            (0x4869_f7a5_dfa2_77a7_dca6_462d_cf3b_52b2_u128, 1),
            (0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff_u128, 9),
        ];
        let found = vector.map(|(id, _)| (id, TenantId(Uuid::from_u128(id)).partition(16)));
        assert_eq!(found, vector);
    }
}
