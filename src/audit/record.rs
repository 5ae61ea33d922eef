//! One audit record, borrowed from the buffer it arrived in.
//!
//! Two shapes carry the same record: a netlink payload (the type stands in the header) and a line of
//! auditd's log (`type=NAME msg=audit(…): …`, raw or ENRICHED, maybe with `node=NAME ` in front).

use memchr::{memchr, memmem, memrchr};

use super::types::RecordType;

/// When and as which number the kernel wrote a record: `audit(SECONDS.MILLIS:SERIAL)`.
///
/// All records of one event carry the same stamp. It is the time at which the system call was
/// *entered*, so it may lie before stamps that were seen earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp {
    /// Milliseconds since the Unix epoch.
    pub millis: u64,
    /// The kernel's event serial.
    pub serial: u64,
}

/// One audit record. Everything is borrowed; nothing is decoded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The host that wrote it, from `node=` (may hold blanks); `None` where the source names none.
    pub node: Option<&'a [u8]>,
    /// The record type, e.g. [`RecordType::SYSCALL`].
    pub kind: RecordType,
    /// Time and serial.
    pub stamp: Stamp,
    /// What follows `audit(…): `, without surrounding blanks: the kernel's `key=value` text.
    pub body: &'a [u8],
    /// What auditd added after 0x1d in ENRICHED logs (`UID="root" …`); empty in raw ones.
    pub enriched: &'a [u8],
}

/// Why a line or a payload is no record. Counted, never fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// The line does not begin with `type=` (or `node=… type=`).
    #[error("no type= at the start")]
    NoType,
    /// The type is neither a known name nor `UNKNOWN[n]` nor a number.
    #[error("unknown record type name")]
    UnknownType,
    /// `audit(SECONDS.MILLIS:SERIAL):` is absent or cut short.
    #[error("no audit(seconds.millis:serial) stamp")]
    NoStamp,
    /// A netlink header whose length does not fit the datagram.
    #[error("netlink header does not fit the datagram")]
    BadHeader,
}

/// What auditd puts between a record and the words it looked up for it (`auditd.conf(5)`,
/// `log_format = ENRICHED`).
const ENRICHMENT: u8 = 0x1d;

impl<'a> Record<'a> {
    /// Parses one line of an audit log (line end included or not).
    ///
    /// # Errors
    /// [`Malformed`] says what is missing; an empty line is [`Malformed::NoType`].
    pub fn from_log_line(line: &'a [u8]) -> Result<Self, Malformed> {
        Self::from_log_line_after(line, &mut LastStamp::default())
    }

    /// The same, where `last` is of the line before: the records of an event follow each other, and its stamp is read
    /// once.
    ///
    /// # Errors
    /// As [`Record::from_log_line`].
    pub fn from_log_line_after(line: &'a [u8], last: &mut LastStamp) -> Result<Self, Malformed> {
        let (node, rest) = match line.strip_prefix(b"type=") {
            Some(rest) => (None, rest),
            None => split_node(line)?,
        };
        let blank = rest.iter().position(|&b| b == b' ').ok_or(Malformed::NoStamp)?;
        let (name, rest) = rest.split_at(blank);
        let kind = RecordType::from_name(name).ok_or(Malformed::UnknownType)?;
        let rest = rest.trim_ascii_start();
        let (stamp, text) = last.split(rest.strip_prefix(b"msg=").unwrap_or(rest))?;
        let (body, enriched) = split_enrichment(trim(text));
        Ok(Self { node, kind, stamp, body, enriched })
    }

    /// Parses the text of a netlink audit message of type `kind`. A NUL ends the text: the kernel pads
    /// messages with them.
    ///
    /// # Errors
    /// [`Malformed::NoStamp`] when the text does not begin with `audit(…)`.
    pub fn from_payload(kind: RecordType, payload: &'a [u8]) -> Result<Self, Malformed> {
        let text = memchr(0, payload).and_then(|end| payload.get(..end)).unwrap_or(payload);
        let (stamp, text) = split_stamp(text)?;
        Ok(Self { node: None, kind, stamp, body: trim(text), enriched: &[] })
    }
}

/// A stamp as it stood in a line, and what it says.
#[derive(Clone, Copy, Debug)]
pub struct LastStamp {
    /// Up to its colon, behind which another stamp cannot go on; longer ones are read anew.
    text: [u8; STAMP_ROOM],
    length: usize,
    stamp: Stamp,
}

/// `audit(1790000100.101:4294967295):` takes 33 bytes.
const STAMP_ROOM: usize = 40;

impl Default for LastStamp {
    fn default() -> Self {
        Self { text: [0; STAMP_ROOM], length: 0, stamp: Stamp::default() }
    }
}

impl LastStamp {
    /// As [`split_stamp`].
    #[inline]
    fn split<'a>(&mut self, text: &'a [u8]) -> Result<(Stamp, &'a [u8]), Malformed> {
        let known = self.text.get(..self.length).filter(|known| !known.is_empty());
        if let Some(rest) = known.and_then(|known| text.strip_prefix(known)) {
            return Ok((self.stamp, rest));
        }
        let (stamp, rest) = split_stamp(text)?;
        let stood = text.get(..text.len() - rest.len()).unwrap_or_default();
        self.length = 0;
        if let Some(place) = self.text.get_mut(..stood.len()) {
            place.copy_from_slice(stood);
            (self.length, self.stamp) = (stood.len(), stamp);
        }
        Ok((stamp, rest))
    }
}

/// `NAME type=…` after `node=`: the name ends where ` type=` begins, since it may hold blanks.
#[cold]
fn split_node(line: &[u8]) -> Result<(Option<&[u8]>, &[u8]), Malformed> {
    let rest = line.strip_prefix(b"node=").ok_or(Malformed::NoType)?;
    let end = memmem::find(rest, b" type=").ok_or(Malformed::NoType)?;
    let (node, rest) = rest.split_at(end);
    Ok((Some(node.trim_ascii()), rest.get(b" type=".len()..).unwrap_or_default()))
}

/// Takes `audit(SECONDS.MILLIS:SERIAL):` from the front.
#[inline]
fn split_stamp(text: &[u8]) -> Result<(Stamp, &[u8]), Malformed> {
    parse_stamp(text).ok_or(Malformed::NoStamp)
}

#[inline]
fn parse_stamp(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (seconds, rest) = number(text.strip_prefix(b"audit(")?)?;
    let rest = rest.strip_prefix(b".")?;
    let (fraction, after) = number(rest)?;
    // The kernel writes three digits (`audit_log_start`, "%llu.%03lu:%u").
    let fraction = match rest.len() - after.len() {
        1 => fraction * 100,
        2 => fraction * 10,
        3 => fraction,
        _ => return None,
    };
    let (serial, rest) = number(after.strip_prefix(b":")?)?;
    let millis = seconds.checked_mul(1000)?.checked_add(fraction)?;
    Some((Stamp { millis, serial }, rest.strip_prefix(b"):")?))
}

/// Decimal digits at the front: at least one, and no more than fit 64 bits whatever they are.
#[inline]
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    const MOST: usize = 19;
    let mut value: u64 = 0;
    let mut digits = 0;
    for byte in text.iter().take(MOST + 1) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits += 1;
    }
    if digits == 0 || digits > MOST { None } else { Some((value, text.get(digits..)?)) }
}

/// Without blanks at either end, line end and padding.
#[inline]
fn trim(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii_start();
    while let [rest @ .., b' ' | b'\n' | b'\r' | b'\t' | 0] = text {
        text = rest;
    }
    text
}

/// Body and enrichment. A message of a program may hold any byte, also 0x1d; it ends in `'`, and no
/// enrichment does.
#[inline]
fn split_enrichment(text: &[u8]) -> (&[u8], &[u8]) {
    if text.last() == Some(&b'\'') {
        return (text, &[]);
    }
    match memrchr(ENRICHMENT, text) {
        Some(at) => {
            let (body, enriched) = text.split_at(at);
            (body.trim_ascii_end(), enriched.get(1..).unwrap_or_default().trim_ascii_start())
        }
        None => (text, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Record<'_>, Malformed> {
        Record::from_log_line(line.as_bytes())
    }

    fn stamp(millis: u64, serial: u64) -> Stamp {
        Stamp { millis, serial }
    }

    #[test]
    fn a_raw_line_is_type_stamp_and_body() {
        let record = parse("type=CWD msg=audit(1790000100.101:7): cwd=\"/root\"").unwrap();
        let expected = Record {
            node: None,
            kind: RecordType::CWD,
            stamp: stamp(1_790_000_100_101, 7),
            body: b"cwd=\"/root\"",
            enriched: b"",
        };
        assert_eq!(record, expected);
        for variant in [
            "type=CWD msg=audit(1790000100.101:7): cwd=\"/root\"\n",
            "type=CWD msg=audit(1790000100.101:7): cwd=\"/root\"\r\n",
            "type=CWD msg=audit(1790000100.101:7):  cwd=\"/root\"  ",
            "type=CWD msg=audit(1790000100.101:7):cwd=\"/root\"\0\0",
            "type=1307 msg=audit(1790000100.101:7): cwd=\"/root\"",
            "type=UNKNOWN[1307] msg=audit(1790000100.101:7): cwd=\"/root\"",
            // As the kernel's own log has it.
            "type=1307 audit(1790000100.101:7): cwd=\"/root\"",
        ] {
            assert_eq!(parse(variant), Ok(expected), "{variant}");
        }
    }

    #[test]
    fn a_stamp_is_the_lines_own_whatever_stood_before() {
        let stamps = [
            "1790000100.101:7",
            "1790000100.101:7",
            "1790000100.101:77",
            "1790000100.101:7",
            "1790000100.101:8",
            "1790000100.10:8",
            "1790000100.101:",
            "1790000100.101:8",
            "0000000000000000001.000:0000000000000000002",
            "0000000000000000001.000:0000000000000000003",
        ];
        let mut last = LastStamp::default();
        for stamp in stamps {
            let line = format!("type=CWD msg=audit({stamp}): cwd=\"/\"");
            let alone = Record::from_log_line(line.as_bytes());
            assert_eq!(Record::from_log_line_after(line.as_bytes(), &mut last), alone, "{stamp}");
        }
    }

    #[test]
    fn an_empty_body_is_no_fault() {
        for line in ["type=EOE msg=audit(1.000:2): ", "type=EOE msg=audit(1.000:2):"] {
            let record = parse(line).unwrap();
            assert_eq!((record.kind, record.body), (RecordType::EOE, &b""[..]));
        }
    }

    #[test]
    fn a_node_may_hold_blanks() {
        let record = parse("node=Rack 7 b type=EOE msg=audit(1.5:2): ").unwrap();
        assert_eq!(record.node, Some(&b"Rack 7 b"[..]));
        assert_eq!(record.stamp, stamp(1500, 2));
        assert_eq!(parse("node= type=EOE msg=audit(1.5:2): ").unwrap().node, Some(&b""[..]));
        assert_eq!(parse("node=alpha"), Err(Malformed::NoType));
    }

    #[test]
    fn what_auditd_looked_up_stands_apart() {
        let record =
            parse("type=CWD msg=audit(1.000:2): cwd=\"/\" \u{1d}UID=\"root\" AUID=\"unset\"\n").unwrap();
        assert_eq!((record.body, record.enriched), (&b"cwd=\"/\""[..], &b"UID=\"root\" AUID=\"unset\""[..]));
    }

    #[test]
    fn a_program_cannot_pass_its_text_off_as_auditds() {
        let forged =
            parse("type=USER msg=audit(1.000:2): pid=1 msg='op=x \u{1d}UID=\"root\" res=success'").unwrap();
        assert_eq!(forged.enriched, b"");
        assert!(forged.body.ends_with(b"res=success'"));
        let both =
            parse("type=USER msg=audit(1.000:2): pid=1 msg='\u{1d}UID=\"x\"'\u{1d}UID=\"root\"").unwrap();
        assert_eq!(both.enriched, b"UID=\"root\"");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", Malformed::NoType),
            ("\n", Malformed::NoType),
            ("\0\0\0\0", Malformed::NoType),
            ("typ", Malformed::NoType),
            ("type=", Malformed::NoStamp),
            ("type=CWD", Malformed::NoStamp),
            ("type=NO_SUCH msg=audit(1.000:2): x", Malformed::UnknownType),
            ("type=UNKNOWN[99999] msg=audit(1.000:2): x", Malformed::UnknownType),
            ("type=CWD msg=", Malformed::NoStamp),
            ("type=CWD msg=audit(1.000:2)", Malformed::NoStamp),
            ("type=CWD msg=audit(1.000:): ", Malformed::NoStamp),
            ("type=CWD msg=audit(1.0000:2): ", Malformed::NoStamp),
            ("type=CWD msg=audit(-1.000:2): ", Malformed::NoStamp),
            ("type=CWD msg=audit(18446744073709551615.000:2): ", Malformed::NoStamp),
            ("type=CWD msg=audit(1.000:99999999999999999999): ", Malformed::NoStamp),
            ("type=CWD msg=audit(1000000000000000000.000:2): ", Malformed::NoStamp),
        ];
        for (line, fault) in cases {
            assert_eq!(parse(line), Err(fault), "{line:?}");
        }
    }

    #[test]
    fn a_nul_ends_a_payload() {
        let kind = RecordType::CWD;
        let expected = Record::from_payload(kind, b"audit(1790000100.101:7): cwd=\"/root\"").unwrap();
        assert_eq!((expected.body, expected.stamp), (&b"cwd=\"/root\""[..], stamp(1_790_000_100_101, 7)));
        for payload in [
            &b"audit(1790000100.101:7): cwd=\"/root\"\0"[..],
            b"audit(1790000100.101:7): cwd=\"/root\"\0old bytes\x1d",
            b"audit(1790000100.101:7): cwd=\"/root\" \n",
        ] {
            assert_eq!(Record::from_payload(kind, payload), Ok(expected));
        }
        assert_eq!(Record::from_payload(kind, b"audit(1.000:\x002): x"), Err(Malformed::NoStamp));
        assert_eq!(Record::from_payload(kind, b""), Err(Malformed::NoStamp));
    }
}
