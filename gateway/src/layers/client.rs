//! Where a request comes from: its client's address, which is told as a keyed hash alone. Never believes a header that no
//! proxy of the installation has written.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::extract::ConnectInfo;
use event_schemas::TenantId;
use hmac::{Hmac, Mac};
use http::{Extensions, HeaderMap, HeaderName};
use sha2::Sha256;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How many bytes of a hash are kept: enough to tell all addresses apart.
const KEPT: usize = 16;

/// How the clients' addresses are found, and hashed.
#[derive(Clone, Default)]
pub struct Clients {
    /// None where nothing is to be kept of them.
    key: Option<Arc<[u8]>>,
    proxies: usize,
}

impl Clients {
    /// With an empty key, nothing is kept. Each of so many proxies before the server adds the address that it was asked from
    /// to `X-Forwarded-For`; without any, the address is that of the connection.
    pub fn new(key: &str, proxies: usize) -> Self {
        Self {
            key: (!key.is_empty()).then(|| key.as_bytes().into()),
            proxies,
        }
    }

    pub(super) fn find(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<Client> {
        let key = Arc::clone(self.key.as_ref()?);
        let peer = || {
            let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
            Some(peer.ip())
        };
        let address = match self.forwarded(headers) {
            Some(told) => address(told)?,
            None => peer()?,
        };
        Some(Client {
            address: address.to_canonical(),
            key,
        })
    }

    /// What the outermost of the proxies was asked from. None for a request that came past them.
    fn forwarded<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let before = self.proxies.checked_sub(1)?;
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut told = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        told.nth(before).map(str::trim)
    }
}

/// An address, with a port or without.
fn address(told: &str) -> Option<IpAddr> {
    let whole = told.parse().ok();
    whole.or_else(|| Some(told.parse::<SocketAddr>().ok()?.ip()))
}

/// The client of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    address: IpAddr,
    key: Arc<[u8]>,
}

impl Client {
    /// The address's hash: the same whenever it asks for this tenant, another for each tenant. HMAC-SHA256 (RFC 2104) under
    /// the installation's key, its first 16 bytes in hexadecimal digits.
    pub fn hash(&self, tenant: TenantId) -> String {
        // A key may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return String::new();
        };
        mac.update(tenant.0.as_bytes());
        match self.address {
            IpAddr::V4(address) => mac.update(&address.octets()),
            IpAddr::V6(address) => mac.update(&address.octets()),
        }
        let hash = mac.finalize().into_bytes();
        hex::encode(hash.get(..KEPT).unwrap_or_default())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(..)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn found(clients: &Clients, peer: &str, forwarded: &[&str]) -> Option<String> {
        let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().ok()?);
        }
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().ok()?, 7)));
        let client = clients.find(&headers, &extensions)?;
        Some(client.address.to_string())
    }

    #[test]
    fn a_header_counts_where_a_proxy_of_ours_has_written_it() {
        let direct = Clients::new("key", 0);
        let at = |address: &str| Some(address.to_owned());
        assert_eq!(found(&direct, "10.0.0.1", &["6.6.6.6"]), at("10.0.0.1"));
        assert_eq!(found(&direct, "::ffff:10.0.0.1", &[]), at("10.0.0.1"));
        let one = Clients::new("key", 1);
        let told = ["6.6.6.6, 7.7.7.7"];
        assert_eq!(found(&one, "10.0.0.1", &told), at("7.7.7.7"));
        assert_eq!(
            found(&one, "10.0.0.1", &["6.6.6.6", "7.7.7.7"]),
            at("7.7.7.7")
        );
        assert_eq!(found(&one, "10.0.0.1", &["7.7.7.7:80"]), at("7.7.7.7"));
        assert_eq!(
            found(&one, "10.0.0.1", &["[2001:db8::1]:80"]),
            at("2001:db8::1")
        );
        // Past the proxy, and what no proxy writes.
        assert_eq!(found(&one, "10.0.0.1", &[]), at("10.0.0.1"));
        assert_eq!(found(&one, "10.0.0.1", &["unknown"]), None);
        let two = Clients::new("key", 2);
        assert_eq!(found(&two, "10.0.0.1", &told), at("6.6.6.6"));
        assert_eq!(found(&two, "10.0.0.1", &["7.7.7.7"]), at("10.0.0.1"));
    }

    #[test]
    fn a_hash_is_of_the_address_the_tenant_and_the_key() {
        let hash = |key: &str, address: [u8; 4], tenant| {
            let (address, key) = (IpAddr::from(address), key.as_bytes().into());
            Client { address, key }.hash(TenantId(Uuid::from_u128(tenant)))
        };
        let one = hash("key", [10, 0, 0, 1], 1);
        assert_eq!(one.len(), 2 * KEPT);
        assert_eq!(one, hash("key", [10, 0, 0, 1], 1));
        for other in [
            hash("other", [10, 0, 0, 1], 1),
            hash("key", [10, 0, 0, 2], 1),
            hash("key", [10, 0, 0, 1], 2),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn nothing_is_kept_without_a_key_nor_shown_with_one() {
        assert_eq!(found(&Clients::new("", 0), "10.0.0.1", &[]), None);
        let client = Client {
            address: IpAddr::from([10, 0, 0, 1]),
            key: b"secret".as_slice().into(),
        };
        assert_eq!(format!("{client:?}"), "Client(..)");
    }
}
