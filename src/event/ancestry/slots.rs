//! The memory of the table: processes in slots that are used again, in two lists by age.

use std::num::NonZeroU32;

use super::process::Process;

/// A process of the table, also after it was evicted (then it is found no more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRef {
    slot: u32,
    generation: NonZeroU32,
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot {
    generation: NonZeroU32,
    older: u32,
    newer: u32,
    /// In which list it stands.
    spare: bool,
    process: Option<Process>,
}

/// A list of slots, by age.
#[derive(Debug)]
struct Ages {
    oldest: u32,
    newest: u32,
}

impl Ages {
    const EMPTY: Self = Self { oldest: NONE, newest: NONE };
}

/// Processes, found by reference, removed by age: those that are spare first.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    live: Ages,
    spare: Ages,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), live: Ages::EMPTY, spare: Ages::EMPTY }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.free.capacity() * size_of::<u32>()
    }

    pub(super) fn get(&self, at: ProcessRef) -> Option<&Process> {
        let slot = self.slots.get(at.slot as usize)?;
        slot.process.as_ref().filter(|_| slot.generation == at.generation)
    }

    pub(super) fn get_mut(&mut self, at: ProcessRef) -> Option<&mut Process> {
        let slot = self.slots.get_mut(at.slot as usize)?;
        slot.process.as_mut().filter(|_| slot.generation == at.generation)
    }

    /// The reference of a slot that is in use.
    pub(super) fn at(&self, slot: u32) -> Option<ProcessRef> {
        let generation = self.slots.get(slot as usize)?.generation;
        Some(ProcessRef { slot, generation })
    }

    /// Whether a slot holds the process of this node and number.
    pub(super) fn has(&self, slot: u32, node: u64, pid: u32) -> bool {
        self.key(slot) == (node, pid)
    }

    /// Node and number of the process in a slot.
    pub(super) fn key(&self, slot: u32) -> (u64, u32) {
        let process = self.slots.get(slot as usize).and_then(|s| s.process.as_ref());
        process.map_or((0, 0), |p| (p.node, p.pid))
    }

    /// Adds a process as the newest of its list.
    pub(super) fn insert(&mut self, process: Process, spare: bool) -> ProcessRef {
        let slot = self.free.pop().unwrap_or_else(|| {
            let generation = NonZeroU32::MIN;
            self.slots.push(Slot { generation, older: NONE, newer: NONE, spare, process: None });
            u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
        });
        let mut generation = NonZeroU32::MIN;
        if let Some(place) = self.slots.get_mut(slot as usize) {
            place.process = Some(process);
            generation = place.generation;
        }
        self.link(slot, spare);
        ProcessRef { slot, generation }
    }

    /// Makes a process the newest of a list.
    pub(super) fn renew(&mut self, at: ProcessRef, spare: bool) {
        if self.get(at).is_some() {
            self.unlink(at.slot);
            self.link(at.slot, spare);
        }
    }

    /// Removes the oldest spare process, else the oldest of all; gives its slot too.
    pub(super) fn remove_oldest(&mut self) -> Option<(u32, Process)> {
        let slot = [self.spare.oldest, self.live.oldest].into_iter().find(|slot| *slot != NONE)?;
        self.unlink(slot);
        let place = self.slots.get_mut(slot as usize)?;
        place.generation = place.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        let process = place.process.take()?;
        self.free.push(slot);
        Some((slot, process))
    }

    fn link(&mut self, slot: u32, spare: bool) {
        let ages = if spare { &mut self.spare } else { &mut self.live };
        let before = std::mem::replace(&mut ages.newest, slot);
        if before == NONE {
            ages.oldest = slot;
        } else if let Some(place) = self.slots.get_mut(before as usize) {
            place.newer = slot;
        }
        if let Some(place) = self.slots.get_mut(slot as usize) {
            (place.older, place.newer, place.spare) = (before, NONE, spare);
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Some(place) = self.slots.get(slot as usize) else { return };
        let (older, newer) = (place.older, place.newer);
        let ages = if place.spare { &mut self.spare } else { &mut self.live };
        if ages.oldest == slot {
            ages.oldest = newer;
        }
        if ages.newest == slot {
            ages.newest = older;
        }
        if let Some(place) = self.slots.get_mut(older as usize) {
            place.newer = newer;
        }
        if let Some(place) = self.slots.get_mut(newer as usize) {
            place.older = older;
        }
    }
}

impl ProcessRef {
    /// Its slot.
    pub(super) fn slot(self) -> u32 {
        self.slot
    }
}
