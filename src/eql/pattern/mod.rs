//! Text against a list of patterns with `*` and `?`, at about the cost of one.
//!
//! Each pattern falls into the cheapest class that can decide it:
//!
//! | pattern | class | asked by |
//! |---|---|---|
//! | `name` | exact | a hash table |
//! | `dir/*` | prefix | binary search |
//! | `*.sh` | suffix | binary search over reversed texts |
//! | `*word*` | contained | one Aho-Corasick automaton for all |
//! | the rest | general | the same automaton, by the longest literal; only what it finds is tried |
//!
//! Case is ignored for ASCII letters only, as Lucene does it. `?` takes one character; a byte that is
//! no UTF-8 is a character. All of it is linear in the text.

mod affixes;
mod exact;
mod glob;

use std::borrow::Cow;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem;

use super::requirement::Place;

use affixes::Affixes;
use exact::Exact;
use glob::Glob;

pub(crate) use glob::Shape;

/// A pattern, by what it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Contains(Vec<u8>),
    /// Anything.
    Any,
    General(Shape),
}

impl Pattern {
    /// A pattern in which `*` stands for any run of characters and `?` for one.
    pub(crate) fn wildcard(text: &[u8]) -> Self {
        let literal = |part: &[u8]| !part.iter().any(|b| matches!(b, b'*' | b'?'));
        if literal(text) {
            return Pattern::Exact(text.to_vec());
        }
        if text.iter().all(|b| *b == b'*') {
            return Pattern::Any;
        }
        let open = text.iter().take_while(|b| **b == b'*').count();
        let close = text.iter().rev().take_while(|b| **b == b'*').count();
        let inner = &text[open..text.len() - close];
        match (literal(inner), open > 0, close > 0) {
            (true, false, true) => Pattern::Prefix(inner.to_vec()),
            (true, true, false) => Pattern::Suffix(inner.to_vec()),
            (true, true, true) => Pattern::Contains(inner.to_vec()),
            _ => Pattern::General(Shape::parse(text)),
        }
    }
}

/// A compiled list of patterns.
#[derive(Debug)]
pub(crate) struct PatternSet {
    any: bool,
    exact: Exact,
    prefixes: Affixes,
    suffixes: Affixes,
    inner: Inner,
    /// General patterns without any literal, such as `???`.
    loose: Box<[Glob]>,
}

impl PatternSet {
    /// Compiles `patterns`; `insensitive` ignores the case of ASCII letters.
    pub(crate) fn new(patterns: impl IntoIterator<Item = Pattern>, insensitive: bool) -> Self {
        let (mut exact, mut prefixes, mut suffixes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut inner, mut loose) = (Vec::new(), Vec::new());
        let mut any = false;
        for pattern in patterns {
            match pattern {
                Pattern::Any => any = true,
                Pattern::Exact(text) => exact.push(text),
                Pattern::Prefix(text) => prefixes.push(text),
                Pattern::Suffix(text) => suffixes.push(text.into_iter().rev().collect()),
                Pattern::Contains(text) => inner.push((text, None)),
                Pattern::General(shape) => match shape.longest_literal() {
                    Some(literal) => inner.push((literal.to_vec(), Some(Glob::new(&shape, insensitive)))),
                    None => loose.push(Glob::new(&shape, insensitive)),
                },
            }
        }
        PatternSet {
            any,
            exact: Exact::new(exact, insensitive),
            prefixes: Affixes::new(prefixes, insensitive),
            suffixes: Affixes::new(suffixes, insensitive),
            inner: Inner::new(inner, insensitive),
            loose: loose.into(),
        }
    }

    /// Literals of which one takes whatever the patterns take, if the case of ASCII letters makes no difference; none where there is a pattern without any.
    pub(crate) fn literals(&self) -> Option<Vec<(Place, Cow<'_, [u8]>)>> {
        if self.any || !self.loose.is_empty() {
            return None;
        }
        let mut literals: Vec<(Place, Cow<'_, [u8]>)> =
            self.exact.iter().map(|text| (Place::Whole, text.into())).collect();
        literals.extend(self.prefixes.iter().map(|text| (Place::Start, text.into())));
        let suffix = |text: &[u8]| text.iter().rev().copied().collect::<Vec<u8>>();
        literals.extend(self.suffixes.iter().map(|text| (Place::End, suffix(text).into())));
        match &self.inner {
            Inner::None => {}
            Inner::Literal(finder) => literals.push((Place::Inside, finder.needle().into())),
            Inner::Glob(glob) => literals.push((Place::Inside, glob.longest_literal()?.into())),
            Inner::Many(many) => {
                literals.extend(many.patterns.iter().map(|(text, _)| (Place::Inside, text.into())));
            }
        }
        Some(literals)
    }

    /// Whether any of the patterns takes the whole of `text`.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.any
            || self.exact.contains(text)
            || self.prefixes.begin(text.iter())
            || self.suffixes.begin(text.iter().rev())
            || self.inner.is_match(text)
            || self.loose.iter().any(|glob| glob.is_match(text))
    }
}

/// Patterns that are found by a literal somewhere in the text: contained ones (`None`, decided by the
/// literal alone) and general ones.
#[derive(Debug)]
enum Inner {
    None,
    /// One contained literal, case-sensitive.
    Literal(Box<memmem::Finder<'static>>),
    /// One general pattern.
    Glob(Box<Glob>),
    Many(Box<Many>),
}

/// Several, found by an automaton. Mostly other conditions decide and nobody asks: it is built for the first text.
#[derive(Debug)]
struct Many {
    patterns: Box<[(Vec<u8>, Option<Glob>)]>,
    insensitive: bool,
    /// `None` where the automaton could not be built, for its size; then all are tried.
    automaton: OnceLock<Option<AhoCorasick>>,
}

/// How many general patterns are remembered as tried without the heap.
const WORDS: usize = 8;

impl Inner {
    fn new(mut patterns: Vec<(Vec<u8>, Option<Glob>)>, insensitive: bool) -> Self {
        if patterns.len() == 1 {
            match patterns.pop() {
                Some((_, Some(glob))) => return Inner::Glob(Box::new(glob)),
                Some((literal, None)) if !insensitive => {
                    return Inner::Literal(Box::new(memmem::Finder::new(&literal).into_owned()));
                }
                Some(pattern) => patterns.push(pattern),
                None => {}
            }
        }
        if patterns.is_empty() {
            return Inner::None;
        }
        Inner::Many(Box::new(Many { patterns: patterns.into(), insensitive, automaton: OnceLock::new() }))
    }

    fn is_match(&self, text: &[u8]) -> bool {
        match self {
            Inner::None => false,
            Inner::Literal(finder) => finder.find(text).is_some(),
            Inner::Glob(glob) => glob.is_match(text),
            Inner::Many(many) => many.is_match(text),
        }
    }
}

impl Many {
    fn build(&self) -> Option<AhoCorasick> {
        AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(self.insensitive)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(self.patterns.iter().map(|(literal, _)| literal))
            .ok()
    }

    fn is_match(&self, text: &[u8]) -> bool {
        let patterns = &self.patterns;
        let Some(automaton) = self.automaton.get_or_init(|| self.build()) else {
            return self.is_match_of_each(text);
        };
        // Each general pattern is tried once, however often its literal occurs.
        let mut small = [0_u64; WORDS];
        let mut large = Vec::new();
        let words = patterns.len().div_ceil(64);
        let tried: &mut [u64] = if words <= WORDS {
            &mut small
        } else {
            large.resize(words, 0);
            &mut large
        };
        automaton.find_overlapping_iter(text).any(|found| {
            let index = found.pattern().as_usize();
            let Some((_, Some(glob))) = patterns.get(index) else { return true };
            let (word, bit) = (index / 64, 1 << (index % 64));
            let new = tried[word] & bit == 0;
            tried[word] |= bit;
            new && glob.is_match(text)
        })
    }

    /// [`Many::is_match`] without the automaton.
    fn is_match_of_each(&self, text: &[u8]) -> bool {
        let contains = |literal: &[u8]| match self.insensitive {
            true => {
                literal.is_empty()
                    || text.windows(literal.len()).any(|part| part.eq_ignore_ascii_case(literal))
            }
            false => memmem::find(text, literal).is_some(),
        };
        self.patterns.iter().any(|(literal, glob)| match glob {
            Some(glob) => glob.is_match(text),
            None => contains(literal),
        })
    }
}

#[cfg(test)]
mod tests;
