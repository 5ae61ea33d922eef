//! Events that fit only what would go on with something, where nothing is there to go on with. They wait for
//! their place all the same, since what they follow may still come; mostly nothing does, so as little as can
//! be is done for them: no keys are worked out, and the memory is used again.

use std::collections::VecDeque;

use crate::event::Stored;
use crate::event::document::Order;

/// A rule's number among those that join events, and a stage that an event fits.
pub(super) type Fit = (usize, usize);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Resting {
    /// In order.
    events: VecDeque<Rested>,
    spare: Vec<Rested>,
    bytes: usize,
}

/// An event and what it fits, ascending.
#[derive(Debug)]
pub(super) struct Rested {
    pub(super) order: Order,
    /// Orders those of one stamp and serial.
    pub(super) arrived: u64,
    pub(super) fits: Vec<Fit>,
    pub(super) event: Box<Stored>,
    size: usize,
}

/// So many pieces of memory are kept to be used again, of at most so many bytes each.
const SPARE: usize = 256;
const SPARE_BYTES: usize = 16 << 10;

impl Resting {
    /// Adds an event; `store` makes it, in memory that is no longer wanted.
    pub(super) fn push(
        &mut self,
        order: Order,
        arrived: u64,
        fits: &[Fit],
        store: impl FnOnce(Option<Box<Stored>>) -> Option<Box<Stored>>,
    ) {
        let (mut own, spare) = match self.spare.pop() {
            Some(spare) => (spare.fits, Some(spare.event)),
            None => (Vec::new(), None),
        };
        own.clear();
        own.extend_from_slice(fits);
        let Some(event) = store(spare) else { return };
        let size = event.size();
        self.bytes += size;
        let rested = Rested { order, arrived, fits: own, event, size };
        let place = |other: &Rested| (other.order, other.arrived) < (order, arrived);
        if self.events.back().is_none_or(place) {
            self.events.push_back(rested);
        } else {
            self.events.insert(self.events.partition_point(place), rested);
        }
    }

    /// The place of the first.
    pub(super) fn first(&self) -> Option<(Order, u64)> {
        self.events.front().map(|first| (first.order, first.arrived))
    }

    /// Takes the first out.
    pub(super) fn pop(&mut self) -> Option<Rested> {
        let first = self.events.pop_front()?;
        self.bytes -= first.size;
        Some(first)
    }

    /// Takes back what nobody wanted.
    pub(super) fn give_back(&mut self, rested: Rested) {
        if self.spare.len() < SPARE && rested.size <= SPARE_BYTES {
            self.spare.push(rested);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Their memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
