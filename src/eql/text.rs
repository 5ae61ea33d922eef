//! Text as Elasticsearch sees it, over bytes that need not be UTF-8.
//!
//! A byte that belongs to no valid character is a character of its own. Positions and lengths of the
//! functions count UTF-16 code units, as Java does; the operators count characters.

use std::cmp::Ordering;

/// The length in bytes of the character that begins at `at` (1 for a byte that begins none).
pub(crate) fn char_len(text: &[u8], at: usize) -> usize {
    let Some(&first) = text.get(at) else { return 1 };
    let len = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return 1,
    };
    match text.get(at..at + len) {
        Some(bytes) if std::str::from_utf8(bytes).is_ok() => len,
        _ => 1,
    }
}

/// The length in bytes of the character that ends at `end`, which is not 0.
pub(crate) fn char_len_before(text: &[u8], end: usize) -> usize {
    for len in 2..=4.min(end) {
        let start = end - len;
        if text[start] >= 0xc2 {
            return if char_len(text, start) == len { len } else { 1 };
        }
        if text[start] < 0x80 {
            return 1;
        }
    }
    1
}

/// The characters; a byte that belongs to none is U+FFFD.
pub(crate) fn chars(text: &[u8]) -> impl Iterator<Item = char> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = *text.get(at)?;
        let len = char_len(text, at);
        let bytes = &text[at..at + len];
        at += len;
        if len == 1 && first >= 0x80 {
            return Some('\u{fffd}');
        }
        std::str::from_utf8(bytes).ok()?.chars().next()
    })
}

/// The length in UTF-16 code units.
pub(crate) fn units(text: &[u8]) -> usize {
    if text.is_ascii() { text.len() } else { chars(text).map(char::len_utf16).sum() }
}

/// The byte at which the UTF-16 code unit `unit` begins; the end of the text if it has no such unit.
pub(crate) fn byte_of_unit(text: &[u8], unit: usize) -> usize {
    if text.is_ascii() {
        return unit.min(text.len());
    }
    let (mut at, mut seen) = (0, 0);
    while at < text.len() && seen < unit {
        let len = char_len(text, at);
        seen += if len == 4 { 2 } else { 1 };
        at += len;
    }
    at
}

/// Order by UTF-16 code units, as Java compares strings.
pub(crate) fn compare_units(left: &[u8], right: &[u8]) -> Ordering {
    if left.is_ascii() || right.is_ascii() {
        return left.cmp(right);
    }
    let unit = |c: char| {
        let mut buffer = [0_u16; 2];
        let units = c.encode_utf16(&mut buffer);
        (units[0], units.get(1).copied())
    };
    chars(left).map(unit).cmp(chars(right).map(unit))
}

/// How case is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// As written.
    Sensitive,
    /// Letters in either case are equal.
    Ignored,
}

/// Whether two characters are one, whatever their case.
fn same(left: char, right: char) -> bool {
    left == right || left.to_lowercase().eq(right.to_lowercase())
}

/// How many bytes of `text` the characters of `start` take at its beginning, if it begins with them.
pub(crate) fn starts_with(text: &[u8], start: &[u8], case: Case) -> Option<usize> {
    if case == Case::Sensitive {
        return text.starts_with(start).then_some(start.len());
    }
    let (mut at, mut wanted) = (0, chars(start));
    loop {
        let Some(wanted) = wanted.next() else { return Some(at) };
        let found = chars(text.get(at..)?).next()?;
        if !same(found, wanted) {
            return None;
        }
        at += char_len(text, at);
    }
}

/// Where `end` begins in `text`, if the text ends with it.
pub(crate) fn ends_with(text: &[u8], end: &[u8], case: Case) -> bool {
    if case == Case::Sensitive {
        return text.ends_with(end);
    }
    // A character may change its length with its case: go back by characters.
    let mut at = text.len();
    for _ in chars(end) {
        if at == 0 {
            return false;
        }
        at -= char_len_before(text, at);
    }
    starts_with(&text[at..], end, case) == Some(text.len() - at)
}

/// The first place of `wanted` in `text` at byte `from` or behind it: where it begins and ends.
pub(crate) fn find(text: &[u8], wanted: &[u8], from: usize, case: Case) -> Option<(usize, usize)> {
    if case == Case::Sensitive {
        let at = memchr::memmem::find(text.get(from..)?, wanted)? + from;
        return Some((at, at + wanted.len()));
    }
    let mut at = from;
    loop {
        if let Some(len) = starts_with(text.get(at..)?, wanted, case) {
            return Some((at, at + len));
        }
        if at >= text.len() {
            return None;
        }
        at += char_len(text, at);
    }
}

/// The last place of `wanted` in `text` that begins at byte `from` or behind it.
pub(crate) fn find_last(text: &[u8], wanted: &[u8], from: usize, case: Case) -> Option<usize> {
    if case == Case::Sensitive {
        return memchr::memmem::rfind(text.get(from..)?, wanted).map(|at| at + from);
    }
    let mut at = text.len();
    loop {
        if starts_with(&text[at..], wanted, case).is_some() {
            return Some(at);
        }
        if at <= from {
            return None;
        }
        at -= char_len_before(text, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_no_character_is_one() {
        let text = b"a\xff\xe2\x82\xc3\xa9";
        assert_eq!(chars(text).collect::<String>(), "a\u{fffd}\u{fffd}\u{fffd}é");
        assert_eq!(units(text), 5);
        assert_eq!(char_len_before(text, 6), 2);
        assert_eq!(char_len_before(text, 4), 1);
        assert_eq!(byte_of_unit(text, 4), 4);
    }

    #[test]
    fn positions_count_utf16() {
        let text = "a😀b".as_bytes();
        assert_eq!(units(text), 4);
        assert_eq!(byte_of_unit(text, 3), 5);
        assert_eq!(compare_units("\u{ffff}".as_bytes(), "😀".as_bytes()), Ordering::Greater);
    }

    #[test]
    fn case_can_be_ignored_beyond_ascii() {
        assert_eq!(find("xÄPFEL".as_bytes(), "äp".as_bytes(), 0, Case::Ignored), Some((1, 4)));
        assert_eq!(find_last(b"abAB", b"ab", 0, Case::Ignored), Some(2));
        assert!(ends_with(b"regsvr32.exe", b".EXE", Case::Ignored));
        assert!(!ends_with(b"exe", b".EXE", Case::Ignored));
    }
}
