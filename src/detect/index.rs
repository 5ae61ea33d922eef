//! Which rules an event can match at all, found without asking each.
//!
//! Of each rule is known what must be true of any event that it matches: some fields hold, among their
//! values, one of a few texts, or one that begins, ends or goes on with them ([`Need`]). The index
//! turns that around: for each such field, a table from text to the rules that wait for it, and one
//! automaton for all the parts of texts. An event's candidates are all rules but those that one of its
//! fields rules out; three hundred rules then cost an event a few look-ups more than one rule.
//!
//! It may name too many rules, never too few: the case of ASCII letters makes no difference, a pattern
//! is looked for by its longest part without a wildcard.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use aho_corasick::{AhoCorasick, MatchKind};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::eql::{Literal, Place};
use crate::event::{Document, FieldId, Value};

/// What must be true of any event that a rule matches: `any_of` takes some value of `field`, at least
/// when case makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// The field.
    pub(crate) field: FieldId,
    /// The texts; none means that no event can match.
    pub(crate) any_of: Vec<Literal>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Index {
    rules: usize,
    /// In the order in which events are asked.
    fields: Vec<FieldIndex>,
}

/// The rules that need something of one field.
#[derive(Debug)]
struct FieldIndex {
    field: FieldId,
    /// The rules that need nothing of it.
    free: RuleSet,
    /// The rules that need something of it.
    bound: RuleSet,
    /// Whole texts.
    texts: HashTable<Entry>,
    /// Finds `parts`, whose numbers are the patterns'.
    finder: Option<AhoCorasick>,
    parts: Vec<Part>,
    /// The same while the index is made.
    building: BTreeMap<(Place, Box<[u8]>), Vec<u32>>,
    memo: Memo,
    /// Memory to work in.
    answer: RuleSet,
}

/// A text and the rules that wait for it.
#[derive(Debug)]
struct Entry {
    /// In lower case.
    text: Box<[u8]>,
    rules: Vec<u32>,
}

/// A part of a text and the rules that wait for it.
#[derive(Debug)]
struct Part {
    /// In lower case.
    text: Box<[u8]>,
    place: Place,
    rules: Vec<u32>,
}

impl Index {
    /// An index over rules 0, 1, …, each with its needs. Events are asked for the fields in the order
    /// of `first`, then for the rest (the one that most rules need something of first), then for those of
    /// `last`: the field that is cheap and rules out most comes first.
    pub(crate) fn new(rules: &[Vec<Need>], first: &[FieldId], last: &[FieldId]) -> Self {
        let mut fields: Vec<FieldIndex> = Vec::new();
        for (number, needs) in rules.iter().enumerate() {
            for need in one_a_field(needs) {
                let at = fields.iter().position(|known| known.field == need.field).unwrap_or_else(|| {
                    fields.push(FieldIndex::new(need.field, rules.len()));
                    fields.len() - 1
                });
                if let Some(index) = fields.get_mut(at) {
                    index.bind(number, need);
                }
            }
        }
        let place = |list: &[FieldId], field| list.iter().position(|known| *known == field);
        fields.sort_by_key(|index| {
            let bound = Reverse(index.bound.iter().count());
            (place(last, index.field), place(first, index.field).unwrap_or(first.len()), bound, index.field)
        });
        fields.iter_mut().for_each(FieldIndex::finish);
        Self { rules: rules.len(), fields }
    }

    /// Puts into `candidates` the rules that `event` can match; `scratch` is memory to work in.
    /// Allocates nothing once both have their size.
    pub(crate) fn candidates<D: Document + ?Sized>(
        &mut self,
        event: &D,
        candidates: &mut RuleSet,
        scratch: &mut RuleSet,
    ) {
        candidates.fill(self.rules);
        for index in &mut self.fields {
            if !candidates.meets(&index.bound) {
                continue;
            }
            scratch.copy(&index.free);
            for value in event.values(index.field).as_slice() {
                index.add(value, scratch);
            }
            candidates.keep(scratch);
            if candidates.is_empty() {
                return;
            }
        }
    }
}

/// Of several needs on one field the one that says most: the one with the fewest texts, whole ones
/// before parts.
fn one_a_field(needs: &[Need]) -> impl Iterator<Item = &Need> {
    let vague = |need: &Need| need.any_of.iter().any(|literal| literal.place != Place::Whole);
    let rank = move |(at, need): (usize, &Need)| (vague(need), need.any_of.len(), at);
    needs
        .iter()
        .enumerate()
        .filter(move |this| {
            let better = |other: (usize, &Need)| other.1.field == this.1.field && rank(other) < rank(*this);
            !needs.iter().enumerate().any(better)
        })
        .map(|(_, need)| need)
}

/// What of a literal is looked for: all of it, or of a pattern the longest part without a wildcard.
fn sought(literal: &Literal) -> Vec<u8> {
    let text = match literal.place {
        Place::Pattern => literal
            .bytes
            .split(|byte| matches!(byte, b'*' | b'?'))
            .max_by_key(|part| part.len())
            .unwrap_or_default(),
        _ => &literal.bytes,
    };
    text.to_ascii_lowercase()
}

impl FieldIndex {
    fn new(field: FieldId, rules: usize) -> Self {
        let mut free = RuleSet::default();
        free.fill(rules);
        let mut bound = free.clone();
        bound.clear();
        Self {
            field,
            free,
            bound,
            texts: HashTable::new(),
            finder: None,
            parts: Vec::new(),
            building: BTreeMap::new(),
            memo: Memo::new(rules),
            answer: RuleSet::default(),
        }
    }

    fn bind(&mut self, rule: usize, need: &Need) {
        let unknown = |literal: &Literal| literal.place != Place::Whole && sought(literal).is_empty();
        if need.any_of.iter().any(unknown) {
            return;
        }
        self.free.remove(rule);
        self.bound.insert(rule);
        let number = u32::try_from(rule).unwrap_or(u32::MAX);
        for literal in &need.any_of {
            let waiting = self.waiting(sought(literal).into(), literal.place);
            if waiting.last() != Some(&number) {
                waiting.push(number);
            }
        }
    }

    /// The rules that wait for a text at a place.
    fn waiting(&mut self, text: Box<[u8]>, place: Place) -> &mut Vec<u32> {
        if place != Place::Whole {
            return self.building.entry((place, text)).or_default();
        }
        let entry = self.texts.entry(hash(&text), |known| known.text == text, |known| hash(&known.text));
        &mut entry.or_insert_with(|| Entry { text, rules: Vec::new() }).into_mut().rules
    }

    /// Builds the automaton; where it cannot be (too many texts), rules with parts are let through.
    fn finish(&mut self) {
        let building = std::mem::take(&mut self.building).into_iter();
        self.parts = building.map(|((place, text), rules)| Part { text, place, rules }).collect();
        if self.parts.is_empty() {
            return;
        }
        let texts = self.parts.iter().map(|part| &part.text);
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::Standard).ascii_case_insensitive(true).build(texts);
        self.finder = finder.ok();
        if self.finder.is_none() {
            self.parts.iter().for_each(|part| self.free.insert_all(&part.rules));
        }
    }

    /// Adds the rules that wait for `value`. What is no text is not looked up: it rules nothing out.
    fn add(&mut self, value: &Value<'_>, rules: &mut RuleSet) {
        let Value::Text(text) = value else { return rules.add(&self.bound) };
        let hash = hash(text);
        if let Some(known) = self.memo.get(hash, text) {
            return rules.add_words(known);
        }
        let mut answer = std::mem::take(&mut self.answer);
        answer.copy(&self.free);
        answer.clear();
        self.find(hash, text, &mut answer);
        rules.add(&answer);
        self.memo.put(hash, text, &answer);
        self.answer = answer;
    }

    /// Adds the rules that wait for `text`, whose hash is given.
    fn find(&self, hash: u64, text: &[u8], rules: &mut RuleSet) {
        let same = |entry: &Entry| entry.text.eq_ignore_ascii_case(text);
        if let Some(entry) = self.texts.find(hash, same) {
            rules.insert_all(&entry.rules);
        }
        let Some(finder) = &self.finder else { return };
        for found in finder.find_overlapping_iter(text) {
            let Some(part) = self.parts.get(found.pattern().as_usize()) else { continue };
            let fits = match part.place {
                Place::Start => found.start() == 0,
                Place::End => found.end() == text.len(),
                Place::Whole | Place::Inside | Place::Pattern => true,
            };
            if fits {
                rules.insert_all(&part.rules);
            }
        }
    }
}

/// The texts that a field had lately, and the rules that wait for each: words, names and paths come again
/// and again. Whoever writes texts can only make it useless.
#[derive(Debug)]
struct Memo {
    places: Box<[Remembered]>,
    /// The rules of each place, so many words for one.
    words: Box<[u64]>,
    width: usize,
}

/// The longest text that is remembered.
const REMEMBERED: usize = 55;

/// A text that was asked for.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    hash: u64,
    /// None where nothing is remembered.
    length: Option<u8>,
    text: [u8; REMEMBERED],
}

impl Memo {
    /// So many words of rules are remembered for a field, at most.
    const WORDS: usize = 4096;

    fn new(rules: usize) -> Self {
        let width = rules.div_ceil(64);
        let places = (Self::WORDS / width.max(1)).clamp(8, 128);
        let empty = Remembered { hash: 0, length: None, text: [0; REMEMBERED] };
        Self { places: vec![empty; places].into(), words: vec![0; places * width].into(), width }
    }

    /// Where a text of this hash is remembered.
    fn place(&self, hash: u64) -> usize {
        usize::try_from(hash >> 32).unwrap_or(0) % self.places.len()
    }

    fn words_at(&self, place: usize) -> std::ops::Range<usize> {
        place * self.width..(place + 1) * self.width
    }

    fn get(&self, hash: u64, text: &[u8]) -> Option<&[u64]> {
        let place = self.place(hash);
        let known = self.places.get(place).filter(|known| known.hash == hash)?;
        let same = known.text.get(..usize::from(known.length?)) == Some(text);
        same.then(|| self.words.get(self.words_at(place))).flatten()
    }

    fn put(&mut self, hash: u64, text: &[u8], rules: &RuleSet) {
        let place = self.place(hash);
        let words = self.words_at(place);
        let (Some(at), Some(words)) = (self.places.get_mut(place), self.words.get_mut(words)) else { return };
        let Some(room) = at.text.get_mut(..text.len()) else { return };
        room.copy_from_slice(text);
        at.hash = hash;
        at.length = u8::try_from(text.len()).ok();
        words.iter_mut().zip(&rules.words).for_each(|(word, rules)| *word = *rules);
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

/// A set of rule numbers, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleSet {
    words: Vec<u64>,
}

impl RuleSet {
    /// All of 0, 1, … `rules` - 1.
    fn fill(&mut self, rules: usize) {
        self.words.clear();
        self.words.resize(rules.div_ceil(64), u64::MAX);
        if let Some(last) = self.words.last_mut().filter(|_| !rules.is_multiple_of(64)) {
            *last = (1 << (rules % 64)) - 1;
        }
    }

    fn clear(&mut self) {
        self.words.fill(0);
    }

    fn copy(&mut self, other: &Self) {
        self.words.clear();
        self.words.extend_from_slice(&other.words);
    }

    fn insert(&mut self, rule: usize) {
        if let Some(word) = self.words.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    fn insert_all(&mut self, rules: &[u32]) {
        rules.iter().for_each(|rule| self.insert(*rule as usize));
    }

    fn remove(&mut self, rule: usize) {
        if let Some(word) = self.words.get_mut(rule / 64) {
            *word &= !(1 << (rule % 64));
        }
    }

    fn add(&mut self, other: &Self) {
        self.add_words(&other.words);
    }

    fn add_words(&mut self, words: &[u64]) {
        self.words.iter_mut().zip(words).for_each(|(word, other)| *word |= other);
    }

    fn keep(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(word, other)| word & other != 0)
    }

    fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The numbers, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(at * 64 + bit as usize)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Values;
    use crate::event::document::Order;
    use proptest::prelude::*;

    /// An event of up to four fields with values.
    #[derive(Debug)]
    struct Event(Vec<Vec<Value<'static>>>);

    impl Document for Event {
        fn values(&self, field: FieldId) -> Values<'_> {
            match self.0.get(usize::from(field.0)).map(Vec::as_slice) {
                None | Some([]) => Values::None,
                Some([one]) => Values::One(*one),
                Some(many) => Values::Many(many),
            }
        }

        fn order(&self) -> Order {
            Order { millis: 0, tiebreaker: 0 }
        }
    }

    fn literal(text: &str, place: Place) -> Literal {
        Literal { bytes: text.as_bytes().to_vec(), insensitive: true, place }
    }

    /// `x`, `x*`, `*x`, `*x*`, or another pattern.
    fn need(field: u16, texts: &[&str]) -> Need {
        let literal = |text: &&str| {
            let (head, tail) = (text.starts_with('*'), text.len() > 1 && text.ends_with('*'));
            let inner = text.trim_matches('*');
            match (head, tail) {
                _ if inner.contains(['*', '?']) || inner.is_empty() && head => literal(text, Place::Pattern),
                (true, true) => literal(inner, Place::Inside),
                (true, false) => literal(inner, Place::End),
                (false, true) => literal(inner, Place::Start),
                (false, false) => literal(inner, Place::Whole),
            }
        };
        Need { field: FieldId(field), any_of: texts.iter().map(literal).collect() }
    }

    fn text(text: &'static str) -> Value<'static> {
        Value::Text(text.as_bytes())
    }

    fn candidates(rules: &[Vec<Need>], event: &Event) -> Vec<usize> {
        let (mut found, mut scratch) = (RuleSet::default(), RuleSet::default());
        let mut index = Index::new(rules, &[FieldId(1)], &[FieldId(0)]);
        index.candidates(event, &mut found, &mut scratch);
        let first: Vec<usize> = found.iter().collect();
        // What is remembered says the same.
        index.candidates(event, &mut found, &mut scratch);
        assert_eq!(found.iter().collect::<Vec<_>>(), first);
        first
    }

    #[test]
    fn only_rules_that_can_match_are_named() {
        let rules = [
            vec![need(0, &["start"]), need(1, &["usermod", "useradd"])],
            vec![need(1, &["passwd"])],
            vec![need(0, &["end"])],
            vec![],
            vec![need(2, &["-u"]), need(2, &["0"])],
            vec![need(1, &[])],
        ];
        let event = |name| Event(vec![vec![text("start")], vec![text(name)], vec![text("-u"), text("0")]]);
        assert_eq!(candidates(&rules, &event("usermod")), [0, 3, 4]);
        assert_eq!(candidates(&rules, &event("PASSWD")), [1, 3, 4]);
        assert_eq!(candidates(&rules, &event("usermo")), [3, 4]);
        assert_eq!(candidates(&rules, &Event(vec![])), [3]);
    }

    #[test]
    fn parts_are_looked_for_where_they_stand() {
        let rules = ["user*", "*mod", "*erm*", "u*er*od", "??*", "exact", "*Mod", "user*"]
            .map(|t| vec![need(0, &[t])]);
        let event = |name| Event(vec![vec![text(name)]]);
        assert_eq!(candidates(&rules, &event("usermod")), [0, 1, 2, 3, 4, 6, 7]);
        assert_eq!(candidates(&rules, &event("USERMOD")), [0, 1, 2, 3, 4, 6, 7]);
        assert_eq!(candidates(&rules, &event("xusermodx")), [2, 3, 4]);
        assert_eq!(candidates(&rules, &event("EXACT")), [4, 5]);
        assert_eq!(candidates(&rules, &Event(vec![])), [4]);
        // Whole texts beside parts.
        assert_eq!(candidates(&[vec![need(0, &["exact", "user*"])]], &event("exact")), [0]);
        assert_eq!(candidates(&[vec![need(0, &["exact", "user*"])]], &event("userland")), [0]);
    }

    #[test]
    fn what_is_no_text_rules_nothing_out() {
        let rules = [vec![need(0, &["kill"])], vec![need(0, &["é"])]];
        assert_eq!(candidates(&rules, &Event(vec![vec![Value::Long(1)]])), [0, 1]);
        assert_eq!(candidates(&rules, &Event(vec![vec![Value::Text(b"\xff")]])), Vec::<usize>::new());
        assert_eq!(candidates(&rules, &Event(vec![vec![text("é")]])), [1]);
    }

    /// Texts that drive each other out of the places, too long ones and those that differ in case among them.
    #[test]
    fn what_is_remembered_of_other_texts_changes_nothing() {
        let words: Vec<String> = (0..900).map(|n| format!("w{n}{}", "x".repeat(n % 70))).collect();
        let rules: Vec<Vec<Need>> =
            words.iter().step_by(3).map(|word| vec![need(0, &[word.as_str()])]).collect();
        let mut index = Index::new(&rules, &[], &[]);
        let (mut found, mut scratch) = (RuleSet::default(), RuleSet::default());
        for round in 0..3 {
            for (n, word) in words.iter().enumerate() {
                let word = if round == 1 { word.to_uppercase() } else { word.clone() };
                let event = Event(vec![vec![Value::Text(word.leak().as_bytes())]]);
                index.candidates(&event, &mut found, &mut scratch);
                let expected = (n % 3 == 0).then_some(n / 3);
                assert_eq!(found.iter().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>(), "{n}");
            }
        }
    }

    #[test]
    fn sets_end_where_the_rules_end() {
        for rules in [0, 1, 63, 64, 65, 128, 300] {
            let mut set = RuleSet::default();
            set.fill(rules);
            assert_eq!(set.iter().collect::<Vec<_>>(), (0..rules).collect::<Vec<_>>());
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

    const WORDS: [&str; 11] = ["a", "B", "cc", "DdddDdddD", "", "é", "a*", "*D", "*dd*", "d*d", "*"];

    fn some_words() -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4)
    }

    proptest! {
        /// The index names every rule whose needs are all met, and of those that ask for no pattern it
        /// names no rule of which the need taken for a field is not met.
        #[test]
        fn the_index_names_what_a_search_finds(
            rules in prop::collection::vec(prop::collection::vec((0..4u16, some_words()), 0..5), 0..150),
            event in prop::collection::vec(some_words(), 4),
        ) {
            let rules: Vec<Vec<Need>> =
                rules.iter().map(|needs| needs.iter().map(|(f, texts)| need(*f, texts)).collect()).collect();
            let event = Event(event.into_iter().map(|words| words.into_iter().map(text).collect()).collect());
            let met = |need: &Need| {
                let takes = |value: &Value<'_>| match value {
                    Value::Text(value) => need.any_of.iter().any(|literal| literal.takes(value)),
                    _ => true,
                };
                event.values(need.field).as_slice().iter().any(takes)
            };
            let pattern = |need: &Need| need.any_of.iter().any(|literal| literal.place == Place::Pattern);
            let found = candidates(&rules, &event);
            for (at, needs) in rules.iter().enumerate() {
                let named = found.contains(&at);
                prop_assert!(named || !needs.iter().all(met), "rule {at} is missing");
                let refused = one_a_field(needs).any(|need| !pattern(need) && !met(need));
                prop_assert!(!named || !refused, "rule {at} is named");
            }
        }
    }
}
