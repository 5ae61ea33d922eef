//! Events of a file that have ended, held back until it is known whether any of those behind them is stamped earlier.
//!
//! Events are stamped when their system call was entered, so that one that ends later may have been before. Whoever
//! follows the present has to wait for it with everything; in a file the events behind can be looked at.

use std::collections::VecDeque;

use super::super::record::Stamp;
use super::event::{AuditEvent, Ended};
use super::gaps::Gaps;
use super::open::Buffers;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// How far they have to be apart for the later one to be in its place, in milliseconds; none: nothing is held back.
    within: Option<u64>,
    /// In the order in which they ended.
    events: VecDeque<Whole>,
    /// How many have gone before the first of them.
    gone: u64,
    /// Stamps behind a later one, each with the last event of it, counted as `gone` is.
    behind: VecDeque<(u64, Stamp)>,
    /// The latest stamp of `events`.
    latest: Stamp,
    bytes: usize,
}

/// An event that has ended.
#[derive(Debug)]
pub(super) struct Whole {
    /// The length of the node at the front of the buffer, if one is named.
    pub(super) node: Option<u32>,
    pub(super) stamp: Stamp,
    pub(super) ended: Ended,
    pub(super) gaps: Gaps,
    pub(super) buffers: Buffers,
}

/// The most that is held back.
const EVENTS: usize = 1 << 10;
const BYTES: usize = 2 << 20;

impl Whole {
    /// With whether nothing behind it is stamped earlier.
    pub(super) fn event(&self, in_order: bool) -> AuditEvent<'_> {
        let Self { node, stamp, ended, gaps, buffers: Buffers { bytes, slots } } = self;
        AuditEvent {
            node: node.and_then(|length| bytes.get(..length as usize)),
            stamp: *stamp,
            ended: *ended,
            incomplete: !gaps.is_empty(),
            gaps: *gaps,
            in_order,
            records: slots,
            bytes,
        }
    }
}

impl Ahead {
    /// From now on events are held back until one has ended that is more than `within` milliseconds later; none: no longer.
    pub(super) fn set(&mut self, within: Option<u64>) {
        self.within = within;
    }

    /// Whether events are held back.
    pub(super) fn is_on(&self) -> bool {
        self.within.is_some()
    }

    /// Adds one that has ended just now.
    pub(super) fn push(&mut self, event: Whole) {
        let number = self.gone + self.events.len() as u64;
        if event.stamp < self.latest {
            match self.behind.back_mut() {
                Some((last, stamp)) if *stamp == event.stamp => *last = number,
                _ => self.behind.push_back((number, event.stamp)),
            }
        } else {
            self.latest = event.stamp;
        }
        self.bytes += event.buffers.capacity();
        self.events.push_back(event);
    }

    /// The first, and whether nothing behind it is stamped earlier, once that is known or too many are held back.
    pub(super) fn next(&mut self) -> Option<(Whole, bool)> {
        let first = self.events.front()?.stamp;
        let is_behind = self.is_behind(first);
        let until = first.millis.saturating_add(self.within.unwrap_or(0));
        let known = is_behind || self.latest.millis > until;
        let full = self.events.len() > EVENTS || self.bytes > BYTES;
        if known || full { self.take().map(|event| (event, known && !is_behind)) } else { None }
    }

    /// The first, where nothing more comes.
    pub(super) fn last(&mut self) -> Option<(Whole, bool)> {
        let in_order = !self.is_behind(self.events.front()?.stamp);
        Some((self.take()?, in_order))
    }

    /// Whether any behind the first is stamped before `stamp`.
    fn is_behind(&mut self, stamp: Stamp) -> bool {
        while self.behind.front().is_some_and(|(number, _)| *number <= self.gone) {
            self.behind.pop_front();
        }
        self.behind.iter().any(|(_, other)| *other < stamp)
    }

    /// The first.
    pub(super) fn take(&mut self) -> Option<Whole> {
        let event = self.events.pop_front()?;
        self.gone += 1;
        self.bytes = self.bytes.saturating_sub(event.buffers.capacity());
        if event.stamp == self.latest {
            self.latest = self.events.iter().map(|event| event.stamp).max().unwrap_or_default();
        }
        Some(event)
    }
}
