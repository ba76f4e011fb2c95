//! The scalars of our own and opaque global ids. Never looks anything up.

use std::fmt;

use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::failure::Failure;

/// A whole number of any size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct BigInt(pub(crate) i128);

/// A whole number of any size, as a string of digits: JavaScript would lose one above 2^53. As input, a number is
/// accepted too.
#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(digits) => digits
                .parse()
                .map(Self)
                .map_err(|_| InputValueError::custom("a whole number in digits is needed")),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Ok(Self(number.into())),
                None => Err(InputValueError::expected_type(value)),
            },
            Value::Null
            | Value::Boolean(_)
            | Value::Enum(_)
            | Value::Binary(_)
            | Value::List(_)
            | Value::Object(_) => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl BigInt {
    /// As the database counts; out of its range is the client's mistake.
    pub(crate) fn to_i64(self) -> Result<i64, Failure> {
        i64::try_from(self.0).map_err(|_| Failure::input(format!("{} is out of range", self.0)))
    }
}

impl<N: Into<i128>> From<N> for BigInt {
    fn from(number: N) -> Self {
        Self(number.into())
    }
}

/// An exact decimal number, as the database wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Decimal(pub(crate) String);

/// The most digits of a decimal number that a client gives.
const MOST_DIGITS: usize = 40;

/// An exact decimal number, as a string such as `12.5`: a floating-point number would lose digits. As input, a whole number is
/// accepted too.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let digits = match &value {
            Value::String(digits) => digits.clone(),
            Value::Number(number) if number.as_i64().is_some() => number.to_string(),
            Value::Number(_) => {
                return Err(InputValueError::custom(
                    "a decimal number is a string of digits, such as \"12.5\": put it in quotes",
                ));
            }
            Value::Null
            | Value::Boolean(_)
            | Value::Enum(_)
            | Value::Binary(_)
            | Value::List(_)
            | Value::Object(_) => return Err(InputValueError::expected_type(value)),
        };
        if is_decimal(&digits) {
            Ok(Self(digits))
        } else {
            Err(InputValueError::custom(
                "a decimal number in digits is needed, such as \"-12.5\"",
            ))
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// Whether these are digits, with at most one point between them and a sign before them.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    unsigned.len() <= MOST_DIGITS && is_number(whole) && is_number(fraction)
}

/// What a global id may point at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind {
    Order,
    Customer,
    Lead,
    Metric,
    Goal,
    Document,
    Organization,
    ApiKey,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Order,
        Self::Customer,
        Self::Lead,
        Self::Metric,
        Self::Goal,
        Self::Document,
        Self::Organization,
        Self::ApiKey,
    ];

    /// Its word: that of its context, where it is an aggregate.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Customer => "customer",
            Self::Lead => "lead",
            Self::Metric => "metric",
            Self::Goal => "goal",
            Self::Document => "document",
            Self::Organization => "organization",
            Self::ApiKey => "apiKey",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The global id of something: the same for ever, and opaque to clients.
pub(crate) fn global_id(kind: Kind, id: Uuid) -> ID {
    ID(URL_SAFE_NO_PAD.encode(format!("{kind}:{id}")))
}

/// What a global id points at.
pub(crate) fn parse_global_id(id: &ID) -> Result<(Kind, Uuid), Failure> {
    let parse = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&id.0).ok()?).ok()?;
        let (kind, id) = text.split_once(':')?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        Some((kind, Uuid::parse_str(id).ok()?))
    };
    parse().ok_or_else(|| {
        Failure::input("the id is not a global id; pass on an `id` of an earlier answer unchanged")
    })
}

/// The UUID in a global id of this kind, or the UUID itself.
pub(crate) fn uuid_of(kind: Kind, id: &ID) -> Result<Uuid, Failure> {
    if let Ok(id) = Uuid::parse_str(&id.0) {
        return Ok(id);
    }
    match parse_global_id(id)? {
        (found, id) if found == kind => Ok(id),
        (found, _) => Err(Failure::input(format!(
            "the id is of another kind: {kind} is needed, {found} was given"
        ))),
    }
}

/// A text that PostgreSQL can hold.
pub(crate) fn storable(text: String) -> Result<String, Failure> {
    if text.contains('\0') {
        Err(Failure::input(
            "a text must not contain the character U+0000",
        ))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn global_ids_say_their_kind() {
        let id = Uuid::from_u128(42);
        for kind in Kind::ALL {
            assert_eq!(parse_global_id(&global_id(kind, id)), Ok((kind, id)));
            assert_eq!(uuid_of(kind, &global_id(kind, id)), Ok(id));
        }
        assert_eq!(uuid_of(Kind::Order, &ID(id.to_string())), Ok(id));
        assert!(uuid_of(Kind::Order, &global_id(Kind::Customer, id)).is_err());
        for wrong in ["", "order", "b3JkZXI", "b3JkZXI6MQ", "ü"] {
            assert!(parse_global_id(&ID(wrong.to_owned())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn big_numbers_keep_every_digit() {
        let large = i128::from(i64::MAX) * 1000;
        assert_eq!(BigInt(large).to_value(), Value::String(large.to_string()));
        assert_eq!(
            BigInt::parse(Value::String("-7".to_owned())).ok(),
            Some(BigInt(-7))
        );
        assert_eq!(BigInt::parse(Value::from(7)).ok(), Some(BigInt(7)));
        assert!(BigInt::parse(Value::from(1.5)).is_err());
        assert!(BigInt::parse(Value::String("1e3".to_owned())).is_err());
        assert!(BigInt(large).to_i64().is_err());
    }

    #[test]
    fn decimals_are_digits_and_nothing_else() {
        let parse = |text: &str| Decimal::parse(Value::String(text.to_owned())).ok();
        for good in ["0", "-12.50", "007.5", "0.000001"] {
            assert_eq!(parse(good), Some(Decimal(good.to_owned())));
        }
        assert_eq!(
            Decimal::parse(Value::from(-7)).ok(),
            Some(Decimal("-7".to_owned()))
        );
        assert!(Decimal::parse(Value::from(1.5)).is_err());
        let long = "1".repeat(MOST_DIGITS + 1);
        for bad in [
            "", "-", ".5", "5.", "1e3", "NaN", "+1", " 1", "1.2.3", "١", &long,
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
