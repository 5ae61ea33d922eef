//! Puts the records of each event back together.
//!
//! Pure: the time is an argument. An event ends on EOE, on a single-record type, on a timer, on a
//! bound or at the end of the input; never because another serial came.

use super::record::{Record, Stamp};

/// Bounds of the reassembler.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most events open at one time; beyond it the oldest is ended.
    pub open_events: usize,
    /// Most bytes of one event; what comes beyond is dropped, counted and marked on the event.
    pub event_bytes: usize,
    /// Most bytes held in all.
    pub total_bytes: usize,
    /// How long an event waits for its next record, in milliseconds of the caller's clock.
    pub timeout_ms: u64,
}

/// Why an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// EOE came.
    Eoe,
    /// Its type comes alone.
    Single,
    /// No record for [`Limits::timeout_ms`].
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
    /// Whether records are known to be missing (by `items=`, `argc=`, absence of EOE where its
    /// companions show it) or were cut at a bound.
    pub incomplete: bool,
    records: &'a [Slot],
    bytes: &'a [u8],
}

/// Where a record lies in the event's buffer.
#[derive(Clone, Copy, Debug)]
struct Slot {
    kind: super::RecordType,
    body: (u32, u32),
    enriched: (u32, u32),
}

impl<'a> AuditEvent<'a> {
    /// The records in order of arrival (EOE left out).
    pub fn records(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let (node, stamp, bytes) = (self.node, self.stamp, self.bytes);
        self.records.iter().map(move |s| Record {
            node,
            kind: s.kind,
            stamp,
            body: bytes.get(s.body.0 as usize..s.body.1 as usize).unwrap_or_default(),
            enriched: bytes.get(s.enriched.0 as usize..s.enriched.1 as usize).unwrap_or_default(),
        })
    }

    /// The first record of a type.
    #[must_use]
    pub fn record(&self, kind: super::RecordType) -> Option<Record<'a>> {
        self.records().find(|r| r.kind == kind)
    }
}

/// What the reassembler has counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records taken in.
    pub records: u64,
    /// Events given out.
    pub events: u64,
    /// Of these, incomplete.
    pub incomplete: u64,
    /// Records that repeat one already there.
    pub duplicates: u64,
    /// Records of an event that was already given out.
    pub late: u64,
    /// Records dropped because the event had reached [`Limits::event_bytes`].
    pub oversize: u64,
    /// Events ended by [`Limits::open_events`] or [`Limits::total_bytes`].
    pub evicted: u64,
    /// Events ended by the timer.
    pub timed_out: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Reassembler {
    /// What was counted.
    pub counters: Counters,
}

impl Reassembler {
    /// A reassembler without open events.
    #[must_use]
    pub fn new(_limits: Limits) -> Self {
        Self { counters: Counters::default() }
    }

    /// Takes one record in; calls `emit` for each event that ends by it. `now` in milliseconds of a
    /// monotonic clock (a constant for files, whose events never time out).
    pub fn push(&mut self, _record: &Record<'_>, _now: u64, _emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        todo!("audit helper")
    }

    /// Ends the events whose time is up.
    pub fn expire(&mut self, _now: u64, _emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        todo!("audit helper")
    }

    /// When [`Reassembler::expire`] has something to do next, on the caller's clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        todo!("audit helper")
    }

    /// Ends all open events, oldest first: the input has ended.
    pub fn finish(&mut self, _emit: &mut dyn FnMut(&AuditEvent<'_>)) {
        todo!("audit helper")
    }
}
