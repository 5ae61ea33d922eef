//! Puts the records of each event back together.
//!
//! Pure: the time is an argument. An event ends on EOE, on a single-record type, on a timer, on a
//! bound or at the end of the input; never because another serial came. Stamps are no clock: they are
//! those of the call's entry, and the machine's clock may be set.
//!
//! Records of one event are told by node, time and serial. One that repeats type and body of another in
//! its event is a duplicate; one whose event has been given out is late. Both are counted and dropped.

mod ahead;
mod event;
mod gaps;
mod limits;
mod open;
mod remembered;
mod shelf;

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

pub use self::event::{AuditEvent, Ended, OwnedEvent};
pub use self::gaps::{Gap, Gaps};
pub use self::limits::{Counters, Limits};
pub use self::shelf::{Shelf, Shelved};

use self::ahead::{Ahead, Whole};
use self::open::{At, Buffers, OpenEvent, OpenEvents};
use self::remembered::Remembered;
use super::execve::Arguments;
use super::fields;
use super::record::Record;
use super::types::{Place, RecordType};

/// See the module.
#[derive(Debug)]
pub struct Reassembler {
    /// What was counted.
    pub counters: Counters,
    limits: Limits,
    hasher: RandomState,
    open: OpenEvents,
    remembered: Remembered,
    /// Events whose PROCTITLE came, in that order: where, which, and after how many records.
    settling: VecDeque<(At, u64, u64)>,
    /// EOE or PROCTITLE has been seen, so that an event without either has lost them.
    ends_come: bool,
    arguments: Arguments,
    ahead: Ahead,
}

impl Reassembler {
    /// A reassembler without open events.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let limits = limits.checked();
        Self {
            counters: Counters::default(),
            hasher: RandomState::default(),
            open: OpenEvents::new(),
            remembered: Remembered::new(limits.remembered),
            settling: VecDeque::new(),
            ends_come: false,
            arguments: Arguments::with_limit(limits.event_bytes),
            ahead: Ahead::new(&limits),
            limits,
        }
    }

    /// How many events are open.
    #[must_use]
    pub fn open_events(&self) -> usize {
        self.open.len()
    }

    /// How many bytes the records of the open events take.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.open.held()
    }

    /// Takes one record in; calls `emit` for each event that ends by it. `now` in milliseconds of a
    /// monotonic clock (a constant for files, whose events never time out).
    pub fn push(&mut self, record: &Record<'_>, now: u64, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        self.counters.records += 1;
        match record.kind.place() {
            Place::Single | Place::Either if awaits_labels(record) => self.push_part(record, now, emit),
            Place::Either if is_auditds_leave(record) => self.push_single(record, emit),
            Place::Single => self.push_single(record, emit),
            Place::End => self.push_end(record, emit),
            Place::Part | Place::Either | Place::Control => self.push_part(record, now, emit),
        }
        self.settle(emit);
    }

    /// Ends the events whose time is up.
    pub fn expire(&mut self, now: u64, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        while let Some((at, event)) = self.open.oldest() {
            if now < event.touched.saturating_add(self.limits.timeout_ms) {
                break;
            }
            self.end(at, Ended::Timeout, emit);
        }
    }

    /// When [`Reassembler::expire`] has something to do next, on the caller's clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.open.oldest().map(|(_, event)| event.touched.saturating_add(self.limits.timeout_ms))
    }

    /// Ends all open events, the one that has waited longest first: the input has ended.
    pub fn finish(&mut self, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        while let Some((at, _)) = self.open.oldest() {
            self.end(at, Ended::EndOfInput, emit);
        }
        while let Some((event, in_order)) = self.ahead.last() {
            self.emit(event, in_order, emit);
        }
    }

    /// For what comes from now on, which is in a file: events are given out in the order in which they end, but each only
    /// once one has ended that is stamped more than `within` milliseconds later, and some at a time. So it is known of each
    /// whether it is [`AuditEvent::in_order`] as far as that. None: at once, and so are those of a named node, whose clocks are
    /// their own.
    pub fn hold_back(&mut self, within: Option<u64>, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        self.give_out(emit);
        self.ahead.set(within);
    }

    /// Gives out what is held back.
    pub fn give_out(&mut self, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        while let Some(event) = self.ahead.take() {
            self.emit(event, false, emit);
        }
    }

    /// A record that is an event of its own.
    fn push_single(&mut self, record: &Record<'_>, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        // With its type: auditd numbers its own records by itself, beside the kernel.
        let hash = self.hasher.hash_one((record.node, record.stamp, record.kind));
        if self.remembered.has(hash, record.stamp) {
            self.counters.late += 1;
            return;
        }
        self.remembered.add(hash, record.stamp, false);
        let mut buffers = self.open.spare();
        let (record, cut) = self.fitted(record);
        let node = buffers.add_node(&record);
        buffers.add(&record);
        let mut gaps = Gaps::default();
        if cut || fields::is_cut_message(record.body) {
            gaps.add(Gap::Cut);
        }
        self.has_ended(Whole { node, stamp: record.stamp, ended: Ended::Single, gaps, buffers }, emit);
    }

    fn push_end(&mut self, record: &Record<'_>, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        self.ends_come = true;
        if let Some((at, _)) = self.open.is_newest(record) {
            self.counters.ends += 1;
            return self.end(at, Ended::Eoe, emit);
        }
        let hash = self.hash(record);
        if let Some(at) = self.open.find(hash, record) {
            self.counters.ends += 1;
            return self.end(at, Ended::Eoe, emit);
        }
        match self.remembered.note_end(hash, record.stamp) {
            Some(false) => self.counters.late += 1,
            Some(true) => self.counters.ends += 1,
            None => {
                self.counters.ends += 1;
                self.counters.lone_ends += 1;
                self.remembered.add(hash, record.stamp, false);
            }
        }
    }

    fn push_part(&mut self, record: &Record<'_>, now: u64, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        let at = match self.open.is_newest(record) {
            Some((at, _)) => at,
            None => {
                let hash = self.hash(record);
                match self.open.find(hash, record) {
                    Some(at) => at,
                    None if self.remembered.has(hash, record.stamp) => {
                        self.counters.late += 1;
                        return;
                    }
                    None => return self.open_with(hash, record, now, emit),
                }
            }
        };
        let hasher = &self.hasher;
        if self.open.has(at, record, |body| hasher.hash_one(body)) {
            self.counters.duplicates += 1;
            return self.open.touch(at, now);
        }
        if self.open.get(at).is_some_and(|event| event.size_with(record) > self.limits.event_bytes) {
            self.counters.oversize += 1;
            self.open.mark_cut(at);
            return self.open.touch(at, now);
        }
        self.open.add(at, record, now);
        if record.body.starts_with(LABELS) && self.open.get(at).is_some_and(OpenEvent::is_single) {
            return self.end(at, Ended::Single, emit);
        }
        self.after_adding(at, record.kind);
        self.evict(emit);
    }

    fn open_with(&mut self, hash: u64, record: &Record<'_>, now: u64, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        let (record, cut) = self.fitted(record);
        let at = self.open.open(hash, &record);
        self.open.add(at, &record, now);
        if cut {
            self.open.mark_cut(at);
        }
        self.after_adding(at, record.kind);
        self.evict(emit);
    }

    /// A first record that alone is too long is cut; all others are taken whole or not at all.
    fn fitted<'a>(&self, record: &Record<'a>) -> (Record<'a>, bool) {
        let room = self.limits.event_bytes - Limits::SMALLEST_EVENT / 4;
        if record.body.len() + record.enriched.len() + record.node.map_or(0, <[u8]>::len) <= room {
            return (*record, false);
        }
        let node = record.node.map(|node| node.get(..4096).unwrap_or(node));
        let body = record.body.get(..room).unwrap_or(record.body);
        (Record { node, body, enriched: &[], ..*record }, true)
    }

    fn after_adding(&mut self, at: At, kind: RecordType) {
        if kind == RecordType::PROCTITLE {
            self.ends_come = true;
            if let Some(event) = self.open.get(at) {
                let when = self.counters.records.saturating_add(self.limits.settle_records);
                self.settling.push_back((at, event.number, when));
            }
        }
    }

    /// Ends the events that are whole but for an EOE that does not come.
    fn settle(&mut self, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        while let Some(&(at, number, when)) = self.settling.front() {
            if when > self.counters.records {
                break;
            }
            self.settling.pop_front();
            let Some(event) = self.open.get(at).filter(|event| event.number == number) else { continue };
            let Buffers { bytes, slots } = &event.buffers;
            if !event.cut && gaps::of_records(slots, bytes, &mut self.arguments).is_empty() {
                self.end(at, Ended::Settled, emit);
            }
        }
    }

    /// Keeps the bounds, never at the cost of the event that had a record just now.
    fn evict(&mut self, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        while self.open.len() > 1
            && (self.open.len() > self.limits.open_events || self.open.held() > self.limits.total_bytes)
        {
            let Some((at, _)) = self.open.oldest() else { break };
            self.end(at, Ended::Bound, emit);
        }
    }

    fn end(&mut self, at: At, ended: Ended, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        let Some(event) = self.open.close(at) else { return };
        self.remembered.add(event.hash, event.stamp, ended != Ended::Eoe);
        let gaps = self.gaps(&event, ended);
        match ended {
            Ended::Timeout => self.counters.timed_out += 1,
            Ended::Bound => self.counters.evicted += 1,
            _ => {}
        }
        let OpenEvent { node, stamp, buffers, .. } = event;
        self.has_ended(Whole { node, stamp, ended, gaps, buffers }, emit);
    }

    fn has_ended(&mut self, event: Whole, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        if !self.ahead.is_on() {
            return self.emit(event, false, emit);
        }
        if event.node.is_some() {
            self.give_out(emit);
            return self.emit(event, false, emit);
        }
        self.ahead.push(event);
        if !self.ahead.is_due() {
            return;
        }
        while let Some((event, in_order)) = self.ahead.next() {
            self.emit(event, in_order, emit);
        }
    }

    fn gaps(&mut self, event: &OpenEvent, ended: Ended) -> Gaps {
        let Buffers { bytes, slots } = &event.buffers;
        let mut gaps = gaps::of_records(slots, bytes, &mut self.arguments);
        if event.cut {
            gaps.add(Gap::Cut);
        }
        let headed = || slots.iter().any(|slot| slot.kind == RecordType::SYSCALL);
        if self.ends_come && ended != Ended::Eoe && !event.titled && headed() {
            gaps.add(Gap::End);
        }
        gaps
    }

    fn emit(&mut self, event: Whole, in_order: bool, emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        self.counters.events += 1;
        self.counters.incomplete += u64::from(!event.gaps.is_empty());
        self.counters.given += event.buffers.slots.len() as u64;
        emit(&event.event(in_order));
        self.open.recycle(event.buffers);
    }

    /// Of node and stamp: what tells one event from another.
    #[inline]
    fn hash(&self, record: &Record<'_>) -> u64 {
        self.hasher.hash_one((record.node, record.stamp))
    }
}

/// Whether it says that auditd gave up its place: that is auditd's own to say, and of what auditd calls nothing else is recorded
/// (`kernel/auditsc.c`, `__audit_syscall_entry`). It need not be waited for, and stands before the start of the next auditd.
fn is_auditds_leave(record: &Record<'_>) -> bool {
    let is =
        |key: &[u8], value: &[u8]| fields::find(record.body, key).is_some_and(|field| field.raw == value);
    record.kind == RecordType::CONFIG_CHANGE && is(b"audit_pid", b"0") && is(b"res", b"1")
}

/// How a record begins that gives the labels of a process under several security modules.
const LABELS: &[u8] = b"subj_";

/// Whether a record of a type that comes alone has one companion: where several security modules label
/// processes, the kernel writes `subj=?` and the labels in a record of their own, right behind it with the
/// same stamp (`kernel/audit.c`, `audit_log_subj_ctx`; type 1425, in Ubuntu's kernels 1420).
fn awaits_labels(record: &Record<'_>) -> bool {
    fields::find(record.body, b"subj").is_some_and(|subj| subj.raw == b"?")
}
