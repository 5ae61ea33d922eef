//! Join keys: what makes events belong together.
//!
//! A key is kept as bytes, so that looking it up costs nothing but a hash of a buffer that is used
//! again: for each value a tag and its content.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::event::{Document, FieldId, Value, Values};

use super::value::address_bits;

/// How many combinations of key values one event counts for.
const MAX_COMBINATIONS: usize = 1024;

/// A field that is (part of) a join key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyField {
    /// None for an optional field that is unknown, which is null in every event.
    pub(crate) field: Option<FieldId>,
    /// Whether null is a value like others; else an event without the field is left out.
    pub(crate) nullable: bool,
}

/// The values of a join key, in the order of the query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JoinKey(Box<[u8]>);

/// One value of a join key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyValue<'a> {
    /// A missing optional field.
    Null,
    /// Text.
    Text(&'a [u8]),
    /// A whole number.
    Long(i64),
    /// Another number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// Milliseconds since the Unix epoch.
    Date(i64),
    /// An address.
    Ip(IpAddr),
}

// The tags are in the order in which keys are sorted: null first.
const NULL: u8 = 0;
const BOOL: u8 = 1;
const LONG: u8 = 2;
const DOUBLE: u8 = 3;
const DATE: u8 = 4;
const IP: u8 = 5;
const TEXT: u8 = 6;

/// Flips the sign, so that the bytes are in the order of the numbers.
const SIGN: u64 = 1 << 63;

fn push(value: &Value<'_>, out: &mut Vec<u8>) {
    let number = |tag: u8, number: i64, out: &mut Vec<u8>| {
        out.push(tag);
        out.extend(((number as u64) ^ SIGN).to_be_bytes());
    };
    match value {
        Value::Bool(truth) => out.extend([BOOL, u8::from(*truth)]),
        Value::Long(value) => number(LONG, *value, out),
        Value::Date(value) => number(DATE, *value, out),
        // 1.0 and 1 are one key.
        Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
            number(LONG, *value as i64, out);
        }
        Value::Double(value) => {
            out.push(DOUBLE);
            out.extend(value.to_bits().to_be_bytes());
        }
        Value::Ip(address) => {
            out.push(IP);
            out.extend(address_bits(*address).to_be_bytes());
        }
        Value::Text(text) => {
            out.push(TEXT);
            // The end is marked by 0, and 0 itself by 0 and 1, so that the order stays that of the texts.
            let mut rest = *text;
            while let Some(zero) = memchr::memchr(0, rest) {
                let (front, behind) = rest.split_at(zero + 1);
                out.extend_from_slice(front);
                out.push(1);
                rest = behind;
            }
            out.extend_from_slice(rest);
            out.extend([0, 0]);
        }
    }
}

impl AsRef<[u8]> for JoinKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for JoinKey {
    fn from(bytes: &[u8]) -> Self {
        JoinKey(bytes.into())
    }
}

impl JoinKey {
    /// Calls `each` with every value in turn.
    pub fn for_each(&self, mut each: impl FnMut(KeyValue<'_>)) {
        let mut rest = &self.0[..];
        let mut text = Vec::new();
        while let Some((tag, behind)) = rest.split_first() {
            rest = behind;
            match *tag {
                BOOL => each(KeyValue::Bool(take::<1>(&mut rest) == [1])),
                LONG => each(KeyValue::Long((u64::from_be_bytes(take(&mut rest)) ^ SIGN) as i64)),
                DATE => each(KeyValue::Date((u64::from_be_bytes(take(&mut rest)) ^ SIGN) as i64)),
                DOUBLE => each(KeyValue::Double(f64::from_be_bytes(take(&mut rest)))),
                IP => {
                    let address = Ipv6Addr::from_bits(u128::from_be_bytes(take(&mut rest)));
                    let v4 = address.to_ipv4_mapped().map(IpAddr::V4);
                    each(KeyValue::Ip(v4.unwrap_or(IpAddr::V6(address))));
                }
                TEXT => {
                    text.clear();
                    while let Some((byte, behind)) = rest.split_first() {
                        rest = behind;
                        if *byte == 0 && take::<1>(&mut rest) == [0] {
                            break;
                        }
                        text.push(*byte);
                    }
                    each(KeyValue::Text(&text));
                }
                _ => each(KeyValue::Null),
            }
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    match rest.split_first_chunk() {
        Some((chunk, behind)) => {
            *rest = behind;
            *chunk
        }
        None => {
            *rest = &[];
            [0; N]
        }
    }
}

/// The keys of one event, in buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    keys: Vec<Vec<u8>>,
    used: usize,
    spare: Vec<Vec<u8>>,
    /// There were more combinations than are followed.
    cut: bool,
}

impl Keys {
    /// Works out the keys of `document`: one for each combination of values, each once. None if a field
    /// that is not nullable is missing.
    pub(crate) fn of<D: Document + ?Sized>(&mut self, document: &D, fields: &[KeyField], all_nullable: bool) {
        self.used = 0;
        self.cut = false;
        next_buffer(&mut self.keys, &mut self.used);
        for key in fields {
            let values = key.field.map_or(Values::None, |field| document.values(field));
            match values.as_slice() {
                [] if key.nullable || all_nullable => self.extend(|key| key.push(NULL)),
                [] => {
                    self.used = 0;
                    return;
                }
                [one] => self.extend(|key| push(one, key)),
                many => self.multiply(many),
            }
        }
    }

    fn extend(&mut self, mut with: impl FnMut(&mut Vec<u8>)) {
        self.keys[..self.used].iter_mut().for_each(&mut with);
    }

    /// Every key so far with every value.
    fn multiply(&mut self, values: &[Value<'_>]) {
        std::mem::swap(&mut self.keys, &mut self.spare);
        let before = std::mem::replace(&mut self.used, 0);
        self.cut |= before.saturating_mul(values.len()) > MAX_COMBINATIONS;
        for prefix in &self.spare[..before] {
            for value in values.iter().take(MAX_COMBINATIONS - self.used) {
                let key = next_buffer(&mut self.keys, &mut self.used);
                key.extend_from_slice(prefix);
                push(value, key);
            }
        }
        self.keys[..self.used].sort_unstable();
        self.dedup();
    }

    fn dedup(&mut self) {
        let mut kept = usize::from(self.used > 0);
        for next in 1..self.used {
            if self.keys[next] != self.keys[kept - 1] {
                self.keys.swap(next, kept);
                kept += 1;
            }
        }
        self.used = kept;
    }

    /// Whether combinations were left out: more than 1,024.
    pub(crate) fn cut(&self) -> bool {
        self.cut
    }

    /// Bytes of memory.
    pub(crate) fn size(&self) -> usize {
        self.keys.iter().chain(&self.spare).map(|key| size_of::<Vec<u8>>() + key.capacity()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.keys[..self.used].iter().map(Vec::as_slice)
    }
}

/// An empty buffer behind those that are used.
fn next_buffer<'a>(keys: &'a mut Vec<Vec<u8>>, used: &mut usize) -> &'a mut Vec<u8> {
    if *used == keys.len() {
        keys.push(Vec::new());
    }
    *used += 1;
    let buffer = &mut keys[*used - 1];
    buffer.clear();
    buffer
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Event, fields};
    use super::*;
    use crate::event::Schema as _;

    fn keys(event: &Event<'_>, names: &[&str], nullable: bool) -> Vec<String> {
        let schema = fields();
        let field = |name: &&str| KeyField { field: schema.resolve(name).map(|f| f.0), nullable };
        let mut keys = Keys::default();
        keys.of(event, &names.iter().map(field).collect::<Vec<_>>(), false);
        // Buffers that are used again must not show what was in them.
        keys.of(event, &names.iter().map(field).collect::<Vec<_>>(), false);
        let shown = |key: &[u8]| {
            let mut text = Vec::new();
            JoinKey::from(key).for_each(|value| text.push(format!("{value:?}")));
            text.join(" ")
        };
        keys.iter().map(shown).collect()
    }

    #[test]
    fn there_and_back() {
        let event = Event::default()
            .with("process.pid", &[Value::Long(-5)])
            .with("load", &[Value::Double(2.5)])
            .with("ok", &[Value::Bool(true)])
            .with("source.ip", &[Value::Ip([10, 0, 0, 1].into())])
            .with("process.name", &[Value::Text(b"a\0\xffb")]);
        let names = ["process.pid", "load", "ok", "source.ip", "process.name", "process.args"];
        assert_eq!(
            keys(&event, &names, true),
            ["Long(-5) Double(2.5) Bool(true) Ip(10.0.0.1) Text([97, 0, 255, 98]) Null"]
        );
        assert!(keys(&event, &names, false).is_empty());
    }

    #[test]
    fn one_for_each_combination_once() {
        let event = Event::default()
            .text("process.args", &["b", "a", "b"])
            .with("process.pid", &[Value::Long(2), Value::Double(2.0), Value::Long(1)]);
        let found = keys(&event, &["process.args", "process.pid"], false);
        assert_eq!(found.len(), 4);
        assert_eq!(found[0], "Text([97]) Long(1)");
    }

    #[test]
    fn combinations_are_bounded() {
        let args: Vec<String> = (0..5000).map(|i| i.to_string()).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let event = Event::default().text("process.args", &args);
        assert_eq!(keys(&event, &["process.args", "process.args"], false).len(), MAX_COMBINATIONS);
    }
}
