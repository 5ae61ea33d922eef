//! A line of JSON while it is written.

use std::cell::Cell;
use std::io::Write;

use serde_json::Value;

use crate::clean;

/// A buffer and the place of the next byte in it.
///
/// The buffer is filled to its end all the time, and what is written replaces what is there: a few bytes
/// are a few stores then, where a growing vector would check and call for each of the hundred short texts
/// of an event.
pub(super) struct Line<'v> {
    buffer: &'v mut Vec<u8>,
    at: usize,
}

impl<'v> Line<'v> {
    /// An empty line in `buffer`, whatever that holds.
    pub(super) fn over(buffer: &'v mut Vec<u8>) -> Self {
        Self { buffer, at: 0 }
    }

    /// A line behind what `buffer` holds up to `at`, see [`Line::at`].
    pub(super) fn behind(buffer: &'v mut Vec<u8>, at: usize) -> Self {
        Self { buffer, at }
    }

    /// Where the next byte goes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What was written from `start` on.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        self.buffer.get(start..self.at).unwrap_or_default()
    }

    /// What was written.
    pub(super) fn end(self) -> &'v [u8] {
        self.buffer.get(..self.at).unwrap_or_default()
    }

    /// So many bytes, to be written.
    #[inline]
    fn space(&mut self, length: usize) -> &mut [u8] {
        let start = self.at;
        let end = start + length;
        if end > self.buffer.len() {
            self.grow(end);
        }
        self.at = end;
        self.buffer.get_mut(start..end).unwrap_or_default()
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        self.buffer.resize(end.max(2 * self.buffer.len()).max(8192), 0);
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.literal(&[byte]);
    }

    /// A text of a length that is known while compiling.
    #[inline]
    pub(super) fn literal<const N: usize>(&mut self, text: &[u8; N]) {
        if let Some(space) = self.space(N).first_chunk_mut::<N>() {
            *space = *text;
        }
    }

    /// The first `length` bytes of `text`. All of them are copied, which is a few stores and no branch.
    #[inline]
    pub(super) fn padded<const N: usize>(&mut self, text: &[u8; N], length: usize) {
        let start = self.at;
        self.literal(text);
        self.at = start + length.min(N);
    }

    #[inline]
    pub(super) fn bytes(&mut self, text: &[u8]) {
        copy(text, self.space(text.len()));
    }

    pub(super) fn display(&mut self, what: impl std::fmt::Display) {
        // Writing to a buffer that grows does not fail.
        drop(write!(self, "{what}"));
    }

    pub(super) fn integer(&mut self, number: i64) {
        self.bytes(itoa::Buffer::new().format(number).as_bytes());
    }

    /// The byte that was written last, taken back.
    pub(super) fn take_back(&mut self, byte: u8) {
        let last = self.at.checked_sub(1);
        if last.and_then(|last| self.buffer.get(last)) == Some(&byte) {
            self.at -= 1;
        }
    }

    /// A string of text that may not be UTF-8; `lossy` shows what is not as U+FFFD, else it is `\xff`.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8], lossy: bool) {
        let start = self.at;
        let [first, inside @ .., last] = self.space(text.len() + 2) else { return };
        (*first, *last) = (b'"', b'"');
        copy(text, inside);
        if !all_plain(text) {
            self.at = start;
            self.odd_text(text, lossy);
        }
    }

    #[cold]
    fn odd_text(&mut self, text: &[u8], lossy: bool) {
        let mut rest = text;
        self.byte(b'"');
        loop {
            let (plain, odd) = rest.split_at(plain_length(rest));
            self.bytes(plain);
            rest = match odd {
                [] => break,
                [ascii @ 0..0x80, rest @ ..] => {
                    self.odd_ascii(*ascii);
                    rest
                }
                // All up to the next ASCII character, so no character is cut.
                _ => {
                    let end = odd.iter().position(u8::is_ascii).unwrap_or(odd.len());
                    let (beyond, rest) = odd.split_at(end);
                    self.beyond_ascii(beyond, lossy);
                    rest
                }
            };
        }
        self.byte(b'"');
    }

    fn beyond_ascii(&mut self, text: &[u8], lossy: bool) {
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                match clean::is_hidden(c) {
                    true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| self.unit(*unit)),
                    false => self.bytes(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            let invalid = chunk.invalid();
            if lossy && !invalid.is_empty() {
                self.bytes("\u{fffd}".as_bytes());
            } else {
                for byte in invalid {
                    self.display(format_args!("\\\\x{byte:02x}"));
                }
            }
        }
    }

    /// A character of ASCII that does not stand for itself.
    fn odd_ascii(&mut self, odd: u8) {
        match odd {
            b'"' | b'\\' => self.literal(&[b'\\', odd]),
            b'\n' => self.literal(b"\\n"),
            b'\r' => self.literal(b"\\r"),
            b'\t' => self.literal(b"\\t"),
            _ => self.unit(u16::from(odd)),
        }
    }

    /// JSON's `\uXXXX`.
    fn unit(&mut self, unit: u16) {
        self.display(format_args!("\\u{unit:04x}"));
    }

    /// Any value; its texts are UTF-8.
    pub(super) fn json(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                self.byte(b'{');
                for (at, (key, value)) in object.iter().enumerate() {
                    if at > 0 {
                        self.byte(b',');
                    }
                    self.text(key.as_bytes(), false);
                    self.byte(b':');
                    self.json(value);
                }
                self.byte(b'}');
            }
            Value::Array(list) => {
                self.byte(b'[');
                for (at, value) in list.iter().enumerate() {
                    if at > 0 {
                        self.byte(b',');
                    }
                    self.json(value);
                }
                self.byte(b']');
            }
            Value::String(text) => self.text(text.as_bytes(), false),
            Value::Number(_) | Value::Bool(_) | Value::Null => self.display(value),
        }
    }

    /// ISO 8601 in UTC with milliseconds; a number where the year has not four digits.
    pub(super) fn date(&mut self, millis: i64) {
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
                    None => return self.integer(millis),
                }
            }
            self.literal(&place.get().1);
            let digit = |n: i64| b'0' + u8::try_from(n % 10).unwrap_or(0);
            self.literal(&[digit(fraction / 100), digit(fraction / 10), digit(fraction), b'Z', b'"']);
        });
    }
}

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.bytes(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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

/// Copies a text to where there is just room for it. Up to 32 bytes are two moves of which the second may
/// repeat some of the first.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    fn ends<const N: usize>(from: &[u8], to: &mut [u8]) {
        if let (Some(front), Some(place)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
            *place = *front;
        }
        if let (Some(back), Some(place)) = (from.last_chunk::<N>(), to.last_chunk_mut::<N>()) {
            *place = *back;
        }
    }
    match from.len() {
        33.. => {
            if let Some(to) = to.get_mut(..from.len()) {
                to.copy_from_slice(from);
            }
        }
        16.. => ends::<16>(from, to),
        8.. => ends::<8>(from, to),
        4.. => ends::<4>(from, to),
        2.. => ends::<2>(from, to),
        _ => ends::<1>(from, to),
    }
}

/// Whether sixteen bytes stand for themselves. Without a branch a byte, so that the compiler looks at all at
/// once.
#[inline]
fn plain(chunk: &[u8; 16]) -> bool {
    chunk.iter().fold(true, |plain, byte| plain & is_plain(*byte))
}

/// The same of eight bytes in a word.
#[inline]
fn plain_word(word: u64) -> bool {
    odd_bytes(word) == 0
}

/// The high bit of each byte of a word that does not stand for itself. A byte behind one of these may be taken for one too,
/// so that the first is sure.
#[inline]
fn odd_bytes(word: u64) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    // The high bit of a byte is set in `x - n` and not in `x` where it is below `n`, in `x + 1` where it is DEL.
    let below = |word: u64, n: u8| word.wrapping_sub(LOW * u64::from(n)) & !word;
    let is = |byte: u8| below(word ^ (LOW * u64::from(byte)), 1);
    let odd = below(word, b' ') | is(b'"') | is(b'\\') | word.wrapping_add(LOW) | word;
    odd & HIGH
}

/// Whether a text stands for itself in a JSON string; nearly all do. What is left at the end is looked at
/// together with some before it.
#[inline]
fn all_plain(text: &[u8]) -> bool {
    let word = |chunk: &[u8; 8]| plain_word(u64::from_le_bytes(*chunk));
    let half = |chunk: &[u8; 4]| plain_word(u64::from(u32::from_le_bytes(*chunk)) | 0x2020_2020 << 32);
    match text.len() {
        16.. => text.as_chunks().0.iter().all(plain) && text.last_chunk().is_some_and(plain),
        8.. => text.first_chunk().is_some_and(word) && text.last_chunk().is_some_and(word),
        4.. => text.first_chunk().is_some_and(half) && text.last_chunk().is_some_and(half),
        _ => text.iter().all(|byte| is_plain(*byte)),
    }
}

/// How many bytes at the front stand for themselves.
#[inline]
fn plain_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (at, word) in words.iter().enumerate() {
        let odd = odd_bytes(u64::from_le_bytes(*word));
        if odd != 0 {
            return 8 * at + odd.trailing_zeros() as usize / 8;
        }
    }
    8 * words.len() + rest.iter().take_while(|byte| is_plain(**byte)).count()
}

/// Printable ASCII that stands for itself in a JSON string.
#[inline]
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(write: impl FnOnce(&mut Line<'_>)) -> String {
        let mut buffer = b"what was there before".to_vec();
        let mut line = Line::over(&mut buffer);
        write(&mut line);
        String::from_utf8(line.end().to_vec()).unwrap()
    }

    fn text(bytes: &[u8], lossy: bool) -> String {
        line(|line| line.text(bytes, lossy))
    }

    #[test]
    fn what_could_harm_a_line_or_a_terminal_is_escaped() {
        assert_eq!(text(b"a\"b\\c", false), r#""a\"b\\c""#);
        assert_eq!(text(b"\n\r\t\x1b[2J\x7f\0", false), r#""\n\r\t\u001b[2J\u007f\u0000""#);
        assert_eq!(text("\u{85}\u{9b}\u{2028}\u{2029}".as_bytes(), false), r#""\u0085\u009b\u2028\u2029""#);
        assert_eq!(text("a\u{202e}b\u{200b}\u{e0041}".as_bytes(), false), r#""a\u202eb\u200b\udb40\udc41""#);
        assert_eq!(text("é€😀â".as_bytes(), false), "\"é€😀â\"");
    }

    #[test]
    fn what_is_no_utf8_is_shown() {
        assert_eq!(text(b"caf\xff", false), r#""caf\\xff""#);
        assert_eq!(text(b"caf\xff\xe2\x82", true), "\"caf\u{fffd}\u{fffd}\"");
    }

    #[test]
    fn dates() {
        let date = |millis| line(|line| line.date(millis));
        assert_eq!(date(1_795_515_233_239), "\"2026-11-24T10:13:53.239Z\"");
        assert_eq!(date(0), "\"1970-01-01T00:00:00.000Z\"");
        assert_eq!(date(-1), "\"1969-12-31T23:59:59.999Z\"");
        assert_eq!(date(-62_167_219_200_000), "\"0000-01-01T00:00:00.000Z\"");
        assert_eq!(date(-62_167_219_200_001), "-62167219200001");
        // Eight seconds later stands in the same place.
        assert_eq!(date(8_007), "\"1970-01-01T00:00:08.007Z\"");
        assert_eq!(date(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_line_grows_as_it_must() {
        let long = vec![b'x'; 100_000];
        assert_eq!(text(&long, false).len(), long.len() + 2);
        for number in [0, 7, -1, i64::MIN, i64::MAX] {
            assert_eq!(line(|line| line.integer(number)), number.to_string());
        }
    }

    #[test]
    fn a_word_is_plain_when_each_byte_is() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                for other in [b' ', b'!', b'#', b'[', b']', b'~', b'a'] {
                    let mut word = [other; 8];
                    word[at] = byte;
                    let word = u64::from_le_bytes(word);
                    assert_eq!(plain_word(word), is_plain(byte), "{byte} at {at}");
                    let first = if is_plain(byte) { 8 } else { at };
                    assert_eq!(odd_bytes(word).trailing_zeros() as usize / 8, first, "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn one_odd_character_is_found_wherever_it_stands() {
        for length in 0..70 {
            assert_eq!(text(&vec![b'x'; length], false), format!("\"{}\"", "x".repeat(length)));
            for at in 0..length {
                let mut bytes = vec![b'x'; length];
                bytes[at] = b'\n';
                let (before, after) = ("x".repeat(at), "x".repeat(length - at - 1));
                assert_eq!(text(&bytes, false), format!("\"{before}\\n{after}\""));
            }
        }
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
