//! Patterns of several parts: literals, `?` and `*` in any order.

use memchr::memmem;

use super::super::text::{char_len, char_len_before};

/// A pattern as written: runs of literals and `?` between the `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// At least one; with `*` between each and the next.
    segments: Vec<Vec<Piece>>,
    open_start: bool,
    open_end: bool,
    source: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    /// So many characters.
    Ones(usize),
}

impl Shape {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let segments = text.split(|b| *b == b'*').filter(|part| !part.is_empty()).map(pieces).collect();
        let (open_start, open_end) = (text.first() == Some(&b'*'), text.last() == Some(&b'*'));
        Shape { segments, open_start, open_end, source: text.to_vec() }
    }

    /// The longest literal that every text of this shape holds.
    pub(super) fn longest_literal(&self) -> Option<&[u8]> {
        let literals = self.segments.iter().flatten().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_slice()),
            Piece::Ones(_) => None,
        });
        literals.max_by_key(|text| text.len())
    }

    /// As written.
    pub(crate) fn source(&self) -> &[u8] {
        &self.source
    }
}

fn pieces(segment: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in segment.chunk_by(|a, b| (*a == b'?') == (*b == b'?')) {
        pieces.push(match part.first() {
            Some(b'?') => Piece::Ones(part.len()),
            _ => Piece::Literal(part.to_vec()),
        });
    }
    pieces
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Glob {
    segments: Box<[Segment]>,
    open_start: bool,
    open_end: bool,
    insensitive: bool,
}

#[derive(Debug)]
struct Segment {
    pieces: Box<[Piece]>,
    /// Finds the first literal, which stands behind so many characters; none if all pieces are `?`.
    search: Option<(usize, Search)>,
}

#[derive(Debug)]
enum Search {
    Sensitive(Box<memmem::Finder<'static>>),
    Insensitive(Insensitive),
}

impl Glob {
    pub(super) fn new(shape: &Shape, insensitive: bool) -> Self {
        let segments = shape.segments.iter().map(|pieces| Segment::new(pieces, insensitive)).collect();
        Glob { segments, open_start: shape.open_start, open_end: shape.open_end, insensitive }
    }

    /// The longest literal that every text it takes holds.
    pub(super) fn longest_literal(&self) -> Option<&[u8]> {
        let literals =
            self.segments.iter().flat_map(|segment| &segment.pieces).filter_map(|piece| match piece {
                Piece::Literal(text) => Some(text.as_slice()),
                Piece::Ones(_) => None,
            });
        literals.max_by_key(|text| text.len())
    }

    /// Whether it takes the whole of `text`. Each segment is taken at its first place, which leaves the
    /// most for the others, so nothing is ever tried twice.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        let mut segments = &self.segments[..];
        let (mut start, mut end) = (0, text.len());
        if !self.open_start {
            let Some((first, rest)) = segments.split_first() else { return text.is_empty() };
            let Some(after) = self.forward(first, text, 0) else { return false };
            if rest.is_empty() && !self.open_end {
                return after == text.len();
            }
            (start, segments) = (after, rest);
        }
        if !self.open_end {
            let Some((last, rest)) = segments.split_last() else { return true };
            let Some(before) = self.backward(last, text, text.len()) else { return false };
            if before < start {
                return false;
            }
            (end, segments) = (before, rest);
        }
        let text = &text[..end];
        for segment in segments {
            match self.find(segment, text, start) {
                Some(after) => start = after,
                None => return false,
            }
        }
        true
    }

    /// Where `segment` ends if it stands at `at`.
    fn forward(&self, segment: &Segment, text: &[u8], mut at: usize) -> Option<usize> {
        for piece in &segment.pieces {
            match piece {
                Piece::Literal(literal) => {
                    let found = text.get(at..at + literal.len())?;
                    if !self.equal(found, literal) {
                        return None;
                    }
                    at += literal.len();
                }
                Piece::Ones(count) => {
                    for _ in 0..*count {
                        if at >= text.len() {
                            return None;
                        }
                        at += char_len(text, at);
                    }
                }
            }
        }
        Some(at)
    }

    /// Where `segment` begins if it ends at `at`.
    fn backward(&self, segment: &Segment, text: &[u8], mut at: usize) -> Option<usize> {
        for piece in segment.pieces.iter().rev() {
            match piece {
                Piece::Literal(literal) => {
                    let start = at.checked_sub(literal.len())?;
                    if !self.equal(&text[start..at], literal) {
                        return None;
                    }
                    at = start;
                }
                Piece::Ones(count) => at = back(text, at, *count)?,
            }
        }
        Some(at)
    }

    /// Where `segment` ends at its first place from `from` on.
    fn find(&self, segment: &Segment, text: &[u8], from: usize) -> Option<usize> {
        let Some((ones, search)) = &segment.search else { return self.forward(segment, text, from) };
        let mut at = from;
        loop {
            let literal = search.find(text, at)?;
            if let Some(start) = back(text, literal, *ones).filter(|start| *start >= from)
                && let Some(end) = self.forward(segment, text, start)
            {
                return Some(end);
            }
            at = literal + 1;
        }
    }

    fn equal(&self, found: &[u8], literal: &[u8]) -> bool {
        if self.insensitive { found.eq_ignore_ascii_case(literal) } else { found == literal }
    }
}

/// `count` characters before `at`.
fn back(text: &[u8], mut at: usize, count: usize) -> Option<usize> {
    for _ in 0..count {
        if at == 0 {
            return None;
        }
        at -= char_len_before(text, at);
    }
    Some(at)
}

impl Segment {
    fn new(pieces: &[Piece], insensitive: bool) -> Self {
        let mut ones = 0;
        let mut search = None;
        for piece in pieces {
            match piece {
                Piece::Ones(count) => ones += count,
                Piece::Literal(literal) => {
                    search = Some((ones, Search::new(literal, insensitive)));
                    break;
                }
            }
        }
        Segment { pieces: pieces.into(), search }
    }
}

impl Search {
    fn new(literal: &[u8], insensitive: bool) -> Self {
        if insensitive {
            Search::Insensitive(Insensitive::new(literal))
        } else {
            Search::Sensitive(Box::new(memmem::Finder::new(literal).into_owned()))
        }
    }

    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        match self {
            Search::Sensitive(finder) => finder.find(text.get(from..)?).map(|at| at + from),
            Search::Insensitive(search) => search.find(text, from),
        }
    }
}

/// A literal sought without regard to the case of ASCII letters, by its rarest byte.
#[derive(Debug)]
struct Insensitive {
    literal: Box<[u8]>,
    rarest: usize,
}

impl Insensitive {
    fn new(literal: &[u8]) -> Self {
        // Paths and command lines: vowels, slashes, blanks, dots and dashes are everywhere.
        let common = |byte: u8| {
            let byte = byte.to_ascii_lowercase();
            usize::from(b"/ .-".contains(&byte)) * 3
                + usize::from(b"aeiou".contains(&byte)) * 2
                + usize::from(b"rstnlc".contains(&byte))
        };
        let rarest = (0..literal.len()).min_by_key(|i| common(literal[*i])).unwrap_or(0);
        Insensitive { literal: literal.into(), rarest }
    }

    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let byte = *self.literal.get(self.rarest)?;
        let (lower, upper) = (byte.to_ascii_lowercase(), byte.to_ascii_uppercase());
        let mut at = from + self.rarest;
        loop {
            let rest = text.get(at..)?;
            let found = if lower == upper {
                memchr::memchr(lower, rest)
            } else {
                memchr::memchr2(lower, upper, rest)
            }?;
            let start = at + found - self.rarest;
            let candidate = text.get(start..start + self.literal.len())?;
            if candidate.eq_ignore_ascii_case(&self.literal) {
                return Some(start);
            }
            at += found + 1;
        }
    }
}
