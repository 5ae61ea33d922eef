//! What waits under one value of the join key.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::run::Run;
use crate::event::document::Order;

/// The events of a sequence so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Partial<E> {
    pub(super) events: SmallVec<[E; 2]>,
    /// The time of the first event.
    pub(super) first: i64,
    /// The place of the last event.
    pub(super) last: Order,
    /// The latest forbidden event strictly before the first one.
    pub(super) leading: Option<i64>,
    /// The earliest forbidden event strictly behind the last one, of those that the next gap forbids.
    gap: Option<i64>,
    /// A forbidden event lay between two of its events.
    pub(super) violated: bool,
}

/// There is room for so many events at once.
const FEW: usize = 32;

impl<E> Partial<E> {
    /// Of a sequence of so many `items`.
    pub(super) fn first(event: E, order: Order, leading: Option<i64>, items: usize) -> Self {
        let mut events = SmallVec::with_capacity(items.min(FEW));
        events.push(event);
        Partial { leading, ..Self::waiting(events, order.millis, order) }
    }

    /// With these events, of which none was forbidden.
    pub(super) fn waiting(events: SmallVec<[E; 2]>, first: i64, last: Order) -> Self {
        Partial { events, first, last, leading: None, gap: None, violated: false }
    }

    fn map<F>(&self, change: &mut dyn FnMut(&E) -> Option<F>) -> Option<Partial<F>> {
        let events = self.events.iter().map(change).collect::<Option<_>>()?;
        let Self { first, last, leading, gap, violated, .. } = *self;
        Some(Partial { events, first, last, leading, gap, violated })
    }

    /// Goes on with `event`.
    pub(super) fn follow(&mut self, event: E, order: Order) {
        self.violated |= self.gap.take().is_some_and(|hit| hit < order.millis);
        self.events.push(event);
        self.last = order;
    }
}

/// A sequence that has all its events; found at the deadline, if there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending<E> {
    pub(super) partial: Partial<E>,
    pub(super) deadline: Option<i64>,
}

/// The two newest of something ordered. Of events of equal order the later counts, but the one before
/// them is still needed by events of that order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Newest<T> {
    older: Option<T>,
    newest: Option<T>,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Newest { older: None, newest: None }
    }
}

/// The partials that wait at one item, as in [`Newest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting<E> {
    /// Seldom there.
    older: Option<Box<Partial<E>>>,
    newest: Option<Partial<E>>,
}

impl<E> Default for Waiting<E> {
    fn default() -> Self {
        Waiting { older: None, newest: None }
    }
}

impl<E> Waiting<E> {
    /// Drops the partials that `goes` names; says how many.
    fn drop_if(&mut self, goes: impl Fn(&Partial<E>) -> bool) -> usize {
        let older = self.older.take_if(|partial| goes(partial)).is_some();
        let newest = self.newest.take_if(|partial| goes(partial)).is_some();
        if self.newest.is_none() {
            self.newest = self.older.take().map(|partial| *partial);
        }
        usize::from(older) + usize::from(newest)
    }

    /// The partials, the newest first.
    fn each(&self) -> impl Iterator<Item = &Partial<E>> {
        self.newest.iter().chain(self.older.as_deref())
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut Partial<E>> {
        self.newest.iter_mut().chain(self.older.as_deref_mut())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group<E> {
    /// By item; only as many as were reached, which mostly is one. Nothing where there is a run.
    waiting: SmallVec<[Waiting<E>; 1]>,
    #[serde(skip)]
    run: Option<Box<Run<E>>>,
    until: Newest<Order>,
    leading: Newest<i64>,
    pub(super) pending: Vec<Pending<E>>,
}

impl<E: Clone> Group<E> {
    pub(super) fn new() -> Self {
        let (until, leading) = (Newest::default(), Newest::default());
        Group { waiting: SmallVec::new(), run: None, until, leading, pending: Vec::new() }
    }

    /// What waits, of a sequence whose items are all of one stage, if it can be held as a run and all of it is before `order`.
    pub(super) fn run_before(&mut self, order: Order) -> Option<&mut Run<E>> {
        if !self.waiting.is_empty() {
            return None;
        }
        Some(&mut **self.run.get_or_insert_default()).filter(|run| run.is_before(order))
    }

    /// Lets each partial of a run wait by itself.
    pub(super) fn spread(&mut self) {
        if let Some(run) = self.run.take() {
            let alone = |partial| Waiting { older: None, newest: Some(partial) };
            self.waiting = run.partials().map(alone).collect();
        }
    }

    /// Takes the newest partial at `item` that is strictly before `order`, and drops those before it.
    /// The second number says how many are gone, the one that was taken included.
    pub(super) fn take(&mut self, item: usize, order: Order) -> (Option<Partial<E>>, usize) {
        let Some(waiting) = self.waiting.get_mut(item) else { return (None, 0) };
        let before = |partial: &mut Partial<E>| partial.last < order;
        if let Some(partial) = waiting.newest.take_if(before) {
            let older = waiting.older.take();
            return (Some(partial), 1 + usize::from(older.is_some()));
        }
        let partial = waiting.older.take_if(|partial| before(partial)).map(|partial| *partial);
        let gone = usize::from(partial.is_some());
        (partial, gone)
    }

    /// Lets `partial` wait at `item`; says how many more there are now (0 or 1).
    pub(super) fn wait(&mut self, item: usize, partial: Partial<E>) -> usize {
        if self.waiting.len() <= item {
            self.waiting.resize_with(item + 1, Waiting::default);
        }
        let Waiting { older, newest } = &mut self.waiting[item];
        let Some(newest) = newest else {
            *newest = Some(partial);
            return 1;
        };
        if newest.last == partial.last {
            *newest = partial;
            return 0;
        }
        let second = if newest.last < partial.last {
            std::mem::replace(newest, partial)
        } else if older.as_ref().is_none_or(|older| older.last <= partial.last) {
            // It comes late: what is newer stays the newest.
            partial
        } else {
            return 0;
        };
        usize::from(older.replace(Box::new(second)).is_none())
    }

    /// Nothing is left for which they mattered.
    pub(super) fn forget_until(&mut self) {
        self.until = Newest::default();
    }

    pub(super) fn note_until(&mut self, order: Order) {
        self.until.note(order);
    }

    /// The latest `until` event strictly before `order`.
    pub(super) fn until_before(&self, order: Order) -> Option<Order> {
        self.until.before(order)
    }

    pub(super) fn note_leading(&mut self, millis: i64) {
        self.leading.note(millis);
    }

    /// The latest forbidden event strictly before `millis`.
    pub(super) fn leading_before(&self, millis: i64) -> Option<i64> {
        self.leading.before(millis)
    }

    /// A forbidden event behind what waits at `item`.
    pub(super) fn note_gap(&mut self, item: usize, millis: i64) {
        let Some(waiting) = self.waiting.get_mut(item) else { return };
        for partial in waiting.each_mut() {
            if millis > partial.last.millis && partial.gap.is_none_or(|hit| millis < hit) {
                partial.gap = Some(millis);
            }
        }
    }

    /// A forbidden event behind what is complete but for that; says how many are gone.
    pub(super) fn drop_pending(&mut self, millis: i64) -> usize {
        let before = self.pending.len();
        self.pending.retain(|pending| {
            millis <= pending.partial.last.millis || pending.deadline.is_none_or(|deadline| millis > deadline)
        });
        before - self.pending.len()
    }

    /// Drops what began before `oldest` (partials only) and forbidden events before it; says how many
    /// partials are gone.
    pub(super) fn forget_before(&mut self, oldest: i64) -> usize {
        let mut gone = 0;
        for waiting in &mut self.waiting {
            gone += waiting.drop_if(|partial| partial.first < oldest);
        }
        if let Some(run) = &mut self.run {
            gone += run.drop_while(|first| first < oldest);
        }
        self.forget_leading(oldest);
        gone
    }

    /// Drops the partials and undecided sequences that `takes` names; says how many.
    pub(super) fn give_up(&mut self, takes: &dyn Fn(&Partial<E>) -> bool) -> usize {
        let before = self.held();
        self.spread();
        for waiting in &mut self.waiting {
            waiting.drop_if(takes);
        }
        self.pending.retain(|pending| !takes(&pending.partial));
        before - self.held()
    }

    /// Drops forbidden events before `oldest`.
    pub(super) fn forget_leading(&mut self, oldest: i64) {
        self.leading.older.take_if(|hit| *hit < oldest);
        self.leading.newest.take_if(|hit| *hit < oldest);
    }

    /// The same with other events; none if `change` has none for one of them.
    pub(super) fn map<F>(&self, change: &mut dyn FnMut(&E) -> Option<F>) -> Option<Group<F>> {
        if self.run.is_some() {
            let mut spread = self.clone();
            spread.spread();
            return spread.map(change);
        }
        let mut waiting = SmallVec::with_capacity(self.waiting.len());
        for Waiting { older, newest } in &self.waiting {
            let mut one = |partial: Option<&Partial<E>>| match partial {
                Some(partial) => partial.map(change).map(Some),
                None => Some(None),
            };
            waiting
                .push(Waiting { older: one(older.as_deref())?.map(Box::new), newest: one(newest.as_ref())? });
        }
        let mut pending = Vec::with_capacity(self.pending.len());
        for Pending { partial, deadline } in &self.pending {
            pending.push(Pending { partial: partial.map(change)?, deadline: *deadline });
        }
        let (until, leading) = (self.until.clone(), self.leading.clone());
        Some(Group { waiting, run: None, until, leading, pending })
    }

    /// Whether it can be of a sequence of so many items, of which the last waits only as pending.
    pub(super) fn fits(&self, items: usize) -> bool {
        let waiting = self.waiting.iter().enumerate().all(|(item, waiting)| {
            item + 1 < items && waiting.each().all(|partial| partial.events.len() == item + 1)
        });
        waiting && self.pending.iter().all(|pending| pending.partial.events.len() == items)
    }

    /// How many partials and undecided sequences it has.
    pub(super) fn held(&self) -> usize {
        self.each().count()
    }

    /// The partials and undecided sequences: when each began, and its events.
    pub(super) fn each(&self) -> impl Iterator<Item = (i64, &[E])> {
        let waiting = self.waiting.iter().flat_map(Waiting::each);
        let alone = waiting.chain(self.pending.iter().map(|pending| &pending.partial));
        let run = self.run.iter().flat_map(|run| run.each());
        run.chain(alone.map(|partial| (partial.first, &partial.events[..])))
    }

    /// The latest forbidden event that counts before a first one.
    pub(super) fn leading(&self) -> Option<i64> {
        self.leading.newest
    }

    /// Whether nothing of it can matter any more.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
            && self.leading.newest.is_none()
            && self.waiting.iter().all(|waiting| waiting.newest.is_none() && waiting.older.is_none())
            && self.run.as_ref().is_none_or(|run| run.held() == 0)
    }
}

impl<T: Copy + Ord> Newest<T> {
    fn note(&mut self, value: T) {
        match self.newest {
            Some(newest) if newest == value => {}
            Some(newest) if newest > value => self.older = self.older.max(Some(value)),
            newest => {
                self.older = newest;
                self.newest = Some(value);
            }
        }
    }

    /// The latest strictly before `value`.
    fn before(&self, value: T) -> Option<T> {
        self.newest.filter(|newest| *newest < value).or(self.older.filter(|older| *older < value))
    }
}
