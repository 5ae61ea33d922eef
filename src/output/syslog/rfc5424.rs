//! RFC 5424: header and structured data.
//!
//! `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [SD-ID name="value" …] MSG`. The time is that of
//! the event, in UTC with milliseconds; MSGID is the rule's short id. A parameter's value is escaped
//! as [`crate::clean::text`] says, and then as the RFC (6.3.3) demands for `"`, `\` and `]`: take the
//! RFC's backslashes away, then `clean::unescape` gives the exact bytes.

use jiff::Timestamp;

use crate::alert::{read, text};
use crate::clean;
use serde_json::{Map, Value};

/// The value of a field that has none.
const NILVALUE: &str = "-";
/// Longest HOSTNAME (RFC 5424, 6.2.4).
const HOSTNAME: usize = 255;
/// Longest MSGID (6.2.7).
const MSGID: usize = 32;
/// The byte order mark that begins a MSG in UTF-8 (6.4).
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What stands in the header.
pub(super) struct Header<'a> {
    pub(super) pri: u8,
    pub(super) time: Timestamp,
    pub(super) host: &'a str,
    pub(super) pid: u32,
    pub(super) msgid: &'a str,
}

impl Header<'_> {
    /// Appends the header up to and with the blank before STRUCTURED-DATA.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let time = self.time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        let (host, msgid) = (name(self.host, HOSTNAME), name(self.msgid, MSGID));
        let line = format!("<{}>1 {time} {host} {} {} {msgid} ", self.pri, super::APP_NAME, self.pid);
        out.extend_from_slice(line.as_bytes());
    }
}

/// `s` where it is printable ASCII without blanks (cut to `max`), else the NILVALUE.
fn name(s: &str, max: usize) -> &str {
    if s.is_empty() || !s.bytes().all(|b| b.is_ascii_graphic()) {
        return NILVALUE;
    }
    s.get(..max).unwrap_or(s)
}

/// The structured data of an alert in at most `room` bytes: facts in the order of worth, then the
/// arguments. What does not fit is shortened or left out whole, and `truncated="yes"` stands first.
pub(super) fn structured_data(document: &Map<String, Value>, enterprise: u32, room: usize) -> Vec<u8> {
    let args = read::args(document);
    let facts = text::facts(document);
    let argc = args.len().to_string();
    let mut params: Vec<(String, &[u8])> =
        facts.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes())).collect();
    if !args.is_empty() {
        params.push(("argc".to_owned(), argc.as_bytes()));
    }
    params.extend(args.iter().enumerate().map(|(n, arg)| (format!("a{n}"), arg.as_ref())));

    let begin = begin(enterprise);
    let mut whole = begin.clone().into_bytes();
    for (name, value) in &params {
        push_param(&mut whole, name, &clean::text(value));
        if whole.len() > room {
            return shortened(&begin, &params, room);
        }
    }
    whole.push(b']');
    if whole.len() > room { shortened(&begin, &params, room) } else { whole }
}

/// Beside a body that says everything itself: what a receiver sorts by.
pub(super) fn short_structured_data(document: &Map<String, Value>, enterprise: u32) -> Vec<u8> {
    let mut out = begin(enterprise).into_bytes();
    for (name, path) in [("alert", "event.id"), ("severity", "event.severity")] {
        if let Some(value) = read::text(document, path) {
            push_param(&mut out, name, &clean::text(value.as_bytes()));
        }
    }
    out.push(b']');
    out
}

fn begin(enterprise: u32) -> String {
    format!("[auditward@{enterprise}")
}

fn shortened(begin: &str, params: &[(String, &[u8])], room: usize) -> Vec<u8> {
    let mut out = begin.as_bytes().to_vec();
    push_param(&mut out, "truncated", "yes");
    if out.len() + 1 > room {
        return NILVALUE.as_bytes().to_vec();
    }
    let longest = (room / 16).max(48);
    for (name, value) in params {
        let before = out.len();
        push_param(&mut out, name, &middle_cut(value, longest));
        if out.len() + 1 > room {
            out.truncate(before);
        }
    }
    out.push(b']');
    out
}

/// The escaped value, its middle left out where it is longer than `max` bytes.
fn middle_cut(value: &[u8], max: usize) -> String {
    let whole = clean::text(value);
    if whole.len() <= max {
        return whole.into_owned();
    }
    let mut out = String::new();
    clean::push_ends(&mut out, value, max);
    out
}

/// ` NAME="VALUE"`; the name is ours, printable ASCII without `=`, `]`, `"`, at most 32 bytes.
fn push_param(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    for &b in value.as_bytes() {
        if matches!(b, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(b);
    }
    out.push(b'"');
}

/// Appends MSG: with the BOM where it is not plain ASCII, as 6.4 demands of UTF-8.
pub(super) fn push_msg(out: &mut Vec<u8>, text: &str) {
    if !text.is_ascii() {
        out.extend_from_slice(BOM);
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_limits_of_the_rfc() {
        let long = "h".repeat(300);
        assert_eq!(name(&long, HOSTNAME).len(), 255);
        assert_eq!(name("web1.example.org", HOSTNAME), "web1.example.org");
        for bad in ["", "with blank", "tab\t", "bücher"] {
            assert_eq!(name(bad, HOSTNAME), NILVALUE);
        }
    }

    #[test]
    fn a_time_has_at_most_six_digits() {
        for (time, written) in [
            ("2026-09-21T14:15:00.101Z", "2026-09-21T14:15:00.101Z"),
            ("2026-09-21T14:15:00Z", "2026-09-21T14:15:00.000Z"),
            ("2026-09-21T14:15:00.123456789Z", "2026-09-21T14:15:00.123Z"),
        ] {
            let header = Header { pri: 84, time: time.parse().unwrap(), host: "web1", pid: 7, msgid: "rule" };
            let mut out = Vec::new();
            header.push(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("<84>1 {written} web1 auditward 7 rule "));
        }
    }

    #[test]
    fn the_three_characters_are_escaped() {
        let mut out = Vec::new();
        push_param(&mut out, "a1", &clean::text(b"a\"b\\c]d\n"));
        assert_eq!(String::from_utf8(out).unwrap(), r#" a1="a\"b\\\\c\]d\\n""#);
    }
}
