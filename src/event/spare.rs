//! Memory of stored events that nobody needs any more: events are stored and forgotten all the time, so what one gives up
//! is the next one's.

use std::cell::RefCell;
use std::sync::Arc;

use super::stored::Copied;

/// What is larger does not wait for the next event.
const LARGEST: usize = 4 << 10;
/// So many bytes wait in each thread that stores events, at most.
const BYTES: usize = 1 << 20;

/// What waits for the next events, and how many bytes that takes.
#[derive(Debug, Default)]
struct Spare {
    waiting: Vec<(Arc<Copied>, usize)>,
    bytes: usize,
}

thread_local! {
    /// None in a thread that has stored no event: what it gives up, nobody would use.
    static SPARE: RefCell<Option<Spare>> = const { RefCell::new(None) };
}

/// One that nobody else has, if any waits.
pub(super) fn take() -> Option<Arc<Copied>> {
    let take = |spare: &RefCell<Option<Spare>>| {
        let mut spare = spare.borrow_mut();
        let spare = spare.get_or_insert_default();
        let (copied, size) = spare.waiting.pop()?;
        spare.bytes -= size;
        Some(copied)
    };
    SPARE.try_with(take).ok().flatten()
}

/// Lets one wait that takes so many bytes, and that nobody else has from now on.
pub(super) fn give(copied: &Arc<Copied>, size: usize) {
    // Where the thread is about to end there is no next event.
    let _ = SPARE.try_with(|spare| {
        if let Some(Spare { waiting, bytes }) = &mut *spare.borrow_mut()
            && size <= LARGEST
            && *bytes + size <= BYTES
        {
            *bytes += size;
            waiting.push((Arc::clone(copied), size));
        }
    });
}

/// How many wait in this thread, and their bytes.
#[cfg(test)]
pub(super) fn waiting() -> (usize, usize) {
    SPARE.with_borrow(|spare| spare.as_ref().map_or((0, 0), |spare| (spare.waiting.len(), spare.bytes)))
}

/// The largest that waits, and the bytes of all.
#[cfg(test)]
pub(super) const BOUNDS: (usize, usize) = (LARGEST, BYTES);
