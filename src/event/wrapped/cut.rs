//! Lines to whole JSON values: of a document a line, of values that span lines, and behind what Kafka's console
//! consumer and logs put in front.

use memchr::{memmem, memrchr};
use serde_json::{Map, Value as Json};

use super::{Broken, action};

/// The longest JSON value that is taken, in bytes.
const LONGEST: usize = 16 << 20;

/// The longest action line of a bulk request that is recognised, in bytes.
const LONGEST_ACTION: usize = 4096;

/// A JSON value of the input, or what was broken in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// The line in which it begins, from 1.
    pub from: u64,
    /// The action line of a bulk request that it is the document of.
    pub action: Option<&'t [u8]>,
    /// Its text, which need not be JSON yet.
    pub text: Result<&'t [u8], Broken>,
}

/// Takes lines, gives JSON values.
#[derive(Debug, Default)]
pub struct Cutter {
    /// The line that was read last, from 1.
    line: u64,
    /// A value that has begun and not ended, and the line in which it began.
    pending: Vec<u8>,
    from: u64,
    /// What is open in it.
    open: Vec<u8>,
    in_text: bool,
    escaped: bool,
    action: Option<Box<[u8]>>,
}

impl Cutter {
    /// Takes a line. False: it is no (part of) JSON.
    pub fn line(&mut self, line: &[u8], emit: &mut dyn FnMut(Piece<'_>)) -> bool {
        self.line += 1;
        if !self.pending.is_empty() {
            if !self.cannot_go_on(line) {
                self.go_on(line, emit);
                return true;
            }
            self.give_up(Broken::NotJson, emit);
        }
        let Some(text) = json_in(line) else { return false };
        if let (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) = (text.first(), text.last()) {
            self.whole(text, emit);
        } else {
            self.from = self.line;
            self.go_on(text, emit);
        }
        true
    }

    /// The input has ended; the next line is the first of another.
    pub fn end(&mut self, emit: &mut dyn FnMut(Piece<'_>)) {
        if !self.pending.is_empty() {
            self.give_up(Broken::NotJson, emit);
        }
        *self = Self::default();
    }

    /// A value that begins and ends on its line.
    fn whole(&mut self, text: &[u8], emit: &mut dyn FnMut(Piece<'_>)) {
        let action = self.action.take();
        if action.is_none()
            && let Some(wants_a_document) = bulk(text)
        {
            self.action = wants_a_document.then(|| text.into());
            return;
        }
        emit(Piece { from: self.line, action: action.as_deref(), text: Ok(text) });
    }

    fn go_on(&mut self, line: &[u8], emit: &mut dyn FnMut(Piece<'_>)) {
        if self.pending.len() + line.len() > LONGEST {
            return self.give_up(Broken::TooLong, emit);
        }
        self.pending.extend_from_slice(line.trim_ascii_end());
        self.pending.push(b'\n');
        self.scan(line);
        if self.open.is_empty() {
            let (text, action) = (std::mem::take(&mut self.pending), self.action.take());
            emit(Piece { from: self.from, action: action.as_deref(), text: Ok(&text) });
            self.reset();
        }
    }

    /// What was begun is broken. Lines behind its first that are whole by themselves were taken for a part of it.
    fn give_up(&mut self, why: Broken, emit: &mut dyn FnMut(Piece<'_>)) {
        emit(Piece { from: self.from, action: None, text: Err(why) });
        self.action = None;
        let (pending, from) = (std::mem::take(&mut self.pending), self.from);
        self.reset();
        for (line, number) in pending.split(|byte| *byte == b'\n').zip(from..).skip(1) {
            if line.starts_with(b"{\"") && line.ends_with(b"}") {
                emit(Piece { from: number, action: None, text: Ok(line) });
            }
        }
    }

    fn reset(&mut self) {
        self.pending = Vec::new();
        self.open.clear();
        (self.in_text, self.escaped) = (false, false);
    }

    /// Whether the value that was begun was cut, and `line` begins something of its own: an audit record, or a document
    /// where none can stand.
    fn cannot_go_on(&self, line: &[u8]) -> bool {
        if is_record(line) {
            return true;
        }
        if !line.starts_with(b"{\"") {
            return false;
        }
        let last = self.pending.trim_ascii_end().last();
        self.in_text
            || !match last {
                Some(b'[' | b':') => true,
                Some(b',') => self.open.last() == Some(&b'['),
                _ => false,
            }
    }

    fn scan(&mut self, line: &[u8]) {
        for byte in line {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.open.push(*byte),
                b'}' | b']' if !self.in_text => _ = self.open.pop(),
                _ => {}
            }
        }
    }
}

/// Whether it is the action line of a bulk request, and then whether a document follows.
fn bulk(text: &[u8]) -> Option<bool> {
    let key = text.get(1..)?.trim_ascii_start();
    let is_one = [&b"\"index\""[..], b"\"create\"", b"\"update\"", b"\"delete\""]
        .iter()
        .any(|name| key.starts_with(name));
    if !is_one || text.len() > LONGEST_ACTION {
        return None;
    }
    let object: Map<String, Json> = serde_json::from_slice(text).ok()?;
    action(&object).map(|(name, _)| name != "delete")
}

fn is_record(line: &[u8]) -> bool {
    line.starts_with(b"type=") || line.starts_with(b"node=")
}

/// Where JSON begins in a line that does not go on with a value: at its start, or behind a prefix such as the time, the
/// headers and the key of Kafka's console consumer, or a log's.
fn json_in(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    match line.first()? {
        b'{' | b'[' => return Some(line),
        _ if line.last() != Some(&b'}') || is_record(line) => return None,
        _ => {}
    }
    let tail = behind_last_tab(line).filter(|tail| tail.first() == Some(&b'{'));
    let (prefix, text) = match tail {
        Some(tail) => (line.get(..line.len() - tail.len())?, tail),
        None => line.split_at(memmem::find(line, b"{\"")?),
    };
    // A record that a syslog daemon wrote.
    memmem::find(prefix, b"msg=audit(").is_none().then_some(text)
}

/// A tab stands in no JSON text on one line but as a blank.
pub(super) fn behind_last_tab(line: &[u8]) -> Option<&[u8]> {
    line.get(memrchr(b'\t', line)? + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let (mut cutter, mut pieces) = (Cutter::default(), Vec::new());
        let mut take = |piece: Piece<'_>| {
            let text =
                piece.text.map_or("BROKEN".into(), |text| String::from_utf8_lossy(text).replace('\n', ""));
            pieces.push(format!(
                "{}:{text}{}",
                piece.from,
                if piece.action.is_some() { " of an action" } else { "" }
            ));
        };
        let mut records = 0;
        for line in text.lines() {
            records += usize::from(!cutter.line(line.as_bytes(), &mut take));
        }
        cutter.end(&mut take);
        pieces.push(records.to_string());
        pieces
    }

    #[test]
    fn values_are_found_behind_what_stands_in_front() {
        for (line, value) in [
            ("\u{feff}{\"n\":1}\r", "{\"n\":1}"),
            ("CreateTime:1790000100000\tk:v,h:w\tkey\t{\"n\":1}", "{\"n\":1}"),
            ("CreateTime:1790000100000\tNO_HEADERS\tnull\t{\"n\":1}", "{\"n\":1}"),
            ("Partition:0\tOffset:7\t{\"id\":1}\t{\"n\":1}", "{\"n\":1}"),
            ("key|{\"n\":{}}", "{\"n\":{}}"),
            ("Nov 28 10:00:00 host auditward: {\"n\":\"a\\tb\"}", "{\"n\":\"a\\tb\"}"),
        ] {
            assert_eq!(cut(line), [&format!("1:{value}"), "0"], "{line}");
        }
        for record in [
            "type=USER_CMD msg=audit(1.0:1): cmd={\"n\":1}",
            "Nov 28 host audit: msg=audit(1.0:1): x={\"a\"}",
            "",
            "x",
        ] {
            assert_eq!(
                cut(record).last().map(String::as_str),
                Some(if record.is_empty() { "0" } else { "1" }),
                "{record}"
            );
        }
    }

    #[test]
    fn values_span_lines_and_what_is_cut_takes_nothing_with_it() {
        assert_eq!(cut("[{\"n\":1},\n{\"n\":2}]"), ["1:[{\"n\":1},{\"n\":2}]", "0"]);
        assert_eq!(cut("{\"hits\":[\n{\"n\":2}\n]}\n{}"), ["1:{\"hits\":[{\"n\":2}]}", "4:{}", "0"]);
        assert_eq!(cut("{\"n\":\"cut\n{\"n\":2}"), ["1:BROKEN", "2:{\"n\":2}", "0"]);
        assert_eq!(cut("{\"n\":1,\n{\"n\":2}\n{\"n\":"), ["1:BROKEN", "2:{\"n\":2}", "3:BROKEN", "0"]);
        assert_eq!(cut("{\"n\":\n{\"n\":2}\n{\"n\":3}"), ["1:BROKEN", "2:{\"n\":2}", "3:{\"n\":3}", "0"]);
        assert_eq!(cut("{\"n\":1,\ntype=EOE msg=audit(1.0:1): "), ["1:BROKEN", "1"]);
    }

    #[test]
    fn a_document_is_its_action_s() {
        let text =
            "{\"index\":{\"_index\":\"i\"}}\n{\"delete\":{}}\n{\"delete\":{\"_id\":\"1\"}}\n{\"index\":7}";
        assert_eq!(cut(text), ["2:{\"delete\":{}} of an action", "4:{\"index\":7}", "0"]);
    }
}
