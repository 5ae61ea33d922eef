//! Sequences: a state machine for each value of the join key, fed with events in order.
//!
//! An item waits with at most one partial, the newest. An event that fits an item takes the newest
//! partial of the item before it that is strictly earlier, and that partial and all older ones there are
//! gone, whatever comes of it: it is dropped if the event is more than `maxspan` behind the first one or
//! an `until` event lies between, else it waits at this item or is complete. Nothing is searched for
//! again. Events of equal order never follow one another; an event is offered to the last item first, so
//! that it never follows itself. Where all items are one stage (`with runs`) and events come in order, what waits
//! is held as one row: see `run`.
//!
//! Missing items do not take part in this. The first forbidden event behind each partial is remembered,
//! and what completes is dropped if one lay in between; a trailing missing item waits until its time has
//! passed. Times are those of the events; the caller says when time has passed without any.

mod limits;
mod partial;
mod run;
mod saved;

use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::event::Document;
use crate::event::document::Order;
use crate::shares::Holder;

use super::hits::Hits;
use super::key::{JoinKey, KeyField};
use super::program::Program;

pub use limits::Limits;
pub(super) use limits::sweep_is_due;
use partial::{Group, Partial, Pending};
pub use saved::Saved;

/// What a sequence query asks for, beside the conditions of its stages.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The items that must happen, in order; repeated ones repeated.
    pub(crate) items: Box<[usize]>,
    /// `gaps[i]` are the stages that must not happen before item `i` (and behind item `i - 1`); the
    /// last are those behind the last item.
    pub(crate) gaps: Box<[Box<[usize]>]>,
    /// In the order of the query: whether the item happens.
    pub(crate) shape: Box<[bool]>,
    pub(crate) until: Option<usize>,
    pub(crate) maxspan: Option<i64>,
    /// The keys of each stage.
    pub(crate) keys: Box<[Box<[KeyField]>]>,
}

impl Plan {
    fn leading(&self) -> &[usize] {
        self.gaps.first().map_or(&[], |gap| gap)
    }

    /// Whether an event that fits `stage` leaves something where nothing is held.
    pub(crate) fn begins(&self, stage: usize) -> bool {
        self.items.first() == Some(&stage) || self.leading().contains(&stage)
    }

    fn trailing(&self) -> &[usize] {
        self.gaps.last().map_or(&[], |gap| gap)
    }

    /// Whether it is complete as soon as its last event comes.
    pub(crate) fn is_told_by_its_last_event(&self) -> bool {
        self.trailing().is_empty()
    }

    /// Whether its items are one stage several times, and nothing is forbidden.
    fn is_run(&self) -> bool {
        let several = self.items.len() > 1 && self.items.iter().all(|item| self.items.first() == Some(item));
        several && self.until.is_none() && self.gaps.iter().all(|gap| gap.is_empty())
    }
}

/// Events that match a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<E> {
    /// In the order of the query; none for a missing event.
    pub events: Vec<Option<E>>,
    /// Their join key.
    pub key: JoinKey,
    /// The place in time of the last event.
    pub last: Order,
}

/// The bytes of a join key; mostly they are an id or two.
type KeyBytes = SmallVec<[u8; 64]>;

/// The state of one sequence query over the events so far. `E` is what is kept of an event.
#[derive(Debug)]
pub struct Sequences<E> {
    limits: Limits,
    /// Whose an event is.
    holder: fn(&E) -> Holder,
    /// By the bytes of the join key.
    groups: HashMap<KeyBytes, Group<E>, RandomState>,
    /// How many partials and undecided sequences there are in all groups.
    held: usize,
    /// The latest time seen.
    now: i64,
    /// When groups were last gone through for what is too old.
    swept: i64,
    /// The earliest time at which an undecided sequence is decided.
    deadline: Option<i64>,
    evicted: u64,
}

impl<E: Clone> Sequences<E> {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Sequences {
            limits,
            holder: |_| Holder::NoLogin,
            groups: HashMap::default(),
            held: 0,
            now: i64::MIN,
            swept: i64::MIN,
            deadline: None,
            evicted: 0,
        }
    }

    /// The same, shared by those whose `holder` says that an event is: see [`crate::shares`].
    #[must_use]
    pub fn shared_by(self, holder: fn(&E) -> Holder) -> Self {
        Self { holder, ..self }
    }

    /// Takes the next event; what it completes goes to `found`. Events come in order; one that comes
    /// late takes part as far as what it could have joined is still there.
    pub fn push<D: Document + ?Sized>(
        &mut self,
        program: &Program,
        document: &D,
        event: &E,
        found: &mut Vec<Found<E>>,
    ) {
        self.take(program, &Hits::of(program, document), document.order(), event, found);
    }

    /// [`Sequences::push`] of an event that was asked before: it fits `hits`.
    pub fn take(
        &mut self,
        program: &Program,
        hits: &Hits,
        order: Order,
        event: &E,
        found: &mut Vec<Found<E>>,
    ) {
        let Some(plan) = program.sequence() else { return };
        // A forbidden event at the very end of its time still counts.
        self.advance_to(plan, order.millis.saturating_sub(1), found);
        self.now = self.now.max(order.millis);
        if !hits.is_empty() {
            let at = At { plan, hits, order };
            self.offer_to_items(&at, event, found);
            self.offer_to_gaps(&at);
            self.offer_to_until(&at);
        }
        if self.held.max(self.groups.len()) > self.limits.partials {
            self.evict();
        }
    }

    fn offer_to_items(&mut self, at: &At<'_>, event: &E, found: &mut Vec<Found<E>>) {
        let items = &at.plan.items;
        let mut end = items.len();
        while let Some((stage, before)) = items.get(..end).and_then(<[usize]>::split_last) {
            // The items of `with runs` are of one stage.
            let start = before.iter().rposition(|other| other != stage).map_or(0, |other| other + 1);
            let mut keys = at.hits.keys(*stage);
            match (keys.next(), keys.next()) {
                (None, _) => {}
                (Some(key), None) => self.offer_to_run(at, start..end, key, event, found),
                _ => {
                    for item in (start..end).rev() {
                        for key in at.hits.keys(*stage) {
                            self.offer_to_run(at, item..item + 1, key, event, found);
                        }
                    }
                }
            }
            end = start;
        }
    }

    /// The event fits all of `items` under `key`; the last is asked first.
    fn offer_to_run(
        &mut self,
        at: &At<'_>,
        items: Range<usize>,
        key: &[u8],
        event: &E,
        found: &mut Vec<Found<E>>,
    ) {
        let At { plan, order, .. } = *at;
        let Self { groups, held, deadline, limits, .. } = self;
        let group = match items.start {
            0 => groups.entry(KeyBytes::from_slice(key)).or_insert_with(Group::new),
            // Nothing goes on where nothing is.
            _ => match groups.get_mut(key) {
                Some(group) => group,
                None => return,
            },
        };
        if items.len() == plan.items.len()
            && plan.is_run()
            && let Some(run) = group.run_before(order)
        {
            let before = run.held();
            let most = limits.span_of(plan);
            if let Some(events) = run.follow(event, order, most, plan.items.len()) {
                let events = events.into_iter().map(Some).collect();
                found.push(Found { events, key: JoinKey::from(key), last: order });
            }
            *held = *held + run.held() - before;
            return;
        }
        group.spread();
        for item in items.rev() {
            let partial = match item.checked_sub(1) {
                None => {
                    let leading = group.leading_before(order.millis);
                    Some(Partial::first(event.clone(), order, leading, plan.items.len()))
                }
                Some(before) => {
                    Self::take_next(plan, limits, group, before, order, held).map(|mut partial| {
                        partial.follow(event.clone(), order);
                        partial
                    })
                }
            };
            let Some(partial) = partial else { continue };
            if item + 1 < plan.items.len() {
                *held += group.wait(item, partial);
                continue;
            }
            let Some(pending) = Self::completed(plan, partial) else { continue };
            match pending.deadline {
                Some(time) => {
                    group.pending.push(pending);
                    *held += 1;
                    *deadline = Some(deadline.map_or(time, |earliest| earliest.min(time)));
                }
                None => found.push(Self::found(plan, pending, JoinKey::from(key))),
            }
        }
        if group.is_empty() {
            groups.remove(key);
        }
    }

    /// What an event of this order goes on with from item `before`, unless it is too late for that.
    fn take_next(
        plan: &Plan,
        limits: &Limits,
        group: &mut Group<E>,
        before: usize,
        order: Order,
        held: &mut usize,
    ) -> Option<Partial<E>> {
        let (taken, gone) = group.take(before, order);
        let until = group.until_before(order);
        if gone > 0 {
            *held -= gone;
            if group.is_empty() {
                group.forget_until();
            }
        }
        let most = limits.span_of(plan);
        taken.filter(|partial| {
            let span = order.millis.saturating_sub(partial.first);
            let late = most.is_some_and(|most| span > most);
            let ended = until.is_some_and(|until| until >= partial.last);
            !late && !ended
        })
    }

    /// The group of `key`, made if there is none.
    fn group(&mut self, key: &[u8]) -> &mut Group<E> {
        self.groups.entry(KeyBytes::from_slice(key)).or_insert_with(Group::new)
    }

    /// A partial with its last event: none if a missing event was there after all, with a deadline if
    /// that is still to be seen.
    fn completed(plan: &Plan, partial: Partial<E>) -> Option<Pending<E>> {
        if partial.violated {
            return None;
        }
        let span = plan.maxspan.unwrap_or(i64::MAX);
        let within = |hit: i64| partial.last.millis.saturating_sub(hit) <= span;
        let leading = partial.leading.filter(|hit| within(*hit));
        let deadline = match (plan.leading().is_empty(), plan.trailing().is_empty()) {
            (true, true) => None,
            (false, true) if leading.is_some() => return None,
            (false, true) => None,
            (true, false) => Some(partial.first.saturating_add(span)),
            // Some time of the length of maxspan around the sequence must be free of both.
            (false, false) => leading.map(|hit| hit.saturating_add(span)),
        };
        Some(Pending { partial, deadline })
    }

    fn found(plan: &Plan, pending: Pending<E>, key: JoinKey) -> Found<E> {
        let mut events = pending.partial.events.into_iter();
        let events = plan.shape.iter().map(|happens| if *happens { events.next() } else { None }).collect();
        Found { events, key, last: pending.partial.last }
    }

    /// Events that must not be there.
    fn offer_to_gaps(&mut self, at: &At<'_>) {
        for (gap, stages) in at.plan.gaps.iter().enumerate() {
            for key in stages.iter().flat_map(|stage| at.hits.keys(*stage)) {
                self.forbidden(at.plan, gap, key, at.order.millis);
            }
        }
    }

    fn forbidden(&mut self, plan: &Plan, gap: usize, key: &[u8], millis: i64) {
        if gap == 0 {
            return self.group(key).note_leading(millis);
        }
        let Some(group) = self.groups.get_mut(key) else { return };
        if gap == plan.items.len() {
            self.held -= group.drop_pending(millis);
        } else {
            group.note_gap(gap - 1, millis);
        }
    }

    fn offer_to_until(&mut self, at: &At<'_>) {
        let Some(until) = at.plan.until else { return };
        for key in at.hits.keys(until) {
            if let Some(group) = self.groups.get_mut(key) {
                group.note_until(at.order);
            }
        }
    }

    /// Time has come to `millis`, and everything up to it has been pushed: sequences whose trailing
    /// missing event was waited for until then are found.
    pub fn advance(&mut self, program: &Program, millis: i64, found: &mut Vec<Found<E>>) {
        if let Some(plan) = program.sequence() {
            self.advance_to(plan, millis, found);
        }
    }

    fn advance_to(&mut self, plan: &Plan, millis: i64, found: &mut Vec<Found<E>>) {
        self.now = self.now.max(millis);
        if self.deadline.is_some_and(|deadline| deadline <= millis) {
            self.decide(plan, millis, found);
        }
        self.sweep(plan);
    }

    /// Nothing more will come: what is undecided is found, as Elasticsearch finds it over what is
    /// indexed. A caller that knows that more could come asks for [`Sequences::undecided`] instead.
    pub fn finish(&mut self, program: &Program, found: &mut Vec<Found<E>>) {
        if let Some(plan) = program.sequence() {
            self.decide(plan, i64::MAX, found);
        }
    }

    fn decide(&mut self, plan: &Plan, millis: i64, found: &mut Vec<Found<E>>) {
        let mut earliest = None;
        let mut decided = Vec::new();
        for (key, group) in &mut self.groups {
            for pending in group.pending.extract_if(.., |pending| pending.deadline <= Some(millis)) {
                decided.push((pending.deadline, Self::found(plan, pending, JoinKey::from(&key[..]))));
            }
            let open = group.pending.iter().filter_map(|pending| pending.deadline).min();
            earliest = [earliest, open].into_iter().flatten().min();
        }
        self.held -= decided.len();
        self.deadline = earliest;
        // As if each had been asked for at its own time, however many are decided at once.
        decided.sort_by(|(a_due, a), (b_due, b)| (a_due, a.last, &a.key).cmp(&(b_due, b.last, &b.key)));
        found.extend(decided.into_iter().map(|(_, found)| found));
    }

    /// Gives up what waits for something not to happen: what came of it is not to be known. Says how many.
    pub fn forget_undecided(&mut self) -> usize {
        let mut gone = 0;
        self.groups.retain(|_, group| {
            gone += group.pending.len();
            group.pending.clear();
            !group.is_empty()
        });
        self.held -= gone;
        self.deadline = None;
        gone
    }

    /// How many sequences wait for the time of their trailing missing event to pass.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.groups.values().map(|group| group.pending.len()).sum()
    }

    /// When [`Sequences::advance`] is to be called at the latest, if no event comes.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.deadline
    }

    /// How many partial and undecided sequences are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether nothing is held, not even a forbidden event that counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The clock went back: what is held is measured from `millis` on.
    pub fn rewind(&mut self, millis: i64) {
        self.now = millis;
        self.swept = millis;
    }

    /// How many were given up for lack of room, ever.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// The event that is being offered.
struct At<'a> {
    plan: &'a Plan,
    hits: &'a Hits,
    order: Order,
}
