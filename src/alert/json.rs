//! Documents as JSON text: one line, and nothing in it that a terminal would not show.

use serde_json::{Map, Value};

use crate::clean;

/// Which characters stand as themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Everything visible, as UTF-8.
    Utf8,
    /// ASCII only; the rest as `\uXXXX`.
    Ascii,
}

/// Appends `value` as JSON on one line, without blanks and without a line end.
pub(crate) fn push(out: &mut Vec<u8>, value: &Value, charset: Charset) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Number(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::String(s) => clean::push_json(out, s, charset == Charset::Ascii),
        Value::Array(list) => {
            out.push(b'[');
            for (n, item) in list.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                push(out, item, charset);
            }
            out.push(b']');
        }
        Value::Object(map) => push_object(out, map, charset),
    }
}

/// [`push`] for an object.
pub(crate) fn push_object(out: &mut Vec<u8>, map: &Map<String, Value>, charset: Charset) {
    out.push(b'{');
    for (n, (key, value)) in map.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        clean::push_json(out, key, charset == Charset::Ascii);
        out.push(b':');
        push(out, value, charset);
    }
    out.push(b'}');
}

/// Appends `text`, which is JSON, as [`push`] would write what it says.
pub(crate) fn push_written(out: &mut Vec<u8>, text: &str) {
    // What says itself in printable ASCII is written alike by all, but for two short escapes.
    let plain = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if plain && !text.contains("\\b") && !text.contains("\\f") {
        return out.extend_from_slice(text.as_bytes());
    }
    push(out, &serde_json::from_str(text).unwrap_or_default(), Charset::Utf8);
}

/// [`push_object`] where `object`, one of its values, holds besides under `key` a list of texts that are JSON.
pub(crate) fn push_with_list(
    out: &mut Vec<u8>,
    map: &Map<String, Value>,
    (object, key): (&str, &str),
    list: &[std::borrow::Cow<'_, str>],
) {
    let empty = Map::new();
    out.push(b'{');
    for (n, (name, value)) in map.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        clean::push_json(out, name, false);
        out.push(b':');
        if name != object {
            push(out, value, Charset::Utf8);
            continue;
        }
        push_object(out, value.as_object().unwrap_or(&empty), Charset::Utf8);
        // Behind all that the object holds.
        out.pop();
        out.extend_from_slice(if out.last() == Some(&b'{') { b"" } else { b"," });
        clean::push_json(out, key, false);
        out.extend_from_slice(b":[");
        for (n, item) in list.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            push_written(out, item);
        }
        out.extend_from_slice(b"]}");
    }
    out.push(b'}');
}

/// Appends JSON text with every character beyond ASCII as `\uXXXX`: in JSON such characters stand in
/// strings only.
pub(crate) fn push_ascii(out: &mut Vec<u8>, json: &str) {
    for c in json.chars() {
        match u8::try_from(c) {
            Ok(b) if b.is_ascii() => out.push(b),
            _ => clean::push_json_escape(out, c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn both_charsets_say_the_same(key in any::<String>(), text in any::<String>(), number in any::<i64>()) {
            let value = json!({ key: [text, number, null, true, { "x": [] }] });
            let (mut utf8, mut ascii, mut direct) = (Vec::new(), Vec::new(), Vec::new());
            push(&mut utf8, &value, Charset::Utf8);
            push(&mut direct, &value, Charset::Ascii);
            push_ascii(&mut ascii, std::str::from_utf8(&utf8).unwrap());
            prop_assert_eq!(serde_json::from_slice::<Value>(&utf8).unwrap(), value);
            prop_assert!(ascii.is_ascii());
            prop_assert_eq!(ascii, direct);
        }
    }
}
