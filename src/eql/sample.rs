//! Samples: for each value of the join key one set of distinct events, one for each item, in any order.

use std::collections::{BTreeMap, VecDeque};

use crate::event::Document;
use crate::event::document::Order;

use super::key::{JoinKey, KeyField, Keys};
use super::program::Program;
use super::sequence::Found;

/// What a sample query asks for, beside the conditions of its stages.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The keys of each stage.
    pub(crate) keys: Box<[Box<[KeyField]>]>,
}

/// The state of one sample query over the events so far. `E` is what is kept of an event.
#[derive(Debug)]
pub struct Samples<E> {
    /// In order of the keys, null first.
    groups: BTreeMap<JoinKey, Group<E>>,
    /// The most events kept for one item under one key.
    most: usize,
    taken: u64,
    keys: Keys,
}

/// The events under one key.
#[derive(Debug)]
struct Group<E> {
    items: Box<[VecDeque<Candidate<E>>]>,
    reported: bool,
    /// The latest time at which something came.
    touched: i64,
}

#[derive(Clone, Debug)]
struct Candidate<E> {
    /// Tells events apart.
    number: u64,
    order: Order,
    event: E,
}

impl<E: Clone> Samples<E> {
    /// Nothing seen yet. Under one key at most `most` events are kept for each item, the newest; as
    /// many as there are items are always enough to find one set.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Samples { groups: BTreeMap::new(), most, taken: 0, keys: Keys::default() }
    }

    /// Takes the next event. If it completes the first set of a key, that goes to `found`.
    pub fn push<D: Document + ?Sized>(
        &mut self,
        program: &Program,
        document: &D,
        event: &E,
        found: &mut Vec<Found<E>>,
    ) {
        for key in self.add(program, document, event) {
            if let Some(group) = self.groups.get_mut(&key).filter(|group| !group.reported)
                && let Some(set) = group.sets(1, &key).pop()
            {
                group.reported = true;
                found.push(set);
            }
        }
    }

    /// Takes the next event and says under which keys it counts.
    pub(crate) fn add<D: Document + ?Sized>(
        &mut self,
        program: &Program,
        document: &D,
        event: &E,
    ) -> Vec<JoinKey> {
        let mut touched = Vec::new();
        let Some(plan) = program.sample() else { return touched };
        self.taken += 1;
        let order = document.order();
        for (item, stage) in program.stages().iter().enumerate() {
            if !stage.condition.holds(document) {
                continue;
            }
            self.keys.of(document, &plan.keys[item], false);
            for key in self.keys.iter() {
                let key = JoinKey::from(key);
                let group = self.groups.entry(key.clone()).or_insert_with(|| Group::new(plan.keys.len()));
                group.touched = group.touched.max(order.millis);
                let candidates = &mut group.items[item];
                if candidates.len() == self.most {
                    candidates.pop_front();
                }
                candidates.push_back(Candidate { number: self.taken, order, event: event.clone() });
                touched.push(key);
            }
        }
        touched
    }

    /// Forgets events before `oldest`, and keys for which nothing came since.
    pub fn forget_before(&mut self, oldest: i64) {
        self.groups.retain(|_, group| {
            for candidates in &mut group.items {
                candidates.retain(|candidate| candidate.order.millis >= oldest);
            }
            group.touched >= oldest
        });
    }

    /// Up to `max` sets for every key, keys in order.
    #[must_use]
    pub fn all(&self, max: usize) -> Vec<Found<E>> {
        self.groups.iter().flat_map(|(key, group)| group.sets(max, key)).collect()
    }

    /// How many events are held, counted once for each item and key.
    #[must_use]
    pub fn held(&self) -> usize {
        self.groups.values().flat_map(|group| &group.items).map(VecDeque::len).sum()
    }
}

impl<E: Clone> Group<E> {
    fn new(items: usize) -> Self {
        Group { items: (0..items).map(|_| VecDeque::new()).collect(), reported: false, touched: i64::MIN }
    }

    /// Up to `max` sets of distinct events.
    fn sets(&self, max: usize, key: &JoinKey) -> Vec<Found<E>> {
        if self.items.iter().any(VecDeque::is_empty) {
            return Vec::new();
        }
        // The item with the fewest events first; and no more events of an item than could be needed.
        let enough = self.items.len().saturating_add(max);
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        order.sort_by_key(|item| self.items[*item].len());
        let mut search = Search { group: self, order, enough, max, chosen: Vec::new(), found: Vec::new() };
        search.go();
        let found = search.found;
        found
            .into_iter()
            .map(|chosen| Found {
                last: chosen.iter().map(|c| c.order).max().unwrap_or(Order { millis: 0, tiebreaker: 0 }),
                events: chosen.iter().map(|c| Some(c.event.clone())).collect(),
                key: key.clone(),
            })
            .collect()
    }
}

/// Goes through the items, each with an event that no other has.
struct Search<'a, E> {
    group: &'a Group<E>,
    order: Vec<usize>,
    enough: usize,
    max: usize,
    /// In the order of the search.
    chosen: Vec<&'a Candidate<E>>,
    /// In the order of the query.
    found: Vec<Vec<&'a Candidate<E>>>,
}

impl<E> Search<'_, E> {
    fn go(&mut self) {
        let Some(item) = self.order.get(self.chosen.len()) else {
            let mut set: Vec<_> = self.order.iter().copied().zip(self.chosen.iter().copied()).collect();
            set.sort_by_key(|(item, _)| *item);
            self.found.push(set.into_iter().map(|(_, candidate)| candidate).collect());
            return;
        };
        for candidate in self.group.items[*item].iter().take(self.enough) {
            if self.found.len() == self.max {
                return;
            }
            if self.chosen.iter().all(|chosen| chosen.number != candidate.number) {
                self.chosen.push(candidate);
                self.go();
                self.chosen.pop();
            }
        }
    }
}
