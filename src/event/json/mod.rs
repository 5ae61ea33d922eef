//! An event as one line of JSON: an ECS document with nested objects.
//!
//! The rows of the schema are sorted part by part, so the objects are opened and closed on the way and
//! nothing is built in between. Control characters and what else is [hidden](crate::clean::is_hidden) are written as
//! `\u` escapes, so that a line stays a line and a terminal stays as it was. Bytes that are not UTF-8 are
//! U+FFFD in arguments (their exact bytes stand in `auditd.data.aN_hex`) and `\xff` elsewhere.

mod line;
mod pieces;
mod plan;
mod records;

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use self::line::Line;
use self::pieces::Pieces;
use self::plan::{Follows, Needs, Objects, Section, Shown, Step, plan};
use self::records::{write_data, write_paths};
use super::audit_document::AuditDocument;
use super::document::{Value, Values};
use super::from_audit::CAPABILITIES;
use super::secrets::Secrets;
use crate::audit::RecordType;
use crate::secret::Masker;

/// Writes documents, one after the other into one buffer.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
    exported: bool,
}

impl Writer {
    /// Writes documents that go out by themselves: they say what wrote them and for which data stream they are.
    #[must_use]
    pub fn exporting() -> Self {
        Self { exported: true, ..Self::default() }
    }

    /// The document of an event, without a line end; it stands until the next is written.
    pub fn write(&mut self, doc: &AuditDocument<'_>) -> &[u8] {
        let mut line = Line::over(&mut self.buffer);
        write(doc, self.exported, None, &mut line);
        line.end()
    }
}

fn write(doc: &AuditDocument<'_>, exported: bool, mut pieces: Option<&mut Pieces>, out: &mut Line<'_>) {
    let plan = plan();
    let mut objects = Objects::begin(plan);
    let absent = Absent { export: !exported, ..Absent::of(doc) };
    for part in &plan.parts {
        let sections = || part.sections.iter().filter(|section| !absent.holds(section.needs));
        match pieces.as_deref_mut() {
            Some(_) if sections().next().is_none() => {}
            Some(pieces) if part.from != Follows::Event => {
                let write = |objects: &mut Objects, out: &mut Line<'_>| {
                    write_sections(sections(), doc, None, objects, out);
                };
                pieces.part(doc, part, &mut objects, out, write);
            }
            pieces => write_sections(sections(), doc, pieces, &mut objects, out),
        }
    }
    objects.end(out);
}

#[inline]
fn write_sections<'s>(
    sections: impl Iterator<Item = &'s Section>,
    doc: &AuditDocument<'_>,
    mut pieces: Option<&mut Pieces>,
    objects: &mut Objects,
    out: &mut Line<'_>,
) {
    for step in sections.flat_map(|section| &section.steps) {
        match step {
            Step::Field(shown) => {
                let values = doc.shown(shown.field);
                if !matches!(values, Values::None) {
                    objects.key(shown, out);
                    write_values(&values, shown, out);
                }
            }
            Step::Always(shown) => objects.key(shown, out),
            Step::Capabilities(shown) => {
                if let Some(set) = doc.capabilities(shown.field) {
                    objects.key(shown, out);
                    write_capabilities(set, out);
                }
            }
            Step::Data(place) => write_data(doc, place, pieces.as_deref_mut(), objects, out),
            Step::Paths(place) => write_paths(doc, place, pieces.as_deref_mut(), objects, out),
        }
    }
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
    export: bool,
}

impl Absent {
    fn of(doc: &AuditDocument<'_>) -> Self {
        Self {
            parent: doc.parent.is_none(),
            leaders: doc.leaders().map(|leader| leader.is_none()),
            file: doc.items().is_none(),
            // Where somebody came from stands in messages too.
            network: doc.parts.socket.is_none() && doc.parts.call.is_some(),
            names: doc.is_nameless(),
            capabilities: doc.parts.capabilities.is_none(),
            message: doc.parts.lead.kind == RecordType::SYSCALL,
            export: true,
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
            Needs::Export => self.export,
        }
    }
}

/// Writes documents that go out by themselves ([`Writer::exporting`]) without their secrets, as the process's
/// [`crate::secret`] policy says.
#[derive(Debug)]
pub struct MaskedWriter {
    writer: Writer,
    pieces: Pieces,
    secrets: Secrets,
    masked: Vec<u8>,
    /// Lines, up to this place.
    lines: (Vec<u8>, usize),
}

impl Default for MaskedWriter {
    fn default() -> Self {
        let (writer, pieces, secrets) = (Writer::exporting(), Pieces::default(), Secrets::default());
        Self { writer, pieces, secrets, masked: Vec::new(), lines: (Vec::new(), 0) }
    }
}

impl MaskedWriter {
    /// The document of an event, without a line end; it stands until the next is written.
    pub fn write(&mut self, doc: &AuditDocument<'_>) -> &[u8] {
        let masker = self.secrets.of(doc);
        let mut line = Line::over(&mut self.masked);
        match masker {
            None => write(doc, true, Some(&mut self.pieces), &mut line),
            Some(masker) => line.json(&masked(&masker, self.writer.write(doc))),
        }
        line.end()
    }

    /// Puts the document of an event behind the others in [`MaskedWriter::lines`], where many are written at once: none
    /// is copied then.
    pub fn push_line(&mut self, doc: &AuditDocument<'_>) {
        let masker = self.secrets.of(doc);
        let (buffer, end) = &mut self.lines;
        let mut line = Line::behind(buffer, *end);
        match masker {
            None => write(doc, true, Some(&mut self.pieces), &mut line),
            Some(masker) => line.json(&masked(&masker, self.writer.write(doc))),
        }
        line.byte(b'\n');
        *end = line.at();
    }

    /// The documents since [`MaskedWriter::clear_lines`], each with its line end.
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        let (buffer, end) = &self.lines;
        buffer.get(..*end).unwrap_or_default()
    }

    /// They were written.
    pub fn clear_lines(&mut self) {
        self.lines.1 = 0;
    }
}

/// The document of an event as a map, for an alert that adds to it.
#[must_use]
pub fn to_map(doc: &AuditDocument<'_>) -> Map<String, Json> {
    map_of(Writer::default().write(doc))
}

fn masked(masker: &Masker, written: &[u8]) -> Json {
    let mut event = map_of(written);
    masker.event(&mut event);
    event.into()
}

fn map_of(written: &[u8]) -> Map<String, Json> {
    // What is written is JSON; a fault in it would show in its tests.
    serde_json::from_slice(written).unwrap_or_default()
}

fn write_values(values: &Values<'_>, shown: &Shown, out: &mut Line<'_>) {
    match values {
        Values::One(value) if !shown.many => write_value(value, shown.lossy, out),
        Values::Many([value]) if !shown.many => write_value(value, shown.lossy, out),
        _ => {
            out.byte(b'[');
            for (at, value) in values.as_slice().iter().enumerate() {
                if at > 0 {
                    out.byte(b',');
                }
                write_value(value, shown.lossy, out);
            }
            out.byte(b']');
        }
    }
}

fn write_value(value: &Value<'_>, lossy: bool, out: &mut Line<'_>) {
    match value {
        Value::Text(text) => out.text(text, lossy),
        Value::Long(number) => out.integer(*number),
        Value::Double(number) if number.is_finite() => out.display(format_args!("{number:?}")),
        Value::Double(_) => out.bytes(b"null"),
        Value::Bool(truth) => out.bytes(if *truth { b"true" } else { b"false" }),
        Value::Date(millis) => out.date(*millis),
        Value::Ip(address) => out.display(format_args!("\"{address}\"")),
    }
}

/// The names of a set of capabilities, as a list.
fn write_capabilities(set: u64, out: &mut Line<'_>) {
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
    out.byte(b'[');
    // Capabilities whose numbers follow each other are copied as one.
    while rest != 0 {
        let first = rest.trailing_zeros() as usize;
        let after = first + (rest >> first).trailing_ones() as usize;
        let place = starts.get(first).zip(starts.get(after));
        let names = place.and_then(|(start, end)| text.as_bytes().get(*start..*end)).unwrap_or_default();
        out.bytes(names);
        rest &= u64::MAX.checked_shl(u32::try_from(after).unwrap_or(64)).unwrap_or(0);
    }
    out.take_back(b',');
    out.byte(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(value: Value<'_>) -> String {
        let mut buffer = Vec::new();
        let mut line = Line::over(&mut buffer);
        write_value(&value, false, &mut line);
        String::from_utf8(line.end().to_vec()).unwrap()
    }

    #[test]
    fn values_of_every_type() {
        assert_eq!(value(Value::Text(b"a\"b")), "\"a\\\"b\"");
        assert_eq!(value(Value::Bool(true)), "true");
        assert_eq!(value(Value::Long(-7)), "-7");
        assert_eq!(value(Value::Double(1.5)), "1.5");
        assert_eq!(value(Value::Double(f64::NAN)), "null");
        assert_eq!(value(Value::Date(0)), "\"1970-01-01T00:00:00.000Z\"");
        assert_eq!(value(Value::Ip(std::net::Ipv6Addr::LOCALHOST.into())), "\"::1\"");
    }

    #[test]
    fn sets_of_capabilities() {
        let written = |set| {
            let mut buffer = Vec::new();
            let mut line = Line::over(&mut buffer);
            write_capabilities(set, &mut line);
            serde_json::from_slice::<Vec<String>>(line.end()).unwrap()
        };
        assert_eq!(written(0), [""; 0]);
        assert_eq!(written(1), ["CAP_CHOWN"]);
        assert_eq!(written(0b1011), ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"]);
        assert_eq!(written(u64::MAX), CAPABILITIES);
        assert_eq!(written(1 << 40), ["CAP_CHECKPOINT_RESTORE"]);
        for (bit, name) in CAPABILITIES.iter().enumerate() {
            assert_eq!(written(1 << bit), [*name]);
        }
    }
}
