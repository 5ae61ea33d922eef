//! Events that wait for their place in time, since what they follow may still come. Of most that is all: they fit only
//! what would go on with something, and nothing is there to go on with. As little as can be is done for those: no keys
//! are worked out, and the memory is used again.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::kept::Kept;
use crate::audit::Shelf;
use crate::eql::Hits;
use crate::event;
use crate::event::Stored;
use crate::event::document::Order;

/// What an event is to rules, by their numbers among those that join events: mostly it is to one.
pub(super) type RuleHits = SmallVec<[(usize, Hits); 1]>;

/// A rule's number among those that join events, and a stage that an event fits.
pub(super) type Fit = (u32, u32);

/// What an event fits, ascending: mostly little.
pub(super) type Fits = SmallVec<[Fit; 4]>;

/// When an event was; of one stamp and serial, as which it came.
pub(super) type Place = (Order, u64);

/// Where more than so many waited at once, their memory does not stay.
const MANY: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In order, with their numbers among `events`.
    order: VecDeque<(Place, usize)>,
    /// The place of one that has gone is the next one's: what was used last is still at hand.
    events: Vec<Option<Waits>>,
    free: Vec<usize>,
    shelf: Shelf,
    /// The memory of those on the shelf.
    bytes: usize,
}

/// An event that waits.
#[derive(Debug)]
enum Waits {
    /// Such as fit something that counts now; and what they fit of rules that held nothing when they came.
    Kept(Queued),
    /// The others.
    Rested(Fits, event::Resting),
}

/// An event, and the rules for which it waits.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) rules: RuleHits,
    pub(super) fits: Fits,
    pub(super) event: Kept,
}

/// The first of what waits, taken out.
#[derive(Debug)]
pub(super) enum First {
    Kept(Queued),
    /// One that some rule heeds by now.
    Rested(Fits, Stored),
}

impl Waiting {
    /// Adds an event that counts.
    pub(super) fn keep(&mut self, place: Place, event: Queued) {
        self.insert(place, Waits::Kept(event));
    }

    /// Adds another; `store` puts it on the shelf.
    pub(super) fn rest(
        &mut self,
        place: Place,
        fits: Fits,
        store: impl FnOnce(&mut Shelf) -> Option<event::Resting>,
    ) {
        let Some(event) = store(&mut self.shelf) else { return };
        self.bytes += event.size();
        self.insert(place, Waits::Rested(fits, event));
    }

    fn insert(&mut self, place: Place, event: Waits) {
        let number = self.free.pop().unwrap_or(self.events.len());
        match self.events.get_mut(number) {
            Some(free) => *free = Some(event),
            None => self.events.push(Some(event)),
        }
        if self.order.back().is_none_or(|(last, _)| *last < place) {
            self.order.push_back((place, number));
        } else {
            let at = self.order.partition_point(|(other, _)| *other < place);
            self.order.insert(at, (place, number));
        }
    }

    /// The place of the first.
    pub(super) fn first(&self) -> Option<Place> {
        self.order.front().map(|(place, _)| *place)
    }

    /// Lets the first go, where it lies, if it rests and `heeds` says that no rule wants it now; false where there is no
    /// such one. Most go this way.
    pub(super) fn pass_over(&mut self, heeds: impl FnOnce(&[Fit]) -> bool) -> bool {
        let Some((_, number)) = self.order.front() else { return false };
        let number = *number;
        let Some(event) = self.events.get_mut(number) else { return false };
        let rested = match event {
            Some(Waits::Rested(fits, rested)) if !heeds(fits) => rested,
            _ => return false,
        };
        self.bytes = self.bytes.saturating_sub(rested.size());
        rested.give_back(&mut self.shelf);
        *event = None;
        self.order.pop_front();
        self.leave(number);
        true
    }

    /// Takes the first out.
    pub(super) fn pop(&mut self) -> Option<(Place, First)> {
        let (place, number) = self.order.pop_front()?;
        let first = match self.events.get_mut(number)?.take()? {
            Waits::Kept(event) => First::Kept(event),
            Waits::Rested(fits, rested) => {
                self.bytes = self.bytes.saturating_sub(rested.size());
                First::Rested(fits, rested.stored(&mut self.shelf))
            }
        };
        self.leave(number);
        Some((place, first))
    }

    /// The place of one that has gone is the next one's.
    fn leave(&mut self, number: usize) {
        self.free.push(number);
        if self.order.is_empty() && self.events.len() > MANY {
            (self.order, self.events, self.free) = Default::default();
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The memory of those on the shelf.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::*;
    use crate::audit::Record;
    use crate::audit::reassembler::{Limits, Reassembler};
    use crate::event::{Host, Mapper, Options, Resting};

    /// What waited all at once leaves no memory behind, also where nobody wanted any of it.
    #[test]
    fn the_memory_of_many_goes_with_the_last() {
        let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
        let mut reassembler = Reassembler::new(Limits::default());
        let (mut waiting, mut arena) = (Waiting::default(), Bump::new());
        for serial in 0..=MANY {
            let line =
                format!("type=USER_LOGIN msg=audit(1795600800.000:{serial}): pid=1 uid=0 auid=0 ses=1");
            let record = Record::from_log_line(line.as_bytes()).expect("a record");
            reassembler.push(&record, 0, &mut |event| {
                arena.reset();
                let document = mapper.map(event, &arena).expect("an event has records");
                // The last come first.
                let order = Order { millis: 0, tiebreaker: u64::MAX - serial as u64 };
                waiting.rest((order, 0), Fits::new(), |shelf| Some(Resting::of(&document, shelf)));
            });
        }
        assert!(waiting.len() > MANY && waiting.bytes() > 0);
        let mut before = None;
        while let Some(place) = waiting.first() {
            assert!(before < Some(place) && waiting.pass_over(|_| false), "in order");
            before = Some(place);
        }
        assert_eq!((waiting.len(), waiting.bytes()), (0, 0));
        assert_eq!((waiting.events.capacity(), waiting.order.capacity(), waiting.free.capacity()), (0, 0, 0));
    }
}
