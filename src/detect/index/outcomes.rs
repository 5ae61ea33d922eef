//! Outcomes by what they were worked out from, of which no more is kept than a fingerprint, and each different outcome
//! once: looking one up touches one place in memory, however long the key is, and outcomes that are asked for often.
//!
//! The fingerprint is NH, the universal hash of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC: Fast and Secure
//! Message Authentication", CRYPTO '99), over words of 64 bits and twice, each sum then multiplied down to 64 bits
//! together with the length, all under a secret that each process draws anew and shows to nobody. For any two keys,
//! whoever chose them without knowing that secret, the chance that their fingerprints are equal is at most 2⁻¹²⁶: 2⁻⁶⁴
//! for each sum (theorem 4.2 there) and as much for its multiplication. Among a hundred million keys that is
//! below 10⁻²¹. Two that were equal would be taken for one another: an event would be asked what was open for another.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::LONGEST;

/// See the module. A bounded number; those that nobody asked for longest are given up first, many at a time.
#[derive(Debug)]
pub(super) struct Outcomes<V> {
    /// Asked for since the last time that it was full.
    young: Known<V>,
    /// Before that.
    old: Known<V>,
    most: usize,
    /// Each that some key has, and a few that none has any more.
    different: HashSet<Arc<V>, foldhash::fast::RandomState>,
    secret: Secret,
}

/// Outcomes by fingerprints.
#[derive(Debug)]
struct Known<V> {
    /// The places of them in `remembered`.
    places: HashTable<u32>,
    /// In the order in which they were first asked for: what comes again mostly comes in the same order again.
    remembered: Vec<Remembered<V>>,
    /// The place of the one that was asked for last.
    last: usize,
}

#[derive(Debug)]
struct Remembered<V> {
    fingerprint: Fingerprint,
    outcome: Arc<V>,
    /// The places of the two that were asked for after it lately: mostly one of them is again.
    next: [u32; 2],
}

impl<V> Known<V> {
    fn nothing() -> Self {
        Self { places: HashTable::new(), remembered: Vec::new(), last: 0 }
    }

    /// The place of one, for which the table is asked only where another comes than the last time.
    fn find(&mut self, fingerprint: Fingerprint) -> Option<usize> {
        let at = |place: &u32| self.remembered.get(*place as usize);
        let same = |place: &u32| at(place).is_some_and(|known| known.fingerprint == fingerprint);
        let expected = self.remembered.get(self.last).and_then(|before| before.next.into_iter().find(same));
        if let Some(next) = expected {
            self.last = next as usize;
            return Some(self.last);
        }
        let place = *self.places.find(fingerprint[0], same)?;
        Some(self.go_on_with(place))
    }

    /// The one at this place was asked for after the last one.
    fn go_on_with(&mut self, place: u32) -> usize {
        if let Some(before) = self.remembered.get_mut(self.last) {
            before.next = [place, before.next[0]];
        }
        self.last = place as usize;
        self.last
    }

    fn get(&self, place: usize) -> Option<&Arc<V>> {
        self.remembered.get(place).map(|known| &known.outcome)
    }

    /// Adds one that is not there; its place.
    fn add(&mut self, fingerprint: Fingerprint, outcome: Arc<V>) -> usize {
        let Self { places, remembered, .. } = self;
        // There are never more than are to be remembered.
        let place = u32::try_from(remembered.len()).unwrap_or(u32::MAX);
        // Nothing has come after it; the first is as good as any.
        remembered.push(Remembered { fingerprint, outcome, next: [0; 2] });
        let hash = |place: &u32| remembered.get(*place as usize).map_or(0, |known| known.fingerprint[0]);
        places.insert_unique(fingerprint[0], place, hash);
        self.go_on_with(place)
    }

    fn clear(&mut self) {
        self.places.clear();
        self.remembered.clear();
    }
}

/// Of a key.
type Fingerprint = [u64; 2];

/// Bytes of a key that are taken at once.
const BLOCK: usize = 16;
/// Blocks of the secret for the sums: one for each of the longest key, one for its end, and one by which the second sum
/// is ahead.
const BLOCKS: usize = LONGEST / BLOCK + 2;

/// By what the fingerprints of a process are made.
struct Secret {
    sums: Box<[[u64; 2]; BLOCKS]>,
    /// Of each sum for its halves and the length, and what is added.
    products: [[u128; 4]; 2],
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}

impl Secret {
    /// Another one each time: SipHash under a key of the system's random numbers.
    fn new() -> Self {
        let random = RandomState::new();
        let word = |of: u8, at: usize| random.hash_one((of, at));
        let long =
            |sum: u8, at: usize| u128::from(word(sum, 2 * at)) << 64 | u128::from(word(sum, 2 * at + 1));
        Self {
            sums: Box::new(std::array::from_fn(|at| [word(0, 2 * at), word(0, 2 * at + 1)])),
            products: [1, 2].map(|sum| std::array::from_fn(|at| long(sum, at))),
        }
    }

    /// None where the key is longer than [`LONGEST`].
    fn fingerprint(&self, key: &[u8]) -> Option<Fingerprint> {
        if key.len() > LONGEST {
            return None;
        }
        let (mut first, mut second) = (0_u128, 0_u128);
        let mut add = |block: &[u8; BLOCK], secret: &[[u64; 2]]| {
            let [one, other] = secret else { return };
            let block = u128::from_le_bytes(*block);
            let (low, high) = (block as u64, (block >> 64) as u64);
            let product =
                |[a, b]: &[u64; 2]| u128::from(low.wrapping_add(*a)) * u128::from(high.wrapping_add(*b));
            first = first.wrapping_add(product(one));
            second = second.wrapping_add(product(other));
        };
        let blocks = key.as_chunks().0;
        blocks.iter().zip(self.sums.windows(2)).for_each(|(block, secret)| add(block, secret));
        // What is left, with some before it again where there is enough: how much of it, the length tells.
        let mut short = [0; BLOCK];
        let last = key.last_chunk().unwrap_or_else(|| {
            short.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
            &short
        });
        self.sums.windows(2).nth(blocks.len()).into_iter().for_each(|secret| add(last, secret));
        let length = key.len() as u64;
        let [one, other] = &self.products;
        Some([Self::product(first, length, one), Self::product(second, length, other)])
    }

    /// Multilinear: the upper half of the sum of 64 bits each multiplied by 128 (Lemire and Kaser: "Strongly universal
    /// string hashing is fast", 2014).
    fn product(sum: u128, length: u64, secret: &[u128; 4]) -> u64 {
        let [low, high, of_length, added] = secret;
        let product = |word: u64, secret: &u128| u128::from(word).wrapping_mul(*secret);
        let sum = product(sum as u64, low).wrapping_add(product((sum >> 64) as u64, high));
        (sum.wrapping_add(product(length, of_length)).wrapping_add(*added) >> 64) as u64
    }
}

impl<V: Eq + Hash> Outcomes<V> {
    /// Nothing yet; `most` are remembered, or up to twice as many.
    pub(super) fn new(most: usize) -> Self {
        let (young, old) = (Known::nothing(), Known::nothing());
        Self { young, old, most, different: HashSet::default(), secret: Secret::new() }
    }

    /// The outcome for `key`, made if it is not known; none where the key is longer than [`LONGEST`].
    pub(super) fn get_or_make(&mut self, key: &[u8], make: impl FnOnce() -> V) -> Option<&V> {
        let fingerprint = self.secret.fingerprint(key)?;
        let place = self.young.find(fingerprint).unwrap_or_else(|| self.learn(fingerprint, make));
        self.young.get(place).map(|outcome| &**outcome)
    }

    /// Remembers what is not among those that were asked for lately; its place there.
    #[cold]
    fn learn(&mut self, fingerprint: Fingerprint, make: impl FnOnce() -> V) -> usize {
        let Self { young, old, most, different, .. } = self;
        if young.remembered.len() >= *most {
            std::mem::swap(young, old);
            young.clear();
            different.retain(|outcome| Arc::strong_count(outcome) > 1);
        }
        let outcome = match old.find(fingerprint).and_then(|place| old.get(place)) {
            Some(known) => Arc::clone(known),
            None => {
                let made = make();
                let known = different.get(&made).map(Arc::clone);
                known.unwrap_or_else(|| {
                    let made = Arc::new(made);
                    different.insert(Arc::clone(&made));
                    made
                })
            }
        };
        young.add(fingerprint, outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let (mut outcomes, mut made) = (Outcomes::new(10), Vec::new());
        for n in 0..1_000_u32 {
            for key in [0, n] {
                let value = outcomes.get_or_make(&key.to_le_bytes(), || {
                    made.push(key);
                    key
                });
                assert_eq!(value, Some(&key));
            }
            for known in [&outcomes.young, &outcomes.old] {
                assert!(known.places.len() <= 10 && known.remembered.len() == known.places.len());
            }
            assert!(outcomes.different.len() <= 30, "{} outcomes", outcomes.different.len());
        }
        assert_eq!(made, (0..1_000).collect::<Vec<_>>(), "each is made once, 0 too");
    }

    #[test]
    fn what_is_the_same_is_held_once() {
        let mut outcomes = Outcomes::new(10);
        for n in 0..1_000_u32 {
            assert_eq!(outcomes.get_or_make(&n.to_le_bytes(), || n % 2), Some(&(n % 2)));
            assert!(outcomes.different.len() <= 2);
        }
    }

    #[test]
    fn keys_that_differ_anywhere_have_other_fingerprints() {
        let secret = Secret::new();
        let mut known = HashSet::new();
        for length in (0..70).chain([LONGEST - 17, LONGEST - 16, LONGEST - 1, LONGEST]) {
            let zeros = vec![0; length];
            let mut different = |key: &[u8]| {
                let fingerprint = secret.fingerprint(key).expect("no longer than the longest");
                assert!(known.insert(fingerprint), "{key:?}");
                assert_eq!(secret.fingerprint(key), Some(fingerprint));
            };
            different(&zeros);
            for at in 0..length {
                for bit in [0, 7] {
                    let mut key = zeros.clone();
                    key[at] ^= 1 << bit;
                    different(&key);
                }
            }
        }
        assert!(secret.fingerprint(&vec![0; LONGEST + 1]).is_none());
    }

    #[test]
    fn another_secret_makes_other_fingerprints() {
        let fingerprint = || Secret::new().fingerprint(b"the same");
        assert_ne!(fingerprint(), fingerprint());
    }

    #[test]
    fn what_is_too_long_is_not_remembered() {
        let mut outcomes = Outcomes::new(10);
        assert_eq!(outcomes.get_or_make(&vec![1; LONGEST + 1], || 1), None);
        assert_eq!(outcomes.get_or_make(&vec![1; LONGEST], || 2), Some(&2));
    }
}
