//! Cuts a stream of bytes into lines, in one buffer that is filled again and again.
//!
//! A line is handed out where it lies; only the beginning of a line whose end has not been read yet is
//! ever moved. Memory is bounded by the longest line allowed: what is longer is cut there, counted,
//! and the rest of it skipped, the same whatever the sizes of the reads were.

use std::ops::Range;

/// See the module.
#[derive(Debug)]
pub(super) struct LineBuffer {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// No line end lies in `start..scanned`.
    scanned: usize,
    /// One past the last byte read.
    end: usize,
    max_line: usize,
    max_document: usize,
    /// The rest of a cut line is being passed over.
    skipping: bool,
    /// Lines cut so far.
    pub(super) cut: u64,
}

impl LineBuffer {
    /// A buffer of `capacity` bytes, which grows as far as one line of `max_line` bytes demands, or of `max_document`
    /// where the line begins as JSON does.
    pub(super) fn new(capacity: usize, max_line: usize, max_document: usize) -> Self {
        Self {
            bytes: vec![0; capacity.max(16)],
            start: 0,
            scanned: 0,
            end: 0,
            max_line: max_line.max(1),
            max_document: max_document.max(1),
            skipping: false,
            cut: 0,
        }
    }

    /// The next line that is whole (or known to be too long), without its line feed.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Range<usize>> {
        loop {
            let unseen = self.bytes.get(self.scanned..self.end)?;
            let Some(at) = memchr::memchr(b'\n', unseen) else {
                self.scanned = self.end;
                return self.take_overlong();
            };
            let line = self.start..self.scanned + at;
            self.start = line.end + 1;
            self.scanned = self.start;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            return Some(self.bounded(line));
        }
    }

    /// What stands after the last line feed: the last line of an input that ends without one.
    pub(super) fn take_rest(&mut self) -> Option<Range<usize>> {
        let line = self.start..self.end;
        self.start = self.end;
        self.scanned = self.end;
        let skipped = std::mem::take(&mut self.skipping);
        (!skipped && !line.is_empty()).then(|| self.bounded(line))
    }

    /// The bytes of a range that `take` or `take_rest` gave; valid until `room` is called.
    #[inline]
    pub(super) fn get(&self, line: Range<usize>) -> &[u8] {
        self.bytes.get(line).unwrap_or_default()
    }

    /// How many bytes have been read and not been handed out.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Free space to read into; never empty. To be called when `take` has nothing left.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            let longest = self.longest(self.start).saturating_add(1).max(self.bytes.len() + 1);
            self.bytes.resize(self.bytes.len().saturating_mul(2).min(longest), 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Says that `count` bytes have been written at the beginning of `room`.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Hands out the beginning of a line that has no end within the bound.
    #[cold]
    fn take_overlong(&mut self) -> Option<Range<usize>> {
        if self.skipping {
            self.start = self.end;
            return None;
        }
        if self.end - self.start <= self.longest(self.start) {
            return None;
        }
        let line = self.start..self.end;
        self.start = self.end;
        self.skipping = true;
        Some(self.bounded(line))
    }

    #[inline]
    fn bounded(&mut self, mut line: Range<usize>) -> Range<usize> {
        if line.len() > self.max_line.min(self.max_document) {
            let longest = self.longest(line.start);
            if line.len() > longest {
                line.end = line.start + longest;
                self.cut += 1;
            }
        }
        line
    }

    /// The bound of the line that begins at `start`. Audit records begin with a letter; a byte order mark is one of a
    /// file of documents.
    fn longest(&self, start: usize) -> usize {
        match self.bytes.get(start) {
            Some(b'{' | b'[' | b'\xef') => self.max_document,
            _ => self.max_line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the buffer should give, said in the plainest way.
    fn model(input: &[u8], max_line: usize, max_document: usize) -> Vec<Vec<u8>> {
        let mut lines: Vec<&[u8]> = input.split(|&b| b == b'\n').collect();
        if lines.last().is_some_and(|l| l.is_empty()) {
            lines.pop();
        }
        lines.iter().map(|l| l[..l.len().min(longest(l, max_line, max_document))].to_vec()).collect()
    }

    fn longest(line: &[u8], max_line: usize, max_document: usize) -> usize {
        if line.starts_with(b"{") || line.starts_with(b"[") || line.starts_with(b"\xef") {
            max_document
        } else {
            max_line
        }
    }

    proptest! {
        #[test]
        fn any_split_of_reads_gives_the_same_lines(
            input in proptest::collection::vec(prop_oneof![3 => Just(b'x'), 1 => Just(b'\n'), 1 => Just(b'{'), 1 => any::<u8>()], 0..300),
            reads in proptest::collection::vec(1usize..40, 1..40),
            capacity in 1usize..64,
            max_line in 1usize..80,
            max_document in 1usize..120,
        ) {
            let mut buffer = LineBuffer::new(capacity, max_line, max_document);
            let (mut lines, mut at) = (Vec::new(), 0);
            for size in reads.iter().cycle() {
                while let Some(line) = buffer.take() {
                    lines.push(buffer.get(line).to_vec());
                }
                if at == input.len() {
                    break;
                }
                let room = buffer.room();
                let count = room.len().min(*size).min(input.len() - at);
                prop_assert!(count > 0);
                room[..count].copy_from_slice(&input[at..at + count]);
                buffer.filled(count);
                at += count;
            }
            if let Some(line) = buffer.take_rest() {
                lines.push(buffer.get(line).to_vec());
            }
            prop_assert_eq!(&lines, &model(&input, max_line, max_document));
            let is_long = |l: &&[u8]| l.len() > longest(l, max_line, max_document);
            let long = input.split(|&b| b == b'\n').filter(is_long).count();
            prop_assert_eq!(buffer.cut, long as u64);
            prop_assert!(buffer.bytes.len() <= capacity.max(16).max(max_line + 1).max(max_document + 1).max(17));
        }
    }
}
