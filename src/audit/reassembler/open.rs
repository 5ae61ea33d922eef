//! The events that are open: found by node and stamp, kept in the order of their last record.
//!
//! Every operation takes constant time however many are open: a hash table over a slab, and a list of
//! the slab's entries linked through them.

use hashbrown::HashTable;

use super::super::record::{Record, Stamp};
use super::super::types::{Place, RecordType};
use super::event::Slot;

/// Position of an open event in the slab.
pub(super) type At = u32;

/// No event: the list's ends.
const NONE: At = At::MAX;

/// Beyond this many records of an event, repeated ones are looked for by hash.
const FEW: usize = 32;

/// Buffers kept for the next events, the largest that is kept, and all of them.
const KEPT_BUFFERS: usize = 1 << 10;
const LARGEST_KEPT: usize = 64 << 10;
const KEPT_BYTES: usize = 2 << 20;

/// The buffers of an event.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Node, then bodies and enriched parts of the records.
    pub(super) bytes: Vec<u8>,
    pub(super) slots: Vec<Slot>,
}

impl Buffers {
    /// Memory they take.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    fn used(&self) -> usize {
        self.bytes.len() + self.slots.len() * size_of::<Slot>()
    }

    /// Copies the record's node in, where it has one; its length.
    pub(super) fn add_node(&mut self, record: &Record<'_>) -> Option<u32> {
        let node = record.node?;
        self.bytes.extend_from_slice(node);
        #[expect(clippy::cast_possible_truncation, reason = "a line's length; a longer one is cut")]
        Some(node.len() as u32)
    }

    /// Copies a record in. The bound on an event keeps positions within 32 bits.
    #[inline]
    pub(super) fn add(&mut self, record: &Record<'_>) {
        #[expect(clippy::cast_possible_truncation, reason = "Limits::event_bytes is at most 2 GiB")]
        let slot = Slot {
            kind: record.kind,
            start: self.bytes.len() as u32,
            body: record.body.len() as u32,
            enriched: record.enriched.len() as u32,
        };
        self.bytes.extend_from_slice(record.body);
        self.bytes.extend_from_slice(record.enriched);
        self.slots.push(slot);
    }
}

/// An event that has not ended.
#[derive(Debug)]
pub(super) struct OpenEvent {
    pub(super) hash: u64,
    pub(super) stamp: Stamp,
    /// Length of the node at the front of the buffer, if one is named.
    pub(super) node: Option<u32>,
    pub(super) buffers: Buffers,
    /// Hashes of the bodies, once there are more than a few.
    bodies: Option<Box<HashTable<(u64, u32)>>>,
    /// When its last record came, on the caller's clock.
    pub(super) touched: u64,
    /// Records were dropped at the bound.
    pub(super) cut: bool,
    /// PROCTITLE, which the kernel writes last but for EOE, has come.
    pub(super) titled: bool,
    /// Which of all events ever opened this is.
    pub(super) number: u64,
    older: At,
    newer: At,
}

impl OpenEvent {
    pub(super) fn node(&self) -> Option<&[u8]> {
        self.node.and_then(|length| self.buffers.bytes.get(..length as usize))
    }

    /// Whether its first record is of a type that comes alone.
    pub(super) fn is_single(&self) -> bool {
        self.buffers.slots.first().is_some_and(|slot| slot.kind.place() == Place::Single)
    }

    /// What the event takes with `record`.
    #[inline]
    pub(super) fn size_with(&self, record: &Record<'_>) -> usize {
        self.buffers.used() + record.body.len() + record.enriched.len() + size_of::<Slot>()
    }

    fn is(&self, hash: u64, record: &Record<'_>) -> bool {
        self.hash == hash && self.stamp == record.stamp && self.node() == record.node
    }

    /// Whether a record of the same type and body is there. `hash` is that of a body.
    #[inline]
    pub(super) fn has(&mut self, record: &Record<'_>, hash: impl Fn(&[u8]) -> u64) -> bool {
        let Buffers { bytes, slots } = &self.buffers;
        let same = |slot: &Slot| {
            slot.kind == record.kind
                && slot.body as usize == record.body.len()
                && slot.body(bytes) == record.body
        };
        if slots.len() < FEW {
            return slots.iter().any(same);
        }
        let bodies = self.bodies.get_or_insert_with(Box::default);
        // Only those that came since the last look: this must not take time by their square.
        let known = bodies.len();
        for (at, slot) in slots.iter().enumerate().skip(known) {
            let hash = hash(slot.body(bytes));
            #[expect(clippy::cast_possible_truncation, reason = "Limits::event_bytes is at most 2 GiB")]
            bodies.insert_unique(hash, (hash, at as u32), |(hash, _)| *hash);
        }
        let wanted = hash(record.body);
        bodies.find(wanted, |(_, at)| slots.get(*at as usize).is_some_and(same)).is_some()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct OpenEvents {
    slab: Vec<Option<OpenEvent>>,
    free: Vec<At>,
    table: HashTable<At>,
    /// The one that has waited longest for a record, and the one that had the last.
    oldest: At,
    newest: At,
    kept: Vec<Buffers>,
    kept_bytes: usize,
    opened: u64,
    /// Memory that the buffers of all of them take.
    held: usize,
}

impl OpenEvents {
    pub(super) fn new() -> Self {
        Self {
            slab: Vec::new(),
            free: Vec::new(),
            table: HashTable::new(),
            oldest: NONE,
            newest: NONE,
            kept: Vec::new(),
            kept_bytes: 0,
            opened: 0,
            held: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes that the open events' buffers take.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Of the event that has waited longest for a record.
    pub(super) fn oldest(&self) -> Option<(At, &OpenEvent)> {
        Some((self.oldest, self.get(self.oldest)?))
    }

    pub(super) fn get(&self, at: At) -> Option<&OpenEvent> {
        self.slab.get(at as usize)?.as_ref()
    }

    fn get_mut(&mut self, at: At) -> Option<&mut OpenEvent> {
        self.slab.get_mut(at as usize)?.as_mut()
    }

    /// The event that had the last record, if `record` belongs to it: nearly always so.
    #[inline]
    pub(super) fn is_newest(&self, record: &Record<'_>) -> Option<(At, u64)> {
        let newest = self.get(self.newest)?;
        (newest.stamp == record.stamp && newest.node() == record.node).then_some((self.newest, newest.hash))
    }

    pub(super) fn find(&self, hash: u64, record: &Record<'_>) -> Option<At> {
        self.table.find(hash, |&at| self.get(at).is_some_and(|event| event.is(hash, record))).copied()
    }

    /// Opens an event for `record`, without taking it in.
    pub(super) fn open(&mut self, hash: u64, record: &Record<'_>) -> At {
        // What begins with another record may be alone and wait for the end of the log: in no more memory than it needs.
        let goes_on = record.kind == RecordType::SYSCALL;
        let mut buffers = if goes_on { self.spare() } else { Buffers::default() };
        self.held += buffers.capacity();
        let node = buffers.add_node(record);
        self.opened += 1;
        let event = OpenEvent {
            hash,
            stamp: record.stamp,
            node,
            buffers,
            bodies: None,
            touched: 0,
            cut: false,
            titled: false,
            number: self.opened,
            older: NONE,
            newer: NONE,
        };
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.slab.push(None);
                At::try_from(self.slab.len() - 1).unwrap_or(NONE)
            }
        };
        if let Some(place) = self.slab.get_mut(at as usize) {
            *place = Some(event);
        }
        let slab = &self.slab;
        self.table.insert_unique(hash, at, |&at| {
            slab.get(at as usize).and_then(Option::as_ref).map_or(0, |event| event.hash)
        });
        self.link_newest(at);
        at
    }

    /// Takes `record` into the event, which becomes the newest.
    #[inline]
    pub(super) fn add(&mut self, at: At, record: &Record<'_>, now: u64) {
        let Some(event) = self.slab.get_mut(at as usize).and_then(Option::as_mut) else { return };
        let before = event.buffers.capacity();
        event.buffers.add(record);
        self.held += event.buffers.capacity() - before;
        event.titled |= record.kind == RecordType::PROCTITLE;
        self.touch(at, now);
    }

    /// The event has shown life.
    #[inline]
    pub(super) fn touch(&mut self, at: At, now: u64) {
        if let Some(event) = self.get_mut(at) {
            event.touched = now;
        }
        if at != self.newest {
            self.unlink(at);
            self.link_newest(at);
        }
    }

    /// Whether a record repeats one of the event's.
    #[inline]
    pub(super) fn has(&mut self, at: At, record: &Record<'_>, hash: impl Fn(&[u8]) -> u64) -> bool {
        self.get_mut(at).is_some_and(|event| event.has(record, hash))
    }

    /// Marks the event as cut at the bound.
    pub(super) fn mark_cut(&mut self, at: At) {
        if let Some(event) = self.get_mut(at) {
            event.cut = true;
        }
    }

    /// Takes an event out.
    pub(super) fn close(&mut self, at: At) -> Option<OpenEvent> {
        self.unlink(at);
        let event = self.slab.get_mut(at as usize)?.take()?;
        if let Ok(entry) = self.table.find_entry(event.hash, |&found| found == at) {
            entry.remove();
        }
        self.free.push(at);
        self.held = self.held.saturating_sub(event.buffers.capacity());
        Some(event)
    }

    /// Empty buffers.
    pub(super) fn spare(&mut self) -> Buffers {
        let buffers = self.kept.pop().unwrap_or_default();
        self.kept_bytes -= buffers.capacity();
        buffers
    }

    /// Gives back the buffers of an event that was closed.
    pub(super) fn recycle(&mut self, mut buffers: Buffers) {
        let size = buffers.capacity();
        let has_room = self.kept.len() < KEPT_BUFFERS && self.kept_bytes + size <= KEPT_BYTES;
        if has_room && size <= LARGEST_KEPT {
            buffers.bytes.clear();
            buffers.slots.clear();
            self.kept_bytes += size;
            self.kept.push(buffers);
        }
    }

    fn link_newest(&mut self, at: At) {
        let newest = std::mem::replace(&mut self.newest, at);
        if let Some(event) = self.get_mut(at) {
            (event.older, event.newer) = (newest, NONE);
        }
        match self.get_mut(newest) {
            Some(before) => before.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: At) {
        let Some((older, newer)) = self.get(at).map(|event| (event.older, event.newer)) else { return };
        match self.get_mut(older) {
            Some(event) => event.newer = newer,
            None => self.oldest = newer,
        }
        match self.get_mut(newer) {
            Some(event) => event.older = older,
            None => self.newest = older,
        }
    }
}
