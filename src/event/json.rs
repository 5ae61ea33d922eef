//! An event as one line of JSON: an ECS document with nested objects.
//!
//! The rows of the schema are sorted part by part, so the objects are opened and closed on the way and
//! nothing is built in between. Control characters, DEL, C1 and the Unicode line ends are written as
//! `\u` escapes, so that a line stays a line and a terminal stays as it was. Bytes that are not UTF-8 are
//! U+FFFD in arguments (their exact bytes stand in `auditd.data.aN_hex`) and `\xff` elsewhere.

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json};

use super::audit_document::AuditDocument;
use super::document::{Value, Values};
use super::from_audit::data::{self, SOCKET};
use super::schema::{Cardinality, Face, Family, FieldId, ROWS};
use crate::audit::{RecordType, fields};

/// Writes the document of an event, without a line end.
pub fn write(doc: &AuditDocument<'_>, out: &mut Vec<u8>) {
    let mut objects = Objects::begin(out);
    for step in plan() {
        match step {
            Step::Field(shown) => {
                let values = doc.shown(shown.field);
                if values != Values::None {
                    objects.key(shown.name, out);
                    write_values(&values, shown, out);
                }
            }
            Step::Data => write_data(doc, &mut objects, out),
            Step::Paths => write_paths(doc, &mut objects, out),
        }
    }
    objects.end(out);
}

/// The document of an event as a map, for an alert that adds to it.
#[must_use]
pub fn to_map(doc: &AuditDocument<'_>) -> Map<String, Json> {
    let mut text = Vec::with_capacity(4096);
    write(doc, &mut text);
    // What `write` gives is JSON; a fault in it would show in its tests.
    serde_json::from_slice(&text).unwrap_or_default()
}

/// A field that is exported.
#[derive(Clone, Copy, Debug)]
struct Shown {
    field: FieldId,
    name: &'static str,
    many: bool,
    /// Text that is not UTF-8 is shown with U+FFFD.
    lossy: bool,
}

/// What is written, in order.
#[derive(Debug)]
enum Step {
    Field(Shown),
    /// `auditd.data`, whatever it holds.
    Data,
    /// `auditd.paths`, a list of objects.
    Paths,
}

fn plan() -> &'static [Step] {
    static PLAN: OnceLock<Vec<Step>> = OnceLock::new();
    PLAN.get_or_init(|| {
        let mut steps = Vec::new();
        let (mut data, mut paths) = (false, false);
        for (at, row) in ROWS.iter().enumerate() {
            let in_data = row.name.starts_with("auditd.data.");
            match row.family {
                _ if in_data && !std::mem::replace(&mut data, true) => steps.push(Step::Data),
                Family::Paths if !std::mem::replace(&mut paths, true) => steps.push(Step::Paths),
                Family::Paths | Family::Absent => {}
                _ if in_data || row.face == Face::Matched => {}
                _ => steps.push(Step::Field(Shown {
                    field: FieldId(u16::try_from(at).unwrap_or(u16::MAX)),
                    name: row.name,
                    // Of these the exported document has one word, but where two acts are one event.
                    many: row.cardinality == Cardinality::Many
                        && !matches!(row.name, "event.action" | "event.module"),
                    lossy: row.name.ends_with(".args") || row.name.ends_with(".command_line"),
                })),
            }
        }
        steps
    })
}

/// The objects that are open.
struct Objects {
    /// The name of the last key: its objects are open.
    last: &'static str,
    first: bool,
}

impl Objects {
    fn begin(out: &mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { last: "", first: true }
    }

    /// Writes the key of a dotted name: closes what is open and no part of it, opens what is.
    fn key(&mut self, name: &'static str, out: &mut Vec<u8>) {
        let common = common_objects(self.last, name);
        let open = self.last.get(common..).unwrap_or_default();
        for _ in open.bytes().filter(|&b| b == b'.') {
            out.push(b'}');
        }
        if !self.first {
            out.push(b',');
        }
        self.first = false;
        let mut parts = name.get(common..).unwrap_or_default().split('.').peekable();
        while let Some(part) = parts.next() {
            out.push(b'"');
            out.extend_from_slice(part.as_bytes());
            out.extend_from_slice(if parts.peek().is_some() { b"\":{" } else { b"\":" });
        }
        self.last = name;
    }

    fn end(self, out: &mut Vec<u8>) {
        for _ in self.last.bytes().filter(|&b| b == b'.') {
            out.push(b'}');
        }
        out.push(b'}');
    }
}

/// How many bytes of two names are the same objects, their dots included.
fn common_objects(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    a.as_bytes().get(..same).unwrap_or_default().iter().rposition(|&b| b == b'.').map_or(0, |at| at + 1)
}

fn write_values(values: &Values<'_>, shown: &Shown, out: &mut Vec<u8>) {
    match values {
        Values::One(value) if !shown.many => write_value(value, shown.lossy, out),
        Values::Many([value]) if !shown.many => write_value(value, shown.lossy, out),
        _ => {
            out.push(b'[');
            for (at, value) in values.as_slice().iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(value, shown.lossy, out);
            }
            out.push(b']');
        }
    }
}

fn write_value(value: &Value<'_>, lossy: bool, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => write_text(text, lossy, out),
        Value::Long(number) => integer(*number, out),
        // Writing to a vector does not fail.
        Value::Double(number) if number.is_finite() => drop(write!(out, "{number:?}")),
        Value::Double(_) => out.extend_from_slice(b"null"),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Date(millis) => write_date(*millis, out),
        Value::Ip(address) => write_ip(address, out),
    }
}

fn integer(number: i64, out: &mut Vec<u8>) {
    // Most are pids and counts.
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

fn write_ip(address: &IpAddr, out: &mut Vec<u8>) {
    drop(write!(out, "\"{address}\""));
}

/// ISO 8601 in UTC with milliseconds; a number where the year has not four digits.
fn write_date(millis: i64, out: &mut Vec<u8>) {
    let time = jiff::Timestamp::from_millisecond(millis).map(|t| jiff::tz::TimeZone::UTC.to_datetime(t));
    let Some(time) = time.ok().filter(|t| (0..=9999).contains(&t.year())) else {
        return integer(millis, out);
    };
    let small = |n: i8| u32::from(n.unsigned_abs());
    out.push(b'"');
    digits(u32::from(time.year().unsigned_abs()), 4, b'-', out);
    digits(small(time.month()), 2, b'-', out);
    digits(small(time.day()), 2, b'T', out);
    digits(small(time.hour()), 2, b':', out);
    digits(small(time.minute()), 2, b':', out);
    digits(small(time.second()), 2, b'.', out);
    digits(u32::from(time.millisecond().unsigned_abs()), 3, b'Z', out);
    out.push(b'"');
}

/// So many decimal digits, and what follows them.
fn digits(number: u32, count: u32, after: u8, out: &mut Vec<u8>) {
    for at in (0..count).rev() {
        let digit = number / 10_u32.pow(at) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
    out.push(after);
}

/// A JSON string of text that may not be UTF-8.
pub(crate) fn write_text(text: &[u8], lossy: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        write_valid(chunk.valid(), out);
        let invalid = chunk.invalid();
        if lossy && !invalid.is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        } else {
            for byte in invalid {
                drop(write!(out, "\\\\x{byte:02x}"));
            }
        }
    }
    out.push(b'"');
}

fn write_valid(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| !is_plain(*b)) {
        let (plain, odd) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = write_odd(odd, out);
    }
    out.extend_from_slice(rest);
}

/// Bytes that stand for themselves; of the others some do when they are looked at.
fn is_plain(byte: u8) -> bool {
    !matches!(byte, 0..0x20 | b'"' | b'\\' | 0x7f | 0xc2 | 0xe2)
}

/// Writes the character at the front; gives what follows it.
fn write_odd<'a>(odd: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (length, code) = match odd {
        [b'"', ..] => return escaped(odd, b'"', out),
        [b'\\', ..] => return escaped(odd, b'\\', out),
        [b'\n', ..] => return escaped(odd, b'n', out),
        [b'\r', ..] => return escaped(odd, b'r', out),
        [b'\t', ..] => return escaped(odd, b't', out),
        [0xc2, c1 @ 0x80..0xa0, ..] => (2, u32::from(*c1)),
        [0xe2, 0x80, 0xa8, ..] => (3, 0x2028),
        [0xe2, 0x80, 0xa9, ..] => (3, 0x2029),
        [byte @ (0..0x20 | 0x7f), ..] => (1, u32::from(*byte)),
        [byte, ..] => {
            out.push(*byte);
            return odd.get(1..).unwrap_or_default();
        }
        [] => return odd,
    };
    drop(write!(out, "\\u{code:04x}"));
    odd.get(length..).unwrap_or_default()
}

fn escaped<'a>(odd: &'a [u8], letter: u8, out: &mut Vec<u8>) -> &'a [u8] {
    out.extend_from_slice(&[b'\\', letter]);
    odd.get(1..).unwrap_or_default()
}

/// `auditd.data`: each key once, with a list where it has many values.
fn write_data(doc: &AuditDocument<'_>, objects: &mut Objects, out: &mut Vec<u8>) {
    let entries = doc.data();
    if entries.is_empty() {
        return;
    }
    objects.key("auditd.data", out);
    out.push(b'{');
    let mut in_socket = false;
    for (at, group) in entries.chunk_by(|a, b| a.key == b.key).enumerate() {
        let Some(first) = group.first() else { continue };
        let part = first.key.strip_prefix(SOCKET);
        if in_socket && part.is_none() {
            out.push(b'}');
        }
        if at > 0 {
            out.push(b',');
        }
        if part.is_some() && !in_socket {
            out.extend_from_slice(b"\"socket\":{");
        }
        in_socket = part.is_some();
        write_text(part.unwrap_or(first.key), false, out);
        out.push(b':');
        write_group(group, out);
    }
    out.extend_from_slice(if in_socket { b"}}" } else { b"}" });
}

fn write_group(group: &[data::Entry<'_>], out: &mut Vec<u8>) {
    if let [one] = group {
        return write_text(one.value, false, out);
    }
    out.push(b'[');
    for (at, entry) in group.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_text(entry.value, false, out);
    }
    out.push(b']');
}

/// `auditd.paths`: an object for each PATH record, with its fields in the record's order.
fn write_paths(doc: &AuditDocument<'_>, objects: &mut Objects, out: &mut Vec<u8>) {
    let mut any = false;
    for record in doc.event.records_of(RecordType::PATH) {
        if any {
            out.push(b',');
        } else {
            objects.key("auditd.paths", out);
            out.push(b'[');
            any = true;
        }
        out.push(b'{');
        let mut more = false;
        for field in fields::kernel(record.body) {
            let Some(value) = data::path_value(doc, &field) else { continue };
            if std::mem::replace(&mut more, true) {
                out.push(b',');
            }
            write_text(field.key, false, out);
            out.push(b':');
            write_text(value, false, out);
        }
        out.push(b'}');
    }
    if any {
        out.push(b']');
    }
}
