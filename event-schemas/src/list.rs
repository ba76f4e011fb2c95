//! Lists with a limit, for the fields of commands. Owns the counting while reading, so that a list that
//! is too long is refused before it is in memory.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};

/// A list of `MIN` to `MAX` items.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct List<T, const MIN: usize, const MAX: usize>(Vec<T>);

impl<T, const MIN: usize, const MAX: usize> List<T, MIN, MAX> {
    /// `items`, if their number is within the limits.
    pub fn try_new(items: Vec<T>) -> Option<Self> {
        (MIN..=MAX).contains(&items.len()).then_some(Self(items))
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The items, owned.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<'de, T: Deserialize<'de>, const MIN: usize, const MAX: usize> Deserialize<'de>
    for List<T, MIN, MAX>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// Collects the items and stops at the first one too many.
struct Items<T, const MIN: usize, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MIN: usize, const MAX: usize> Visitor<'de>
    for Items<T, MIN, MAX>
{
    type Value = List<T, MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {MIN} to {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < MAX {
            match sequence.next_element()? {
                Some(item) => items.push(item),
                None if items.len() < MIN => {
                    let found = items.len();
                    return Err(de::Error::custom(format!(
                        "the list has {found} items; at least {MIN} are needed"
                    )));
                }
                None => return Ok(List(items)),
            }
        }
        if sequence.next_element::<de::IgnoredAny>()?.is_some() {
            return Err(de::Error::custom(format!(
                "the list has more than {MAX} items; split it"
            )));
        }
        Ok(List(items))
    }
}

impl<T: JsonSchema, const MIN: usize, const MAX: usize> JsonSchema for List<T, MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List_{MIN}_{MAX}_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "minItems": MIN, "maxItems": MAX })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: serde_json::Value) -> Result<usize, String> {
        serde_json::from_value::<List<u8, 1, 2>>(json)
            .map(|list| list.as_slice().len())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn both_limits_hold_while_reading() {
        assert_eq!(read(json!([1])), Ok(1));
        assert_eq!(read(json!([1, 2])), Ok(2));
        assert_eq!(
            read(json!([])),
            Err("the list has 0 items; at least 1 are needed".to_owned())
        );
        assert_eq!(
            read(json!([1, 2, "anything"])),
            Err("the list has more than 2 items; split it".to_owned())
        );
    }
}
