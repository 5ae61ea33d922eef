//! Which comparisons of a field its values could satisfy, found without trying each.
//!
//! Of most comparisons is known which texts they take: whole ones, or texts that begin, end or go on with
//! some part. One table finds the whole texts of all of them, a sorted list each all beginnings and all ends, an
//! automaton all other parts.
//!
//! It may name too many, never too few: the case of ASCII letters makes no difference, a pattern is looked
//! for by its longest part without a wildcard.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, MatchKind, nfa::contiguous};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::lately::Lately;
use crate::eql::{Place, Test};
use crate::event::{Value, Values};

/// The comparisons of one field, by numbers of their own.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// How many there are.
    count: usize,
    /// Whole texts.
    whole: HashTable<Entry>,
    starts: Starts,
    /// Of texts read backwards.
    ends: Starts,
    inside: Option<Parts>,
    /// The comparisons until a text is first looked up: many fields are never asked for.
    building: Vec<Arc<Test>>,
    /// Those whose parts cannot be looked for.
    unknown: Set,
    lately: Lately,
    /// What the values of the current event could satisfy.
    could: Set,
    /// Which event that is.
    event: u64,
    /// Memory to work in.
    answer: Set,
}

/// A text and the comparisons that take it.
#[derive(Debug)]
struct Entry {
    /// In lower case.
    text: Box<[u8]>,
    numbers: Vec<u32>,
}

/// Beginnings of texts, in order. Whatever stands between a text and one of its beginnings begins with that too: so the
/// last one before the text leads to all.
#[derive(Debug, Default)]
struct Starts(Vec<Start>);

#[derive(Debug)]
struct Start {
    text: Box<[u8]>,
    /// The comparisons that look for it.
    numbers: Vec<u32>,
    /// The place of the longest other that it begins with.
    shorter: Option<usize>,
}

impl Starts {
    fn new(mut texts: Vec<(Box<[u8]>, Vec<u32>)>) -> Self {
        texts.sort_unstable();
        let mut starts: Vec<Start> = Vec::with_capacity(texts.len());
        for (text, numbers) in texts {
            let mut shorter = starts.len().checked_sub(1);
            while let Some(other) = shorter.and_then(|at| starts.get(at))
                && !text.starts_with(&other.text)
            {
                shorter = other.shorter;
            }
            starts.push(Start { text, numbers, shorter });
        }
        Self(starts)
    }

    /// Adds the comparisons that look for a beginning of `text`, whose bytes are given in order, in lower case.
    fn find(&self, text: impl Iterator<Item = u8> + Clone, found: &mut Set) {
        let behind = self.0.partition_point(|start| start.text.iter().copied().le(text.clone()));
        let mut last = behind.checked_sub(1);
        while let Some(start) = last.and_then(|at| self.0.get(at)) {
            if start.text.iter().copied().eq(text.clone().take(start.text.len())) {
                found.insert_all(&start.numbers);
            }
            last = start.shorter;
        }
    }
}

/// Parts of texts, all at once.
#[derive(Debug)]
struct Parts {
    automaton: contiguous::NFA,
    /// By the number of the part: the comparisons that look for it.
    numbers: Vec<Vec<u32>>,
}

impl Parts {
    /// None of nothing. Where it cannot be built (too many), the comparisons are given back.
    fn new(parts: Vec<(Box<[u8]>, Vec<u32>)>) -> Result<Option<Self>, Vec<u32>> {
        if parts.is_empty() {
            return Ok(None);
        }
        let (texts, numbers): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let automaton =
            contiguous::NFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(texts);
        match automaton {
            Ok(automaton) => Ok(Some(Self { automaton, numbers })),
            Err(_) => Err(numbers.concat()),
        }
    }

    /// Adds the comparisons that look for a part of `text`.
    fn find(&self, text: &[u8], found: &mut Set) {
        let Ok(mut state) = self.automaton.start_state(Anchored::No) else { return };
        for byte in text {
            state = self.automaton.next_state(Anchored::No, state, byte.to_ascii_lowercase());
            if self.automaton.is_special(state) && self.automaton.is_match(state) {
                for n in 0..self.automaton.match_len(state) {
                    if let Some(numbers) = self.numbers.get(self.automaton.match_pattern(state, n).as_usize())
                    {
                        found.insert_all(numbers);
                    }
                }
            }
        }
    }
}

/// What of a literal is looked for: all of it, or of a pattern the longest part without a wildcard.
fn sought(place: Place, text: &[u8]) -> &[u8] {
    match place {
        Place::Pattern => {
            text.split(|byte| matches!(byte, b'*' | b'?')).max_by_key(|part| part.len()).unwrap_or_default()
        }
        _ => text,
    }
}

/// Whether a comparison tells which texts it takes, or a part of them.
pub(super) fn tells_texts(test: &Test) -> bool {
    let is_sought =
        |(place, text): &(Place, Cow<'_, [u8]>)| *place == Place::Whole || !sought(*place, text).is_empty();
    test.literals().is_some_and(|literals| literals.iter().all(is_sought))
}

impl Texts {
    /// Adds a comparison of which [`tells_texts`] is true; its number.
    pub(super) fn add(&mut self, test: &Arc<Test>) -> usize {
        self.building.push(Arc::clone(test));
        self.count = self.building.len();
        self.count - 1
    }

    /// The comparisons that wait for a whole text.
    fn waiting(&mut self, text: Box<[u8]>) -> &mut Vec<u32> {
        let entry = self.whole.entry(hash(&text), |known| known.text == text, |known| hash(&known.text));
        &mut entry.or_insert_with(|| Entry { text, numbers: Vec::new() }).into_mut().numbers
    }

    /// All are added.
    pub(super) fn finish(&mut self) {
        for set in [&mut self.unknown, &mut self.could, &mut self.answer] {
            set.make_room(self.count);
        }
        self.lately = Lately::new(self.count);
    }

    /// Builds what texts are looked up in. Where the automaton cannot be built (too many texts), comparisons with parts
    /// are always named.
    #[cold]
    fn build(&mut self) {
        let mut parts: BTreeMap<(Place, Box<[u8]>), Vec<u32>> = BTreeMap::new();
        for (number, test) in (0..).zip(std::mem::take(&mut self.building)) {
            for (place, text) in test.literals().unwrap_or_default() {
                let text = sought(place, &text).to_ascii_lowercase().into();
                let waiting = match place {
                    Place::Whole => self.waiting(text),
                    _ => parts.entry((place, text)).or_default(),
                };
                if waiting.last() != Some(&number) {
                    waiting.push(number);
                }
            }
        }
        let (mut starts, mut ends, mut inside) = (Vec::new(), Vec::new(), Vec::new());
        for ((place, text), numbers) in parts {
            match place {
                Place::Start => starts.push((text, numbers)),
                Place::End => ends.push((text.iter().rev().copied().collect(), numbers)),
                Place::Whole | Place::Inside | Place::Pattern => inside.push((text, numbers)),
            }
        }
        (self.starts, self.ends) = (Starts::new(starts), Starts::new(ends));
        self.inside = Parts::new(inside).unwrap_or_else(|numbers| {
            self.unknown.insert_all(&numbers);
            None
        });
    }

    /// Whether one of the values could satisfy comparison `number`. `values` is asked once for `event`.
    pub(super) fn could_satisfy<'v>(
        &mut self,
        event: u64,
        number: usize,
        values: impl FnOnce() -> Values<'v>,
    ) -> bool {
        self.could(event, values).contains(number)
    }

    /// What the values could satisfy, all in all. `values` is asked once for `event`.
    pub(super) fn could<'v>(&mut self, event: u64, values: impl FnOnce() -> Values<'v>) -> &Set {
        if self.event != event {
            self.event = event;
            self.could.clear();
            for value in values().as_slice() {
                self.take(value);
            }
        }
        &self.could
    }

    /// How many comparisons there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes in what `value` could satisfy. What is no text is not looked up: it rules nothing out.
    fn take(&mut self, value: &Value<'_>) {
        let Value::Text(text) = value else { return self.could.fill(self.count) };
        let hash = hash(text);
        if let Some(known) = self.lately.get(hash, text) {
            return self.could.add_words(known);
        }
        if !self.building.is_empty() {
            self.build();
        }
        let mut answer = std::mem::take(&mut self.answer);
        answer.copy(&self.unknown);
        self.find(hash, text, &mut answer);
        self.could.add_words(&answer.words);
        self.lately.put(hash, text, &answer.words);
        self.answer = answer;
    }

    /// Adds the comparisons that wait for `text`, whose hash is given.
    fn find(&self, hash: u64, text: &[u8], found: &mut Set) {
        let same = |entry: &Entry| entry.text.eq_ignore_ascii_case(text);
        if let Some(entry) = self.whole.find(hash, same) {
            found.insert_all(&entry.numbers);
        }
        self.starts.find(text.iter().map(u8::to_ascii_lowercase), found);
        self.ends.find(text.iter().rev().map(u8::to_ascii_lowercase), found);
        if let Some(inside) = &self.inside {
            inside.find(text, found);
        }
    }
}

/// A hash without regard to the case of ASCII letters. The texts are the rules' own, so nobody who writes
/// events can make them collide; a fixed seed will do.
fn hash(text: &[u8]) -> u64 {
    let word = |bytes: &[u8; 8]| lower(u64::from_le_bytes(*bytes));
    let mut hasher = FixedState::with_seed(0).build_hasher();
    let chunks = text.as_chunks::<8>().0;
    chunks.iter().for_each(|chunk| hasher.write_u64(word(chunk)));
    // What is left, with some before it again where there is enough.
    let last = match text.last_chunk::<8>() {
        Some(last) => word(last),
        None => lower(text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))),
    };
    hasher.write_u64(last ^ (text.len() as u64).rotate_left(56));
    hasher.finish()
}

/// Eight bytes, of which ASCII letters become lower case.
fn lower(word: u64) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let seven = word & !HIGH;
    // The high bit of a byte says whether it is at least `A`, and more than `Z`; no byte carries over.
    let from_a = seven + LOW * u64::from(0x80 - b'A');
    let behind_z = seven + LOW * u64::from(0x7f - b'Z');
    word | (from_a & !behind_z & !word & HIGH) >> 2
}

/// A set of numbers, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    words: Vec<u64>,
}

impl Set {
    /// Room for 0, 1, … `count` - 1; empty.
    pub(super) fn make_room(&mut self, count: usize) {
        self.words = vec![0; count.div_ceil(64)];
    }

    /// All of 0, 1, … `count` - 1.
    fn fill(&mut self, count: usize) {
        self.words.fill(u64::MAX);
        if let Some(last) = self.words.last_mut().filter(|_| !count.is_multiple_of(64)) {
            *last = (1 << (count % 64)) - 1;
        }
    }

    fn clear(&mut self) {
        self.words.fill(0);
    }

    fn copy(&mut self, other: &Self) {
        self.words.copy_from_slice(&other.words);
    }

    pub(super) fn insert(&mut self, number: usize) {
        if let Some(word) = self.words.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn insert_all(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.insert(*number as usize));
    }

    fn add_words(&mut self, words: &[u64]) {
        self.words.iter_mut().zip(words).for_each(|(word, other)| *word |= other);
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(word, other)| word & other != 0)
    }

    fn contains(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eql::{Pattern, PatternSet};

    /// The comparison with these patterns.
    fn comparison(patterns: &[&str]) -> Arc<Test> {
        let patterns = patterns.iter().map(|text| Pattern::wildcard(text.as_bytes()));
        Arc::new(Test::Patterns(Box::new(PatternSet::new(patterns, false))))
    }

    /// Texts that take the comparisons with these patterns.
    fn texts(comparisons: &[&[&str]]) -> Texts {
        let mut texts = Texts::default();
        for (number, patterns) in comparisons.iter().enumerate() {
            let comparison = comparison(patterns);
            assert!(tells_texts(&comparison));
            assert_eq!(texts.add(&comparison), number);
        }
        texts.finish();
        texts
    }

    fn named(texts: &mut Texts, event: u64, values: &[Value<'static>]) -> Vec<usize> {
        let count = texts.count;
        (0..count).filter(|number| texts.could_satisfy(event, *number, || Values::Many(values))).collect()
    }

    fn text(text: &'static str) -> Value<'static> {
        Value::Text(text.as_bytes())
    }

    #[test]
    fn parts_are_looked_for_where_they_stand() {
        let list: [&[&str]; 8] = [
            &["user*"],
            &["*mod"],
            &["*erm*"],
            &["u*er*od"],
            &["exact", "user*"],
            &["exact"],
            &["*Mod"],
            &[],
        ];
        let mut texts = texts(&list);
        let mut event = 0;
        let mut of = |value| {
            event += 1;
            let first = named(&mut texts, event, &[text(value)]);
            event += 1;
            // What is remembered says the same.
            assert_eq!(named(&mut texts, event, &[text(value)]), first);
            first
        };
        assert_eq!(of("usermod"), [0, 1, 2, 3, 4, 6]);
        assert_eq!(of("USERMOD"), [0, 1, 2, 3, 4, 6]);
        assert_eq!(of("xusermodx"), [2, 3]);
        assert_eq!(of("EXACT"), [4, 5]);
        assert_eq!(of(""), Vec::<usize>::new());
        assert_eq!(
            named(&mut texts, 100, &[text("exact"), text("xmod")]),
            [1, 3, 4, 5, 6],
            "any value will do"
        );
        assert_eq!(named(&mut texts, 101, &[]), Vec::<usize>::new());
    }

    #[test]
    fn beginnings_of_one_another_are_all_found() {
        let list: [&[&str]; 7] = [&["a*"], &["ab*"], &["abc*"], &["abd*"], &["b*"], &["*ba"], &["*a"]];
        let mut texts = texts(&list);
        for (event, (value, found)) in (1..).zip([
            ("abce", &[0, 1, 2][..]),
            ("ABD", &[0, 1, 3]),
            ("abcz", &[0, 1, 2]),
            ("ac", &[0]),
            ("ab", &[0, 1]),
            ("bzba", &[4, 5, 6]),
            ("zza", &[6]),
            ("zz", &[]),
        ]) {
            assert_eq!(named(&mut texts, event, &[text(value)]), found, "{value}");
        }
    }

    #[test]
    fn a_pattern_without_any_text_tells_no_texts() {
        for pattern in ["*", "??*", "**"] {
            assert!(!tells_texts(&comparison(&[pattern])));
        }
    }

    #[test]
    fn what_is_no_text_rules_nothing_out() {
        let mut texts = texts(&[&["kill"], &["é"]]);
        assert_eq!(named(&mut texts, 1, &[Value::Long(1)]), [0, 1]);
        assert_eq!(named(&mut texts, 2, &[Value::Text(b"\xff")]), Vec::<usize>::new());
        assert_eq!(named(&mut texts, 3, &[text("é")]), [1]);
    }

    /// Texts that drive each other out of the places, too long ones and those that differ in case among them.
    #[test]
    fn what_is_remembered_of_other_texts_changes_nothing() {
        let words: Vec<String> = (0..2_000).map(|n| format!("w{n}{}", "x".repeat(n % 70))).collect();
        let comparisons: Vec<[&str; 1]> = words.iter().step_by(3).map(|word| [word.as_str()]).collect();
        let comparisons: Vec<&[&str]> = comparisons.iter().map(|word| &word[..]).collect();
        let mut texts = texts(&comparisons);
        let mut event = 0;
        for round in 0..3 {
            for (n, word) in words.iter().enumerate() {
                let word = if round == 1 { word.to_uppercase() } else { word.clone() };
                event += 1;
                let found = named(&mut texts, event, &[Value::Text(word.leak().as_bytes())]);
                assert_eq!(found, (n % 3 == 0).then_some(n / 3).into_iter().collect::<Vec<_>>(), "{n}");
            }
        }
    }

    #[test]
    fn sets_end_where_the_numbers_end() {
        for count in [0, 1, 63, 64, 65, 128, 300] {
            let mut set = Set::default();
            set.make_room(count);
            assert!((0..count).all(|number| !set.contains(number)));
            set.fill(count);
            assert!((0..count).all(|number| set.contains(number)) && !set.contains(count));
        }
    }

    #[test]
    fn letters_become_lower_case_and_nothing_else_changes() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                for other in [0, b'A', b'Z', b'[', b'@', 0x7f, 0x80, 0xff] {
                    let mut bytes = [other; 8];
                    bytes[at] = byte;
                    let lower = lower(u64::from_le_bytes(bytes)).to_le_bytes();
                    assert_eq!(lower, bytes.map(|byte| byte.to_ascii_lowercase()), "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn hashes_tell_lengths_and_letters_apart() {
        let texts = ["", "\0", "a", "a\0", "abcdefgh", "abcdefgh\0", "abcdefghi", "ABCDEFGHJ"];
        let mut hashes: Vec<u64> = texts.iter().map(|text| hash(text.as_bytes())).collect();
        assert_eq!(hash(b"ABCDEFGHI"), hash(b"abcdefghi"));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), texts.len());
    }
}
