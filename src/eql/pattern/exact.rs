//! Whole texts: a short list is compared, a long one hashed.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Up to this many are compared one by one.
const FEW: usize = 4;

#[derive(Debug)]
pub(super) struct Exact {
    insensitive: bool,
    lengths: std::ops::RangeInclusive<usize>,
    texts: Texts,
}

#[derive(Debug)]
enum Texts {
    Few(Box<[Box<[u8]>]>),
    Many(HashTable<Box<[u8]>>),
}

impl Exact {
    pub(super) fn new(texts: Vec<Vec<u8>>, insensitive: bool) -> Self {
        let shortest = texts.iter().map(Vec::len).min().unwrap_or(1);
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        let texts = if texts.len() <= FEW {
            Texts::Few(texts.into_iter().map(Vec::into_boxed_slice).collect())
        } else {
            let mut table: HashTable<Box<[u8]>> = HashTable::with_capacity(texts.len());
            for text in texts {
                let hash = hash(&text, insensitive);
                if table.find(hash, |other| equal(other, &text, insensitive)).is_none() {
                    table.insert_unique(hash, text.into_boxed_slice(), |t| self::hash(t, insensitive));
                }
            }
            Texts::Many(table)
        };
        Exact { insensitive, lengths: shortest..=longest, texts }
    }

    /// The texts.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let (few, many) = match &self.texts {
            Texts::Few(few) => (Some(few.iter()), None),
            Texts::Many(many) => (None, Some(many.iter())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten()).map(|text| &**text)
    }

    pub(super) fn contains(&self, text: &[u8]) -> bool {
        if !self.lengths.contains(&text.len()) {
            return false;
        }
        match &self.texts {
            Texts::Few(few) => few.iter().any(|other| equal(other, text, self.insensitive)),
            Texts::Many(table) => {
                let hash = hash(text, self.insensitive);
                table.find(hash, |other| equal(other, text, self.insensitive)).is_some()
            }
        }
    }
}

fn equal(left: &[u8], right: &[u8], insensitive: bool) -> bool {
    if insensitive { left.eq_ignore_ascii_case(right) } else { left == right }
}

/// Equal for texts that [`equal`] takes for equal. The seed is fixed: only the rule's own texts are
/// stored, so nobody can fill one slot from outside.
fn hash(text: &[u8], insensitive: bool) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    if insensitive {
        for chunk in text.chunks(64) {
            let mut buffer = [0_u8; 64];
            let lower = &mut buffer[..chunk.len()];
            lower.copy_from_slice(chunk);
            lower.make_ascii_lowercase();
            hasher.write(lower);
        }
    } else {
        hasher.write(text);
    }
    hasher.finish()
}
