//! The memory of the table: processes in slots that are used again, in two lists by age.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use super::image::Image;
use super::process::Process;
use crate::shares::{ByHolder, Holder, owed};

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
    /// It goes when room is needed, if it is not seen again before.
    chosen: bool,
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

/// What there is no more room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Processes.
    Processes,
    /// Bytes of their programs and arguments.
    Images,
}

impl Full {
    fn weight(self, process: &Process) -> usize {
        match self {
            Self::Processes => 1,
            Self::Images => process.image.as_ref().map_or(0, Image::size) + 1,
        }
    }
}

/// So large a part of what is held is chosen at once, so that it is seldom done.
const CHOSEN_PART: usize = 16;

/// Processes, found by reference, removed by fair shares: of the login user (on a host) of whom most are held, those that are
/// spare first, by age.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    live: Ages,
    spare: Ages,
    /// What goes next, as far as it is still chosen.
    next: VecDeque<u32>,
    chosen_for: Full,
}

impl Slots {
    pub(super) fn new() -> Self {
        let (live, spare) = (Ages::EMPTY, Ages::EMPTY);
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            live,
            spare,
            next: VecDeque::new(),
            chosen_for: Full::Processes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + (self.free.capacity() + self.next.capacity()) * size_of::<u32>()
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
            let (older, newer) = (NONE, NONE);
            self.slots.push(Slot { generation, older, newer, spare, chosen: false, process: None });
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

    /// Removes the process that goes next; gives its slot too.
    pub(super) fn remove_next(&mut self, full: Full) -> Option<(u32, Process)> {
        if full == Full::Images && self.chosen_for == Full::Processes {
            self.next.clear();
        }
        let slot = match self.next_chosen() {
            Some(slot) => slot,
            None => {
                self.choose(full);
                self.next_chosen()?
            }
        };
        self.unlink(slot);
        let place = self.slots.get_mut(slot as usize)?;
        place.chosen = false;
        place.generation = place.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        let process = place.process.take()?;
        self.free.push(slot);
        Some((slot, process))
    }

    fn next_chosen(&mut self) -> Option<u32> {
        let Self { next, slots, .. } = self;
        std::iter::from_fn(|| next.pop_front())
            .find(|slot| slots.get(*slot as usize).is_some_and(|s| s.chosen))
    }

    /// Chooses what goes next: of those who hold most, what is spare, then by age.
    fn choose(&mut self, full: Full) {
        let share = |process: &Process| (process.node, Holder::of(process.login().map(|login| login.auid)));
        let mut held = ByHolder::default();
        for process in self.slots.iter().filter_map(|slot| slot.process.as_ref()) {
            *held.entry(share(process)).or_insert(0_usize) += full.weight(process);
        }
        let all: usize = held.values().sum();
        let mut owed = owed(&held, (all / CHOSEN_PART).max(1));
        for oldest in [self.spare.oldest, self.live.oldest] {
            let mut slot = oldest;
            while !owed.is_empty()
                && let Some(place) = self.slots.get_mut(slot as usize)
            {
                if let Some(process) = &place.process
                    && let Some(left) = owed.get_mut(&share(process))
                {
                    *left = left.saturating_sub(full.weight(process));
                    if *left == 0 {
                        owed.remove(&share(process));
                    }
                    place.chosen = true;
                    self.next.push_back(slot);
                }
                slot = place.newer;
            }
        }
        self.chosen_for = full;
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
            (place.older, place.newer, place.spare, place.chosen) = (before, NONE, spare, false);
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
