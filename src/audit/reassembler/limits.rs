//! Bounds of the reassembler, and what it counts.

/// Bounds of the reassembler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most events open at one time; beyond it the one that has waited longest is ended.
    pub open_events: usize,
    /// Most bytes of one event; what comes beyond is dropped, counted and marked on the event. At
    /// least [`Limits::SMALLEST_EVENT`].
    pub event_bytes: usize,
    /// Most bytes held in all; beyond it the event that has waited longest is ended. At least twice
    /// [`Limits::event_bytes`].
    pub total_bytes: usize,
    /// How long an event waits for its next record, in milliseconds of the caller's clock.
    pub timeout_ms: u64,
    /// How many further records an event without EOE waits for it, once all else is there: its
    /// PROCTITLE, which the kernel writes last, every PATH and every argument.
    pub settle_records: u64,
    /// How many ended events are remembered, so that a record which comes late is known as one.
    pub remembered: usize,
}

impl Limits {
    /// Twice the longest datagram that netlink can bring: a first record is never dropped.
    pub const SMALLEST_EVENT: usize = 128 << 10;

    /// These limits, raised where they would not work.
    #[must_use]
    pub(super) fn checked(mut self) -> Self {
        self.open_events = self.open_events.clamp(1, 1 << 24);
        self.event_bytes = self.event_bytes.clamp(Self::SMALLEST_EVENT, 1 << 31);
        self.total_bytes = self.total_bytes.max(self.event_bytes.saturating_mul(2));
        self.remembered = self.remembered.clamp(1, 1 << 24);
        self
    }
}

impl Default for Limits {
    /// One event may be as long as the kernel can make it: an exec with 6 MiB of arguments takes 12 MiB
    /// in hex. A lower bound would let an attacker push an argument out of sight.
    fn default() -> Self {
        Self {
            open_events: 16_384,
            event_bytes: 16 << 20,
            total_bytes: 64 << 20,
            timeout_ms: 2_000,
            settle_records: 256,
            remembered: 16_384,
        }
    }
}

/// What the reassembler has counted since it was made.
///
/// Each record ends up in one place: `records` = `given` + `ends` + `duplicates` + `late` + `oversize` +
/// those of events that are still open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records taken in.
    pub records: u64,
    /// Records given out in events.
    pub given: u64,
    /// EOE records that ended an event, or came for one that had ended without.
    pub ends: u64,
    /// Of these, those of an event none of whose records came: the event was lost whole.
    pub lone_ends: u64,
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
