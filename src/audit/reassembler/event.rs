//! An event as the reassembler gives it out.

use super::super::record::{Record, Stamp};
use super::super::types::RecordType;
use super::gaps::Gaps;

/// Why an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// EOE came.
    Eoe,
    /// Its type comes alone.
    Single,
    /// All was there but EOE, and [`Limits::settle_records`](super::Limits::settle_records) others came
    /// meanwhile.
    Settled,
    /// No record for [`Limits::timeout_ms`](super::Limits::timeout_ms).
    Timeout,
    /// A bound was reached.
    Bound,
    /// The input ended.
    EndOfInput,
}

/// All records of one event, in order of arrival, borrowed from the reassembler.
#[derive(Clone, Copy, Debug)]
pub struct AuditEvent<'a> {
    /// Host named by `node=`.
    pub node: Option<&'a [u8]>,
    /// Time and serial.
    pub stamp: Stamp,
    /// Why it ended.
    pub ended: Ended,
    /// Whether records are known to be missing or were cut at a bound: any of `gaps`.
    pub incomplete: bool,
    /// What is known to be missing.
    pub gaps: Gaps,
    /// Whether it is known that nothing stamped earlier ends behind it: see [`Reassembler::hold_back`](super::Reassembler::hold_back).
    pub in_order: bool,
    pub(super) records: &'a [Slot],
    pub(super) bytes: &'a [u8],
}

/// Where a record lies in the event's buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) kind: RecordType,
    /// The body begins here, the enriched part follows it.
    pub(super) start: u32,
    pub(super) body: u32,
    pub(super) enriched: u32,
}

impl Slot {
    /// The body within the event's buffer.
    #[inline]
    pub(super) fn body(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..(self.start + self.body) as usize).unwrap_or_default()
    }

    /// The record of an event with this buffer.
    #[inline]
    fn record<'a>(self, node: Option<&'a [u8]>, stamp: Stamp, bytes: &'a [u8]) -> Record<'a> {
        Record { node, kind: self.kind, stamp, body: self.body(bytes), enriched: self.enriched(bytes) }
    }

    #[inline]
    fn enriched(self, bytes: &[u8]) -> &[u8] {
        let start = self.start + self.body;
        bytes.get(start as usize..(start + self.enriched) as usize).unwrap_or_default()
    }
}

impl<'a> AuditEvent<'a> {
    /// The records in order of arrival (EOE left out).
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'a>> + Clone + use<'a> {
        let (node, stamp, bytes) = (self.node, self.stamp, self.bytes);
        self.records.iter().map(move |slot| slot.record(node, stamp, bytes))
    }

    /// The types of the records, in order of arrival.
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = RecordType> + Clone + use<'a> {
        self.records.iter().map(|slot| slot.kind)
    }

    /// The records of a type, in order of arrival.
    pub fn records_of(&self, kind: RecordType) -> impl Iterator<Item = Record<'a>> + Clone + use<'a> {
        let (node, stamp, bytes) = (self.node, self.stamp, self.bytes);
        let slots = self.records.iter().filter(move |slot| slot.kind == kind);
        slots.map(move |slot| slot.record(node, stamp, bytes))
    }

    /// The first record of a type.
    #[must_use]
    pub fn record(&self, kind: RecordType) -> Option<Record<'a>> {
        self.records().find(|r| r.kind == kind)
    }

    /// The record that came first.
    #[must_use]
    pub fn first(&self) -> Option<Record<'a>> {
        self.records().next()
    }

    /// How many records there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an event has at least one record")]
    pub fn len(&self) -> usize {
        self.records.len()
    }
}

/// An event in memory of its own, for whoever needs it after the reassembler has gone on, and what was put beside it.
#[derive(Debug)]
pub struct OwnedEvent {
    layout: Layout,
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

/// Of an event there are mostly no more bytes, and no more records.
const BYTES: usize = 1024;
const SLOTS: usize = 8;

impl OwnedEvent {
    /// A copy of `event` and of what belongs to it.
    #[must_use]
    pub fn of(event: &AuditEvent<'_>, beside: [Option<&[u8]>; 2]) -> Self {
        let (bytes, slots) = (Vec::new(), Vec::with_capacity(SLOTS));
        let mut owned = Self { layout: Layout::of(event, beside), bytes, slots };
        owned.put(event, beside);
        owned
    }

    /// Takes a copy of `event` and of what belongs to it, in the place of what it holds.
    pub fn put(&mut self, event: &AuditEvent<'_>, beside: [Option<&[u8]>; 2]) {
        let Self { layout, bytes, slots } = self;
        *layout = Layout::of(event, beside);
        bytes.clear();
        slots.clear();
        // In place of what is too small, of which nothing is to be copied; in steps, so that it is large enough for others.
        let size = layout.size().max(BYTES);
        if bytes.capacity() < size {
            *bytes = Vec::with_capacity(size.next_multiple_of(BYTES / 2));
        }
        Layout::write(event, beside, bytes);
        slots.extend_from_slice(event.records);
    }

    /// When the event was.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.layout.stamp
    }

    /// The event, as the reassembler gave it.
    #[must_use]
    pub fn event(&self) -> AuditEvent<'_> {
        self.layout.event(&self.bytes, &self.slots)
    }

    /// What was put beside it.
    #[must_use]
    pub fn beside(&self) -> [Option<&[u8]>; 2] {
        self.layout.beside(&self.bytes)
    }

    /// Bytes of memory beside its own.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.capacity() + self.slots.capacity() * size_of::<Slot>()
    }
}

/// What an event is beside its bytes and slots, and how its bytes lie one behind the other: those of its records, the
/// node's name, what was put beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    records: usize,
    node: Option<usize>,
    beside: [Option<usize>; 2],
    stamp: Stamp,
    ended: Ended,
    gaps: Gaps,
}

impl Layout {
    /// That of `event` and of what belongs to it.
    pub(super) fn of(event: &AuditEvent<'_>, beside: [Option<&[u8]>; 2]) -> Self {
        Self {
            records: event.bytes.len(),
            node: event.node.map(<[u8]>::len),
            beside: beside.map(|text| text.map(<[u8]>::len)),
            stamp: event.stamp,
            ended: event.ended,
            gaps: event.gaps,
        }
    }

    /// Adds a copy of `event` and of what belongs to it to `bytes`.
    pub(super) fn write(event: &AuditEvent<'_>, beside: [Option<&[u8]>; 2], bytes: &mut Vec<u8>) {
        for text in [Some(event.bytes), event.node, beside[0], beside[1]].into_iter().flatten() {
            bytes.extend_from_slice(text);
        }
    }

    /// The event whose bytes these are.
    pub(super) fn event<'a>(&self, bytes: &'a [u8], slots: &'a [Slot]) -> AuditEvent<'a> {
        let (records, behind) = bytes.split_at_checked(self.records).unwrap_or_default();
        AuditEvent {
            node: self.node.map(|length| behind.get(..length).unwrap_or_default()),
            stamp: self.stamp,
            ended: self.ended,
            incomplete: !self.gaps.is_empty(),
            gaps: self.gaps,
            in_order: false,
            records: slots,
            bytes: records,
        }
    }

    /// What was put beside it.
    pub(super) fn beside<'a>(&self, bytes: &'a [u8]) -> [Option<&'a [u8]>; 2] {
        let mut start = self.records + self.node.unwrap_or(0);
        self.beside.map(|length| {
            let end = start + length?;
            bytes.get(std::mem::replace(&mut start, end)..end)
        })
    }

    /// How many bytes there are.
    pub(super) fn size(&self) -> usize {
        self.records + self.node.unwrap_or(0) + self.beside.iter().flatten().sum::<usize>()
    }
}
