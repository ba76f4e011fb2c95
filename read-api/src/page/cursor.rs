//! Cursors: where in a list a page ends. Opaque and signed, so that they hold only for the tenant, list and ordering
//! they were given for; never a permission for anything.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use event_schemas::TenantId;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::failure::Failure;

/// Bytes of the key and the id.
const BODY: usize = 8 + 16;
/// Bytes kept of the MAC.
const MAC: usize = 16;

/// A row's place in an ordering: its key, and its id among equal keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Microseconds since 1970 for a time, else the number itself.
    pub(crate) key: i64,
    pub(crate) id: Uuid,
}

/// Signs and reads one tenant's cursors.
#[derive(Clone)]
pub(crate) struct Cursors {
    key: [u8; 32],
    tenant: TenantId,
}

impl Cursors {
    pub(crate) fn new(key: [u8; 32], tenant: TenantId) -> Self {
        Self { key, tenant }
    }

    /// The cursor of a place; `list` names the list and its ordering.
    pub(crate) fn sign(&self, list: &str, place: Place) -> Result<String, Failure> {
        let mut bytes = Vec::with_capacity(BODY + MAC);
        bytes.extend(place.key.to_be_bytes());
        bytes.extend(place.id.as_bytes());
        let proof = self.mac(list, &bytes)?.finalize().into_bytes();
        bytes.extend(proof.into_iter().take(MAC));
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The place of a cursor that was signed for this tenant and list.
    pub(crate) fn read(&self, list: &str, cursor: &str) -> Result<Place, Failure> {
        let refusal = || {
            Failure::input(
                "the cursor is not of this list in this order; pass on a cursor of an earlier page unchanged, with the \
                 same orderBy",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refusal())?;
        let (body, proof) = bytes.split_at_checked(BODY).ok_or_else(refusal)?;
        if proof.len() != MAC {
            return Err(refusal());
        }
        // Compared in constant time.
        self.mac(list, body)?
            .verify_truncated_left(proof)
            .map_err(|_| refusal())?;
        let (key, id) = body.split_at_checked(8).ok_or_else(refusal)?;
        Ok(Place {
            key: i64::from_be_bytes(key.try_into().map_err(|_| refusal())?),
            id: Uuid::from_slice(id).map_err(|_| refusal())?,
        })
    }

    fn mac(&self, list: &str, body: &[u8]) -> Result<Hmac<Sha256>, Failure> {
        // HMAC takes a key of any length.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).map_err(|error| Failure::fault(&error))?;
        mac.update(self.tenant.0.as_bytes());
        // The body has a fixed length, so that what comes before it cannot be moved into it.
        mac.update(list.as_bytes());
        mac.update(body);
        Ok(mac)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a failed unwrap is a failed test"
    )]
    use super::*;

    const PLACE: Place = Place {
        key: -5,
        id: Uuid::from_u128(7),
    };

    fn cursors(key: u8, tenant: u128) -> Cursors {
        Cursors::new([key; 32], TenantId(Uuid::from_u128(tenant)))
    }

    #[test]
    fn a_cursor_is_for_its_tenant_its_list_and_its_ordering() {
        let cursor = cursors(1, 1).sign("orders by number", PLACE).unwrap();
        assert_eq!(cursors(1, 1).read("orders by number", &cursor), Ok(PLACE));
        assert!(
            cursors(1, 1)
                .read("orders by number descending", &cursor)
                .is_err()
        );
        assert!(cursors(1, 1).read("customers by number", &cursor).is_err());
        assert!(cursors(1, 2).read("orders by number", &cursor).is_err());
        assert!(cursors(2, 1).read("orders by number", &cursor).is_err());
    }

    #[test]
    fn no_changed_cursor_is_accepted() {
        let cursors = cursors(1, 1);
        let cursor = cursors.sign("orders", PLACE).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for (index, _) in bytes.iter().enumerate() {
            let mut forged = bytes.clone();
            forged[index] ^= 1;
            assert!(
                cursors
                    .read("orders", &URL_SAFE_NO_PAD.encode(&forged))
                    .is_err(),
                "byte {index}"
            );
            assert!(
                cursors
                    .read("orders", &URL_SAFE_NO_PAD.encode(&bytes[..index]))
                    .is_err(),
                "first {index}"
            );
        }
        for forged in ["", "x", "AAAA", "ü", &format!("{cursor}AA")] {
            assert!(cursors.read("orders", forged).is_err(), "{forged}");
        }
    }
}
