//! Memory of events that are kept for a while: events are kept and forgotten all the time, so what one gives up is the
//! next one's.

use std::cell::RefCell;

use super::event::Slot;

/// Where the records of an event lie, and where each of them does.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) bytes: Vec<u8>,
    pub(super) slots: Vec<Slot>,
}

/// Of an event there are mostly no more bytes, and no more records.
const BYTES: usize = 1024;
const SLOTS: usize = 8;
/// What is larger does not wait for the next event.
const LARGEST: usize = 4 * BYTES;
/// So many bytes wait in each thread that keeps events, at most.
const SPARE: usize = 1 << 20;

/// What waits for the next events.
#[derive(Debug, Default)]
struct Spare {
    waiting: Vec<Memory>,
    bytes: usize,
}

thread_local! {
    /// None in a thread that has kept no event: what it gives up, nobody would use.
    static WAITING: RefCell<Option<Spare>> = const { RefCell::new(None) };
}

impl Spare {
    fn take(&mut self) -> Option<Memory> {
        let memory = self.waiting.pop()?;
        self.bytes -= memory.size();
        Some(memory)
    }

    fn give(&mut self, memory: &mut Memory) {
        let size = memory.size();
        if size <= LARGEST && self.bytes + size <= SPARE {
            self.bytes += size;
            let Memory { bytes, slots } = memory;
            self.waiting.push(Memory { bytes: std::mem::take(bytes), slots: std::mem::take(slots) });
        }
    }
}

impl Memory {
    /// Empty memory, which has room for so many bytes of records.
    pub(super) fn with_room(bytes: usize) -> Self {
        let next = |waiting: &RefCell<Option<Spare>>| waiting.borrow_mut().get_or_insert_default().take();
        let waiting = WAITING.try_with(next).ok().flatten();
        let mut memory =
            waiting.unwrap_or_else(|| Self { bytes: Vec::new(), slots: Vec::with_capacity(SLOTS) });
        memory.bytes.clear();
        memory.slots.clear();
        // In place of what is too small, of which nothing is to be copied; in steps, so that it is large enough for others.
        if memory.bytes.capacity() < bytes.max(BYTES) {
            memory.bytes = Vec::with_capacity(bytes.next_multiple_of(BYTES / 2).max(BYTES));
        }
        memory
    }

    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.slots.capacity() * size_of::<Slot>()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // Where the thread is about to end there is no next event.
        let _ = WAITING.try_with(|waiting| {
            if let Some(spare) = &mut *waiting.borrow_mut() {
                spare.give(self);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many wait, and their bytes.
    fn waiting() -> (usize, usize) {
        WAITING.with_borrow(|spare| spare.as_ref().map_or((0, 0), |spare| (spare.waiting.len(), spare.bytes)))
    }

    #[test]
    fn what_is_given_up_is_used_again_empty_and_bounded() {
        let mut all: Vec<Memory> = (0..2 * SPARE / BYTES).map(|_| Memory::with_room(10)).collect();
        for memory in &mut all {
            memory.bytes.extend([1; 10]);
        }
        all.push(Memory::with_room(LARGEST + 1));
        drop(all.pop());
        assert_eq!(waiting(), (0, 0), "what is large goes");
        let size = all.first().map_or(0, Memory::size);
        drop(all);
        assert_eq!(waiting(), (SPARE / size, SPARE / size * size));
        let again = Memory::with_room(10);
        assert!(again.bytes.is_empty() && again.slots.is_empty());
        assert_eq!((again.bytes.capacity(), waiting().0), (BYTES, SPARE / size - 1));
        let other = std::thread::spawn(move || {
            drop(again);
            waiting()
        });
        assert_eq!(other.join().expect("it ends"), (0, 0), "who keeps no event has no use for its memory");
    }
}
