//! Events that are kept for a moment, of which hardly any is wanted again: one behind the other in a few pieces of
//! memory that are used over and over.

use std::collections::VecDeque;
use std::ops::Range;

use super::event::{AuditEvent, Layout, Slot};

/// Bytes of a page; a larger event has one of its own.
const PAGE: usize = 16 << 10;
/// The records of as many events as a page mostly holds.
const SLOTS: usize = PAGE / 128;
/// So many pages that hold nothing wait for the next events: to ask for as much memory again and again costs more
/// than the events.
const SPARE: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub struct Shelf {
    pages: VecDeque<Page>,
    /// The number of the first page.
    first: usize,
    spare: Vec<Page>,
}

#[derive(Debug, Default)]
struct Page {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// How many events of it are still kept.
    kept: usize,
}

/// Where an event lies on its shelf, which must get it back.
#[derive(Debug)]
pub struct Shelved {
    page: usize,
    bytes: Range<usize>,
    slots: Range<usize>,
    layout: Layout,
}

impl Shelf {
    /// Keeps a copy of `event`, and of what belongs to it.
    pub fn put(&mut self, event: &AuditEvent<'_>, beside: [Option<&[u8]>; 2]) -> Shelved {
        let layout = Layout::of(event, beside);
        let size = layout.size();
        let full = |page: &Page| page.kept > 0 && page.bytes.len() + size > PAGE;
        if self.pages.back().is_none_or(full) {
            self.pages.push_back(self.spare.pop().unwrap_or_else(Page::empty));
        }
        let number = self.first + self.pages.len() - 1;
        // There is one: it was just put there.
        let mut none = Page::default();
        let page = self.pages.back_mut().unwrap_or(&mut none);
        if page.kept == 0 {
            page.clear();
        }
        page.kept += 1;
        let (bytes, slots) = (page.bytes.len(), page.slots.len());
        Layout::write(event, beside, &mut page.bytes);
        page.slots.extend_from_slice(event.records);
        Shelved { page: number, bytes: bytes..page.bytes.len(), slots: slots..page.slots.len(), layout }
    }

    /// Takes an event from the shelf, and gives it to `work` with what was put beside it.
    #[expect(clippy::needless_pass_by_value, reason = "its place is another's from now on")]
    pub fn take<T>(
        &mut self,
        shelved: Shelved,
        work: impl FnOnce(&AuditEvent<'_>, [Option<&[u8]>; 2]) -> T,
    ) -> T {
        let empty = Page::default();
        let page = shelved.page.checked_sub(self.first).and_then(|at| self.pages.get(at)).unwrap_or(&empty);
        let bytes = page.bytes.get(shelved.bytes.clone()).unwrap_or_default();
        let slots = page.slots.get(shelved.slots.clone()).unwrap_or_default();
        let done = work(&shelved.layout.event(bytes, slots), shelved.layout.beside(bytes));
        self.give_back(&shelved);
        done
    }

    /// An event is no longer wanted: its place is another's from now on.
    pub fn give_back(&mut self, shelved: &Shelved) {
        let Some(page) = shelved.page.checked_sub(self.first).and_then(|at| self.pages.get_mut(at)) else {
            return;
        };
        page.kept = page.kept.saturating_sub(1);
        // The last one is filled further.
        while self.pages.len() > 1 && self.pages.front().is_some_and(|page| page.kept == 0) {
            self.first += 1;
            if let Some(mut page) = self.pages.pop_front().filter(|_| self.spare.len() < SPARE) {
                page.clear();
                self.spare.push(page);
            }
        }
    }
}

impl Shelved {
    /// Bytes of memory on the shelf.
    #[must_use]
    pub fn size(&self) -> usize {
        self.layout.size() + self.slots.len() * size_of::<Slot>()
    }
}

impl Page {
    fn empty() -> Self {
        Self { bytes: Vec::with_capacity(PAGE), slots: Vec::with_capacity(SLOTS), kept: 0 }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
        // A large event does not keep its memory.
        self.bytes.shrink_to(PAGE);
        self.slots.shrink_to(PAGE / size_of::<Slot>());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Reassembler};
    use super::*;
    use crate::audit::Record;

    /// The records of an event, as text.
    fn text(event: &AuditEvent<'_>) -> String {
        let records = event.records().map(|record| format!("{record:?}\n"));
        format!("{:?} {:?} {:?}\n", event.node, event.stamp, event.gaps) + &records.collect::<String>()
    }

    /// What is taken from the shelf, as text.
    fn taken(shelf: &mut Shelf, shelved: Shelved) -> (String, [Option<&'static str>; 2]) {
        let known = |bytes: &[u8]| ["one", "the other"].into_iter().find(|text| text.as_bytes() == bytes);
        shelf.take(shelved, |event, beside| {
            (text(event), beside.map(|bytes| bytes.map(|bytes| known(bytes).expect("what was put"))))
        })
    }

    fn events(count: usize, work: &mut dyn FnMut(&AuditEvent<'_>)) {
        let mut reassembler = Reassembler::new(Limits::default());
        for serial in 0..count {
            let node = if serial % 3 == 0 { "node=other " } else { "" };
            // Some larger than a page.
            let long = "x".repeat(if serial % 50 == 7 { 2 * PAGE } else { serial % 900 });
            let lines = [
                format!(
                    "{node}type=SYSCALL msg=audit(1.000:{serial}): arch=c000003e syscall=59 key=\"{long}\""
                ),
                format!("{node}type=CWD msg=audit(1.000:{serial}): cwd=\"/{serial}\""),
                format!("{node}type=EOE msg=audit(1.000:{serial}): "),
            ];
            for line in &lines {
                let record = Record::from_log_line(line.as_bytes()).expect("a record");
                reassembler.push(&record, 0, &mut *work);
            }
        }
        reassembler.finish(work);
    }

    #[test]
    fn what_is_taken_is_what_was_put() {
        let (mut shelf, mut waiting, mut at) = (Shelf::default(), VecDeque::new(), 0);
        events(1_000, &mut |event| {
            let beside = [(at % 2 == 0).then_some("one"), (at % 3 > 0).then_some("the other")];
            let shelved = shelf.put(event, beside.map(|text| text.map(str::as_bytes)));
            waiting.push_back((shelved, (text(event), beside)));
            at += 1;
            // In order and not, one wanted, the others not; now and then none is left.
            while waiting.len() > 40 || at % 300 == 0 && !waiting.is_empty() {
                let (shelved, expected) = waiting.remove(at % 7 % waiting.len()).expect("one");
                if at % 2 == 0 {
                    assert_eq!(taken(&mut shelf, shelved), expected);
                } else {
                    shelf.give_back(&shelved);
                }
            }
            assert!(shelf.pages.len() <= 12, "{} pages", shelf.pages.len());
        });
        assert_eq!(at, 1_000);
        for (shelved, expected) in waiting {
            assert_eq!(taken(&mut shelf, shelved), expected);
        }
        let held: usize = shelf.pages.iter().chain(&shelf.spare).map(|page| page.bytes.capacity()).sum();
        assert!(
            shelf.pages.len() == 1 && held <= (SPARE + 1) * PAGE,
            "{held} bytes in {} pages",
            shelf.pages.len()
        );
    }
}
