//! What was worked out lately, by a key: a bounded number of answers, those that nobody asked for longest
//! given up first, many at a time.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// See the module. Whoever chooses keys can only make it useless.
#[derive(Debug)]
pub(crate) struct Memo<V, S = RandomState> {
    /// Asked for since the last time that it was full.
    young: HashTable<Remembered<V>>,
    /// Before that.
    old: HashTable<Remembered<V>>,
    most: usize,
    /// Bytes of the keys of `young`, and the most of them.
    bytes: usize,
    most_bytes: usize,
    hasher: S,
}

/// The mean length of keys for which there is room.
const MEAN: usize = 256;

#[derive(Debug)]
struct Remembered<V> {
    hash: u64,
    key: Box<[u8]>,
    value: V,
}

impl<V, S: BuildHasher + Default> Memo<V, S> {
    /// Nothing yet; `most` answers are remembered, or up to twice as many; fewer where keys are long.
    pub(crate) fn new(most: usize) -> Self {
        let most_bytes = most.saturating_mul(MEAN);
        let (young, old) = (HashTable::new(), HashTable::new());
        Self { young, old, most, bytes: 0, most_bytes, hasher: S::default() }
    }

    /// The answer for `key`, made if it is not known.
    pub(crate) fn get_or_make(&mut self, key: &[u8], make: impl FnOnce() -> V) -> &V {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        let hash = hasher.finish();
        let Self { young, old, most, bytes, most_bytes, .. } = self;
        let same = |entry: &Remembered<V>| entry.hash == hash && *entry.key == *key;
        let young = match young.find_entry(hash, same) {
            Ok(known) => return &known.into_mut().value,
            Err(absent) => absent.into_table(),
        };
        let known = match old.find_entry(hash, same) {
            Ok(known) => known.remove().0,
            Err(_) => Remembered { hash, key: key.into(), value: make() },
        };
        if young.len() >= *most || *bytes >= *most_bytes {
            *old = std::mem::take(young);
            *bytes = 0;
        }
        *bytes += key.len();
        &young.insert_unique(hash, known, |entry| entry.hash).into_mut().value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds all keys alike.
    #[derive(Default)]
    struct Blind;

    impl BuildHasher for Blind {
        type Hasher = Self;

        fn build_hasher(&self) -> Self {
            Self
        }
    }

    impl Hasher for Blind {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, _bytes: &[u8]) {}
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        answers_are_the_own_ones(Memo::<_, RandomState>::new(10), 1_000);
        answers_are_the_own_ones(Memo::<_, Blind>::new(10), 1_000);
    }

    fn answers_are_the_own_ones<S: BuildHasher + Default>(mut memo: Memo<u32, S>, count: u32) {
        let mut made = Vec::new();
        for n in 0..count {
            for key in [0, n] {
                let value = *memo.get_or_make(&key.to_le_bytes(), || {
                    made.push(key);
                    key
                });
                assert_eq!(value, key);
            }
            assert!(memo.young.len() <= 10 && memo.old.len() <= 10);
        }
        assert_eq!(made, (0..count).collect::<Vec<_>>(), "each is made once, 0 too");
    }

    #[test]
    fn of_long_keys_fewer_are_remembered() {
        let mut memo = Memo::<_, RandomState>::new(10);
        for n in 0..100_u8 {
            assert_eq!(*memo.get_or_make(&vec![n; 1000], || n), n);
            assert!(memo.young.len() <= 3 && memo.old.len() <= 3);
        }
    }
}
