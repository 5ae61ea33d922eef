//! Samples: for each value of the join key one set of distinct events, one for each item, in any order.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::event::document::Order;
use crate::shares::{Cut, Held, Holder};

use super::hits::Hits;
use super::key::{JoinKey, KeyField};
use super::program::Program;
use super::sequence::{Found, sweep_is_due};

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
    /// How long an event counts, in milliseconds; none: for ever.
    window: Option<i64>,
    /// The latest time seen.
    now: i64,
    /// When all keys were last gone through for what is too old.
    swept: i64,
    taken: u64,
    held: usize,
    evicted: u64,
    /// Whose an event is.
    holder: fn(&E) -> Holder,
}

/// The state of a [`Samples`], its events as numbers that the caller gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedSamples {
    now: i64,
    taken: u64,
    groups: Vec<(JoinKey, Group<u32>)>,
}

/// The events under one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Group<E> {
    items: Box<[VecDeque<Candidate<E>>]>,
    reported: bool,
    /// The latest time at which something came.
    touched: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Candidate<E> {
    /// Tells events apart.
    number: u64,
    order: Order,
    event: E,
}

impl<E: Clone> Samples<E> {
    /// Nothing seen yet. Under one key at most `most` events are kept for each item, the newest; as
    /// many as there are items are always enough to find one set. An event counts for `window`
    /// milliseconds.
    #[must_use]
    pub fn new(most: usize, window: Option<i64>) -> Self {
        let groups = BTreeMap::new();
        let holder = |_: &E| Holder::NoLogin;
        let (now, swept) = (i64::MIN, i64::MIN);
        Samples { groups, most, window, now, swept, taken: 0, held: 0, evicted: 0, holder }
    }

    /// The same, shared by those whose `holder` says that an event is: see [`crate::shares`].
    #[must_use]
    pub fn shared_by(self, holder: fn(&E) -> Holder) -> Self {
        Self { holder, ..self }
    }

    /// Takes the next event, which fits `hits`. If it completes the first set of a key within the
    /// window, that goes to `found`.
    pub fn take(
        &mut self,
        program: &Program,
        hits: &Hits,
        order: Order,
        event: &E,
        found: &mut Vec<Found<E>>,
    ) {
        for key in self.add(program, hits, order, event) {
            if let Some(group) = self.groups.get_mut(&key).filter(|group| !group.reported)
                && let Some(set) = group.sets(1, &key).pop()
            {
                group.reported = true;
                found.push(set);
            }
        }
    }

    /// Takes the next event and says under which keys it counts.
    pub(crate) fn add(&mut self, program: &Program, hits: &Hits, order: Order, event: &E) -> Vec<JoinKey> {
        let mut touched = Vec::new();
        let Some(plan) = program.sample() else { return touched };
        self.taken += 1;
        self.now = self.now.max(order.millis);
        let oldest = self.oldest();
        if order.millis < oldest {
            return touched;
        }
        for item in 0..plan.keys.len() {
            for key in hits.keys(item) {
                let key = JoinKey::from(key);
                let group = self.groups.entry(key.clone()).or_insert_with(|| Group::new(plan.keys.len()));
                if !touched.contains(&key) {
                    self.held -= group.forget_before(oldest);
                    group.touched = group.touched.max(order.millis);
                }
                let candidates = &mut group.items[item];
                if candidates.len() == self.most {
                    candidates.pop_front();
                    self.held -= 1;
                }
                candidates.push_back(Candidate { number: self.taken, order, event: event.clone() });
                self.held += 1;
                touched.push(key);
            }
        }
        touched
    }

    fn oldest(&self) -> i64 {
        self.window.map_or(i64::MIN, |window| self.now.saturating_sub(window))
    }

    /// Time has come to `millis`: forgets what no longer counts, now and then. Under a key that something comes under, it
    /// is forgotten in time.
    pub fn advance(&mut self, millis: i64) {
        self.now = self.now.max(millis);
        if self.window.is_some_and(|window| sweep_is_due(self.now, self.swept, window)) {
            self.forget_old();
        }
    }

    /// Gives up the events that the cut takes, for lack of room, and the keys of which none is left; it is counted.
    pub fn give_up(&mut self, cut: &Cut) {
        let mut gone = 0;
        let holder = self.holder;
        self.groups.retain(|_, group| {
            let before = group.held();
            for candidates in &mut group.items {
                candidates.retain(|candidate| !cut.takes(holder(&candidate.event), group.touched));
            }
            let left = group.held();
            gone += before - left;
            left > 0
        });
        self.held -= gone;
        self.evicted += gone as u64;
    }

    /// Makes room, if more than `most` events are held: whoever holds most gives up what was not heard of for longest.
    pub fn keep_within(&mut self, most: usize) {
        if self.held > most {
            self.forget_old();
        }
        if self.held <= most {
            return;
        }
        let mut held = Vec::with_capacity(self.held);
        self.held_by(&mut |holder, since, _| held.push(Held { holder, since, weight: 1 }));
        self.give_up(&Cut::of(held, self.held - most + most / 16));
    }

    /// Tells of each event that is held, once for each item and key, whose it is, when something last came under its key, and
    /// the event.
    pub fn held_by<'s>(&'s self, tell: &mut dyn FnMut(Holder, i64, &'s [E])) {
        for group in self.groups.values() {
            for candidate in group.items.iter().flatten() {
                tell((self.holder)(&candidate.event), group.touched, std::slice::from_ref(&candidate.event));
            }
        }
    }

    /// Forgets what no longer counts.
    pub fn forget_old(&mut self) {
        self.swept = self.now;
        let oldest = self.oldest();
        let mut gone = 0;
        self.groups.retain(|_, group| {
            gone += group.forget_before(oldest);
            group.touched >= oldest
        });
        self.held -= gone;
    }

    /// The clock went back: what is held is measured from `millis` on.
    pub fn rewind(&mut self, millis: i64) {
        (self.now, self.swept) = (millis, millis);
    }

    /// Up to `max` sets for every key, keys in order.
    #[must_use]
    pub fn all(&self, max: usize) -> Vec<Found<E>> {
        self.groups.iter().flat_map(|(key, group)| group.sets(max, key)).collect()
    }

    /// How many events are held, counted once for each item and key.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// How many were given up for lack of room, ever.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is held; `number` gives each event its number.
    pub fn save(&self, number: &mut dyn FnMut(&E) -> u32) -> SavedSamples {
        let groups = self
            .groups
            .iter()
            .filter_map(|(key, group)| Some((key.clone(), group.map(&mut |event| Some(number(event)))?)));
        SavedSamples { now: self.now, taken: self.taken, groups: groups.collect() }
    }

    /// Takes up a state that was saved, of the same query; `event` gives the events back. Nothing is
    /// taken and false is said if it cannot be a state of this query, or an event is missing.
    pub fn restore(
        &mut self,
        program: &Program,
        saved: &SavedSamples,
        event: &mut dyn FnMut(u32) -> Option<E>,
    ) -> bool {
        let Some(items) = program.sample().map(|plan| plan.keys.len()) else { return false };
        let mut groups = BTreeMap::new();
        for (key, group) in &saved.groups {
            let fits = group.items.len() == items;
            let Some(group) = fits.then(|| group.map(&mut |number| event(*number))).flatten() else {
                return false;
            };
            groups.insert(key.clone(), group);
        }
        self.held = groups.values().map(Group::held).sum();
        self.groups = groups;
        self.now = saved.now;
        self.taken = saved.taken;
        true
    }
}

impl<E> Group<E> {
    fn held(&self) -> usize {
        self.items.iter().map(VecDeque::len).sum()
    }

    /// Drops events before `oldest` and says how many; a key for which nothing came since may be
    /// reported again.
    fn forget_before(&mut self, oldest: i64) -> usize {
        let before = self.held();
        for candidates in &mut self.items {
            candidates.retain(|candidate| candidate.order.millis >= oldest);
        }
        if self.touched < oldest {
            self.reported = false;
        }
        before - self.held()
    }

    /// The same with other events; none if `change` has none for one of them.
    fn map<F>(&self, change: &mut dyn FnMut(&E) -> Option<F>) -> Option<Group<F>> {
        let mut items = Vec::with_capacity(self.items.len());
        for candidates in &self.items {
            let mut changed = VecDeque::with_capacity(candidates.len());
            for Candidate { number, order, event } in candidates {
                changed.push_back(Candidate { number: *number, order: *order, event: change(event)? });
            }
            items.push(changed);
        }
        Some(Group { items: items.into(), reported: self.reported, touched: self.touched })
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
