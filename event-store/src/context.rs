//! The signed tenant context and the roles' passwords, both derived from the installation's secret. Never stores
//! or prints either.

use event_schemas::TenantId;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The secret of an installation, from which everything else is derived.
#[derive(Clone)]
pub(crate) struct Secret(SecretString);

impl Secret {
    pub(crate) fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes()) else {
            return [0; 32];
        };
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The password of a login role.
    pub(crate) fn password(&self, role: &str) -> String {
        hex::encode(self.derive(&format!("daybook role {role}")))
    }

    /// A key for anything else that must be signed, one per purpose.
    pub(crate) fn key(&self, purpose: &str) -> [u8; 32] {
        self.derive(&format!("daybook key {purpose}"))
    }

    /// The key that signs tenant contexts, see `log.current_tenant()`.
    pub(crate) fn context_key(&self) -> [u8; 32] {
        self.derive("daybook tenant context")
    }
}

/// Signs tenant contexts: SHA-256(key ‖ SHA-256(key ‖ tenant)), which no extension of a known one can forge.
#[derive(Clone)]
pub(crate) struct Signer([u8; 32]);

impl Signer {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.context_key())
    }

    pub(crate) fn sign(&self, tenant: TenantId) -> String {
        let inner = Sha256::new()
            .chain_update(self.0)
            .chain_update(tenant.to_string())
            .finalize();
        hex::encode(
            Sha256::new()
                .chain_update(self.0)
                .chain_update(inner)
                .finalize(),
        )
    }
}
