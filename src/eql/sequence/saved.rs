//! The state of a sequence query as data, to outlive the process.

use serde::{Deserialize, Serialize};

use super::partial::Group;
use super::{Limits, Program, Sequences};
use crate::eql::key::JoinKey;

/// The state of a [`Sequences`], its events as numbers that the caller gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    now: i64,
    groups: Vec<(JoinKey, Group<u32>)>,
}

impl<E: Clone> Sequences<E> {
    /// What is held, in the order of the keys; `number` gives each event its number.
    pub fn save(&self, number: &mut dyn FnMut(&E) -> u32) -> Saved {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(key, _)| *key);
        let groups = groups.into_iter().filter_map(|(key, group)| {
            Some((JoinKey::from(&key[..]), group.map(&mut |event| Some(number(event)))?))
        });
        Saved { now: self.now, groups: groups.collect() }
    }

    /// The state that was saved, of the same query; `event` gives the events back. None if it cannot be
    /// a state of this query, or an event is missing.
    pub fn restore(
        program: &Program,
        limits: Limits,
        saved: &Saved,
        event: &mut dyn FnMut(u32) -> Option<E>,
    ) -> Option<Self> {
        let items = program.sequence()?.items.len();
        let mut sequences = Self::new(limits);
        sequences.now = saved.now;
        sequences.swept = saved.now;
        for (key, group) in &saved.groups {
            let group = group.fits(items).then(|| group.map(&mut |number| event(*number)))??;
            sequences.held += group.held();
            let due = group.pending.iter().filter_map(|pending| pending.deadline).min();
            sequences.deadline = [sequences.deadline, due].into_iter().flatten().min();
            sequences.groups.insert(key.as_ref().into(), group);
        }
        if sequences.held.max(sequences.groups.len()) > limits.partials {
            sequences.evict();
        }
        Some(sequences)
    }
}
