//! A file line by line, in bounded memory whatever its size.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a line that are looked at; of a longer one the beginning counts.
pub(super) const LONGEST: usize = 1 << 20;

/// Bytes of a file that are read: no account file is larger.
pub(super) const MOST_BYTES: u64 = 512 << 20;

/// What is odd about a file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddities {
    /// Lines of which only the beginning was looked at.
    pub(super) cut: u64,
    /// Not all of it was read.
    pub(super) partial: bool,
    /// The last line has no end: it may still be written.
    pub(super) open_end: bool,
    /// It holds nothing.
    pub(super) empty: bool,
}

/// Calls `each` with the number and the bytes of each line, without its end.
///
/// # Errors
/// Those of reading.
pub(super) fn each(from: impl Read, mut each: impl FnMut(u64, &[u8])) -> io::Result<Oddities> {
    let mut reader = BufReader::with_capacity(64 << 10, from.take(MOST_BYTES));
    let mut odd = Oddities { empty: true, ..Oddities::default() };
    let mut line = Vec::new();
    let mut number = 0;
    let mut long = false;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            break;
        }
        odd.empty = false;
        let end = memchr::memchr(b'\n', buffer);
        let piece = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        let room = LONGEST - line.len();
        long |= piece.len() > room;
        line.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
        let used = piece.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            number += 1;
            odd.cut += u64::from(std::mem::take(&mut long));
            each(number, &line);
            line.clear();
        }
    }
    if !line.is_empty() {
        odd.open_end = true;
        odd.cut += u64::from(long);
        each(number + 1, &line);
    }
    // Whether anything stands behind the bound is asked of what it was taken from.
    odd.partial = reader.get_ref().limit() == 0;
    Ok(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_long_ones_cut() {
        let mut text = b"a\n\n".to_vec();
        text.extend(vec![b'x'; LONGEST + 5]);
        text.extend(b"\nlast");
        let mut found = Vec::new();
        let odd = each(text.as_slice(), |number, line| found.push((number, line.len()))).expect("read");
        assert_eq!(found, [(1, 1), (2, 0), (3, LONGEST), (4, 4)]);
        assert_eq!(odd, Oddities { cut: 1, partial: false, open_end: true, empty: false });
        assert!(each(&b""[..], |_, _| {}).expect("read").empty);
    }
}
