//! Memory of events that are kept for a while: events are kept and forgotten all the time, so what one gives up is the
//! next one's.

use std::cell::RefCell;

use super::event::Slot;

/// Where the records of an event lie, and where each of them does.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) bytes: Vec<u8>,
    pub(super) slots: Vec<Slot>,
}

/// Of an event there are mostly no more bytes, and no more records.
const BYTES: usize = 1024;
const SLOTS: usize = 8;
/// What is larger does not wait for the next event.
const LARGEST: usize = 4 * BYTES;
/// So many wait in each thread: 1 MiB at most, and mostly a fourth of that.
const SPARE: usize = 1024;

thread_local! {
    static WAITING: RefCell<Vec<Memory>> = const { RefCell::new(Vec::new()) };
}

impl Memory {
    /// Empty memory, which has room for so many bytes of records.
    pub(super) fn with_room(bytes: usize) -> Self {
        let waiting = WAITING.try_with(|waiting| waiting.borrow_mut().pop()).ok().flatten();
        let mut memory = waiting.unwrap_or_else(|| Self {
            bytes: Vec::with_capacity(bytes.max(BYTES)),
            slots: Vec::with_capacity(SLOTS),
        });
        memory.bytes.clear();
        memory.slots.clear();
        memory
    }

    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.slots.capacity() * size_of::<Slot>()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.size() > LARGEST {
            return;
        }
        let Self { bytes, slots } = self;
        // Where the thread is about to end there is no next event.
        let _ = WAITING.try_with(|waiting| {
            let mut waiting = waiting.borrow_mut();
            if waiting.len() < SPARE {
                waiting.push(Self { bytes: std::mem::take(bytes), slots: std::mem::take(slots) });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> usize {
        WAITING.with_borrow(Vec::len)
    }

    #[test]
    fn what_is_given_up_is_used_again_empty_and_bounded() {
        let mut all: Vec<Memory> = (0..2 * SPARE).map(|_| Memory::with_room(10)).collect();
        for memory in &mut all {
            memory.bytes.extend([1; 10]);
        }
        all.push(Memory::with_room(LARGEST + 1));
        drop(all.pop());
        assert_eq!(waiting(), 0, "what is large goes");
        drop(all);
        assert_eq!(waiting(), SPARE);
        let again = Memory::with_room(10);
        assert!(again.bytes.is_empty() && again.slots.is_empty());
        assert_eq!((waiting(), again.bytes.capacity()), (SPARE - 1, BYTES));
    }
}
