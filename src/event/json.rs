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
use super::schema::{Cardinality, Face, Family, FieldId, ROWS, Row, field};
use crate::audit::{RecordType, fields};

/// Writes the document of an event, without a line end.
pub fn write(doc: &AuditDocument<'_>, out: &mut Vec<u8>) {
    out.reserve(4096);
    let plan = plan();
    let mut objects = Objects::begin(plan, out);
    let absent = Absent::of(doc);
    for step in &plan.steps {
        match step {
            Step::Field(shown) => {
                if absent.holds(shown) {
                    continue;
                }
                let values = doc.shown(shown.field);
                if values != Values::None {
                    objects.key(shown, out);
                    write_values(&values, shown, out);
                }
            }
            Step::Data(place) => write_data(doc, place, &mut objects, out),
            Step::Paths(place) => write_paths(doc, place, &mut objects, out),
        }
    }
    objects.end(out);
}

/// Families that an event has nothing of, so that their fields need not be asked for one by one.
struct Absent {
    parent: bool,
    leaders: [bool; 3],
    file: bool,
    network: bool,
}

impl Absent {
    fn of(doc: &AuditDocument<'_>) -> Self {
        Self {
            parent: doc.parent.is_none(),
            leaders: doc.leaders().map(|leader| leader.is_none()),
            file: doc.items().is_none(),
            // Where somebody came from stands in messages too.
            network: doc.parts.socket.is_none() && doc.parts.call.is_some(),
        }
    }

    fn holds(&self, shown: &Shown) -> bool {
        match shown.family {
            Family::Parent => self.parent && shown.field != field::PROCESS_PARENT_PID,
            Family::SessionLeader => self.leaders[0],
            Family::GroupLeader => self.leaders[1],
            Family::EntryLeader => self.leaders[2],
            Family::File => self.file,
            Family::Network => self.network,
            _ => false,
        }
    }
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
#[derive(Debug)]
struct Shown {
    field: FieldId,
    /// The objects it stands in, in [`Plan::objects`].
    objects: usize,
    /// Its key within them, as it is written.
    key: String,
    family: Family,
    many: bool,
    /// Text that is not UTF-8 is shown with U+FFFD.
    lossy: bool,
}

/// What is written, in order.
#[derive(Debug)]
enum Step {
    Field(Shown),
    /// `auditd.data`, whatever it holds.
    Data(Shown),
    /// `auditd.paths`, a list of objects.
    Paths(Shown),
}

/// The steps, and the lists of objects that fields stand in, each object as it is opened.
#[derive(Debug, Default)]
struct Plan {
    steps: Vec<Step>,
    objects: Vec<Vec<String>>,
}

fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let mut plan = Plan { steps: Vec::new(), objects: vec![Vec::new()] };
        let (mut data, mut paths) = (false, false);
        for (at, row) in ROWS.iter().enumerate() {
            let field = FieldId(u16::try_from(at).unwrap_or(u16::MAX));
            let step = if row.name.starts_with("auditd.data.") {
                let first = !std::mem::replace(&mut data, true);
                first.then(|| Step::Data(plan.shown(field, row, "auditd.data")))
            } else if row.family == Family::Paths {
                let first = !std::mem::replace(&mut paths, true);
                first.then(|| Step::Paths(plan.shown(field, row, "auditd.paths")))
            } else {
                let exported = row.has_source() && row.face == Face::Shown;
                exported.then(|| Step::Field(plan.shown(field, row, row.name)))
            };
            plan.steps.extend(step);
        }
        plan
    })
}

impl Plan {
    fn shown(&mut self, field: FieldId, row: &Row, name: &'static str) -> Shown {
        let mut parts: Vec<&str> = name.split('.').collect();
        let key = parts.pop().unwrap_or_default();
        let objects: Vec<String> = parts.iter().map(|part| format!("\"{part}\":{{")).collect();
        let at = self.objects.iter().position(|known| *known == objects).unwrap_or_else(|| {
            self.objects.push(objects);
            self.objects.len() - 1
        });
        Shown {
            field,
            objects: at,
            key: format!("\"{key}\":"),
            family: row.family,
            // Of these the exported document has one word, but where two acts are one event.
            many: row.cardinality == Cardinality::Many && !matches!(name, "event.action" | "event.module"),
            lossy: name.ends_with(".args") || name.ends_with(".command_line"),
        }
    }
}

/// The objects that are open.
struct Objects {
    plan: &'static Plan,
    open: usize,
    first: bool,
}

impl Objects {
    fn begin(plan: &'static Plan, out: &mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { plan, open: 0, first: true }
    }

    /// Writes the key of a field: closes the objects that it does not stand in, opens those that it does.
    #[inline]
    fn key(&mut self, shown: &Shown, out: &mut Vec<u8>) {
        if self.open != shown.objects {
            self.change(shown.objects, out);
        } else if !std::mem::take(&mut self.first) {
            out.push(b',');
        }
        out.extend_from_slice(shown.key.as_bytes());
    }

    fn change(&mut self, objects: usize, out: &mut Vec<u8>) {
        let of = |at: usize| self.plan.objects.get(at).map(Vec::as_slice).unwrap_or_default();
        let (before, after) = (of(self.open), of(objects));
        let common = before.iter().zip(after).take_while(|(a, b)| a == b).count();
        out.extend(std::iter::repeat_n(b'}', before.len() - common));
        if !std::mem::take(&mut self.first) {
            out.push(b',');
        }
        for object in after.iter().skip(common) {
            out.extend_from_slice(object.as_bytes());
        }
        self.open = objects;
    }

    fn end(self, out: &mut Vec<u8>) {
        let open = self.plan.objects.get(self.open).map_or(0, Vec::len);
        out.extend(std::iter::repeat_n(b'}', open + 1));
    }
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
    // Without a branch a byte the compiler looks at many at a time; nearly all text is plain.
    if text.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    match text.iter().position(|b| !is_plain(*b)) {
        None => out.extend_from_slice(text),
        Some(at) => {
            // All before it is ASCII, so no character is cut.
            let (plain, rest) = text.split_at(at);
            out.extend_from_slice(plain);
            write_rest(rest, lossy, out);
        }
    }
    out.push(b'"');
}

fn write_rest(text: &[u8], lossy: bool, out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid().as_bytes();
        while let Some(at) = rest.iter().position(|b| !is_plain(*b)) {
            let (plain, odd) = rest.split_at(at);
            out.extend_from_slice(plain);
            rest = write_odd(odd, out);
        }
        out.extend_from_slice(rest);
        let invalid = chunk.invalid();
        if lossy && !invalid.is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        } else {
            for byte in invalid {
                drop(write!(out, "\\\\x{byte:02x}"));
            }
        }
    }
}

/// Printable ASCII that stands for itself in a JSON string.
#[inline]
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\'
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
        [_, ..] => {
            // A character beyond ASCII, whole: its first byte and what continues it.
            let end = odd.iter().skip(1).position(|b| b & 0xc0 != 0x80).map_or(odd.len(), |at| at + 1);
            let (character, rest) = odd.split_at(end);
            out.extend_from_slice(character);
            return rest;
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
fn write_data(doc: &AuditDocument<'_>, place: &Shown, objects: &mut Objects, out: &mut Vec<u8>) {
    let entries = doc.data();
    if entries.is_empty() {
        return;
    }
    objects.key(place, out);
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
fn write_paths(doc: &AuditDocument<'_>, place: &Shown, objects: &mut Objects, out: &mut Vec<u8>) {
    let mut any = false;
    for record in doc.event.records_of(RecordType::PATH) {
        if any {
            out.push(b',');
        } else {
            objects.key(place, out);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: &[u8], lossy: bool) -> String {
        let mut out = Vec::new();
        write_text(bytes, lossy, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_could_harm_a_line_or_a_terminal_is_escaped() {
        assert_eq!(text(b"a\"b\\c", false), r#""a\"b\\c""#);
        assert_eq!(text(b"\n\r\t\x1b[2J\x7f\0", false), r#""\n\r\t\u001b[2J\u007f\u0000""#);
        assert_eq!(text("\u{85}\u{9b}\u{2028}\u{2029}".as_bytes(), false), r#""\u0085\u009b\u2028\u2029""#);
        assert_eq!(text("é€😀â\u{a0}".as_bytes(), false), "\"é€😀â\u{a0}\"");
    }

    #[test]
    fn what_is_no_utf8_is_shown() {
        assert_eq!(text(b"caf\xff", false), r#""caf\\xff""#);
        assert_eq!(text(b"caf\xff\xe2\x82", true), "\"caf\u{fffd}\u{fffd}\"");
    }

    #[test]
    fn dates_and_numbers() {
        let value = |value| {
            let mut out = Vec::new();
            write_value(&value, false, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(value(Value::Date(1_795_515_233_239)), "\"2026-11-24T10:13:53.239Z\"");
        assert_eq!(value(Value::Date(0)), "\"1970-01-01T00:00:00.000Z\"");
        assert_eq!(value(Value::Date(i64::MAX)), i64::MAX.to_string());
        for number in [0, 7, -1, i64::MIN, i64::MAX] {
            assert_eq!(value(Value::Long(number)), number.to_string());
        }
        assert_eq!(value(Value::Bool(true)), "true");
        assert_eq!(value(Value::Ip(std::net::Ipv6Addr::LOCALHOST.into())), "\"::1\"");
    }

    proptest! {
        #[test]
        fn a_text_is_one_line_of_json_that_gives_it_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let json = text(&bytes, true);
            prop_assert!(!json.chars().any(char::is_control));
            let back: String = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back, String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn any_character_comes_through(line in "\\PC*") {
            let back: String = serde_json::from_str(&text(line.as_bytes(), false)).unwrap();
            prop_assert_eq!(back, line);
        }
    }
}
