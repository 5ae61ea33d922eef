//! Text from outside, made fit to be shown: once for all outputs.
//!
//! Arguments, paths and names are bytes an attacked process chose. Nothing of them may start a new
//! line, reach a terminal as a control sequence, turn the reading direction, hide, or end the quotes
//! they stand in. So every such byte or character is written as a visible escape, and [`unescape`]
//! gives the exact bytes back:
//!
//! | written | stands for |
//! |---|---|
//! | `\\`, `\"` | backslash, double quote |
//! | `\n`, `\r`, `\t` | line feed, carriage return, tab |
//! | `\xHH` | the byte HH: an ASCII control character, or a byte that is no UTF-8 |
//! | `\u{H…}` | the character U+H…: C1 controls, U+0085, U+2028, bidi controls, everything invisible |
//!
//! A value is *bare* when it consists of letters, digits and `_@%+:,./-^~` only, else it stands in
//! double quotes. What does not fit is left out in the middle, and the gap is marked outside the
//! quotes, `"begin"...[100000 bytes]..."end"`, so that no argument can look like a gap.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use bstr::ByteSlice;

/// Whether `c` never leaves as it is: controls, line and paragraph separators, bidi and other format
/// characters, blanks other than space, characters without a glyph, variation selectors of the
/// supplement, noncharacters.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control() || c.is_whitespace() || is_invisible(c) || is_noncharacter(c)
}

/// Unicode's Cf and Default_Ignorable characters (15.1), and the braille blank. U+FE0F, which only
/// chooses the look of an emoji, is let through.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x34F | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x890..=0x891 | 0x8E2
        | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E
        | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0E | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0x110BD | 0x110CD | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
        | 0xE0000..=0xE0FFF)
}

fn is_noncharacter(c: char) -> bool {
    let c = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&c) || c & 0xFFFE == 0xFFFE
}

/// One piece of input: a character, or a byte that is no UTF-8.
#[derive(Clone, Copy)]
enum Unit {
    Char(char),
    Byte(u8),
}

/// The units of `bytes`, each with the range it stands at.
fn units(bytes: &[u8]) -> impl Iterator<Item = (Range<usize>, Unit)> + '_ {
    bytes.char_indices().flat_map(move |(start, end, c)| {
        let invalid =
            c == char::REPLACEMENT_CHARACTER && bytes.get(start..end) != Some("\u{FFFD}".as_bytes());
        let step = if invalid { 1 } else { end - start };
        (start..end).step_by(step.max(1)).map(move |at| {
            let unit = match bytes.get(at) {
                Some(&b) if invalid => Unit::Byte(b),
                _ => Unit::Char(c),
            };
            (at..at + step, unit)
        })
    })
}

/// Appends one unit; `quoted` says whether a double quote would end the value.
fn push_unit(out: &mut String, unit: Unit, quoted: bool) {
    match unit {
        Unit::Char('\\') => out.push_str("\\\\"),
        Unit::Char('"') if quoted => out.push_str("\\\""),
        Unit::Char('\n') => out.push_str("\\n"),
        Unit::Char('\r') => out.push_str("\\r"),
        Unit::Char('\t') => out.push_str("\\t"),
        Unit::Char(c) if !is_hidden(c) => out.push(c),
        Unit::Char(c) if !c.is_ascii() => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        Unit::Char(c) => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        Unit::Byte(b) => {
            let _ = write!(out, "\\x{b:02x}");
        }
    }
}

fn unit_len(unit: Unit) -> usize {
    match unit {
        Unit::Char('\\' | '"' | '\n' | '\r' | '\t') => 2,
        Unit::Char(c) if !is_hidden(c) => c.len_utf8(),
        Unit::Char(c) if !c.is_ascii() => 4 + (u32::from(c).ilog2() as usize / 4 + 1),
        Unit::Char(_) | Unit::Byte(_) => 4,
    }
}

/// Whether `bytes` can stand without escapes (quotes are not counted).
fn is_plain(bytes: &[u8]) -> bool {
    if bytes.iter().all(|b| (b' '..=b'~').contains(b)) {
        return !bytes.contains(&b'\\');
    }
    std::str::from_utf8(bytes).is_ok_and(|s| !s.chars().any(|c| c == '\\' || is_hidden(c)))
}

/// Free text (a rule's name, a sentence of the daemon): escaped, not quoted.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(s) if is_plain(bytes) => Cow::Borrowed(s),
        _ => {
            let mut out = String::with_capacity(bytes.len() + 16);
            units(bytes).for_each(|(_, u)| push_unit(&mut out, u, false));
            Cow::Owned(out)
        }
    }
}

/// Whether a byte stands as itself, in quotes and without.
fn is_simple(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Whether a byte can stand without quotes. Written so that many can be asked at once.
const fn is_bare_byte(byte: u8) -> bool {
    matches!(byte, b'+'..=b':')
        | matches!(byte, b'@'..=b'Z')
        | byte.is_ascii_lowercase()
        | (byte == b'_')
        | (byte == b'^')
        | (byte == b'~')
        | (byte == b'%')
}

/// [`is_bare_byte`] of each.
const BARE: [bool; 256] = {
    let mut bare = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        bare[byte as usize] = is_bare_byte(byte);
        byte += 1;
    }
    bare
};

/// Whether `bytes` can stand as a value without quotes.
fn is_bare(bytes: &[u8]) -> bool {
    if is_bare_ascii(bytes) {
        return !bytes.is_empty();
    }
    if bytes.is_ascii() {
        return false;
    }
    let ok = |c: char| {
        if c.is_ascii() {
            u8::try_from(c).is_ok_and(|byte| BARE[usize::from(byte)])
        } else {
            c.is_alphanumeric() && !is_hidden(c)
        }
    };
    std::str::from_utf8(bytes).is_ok_and(|s| s.chars().all(ok))
}

/// Whether all of `bytes` are such as stand without quotes. The lists of ids of a sequence are long: their bytes are
/// asked together, a register full at a time.
fn is_bare_ascii(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<32>();
    chunks.iter().all(|chunk| chunk.iter().fold(true, |all, byte| all & is_bare_byte(*byte)))
        && rest.iter().all(|byte| BARE[usize::from(*byte)])
}

/// A value: bare where that is unambiguous, else in double quotes.
pub fn push_value(out: &mut String, bytes: &[u8]) {
    if is_bare(bytes) {
        out.push_str(std::str::from_utf8(bytes).unwrap_or_default());
        return;
    }
    push_quoted(out, bytes);
}

fn push_quoted(out: &mut String, bytes: &[u8]) {
    push_quoted_behind(out, bytes, simple(bytes));
}

/// How many bytes of the front stand as themselves: most of them, mostly.
fn simple(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| !is_simple(*b)).unwrap_or(bytes.len())
}

/// [`push_quoted`] where so many bytes of the front are [`simple`].
fn push_quoted_behind(out: &mut String, bytes: &[u8], simple: usize) {
    out.push('"');
    let (simple, rest) = bytes.split_at(simple);
    out.push_str(std::str::from_utf8(simple).unwrap_or_default());
    units(rest).for_each(|(_, u)| push_unit(out, u, true));
    out.push('"');
}

/// [`push_value`], with at most about `max` bytes of the value's text kept: what is over is left out
/// in the middle and the original length told. Returns whether something was left out.
pub fn push_value_within(out: &mut String, bytes: &[u8], max: usize) -> bool {
    if bytes.len() <= max && is_bare(bytes) {
        out.push_str(std::str::from_utf8(bytes).unwrap_or_default());
        return false;
    }
    push_quoted_within(out, bytes, max)
}

/// [`push_value_within`] of what is known to be text.
pub(crate) fn push_text_within(out: &mut String, text: &str, max: usize) -> bool {
    if text.len() <= max && is_bare(text.as_bytes()) {
        out.push_str(text);
        return false;
    }
    push_quoted_within(out, text.as_bytes(), max)
}

fn push_quoted_within(out: &mut String, bytes: &[u8], max: usize) -> bool {
    if bytes.len() <= max {
        let simple = simple(bytes);
        if simple == bytes.len() || fits(bytes, max) {
            push_quoted_behind(out, bytes, simple);
            return false;
        }
    }
    let (head, tail) = ends(bytes, max);
    push_quoted(out, head);
    let _ = write!(out, "...[{} bytes]...", bytes.len());
    push_quoted(out, tail);
    true
}

/// The free text of both ends of `bytes`, at most `max` bytes of it, the gap between them marked. For
/// places that have quotes of their own; whether something was left out must be told beside it.
pub(crate) fn push_ends(out: &mut String, bytes: &[u8], max: usize) {
    let (head, tail) = ends(bytes, max);
    out.push_str(&text(head));
    let _ = write!(out, "...[{} bytes]...", bytes.len());
    out.push_str(&text(tail));
}

/// Whether the escaped form of `bytes` is at most `max` bytes long.
fn fits(bytes: &[u8], max: usize) -> bool {
    let mut len = 0;
    units(bytes).all(|(_, u)| {
        len += unit_len(u);
        len <= max
    })
}

/// The beginning and the end of `bytes` whose escaped forms together take at most `max` bytes; cut
/// between characters.
fn ends(bytes: &[u8], max: usize) -> (&[u8], &[u8]) {
    let head_max = max.div_ceil(2);
    let mut used = 0;
    let head = units(bytes)
        .take_while(|(_, u)| {
            used += unit_len(*u);
            used <= head_max
        })
        .last()
        .map_or(0, |(r, _)| r.end);
    // A unit is at most four bytes long, and an escaped form is never shorter than its unit: the tail
    // lies within the last `max` bytes, begun at a character.
    let mut from = bytes.len().saturating_sub(max / 2).max(head);
    while from < bytes.len() && bytes.get(from).is_some_and(|b| b & 0xC0 == 0x80) {
        from += 1;
    }
    let last = bytes.get(from..).unwrap_or_default();
    let mut len: usize = units(last).map(|(_, u)| unit_len(u)).sum();
    let mut start = 0;
    for (range, unit) in units(last) {
        if len <= max / 2 {
            break;
        }
        len -= unit_len(unit);
        start = range.end;
    }
    (bytes.get(..head).unwrap_or_default(), last.get(start..).unwrap_or_default())
}

/// Writes `s` as a JSON string with its quotes, everything [hidden](is_hidden) as `\uXXXX`: any JSON
/// parser gives the exact text back, and a terminal gets nothing but glyphs. With `ascii`, every
/// character beyond ASCII is written so.
pub fn push_json(out: &mut Vec<u8>, s: &str, ascii: bool) {
    out.push(b'"');
    // Most texts are plain to their end, or to where it needs a look at each character.
    let plain = s.bytes().position(|b| !(b' '..=b'~').contains(&b) || b == b'"' || b == b'\\');
    let (plain, rest) = s.split_at(plain.unwrap_or(s.len()));
    out.extend_from_slice(plain.as_bytes());
    for c in rest.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if is_hidden(c) || (ascii && !c.is_ascii()) => push_json_escape(out, c),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// `c` as JSON's `\uXXXX`, or two of them.
pub(crate) fn push_json_escape(out: &mut Vec<u8>, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
    }
}

/// The longest beginning of `s` of at most `max` bytes that ends between two characters and in no
/// escape.
#[must_use]
pub fn cut(s: &str, max: usize) -> &str {
    if s.len() <= max {
        return s;
    }
    let mut end = max;
    while !s.is_char_boundary(end) {
        end -= 1;
    }
    let head = s.get(..end).unwrap_or_default();
    // The longest escape is `\u{10ffff}`; a backslash further back is complete.
    let mut at = 0;
    let mut open = None;
    while let Some(found) = head.get(at..).and_then(|h| h.find('\\')) {
        let start = at + found;
        match escape_len(head.get(start..).unwrap_or_default()) {
            Some(len) => at = start + len,
            None => {
                open = Some(start);
                break;
            }
        }
    }
    head.get(..open.unwrap_or(end)).unwrap_or_default()
}

/// Length of the escape that `s` begins with; none when it is cut short.
fn escape_len(s: &str) -> Option<usize> {
    let len = match s.as_bytes().get(1)? {
        b'x' => 4,
        b'u' => s.find('}')? + 1,
        _ => 2,
    };
    (s.len() >= len).then_some(len)
}

/// What [`unescape`] could not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no escape of this table at byte {0}")]
pub struct BadEscape(pub usize);

/// The bytes that were escaped: the inverse of [`text`], and of what [`push_value`] writes between
/// its quotes.
///
/// # Errors
/// [`BadEscape`] with the place of a backslash that begins none of the escapes.
pub fn unescape(s: &str) -> Result<Vec<u8>, BadEscape> {
    let mut out = Vec::with_capacity(s.len());
    let mut rest = s;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        let bad = BadEscape(s.len() - from.len());
        let len = escape_len(from).filter(|&l| from.is_char_boundary(l)).ok_or(bad)?;
        let (escape, after) = from.split_at(len);
        unescape_one(escape, &mut out).ok_or(bad)?;
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn unescape_one(escape: &str, out: &mut Vec<u8>) -> Option<()> {
    match escape.as_bytes().get(1)? {
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'\\' => out.push(b'\\'),
        b'"' => out.push(b'"'),
        b'x' => out.push(u8::from_str_radix(escape.get(2..)?, 16).ok()?),
        b'u' => {
            let hex = escape.strip_prefix("\\u{")?.strip_suffix('}')?;
            let c = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(bytes: &[u8]) -> String {
        let mut out = String::new();
        push_value(&mut out, bytes);
        out
    }

    fn inverse(value: &str) -> Vec<u8> {
        match value.strip_prefix('"') {
            Some(inner) => unescape(inner.strip_suffix('"').unwrap()).unwrap(),
            None => value.as_bytes().to_vec(),
        }
    }

    /// What may leave: no control byte of any kind, in any encoding.
    fn assert_harmless(s: &str) {
        for c in s.chars() {
            assert!(!is_hidden(c), "U+{:04X} left in {s:?}", u32::from(c));
        }
        assert!(!s.bytes().any(|b| b < 0x20 || b == 0x7f));
    }

    #[test]
    fn escapes_are_those_of_the_table() {
        for (bytes, written) in [
            (&b"usermod"[..], "usermod"),
            (b"", "\"\""),
            (b"a b", "\"a b\""),
            (b"--uid=0", "\"--uid=0\""),
            (b"DOMAIN\\bob", r#""DOMAIN\\bob""#),
            (b"say \"hi\"", r#""say \"hi\"""#),
            (b"x\nSep 21 sudo: root", r#""x\nSep 21 sudo: root""#),
            (b"\x1b[2A\r\t\x7f\0\x1d", r#""\x1b[2A\r\t\x7f\x00\x1d""#),
            (b"a\xffb", r#""a\xffb""#),
            (b"\xe2\x82", r#""\xe2\x82""#),
            ("\u{85}\u{9b}\u{2028}\u{202e}\u{2066}".as_bytes(), r#""\u{85}\u{9b}\u{2028}\u{202e}\u{2066}""#),
            ("\u{feff}\u{200b}\u{e0041}".as_bytes(), r#""\u{feff}\u{200b}\u{e0041}""#),
            ("Jürgen".as_bytes(), "Jürgen"),
            ("😀".as_bytes(), "\"😀\""),
            ("\u{fffd}".as_bytes(), "\"\u{fffd}\""),
            (b"...[9 bytes]...", "\"...[9 bytes]...\""),
        ] {
            assert_eq!(value(bytes), written);
            assert_eq!(inverse(written), bytes);
        }
    }

    #[test]
    fn what_is_no_escape_is_refused_with_its_place() {
        for (s, at) in [("a\\", 1), ("\\q", 0), ("ab\\x4", 2), ("\\xzz", 0), ("\\u{d800}", 0), ("\\u41", 0)] {
            assert_eq!(unescape(s), Err(BadEscape(at)), "{s}");
        }
        assert!(unescape("\\ü").is_err());
    }

    #[test]
    fn a_long_value_keeps_both_ends_and_tells_its_length() {
        let mut out = String::new();
        let long: Vec<u8> = [b"begin ".as_slice(), &[b'x'; 99_990], b" end"].concat();
        assert!(push_value_within(&mut out, &long, 24));
        assert_eq!(out, r#""begin xxxxxx"...[100000 bytes]..."xxxxxxxx end""#);
    }

    #[test]
    fn json_strings_hold_no_hidden_character() {
        let mut out = Vec::new();
        push_json(&mut out, "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}ä", false);
        let json = String::from_utf8(out).unwrap();
        assert_eq!(json, r#""a\u001b\u007f\u009b\u202e\udb40\udc41ä""#);
        let mut out = Vec::new();
        push_json(&mut out, "ä", true);
        assert_eq!(out, br#""\u00e4""#);
    }

    /// Bytes as attackers like them: mostly control characters, quotes, broken UTF-8.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<Vec<u8>>(),
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            "[ -~]{0,8}".prop_map(String::into_bytes),
            prop::sample::select(vec![
                "\n", "\r", "\x1b[2J", "\"", "\\", "]", "\u{85}", "\u{2028}", "\u{202e}", "\\n", "😀"
            ])
            .prop_map(|s| s.as_bytes().to_vec()),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|p| p.concat())
    }

    proptest! {
        #[test]
        fn nothing_harmful_leaves_and_every_byte_comes_back(bytes in hostile()) {
            let written = value(&bytes);
            assert_harmless(&written);
            prop_assert_eq!(inverse(&written), bytes.clone());
            let free = text(&bytes);
            assert_harmless(&free);
            prop_assert_eq!(unescape(&free).unwrap(), bytes);
        }

        #[test]
        fn lengths_are_counted_as_written(bytes in hostile()) {
            let mut out = String::new();
            push_quoted(&mut out, &bytes);
            prop_assert_eq!(units(&bytes).map(|(_, u)| unit_len(u)).sum::<usize>(), out.len() - 2);
        }

        #[test]
        fn a_shortened_value_keeps_its_ends(bytes in hostile(), max in 8usize..64) {
            let mut out = String::new();
            if !push_value_within(&mut out, &bytes, max) {
                prop_assert_eq!(inverse(&out), bytes);
                return Ok(());
            }
            assert_harmless(&out);
            let mark = format!("...[{} bytes]...", bytes.len());
            let (head, tail) = out.split_once(&mark).unwrap();
            prop_assert!(head.len() + tail.len() <= max + 4);
            prop_assert!(bytes.starts_with(&inverse(head)));
            prop_assert!(bytes.ends_with(&inverse(tail)));
        }

        #[test]
        fn json_comes_back(s in any::<String>(), ascii in any::<bool>()) {
            let mut out = Vec::new();
            push_json(&mut out, &s, ascii);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), s);
            assert_harmless(std::str::from_utf8(&out).unwrap());
        }

        #[test]
        fn a_cut_never_splits_a_character_or_an_escape(bytes in hostile(), max in 0usize..80) {
            let whole = text(&bytes);
            let head = cut(&whole, max);
            prop_assert!(head.len() <= max && whole.starts_with(head));
            prop_assert!(bytes.starts_with(&unescape(head).unwrap()));
        }

        #[test]
        fn unescape_never_panics(s in any::<String>()) {
            let _ = unescape(&s);
        }
    }

    #[test]
    fn bare_bytes_are_letters_digits_and_those_that_are_told() {
        for byte in 0..=u8::MAX {
            let told = byte.is_ascii_alphanumeric() || b"_@%+:,./-^~".contains(&byte);
            assert_eq!(BARE[usize::from(byte)], told, "{byte:#x}");
            // As one of many, wherever it stands.
            for length in [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 70] {
                for at in 0..length {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    assert_eq!(is_bare_ascii(&bytes), told, "{byte:#x} at {at} of {length}");
                }
            }
        }
    }
}
