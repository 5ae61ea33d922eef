//! Events that fit only what would go on with something, where nothing is there to go on with. They wait for
//! their place all the same, since what they follow may still come; mostly nothing does, so as little as can
//! be is done for them: no keys are worked out, and the memory is used again.

use std::collections::VecDeque;

use crate::audit::Shelf;
use crate::event;
use crate::event::Stored;
use crate::event::document::Order;

/// A rule's number among those that join events, and a stage that an event fits.
pub(super) type Fit = (usize, usize);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Resting {
    /// In order.
    events: VecDeque<Rested>,
    shelf: Shelf,
    bytes: usize,
}

/// An event and what it fits, ascending.
#[derive(Debug)]
pub(super) struct Rested {
    pub(super) order: Order,
    /// Orders those of one stamp and serial.
    arrived: u64,
    pub(super) fits: Fits,
    event: event::Resting,
    size: usize,
}

/// What an event fits: mostly little.
#[derive(Clone, Debug)]
pub(super) enum Fits {
    Few([Fit; FEW], usize),
    Many(Box<[Fit]>),
}

const FEW: usize = 3;

impl Fits {
    fn of(fits: &[Fit]) -> Self {
        let mut few = [(0, 0); FEW];
        match few.get_mut(..fits.len()) {
            Some(place) => {
                place.copy_from_slice(fits);
                Self::Few(few, fits.len())
            }
            None => Self::Many(fits.into()),
        }
    }

    pub(super) fn as_slice(&self) -> &[Fit] {
        match self {
            Self::Few(few, count) => few.get(..*count).unwrap_or_default(),
            Self::Many(many) => many,
        }
    }
}

impl Resting {
    /// Adds an event; `store` puts it on the shelf.
    pub(super) fn push(
        &mut self,
        order: Order,
        arrived: u64,
        fits: &[Fit],
        store: impl FnOnce(&mut Shelf) -> Option<event::Resting>,
    ) {
        let Some(event) = store(&mut self.shelf) else { return };
        let size = event.size();
        self.bytes += size;
        let rested = Rested { order, arrived, fits: Fits::of(fits), event, size };
        let place = |other: &Rested| (other.order, other.arrived) < (order, arrived);
        if self.events.back().is_none_or(place) {
            self.events.push_back(rested);
        } else {
            self.events.insert(self.events.partition_point(place), rested);
        }
    }

    /// The first.
    pub(super) fn first(&self) -> Option<&Rested> {
        self.events.front()
    }

    /// Takes the first out.
    pub(super) fn pop(&mut self) -> Option<Stored> {
        let first = self.events.pop_front()?;
        self.bytes -= first.size;
        Some(first.event.stored(&mut self.shelf))
    }

    /// Nobody wants the first.
    pub(super) fn drop_first(&mut self) {
        if let Some(first) = self.events.pop_front() {
            self.bytes -= first.size;
            first.event.give_back(&mut self.shelf);
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

impl Rested {
    /// Its place.
    pub(super) fn place(&self) -> (Order, u64) {
        (self.order, self.arrived)
    }
}
