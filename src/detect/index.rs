//! Which rules an event can match at all, found without asking each.
//!
//! Of each rule is known what must be true of any event that it matches: some fields hold, among their
//! values, one of a few texts ([`Need`]). The index turns that around: for each such field, a table
//! from text to the rules that wait for it. An event's candidates are all rules but those that one of
//! its fields rules out; three hundred rules then cost an event a few look-ups more than one rule.
//!
//! It may name too many rules, never too few: texts are looked up without regard to case, and a value
//! that is no ASCII text lets every rule through.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::event::{Document, FieldId, Value};

/// What must be true of any event that a rule matches: `field` has a value among `texts`, at least
/// when case makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// The field.
    pub(crate) field: FieldId,
    /// The texts; none means that no event can match.
    pub(crate) texts: Vec<Box<[u8]>>,
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
    texts: HashTable<Entry>,
}

/// A text and the rules that wait for it.
#[derive(Debug)]
struct Entry {
    /// In lower case.
    text: Box<[u8]>,
    rules: Vec<u32>,
}

impl Index {
    /// An index over rules 0, 1, …, each with its needs. Events are asked for the fields in the order
    /// of `first`, then for the rest: the field that rules out most comes first.
    pub(crate) fn new(rules: &[Vec<Need>], first: &[FieldId]) -> Self {
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
        let rank = |field| first.iter().position(|known| *known == field).unwrap_or(first.len());
        fields.sort_by_key(|index| (rank(index.field), index.field));
        Self { rules: rules.len(), fields }
    }

    /// Puts into `candidates` the rules that `event` can match; `scratch` is memory to work in.
    /// Allocates nothing once both have their size.
    pub(crate) fn candidates<D: Document + ?Sized>(
        &self,
        event: &D,
        candidates: &mut RuleSet,
        scratch: &mut RuleSet,
    ) {
        candidates.fill(self.rules);
        for index in &self.fields {
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

/// Of several needs on one field the one with the fewest texts: each of them must hold.
fn one_a_field(needs: &[Need]) -> impl Iterator<Item = &Need> {
    needs
        .iter()
        .enumerate()
        .filter(|(at, need)| {
            let better = |(other_at, other): (usize, &Need)| {
                other.field == need.field && (other.texts.len(), other_at) < (need.texts.len(), *at)
            };
            !needs.iter().enumerate().any(better)
        })
        .map(|(_, need)| need)
}

impl FieldIndex {
    fn new(field: FieldId, rules: usize) -> Self {
        let mut free = RuleSet::default();
        free.fill(rules);
        let mut bound = free.clone();
        bound.clear();
        Self { field, free, bound, texts: HashTable::new() }
    }

    fn bind(&mut self, rule: usize, need: &Need) {
        // A text beyond ASCII may equal others in another case that are not found by its bytes.
        if !need.texts.iter().all(|text| text.is_ascii()) {
            return;
        }
        self.free.remove(rule);
        self.bound.insert(rule);
        let number = u32::try_from(rule).unwrap_or(u32::MAX);
        for text in &need.texts {
            let text: Box<[u8]> = text.to_ascii_lowercase().into();
            let entry = self.texts.entry(hash(&text), |entry| entry.text == text, |entry| hash(&entry.text));
            let rules = &mut entry
                .or_insert_with(|| Entry { text: text.clone(), rules: Vec::new() })
                .into_mut()
                .rules;
            if rules.last() != Some(&number) {
                rules.push(number);
            }
        }
    }

    /// Adds the rules that wait for `value`.
    fn add(&self, value: &Value<'_>, rules: &mut RuleSet) {
        match value {
            Value::Text(text) if text.is_ascii() => {
                let same = |entry: &Entry| entry.text.eq_ignore_ascii_case(text);
                if let Some(entry) = self.texts.find(hash(text), same) {
                    entry.rules.iter().for_each(|rule| rules.insert(*rule as usize));
                }
            }
            _ => rules.add(&self.bound),
        }
    }
}

/// A hash of ASCII text without regard to case. The texts are the rules' own, so nobody who writes
/// events can make them collide; a fixed seed will do.
fn hash(text: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let mut lower = [0; 8];
        lower.copy_from_slice(chunk);
        lower.make_ascii_lowercase();
        hasher.write_u64(u64::from_ne_bytes(lower));
    }
    let mut last = [0; 8];
    for (lower, byte) in last.iter_mut().zip(chunks.remainder()) {
        *lower = byte.to_ascii_lowercase();
    }
    hasher.write_u64(u64::from_ne_bytes(last) ^ (text.len() as u64).rotate_left(56));
    hasher.finish()
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

    fn remove(&mut self, rule: usize) {
        if let Some(word) = self.words.get_mut(rule / 64) {
            *word &= !(1 << (rule % 64));
        }
    }

    fn add(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
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

    fn need(field: u16, texts: &[&str]) -> Need {
        Need { field: FieldId(field), texts: texts.iter().map(|text| text.as_bytes().into()).collect() }
    }

    fn text(text: &'static str) -> Value<'static> {
        Value::Text(text.as_bytes())
    }

    fn candidates(rules: &[Vec<Need>], event: &Event) -> Vec<usize> {
        let (mut found, mut scratch) = (RuleSet::default(), RuleSet::default());
        Index::new(rules, &[FieldId(1)]).candidates(event, &mut found, &mut scratch);
        found.iter().collect()
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
    fn what_cannot_be_looked_up_rules_nothing_out() {
        let rules = [vec![need(0, &["kill"])], vec![need(0, &["é"])]];
        // U+212A KELVIN SIGN is a k without regard to case.
        assert_eq!(candidates(&rules, &Event(vec![vec![text("\u{212a}ill")]])), [0, 1]);
        assert_eq!(candidates(&rules, &Event(vec![vec![Value::Long(1)]])), [0, 1]);
        assert_eq!(candidates(&rules, &Event(vec![vec![Value::Text(b"\xff")]])), [0, 1]);
        assert_eq!(candidates(&rules, &Event(vec![vec![text("x")]])), [1]);
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
    fn hashes_tell_lengths_and_letters_apart() {
        let texts = ["", "\0", "a", "a\0", "abcdefgh", "abcdefgh\0", "abcdefghi", "ABCDEFGHJ"];
        let mut hashes: Vec<u64> = texts.iter().map(|text| hash(text.as_bytes())).collect();
        assert_eq!(hash(b"ABCDEFGHI"), hash(b"abcdefghi"));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), texts.len());
    }

    const WORDS: [&str; 6] = ["a", "B", "cc", "DdddDdddD", "", "é"];

    fn some_words() -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4)
    }

    proptest! {
        /// The index names exactly the rules whose needs, taken one a field, are all met.
        #[test]
        fn the_index_names_what_a_search_finds(
            rules in prop::collection::vec(prop::collection::vec((0..4u16, some_words()), 0..5), 0..150),
            event in prop::collection::vec(some_words(), 4),
        ) {
            let rules: Vec<Vec<Need>> =
                rules.iter().map(|needs| needs.iter().map(|(f, texts)| need(*f, texts)).collect()).collect();
            let event = Event(event.into_iter().map(|words| words.into_iter().map(text).collect()).collect());
            let met = |need: &Need| {
                let values = event.values(need.field);
                let meets = |value: &Value<'_>| match value {
                    Value::Text(value) if value.is_ascii() =>
                        need.texts.iter().any(|text| text.eq_ignore_ascii_case(value)),
                    _ => true,
                };
                !need.texts.iter().all(|text| text.is_ascii()) || values.as_slice().iter().any(meets)
            };
            let must: Vec<usize> = (0..rules.len()).filter(|at| rules[*at].iter().all(met)).collect();
            let may: Vec<usize> = (0..rules.len()).filter(|at| one_a_field(&rules[*at]).all(met)).collect();
            let found = candidates(&rules, &event);
            prop_assert_eq!(&found, &may);
            prop_assert!(must.iter().all(|rule| found.contains(rule)));
        }
    }
}
