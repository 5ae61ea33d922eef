//! Fair shares of what is bounded: when there is no room left, those who hold most give up first, so that a storm of one login
//! user pushes nothing of another's out.
//!
//! Nothing is counted before a bound is met; then as much is given up at once that it is seldom done.

use std::hash::Hash;

use foldhash::fast::FixedState;

/// By holder: numbers that only root chooses, so that no key needs hiding.
pub type ByHolder<K, V> = std::collections::HashMap<K, V, FixedState>;

/// Of whom something is that is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Holder {
    /// What no login user stands behind, or none is known of: services, all together.
    #[default]
    NoLogin,
    /// A login user, by number (`auid`).
    Login(u32),
    /// Times alone, of which nobody knows whose they are.
    Times,
}

impl Holder {
    /// Of a record's `auid`, which is `u32::MAX` where nobody has logged in.
    #[must_use]
    pub fn of(auid: Option<u32>) -> Self {
        auid.filter(|auid| *auid != u32::MAX).map_or(Self::NoLogin, Self::Login)
    }
}

/// Something that is held: of whom, since when, and how much it weighs against the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of whom.
    pub holder: Holder,
    /// When it began, in milliseconds since the Unix epoch.
    pub since: i64,
    /// What it takes of what is bounded.
    pub weight: usize,
}

/// What each gives up, of so much that each holds, that it comes to `surplus` at least: those who hold most come down to one
/// level, and nobody who holds no more than that gives up anything.
#[must_use]
pub fn owed<K: Copy + Eq + Hash>(held: &ByHolder<K, usize>, surplus: usize) -> ByHolder<K, usize> {
    let mut amounts: Vec<usize> = held.values().copied().collect();
    amounts.sort_unstable_by(|a, b| b.cmp(a));
    // The first so many, brought down to `level`, give up what is asked.
    let (mut level, mut sum) = (0, 0_usize);
    for (before, amount) in amounts.iter().enumerate() {
        sum = sum.saturating_add(*amount);
        let next = amounts.get(before + 1).copied().unwrap_or(0);
        let holders = before + 1;
        if sum.saturating_sub(next.saturating_mul(holders)) >= surplus {
            level = sum.saturating_sub(surplus) / holders;
            break;
        }
    }
    let more = held.iter().map(|(holder, amount)| (*holder, amount.saturating_sub(level)));
    more.filter(|(_, owed)| *owed > 0).collect()
}

/// What is given up: of each holder that which began before a time of its own.
#[derive(Clone, Debug, Default)]
pub struct Cut(ByHolder<Holder, i64>);

impl Cut {
    /// A cut by which `surplus` is given up at least, of what is held; each gives up its oldest.
    #[must_use]
    pub fn of(mut held: Vec<Held>, surplus: usize) -> Self {
        let mut amounts = ByHolder::default();
        held.iter().for_each(|one| *amounts.entry(one.holder).or_insert(0) += one.weight.max(1));
        let mut owed = owed(&amounts, surplus);
        held.sort_unstable_by_key(|one| one.since);
        let mut oldest_kept = ByHolder::default();
        let mut owing = owed.len();
        for one in held {
            if owing == 0 {
                break;
            }
            let Some(left) = owed.get_mut(&one.holder).filter(|left| **left > 0) else { continue };
            *left = left.saturating_sub(one.weight.max(1));
            owing -= usize::from(*left == 0);
            oldest_kept.insert(one.holder, one.since.saturating_add(1));
        }
        Self(oldest_kept)
    }

    /// What of this holder began before that is given up.
    #[must_use]
    pub fn oldest_kept(&self, holder: Holder) -> i64 {
        self.0.get(&holder).copied().unwrap_or(i64::MIN)
    }

    /// Whether what this holder has held since then is given up.
    #[must_use]
    pub fn takes(&self, holder: Holder, since: i64) -> bool {
        since < self.oldest_kept(holder)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_holds_most_gives_up_and_nobody_else() {
        let held = ByHolder::from_iter([("storm", 4_000), ("root", 90), ("alice", 6)]);
        assert_eq!(owed(&held, 256), ByHolder::from_iter([("storm", 256)]));
        assert_eq!(owed(&held, 3_920), ByHolder::from_iter([("storm", 3_915), ("root", 5)]));
        assert_eq!(owed(&held, 1 << 20), held, "all that there is");
        assert_eq!(owed(&ByHolder::from_iter([(1, 10), (2, 10)]), 1), ByHolder::from_iter([(1, 1), (2, 1)]));
        assert!(owed(&ByHolder::<u8, usize>::default(), 5).is_empty());
    }

    #[test]
    fn each_gives_up_its_oldest() {
        let of = |auid, since| Held { holder: Holder::of(Some(auid)), since, weight: 1 };
        let mut held: Vec<_> = (0..100).map(|n| of(1_000, 50 + n)).collect();
        held.extend([of(0, 1), of(0, 2)]);
        let cut = Cut::of(held, 10);
        assert_eq!(cut.oldest_kept(Holder::Login(1_000)), 60);
        assert!(!cut.takes(Holder::Login(0), 1) && !cut.takes(Holder::NoLogin, 1));
        assert!(cut.takes(Holder::Login(1_000), 59) && !cut.takes(Holder::Login(1_000), 60));
        assert_eq!(Holder::of(Some(u32::MAX)), Holder::NoLogin);
    }

    proptest! {
        #[test]
        fn enough_is_given_up_and_by_those_above_a_level(
            held in prop::collection::hash_map(0..8_u8, 1..1_000_usize, 0..8),
            surplus in 1..4_000_usize,
        ) {
            let held = ByHolder::from_iter(held);
            let total: usize = held.values().sum();
            let owed = owed(&held, surplus);
            let given: usize = owed.values().sum();
            prop_assert!(given >= surplus.min(total));
            prop_assert!(given < surplus.min(total) + held.len().max(1), "{given} of {surplus}");
            // Who gives up comes down to a level that nobody is above.
            let left = |who: &u8| held[who] - owed.get(who).copied().unwrap_or(0);
            let level = owed.keys().map(left).min().unwrap_or(usize::MAX);
            prop_assert!(held.keys().all(|who| left(who) <= level));
        }
    }
}
