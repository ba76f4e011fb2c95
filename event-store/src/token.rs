//! Consistency tokens: what a command returns and a query accepts, "answer no older than this". Opaque to their
//! bearer and bound to a tenant; never a permission for anything.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use event_schemas::TenantId;
use hmac::{Hmac, Mac};
use sha2::Sha256;

const FORMAT: u8 = 1;
/// Bytes of the numbers and the format.
const BODY: usize = 1 + 2 + 8 + 8;
/// Bytes kept of the MAC.
const MAC: usize = 16;

/// Where in the log a token points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// The tenant's partition.
    pub partition: u16,
    /// The tenant's position.
    pub position: i64,
    /// The partition's offset.
    pub offset: i64,
}

/// A token that this installation did not issue to this tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the consistency token was not issued to this organization; pass on the token of a command's answer unchanged"
)]
pub struct InvalidToken;

/// Issues and reads tokens.
#[derive(Clone)]
pub(crate) struct Tokens([u8; 32]);

impl Tokens {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub(crate) fn issue(&self, tenant: TenantId, token: Token) -> String {
        let mut bytes = Vec::with_capacity(BODY + MAC);
        bytes.push(FORMAT);
        bytes.extend(token.partition.to_be_bytes());
        bytes.extend(token.position.to_be_bytes());
        bytes.extend(token.offset.to_be_bytes());
        if let Some(mac) = self.mac(tenant, &bytes) {
            bytes.extend(mac.finalize().into_bytes().into_iter().take(MAC));
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn read(&self, tenant: TenantId, token: &str) -> Result<Token, InvalidToken> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidToken)?;
        let (body, proof) = bytes.split_at_checked(BODY).ok_or(InvalidToken)?;
        if proof.len() != MAC {
            return Err(InvalidToken);
        }
        // Compared in constant time.
        self.mac(tenant, body)
            .ok_or(InvalidToken)?
            .verify_truncated_left(proof)
            .map_err(|_| InvalidToken)?;
        match body {
            [FORMAT, p0, p1, numbers @ ..] => {
                let (position, offset) = numbers.split_at_checked(8).ok_or(InvalidToken)?;
                Ok(Token {
                    partition: u16::from_be_bytes([*p0, *p1]),
                    position: i64::from_be_bytes(position.try_into().map_err(|_| InvalidToken)?),
                    offset: i64::from_be_bytes(offset.try_into().map_err(|_| InvalidToken)?),
                })
            }
            _ => Err(InvalidToken),
        }
    }

    fn mac(&self, tenant: TenantId, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(tenant.0.as_bytes());
        mac.update(body);
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_is_for_its_tenant_and_cannot_be_changed() {
        let (tokens, tenant) = (Tokens::new([7; 32]), TenantId(Uuid::from_u128(1)));
        let token = Token {
            partition: 5,
            position: 42,
            offset: 99,
        };
        let text = tokens.issue(tenant, token);
        assert_eq!(tokens.read(tenant, &text), Ok(token));
        assert_eq!(
            tokens.read(TenantId(Uuid::from_u128(2)), &text),
            Err(InvalidToken)
        );
        assert_eq!(Tokens::new([8; 32]).read(tenant, &text), Err(InvalidToken));
        for forged in [
            "",
            "x",
            "AAAA",
            &text.replace('A', "B"),
            &format!("{text}AA"),
        ] {
            assert_eq!(tokens.read(tenant, forged), Err(InvalidToken), "{forged}");
        }
    }
}
