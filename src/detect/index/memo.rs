//! What was worked out lately, by a key: a bounded number of answers, those that nobody asked for longest
//! given up first, many at a time.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// See the module. Whoever chooses keys can only make it useless.
#[derive(Debug)]
pub(super) struct Memo<V> {
    /// Asked for since the last time that it was full.
    young: HashTable<Remembered<V>>,
    /// Before that.
    old: HashTable<Remembered<V>>,
    most: usize,
    hasher: RandomState,
}

#[derive(Debug)]
struct Remembered<V> {
    hash: u64,
    key: Box<[u8]>,
    value: V,
}

impl<V> Memo<V> {
    /// Nothing yet; `most` answers are remembered, or up to twice as many.
    pub(super) fn new(most: usize) -> Self {
        Self { young: HashTable::new(), old: HashTable::new(), most, hasher: RandomState::default() }
    }

    /// The answer for `key`, made if it is not known.
    pub(super) fn get_or_make(&mut self, key: &[u8], make: impl FnOnce() -> V) -> &V {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        let hash = hasher.finish();
        let Self { young, old, most, .. } = self;
        if young.len() >= *most {
            *old = std::mem::take(young);
        }
        let same = |entry: &Remembered<V>| entry.hash == hash && *entry.key == *key;
        match young.find_entry(hash, same) {
            Ok(known) => &known.into_mut().value,
            Err(absent) => {
                let known = match old.find_entry(hash, same) {
                    Ok(known) => known.remove().0,
                    Err(_) => Remembered { hash, key: key.into(), value: make() },
                };
                let young = absent.into_table();
                &young.insert_unique(hash, known, |entry| entry.hash).into_mut().value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let mut memo = Memo::new(10);
        let mut made = Vec::new();
        for n in 0..1_000_u32 {
            for key in [0, n] {
                let value = *memo.get_or_make(&key.to_le_bytes(), || {
                    made.push(key);
                    key
                });
                assert_eq!(value, key);
            }
            assert!(memo.young.len() <= 10 && memo.old.len() <= 10);
        }
        assert_eq!(made, (0..1_000).collect::<Vec<_>>(), "each is made once, 0 too");
    }
}
