//! Reading an ECS document: nested objects, dotted names, or any mixture of the two.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The value at `path` (`process.parent.pid`), whichever way the document spells it.
pub(crate) fn get<'a>(document: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = document.get(path) {
        return Some(value);
    }
    let dots = path.char_indices().filter(|&(_, c)| c == '.').map(|(at, _)| at);
    dots.filter_map(|at| {
        let (head, tail) = (path.get(..at)?, path.get(at + 1..)?);
        get(document.get(head)?.as_object()?, tail)
    })
    .next()
}

/// The text of a single value; numbers and truth values as JSON writes them, of a list the first.
pub(crate) fn text<'a>(document: &'a Map<String, Value>, path: &str) -> Option<Cow<'a, str>> {
    scalar(get(document, path)?)
}

/// [`text`] of one value; empty text counts as absent.
pub(crate) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(s) if s.is_empty() => None,
        Value::String(s) => Some(Cow::Borrowed(s)),
        Value::Number(n) => Some(Cow::Owned(n.to_string())),
        Value::Bool(b) => Some(Cow::Borrowed(if *b { "true" } else { "false" })),
        Value::Array(list) => list.first().and_then(scalar),
        Value::Null | Value::Object(_) => None,
    }
}

/// The arguments of the process, as exact bytes: where one is no UTF-8, `process.args` holds U+FFFD
/// and `auditd.data.aN_hex` the bytes.
pub(crate) fn args(document: &Map<String, Value>) -> Vec<Cow<'_, [u8]>> {
    let list: &[Value] = match get(document, "process.args") {
        Some(Value::Array(list)) => list,
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        _ => &[],
    };
    let data = get(document, "auditd.data").and_then(Value::as_object);
    let exact = |n: usize| hex(data?.get(&format!("a{n}_hex"))?.as_str()?);
    list.iter()
        .enumerate()
        .map(|(n, value)| match value {
            Value::String(s) if s.contains('\u{FFFD}') => {
                exact(n).map_or(Cow::Borrowed(s.as_bytes()), Cow::Owned)
            }
            Value::String(s) => Cow::Borrowed(s.as_bytes()),
            other => Cow::Owned(other.to_string().into_bytes()),
        })
        .collect()
}

/// The bytes that hexadecimal text stands for.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn names_are_found_nested_dotted_and_mixed() {
        for document in [
            json!({"process": {"parent": {"pid": 7}}}),
            json!({"process.parent.pid": 7}),
            json!({"process": {"parent.pid": 7}}),
            json!({"process.parent": {"pid": "7"}, "process": {"pid": 8}}),
        ] {
            assert_eq!(text(&map(document), "process.parent.pid").as_deref(), Some("7"));
        }
        assert_eq!(text(&map(json!({"process": {"parent": "x"}})), "process.parent.pid"), None);
        assert_eq!(text(&map(json!({"user": {"name": ""}})), "user.name"), None);
    }

    #[test]
    fn an_argument_that_is_no_utf8_is_read_from_its_hex() {
        let document = map(json!({
            "process": {"args": ["echo", "a\u{fffd}b", "really \u{fffd}"]},
            "auditd": {"data": {"a1_hex": "61FF62"}},
        }));
        let expected: [&[u8]; 3] = [b"echo", b"a\xffb", "really \u{fffd}".as_bytes()];
        assert_eq!(args(&document), expected);
    }

    #[test]
    fn hex_that_is_none_is_refused() {
        assert_eq!(hex("61ff"), Some(vec![0x61, 0xff]));
        assert_eq!(hex("6"), None);
        assert_eq!(hex("6g"), None);
    }
}
