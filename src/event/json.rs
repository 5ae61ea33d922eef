//! An event as one line of JSON: an ECS document with nested objects.
//!
//! The rows of the schema are sorted part by part, so the objects are opened and closed on the way and
//! nothing is built in between. Control characters, DEL, C1 and the Unicode line ends are written as
//! `\u` escapes, so that a line stays a line and a terminal stays as it was. Bytes that are not UTF-8 are
//! U+FFFD in arguments (their exact bytes stand in `auditd.data.aN_hex`) and `\xff` elsewhere.

use std::cell::Cell;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::{LazyLock, OnceLock};

use serde_json::{Map, Value as Json};

use super::audit_document::AuditDocument;
use super::document::{Value, Values};
use super::from_audit::CAPABILITIES;
use super::from_audit::data::{self, SOCKET};
use super::schema::{Cardinality, Face, Family, FieldId, ROWS, Row, field};
use crate::audit::{Path, RecordType, fields};

/// Writes the document of an event, without a line end.
pub fn write(doc: &AuditDocument<'_>, out: &mut Vec<u8>) {
    out.reserve(4096);
    let plan = plan();
    let mut objects = Objects::begin(plan, out);
    let absent = Absent::of(doc);
    let steps = plan.sections.iter().filter(|section| !absent.holds(section.needs)).flat_map(|s| &s.steps);
    for step in steps {
        match step {
            Step::Field(shown) => {
                let values = doc.shown(shown.field);
                if !matches!(values, Values::None) {
                    objects.key(shown, out);
                    write_values(&values, shown, out);
                }
            }
            Step::Capabilities(shown) => {
                if let Some(set) = doc.capabilities(shown.field) {
                    objects.key(shown, out);
                    write_capabilities(set, out);
                }
            }
            Step::Data(place) => write_data(doc, place, &mut objects, out),
            Step::Paths(place) => write_paths(doc, place, &mut objects, out),
        }
    }
    objects.end(out);
}

/// What an event must have for any field of a section to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Parent,
    Leader(usize),
    File,
    Network,
    /// Names of users and groups are known.
    Names,
    Capabilities,
    /// A record that a program wrote.
    Message,
}

impl Needs {
    fn of(field: FieldId, row: &Row) -> Self {
        match row.family {
            Family::Parent if field != field::PROCESS_PARENT_PID => Self::Parent,
            Family::SessionLeader => Self::Leader(0),
            Family::GroupLeader => Self::Leader(1),
            Family::EntryLeader => Self::Leader(2),
            Family::File => Self::File,
            Family::Network => Self::Network,
            Family::User if row.name.starts_with("user.target.") => Self::Message,
            Family::User if row.name.ends_with(".name") => Self::Names,
            _ if is_capabilities(field) => Self::Capabilities,
            _ => Self::Nothing,
        }
    }
}

fn is_capabilities(field: FieldId) -> bool {
    matches!(
        field,
        field::PROCESS_THREAD_CAPABILITIES_EFFECTIVE | field::PROCESS_THREAD_CAPABILITIES_PERMITTED
    )
}

/// What an event has nothing of, so that the fields need not be asked for one by one.
struct Absent {
    parent: bool,
    leaders: [bool; 3],
    file: bool,
    network: bool,
    names: bool,
    capabilities: bool,
    message: bool,
}

impl Absent {
    fn of(doc: &AuditDocument<'_>) -> Self {
        Self {
            parent: doc.parent.is_none(),
            leaders: doc.leaders().map(|leader| leader.is_none()),
            file: doc.items().is_none(),
            // Where somebody came from stands in messages too.
            network: doc.parts.socket.is_none() && doc.parts.call.is_some(),
            names: doc.parts.who_record.enriched.is_empty() && doc.mapper.names.is_none(),
            capabilities: doc.parts.capabilities.is_none(),
            message: doc.parts.lead.kind == RecordType::SYSCALL,
        }
    }

    fn holds(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => false,
            Needs::Parent => self.parent,
            Needs::Leader(which) => self.leaders.get(which).is_some_and(|absent| *absent),
            Needs::File => self.file,
            Needs::Network => self.network,
            Needs::Names => self.names,
            Needs::Capabilities => self.capabilities,
            Needs::Message => self.message,
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
    /// Its key within them, as it is written behind another.
    key: String,
    many: bool,
    /// Text that is not UTF-8 is shown with U+FFFD.
    lossy: bool,
}

/// What is written, in order.
#[derive(Debug)]
enum Step {
    Field(Shown),
    /// A set of capabilities: forty names, of which most processes have all or none.
    Capabilities(Shown),
    /// `auditd.data`, whatever it holds.
    Data(Shown),
    /// `auditd.paths`, a list of objects.
    Paths(Shown),
}

/// Steps that follow each other and need the same of an event.
#[derive(Debug)]
struct Section {
    needs: Needs,
    steps: Vec<Step>,
}

/// The steps in order, and how one goes from the objects that a field stands in to those of another.
#[derive(Debug, Default)]
struct Plan {
    sections: Vec<Section>,
    /// The lists of objects that fields stand in, each object as it is opened.
    objects: Vec<Vec<String>>,
    /// What is written between fields, by the objects of the one before and the one after.
    between: Vec<Vec<String>>,
}

fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let mut plan = Plan { objects: vec![Vec::new()], ..Plan::default() };
        let (mut data, mut paths) = (false, false);
        for (at, row) in ROWS.iter().enumerate() {
            let field = FieldId(u16::try_from(at).unwrap_or(u16::MAX));
            let step = if row.name.starts_with("auditd.data.") {
                let first = !std::mem::replace(&mut data, true);
                first.then(|| Step::Data(plan.shown(field, row, "auditd.data")))
            } else if row.family == Family::Paths {
                let first = !std::mem::replace(&mut paths, true);
                first.then(|| Step::Paths(plan.shown(field, row, "auditd.paths")))
            } else if !row.has_source() || row.face != Face::Shown {
                None
            } else if is_capabilities(field) {
                Some(Step::Capabilities(plan.shown(field, row, row.name)))
            } else {
                Some(Step::Field(plan.shown(field, row, row.name)))
            };
            let Some(step) = step else { continue };
            // What follows from records alone is asked of each event.
            let needs = if matches!(step, Step::Data(_)) { Needs::Nothing } else { Needs::of(field, row) };
            match plan.sections.last_mut() {
                Some(section) if section.needs == needs => section.steps.push(step),
                _ => plan.sections.push(Section { needs, steps: vec![step] }),
            }
        }
        let from = |before: &Vec<String>| plan.objects.iter().map(|after| between(before, after)).collect();
        plan.between = plan.objects.iter().map(from).collect();
        plan
    })
}

/// Closes the objects of `before` that `after` does not stand in, and opens those that it does.
fn between(before: &[String], after: &[String]) -> String {
    let common = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let closed = "}".repeat(before.len() - common);
    format!("{closed},{}", after.get(common..).unwrap_or_default().concat())
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
            key: format!(",\"{key}\":"),
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
        if self.open == shown.objects && !self.first {
            return out.extend_from_slice(shown.key.as_bytes());
        }
        let between = self.plan.between.get(self.open).and_then(|from| from.get(shown.objects));
        let between = between.map(String::as_bytes).unwrap_or_default();
        // The comma of the first is not needed.
        let skip = usize::from(std::mem::take(&mut self.first));
        out.extend_from_slice(between.get(skip..).unwrap_or_default());
        out.extend_from_slice(shown.key.as_bytes().get(1..).unwrap_or_default());
        self.open = shown.objects;
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
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The names of a set of capabilities, as a list.
fn write_capabilities(set: u64, out: &mut Vec<u8>) {
    /// All names as they are written, and where each begins.
    static WRITTEN: LazyLock<(String, Vec<usize>)> = LazyLock::new(|| {
        let mut text = String::new();
        let mut starts = vec![0];
        for name in CAPABILITIES {
            text.extend(["\"", name, "\","]);
            starts.push(text.len());
        }
        (text, starts)
    });
    let (text, starts) = &*WRITTEN;
    let named = u64::MAX >> (64 - CAPABILITIES.len());
    let mut rest = set & named;
    out.push(b'[');
    // Capabilities whose numbers follow each other are copied as one.
    while rest != 0 {
        let first = rest.trailing_zeros() as usize;
        let after = first + (rest >> first).trailing_ones() as usize;
        let place = starts.get(first).zip(starts.get(after));
        let names = place.and_then(|(start, end)| text.as_bytes().get(*start..*end)).unwrap_or_default();
        out.extend_from_slice(names);
        rest &= u64::MAX.checked_shl(u32::try_from(after).unwrap_or(64)).unwrap_or(0);
    }
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b']');
}

fn write_ip(address: &IpAddr, out: &mut Vec<u8>) {
    drop(write!(out, "\"{address}\""));
}

/// ISO 8601 in UTC with milliseconds; a number where the year has not four digits.
fn write_date(millis: i64, out: &mut Vec<u8>) {
    thread_local! {
        /// Seconds as they are written, each where its lowest bits say: an event has few, and the next
        /// event mostly the same.
        static WRITTEN: [Cell<(i64, [u8; 21])>; 8] = const { [const { Cell::new((i64::MIN, [0; 21])) }; 8] };
    }
    let (second, fraction) = (millis.div_euclid(1000), millis.rem_euclid(1000));
    WRITTEN.with(|written| {
        let Some(place) = written.get(usize::try_from(second & 7).unwrap_or(0)) else { return };
        if place.get().0 != second {
            match date_to_second(second) {
                Some(text) => place.set((second, text)),
                None => return integer(millis, out),
            }
        }
        out.extend_from_slice(&place.get().1);
        let digit = |n: i64| b'0' + u8::try_from(n % 10).unwrap_or(0);
        out.extend_from_slice(&[digit(fraction / 100), digit(fraction / 10), digit(fraction), b'Z', b'"']);
    });
}

/// `"YYYY-MM-DDTHH:MM:SS.`, when the year has four digits.
fn date_to_second(second: i64) -> Option<[u8; 21]> {
    let time = jiff::Timestamp::from_second(second).ok()?;
    let time = jiff::tz::TimeZone::UTC.to_datetime(time);
    if !(0..=9999).contains(&time.year()) {
        return None;
    }
    time.strftime("\"%Y-%m-%dT%H:%M:%S.").to_string().as_bytes().try_into().ok()
}

/// A JSON string of text that may not be UTF-8.
#[inline]
pub(crate) fn write_text(text: &[u8], lossy: bool, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if all_plain(text) {
        out.extend_from_slice(text);
    } else {
        write_odd_text(text, lossy, out);
    }
    out.push(b'"');
}

/// Without a branch a byte, so that the compiler looks at many at a time.
#[inline]
fn plain<const N: usize>(chunk: &[u8; N]) -> bool {
    chunk.iter().fold(true, |plain, byte| plain & is_plain(*byte))
}

/// Whether a text stands for itself in a JSON string; nearly all do. What is left at the end is looked at
/// together with some before it.
#[inline]
fn all_plain(text: &[u8]) -> bool {
    let both = |ends: (Option<bool>, Option<bool>)| ends.0 == Some(true) && ends.1 == Some(true);
    match text.len() {
        16.. => text.as_chunks::<16>().0.iter().all(plain) && text.last_chunk::<16>().is_some_and(plain),
        8.. => both((text.first_chunk::<8>().map(plain), text.last_chunk::<8>().map(plain))),
        4.. => both((text.first_chunk::<4>().map(plain), text.last_chunk::<4>().map(plain))),
        _ => text.iter().all(|byte| is_plain(*byte)),
    }
}

/// How many bytes at the front stand for themselves.
#[inline]
fn plain_length(text: &[u8]) -> usize {
    let sure = 16 * text.as_chunks::<16>().0.iter().take_while(|chunk| plain(chunk)).count();
    sure + text.iter().skip(sure).take_while(|byte| is_plain(**byte)).count()
}

#[cold]
fn write_odd_text(text: &[u8], lossy: bool, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (plain, odd) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        rest = match odd {
            [] => return,
            [0..0x80, ..] => write_odd(odd, out),
            // All up to the next ASCII character, so no character is cut.
            _ => {
                let (beyond, rest) = odd.split_at(odd.iter().position(u8::is_ascii).unwrap_or(odd.len()));
                write_beyond_ascii(beyond, lossy, out);
                rest
            }
        };
    }
}

fn write_beyond_ascii(text: &[u8], lossy: bool, out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid().as_bytes();
        while !rest.is_empty() {
            rest = write_odd(rest, out);
        }
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
    for (at, group) in entries.chunk_by(data::Entry::same_key).enumerate() {
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
        let start = out.len();
        let (path, rest) = Path::parse_with_rest(record.body);
        pair(b",\"item\":", path.item, out);
        if let Some(name) = path.name.and_then(|name| data::path_value(doc, &name)) {
            pair_of_any(b",\"name\":", name, out);
        }
        pair(b",\"inode\":", path.inode, out);
        pair(b",\"dev\":", path.dev, out);
        pair(b",\"mode\":", path.mode, out);
        pair(b",\"ouid\":", path.ouid, out);
        pair(b",\"ogid\":", path.ogid, out);
        pair(b",\"rdev\":", path.rdev, out);
        pair(b",\"obj\":", path.obj, out);
        pair(b",\"nametype\":", path.nametype, out);
        pair(b",\"cap_fp\":", path.cap_fp, out);
        pair(b",\"cap_fi\":", path.cap_fi, out);
        pair(b",\"cap_fe\":", path.cap_fe, out);
        pair(b",\"cap_fver\":", path.cap_fver, out);
        pair(b",\"cap_frootid\":", path.cap_frootid, out);
        for field in fields::kernel(rest) {
            let Some(value) = data::path_value(doc, &field) else { continue };
            out.push(b',');
            write_text(field.key, false, out);
            out.push(b':');
            write_text(value, false, out);
        }
        // The first has no comma in front.
        if out.len() > start {
            out.remove(start);
        }
        out.push(b'}');
    }
    if any {
        out.push(b']');
    }
}

/// A key as it is written behind another, and its value; nothing without a value.
#[inline]
fn pair<const N: usize>(key: &[u8; N], value: &[u8], out: &mut Vec<u8>) {
    if !value.is_empty() {
        pair_of_any(key, value, out);
    }
}

#[inline]
fn pair_of_any<const N: usize>(key: &[u8; N], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    write_text(value, false, out);
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
        assert_eq!(value(Value::Date(-1)), "\"1969-12-31T23:59:59.999Z\"");
        assert_eq!(value(Value::Date(-62_167_219_200_000)), "\"0000-01-01T00:00:00.000Z\"");
        assert_eq!(value(Value::Date(-62_167_219_200_001)), "-62167219200001");
        // Eight seconds later stands in the same place.
        assert_eq!(value(Value::Date(8_007)), "\"1970-01-01T00:00:08.007Z\"");
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
