//! What waits under one value of the join key where all items are of one stage (`with runs`) and nothing is forbidden:
//! each partial is an end of one row of events, so the row is held instead of each end of it.

use super::partial::Partial;
use crate::event::document::Order;

/// See the module. Its partials wait at the items 0, 1, … up to the length of the row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run<E> {
    /// The events of the longest partial.
    events: Vec<E>,
    /// Their places in time, each behind the one before.
    orders: Vec<Order>,
}

impl<E> Default for Run<E> {
    fn default() -> Self {
        Self { events: Vec::new(), orders: Vec::new() }
    }
}

impl<E> Run<E> {
    /// How many partials there are.
    pub(super) fn held(&self) -> usize {
        self.events.len()
    }

    /// Whether an event of this order comes behind all of them.
    pub(super) fn is_before(&self, order: Order) -> bool {
        self.orders.last().is_none_or(|last| *last < order)
    }

    /// Takes `event` in, of a sequence of so many `items` that takes `most` milliseconds; what it completes.
    pub(super) fn follow(
        &mut self,
        event: &E,
        order: Order,
        most: Option<i64>,
        items: usize,
    ) -> Option<Vec<E>>
    where
        E: Clone,
    {
        if let Some(most) = most {
            self.drop_while(|first| order.millis.saturating_sub(first) > most);
        }
        self.events.push(event.clone());
        self.orders.push(order);
        let complete = (self.events.len() == items).then(|| self.events.clone());
        if complete.is_some() {
            self.drop_first(1);
        }
        complete
    }

    /// Drops the partials that began at a time that `goes` names, the earliest first; says how many.
    pub(super) fn drop_while(&mut self, goes: impl Fn(i64) -> bool) -> usize {
        let gone = self.orders.iter().take_while(|first| goes(first.millis)).count();
        self.drop_first(gone);
        gone
    }

    fn drop_first(&mut self, count: usize) {
        self.events.drain(..count);
        self.orders.drain(..count);
    }

    /// The partials that wait, by item: when each began, and its events.
    pub(super) fn each(&self) -> impl Iterator<Item = (i64, &[E])> {
        let firsts = self.orders.iter().enumerate().rev();
        firsts.filter_map(|(at, first)| Some((first.millis, self.events.get(at..)?)))
    }

    /// The same as partials of their own.
    pub(super) fn partials(&self) -> impl Iterator<Item = Partial<E>>
    where
        E: Clone,
    {
        let last = self.orders.last().copied();
        self.each().filter_map(move |(first, events)| Some(Partial::waiting(events.into(), first, last?)))
    }
}
