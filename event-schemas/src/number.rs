//! Whole numbers with limits, for the fields of commands. Owns the limits, once for the check and the schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::money::{MAX_MINOR, Minor};

/// The largest count: what a GraphQL `Int` and a PostgreSQL `integer` hold.
const MAX_COUNT: u32 = i32::MAX.unsigned_abs();

/// Declares an integer newtype that refuses values outside its range.
macro_rules! whole_number {
    ($(#[$doc:meta])* $name:ident($int:ty) $format:literal $min:literal ..= $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
        #[serde(transparent)]
        pub struct $name($int);

        impl $name {
            /// `number`, if it is within range.
            pub fn try_new(number: $int) -> Option<Self> {
                ($min..=$max).contains(&number).then_some(Self(number))
            }

            /// The number.
            pub fn get(self) -> $int {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = <$int>::deserialize(deserializer)?;
                Self::try_new(number).ok_or_else(|| {
                    de::Error::custom(format!("the number {number} is outside {} to {}", $min, $max))
                })
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "integer", "format": $format, "minimum": $min, "maximum": $max })
            }
        }
    };
}

whole_number! {
    /// A score a customer gives: 1 (bad) to 5 (good).
    Score(u8) "int32" 1..=5
}
whole_number! {
    /// How many there are: 0 to 2,147,483,647.
    Count(u32) "int32" 0..=MAX_COUNT
}
whole_number! {
    /// How many are wanted: 1 to 2,147,483,647.
    Quantity(u32) "int32" 1..=MAX_COUNT
}
whole_number! {
    /// An amount in minor units that is not nothing: 1 to [`MAX_MINOR`].
    PositiveMinor(i64) "int64" 1..=MAX_MINOR
}

impl From<PositiveMinor> for Minor {
    fn from(amount: PositiveMinor) -> Self {
        // Every positive amount is an amount.
        Self::try_new(amount.get()).unwrap_or(Self::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold() {
        let read = |json: &str| {
            serde_json::from_str::<Score>(json)
                .map(Score::get)
                .map_err(|e| e.to_string())
        };
        assert_eq!(read("5"), Ok(5));
        assert_eq!(read("0"), Err("the number 0 is outside 1 to 5".to_owned()));
        assert!(
            read("6").is_err()
                && read("4.5").is_err()
                && read("-1").is_err()
                && read("\"3\"").is_err()
        );
        assert!(Quantity::try_new(0).is_none() && Quantity::try_new(MAX_COUNT + 1).is_none());
        assert!(
            PositiveMinor::try_new(MAX_MINOR).is_some()
                && PositiveMinor::try_new(MAX_MINOR + 1).is_none()
        );
    }
}
