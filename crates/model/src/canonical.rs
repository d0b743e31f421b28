//! One spelling for every JSON value, so that equal values have equal digests.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Digest;

/// JSON without spaces and with object keys in code point order.
///
/// Keys are sorted here and not by the map, whose order depends on a feature that any crate of the
/// build may switch on. Floats are not canonical across writers; belay's digested values hold
/// integers and text.
pub fn json(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), json(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

/// The digest of the canonical spelling.
pub fn digest(value: &Value) -> Digest {
    Digest::of(json(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let text = json(&value!({"b": [{"z": 1, "a": "\"é"}], "a": null}));
        assert_eq!(text, r#"{"a":null,"b":[{"a":"\"é","z":1}]}"#);
    }
}
