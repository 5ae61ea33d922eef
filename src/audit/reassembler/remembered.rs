//! The events that ended last, so that a record which comes late opens no half event.

use hashbrown::HashTable;

use super::super::record::Stamp;

/// A ring of the last so many events, with a table into it. Every operation takes constant time.
#[derive(Debug)]
pub(super) struct Remembered {
    ring: Vec<Ended>,
    /// Positions in `ring`.
    table: HashTable<u32>,
    /// Where the next one goes once the ring is full.
    next: usize,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    /// Of node, stamp and, for a record that comes alone, its type. Stands for the node, too.
    hash: u64,
    stamp: Stamp,
    /// No EOE has come.
    lacks_end: bool,
}

impl Remembered {
    pub(super) fn new(capacity: usize) -> Self {
        Self { ring: Vec::new(), table: HashTable::new(), next: 0, capacity }
    }

    /// Whether the event ended already.
    pub(super) fn has(&self, hash: u64, stamp: Stamp) -> bool {
        self.find(hash, stamp).is_some()
    }

    /// Notes the EOE of an event that ended without one; `false` if it had one, `None` if the event
    /// is not known.
    pub(super) fn note_end(&mut self, hash: u64, stamp: Stamp) -> Option<bool> {
        let at = self.find(hash, stamp)?;
        let ended = self.ring.get_mut(at)?;
        Some(std::mem::take(&mut ended.lacks_end))
    }

    /// Adds an event, in place of the oldest once the ring is full.
    pub(super) fn add(&mut self, hash: u64, stamp: Stamp, lacks_end: bool) {
        let ended = Ended { hash, stamp, lacks_end };
        let at = self.next;
        if let Some(oldest) = self.ring.get_mut(at) {
            let old = std::mem::replace(oldest, ended);
            if let Ok(entry) = self.table.find_entry(old.hash, |&found| found as usize == at) {
                entry.remove();
            }
        } else {
            self.ring.push(ended);
        }
        self.next = if at + 1 < self.capacity { at + 1 } else { 0 };
        let Ok(position) = u32::try_from(at) else { return };
        let ring = &self.ring;
        self.table.insert_unique(hash, position, |&at| ring.get(at as usize).map_or(0, |ended| ended.hash));
    }

    fn find(&self, hash: u64, stamp: Stamp) -> Option<usize> {
        let same = |ended: &Ended| ended.hash == hash && ended.stamp == stamp;
        self.table.find(hash, |&at| self.ring.get(at as usize).is_some_and(same)).map(|&at| at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(serial: u64) -> Stamp {
        Stamp { millis: 1, serial }
    }

    #[test]
    fn forgets_the_oldest_first_and_only_then() {
        let mut remembered = Remembered::new(3);
        for serial in 0..100 {
            remembered.add(serial % 7, stamp(serial), false);
            for back in 0..5 {
                let Some(older) = serial.checked_sub(back) else { continue };
                assert_eq!(remembered.has(older % 7, stamp(older)), back < 3, "{serial} {back}");
            }
        }
        assert_eq!(remembered.ring.len(), 3);
        assert_eq!(remembered.table.len(), 3);
    }

    #[test]
    fn an_end_is_noted_once() {
        let mut remembered = Remembered::new(2);
        remembered.add(1, stamp(1), true);
        assert_eq!(remembered.note_end(1, stamp(1)), Some(true));
        assert_eq!(remembered.note_end(1, stamp(1)), Some(false));
        assert_eq!(remembered.note_end(2, stamp(2)), None);
    }
}
