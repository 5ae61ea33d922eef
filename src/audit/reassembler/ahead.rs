//! Events of a file that have ended, held back until it is known whether any of those behind them is stamped earlier.
//!
//! Events are stamped when their system call was entered, so that one that ends later may have been before. Whoever
//! follows the present has to wait for it with everything; in a file the events behind can be looked at.

use std::collections::VecDeque;

use super::super::record::Stamp;
use super::event::{AuditEvent, Ended};
use super::gaps::Gaps;
use super::limits::Limits;
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
    /// Of those that are behind a later one, by their numbers as `gone` counts them, each that none behind it is before or
    /// beside: the first is the earliest.
    behind: VecDeque<(u64, Stamp)>,
    /// The latest stamp of `events`.
    latest: Stamp,
    bytes: usize,
    /// The most events, and bytes of them, that are held back.
    most: (usize, usize),
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

/// The most that is held back, where events that are open may be as many and as large.
const EVENTS: usize = 1 << 10;
const BYTES: usize = 2 << 20;

/// So many end between two times that any are given out: the same code then works on one after the other, while it is at hand.
const AT_A_TIME: u64 = 32;

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
    /// Nothing is held back yet, and never more than may be open.
    pub(super) fn new(limits: &Limits) -> Self {
        Self { most: (EVENTS.min(limits.open_events), BYTES.min(limits.total_bytes)), ..Self::default() }
    }

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
            while self.behind.back().is_some_and(|(_, stamp)| *stamp >= event.stamp) {
                self.behind.pop_back();
            }
            self.behind.push_back((number, event.stamp));
        } else {
            self.latest = event.stamp;
        }
        self.bytes += event.buffers.capacity();
        self.events.push_back(event);
    }

    /// Whether it is time to give some out.
    pub(super) fn is_due(&self) -> bool {
        (self.gone + self.events.len() as u64).is_multiple_of(AT_A_TIME) || self.is_full()
    }

    fn is_full(&self) -> bool {
        let (events, bytes) = self.most;
        self.events.len() > events || self.bytes > bytes
    }

    /// The first, and whether nothing behind it is stamped earlier, once that is known or too many are held back.
    pub(super) fn next(&mut self) -> Option<(Whole, bool)> {
        let first = self.events.front()?.stamp;
        let is_behind = self.is_behind(first);
        let until = first.millis.saturating_add(self.within.unwrap_or(0));
        let known = is_behind || self.latest.millis > until;
        if known || self.is_full() { self.take().map(|event| (event, known && !is_behind)) } else { None }
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
        self.behind.front().is_some_and(|(_, earliest)| *earliest < stamp)
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

#[cfg(test)]
mod tests {
    use super::super::Reassembler;
    use super::*;
    use crate::audit::Record;

    /// Serials, and whether each was in order, as they come out.
    type Given = Vec<(u64, bool)>;

    /// What is known by events of these times, numbered from 1, one after the other, and when no more come.
    fn given(millis: &[u64]) -> Vec<Given> {
        let mut ahead = Ahead::new(&Limits::default());
        ahead.set(Some(100));
        let all = (1..).zip(millis).map(|(serial, millis)| {
            let stamp = Stamp { millis: *millis, serial };
            let (gaps, buffers) = (Gaps::default(), Buffers::default());
            ahead.push(Whole { node: None, stamp, ended: Ended::Eoe, gaps, buffers });
            std::iter::from_fn(|| ahead.next()).map(|(event, known)| (event.stamp.serial, known)).collect()
        });
        let mut all: Vec<Given> = all.collect();
        all.push(
            std::iter::from_fn(|| ahead.last()).map(|(event, known)| (event.stamp.serial, known)).collect(),
        );
        all
    }

    #[test]
    fn an_event_is_in_order_when_one_far_behind_it_has_come_and_none_that_was_earlier() {
        let out = given(&[0, 50, 100, 101, 160]);
        assert_eq!(
            out,
            [vec![], vec![], vec![], vec![(1, true)], vec![(2, true)], vec![(3, true), (4, true), (5, true)]]
        );
    }

    #[test]
    fn what_is_overtaken_is_known_at_once_not_to_be() {
        // Of the same millisecond the number decides.
        let out = given(&[10, 20, 20, 5, 20, 200]);
        assert_eq!(out[..3], [vec![], vec![], vec![]]);
        assert_eq!(out[3], [(1, false), (2, false), (3, false)]);
        assert_eq!(out[4..], [vec![], vec![(4, true), (5, true)], vec![(6, true)]]);
    }

    #[test]
    fn a_clock_that_goes_back_holds_nothing_up() {
        let out = given(&[900_000, 900_010, 0, 10, 120, 900_000]);
        assert_eq!(out[2], [(1, false), (2, false)]);
        assert_eq!(out[3..], [vec![], vec![(3, true), (4, true)], vec![(5, true)], vec![(6, true)]]);
    }

    /// A message of this time; of the program of that node, where one is named.
    fn push(reassembler: &mut Reassembler, node: &str, millis: u64, serial: u64, given: &mut Given) {
        let (seconds, millis) = (1_795_600_800 + millis / 1000, millis % 1000);
        let line = format!(
            "{node}type=USER_LOGIN msg=audit({seconds}.{millis:03}:{serial}): pid=1 uid=0 auid=0 ses=1"
        );
        let record = Record::from_log_line(line.as_bytes()).expect("a record");
        reassembler.push(&record, 0, &mut |event| given.push((event.stamp.serial, event.in_order)));
    }

    #[test]
    fn some_are_given_out_at_a_time_in_the_order_in_which_they_ended() {
        let (mut reassembler, mut given) = (Reassembler::new(Limits::default()), Given::new());
        reassembler.hold_back(Some(100), &mut |_| unreachable!("nothing came"));
        let mut steps = Vec::new();
        for serial in 1..=200 {
            let before = given.len();
            // Each is 101 ms behind the one before.
            push(&mut reassembler, "", 101 * serial, serial, &mut given);
            steps.extend((given.len() > before).then_some((serial, given.len() - before)));
        }
        assert_eq!(steps, [(32, 31), (64, 32), (96, 32), (128, 32), (160, 32), (192, 32)]);
        reassembler.finish(&mut |event| given.push((event.stamp.serial, event.in_order)));
        assert_eq!(given, (1..=200).map(|serial| (serial, true)).collect::<Given>());
    }

    #[test]
    fn no_more_is_held_back_than_is_bounded() {
        for (open_events, most) in [(2 * EVENTS, EVENTS), (10, 10)] {
            let limits = Limits { open_events, ..Limits::default() };
            let (mut reassembler, mut given) = (Reassembler::new(limits), Given::new());
            reassembler.hold_back(Some(100), &mut |_| unreachable!("nothing came"));
            for serial in 1..=3 * most as u64 {
                push(&mut reassembler, "", 7, serial, &mut given);
            }
            assert_eq!(given.len(), 2 * most);
            assert!(given.iter().all(|(_, in_order)| !in_order), "nobody knows");
        }
    }

    #[test]
    fn what_is_of_a_node_comes_at_once_behind_what_came_before() {
        let (mut reassembler, mut given) = (Reassembler::new(Limits::default()), Given::new());
        reassembler.hold_back(Some(100), &mut |_| unreachable!("nothing came"));
        push(&mut reassembler, "", 0, 1, &mut given);
        push(&mut reassembler, "node=other ", 0, 2, &mut given);
        assert_eq!(given, [(1, false), (2, false)]);
        push(&mut reassembler, "", 5, 3, &mut given);
        reassembler.hold_back(None, &mut |event| given.push((event.stamp.serial, event.in_order)));
        push(&mut reassembler, "", 500, 4, &mut given);
        assert_eq!(given[2..], [(3, false), (4, false)]);
    }
}
