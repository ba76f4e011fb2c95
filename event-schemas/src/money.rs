//! Money as whole minor units with an ISO 4217 currency. Never rounds, never uses floating point.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// The largest amount, in minor units: 2^53 − 1, so that a reader in JavaScript loses nothing.
pub const MAX_MINOR: i64 = 9_007_199_254_740_991;

/// An amount in minor units (cents, centavos) of the currency it stands beside: 0 to [`MAX_MINOR`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize)]
#[serde(transparent)]
pub struct Minor(i64);

impl Minor {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `minor` units, if within 0 to [`MAX_MINOR`].
    pub fn try_new(minor: i64) -> Option<Self> {
        (0..=MAX_MINOR).contains(&minor).then_some(Self(minor))
    }

    /// The number of minor units.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The sum, if it is still within range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::try_new)
    }

    /// `times` as much, if it is still within range.
    pub fn checked_mul(self, times: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(times)).and_then(Self::try_new)
    }

    /// What is left after taking `other` away, at least zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0).max(0))
    }
}

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let minor = i64::deserialize(deserializer)?;
        Self::try_new(minor).ok_or_else(|| {
            de::Error::custom(format!(
                "the amount {minor} is outside 0 to {MAX_MINOR} minor units"
            ))
        })
    }
}

impl JsonSchema for Minor {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Minor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_MINOR,
            "description": "Minor units (cents) of the currency" })
    }
}

/// An amount together with its currency, where it has none to stand beside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// How much, in minor units (cents).
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
}

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of that code, if it has the form of one.
    pub fn try_new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(bytes))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        // Only ASCII letters get in.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimal places the minor unit is below the whole one: 2, but for those that ISO 4217 lists otherwise.
    pub fn minor_digits(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl Default for Currency {
    /// ISO 4217's code for "no currency".
    fn default() -> Self {
        Self(*b"XXX")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<'de, str>::deserialize(deserializer)?;
        Self::try_new(&code).ok_or_else(|| {
            de::Error::custom(format!(
                "'{code}' is not an ISO 4217 currency code, such as 'EUR'"
            ))
        })
    }
}

impl JsonSchema for Currency {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$", "minLength": 3, "maxLength": 3,
            "description": "ISO 4217 currency code" })
    }
}
