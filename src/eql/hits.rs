//! What one event is to a sequence or sample: the stages that it fits, and its join keys under each.
//!
//! Asked of an event once, when it comes; the machines need no more of it, so an event can wait for its
//! place in time without being kept itself.

use std::cell::Cell;

use smallvec::SmallVec;

use crate::event::Document;

use super::key::Keys;
use super::program::Program;

/// The most bytes of memory that are used again.
const KEPT: usize = 16 << 10;

thread_local! {
    /// Memory to work in.
    static KEYS: Cell<Keys> = Cell::default();
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// The keys, one behind the other.
    bytes: SmallVec<[u8; 64]>,
    /// Of each key the stage, ascending, and where it ends.
    keys: SmallVec<[(usize, usize); 2]>,
    /// Whether there were more combinations of key values than are followed.
    cut: bool,
}

impl Hits {
    /// Asks every stage of `program`.
    #[must_use]
    pub fn of<D: Document + ?Sized>(program: &Program, document: &D) -> Self {
        let mut hits = Self::default();
        for stage in 0..program.stages().len() {
            hits.ask(program, stage, document);
        }
        hits
    }

    /// Asks one stage, by its number in [`Program::requirements`]; stages are asked in ascending order.
    /// Nothing is allocated unless the event fits.
    pub fn ask<D: Document + ?Sized>(&mut self, program: &Program, stage: usize, document: &D) {
        if program.stages().get(stage).is_some_and(|stage| stage.condition.holds(document)) {
            self.fits(program, stage, document);
        }
    }

    /// [`Hits::ask`] where it is known that the stage's condition holds.
    pub(crate) fn fits<D: Document + ?Sized>(&mut self, program: &Program, stage: usize, document: &D) {
        let (fields, any) = match (program.sequence(), program.sample()) {
            (Some(plan), _) => (plan.keys.get(stage), plan.until == Some(stage)),
            (None, Some(plan)) => (plan.keys.get(stage), false),
            (None, None) => return,
        };
        let mut keys = KEYS.take();
        keys.of(document, fields.map_or(&[], |fields| fields), any);
        for key in keys.iter() {
            self.bytes.extend_from_slice(key);
            self.keys.push((stage, self.bytes.len()));
        }
        if keys.cut() {
            self.cut = true;
            program.note_cut_keys();
        }
        // Those of many combinations, or long ones, do not keep their memory.
        if keys.size() <= KEPT {
            KEYS.set(keys);
        }
    }

    /// Whether it fits no stage, or lacks the keys of those that it fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the event has more combinations of key values than are followed.
    #[must_use]
    pub fn cut(&self) -> bool {
        self.cut
    }

    /// The keys under `stage`; none where the event does not fit it.
    pub(super) fn keys(&self, stage: usize) -> impl Iterator<Item = &[u8]> {
        let first = self.keys.partition_point(|(other, _)| *other < stage);
        let end_of = |at: usize| self.keys.get(at).map_or(0, |(_, end)| *end);
        let mut start = first.checked_sub(1).map_or(0, end_of);
        let of_stage = self.keys.get(first..).unwrap_or_default().iter();
        of_stage.take_while(move |(other, _)| *other == stage).map(move |(_, end)| {
            let start = std::mem::replace(&mut start, *end);
            self.bytes.get(start..*end).unwrap_or_default()
        })
    }
}
