//! Where OTLP's JSON is not what serde would write: ids are hex, 64-bit integers are texts, bytes are
//! base64, and a value is an object with exactly one member.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::wire::{AnyValue, Value};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes as hex digits, upper or lower case when read.
pub(crate) mod hex {
    use std::borrow::Cow;

    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(crate) fn text(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }

    pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        text.as_bytes().chunks(2).map(pair).collect()
    }

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        bytes(&text).ok_or_else(|| D::Error::custom("an id is not hex"))
    }
}

/// 64-bit integers: written as texts, read as texts or numbers.
pub(crate) mod quoted {
    use std::fmt::{self, Display};
    use std::marker::PhantomData;
    use std::str::FromStr;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub(crate) fn serialize<T: Display, S: Serializer>(
        number: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    struct Number<T>(PhantomData<T>);

    impl<T: FromStr + TryFrom<u64> + TryFrom<i64>> Visitor<'_> for Number<T> {
        type Value = T;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a 64-bit integer, as a text or a number")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(|_| E::custom("a text is no 64-bit integer"))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            T::try_from(number).map_err(|_| E::custom("a number is out of range"))
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            T::try_from(number).map_err(|_| E::custom("a number is out of range"))
        }
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr + TryFrom<u64> + TryFrom<i64>,
        D: Deserializer<'de>,
    {
        from.deserialize_any(Number(PhantomData))
    }
}

impl Serialize for AnyValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(Some(usize::from(self.value.is_some())))?;
        match &self.value {
            None => (),
            Some(Value::Text(text)) => object.serialize_entry("stringValue", text)?,
            Some(Value::Bool(flag)) => object.serialize_entry("boolValue", flag)?,
            Some(Value::Int(number)) => {
                object.serialize_entry("intValue", &number.to_string())?;
            }
            Some(Value::Double(number)) if number.is_finite() => {
                object.serialize_entry("doubleValue", number)?;
            }
            Some(Value::Double(number)) => object.serialize_entry("doubleValue", word(*number))?,
            Some(Value::Array(list)) => object.serialize_entry("arrayValue", list)?,
            Some(Value::Map(list)) => object.serialize_entry("kvlistValue", list)?,
            Some(Value::Bytes(bytes)) => {
                object.serialize_entry("bytesValue", &base64(bytes))?;
            }
        }
        object.end()
    }
}

/// How protobuf's JSON spells what is no number.
fn word(number: f64) -> &'static str {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        quoted::deserialize(from).map(Self)
    }
}

struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        match serde_json::Value::deserialize(from)? {
            serde_json::Value::Number(number) => number.as_f64(),
            serde_json::Value::String(text) => match text.as_str() {
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                "NaN" => Some(f64::NAN),
                text => text.parse().ok(),
            },
            _ => None,
        }
        .map(Self)
        .ok_or_else(|| D::Error::custom("a doubleValue is no number"))
    }
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(OneOf)
    }
}

struct OneOf;

impl<'de> Visitor<'de> for OneOf {
    type Value = AnyValue;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object with one value, such as {\"stringValue\": \"x\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue, A::Error> {
        let mut value = None;
        while let Some(key) = map.next_key::<String>()? {
            value = match key.as_str() {
                "stringValue" => Some(Value::Text(map.next_value()?)),
                "boolValue" => Some(Value::Bool(map.next_value()?)),
                "intValue" => Some(Value::Int(map.next_value::<Integer>()?.0)),
                "doubleValue" => Some(Value::Double(map.next_value::<Double>()?.0)),
                "arrayValue" => Some(Value::Array(map.next_value()?)),
                "kvlistValue" => Some(Value::Map(map.next_value()?)),
                "bytesValue" => {
                    let text: String = map.next_value()?;
                    let bytes = STANDARD.decode(&text).or_else(|_| URL_SAFE.decode(&text));
                    Some(Value::Bytes(
                        bytes.map_err(|_| de::Error::custom("bytesValue is not base64"))?,
                    ))
                }
                // A newer OTLP's kind of value.
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                    value
                }
            };
        }
        Ok(AnyValue { value })
    }
}
